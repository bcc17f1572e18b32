//! What an engine is: generation, versions, status words, clients. From TOML.

mod builtin;
mod document;
mod error;
mod facts;
mod overlay;
mod status;

pub use error::PersonaError;
pub use facts::{ClientFacts, Facts};

use crate::client::{Client, Properties};
use crate::clients::amt::SharedState;
use crate::clients::{Amt, Context, Kind, Recipe};
use mei_wire::hbm::Version;
use mei_wire::pci::Device;
use std::time::Duration;

/// What an engine is: generation, versions, clients. From TOML (`docs/personas.md`).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Persona {
    /// Its name, the variant's suffix included.
    pub name: String,
    /// The PCI function that it is.
    pub device: &'static Device,
    /// Newest protocol version that its firmware speaks.
    pub hbm: Version,
    /// Slots of each circular buffer: a power of two, 16 to 128.
    pub buffer_depth: u8,
    /// Firmware status registers, HFS1 to HFS6.
    pub status: [u32; 6],
    /// TRC status, where the generation has the register.
    pub trc: u32,
    /// What the engine can do beyond its protocol version.
    pub features: Features,
    /// How long it takes.
    pub timings: Timings,
    /// Its AMT, if it has one.
    pub amt: Option<Amt>,
    pub(crate) clients: Vec<ClientEntry>,
}

/// What an engine can do. A host that asks for more is refused as `hbm.md` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Features {
    /// PGI capability: legacy power gating (`ME_CSR_HA` bit 6; used from HBM 1.1 on).
    pub power_gating: bool,
    /// Takes the DMA ring that a host of HBM 2.1 offers.
    pub dma_ring: bool,
    /// Grants virtual tags (HBM 2.2).
    pub vtag: bool,
    /// Grants client DMA (HBM 2.2).
    pub client_dma: bool,
}

/// How long the engine takes for what is not instant in hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// From a reset to `ME_RDY`.
    pub ready: Duration,
    /// From a write of `H_D0I3C` to its completion.
    pub d0i3: Duration,
}

/// A `[[client]]` of a persona.
#[derive(Debug, Clone)]
pub(crate) struct ClientEntry {
    pub(crate) kind: &'static Kind,
    /// ME client id.
    pub(crate) address: u8,
    pub(crate) properties: Properties,
    /// How long a connect waits for its answer.
    pub(crate) connect_delay: Duration,
    /// Whether a host learns of it by enumeration.
    pub(crate) presence: Presence,
    pub(crate) recipe: Recipe,
}

/// Whether a client exists for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// It is enumerated and can be connected.
    Present,
    /// It is neither, until it is added.
    Absent,
}

impl Persona {
    /// Names of the built-in personas, oldest generation first, each followed by its variants
    /// (`tiger-lake`, `tiger-lake-standard`, `tiger-lake-none`).
    #[must_use]
    pub fn builtin_names() -> Vec<&'static str> {
        builtin::names()
    }

    /// A built-in persona.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        builtin::persona(name)
    }

    /// Parses a persona file's text; `origin` names it in errors.
    ///
    /// # Errors
    /// See [`PersonaError`].
    pub fn parse(text: &str, origin: &str) -> Result<Self, PersonaError> {
        document::parse(text, origin, None)
    }

    /// Parses a persona file's text with one of its `[variant.NAME]` tables laid over it.
    ///
    /// # Errors
    /// See [`PersonaError`]; also when the file has no such variant.
    pub fn parse_variant(text: &str, origin: &str, variant: &str) -> Result<Self, PersonaError> {
        document::parse(text, origin, Some(variant))
    }

    /// The clients, built anew: ME client id, entry and client.
    pub(crate) fn build_clients(&self) -> impl Iterator<Item = (&ClientEntry, Box<dyn Client>)> {
        let state = SharedState::new(self.amt.as_ref());
        self.clients.iter().map(move |entry| {
            let context = Context { properties: entry.properties, persona: self, state: &state };
            (entry, entry.recipe.build(&context))
        })
    }
}
