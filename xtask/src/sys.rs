//! Signals: what std has no call for.
#![expect(unsafe_code, reason = "sigmasks, signal dispositions and the death signal are C calls")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Signals that end this program, and its children with it.
const TERMINATION: [libc::c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

/// Signals whose disposition a caller may have changed and a child must not inherit.
const INHERITED: [libc::c_int; 8] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGALRM,
    libc::SIGCHLD,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// Makes `command` start as from a fresh login: default dispositions, no signal blocked, a process group of its
/// own, and death when the thread that spawned it dies.
pub(crate) fn isolate(command: &mut Command) {
    command.process_group(0);
    let prepare = || {
        // SAFETY: a zeroed sigset_t is a valid argument of sigemptyset(), which initialises it; both calls are
        // async-signal-safe. A spawned process inherits the mask otherwise, and with it `hold_termination`.
        unsafe {
            let mut none = std::mem::zeroed::<libc::sigset_t>();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        }
        for signal in INHERITED {
            // SAFETY: SIG_DFL is a valid disposition, and signal() is async-signal-safe.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        // SAFETY: PR_SET_PDEATHSIG takes one integer; prctl() is a bare system call.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec the closure makes system calls only; it allocates nothing and locks nothing.
    unsafe { command.pre_exec(prepare) };
}

/// Holds back the signals that end this program, for [`wait_for_termination`]. To be called before any thread
/// starts; [`isolate`]d children are not affected. A signal that the caller had ignored stays ignored.
pub(crate) fn hold_termination() {
    // SAFETY: a zeroed sigset_t is a valid argument of sigemptyset(), which initialises it.
    let mut set = unsafe { std::mem::zeroed::<libc::sigset_t>() };
    termination_set(&mut set);
    // SAFETY: the set is initialised, and the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
}

/// Waits for a signal that ends this program; its number.
pub(crate) fn wait_for_termination() -> i32 {
    // SAFETY: a zeroed sigset_t is a valid argument of sigemptyset(), which initialises it.
    let mut set = unsafe { std::mem::zeroed::<libc::sigset_t>() };
    termination_set(&mut set);
    let mut signal = 0;
    loop {
        // SAFETY: the set is initialised and `signal` is a place for one integer.
        if unsafe { libc::sigwait(&raw const set, &raw mut signal) } == 0 && !is_ignored(signal) {
            return signal;
        }
    }
}

/// Whether the caller had this signal ignored: it means us to live through it.
fn is_ignored(signal: i32) -> bool {
    // SAFETY: a zeroed sigaction is a valid place for the answer; no new action is set.
    unsafe {
        let mut action = std::mem::zeroed::<libc::sigaction>();
        libc::sigaction(signal, std::ptr::null(), &raw mut action) == 0
            && action.sa_sigaction == libc::SIG_IGN
    }
}

fn termination_set(set: &mut libc::sigset_t) {
    // SAFETY: the pointer is to one sigset_t that lives through the calls.
    unsafe {
        libc::sigemptyset(set);
        for signal in TERMINATION {
            libc::sigaddset(set, signal);
        }
    }
}
