//! The personas that `umei` has built in, as `umei` itself lists them.

use crate::process::run_split;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::fs;
use std::process::Command;
use std::time::Duration;

const LIST: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Listed {
    name: String,
}

/// Their names.
pub(super) fn builtin() -> Result<Vec<String>> {
    let mut command = Command::new(workspace::program("umei"));
    command.args(["personas", "--json"]).current_dir(workspace::repository());
    let stdout = workspace::scratch("personas.json");
    let finished = run_split(&mut command, &stdout, &workspace::log("personas"), LIST)?;
    ensure!(finished.succeeded(), "umei personas --json: {}\n{}", finished.end, finished.tail());
    let text = fs::read(&stdout)?;
    let listed: Vec<Listed> =
        serde_json::from_slice(&text).context("umei personas --json printed no list")?;
    ensure!(!listed.is_empty(), "umei has no personas");
    Ok(listed.into_iter().map(|persona| persona.name).collect())
}
