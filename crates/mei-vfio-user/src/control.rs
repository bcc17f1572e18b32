//! What the owner of a server may ask of it while it serves, from any thread.

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

/// How a function is taken away from its guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// The monitor is asked to let go of it (VFIO's request interrupt), as when a host unbinds a device. It
    /// may take its time, or not listen.
    Requested,
    /// It is gone, and reads as all-ones.
    Surprise,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    FirmwareReset,
    Remove(Removal),
    Reinsert,
    Stop,
}

/// A handle to a serving [`Server`](crate::Server). Orders are carried out in order; those to a server that
/// has ended are nothing.
#[derive(Debug, Clone)]
pub struct Control {
    orders: Sender<Order>,
    wake: Arc<OwnedFd>,
}

impl Control {
    /// The engine resets by itself; its host must notice.
    pub fn firmware_reset(&self) {
        self.send(Order::FirmwareReset);
    }

    /// Takes the function away.
    pub fn remove(&self, removal: Removal) {
        self.send(Order::Remove(removal));
    }

    /// Puts a function that is gone back, as after power-on. The guest has to look for it.
    pub fn reinsert(&self) {
        self.send(Order::Reinsert);
    }

    /// Ends the server and with it the monitor's connection.
    pub fn stop(&self) {
        self.send(Order::Stop);
    }

    fn send(&self, order: Order) {
        if self.orders.send(order).is_ok() {
            // Full is awake.
            let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        }
    }
}

/// The server's end.
#[derive(Debug)]
pub(crate) struct Orders {
    orders: Receiver<Order>,
    wake: Arc<OwnedFd>,
}

pub(crate) fn pair() -> Result<(Control, Orders), Errno> {
    let (sender, receiver) = channel();
    let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
    Ok((Control { orders: sender, wake: Arc::clone(&wake) }, Orders { orders: receiver, wake }))
}

impl Orders {
    /// The next order; after the last one the descriptor is quiet until another comes.
    pub(crate) fn next(&self) -> Option<Order> {
        self.orders.try_recv().ok().or_else(|| {
            let _ = rustix::io::read(&self.wake, &mut [0u8; 8]);
            // One that came in between has woken us for nothing, or is here.
            self.orders.try_recv().ok()
        })
    }
}

impl AsFd for Orders {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
