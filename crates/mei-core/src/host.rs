//! Interface draft; bodies follow.
#![expect(clippy::todo, reason = "the interface stands before its bodies")]

use crate::{Call, CallId, Errno, Handle, IoctlCopies, Output};
use mei_wire::Function;
use std::time::Instant;

/// `dev_state` (`device-abi.md` §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// INITIALIZING
    Initializing,
    /// INIT_CLIENTS
    InitClients,
    /// ENABLED
    Enabled,
    /// RESETTING
    Resetting,
    /// DISABLED
    Disabled,
    /// POWERING_DOWN
    PoweringDown,
    /// POWER_DOWN
    PowerDown,
    /// POWER_UP
    PowerUp,
}

/// What the owner of a host may choose; the defaults are the kernel driver's.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The generation's configuration, from the device table.
    pub device: mei_wire::pci::Device,
}

/// The driver of one function.
#[derive(Debug)]
pub struct Host<F> {
    function: F,
}

impl<F: Function> Host<F> {
    /// A host that owns `function` and has not touched it yet.
    pub fn new(function: F, options: Options) -> Self {
        let _ = options;
        Self { function }
    }
    /// Begins: reset, handshake, enumeration.
    pub fn start(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// The function, for its owner to let it work.
    pub fn function(&self) -> &F {
        &self.function
    }
    /// The function, for its owner to let it work.
    pub fn function_mut(&mut self) -> &mut F {
        &mut self.function
    }
    /// The function interrupted (or may have).
    pub fn interrupt(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// Time passed; at [`Host::deadline`] at the latest.
    pub fn advance(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// When [`Host::advance`] must be called.
    pub fn deadline(&self) -> Option<Instant> {
        todo!()
    }
    /// Takes a call; its one reply comes out of [`Host::next_output`], now or later.
    pub fn call(&mut self, id: CallId, call: Call<'_>, now: Instant) {
        let _ = (id, call, now);
        todo!()
    }
    /// A signal reached the sleeping caller: EINTR where the kernel's driver sleeps interruptibly, nothing where not.
    pub fn cancel(&mut self, id: CallId, now: Instant) {
        let _ = (id, now);
        todo!()
    }
    /// The caller is dead (killed): answer as soon as possible whatever the kernel would do, since nobody sees it.
    pub fn abandon(&mut self, id: CallId, now: Instant) {
        let _ = (id, now);
        todo!()
    }
    /// What the kernel checks of an ioctl before it copies from the caller (`device-abi.md` §5.2).
    pub fn ioctl_check(&self, handle: Handle, command: u32) -> Result<IoctlCopies, Errno> {
        let _ = (handle, command);
        todo!()
    }
    /// The next thing to do; drain after every other call.
    pub fn next_output(&mut self) -> Option<Output<'_>> {
        todo!()
    }
    /// System sleep begins.
    pub fn suspend(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// System sleep ended.
    pub fn resume(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// Orderly end: stop handshake, everyone answered; state DISABLED when done.
    pub fn stop(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// The function is gone.
    pub fn remove(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }
    /// `dev_state`.
    pub fn state(&self) -> DeviceState {
        todo!()
    }
    // sysfs and debugfs texts, tx_queue_limit, handles() count: see device-abi.md §12, §13.
}
