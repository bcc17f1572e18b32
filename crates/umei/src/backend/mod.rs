//! What is behind a device: which engine, and how the driver gets to it.

mod any;
mod persona;

use std::time::Instant;

use anyhow::Result;
use mei_core::{Host, Options};
use mei_emulator::{Engine, Persona};
use mei_wire::pci;

pub(crate) use self::any::AnyDevice;
pub(crate) use self::persona::{DEFAULT_PERSONA, choose_persona};

/// Which engine to emulate.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineArguments {
    /// What to emulate: a name that `umei personas` lists, a .toml file, or FILE.toml:VARIANT
    #[arg(long, value_name = "PERSONA", default_value = DEFAULT_PERSONA)]
    persona: String,
}

impl EngineArguments {
    /// The engine that was asked for.
    ///
    /// # Errors
    /// When there is no such persona, or its file is none.
    pub(crate) fn choose(&self) -> Result<EngineChoice> {
        Ok(EngineChoice { persona: choose_persona(&self.persona)? })
    }
}

/// An engine that can be built.
#[derive(Debug)]
pub(crate) struct EngineChoice {
    persona: Persona,
}

impl EngineChoice {
    /// The PCI function that it is.
    pub(crate) fn function(&self) -> pci::Device {
        *self.persona.device
    }

    /// A host over a new engine, started.
    pub(crate) fn start(&self, now: Instant) -> Host<AnyDevice> {
        let device = AnyDevice::new(Engine::new(&self.persona, now));
        start(device, self.function(), now)
    }
}

/// A host over `device`, started.
pub(crate) fn start(device: AnyDevice, function: pci::Device, now: Instant) -> Host<AnyDevice> {
    let mut host = Host::new(device, Options::new(function));
    host.start(now);
    host
}
