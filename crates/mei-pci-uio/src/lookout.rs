//! An interrupt that was lost, which a message can be on a machine with flawed interrupt remapping: its cause stays, no
//! other message is sent while it does, and whoever waits would wait for ever. So a function that has been used is
//! looked at now and then until it has come to rest.

use mei_wire::registers::HostCsr;
use std::time::{Duration, Instant};

/// When to look at a function that interrupts.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    /// When it was last run.
    now: Option<Instant>,
    /// The next look; none while the function rests.
    next: Option<Instant>,
    /// Looks until it counts as resting.
    left: u32,
    /// The last look saw a cause, and no interrupt has come since.
    unheard: bool,
}

impl Lookout {
    const INTERVAL: Duration = Duration::from_secs(1);
    /// As long as firmware may take over an answer that the driver waits for with a time-out, and longer.
    const LOOKS: u32 = 20;

    /// The host has asked the function for something.
    pub(crate) fn used(&mut self) {
        self.left = Self::LOOKS;
        if self.next.is_none() {
            self.next = self.now.map(|now| now + Self::INTERVAL);
        }
    }

    /// An interrupt has come.
    pub(crate) fn heard(&mut self) {
        self.unheard = false;
    }

    /// When to call [`Lookout::run`]; none while the function rests.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Looks at the function when it is time. `status` reads `H_CSR`; none when the function is gone, which its
    /// driver finds out by itself. Whether an interrupt was lost.
    pub(crate) fn run(&mut self, now: Instant, status: impl FnOnce() -> Option<HostCsr>) -> bool {
        self.now = Some(now);
        if self.next.is_none_or(|next| now < next) {
            return false;
        }
        let is_caused = status().is_some_and(|csr| {
            csr.interrupt_status() && csr.interrupt_enable()
                || csr.d0i3_interrupt_status() && csr.d0i3_interrupt_enable()
        });
        // Seen once, it may be on its way.
        let is_lost = is_caused && self.unheard;
        self.unheard = is_caused && !is_lost;
        self.left = self.left.saturating_sub(1);
        self.next = (self.left > 0 || is_caused).then(|| now + Self::INTERVAL);
        is_lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSED: u32 = 0x3;
    const QUIET: u32 = 0x1;

    /// Runs it at its deadline, which it must have; whether an interrupt was lost.
    fn look(lookout: &mut Lookout, csr: u32) -> bool {
        let next = lookout.deadline().expect("it has not come to rest");
        lookout.run(next, || Some(HostCsr::from(csr)))
    }

    fn used() -> Lookout {
        let mut lookout = Lookout::default();
        lookout.run(Instant::now(), || None);
        lookout.used();
        lookout
    }

    #[test]
    fn a_cause_that_nobody_hears_of_interrupts_and_one_on_its_way_does_not() {
        let mut lookout = used();
        assert!(!look(&mut lookout, CAUSED), "it may be on its way");
        lookout.heard();
        assert!(!look(&mut lookout, CAUSED), "the next one may");
        assert!(look(&mut lookout, CAUSED));
        assert!(!look(&mut lookout, CAUSED), "the one that was raised may");
        assert!(!look(&mut lookout, QUIET));
        assert!(!look(&mut lookout, CAUSED), "a cause of its own");
    }

    #[test]
    fn a_function_at_rest_is_not_looked_at() {
        assert_eq!(Lookout::default().deadline(), None);
        let mut lookout = used();
        let mut looks = 0;
        while lookout.deadline().is_some() {
            look(&mut lookout, QUIET);
            looks += 1;
            assert!(looks < 100, "it never rests");
        }
        assert!(looks > 15, "firmware may take 15 seconds over an answer: {looks}");
        lookout.used();
        assert!(lookout.deadline().is_some());
    }

    #[test]
    fn a_function_that_is_gone_is_found_by_others() {
        let mut lookout = used();
        let next = lookout.deadline().unwrap();
        assert!(!lookout.run(next, || None));
    }
}
