//! The calls that the host has and has not answered.

use std::time::Instant;

use cuse::wire::{FileHandle, Unique};
use mei_core::CallId;

/// A call on its way, and how to answer it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    /// The request that waits; none for what the front end asks for itself.
    pub(crate) unique: Option<Unique>,
    /// Thread that called, 0 if it is not known here.
    pub(crate) thread: u32,
    /// What was asked.
    pub(crate) kind: Kind,
    /// When to look again whether the caller was killed: a signal came, and the call sleeps on.
    pub(crate) look_again: Option<Instant>,
}

/// What a call asks for, as far as its answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The name the file will have, and its flags.
    Open {
        fh: FileHandle,
        flags: cuse::wire::FileFlags,
    },
    /// Bytes there is room for.
    Read {
        size: u32,
    },
    /// Bytes written.
    Write {
        size: u32,
    },
    /// Bytes there is room for.
    Ioctl {
        room: u32,
    },
    Poll,
    Fsync,
    Release,
}

impl Kind {
    /// Whether the call may be answered later than at once, for as long as its caller likes.
    pub(crate) fn may_sleep(self) -> bool {
        matches!(self, Self::Read { .. } | Self::Write { .. } | Self::Ioctl { .. } | Self::Fsync)
    }
}

/// A slab of calls: an id is a place in it, used again once the call is answered.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    places: Vec<Option<Pending>>,
    free: Vec<usize>,
    /// Calls whose caller got a signal that did not end them.
    signalled: usize,
}

impl Calls {
    /// Calls that sleep at a time; the kernel itself knows no bound but threads and memory.
    pub(crate) const MOST: usize = 4096;

    /// Whether one more sleeper is too much. What never sleeps is taken all the same.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= Self::MOST
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, pending: Pending) -> CallId {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[place] = Some(pending);
        CallId(place as u64)
    }

    pub(crate) fn remove(&mut self, id: CallId) -> Option<Pending> {
        let place = usize::try_from(id.0).ok()?;
        let pending = self.places.get_mut(place)?.take()?;
        self.free.push(place);
        self.signalled -= usize::from(pending.look_again.is_some());
        Some(pending)
    }

    /// The call that the request `unique` asked for. Signals are rare and calls few: this looks at all.
    pub(crate) fn find(&self, unique: Unique) -> Option<CallId> {
        let place =
            self.places.iter().position(|place| place.is_some_and(|call| call.unique == Some(unique)))?;
        Some(CallId(place as u64))
    }

    pub(crate) fn get(&self, id: CallId) -> Option<&Pending> {
        self.places.get(usize::try_from(id.0).ok()?)?.as_ref()
    }

    /// Notes that the caller of `id` got a signal, and when to look whether it was killed.
    pub(crate) fn look_again(&mut self, id: CallId, at: Instant) {
        let place = usize::try_from(id.0).ok().and_then(|place| self.places.get_mut(place));
        if let Some(Some(pending)) = place {
            self.signalled += usize::from(pending.look_again.is_none());
            pending.look_again = Some(at);
        }
    }

    /// When to look next at a caller.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        if self.signalled == 0 {
            return None;
        }
        self.places.iter().flatten().filter_map(|pending| pending.look_again).min()
    }

    /// A call whose caller is to be looked at by `now`.
    pub(crate) fn due(&self, now: Instant) -> Option<CallId> {
        if self.signalled == 0 {
            return None;
        }
        let due = |place: &Option<Pending>| {
            place.as_ref().and_then(|pending| pending.look_again).is_some_and(|at| at <= now)
        };
        self.places.iter().position(due).map(|place| CallId(place as u64))
    }

    /// Takes out one call, whichever; for the end of all.
    pub(crate) fn pop(&mut self) -> Option<Pending> {
        let place = self.places.iter().position(Option::is_some)?;
        self.remove(CallId(place as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pending(unique: u64) -> Pending {
        Pending { unique: Some(Unique(unique)), thread: 1, kind: Kind::Fsync, look_again: None }
    }

    #[test]
    fn a_place_is_used_again_and_not_before() {
        let mut calls = Calls::default();
        let (first, second) = (calls.insert(pending(2)), calls.insert(pending(4)));
        assert_ne!(first, second);
        assert_eq!(calls.find(Unique(4)), Some(second));
        assert_eq!(calls.remove(first).unwrap().unique, Some(Unique(2)));
        assert!(calls.remove(first).is_none(), "answered twice");
        assert_eq!(calls.find(Unique(2)), None);
        assert_eq!(calls.insert(pending(6)), first);
        assert_eq!(calls.len(), 2);
    }

    #[test]
    fn callers_with_a_signal_are_looked_at_when_due_and_while_they_wait() {
        let start = Instant::now();
        let later = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut calls = Calls::default();
        let (first, second) = (calls.insert(pending(2)), calls.insert(pending(4)));
        assert_eq!((calls.next_look(), calls.due(later(1000))), (None, None));
        calls.look_again(first, later(200));
        calls.look_again(second, later(100));
        calls.look_again(second, later(300));
        assert_eq!(calls.next_look(), Some(later(200)));
        assert_eq!(calls.due(later(199)), None);
        assert_eq!(calls.due(later(200)), Some(first));
        calls.remove(first);
        assert_eq!(calls.next_look(), Some(later(300)));
        calls.remove(second);
        assert_eq!(calls.next_look(), None);
    }

    #[test]
    fn sleepers_are_bounded() {
        let mut calls = Calls::default();
        for unique in 0..4096 {
            assert!(!calls.is_full());
            calls.insert(pending(unique));
        }
        assert!(calls.is_full());
        while calls.pop().is_some() {}
        assert_eq!(calls.len(), 0);
    }
}
