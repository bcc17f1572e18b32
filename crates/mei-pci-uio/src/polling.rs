//! A function without an interrupt: looked at often while it works, seldom while it rests.

use mei_wire::registers::HostCsr;
use std::time::{Duration, Instant};

/// When to look at the function next.
#[derive(Debug)]
pub(crate) struct Polling {
    interval: Duration,
    next: Instant,
    hurried: bool,
    pending: bool,
}

impl Polling {
    /// While messages go back and forth; firmware takes a few milliseconds to answer.
    const SHORTEST: Duration = Duration::from_millis(1);
    /// While nothing happens.
    const LONGEST: Duration = Duration::from_millis(100);

    pub(crate) fn new(now: Instant) -> Self {
        Self { interval: Self::SHORTEST, next: now, hurried: false, pending: false }
    }

    /// The host did something that the function will answer.
    pub(crate) fn hurry(&mut self) {
        self.hurried = true;
    }

    /// When to call [`Polling::run`].
    pub(crate) fn deadline(&self) -> Instant {
        self.next
    }

    /// Looks at the function when it is time. `status` reads `H_CSR`, none when the function is gone: that
    /// interrupts too, so that its driver finds out.
    pub(crate) fn run(&mut self, now: Instant, status: impl FnOnce() -> Option<HostCsr>) {
        if std::mem::take(&mut self.hurried) {
            self.interval = Self::SHORTEST;
            self.next = self.next.min(now + self.interval);
        }
        if now < self.next {
            return;
        }
        let interrupts = status().is_none_or(|csr| {
            csr.interrupt_status() && csr.interrupt_enable()
                || csr.d0i3_interrupt_status() && csr.d0i3_interrupt_enable()
        });
        if interrupts {
            self.pending = true;
            self.interval = Self::SHORTEST;
        } else {
            self.interval = (self.interval * 2).min(Self::LONGEST);
        }
        self.next = now + self.interval;
    }

    /// Whether the function interrupts.
    pub(crate) fn take(&mut self) -> bool {
        std::mem::take(&mut self.pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resting_function_is_looked_at_ever_more_seldom_until_it_works_again() {
        let start = Instant::now();
        let mut polling = Polling::new(start);
        let mut looks = 0;
        let mut now = start;
        while now < start + Duration::from_secs(10) {
            polling.run(now, || {
                looks += 1;
                Some(HostCsr::new().with_interrupts(true))
            });
            assert!(!polling.take());
            assert!(polling.deadline() > now && polling.deadline() <= now + Duration::from_millis(100));
            now = polling.deadline();
        }
        assert!((100..120).contains(&looks), "{looks}");
        polling.hurry();
        polling.run(now, || Some(HostCsr::new()));
        assert!(polling.deadline() <= now + Duration::from_millis(2));
    }

    #[test]
    fn a_cause_interrupts_once_and_only_while_it_is_enabled() {
        let start = Instant::now();
        for (csr, expected) in
            [(0x0, false), (0x2, false), (0x3, true), (0x42, false), (0x60, true), (0x41, false)]
        {
            let mut polling = Polling::new(start);
            polling.run(start, || Some(HostCsr::from(csr)));
            assert_eq!(polling.take(), expected, "{csr:#x}");
            assert!(!polling.take());
        }
    }

    #[test]
    fn a_function_that_is_gone_interrupts() {
        let start = Instant::now();
        let mut polling = Polling::new(start);
        polling.run(start, || None);
        assert!(polling.take());
    }
}
