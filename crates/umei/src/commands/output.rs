//! What a command prints.

use std::io::{ErrorKind, Write};

use anyhow::{Context, Result};
use serde::Serialize;

/// Prints text. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot print"),
        _ => Ok(()),
    }
}

/// Prints facts as JSON.
pub(crate) fn print_json(facts: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_string_pretty(facts).context("the facts as JSON")?;
    text.push('\n');
    print(&text)
}
