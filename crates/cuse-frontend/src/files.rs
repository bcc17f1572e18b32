//! The open files: what the kernel calls them, what the host calls them, who polls them.

use cuse::wire::{FileFlags, FileHandle, PollHandle};
use mei_core::{Blocking, Handle};

/// An open file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct File {
    fh: FileHandle,
    /// None once its host is gone.
    pub(crate) handle: Option<Handle>,
    /// Flags as last seen: IOCTL and POLL do not tell (`cuse.md` §4).
    flags: FileFlags,
    /// Whoever waits for a change, until it is announced: the kernel asks again, and names itself again.
    poller: Option<PollHandle>,
}

impl File {
    pub(crate) fn blocking(&self) -> Blocking {
        blocking(self.flags)
    }
}

/// Whether a file with `flags` may sleep.
pub(crate) fn blocking(flags: FileFlags) -> Blocking {
    if flags.contains(FileFlags::NONBLOCK) { Blocking::NonBlocking } else { Blocking::Wait }
}

/// All open files, in the order they were opened, which is the order of their names: found by halving.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: Vec<File>,
    named: u64,
}

impl Files {
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// A name for a file that is being opened. Never given twice, whatever becomes of the host.
    pub(crate) fn name(&mut self) -> FileHandle {
        self.named += 1;
        FileHandle(self.named)
    }

    pub(crate) fn insert(&mut self, fh: FileHandle, handle: Handle, flags: FileFlags) {
        let file = File { fh, handle: Some(handle), flags, poller: None };
        match self.place(fh) {
            Ok(place) => self.files[place] = file,
            Err(place) => self.files.insert(place, file),
        }
    }

    pub(crate) fn get(&self, fh: FileHandle) -> Option<&File> {
        Some(&self.files[self.place(fh).ok()?])
    }

    /// The file, whose present flags are `flags`.
    pub(crate) fn get_with_flags(&mut self, fh: FileHandle, flags: FileFlags) -> Option<&File> {
        let place = self.place(fh).ok()?;
        let file = &mut self.files[place];
        file.flags = flags;
        Some(file)
    }

    /// Somebody waits for `fh` to change.
    pub(crate) fn wait(&mut self, fh: FileHandle, poller: PollHandle) {
        if let Ok(place) = self.place(fh) {
            self.files[place].poller = Some(poller);
        }
    }

    /// Whom to tell that what `handle` names has changed, once.
    pub(crate) fn wake(&mut self, handle: Handle) -> Option<PollHandle> {
        // A few hundred at most, in one piece of memory: looking costs less than the call that follows.
        self.files.iter_mut().find(|file| file.handle == Some(handle))?.poller.take()
    }

    /// The next of those to tell that everything has changed.
    pub(crate) fn wake_any(&mut self) -> Option<PollHandle> {
        self.files.iter_mut().find_map(|file| file.poller.take())
    }

    pub(crate) fn remove(&mut self, fh: FileHandle) {
        if let Ok(place) = self.place(fh) {
            self.files.remove(place);
        }
    }

    /// The host is gone; what is open stays open and of no use.
    pub(crate) fn orphan(&mut self) {
        self.files.iter_mut().for_each(|file| file.handle = None);
    }

    fn place(&self, fh: FileHandle) -> Result<usize, usize> {
        self.files.binary_search_by_key(&fh, |file| file.fh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poller_is_told_once_for_each_time_it_asks() {
        let mut files = Files::default();
        let fh = files.name();
        files.insert(fh, Handle(77), FileFlags(0));
        assert_eq!(files.wake(Handle(77)), None);
        files.wait(fh, PollHandle(5));
        assert_eq!(files.wake(Handle(78)), None);
        assert_eq!(files.wake(Handle(77)), Some(PollHandle(5)));
        assert_eq!(files.wake(Handle(77)), None);
    }

    #[test]
    fn names_last_longer_than_hosts() {
        let mut files = Files::default();
        let old = files.name();
        files.insert(old, Handle(0), FileFlags(0o4000));
        files.orphan();
        let new = files.name();
        files.insert(new, Handle(0), FileFlags(0));
        assert_ne!(old, new);
        assert_eq!(files.get(old).unwrap().handle, None);
        assert_eq!(files.get(new).unwrap().handle, Some(Handle(0)));
        files.wait(new, PollHandle(9));
        assert_eq!(files.wake(Handle(0)), Some(PollHandle(9)), "the living file is meant");
        files.remove(old);
        assert!(files.get(old).is_none() && files.len() == 1);
    }

    #[test]
    fn flags_are_those_last_seen() {
        let mut files = Files::default();
        let fh = files.name();
        files.insert(fh, Handle(1), FileFlags(0o4002));
        assert_eq!(files.get(fh).unwrap().blocking(), Blocking::NonBlocking);
        files.get_with_flags(fh, FileFlags(2));
        assert_eq!(files.get(fh).unwrap().blocking(), Blocking::Wait);
    }
}
