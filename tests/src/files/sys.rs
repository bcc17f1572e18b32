//! The system calls themselves, with nothing between the test and the kernel.
#![expect(
    unsafe_code,
    reason = "bad pointers, signals to a thread and closes during a call have no safe interface"
)]

use super::{Errno, Mode, Pointer, Restart, Sharing};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// An open descriptor. Not an `OwnedFd`: tests close it while another thread sleeps in it, as programs do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor(i32);

/// An address at which no process has memory.
const UNMAPPED: usize = 8;

fn checked(result: i64) -> Result<i64, Errno> {
    if result < 0 { Err(std::io::Error::last_os_error().into()) } else { Ok(result) }
}

fn place(pointer: Pointer, good: *mut u8) -> *mut libc::c_void {
    match pointer {
        Pointer::Good => good.cast(),
        Pointer::Null => ptr::null_mut(),
        Pointer::Unmapped => ptr::without_provenance_mut(UNMAPPED),
    }
}

/// Opens for reading and writing, with further flags.
pub(super) fn open(path: &Path, flags: i32) -> Result<Descriptor, Errno> {
    open_with(path, libc::O_RDWR | flags)
}

/// Opens in this mode, with further flags.
pub(super) fn open_as(path: &Path, mode: Mode, flags: i32) -> Result<Descriptor, Errno> {
    let access = match mode {
        Mode::ReadOnly => libc::O_RDONLY,
        Mode::WriteOnly => libc::O_WRONLY,
        Mode::Append => libc::O_RDWR | libc::O_APPEND,
        Mode::Synchronous => libc::O_RDWR | libc::O_SYNC,
        Mode::Direct => libc::O_RDWR | libc::O_DIRECT,
    };
    open_with(path, access | flags)
}

fn open_with(path: &Path, flags: i32) -> Result<Descriptor, Errno> {
    let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::ENOENT)?;
    // SAFETY: the path is a string that ends in a zero.
    let result = unsafe { libc::open(path.as_ptr(), libc::O_CLOEXEC | flags) };
    checked(result.into()).map(|_| Descriptor(result))
}

pub(super) fn close(fd: Descriptor) -> Result<i64, Errno> {
    // SAFETY: the caller forgets the descriptor; a closed one gives EBADF.
    checked(unsafe { libc::close(fd.0) }.into())
}

pub(super) fn duplicate(fd: Descriptor) -> Result<Descriptor, Errno> {
    // SAFETY: no memory is involved.
    let result = unsafe { libc::fcntl(fd.0, libc::F_DUPFD_CLOEXEC, 0) };
    checked(result.into()).map(|_| Descriptor(result))
}

pub(super) fn ioctl(fd: Descriptor, command: u32, argument: &mut [u8], at: Pointer) -> Result<i64, Errno> {
    // A command encodes the bytes that the kernel moves; a slice shorter than that would be overrun.
    let size = (command >> 16 & 0x3FFF) as usize;
    assert!(argument.len() >= size, "ioctl {command:#010x} moves {size} bytes");
    let address = place(at, argument.as_mut_ptr());
    // SAFETY: the argument is writable for as many bytes as the command encodes, checked above; the kernel
    // refuses the other addresses.
    checked(unsafe { libc::ioctl(fd.0, u64::from(command), address) }.into())
}

pub(super) fn read(fd: Descriptor, buffer: &mut [u8], at: Pointer) -> Result<i64, Errno> {
    let pages = Pages::new(buffer.len())?;
    let address = place(at, pages.address);
    // SAFETY: the pages are writable for the buffer's length; the kernel refuses the other addresses.
    let result = checked(unsafe { libc::read(fd.0, address, buffer.len()) } as i64);
    // SAFETY: the pages are as long as the buffer, and apart from it.
    unsafe { ptr::copy_nonoverlapping(pages.address, buffer.as_mut_ptr(), buffer.len()) };
    result
}

/// Memory that no child gets a copy of. FUSE and CUSE hold the pages of a read that sleeps; after a fork they may be the
/// child's (`docs/fidelity.md`, F-FORK-READ).
struct Pages {
    address: *mut u8,
    length: usize,
}

impl Pages {
    /// At least so many bytes, all zero.
    fn new(length: usize) -> Result<Self, Errno> {
        let length = length.max(1);
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let address = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            libc::mmap(ptr::null_mut(), length, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
        };
        if address == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().into());
        }
        let pages = Self { address: address.cast(), length };
        // SAFETY: the mapping made above.
        checked(unsafe { libc::madvise(address, length, libc::MADV_DONTFORK) }.into())?;
        Ok(pages)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, to which no reference exists.
        unsafe { libc::munmap(self.address.cast(), self.length) };
    }
}

