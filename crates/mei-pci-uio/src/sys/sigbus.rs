//! SIGBUS on device memory: the device is gone, the process is not.
//!
//! A BAR that no longer decodes (VFIO took it back, the device was unplugged) raises SIGBUS at the next access.
//! The handler puts an ordinary page of all-ones under the address, notes the loss and lets the access go on;
//! the one that accessed sees the note. A SIGBUS anywhere else is passed to whoever handled it before.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Mappings that can be watched at a time. A machine has one or two MEI functions.
const SLOTS: usize = 32;

/// A watched range; the handler reads it, so that it is made of atomics alone.
struct Slot {
    taken: AtomicBool,
    /// 0 while nothing is watched.
    base: AtomicUsize,
    length: AtomicUsize,
    lost: AtomicBool,
}

impl Slot {
    const fn empty() -> Self {
        Self {
            taken: AtomicBool::new(false),
            base: AtomicUsize::new(0),
            length: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
        }
    }

    fn holds(&self, address: usize) -> bool {
        let base = self.base.load(Ordering::Acquire);
        base != 0 && address.wrapping_sub(base) < self.length.load(Ordering::Relaxed)
    }
}

static WATCHED: [Slot; SLOTS] = [const { Slot::empty() }; SLOTS];
static PREVIOUS: OnceLock<Option<libc::sigaction>> = OnceLock::new();
static PAGE: AtomicUsize = AtomicUsize::new(0);

/// A range of device memory that is watched.
pub(super) struct Watch(&'static Slot);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch {{ lost: {} }}", self.lost())
    }
}

impl Watch {
    /// Watches a mapping. None when the handler cannot be installed or too much is watched.
    pub(super) fn new(base: NonNull<u8>, length: usize) -> Option<Self> {
        if PREVIOUS.get_or_init(install).is_none() {
            return None;
        }
        let slot = WATCHED.iter().find(|slot| !slot.taken.swap(true, Ordering::AcqRel))?;
        slot.lost.store(false, Ordering::Relaxed);
        slot.length.store(length, Ordering::Relaxed);
        slot.base.store(base.as_ptr().addr(), Ordering::Release);
        Some(Self(slot))
    }

    /// Whether an access within the range failed.
    pub(super) fn lost(&self) -> bool {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Ends the watch, before the range is unmapped.
    pub(super) fn end(&mut self) {
        self.0.base.store(0, Ordering::Release);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
        self.0.taken.store(false, Ordering::Release);
    }
}

/// Installs the handler once per process; what was there before.
fn install() -> Option<libc::sigaction> {
    PAGE.store(rustix::param::page_size(), Ordering::Relaxed);
    let mut previous = MaybeUninit::<libc::sigaction>::zeroed();
    let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) = handle;
    // SAFETY: sigaction is a C structure for which all zeroes are a value.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: both structures are valid, and the handler does only what a signal handler may do.
    let result = unsafe { libc::sigaction(libc::SIGBUS, &raw const action, previous.as_mut_ptr()) };
    // SAFETY: zeroed is a value, and the call has overwritten it on success.
    (result == 0).then(|| unsafe { previous.assume_init() })
}

extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo to a handler with SA_SIGINFO; SIGBUS carries an address.
    let address = unsafe { (*info).si_addr() }.addr();
    // SAFETY: errno belongs to this thread; the interrupted code must find it as it was.
    let errno = unsafe { *libc::__errno_location() };
    let replaced = WATCHED.iter().find(|slot| slot.holds(address)).is_some_and(|slot| {
        slot.lost.store(true, Ordering::Relaxed);
        replace_page(address)
    });
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
    if !replaced {
        pass_on(signal, info, context);
    }
}

/// Puts ordinary memory, all ones, under the page of `address`, which lies in a watched mapping.
fn replace_page(address: usize) -> bool {
    let size = PAGE.load(Ordering::Relaxed);
    let page = ptr::with_exposed_provenance_mut::<c_void>(address & !(size - 1));
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: the page is part of a mapping that its owner keeps until the watch has ended, and that is accessed
    // only through raw pointers; mmap is a bare system call.
    let mapped = unsafe { libc::mmap(page, size, protection, flags, -1, 0) };
    if mapped != page {
        return false;
    }
    // SAFETY: the page was just mapped, writable and `size` bytes long.
    unsafe { ptr::write_bytes(mapped.cast::<u8>(), 0xFF, size) };
    true
}

/// Does what would have happened without this handler.
fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let previous = PREVIOUS.get().copied().flatten();
    match previous {
        Some(action) if action.sa_sigaction != libc::SIG_DFL && action.sa_sigaction != libc::SIG_IGN => {
            if action.sa_flags & libc::SA_SIGINFO != 0 {
                // SAFETY: it was installed as a three-argument handler, and gets what this one got.
                let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                    unsafe { std::mem::transmute(action.sa_sigaction) };
                handler(signal, info, context);
            } else {
                // SAFETY: it was installed as a one-argument handler.
                let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(action.sa_sigaction) };
                handler(signal);
            }
        }
        // The access is repeated on return and ends the process.
        _ => {
            // SAFETY: SIG_DFL is a valid disposition, and signal may be called from a handler.
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
    }
}
