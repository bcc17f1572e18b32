//! `umei serve`: a MEI device for everyone.

mod link;
mod place;
mod removable;
mod watchdog;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use cuse::DeviceName;
use cuse_frontend::{Frontend, Linger, Pause, Remote};
use mei_core::WatchdogUse;

use self::place::Place;
use self::removable::Removable;
use self::watchdog::Watchdog;
use crate::backend::{self, AnyDevice, Backend, Started};
use crate::facilities::{self, State};
use crate::sys::{Signals, taken_from};
use crate::sysfs::{self, Placement};
use crate::{notify, ready};

/// How long a device may take to become ready before the service manager is told all the same.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long programs may keep a device open that is going away.
const LINGER: Duration = Duration::from_secs(2);
/// How often to look whether a function that is gone has come back.
const RETURN: Duration = Duration::from_secs(1);
/// Signals so soon after the first say the same as that: service managers send several, people do not.
const ONE_WORD: Duration = Duration::from_millis(250);
/// How long the watchdog may take its leave, on a machine that stands still meanwhile.
const LEAVE: Duration = Duration::from_secs(30);

/// Serve a MEI device to every program of this machine
///
/// Over CUSE it is a character device like the kernel driver's; over FUSE a file behind a symbolic link in /dev.
/// Both need root. It ends with SIGTERM or SIGINT: every program that waits gets ENODEV first.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How to offer the device [default: cuse where the kernel has it, else fuse]
    #[arg(long, value_enum)]
    frontend: Option<FrontendKind>,
    /// Name of the device in /dev
    #[arg(long, default_value = "mei0", value_parser = device_name)]
    name: DeviceName,
    /// What is behind it: `emulator`, or `pci:ADDRESS` for a function that `umei bind` has prepared
    #[arg(long, value_name = "BACKEND", default_value = "emulator")]
    backend: BackendChoice,
    #[command(flatten)]
    engine: backend::EngineArguments,
    /// Over FUSE, directories to show the device in, instead of /dev
    #[arg(long, value_name = "DIR", num_args = 1..)]
    mount: Vec<PathBuf>,
    /// Directory to show the device's sysfs in, as class/mei and devices
    #[arg(long, value_name = "DIR")]
    sysfs: Option<PathBuf>,
    /// Offer the AMT watchdog, where there is one, as a watchdog device of the kernel's kind
    #[arg(long)]
    watchdog: bool,
    #[command(flatten)]
    function: backend::FunctionArguments,
}

/// What is behind the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BackendChoice {
    /// An engine in this process.
    Emulator,
    /// A real function.
    Pci(mei_pci_uio::Address),
}

