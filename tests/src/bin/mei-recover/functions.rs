//! The functions of the kernel's driver, as sysfs shows them, and their clients.

use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const DRIVER: &str = "/sys/bus/pci/drivers/mei_me";
/// For a device to come back, or for a client to be served: some reset by time-out first, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(150);
const MOMENT: Duration = Duration::from_millis(20);

/// A PCI function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    /// As in `0000:00:16.0`.
    pub(crate) address: String,
}

impl Function {
    /// All that mei_me drives.
    pub(crate) fn all() -> Result<Vec<Self>> {
        let mut functions = Vec::new();
        for entry in fs::read_dir(DRIVER).context(DRIVER)? {
            let name = entry?.file_name();
            if let Some(address) = name.to_str().filter(|name| name.contains(':')) {
                functions.push(Self { address: address.to_owned() });
            }
        }
        functions.sort_by(|a, b| a.address.cmp(&b.address));
        Ok(functions)
    }

    /// Its folder in sysfs.
    pub(crate) fn folder(&self) -> PathBuf {
        Path::new("/sys/bus/pci/devices").join(&self.address)
    }

    /// Its device; none while there is none.
    fn device(&self) -> Option<PathBuf> {
        let mut entries = fs::read_dir(self.folder().join("mei")).ok()?;
        Some(entries.next()?.ok()?.path())
    }

    fn state(&self) -> Option<String> {
        Some(fs::read_to_string(self.device()?.join("dev_state")).ok()?.trim().to_owned())
    }
}

/// Writes to a file of sysfs.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {text:?} to {}", path.display()))
}

/// The same to a file of the driver.
pub(crate) fn write_to_driver(file: &str, text: &str) -> Result<()> {
    write(&Path::new(DRIVER).join(file), text)
}

/// Waits for `condition`, with an end.
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !condition()? {
        ensure!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        thread::sleep(MOMENT);
    }
    Ok(())
}

/// Waits until every device is ENABLED.
pub(crate) fn wait_until_enabled(functions: &[Function]) -> Result<()> {
    for function in functions {
        let what = format!("{} is ENABLED", function.address);
        wait_for(&what, || Ok(function.state().as_deref() == Some("ENABLED")))?;
    }
    Ok(())
}

/// Runs `client` on every device, side by side, again and again until it succeeds: whoever asks first may find that the
/// driver has to reset the link.
pub(crate) fn serve(functions: &[Function], client: &str) -> Result<()> {
    let failures: Vec<String> = thread::scope(|scope| {
        let run = |function| scope.spawn(move || serve_one(function, client).err());
        let threads: Vec<_> = functions.iter().map(run).collect();
        threads
            .into_iter()
            .filter_map(|thread| match thread.join() {
                Ok(failure) => failure.map(|error| format!("{error:#}")),
                Err(_) => Some("a thread panicked".to_owned()),
            })
            .collect()
    });
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn serve_one(function: &Function, client: &str) -> Result<()> {
    let start = Instant::now();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let device = function.device().with_context(|| format!("{} has no device", function.address))?;
        let node = Path::new("/dev").join(device.file_name().context("a device has a name")?);
        // In a namespace of its own the node is the one that the client opens.
        let script = "[ $1 = /dev/mei0 ] || mount --bind $1 /dev/mei0; eval \"$2\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh"]).arg(&node).arg(client).stdin(Stdio::null());
        let output = command.output().context("starting a client")?;
        if output.status.success() {
            println!("{}: the client succeeds, attempt {attempts}", function.address);
            return Ok(());
        }
        if start.elapsed() > PATIENCE {
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            bail!("{}: the client fails, attempt {attempts}:\n{said}", function.address);
        }
        thread::sleep(MOMENT);
    }
}
