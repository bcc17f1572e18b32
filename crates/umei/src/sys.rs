//! System calls that rustix does not have, each behind a safe function.
#![expect(unsafe_code, reason = "namespaces, signals and the loopback interface have no safe interface")]

use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::io::{Errno, read, retry_on_intr};

/// Signals that `umei` takes for itself or passes on. SIGCHLD is among them; those that stop and continue a
/// process are not.
const TAKEN: [libc::c_int; 9] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGWINCH,
    libc::SIGCHLD,
];

/// The signals of this process, from now on taken one by one.
pub(crate) struct Signals {
    taken: libc::sigset_t,
    before: libc::sigset_t,
}

/// A signal that was sent to this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signal {
    /// Its number.
    pub(crate) number: i32,
    /// Who sent it.
    pub(crate) origin: Origin,
}

/// Where a signal came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A process, to this one.
    Process,
    /// The kernel; from a terminal, whose whole group has it.
    Kernel,
}

impl Signal {
    /// `code` says who sent it, as in `siginfo_t`.
    fn new(number: i32, code: i32) -> Self {
        Self { number, origin: if code > 0 { Origin::Kernel } else { Origin::Process } }
    }

    /// Whether it asks a service to end.
    pub(crate) fn ends(self) -> bool {
        matches!(self.number, libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT)
    }
}

impl Signals {
    /// Blocks the signals for this thread and those it starts.
    pub(crate) fn take() -> io::Result<Self> {
        // SAFETY: an all-zero signal set is valid, sigemptyset and sigaddset write only to the set they get,
        // and both sets outlive the call of sigprocmask.
        unsafe {
            let (mut taken, mut before) = (zeroed(), zeroed());
            libc::sigemptyset(&raw mut taken);
            for number in TAKEN {
                libc::sigaddset(&raw mut taken, number);
            }
            check(libc::sigprocmask(libc::SIG_BLOCK, &raw const taken, &raw mut before))?;
            Ok(Self { taken, before })
        }
    }

    /// Waits for the next one.
    pub(crate) fn wait(&self) -> io::Result<Signal> {
        loop {
            let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
            // SAFETY: both pointers are valid for the call; on success it has filled the info.
            let number = unsafe { libc::sigwaitinfo(&raw const self.taken, info.as_mut_ptr()) };
            if number > 0 {
                // SAFETY: as above.
                let code = unsafe { info.assume_init() }.si_code;
                return Ok(Signal::new(number, code));
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    /// A descriptor to wait for them by, and to read them from: [`taken_from`].
    pub(crate) fn descriptor(&self) -> io::Result<OwnedFd> {
        // SAFETY: the set outlives the call, which makes a new descriptor or fails.
        unsafe {
            let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
            let fd = libc::signalfd(-1, &raw const self.taken, flags);
            check(fd)?;
            Ok(OwnedFd::from_raw_fd(fd))
        }
    }

    /// Lets `command` start with the signals as this process found them.
    pub(crate) fn restore_in(&self, command: &mut Command) {
        let before = self.before;
        // SAFETY: between fork and exec only sigprocmask is called, which is async-signal-safe.
        unsafe {
            command.pre_exec(move || {
                check(libc::sigprocmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()))
            });
        }
    }
}

/// The next signal from the descriptor of [`Signals::descriptor`]; none when there is no more.
pub(crate) fn taken_from(descriptor: BorrowedFd<'_>) -> io::Result<Option<Signal>> {
    let mut info = [0; size_of::<libc::signalfd_siginfo>()];
    match retry_on_intr(|| read(descriptor, &mut info)) {
        // The number is first, the code third, of 32 bits each.
        Ok(_) => {
            let [number, _, code] = [0, 4, 8].map(|place| {
                let bytes: [u8; 4] = std::array::from_fn(|index| info[place + index]);
                i32::from_ne_bytes(bytes)
            });
            Ok(Some(Signal::new(number, code)))
        }
        Err(Errno::AGAIN) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Ends this process by signal `number`, as the command it ran was. Returns where that does not end it.
pub(crate) fn die_of(number: i32) {
    let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit and the set outlive the calls; SIG_DFL is a valid disposition. Only this process is
    // affected, and it is about to end.
    unsafe {
        // The command has left a core of its own; one of this program would only hide it.
        libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core);
        libc::signal(number, libc::SIG_DFL);
        let mut set: libc::sigset_t = zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, number);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::raise(number);
    }
}

/// A namespace to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// Mounts.
    Mount,
    /// Users.
    User,
    /// Network interfaces.
    Network,
}

/// Goes into new `namespaces`, all of them or none. Before the first thread is started.
pub(crate) fn unshare(namespaces: &[Namespace]) -> io::Result<()> {
    let flags = flags(namespaces);
    // SAFETY: unshare takes no pointer; none of these namespaces touches memory or descriptors.
    check(unsafe { libc::unshare(flags) })
}

/// Whether new `namespaces` can be made and mounted in, tried in a process of its own.
pub(crate) fn try_mounting_in(namespaces: &[Namespace]) -> io::Result<()> {
    let flags = flags(namespaces);
    let mut command = Command::new("/proc/self/exe");
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec only system calls are made, with arguments that live in the program's
    // constant data; neither allocates.
    unsafe {
        command.pre_exec(move || {
            check(libc::unshare(flags))?;
            let (none, root) = (std::ptr::null(), c"/".as_ptr());
            check(libc::mount(none, root, none, libc::MS_REC | libc::MS_PRIVATE, none.cast()))
        });
    }
    command.status().map(drop)
}

/// Brings the loopback interface of this network namespace up.
pub(crate) fn loopback_up() -> io::Result<()> {
    let socket: OwnedFd = std::net::UdpSocket::bind(("0.0.0.0", 0))?.into();
    // SAFETY: an all-zero ifreq is valid.
    let mut request: libc::ifreq = unsafe { zeroed() };
    request.ifr_name[..2].copy_from_slice(&[b'l'.cast_signed(), b'o'.cast_signed()]);
    // SAFETY: the request outlives the calls and is as large as they expect; SIOCGIFFLAGS fills the flags,
    // so that the union holds them.
    unsafe {
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request))?;
        #[expect(clippy::cast_possible_truncation, reason = "IFF_UP is bit 0")]
        let up = libc::IFF_UP as libc::c_short;
        request.ifr_ifru.ifru_flags |= up;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request))
    }
}

fn flags(namespaces: &[Namespace]) -> libc::c_int {
    namespaces.iter().fold(0, |flags, namespace| {
        flags
            | match namespace {
                Namespace::Mount => libc::CLONE_NEWNS,
                Namespace::User => libc::CLONE_NEWUSER,
                Namespace::Network => libc::CLONE_NEWNET,
            }
    })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
