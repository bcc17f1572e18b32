//! Folders that are there whole or not at all.

use crate::workspace;
use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often something is tried before it has failed.
const ATTEMPTS: u32 = 3;
/// Pause before the second attempt; twice as long before each further one.
const PAUSE: Duration = Duration::from_secs(5);
/// In each folder: the recipe that made it.
const RECIPE: &str = ".recipe";

/// Keeps other fetches out while the file is open.
pub(super) fn lock() -> Result<File> {
    let folder = workspace::fetched();
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    flock(&file, FlockOperation::LockExclusive).context("cannot lock target/fetch")?;
    Ok(file)
}

/// The folder `name`, which `make` fills when it is not there or was made by another recipe.
pub(super) fn ensure(name: &str, recipe: &str, make: impl Fn(&Path) -> Result<()>) -> Result<PathBuf> {
    let place = workspace::fetched().join(name);
    if fs::read_to_string(place.join(RECIPE)).is_ok_and(|made_by| made_by == recipe) {
        return Ok(place);
    }
    let start = Instant::now();
    let partial = workspace::fetched().join(format!("{name}.partial"));
    retry(&format!("fetching {name}"), || {
        remove(&partial)?;
        fs::create_dir_all(&partial).with_context(|| format!("cannot create {}", partial.display()))?;
        make(&partial)?;
        fs::write(partial.join(RECIPE), recipe)?;
        remove(&place)?;
        fs::rename(&partial, &place).with_context(|| format!("cannot move {} into place", partial.display()))
    })?;
    println!("fetched {name} in {} s", start.elapsed().as_secs());
    Ok(place)
}

/// Tries `action` until it succeeds, a few times: registries and networks have bad moments.
pub(super) fn retry<T>(what: &str, action: impl Fn() -> Result<T>) -> Result<T> {
    let mut attempt = 1;
    let mut pause = PAUSE;
    loop {
        match action() {
            Ok(value) => return Ok(value),
            Err(error) if attempt == ATTEMPTS => {
                return Err(error.context(format!("{what} failed {ATTEMPTS} times; is the network there?")));
            }
            Err(error) => println!("{what} failed, attempt {attempt} of {ATTEMPTS}: {error:#}"),
        }
        std::thread::sleep(pause);
        pause *= 2;
        attempt += 1;
    }
}

/// Removes a folder if it is there.
fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}