pub(super) fn write(fd: Descriptor, data: &[u8], at: Pointer) -> Result<i64, Errno> {
    let address = place(at, data.as_ptr().cast_mut());
    // SAFETY: the kernel only reads, within the slice's length; it refuses the other addresses.
    checked(unsafe { libc::write(fd.0, address, data.len()) } as i64)
}

fn vector(base: *mut u8, length: usize) -> libc::iovec {
    libc::iovec { iov_base: base.cast(), iov_len: length }
}

pub(super) fn read_vector(fd: Descriptor, buffers: &mut [Vec<u8>]) -> Result<i64, Errno> {
    let vectors: Vec<_> =
        buffers.iter_mut().map(|buffer| vector(buffer.as_mut_ptr(), buffer.len())).collect();
    let count = i32::try_from(vectors.len()).expect("few buffers");
    // SAFETY: each buffer is writable for its length.
    checked(unsafe { libc::readv(fd.0, vectors.as_ptr(), count) } as i64)
}

pub(super) fn write_vector(fd: Descriptor, parts: &[Vec<u8>]) -> Result<i64, Errno> {
    let vectors: Vec<_> = parts.iter().map(|part| vector(part.as_ptr().cast_mut(), part.len())).collect();
    let count = i32::try_from(vectors.len()).expect("few buffers");
    // SAFETY: the kernel only reads, within each part's length.
    checked(unsafe { libc::writev(fd.0, vectors.as_ptr(), count) } as i64)
}

pub(super) fn poll(fd: Descriptor, events: u16, milliseconds: i32) -> Result<i64, Errno> {
    let mut entry = libc::pollfd { fd: fd.0, events: events.cast_signed(), revents: 0 };
    // SAFETY: one entry, writable.
    checked(unsafe { libc::poll(&raw mut entry, 1, milliseconds) }.into())?;
    Ok(i64::from(entry.revents.cast_unsigned()))
}

/// What is there of `events`, asked through an epoll of its own.
pub(super) fn epoll(fd: Descriptor, events: u16) -> Result<i64, Errno> {
    // SAFETY: no memory is involved.
    let set = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }.into())?;
    let set = Descriptor(i32::try_from(set).expect("a descriptor"));
    let mut event = libc::epoll_event { events: events.into(), u64: 0 };
    // SAFETY: the event is readable.
    let added = unsafe { libc::epoll_ctl(set.0, libc::EPOLL_CTL_ADD, fd.0, &raw mut event) };
    let ready = checked(added.into()).and_then(|_| {
        // SAFETY: one event, writable.
        checked(unsafe { libc::epoll_wait(set.0, &raw mut event, 1, 0) }.into())
    });
    close(set)?;
    Ok(if ready? == 0 { 0 } else { i64::from(event.events) })
}

/// A write by a child process, which has to be through within three seconds; EAGAIN where it would have to wait.
///
/// The child has its parent's table of files, not a copy: a last close meanwhile, by another thread, is one.
pub(super) fn write_in_child(fd: Descriptor, data: &[u8]) -> Result<i64, Errno> {
    // SAFETY: without a stack of its own and without CLONE_VM the child goes on from here, in a copy of this memory. A
    // child of a program with threads may only make calls that are safe in a signal handler: these are, and nothing
    // allocates between them.
    let child = unsafe {
        let child = libc::syscall(libc::SYS_clone, libc::CLONE_FILES | libc::SIGCHLD, 0, 0, 0, 0);
        if child == 0 {
            // A write that spins takes no signal (Q11).
            let mut poll = libc::pollfd { fd: fd.0, events: libc::POLLOUT, revents: 0 };
            if libc::poll(&raw mut poll, 1, 0) == 0 {
                libc::_exit(libc::EAGAIN);
            }
            libc::alarm(3);
            let result = libc::write(fd.0, data.as_ptr().cast(), data.len());
            let written = usize::try_from(result).is_ok_and(|count| count == data.len());
            libc::_exit(if written { 0 } else { *libc::__errno_location() & 0xFF });
        }
        child
    };
    let child = i32::try_from(checked(child)?).expect("a process");
    let mut status = 0;
    loop {
        // SAFETY: the status is writable.
        match checked(unsafe { libc::waitpid(child, &raw mut status, 0) }.into()) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => break,
        }
    }
    match (libc::WIFEXITED(status), libc::WEXITSTATUS(status)) {
        (true, 0) => Ok(i64::try_from(data.len()).expect("a length")),
        (true, errno) => Err(Errno(errno)),
        (false, _) => Err(Errno::EINTR),
    }
}

