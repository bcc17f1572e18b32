//! The firmware clients that a persona can have, by kind.
//!
//! A kind is registered in one place, [`KINDS`]. In a persona's file a `[[client]]` entry names its kind and
//! may change the properties that the kind starts from; a top-level table with the kind's name holds the kind's
//! own settings:
//!
//! ```toml
//! [[client]]
//! kind = "echo"
//! address = 32
//!
//! [echo]          # settings of every client of that kind; the type is the kind's own
//! ```
//!
//! Facts that several kinds share, such as `[amt]`, are fields of [`Persona`].

pub mod amt;
mod amthi;
#[cfg(test)]
mod builtin;
mod echo;
mod firmware_update;
#[cfg(test)]
mod fixture;
mod hotham;
mod lme;
mod mkhi;
pub mod service;
mod upid;
mod watchdog;
mod web;

pub use amt::{Amt, CodeVersion};

use crate::Persona;
use crate::client::{Client, Properties};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;

/// Every kind of client.
pub static KINDS: &[Kind] = &[
    Kind::of::<amthi::Settings>(),
    Kind::of::<echo::Settings>(),
    Kind::of::<firmware_update::Settings>(),
    Kind::of::<hotham::Settings>(),
    Kind::of::<lme::Settings>(),
    Kind::of::<mkhi::MchiSettings>(),
    Kind::of::<mkhi::Settings>(),
    Kind::of::<upid::Settings>(),
    Kind::of::<watchdog::Settings>(),
    Kind::of::<crate::test_client::Settings>(),
];

/// The kind with that name.
#[must_use]
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// What makes up a kind of client: its settings, as they stand in a persona's file, and what they build.
///
/// Use `#[serde(deny_unknown_fields, rename_all = "kebab-case")]`, so that a mistyped setting is reported with
/// file, line and suggestion. [`Default`] is a persona that has no table for the kind.
pub trait ClientKind: DeserializeOwned + Default + Debug + Send + Sync + 'static {
    /// Its name in `kind = "…"` and of its settings' table.
    const NAME: &'static str;

    /// What a `[[client]]` entry starts from.
    const PROPERTIES: Properties;

    /// A client of this kind.
    fn build(&self, context: &Context<'_>) -> Box<dyn Client>;
}

/// What a client is built from, besides its kind's settings.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Its properties, the entry's changes applied: what [`Client::properties`] returns.
    pub properties: Properties,
    /// The persona it is part of.
    pub persona: &'a Persona,
    /// The state of its AMT, which clients of several kinds share.
    pub state: &'a amt::SharedState,
}

/// A registered kind.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What a `[[client]]` entry starts from.
    pub properties: Properties,
    /// Reads its settings; the defaults without any.
    pub(crate) settings: fn(Option<toml::de::ValueDeserializer<'_>>) -> Result<Recipe, toml::de::Error>,
}

impl Kind {
    const fn of<K: ClientKind>() -> Self {
        Self {
            name: K::NAME,
            properties: K::PROPERTIES,
            settings: |value| {
                let settings = value.map(K::deserialize).transpose()?.unwrap_or_default();
                Ok(Recipe(Arc::new(settings)))
            },
        }
    }
}

/// A kind's settings, ready to build clients.
#[derive(Debug, Clone)]
pub(crate) struct Recipe(Arc<dyn Build>);

impl Recipe {
    /// A client.
    pub(crate) fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        self.0.build(context)
    }
}

trait Build: Debug + Send + Sync {
    fn build(&self, context: &Context<'_>) -> Box<dyn Client>;
}

impl<K: ClientKind> Build for K {
    fn build(&self, context: &Context<'_>) -> Box<dyn Client> {
        ClientKind::build(self, context)
    }
}
