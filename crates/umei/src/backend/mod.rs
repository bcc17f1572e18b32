//! What is behind a device: which function, and how the driver treats it.

mod any;
mod persona;
mod real;
mod tap;

use std::time::Instant;

use anyhow::{Context, Result, bail};
use mei_core::{AmthiUse, Host, Options, WatchdogUse};
use mei_emulator::{Engine, Persona};
use mei_pci_uio::{Address, Choice};
use mei_wire::pci;

pub(crate) use self::any::AnyDevice;
pub(crate) use self::persona::{DEFAULT_PERSONA, choose_persona};
pub(crate) use self::real::FunctionArguments;
use self::tap::TapArguments;
use crate::commands::remedy::with_remedy;

/// Which engine to emulate, and how its driver behaves.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineArguments {
    /// What to emulate: a name that `umei personas` lists, a .toml file, or FILE.toml:VARIANT [default: tiger-lake]
    #[arg(long, value_name = "PERSONA")]
    persona: Option<String>,
    #[command(flatten)]
    driver: DriverArguments,
}

/// How the driver behaves where it may choose.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DriverArguments {
    /// Share one AMTHI connection among all programs, as kernels before 4.11 did
    #[arg(long)]
    shared_amthi: bool,
    #[command(flatten)]
    tap: TapArguments,
}

impl EngineArguments {
    /// The engine that was asked for.
    ///
    /// # Errors
    /// When there is no such persona, or its file or the fault plan's is none.
    pub(crate) fn choose(&self) -> Result<Backend> {
        self.driver.tap.check()?;
        let persona = choose_persona(self.persona.as_deref().unwrap_or(DEFAULT_PERSONA))?;
        Ok(Backend::new(Kind::Engine(Box::new(persona)), &self.driver))
    }

    /// The real function at `address`, driven as `function` says, with the same driver.
    ///
    /// # Errors
    /// When a persona was asked for, which a real function has no use for, or the fault plan is none.
    pub(crate) fn real(&self, address: Address, function: &FunctionArguments) -> Result<Backend> {
        self.driver.tap.check()?;
        if let Some(persona) = &self.persona {
            bail!("--persona {persona} is for the emulator; the function {address} is what it is");
        }
        Ok(Backend::new(Kind::Pci(address, function.choice()), &self.driver))
    }
}

/// A function that can be driven, again and again: an engine is new each time, a real function may have gone and
/// come back.
#[derive(Debug)]
pub(crate) struct Backend {
    kind: Kind,
    amthi: AmthiUse,
    tap: TapArguments,
    /// Whether the driver holds the watchdog.
    pub(crate) watchdog: WatchdogUse,
}

#[derive(Debug)]
enum Kind {
    Engine(Box<Persona>),
    Pci(Address, Choice),
}

/// A host that was started, and what it drives.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) host: Host<AnyDevice>,
    pub(crate) function: pci::Device,
}

impl Backend {
    fn new(kind: Kind, driver: &DriverArguments) -> Self {
        let amthi = if driver.shared_amthi { AmthiUse::Shared } else { AmthiUse::PerFile };
        Self { kind, amthi, tap: driver.tap.clone(), watchdog: WatchdogUse::Off }
    }

    /// A host over the function, started.
    ///
    /// # Errors
    /// When a real function cannot be opened, or a recording not begun.
    pub(crate) fn start(&self, now: Instant) -> Result<Started> {
        let (device, function) = match &self.kind {
            Kind::Engine(persona) => {
                (AnyDevice::Engine(Box::new(Engine::new(persona, now))), *persona.device)
            }
            Kind::Pci(address, choice) => {
                let device = mei_pci_uio::open(*address, choice)
                    .map_err(|error| {
                        let remedy = error.remedy();
                        with_remedy(error, remedy)
                    })
                    .with_context(|| format!("opening the PCI function {address}"))?;
                let function = device.identity().table_entry();
                (AnyDevice::new(device), function)
            }
        };
        let mut options = Options::new(function);
        options.amthi = self.amthi;
        options.watchdog = self.watchdog;
        let mut host = Host::new(self.tap.around(device)?, options);
        host.start(now);
        Ok(Started { host, function })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_the_default() {
        use clap::Args;
        let command = EngineArguments::augment_args(clap::Command::new("test"));
        let persona = command.get_arguments().find(|argument| argument.get_id() == "persona").unwrap();
        assert!(persona.get_help().unwrap().to_string().contains(DEFAULT_PERSONA));
    }
}
