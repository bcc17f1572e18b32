//! A function as the loop that owns it sees it: something that works, interrupts and waits.

use crate::Function;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// A function together with its interrupt, whatever it is made of: silicon behind VFIO, an emulated engine in
/// this process, a recorder around either.
///
/// The owner waits for [`Device::interrupt_fd`] and [`Device::deadline`], calls [`Device::run`] after each
/// wait and after each batch of register writes, and hands the driver an interrupt whenever
/// [`Device::take_interrupt`] says so.
pub trait Device: Function {
    /// Lets the function work: an emulated engine consumes what was written and acts on time, hardware does
    /// so by itself. Cheap when there is nothing to do.
    fn run(&mut self, now: Instant);

    /// When [`Device::run`] must be called even if nothing happens.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Whether the function interrupts now. Taking it clears an edge (a descriptor's count) but not its cause in
    /// the registers.
    fn take_interrupt(&mut self) -> bool;

    /// The driver has dealt with the interrupt: a masked INTx line is opened again (`hw.md` §5).
    fn end_of_interrupt(&mut self) {}

    /// Readable when [`Device::take_interrupt`] may say yes. None: the function interrupts only in
    /// [`Device::run`] or on a register write.
    fn interrupt_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
