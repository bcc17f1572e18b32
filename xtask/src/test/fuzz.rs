//! The fuzz targets, as far as a stable toolchain goes: they build, and every input that was ever kept replays.

use super::summary::{Counts, Need, Row, Summary};
use crate::process::{self, run_ok};
use crate::workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const BUILD: Duration = Duration::from_secs(1200);
const REPLAY: Duration = Duration::from_secs(300);

/// Builds and replays; nothing to do when there is no `fuzz/`.
pub(super) fn replay(summary: &mut Summary) -> Result<()> {
    let folder = workspace::repository().join("fuzz");
    if !folder.join("Cargo.toml").exists() {
        println!("there is no fuzz/");
        return Ok(());
    }
    let mut command = workspace::cargo(&["build", "--manifest-path", "fuzz/Cargo.toml", "--bins"]);
    command.arg("--target-dir").arg(workspace::target().join("fuzz"));
    run_ok(&mut command, &workspace::log("fuzz-build"), BUILD)?;
    for corpus in subfolders(&folder.join("corpus"))? {
        let name = corpus.file_name().and_then(|name| name.to_str()).context("targets have names of text")?;
        let program = workspace::target().join("fuzz/debug").join(name);
        let mut command = Command::new(&program);
        command.args(files(&corpus)?);
        let finished = process::run(&mut command, &workspace::log(&format!("fuzz {name}")), REPLAY)?;
        let counts = if finished.succeeded() { Counts::PASSED } else { Counts::FAILED };
        if !finished.succeeded() {
            println!("---- fuzz {name}: {}\n{}", finished.end, finished.tail());
            summary.failed(format!("fuzz {name}"));
        }
        let (transport, kernel, client) = ("in process".into(), "–".into(), format!("fuzz {name}"));
        summary.row(Row { transport, kernel, client, counts, need: Need::Required });
    }
    Ok(())
}

fn subfolders(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_file()).collect())
}

/// The entries of a folder in order; none if it does not exist.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
