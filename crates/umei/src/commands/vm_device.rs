//! `umei vm-device`: emulated MEI functions for a virtual machine, over vfio-user.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use mei_emulator::Firmware;
use mei_vfio_user::{Control, InterruptMode, Lifetime, Options, Removal, Server};
use mei_wire::pci::VENDOR_INTEL;

use crate::backend::{DEFAULT_PERSONA, choose_persona};
use crate::notify;
use crate::sys::{Signal, Signals};

/// Serve emulated MEI functions to a virtual machine, over vfio-user
///
/// Give QEMU (10.1 or later) `-device '{"driver":"vfio-user-pci","socket":{"type":"unix","path":"SOCKET"}}'`
/// for each function, and memory that can be shared: `-machine q35,memory-backend=ram -object
/// memory-backend-memfd,id=ram,size=1G,share=on`. The guest's own driver, mei_me, does the rest. A function
/// serves one virtual machine after the other and is to each as after power-on.
///
/// When all functions can be connected to, prints READY and tells the service manager. SIGTERM and SIGINT end
/// it. On SIGUSR1 the engines reset by themselves; SIGUSR2 pulls the functions out of their slots, and the
/// next one puts them back.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where the virtual machine finds the function; created, and removed in the end
    #[arg(long, value_name = "SOCKET", required_unless_present = "functions")]
    socket: Option<PathBuf>,
    /// What to emulate on SOCKET: a name that `umei personas` lists, a .toml file, or FILE.toml:VARIANT
    #[arg(long, value_name = "PERSONA", default_value = DEFAULT_PERSONA, requires = "socket")]
    persona: String,
    /// One more function, with a socket and a persona of its own; can be repeated
    #[arg(long = "function", value_name = "SOCKET=PERSONA", value_parser = parse_function)]
    functions: Vec<Function>,
    /// Which interrupts the functions offer
    #[arg(long, value_name = "KIND", default_value = "msi")]
    interrupts: Interrupts,
    /// End when every function has served one virtual machine
    #[arg(long)]
    once: bool,
}

/// Interrupts of a PCI function.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Interrupts {
    /// MSI, and INTx for a guest that does without
    Msi,
    /// INTx alone
    Intx,
}

/// A function to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Function {
    socket: PathBuf,
    persona: String,
}

fn parse_function(text: &str) -> Result<Function, String> {
    // The persona's name has no `=`, a path may.
    match text.rsplit_once('=') {
        Some((socket, persona)) if !socket.is_empty() && !persona.is_empty() => {
            Ok(Function { socket: socket.into(), persona: persona.into() })
        }
        _ => Err("give a socket and a persona, as in /tmp/mei.sock=tiger-lake".into()),
    }
}

/// For servers to end when they are told to.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the main thread waits for.
#[derive(Debug)]
enum Event {
    Signal(Signal),
    /// A server has ended, by itself or because it was told to.
    Ended(PathBuf, std::io::Result<()>),
}

/// Where the functions are.
#[derive(Debug, Clone, Copy)]
enum Slots {
    Filled,
    Empty,
}

pub(crate) fn main(arguments: Arguments) -> Result<ExitCode> {
    let options = Options {
        interrupts: match arguments.interrupts {
            Interrupts::Msi => InterruptMode::Msi,
            Interrupts::Intx => InterruptMode::Intx,
        },
        lifetime: if arguments.once { Lifetime::OneMonitor } else { Lifetime::Endless },
    };
    let single = arguments.socket.map(|socket| Function { socket, persona: arguments.persona });
    let functions: Vec<Function> = single.into_iter().chain(arguments.functions).collect();
    // Before there is a thread that could take them.
    let signals = Signals::take().context("taking signals")?;
    let mut servers = Vec::new();
    for Function { socket, persona: name } in functions {
        let persona = choose_persona(&name)?;
        let server = Server::bind(&socket, Firmware::new(&persona, Instant::now()), options)?;
        println!("{}: {name}, PCI {VENDOR_INTEL:04x}:{:04x}", socket.display(), persona.device.id);
        servers.push((socket, server));
    }
    let (events, received) = channel();
    let controls: Vec<Control> = servers.iter().map(|(_, server)| server.control()).collect();
    for (socket, server) in servers {
        start(socket, server, events.clone())?;
    }
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || forward(&signals, &events))
        .context("starting a thread")?;
    println!("READY");
    stdout().flush().context("writing to standard output")?;
    notify::ready();
    let result = supervise(&controls, &received);
    notify::stopping();
    result.map(|()| ExitCode::SUCCESS)
}

