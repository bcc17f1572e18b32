//! How other threads reach the one that owns the device.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use mei_core::Host;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::{Errno, read, write};

/// Requests on their way at a time.
const DEPTH: usize = 64;
/// How long the loop may take to get to a request. It never sleeps over one, so this is for a machine that
/// stands still.
const PATIENCE: Duration = Duration::from_secs(10);

/// A look at the host by its owner.
type Visit<D> = Box<dyn FnOnce(&mut Host<D>, Instant) + Send>;

/// The way to the thread that owns the device, for those who ask now and then: the sysfs tree, a watchdog. Not
/// for calls of programs.
pub struct Remote<D> {
    orders: SyncSender<Order<D>>,
    bell: Arc<OwnedFd>,
}

/// What a remote asks for.
pub(crate) enum Order<D> {
    Visit(Visit<D>),
    Watch(Arc<OwnedFd>),
    Stop,
}

/// The loop's end.
pub(crate) struct Inbox<D> {
    orders: Receiver<Order<D>>,
    bell: Arc<OwnedFd>,
}

/// Why a remote has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// The front end has ended.
    #[error("the device is not served any more")]
    Closed,
    /// Its loop does not come round, as on a machine that stands still. What was asked may happen yet.
    #[error("the device's server does not come round")]
    Late,
}

impl Unanswered {
    /// What a program is told: ENODEV as of a device that is gone, ETIMEDOUT.
    #[must_use]
    pub fn errno(self) -> Errno {
        match self {
            Self::Closed => Errno::NODEV,
            Self::Late => Errno::TIMEDOUT,
        }
    }
}

/// Readable whenever `dev_state` has changed since the last [`StateWatch::take`].
#[derive(Debug)]
pub struct StateWatch {
    bell: Arc<OwnedFd>,
}

/// A way in and its end.
pub(crate) fn pair<D>() -> Result<(Remote<D>, Inbox<D>), Errno> {
    let (sender, orders) = sync_channel(DEPTH);
    let bell = Arc::new(bell()?);
    Ok((Remote { orders: sender, bell: Arc::clone(&bell) }, Inbox { orders, bell }))
}

fn bell() -> Result<OwnedFd, Errno> {
    eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
}

/// Makes a bell readable. It can only fail by being so already.
pub(crate) fn ring(bell: &OwnedFd) {
    let _ = write(bell, &1u64.to_ne_bytes());
}

fn silence(bell: &OwnedFd) {
    let _ = read(bell, &mut [0; 8]);
}

impl<D> Remote<D> {
    /// Lets the owner of the host call `visit` with it and returns what that returned. The host's answers
    /// to calls that this sets free go out afterwards.
    ///
    /// `visit` runs on the thread that serves programs: it must not block.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub fn visit<R: Send + 'static>(
        &self,
        visit: impl FnOnce(&mut Host<D>, Instant) -> R + Send + 'static,
    ) -> Result<R, Unanswered> {
        let (answer, answered) = sync_channel(1);
        let visit: Visit<D> = Box::new(move |host, now| {
            // Whoever asked may have lost patience.
            let _ = answer.try_send(visit(host, now));
        });
        self.order(Order::Visit(visit))?;
        answered.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => Unanswered::Late,
            RecvTimeoutError::Disconnected => Unanswered::Closed,
        })
    }

    /// Ends the front end: everyone is answered, then its loop returns. A second one cuts the lingering short.
    pub fn stop(&self) {
        // Waits for room: the loop comes round, or ends. One that has ended already needs no second word.
        let _ = self.orders.send(Order::Stop);
        ring(&self.bell);
    }

    /// Tells of changes of `dev_state` from now on.
    ///
    /// # Errors
    /// [`Unanswered`]; [`Unanswered::Closed`] also when there is no descriptor left.
    pub fn watch_state(&self) -> Result<StateWatch, Unanswered> {
        let bell = Arc::new(bell().map_err(|_| Unanswered::Closed)?);
        self.order(Order::Watch(Arc::clone(&bell)))?;
        Ok(StateWatch { bell })
    }

    fn order(&self, order: Order<D>) -> Result<(), Unanswered> {
        self.orders.try_send(order).map_err(|error| match error {
            // Only if the loop does not come round, since those who ask wait for their answer.
            TrySendError::Full(_) => Unanswered::Late,
            TrySendError::Disconnected(_) => Unanswered::Closed,
        })?;
        ring(&self.bell);
        Ok(())
    }
}

impl<D> Clone for Remote<D> {
    fn clone(&self) -> Self {
        Self { orders: self.orders.clone(), bell: Arc::clone(&self.bell) }
    }
}

impl<D> fmt::Debug for Remote<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}

impl<D> Inbox<D> {
    /// The next order. None: wait for the descriptor.
    pub(crate) fn next(&self) -> Option<Order<D>> {
        self.orders.try_recv().ok()
    }

    /// To be called when the descriptor was readable and before the orders are taken.
    pub(crate) fn silence(&self) {
        silence(&self.bell);
    }
}

impl<D> fmt::Debug for Inbox<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

impl<D> AsFd for Inbox<D> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl StateWatch {
    /// Forgets the changes so far.
    pub fn take(&self) {
        silence(&self.bell);
    }
}

impl AsFd for StateWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_does_not_come_round_is_not_one_that_has_ended() {
        let (remote, inbox) = pair::<()>().unwrap();
        for _ in 0..DEPTH {
            remote.watch_state().unwrap();
        }
        assert_eq!(remote.watch_state().unwrap_err(), Unanswered::Late);
        assert_eq!(remote.visit(|_, _| ()), Err(Unanswered::Late));
        // The order to stop waits for the loop: one that did not would be lost by the time that the loop comes round.
        let stopper = std::thread::spawn({
            let remote = remote.clone();
            move || remote.stop()
        });
        std::thread::sleep(Duration::from_millis(50));
        let taken: Vec<_> = (0..=DEPTH).filter_map(|_| inbox.orders.recv_timeout(PATIENCE).ok()).collect();
        assert!(matches!(taken.last(), Some(Order::Stop)));
        stopper.join().unwrap();
        drop(inbox);
        assert_eq!(remote.watch_state().unwrap_err(), Unanswered::Closed);
        assert_eq!(remote.visit(|_, _| ()), Err(Unanswered::Closed));
    }
}
