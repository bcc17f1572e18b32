//! The personas that `umei` has built in, as `umei` itself lists them.

use crate::process::run_split;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::fs;
use std::process::Command;
use std::time::Duration;

const LIST: Duration = Duration::from_secs(60);

/// What a persona promises to those who look at its device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Persona {
    pub(super) name: String,
    /// The persona that this one is a variant of.
    pub(super) variant_of: Option<String>,
    /// PCI device id.
    pub(super) device: u16,
    pub(super) hbm_version: String,
    /// `None` without AMT.
    pub(super) amt_version: Option<String>,
    /// Lines of sysfs `fw_status`.
    pub(super) fw_status: Vec<String>,
    pub(super) clients: Vec<Client>,
}

/// A firmware client of a persona.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Client {
    pub(super) guid: String,
    pub(super) max_connections: u8,
    /// Bytes.
    pub(super) max_message_length: u32,
}

impl Persona {
    /// How its sysfs `fw_ver` begins, where that is known: platform and version of the firmware, which is AMT's,
    /// or zeros where the driver does not find the client that it asks (`client-bus.md` §3).
    pub(super) fn fw_ver(&self) -> Option<String> {
        const MKHI_FIXED: &str = "55213584-9a29-4916-badf-0fb7ed682aeb";
        if self.clients.iter().any(|client| client.guid == MKHI_FIXED) {
            return self.amt_version.as_ref().map(|version| format!("0:{version}."));
        }
        Some("0:0.0.0.0 0:0.0.0.0 0:0.0.0.0".to_owned())
    }
}

/// All of them.
pub(super) fn builtin() -> Result<Vec<Persona>> {
    let mut command = Command::new(workspace::program("umei"));
    command.args(["personas", "--json"]).current_dir(workspace::repository());
    let stdout = workspace::scratch("personas.json");
    let finished = run_split(&mut command, &stdout, &workspace::log("personas"), LIST)?;
    ensure!(finished.succeeded(), "umei personas --json: {}\n{}", finished.end, finished.tail());
    let text = fs::read(&stdout)?;
    let listed: Vec<Persona> =
        serde_json::from_slice(&text).context("umei personas --json printed no list")?;
    ensure!(!listed.is_empty(), "umei has no personas");
    Ok(listed)
}