pub(super) fn fsync(fd: Descriptor) -> Result<i64, Errno> {
    // SAFETY: no memory is involved.
    checked(unsafe { libc::fsync(fd.0) }.into())
}

pub(super) fn fdatasync(fd: Descriptor) -> Result<i64, Errno> {
    // SAFETY: no memory is involved.
    checked(unsafe { libc::fdatasync(fd.0) }.into())
}

/// Sets or clears `flag` among the file's status flags.
pub(super) fn set_flag(fd: Descriptor, flag: i32, on: bool) -> Result<i64, Errno> {
    // SAFETY: no memory is involved.
    let old = checked(unsafe { libc::fcntl(fd.0, libc::F_GETFL) }.into())?;
    let old = i32::try_from(old).expect("flags are an int");
    let new = if on { old | flag } else { old & !flag };
    // SAFETY: no memory is involved.
    checked(unsafe { libc::fcntl(fd.0, libc::F_SETFL, new) }.into())
}

pub(super) fn fionbio(fd: Descriptor, on: bool) -> Result<i64, Errno> {
    let mut value = i32::from(on);
    // SAFETY: FIONBIO reads an int.
    checked(unsafe { libc::ioctl(fd.0, libc::FIONBIO, &raw mut value) }.into())
}

pub(super) fn seek(fd: Descriptor) -> Result<i64, Errno> {
    // SAFETY: no memory is involved.
    checked(unsafe { libc::lseek(fd.0, 0, libc::SEEK_SET) })
}

pub(super) fn read_at(fd: Descriptor) -> Result<i64, Errno> {
    let mut buffer = [0_u8; 10];
    // SAFETY: the buffer is writable for its length.
    checked(unsafe { libc::pread(fd.0, buffer.as_mut_ptr().cast(), buffer.len(), 0) } as i64)
}

pub(super) fn write_at(fd: Descriptor) -> Result<i64, Errno> {
    let data = [0_u8; 10];
    // SAFETY: the kernel only reads, within the array.
    checked(unsafe { libc::pwrite(fd.0, data.as_ptr().cast(), data.len(), 0) } as i64)
}

pub(super) fn map(fd: Descriptor, sharing: Sharing) -> Result<i64, Errno> {
    let flags = match sharing {
        Sharing::Private => libc::MAP_PRIVATE,
        Sharing::Shared => libc::MAP_SHARED,
    };
    // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
    let address = unsafe { libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ, flags, fd.0, 0) };
    if address == libc::MAP_FAILED {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: the mapping made above, to which no reference exists.
    checked(unsafe { libc::munmap(address, 4096) }.into())
}

pub(super) fn file_type(fd: Descriptor) -> Result<i64, Errno> {
    // SAFETY: an all-zero stat is valid, and is filled by the call.
    let (result, stat) = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(fd.0, &raw mut stat), stat)
    };
    checked(result.into()).map(|_| i64::from(stat.st_mode & libc::S_IFMT))
}

extern "C" fn nothing(_signal: libc::c_int) {}

fn number(restart: Restart) -> i32 {
    match restart {
        Restart::No => libc::SIGUSR1,
        Restart::Yes => libc::SIGUSR2,
    }
}

/// Handles the two signals of [`signal`] by doing nothing.
pub(super) fn handle_signals() {
    for restart in [Restart::No, Restart::Yes] {
        // SAFETY: an all-zero sigaction is valid; the handler touches nothing.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let handler: extern "C" fn(libc::c_int) = nothing;
            action.sa_sigaction = handler as libc::sighandler_t;
            action.sa_flags = if restart == Restart::Yes { libc::SA_RESTART } else { 0 };
            libc::sigaction(number(restart), &raw const action, ptr::null_mut());
        }
    }
}

/// This thread, as the kernel numbers it.
pub(super) fn thread() -> i32 {
    // SAFETY: no memory is involved.
    unsafe { libc::gettid() }
}

/// Sends a handled signal to a thread of this process; nothing happens if it has ended.
pub(super) fn signal(thread: i32, restart: Restart) {
    // SAFETY: no memory is involved; the signal has a handler.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, number(restart)) };
}
