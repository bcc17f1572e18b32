//! `umei run`: a private MEI device for one command.

mod child;
mod namespace;
mod overlay;
mod private_dev;
mod private_sys;

use std::ffi::OsString;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cuse::FuseSession;
use cuse_frontend::{Frontend, Pause};

use self::child::NotStarted;
use self::namespace::{Identity, Network};
use crate::backend::{self, AnyDevice, Started};
use crate::ready;
use crate::sys::Signals;
use crate::sysfs::{self, Placement};

/// Exit status when it is `umei` that failed, as of `env` and `timeout`.
const FAILED: u8 = 125;
/// How long a command waits for its device; engines are ready in milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Run a command with a private /dev/mei0
///
/// The command sees an emulated Management Engine at /dev/mei0 and /dev/mei, with its sysfs in /sys; nobody else
/// does, and nothing of it is left when the command ends. Root is not needed, only /dev/fuse and user namespaces:
/// `umei doctor` says what is missing. The directory of umei itself is in front of the command's PATH.
///
/// Exit status and signals are the command's; 125 if umei itself fails, 126 if the command cannot be executed, 127
/// if it is not found.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    engine: backend::EngineArguments,
    /// Be root inside, for programs that insist on it
    #[arg(long)]
    map_root: bool,
    /// Give the command a network of its own with nothing but loopback, for programs that listen on 16992 or 623
    #[arg(long)]
    net: bool,
    /// The command and its arguments, after `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) fn main(arguments: Arguments) -> Result<ExitCode> {
    match run(&arguments) {
        Ok(code) => Ok(code),
        Err(Failure { status, error }) => {
            eprintln!("umei run: {error:#}");
            Ok(ExitCode::from(status))
        }
    }
}

/// What did not work, and the exit status that says so.
struct Failure {
    status: u8,
    error: anyhow::Error,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { status: FAILED, error }
    }
}

impl From<NotStarted> for Failure {
    fn from(NotStarted { status, error }: NotStarted) -> Self {
        Self { status, error }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let backend = arguments.engine.choose()?;
    let signals = Signals::take().context("taking signals")?;
    let path = child::path()?;
    let identity = if arguments.map_root { Identity::Root } else { Identity::Own };
    let network = if arguments.net { Network::Private } else { Network::Shared };
    namespace::enter(identity, network)?;
    let session = private_dev::make()?;

    // From here on there are threads, and with them nothing that changes namespaces.
    let Started { host, function } = backend.start(Instant::now())?;
    let frontend = Frontend::new(session, host).context("preparing the device")?;
    let remote = frontend.remote();
    let server = thread::Builder::new()
        .name("device".to_owned())
        .spawn(|| serve(frontend))
        .context("starting the device's thread")?;
    ready::wait(&remote, PATIENCE)?;
    let sysfs = private_dev::place("sysfs").and_then(|mountpoint| {
        let placement = Placement {
            name: private_dev::NAME.to_owned(),
            numbers: (0, 0),
            address: sysfs::ADDRESS.to_owned(),
        };
        let tree = sysfs::serve(&mountpoint, remote.clone(), function, placement)?;
        private_sys::put(&mountpoint).map(|()| tree)
    });
    if let Err(error) = &sysfs {
        log::warn!("/sys does not show the device: {error:#}");
    }

    let ended = child::start(&arguments.command, &path, &signals)
        .map_err(Failure::from)
        .and_then(|child| Ok(child::attend(child, &signals)?));
    // Those whom the command has left behind are told.
    remote.stop();
    // A thread that died took the device with it, and has said so.
    let _ = server.join();
    Ok(child::end_like(ended?))
}

fn serve(mut frontend: Frontend<FuseSession, AnyDevice>) {
    loop {
        match frontend.run(None) {
            Ok(Pause::Stopped | Pause::Ended) => return,
            // An emulated function goes only when a fault plan takes it; the command sees what that is like.
            Ok(Pause::Gone | Pause::Time | Pause::Attention) => {}
            Err(error) => return log::error!("the device has failed: {error}"),
        }
    }
}
