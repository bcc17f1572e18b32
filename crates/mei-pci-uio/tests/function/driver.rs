//! The least that a driver does (`hw.md` §4, §5): reset, ready, and one exchange with the bus.

use mei_pci_uio::PciFunction;
use mei_wire::{Device, Gone, Registers};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::time::{Duration, Instant};

const H_CSR: u32 = 0x004;
const ME_CSR_HA: u32 = 0x00C;
const H_IE: u32 = 1 << 0;
const H_IS: u32 = 1 << 1;
const H_IG: u32 = 1 << 2;
const H_RDY: u32 = 1 << 3;
const H_RST: u32 = 1 << 4;
const D0I3C_IE: u32 = 1 << 5;
const D0I3C_IS: u32 = 1 << 6;
const ME_RDY: u32 = 1 << 3;
const CAUSES: u32 = H_IS | D0I3C_IS;
const ENABLES: u32 = H_IE | D0I3C_IE;

/// Nothing takes that long; a machine that is slow does not fail for it.
const LIMIT: Duration = Duration::from_secs(60);

/// A function and its driver.
pub(crate) struct Driver(PciFunction);

impl Driver {
    pub(crate) fn new(function: PciFunction) -> Self {
        Self(function)
    }

    pub(crate) fn into_function(self) -> PciFunction {
        self.0
    }

    fn csr(&mut self) -> u32 {
        self.0.read32(H_CSR).expect("the function is there")
    }

    fn set_csr(&mut self, value: u32) {
        self.0.write32(H_CSR, value).expect("the function is there");
    }

    /// Resets the link and brings it up.
    pub(crate) fn start(&mut self) {
        // What a previous driver left asserted would not be seen as a new reset.
        let csr = self.csr();
        if csr & H_RST != 0 {
            self.set_csr(csr & !(H_RST | CAUSES));
        }
        let csr = self.csr() & !H_RDY;
        self.set_csr(csr | H_RST | H_IG | CAUSES | ENABLES);
        self.csr();
        loop {
            self.interrupt();
            let ready = self.0.read32(ME_CSR_HA).expect("the function is there") & ME_RDY != 0;
            self.end_of_interrupt();
            if ready {
                break;
            }
        }
        let csr = self.csr() & !CAUSES;
        self.set_csr((csr | H_IG) & !H_RST);
        let csr = self.csr() & !CAUSES;
        self.set_csr(csr | H_IG | H_RDY | ENABLES);
    }

    /// Asks the bus to start, and takes its answer.
    pub(crate) fn start_request(&mut self) {
        self.0.write_window(&[0x8004_0000, 0x0202_0001]).expect("the function is there");
        let csr = self.csr() & !CAUSES;
        self.set_csr(csr | H_IG);
        let mut answer = [0; 2];
        loop {
            self.interrupt();
            let csr = self.0.read32(ME_CSR_HA).expect("the function is there");
            let filled = (csr >> 16).wrapping_sub(csr >> 8) & 0xFF;
            if filled >= 2 {
                self.0.read_window(&mut answer).expect("the function is there");
                let csr = self.csr() & !CAUSES;
                self.set_csr(csr | H_IG);
            }
            self.end_of_interrupt();
            if filled >= 2 {
                break;
            }
        }
        assert_eq!(answer[0], 0x8004_0000, "{answer:08x?}");
        assert_eq!(answer[1] & 0xFF, 0x81, "{answer:08x?}");
    }

    /// Stops the link, interrupts off.
    pub(crate) fn stop(&mut self) {
        let csr = self.csr() & !ENABLES;
        self.set_csr(csr | H_RST | H_IG | CAUSES);
        let csr = self.csr() & !CAUSES;
        self.set_csr((csr | H_IG) & !H_RST);
    }

    /// Waits for an interrupt and acknowledges it with the sources masked.
    fn interrupt(&mut self) {
        let deadline = Instant::now() + LIMIT;
        while !self.wait(deadline) {}
        let csr = self.csr();
        self.set_csr(csr & !(CAUSES | ENABLES));
        let csr = self.csr();
        self.set_csr(csr);
    }

    fn end_of_interrupt(&mut self) {
        let csr = self.csr() & !CAUSES;
        self.set_csr(csr | ENABLES);
        self.0.end_of_interrupt();
    }

    /// Waits for whatever the function waits for; whether it interrupted.
    fn wait(&mut self, deadline: Instant) -> bool {
        assert!(Instant::now() < deadline, "no interrupt; H_CSR {:?}", self.0.read32(H_CSR));
        self.0.run(Instant::now());
        if self.0.take_interrupt() {
            return true;
        }
        let next = self.0.deadline().unwrap_or(deadline).min(deadline);
        let left = Timespec::try_from(next.saturating_duration_since(Instant::now())).expect("a minute fits");
        let mut fds: Vec<PollFd<'_>> =
            self.0.interrupt_fd().iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        poll(&mut fds, Some(&left)).expect("poll waits");
        drop(fds);
        self.0.run(Instant::now());
        self.0.take_interrupt()
    }

    /// Waits until the function says that it is gone.
    pub(crate) fn wait_until_gone(&mut self) {
        let deadline = Instant::now() + LIMIT;
        loop {
            if self.wait(deadline) && self.0.read32(H_CSR) == Err(Gone) {
                break;
            }
        }
    }
}