/// Starts a server in a thread of its own.
fn start(socket: PathBuf, mut server: Server<Firmware>, events: Sender<Event>) -> Result<()> {
    let run = move || {
        // A panic is our bug; it must not look like a server that goes on.
        let served = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.serve()));
        let result = served.unwrap_or_else(|_| Err(std::io::Error::other("the server panicked")));
        // The path is cleaned up before anybody hears of the end.
        drop(server);
        let _ = events.send(Event::Ended(socket, result));
    };
    thread::Builder::new().name("function".into()).spawn(run).map(drop).context("starting a thread")
}

/// Passes signals on as they come.
fn forward(signals: &Signals, events: &Sender<Event>) {
    loop {
        match signals.wait() {
            Ok(signal) => {
                if events.send(Event::Signal(signal)).is_err() {
                    return;
                }
            }
            Err(error) => return log::error!("signals are not heard any more: {error}"),
        }
    }
}

/// Follows signals until every server has ended.
fn supervise(controls: &[Control], events: &Receiver<Event>) -> Result<()> {
    let mut slots = Slots::Filled;
    let mut left = controls.len();
    let mut until = None;
    while left > 0 {
        let event = match until {
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => events.recv_timeout(Instant::saturating_duration_since(&until, Instant::now())),
        };
        match event {
            Ok(Event::Ended(socket, result)) => {
                result.with_context(|| format!("serving {}", socket.display()))?;
                left -= 1;
            }
            Ok(Event::Signal(signal)) if signal.ends() => {
                controls.iter().for_each(Control::stop);
                until.get_or_insert(Instant::now() + PATIENCE);
            }
            Ok(Event::Signal(signal)) => slots = follow(signal, slots, controls),
            Err(_) => {
                bail!("{left} functions did not end in {} s; they end with the process", PATIENCE.as_secs())
            }
        }
    }
    Ok(())
}

/// Does what SIGUSR1 and SIGUSR2 are for.
fn follow(signal: Signal, slots: Slots, controls: &[Control]) -> Slots {
    match (signal.number, slots) {
        (libc::SIGUSR1, _) => {
            controls.iter().for_each(Control::firmware_reset);
            slots
        }
        (libc::SIGUSR2, Slots::Filled) => {
            controls.iter().for_each(|control| control.remove(Removal::Surprise));
            Slots::Empty
        }
        (libc::SIGUSR2, Slots::Empty) => {
            controls.iter().for_each(Control::reinsert);
            Slots::Filled
        }
        _ => slots,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::Args as _;
        let command = Arguments::augment_args(clap::Command::new("vm-device"));
        command.clone().debug_assert();
        for (line, accepted) in [
            ("vm-device --socket a", true),
            ("vm-device --socket a --persona b --interrupts intx --once", true),
            ("vm-device --function a=b --function c=d", true),
            ("vm-device", false),
            ("vm-device --function a=b --persona c", false),
            ("vm-device --function a", false),
            ("vm-device --socket a --interrupts msix", false),
        ] {
            assert_eq!(command.clone().try_get_matches_from(line.split(' ')).is_ok(), accepted, "{line}");
        }
    }

    #[test]
    fn a_function_is_a_socket_and_a_persona() {
        let function =
            |socket: &str, persona: &str| Function { socket: socket.into(), persona: persona.into() };
        assert_eq!(parse_function("/a/b.sock=ich9"), Ok(function("/a/b.sock", "ich9")));
        assert_eq!(parse_function("/a=b.sock=x.toml:y"), Ok(function("/a=b.sock", "x.toml:y")));
        for wrong in ["", "/a/b.sock", "=ich9", "/a/b.sock="] {
            assert!(parse_function(wrong).is_err(), "{wrong}");
        }
    }
}
