//! How long the loop looks for the next request before it sleeps.

use std::time::{Duration, Instant};

/// The longest look. Sleeping and being woken takes a processor of its own longer than a request does, and whoever talks
/// to a device asks again within this.
const WINDOW: Duration = Duration::from_micros(30);
/// Most sleeps without a look between two looks in vain.
const MOST_SKIPPED: u32 = 1024;
/// Looks that find something, after which several programs get a sleep between them. A program that is answered before
/// it sleeps keeps its processor to the end of its time slice, while others that have the device open wait for it.
const TURN: u32 = 128;

/// Looks on while that pays: a look in vain, as each is where program and server share a processor, is followed by
/// twice as many sleeps without one as the last. Several programs get a sleep in turn between many looks that pay.
#[derive(Debug)]
pub(crate) struct Patience {
    /// When the present look ends.
    until: Option<Instant>,
    /// Sleeps left before the next look.
    skip: u32,
    /// Sleeps that were skipped after the last look in vain.
    penalty: u32,
    /// Looks that found something since one was left out.
    streak: u32,
}

impl Patience {
    pub(crate) const fn new() -> Self {
        Self { until: None, skip: 0, penalty: 0, streak: 0 }
    }

    /// A request came.
    pub(crate) fn found(&mut self) {
        if self.until.take().is_some() {
            self.penalty /= 2;
            self.streak = self.streak.saturating_add(1);
        }
    }

    /// Nothing is there: whether to look once more before sleeping. `shared`: several files are open.
    pub(crate) fn lasts(&mut self, now: Instant, shared: bool) -> bool {
        let looks = match self.until {
            None if self.skip > 0 => {
                self.skip -= 1;
                false
            }
            None if shared && self.streak >= TURN => false,
            None => {
                self.until = Some(now + WINDOW);
                true
            }
            Some(until) if now < until => true,
            Some(_) => {
                self.until = None;
                self.penalty = (self.penalty * 2).clamp(1, MOST_SKIPPED);
                self.skip = self.penalty;
                false
            }
        };
        if !looks {
            self.streak = 0;
        }
        looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sleeps until the next look, and that one in vain.
    fn sleeps_before_a_look(patience: &mut Patience, now: Instant) -> u32 {
        let mut sleeps = 0;
        while !patience.lasts(now, false) {
            sleeps += 1;
        }
        assert!(!patience.lasts(now + WINDOW, false));
        sleeps
    }

    #[test]
    fn looks_in_vain_become_rare() {
        let (mut patience, now) = (Patience::new(), Instant::now());
        let sleeps: Vec<u32> = (0..13).map(|_| sleeps_before_a_look(&mut patience, now)).collect();
        assert_eq!(sleeps, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024]);
    }

    #[test]
    fn what_is_found_is_looked_for_again() {
        let (mut patience, now) = (Patience::new(), Instant::now());
        for _ in 0..3 {
            sleeps_before_a_look(&mut patience, now);
        }
        for _ in 0..4 {
            assert!(!patience.lasts(now, false));
        }
        for _ in 0..10 {
            assert!(patience.lasts(now, false) && patience.lasts(now + WINDOW / 2, false));
            patience.found();
        }
        sleeps_before_a_look(&mut patience, now);
        assert_eq!(patience.penalty, 1);
    }

    #[test]
    fn several_programs_take_turns() {
        let (mut patience, now) = (Patience::new(), Instant::now());
        let found_before_a_sleep = |patience: &mut Patience, shared| {
            let look = |_: &u32| {
                patience.lasts(now, shared) && {
                    patience.found();
                    true
                }
            };
            (0..3 * TURN).take_while(look).count()
        };
        assert_eq!(found_before_a_sleep(&mut patience, true), TURN as usize);
        assert_eq!(found_before_a_sleep(&mut patience, true), TURN as usize);
        assert_eq!(found_before_a_sleep(&mut patience, false), 3 * TURN as usize);
    }

    #[test]
    fn a_request_that_was_there_already_says_nothing() {
        let (mut patience, now) = (Patience::new(), Instant::now());
        sleeps_before_a_look(&mut patience, now);
        patience.found();
        assert_eq!(sleeps_before_a_look(&mut patience, now), 1);
    }
}