impl FromStr for BackendChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("pci:") {
            Some(address) => {
                address.parse().map(Self::Pci).map_err(|error: mei_pci_uio::AddressError| error.to_string())
            }
            None if text == "emulator" => Ok(Self::Emulator),
            None => Err("it is `emulator`, or `pci:` and an address such as 0000:00:16.0".to_owned()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FrontendKind {
    /// A character device.
    Cuse,
    /// A file that behaves like one.
    Fuse,
}

fn device_name(text: &str) -> Result<DeviceName, cuse::NameError> {
    DeviceName::new(text)
}

pub(crate) fn main(arguments: Arguments) -> Result<ExitCode> {
    let mut backend = match arguments.backend {
        BackendChoice::Emulator => {
            arguments.function.check_unused()?;
            arguments.engine.choose()?
        }
        BackendChoice::Pci(address) => arguments.engine.real(address, &arguments.function)?,
    };
    if arguments.watchdog {
        backend.watchdog = WatchdogUse::On;
    }
    let signals = Signals::take().and_then(|signals| signals.descriptor()).context("taking signals")?;
    let kind = match arguments.frontend {
        Some(kind) => kind,
        None if facilities::cuse().state == State::Works && arguments.mount.is_empty() => FrontendKind::Cuse,
        None => FrontendKind::Fuse,
    };
    match kind {
        FrontendKind::Cuse if !arguments.mount.is_empty() => {
            bail!("--mount is for --frontend fuse: a character device is in /dev")
        }
        FrontendKind::Cuse => {
            let (session, place) = place::character_device(&arguments.name)?;
            let watchdog: watchdog::Maker = |name| {
                let (session, place) = place::character_device(name)?;
                Ok((Box::new(session), place))
            };
            serve((session, place), watchdog, &backend, signals, &arguments)
        }
        FrontendKind::Fuse => {
            let (session, place) = place::file(&arguments.name, &arguments.mount)?;
            let watchdog: watchdog::Maker = |name| {
                let (session, place) = place::file(name, &[])?;
                Ok((Box::new(session), place))
            };
            serve((session, place), watchdog, &backend, signals, &arguments)
        }
    }
}

fn serve<S: Removable>(
    (session, place): (S, Place),
    make_watchdog: watchdog::Maker,
    backend: &Backend,
    signals: OwnedFd,
    arguments: &Arguments,
) -> Result<ExitCode> {
    let Started { host, function } = backend.start(Instant::now())?;
    let frontend = Frontend::new(session, host)?.lingering(Linger::AtMost(LINGER)).attending(signals);
    let remote = frontend.remote();
    // Lives as long as the device is served.
    let _sysfs = match &arguments.sysfs {
        Some(directory) => {
            let address = match arguments.backend {
                BackendChoice::Emulator => sysfs::ADDRESS.to_owned(),
                BackendChoice::Pci(address) => address.to_string(),
            };
            let name = arguments.name.as_str().to_owned();
            let placement = Placement { name, numbers: place.numbers, address };
            Some(sysfs::serve(directory, remote.clone(), function, placement)?)
        }
        None => None,
    };
    let watchdog = match arguments.watchdog {
        true => Some(watchdog::start(remote.clone(), make_watchdog)?),
        false => None,
    };
    start_thread("ready", {
        let shown = place.shown.clone();
        move || announce(&remote, &shown)
    })?;
    let ended = supervise(frontend, backend, watchdog.as_ref());
    notify::stopping();
    if let Some(watchdog) = watchdog {
        watchdog.clear();
    }
    drop(place);
    ended?;
    Ok(ExitCode::SUCCESS)
}

fn start_thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map(drop)
        .with_context(|| format!("starting the thread for {name}"))
}

fn announce(remote: &Remote<AnyDevice>, shown: &str) {
    if let Err(error) = ready::wait(remote, PATIENCE) {
        return log::error!("{error:#}");
    }
    eprintln!("umei serve: {shown} is there");
    notify::ready();
}

/// Serves to the end, over removals of the function.
fn supervise<S: Removable>(
    mut frontend: Frontend<S, AnyDevice>,
    backend: &Backend,
    watchdog: Option<&Watchdog>,
) -> Result<()> {
    let mut until = None;
    let mut ending = None;
    loop {
        match frontend.run(until)? {
            Pause::Stopped => return Ok(()),
            Pause::Ended => {
                bail!("the device was taken away: its file system was unmounted, or its session aborted")
            }
            Pause::Gone => {
                log::warn!("the function is gone; programs get ENODEV until it is back");
                frontend.host_mut().function_mut().release();
                if ending.is_none() {
                    until = Some(Instant::now() + RETURN);
                }
            }
            Pause::Attention => {
                let asked = frontend.attention().is_some_and(asks_to_end);
                let now = Instant::now();
                if asked && ending.is_none_or(|first| now >= first + ONE_WORD) {
                    let first = *ending.get_or_insert(now);
                    // A watchdog takes its leave first, and then stops the front end.
                    let leaves = watchdog.is_some_and(Watchdog::end);
                    until = leaves.then(|| first + LEAVE);
                    if !leaves {
                        frontend.stop();
                    }
                }
            }
            Pause::Time if ending.is_some() => {
                log::warn!("the watchdog does not end, and is not waited for any more");
                until = None;
                frontend.stop();
            }
            Pause::Time => {
                let now = Instant::now();
                if frontend.open_files() == 0 {
                    frontend.session_mut().withdraw();
                }
                until = match come_back(&mut frontend, backend, now) {
                    Ok(()) => None,
                    Err(error) => {
                        log::debug!("{error:#}");
                        Some(Instant::now() + RETURN)
                    }
                };
            }
        }
    }
}

/// Takes the signals that are there; whether one of them ends the service.
fn asks_to_end(signals: BorrowedFd<'_>) -> bool {
    let mut ends = false;
    loop {
        match taken_from(signals) {
            Ok(Some(signal)) => ends |= signal.ends(),
            Ok(None) => return ends,
            Err(error) => {
                log::error!("signals cannot be taken any more, which ends the service: {error}");
                return true;
            }
        }
    }
}

/// Takes the function up again, if it is there.
fn come_back<S: Removable>(
    frontend: &mut Frontend<S, AnyDevice>,
    backend: &Backend,
    now: Instant,
) -> Result<()> {
    let Started { host, .. } = backend.start(now)?;
    frontend.session_mut().restore()?;
    frontend.replace(host);
    log::warn!("the function is back");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_is_the_emulator_or_an_address() {
        assert_eq!("emulator".parse(), Ok(BackendChoice::Emulator));
        let address = "0000:00:16.0".parse().unwrap();
        assert_eq!("pci:0000:00:16.0".parse(), Ok(BackendChoice::Pci(address)));
        for text in ["", "pci", "pci:", "pci:x", "vfio:0000:00:16.0"] {
            let error = text.parse::<BackendChoice>().unwrap_err();
            assert!(error.contains("emulator") || error.contains("address"), "{text}: {error}");
        }
    }
}
