//! What is behind a device: which function, and how the driver treats it.

mod any;
mod persona;
mod tap;

use std::time::Instant;

use anyhow::{Context, Result};
use mei_core::{AmthiUse, Host, Options, WatchdogUse};
use mei_emulator::{Engine, Persona};
use mei_wire::pci;

pub(crate) use self::any::AnyDevice;
pub(crate) use self::persona::{DEFAULT_PERSONA, choose_persona};
use self::tap::TapArguments;

/// Which engine to emulate, and how its driver behaves.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineArguments {
    /// What to emulate: a name that `umei personas` lists, a .toml file, or FILE.toml:VARIANT
    #[arg(long, value_name = "PERSONA", default_value = DEFAULT_PERSONA)]
    persona: String,
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
        Ok(Backend::new(Kind::Engine(Box::new(choose_persona(&self.persona)?)), &self.driver))
    }

    /// The real function at `address`, with the same driver.
    pub(crate) fn real(&self, address: mei_pci_uio::Address) -> Backend {
        Backend::new(Kind::Pci(address), &self.driver)
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
    Pci(mei_pci_uio::Address),
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
            Kind::Engine(persona) => (AnyDevice::new(Engine::new(persona, now)), *persona.device),
            Kind::Pci(address) => {
                let device = mei_pci_uio::open(*address, &mei_pci_uio::Choice::default())
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
