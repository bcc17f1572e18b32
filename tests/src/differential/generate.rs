//! Random sequences.

use super::random::Random;
use super::step::Step;
use crate::files::{POLLIN, POLLOUT, POLLPRI, POLLRDNORM, POLLWRNORM};
use crate::test_client::{ABSENT, BIG, ECHO, Event, FIXED, SINGLE, TAGGED};
use mei_wire::Guid;

/// Files of one sequence.
pub(super) const SLOTS: usize = 3;

/// What else runs on the device at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    /// Other sequences: no events, no clients with few connections.
    Shared,
    /// Nothing.
    Alone,
}

const SHARED_CLIENTS: [Guid; 3] = [ECHO, BIG, ABSENT];
const CLIENTS: [Guid; 8] = [ECHO, ECHO, ECHO, BIG, SINGLE, FIXED, TAGGED, ABSENT];
/// Those that events are about.
const CONNECTED_CLIENTS: [Guid; 4] = [ECHO, ECHO, BIG, TAGGED];
/// Masks whose bits are there at once or not at all, and masks that are waited for.
const MASKS: [u16; 8] =
    [0, POLLOUT, POLLWRNORM, POLLOUT | POLLWRNORM, POLLIN, POLLRDNORM, POLLIN | POLLPRI, POLLPRI];
const LENGTHS: [usize; 12] = [0, 1, 3, 4, 12, 64, 65, 100, 511, 512, 513, 4096];

/// A sequence of about `length` steps.
pub(super) fn sequence(random: &mut Random, company: Company, length: usize) -> Vec<Step> {
    let mut steps = vec![Step::Open { slot: 0, nonblocking: random.below(3) == 0 }];
    // Most sequences go through a connection; calls on fresh files are short of news.
    if random.below(4) != 0 {
        steps.push(Step::Connect { slot: 0, client: ECHO });
    }
    while steps.len() < length {
        steps.push(step(random, company));
    }
    steps
}

fn step(random: &mut Random, company: Company) -> Step {
    let slot = random.below(SLOTS);
    let client = random.of(if company == Company::Alone { &CLIENTS } else { &SHARED_CLIENTS });
    match random.below(if company == Company::Alone { 34 } else { 26 }) {
        0..=2 => Step::Open { slot, nonblocking: random.below(3) == 0 },
        3 => Step::Close { slot },
        4..=6 => Step::Connect { slot, client },
        7 => Step::ConnectVtag { slot, client, vtag: random.of(&[0, 1, 5]) },
        8 => Step::NotifySet { slot, value: random.of(&[0, 1, 1, 1, 2, u32::MAX]) },
        9 => Step::NotifyGet { slot },
        10 => {
            let command = random.of(&[0xC008_487F, 0xC005_4800, 0x8010_4801, 0x4008_4802, 0xC010_4804]);
            Step::Ioctl { slot, command }
        }
        11..=14 => Step::Read { slot, size: random.of(&LENGTHS) },
        15..=19 => Step::Write {
            slot,
            length: random.of(&LENGTHS),
            fill: u8::try_from(random.below(256)).unwrap_or(0),
        },
        20..=23 => Step::Poll { slot, events: random.of(&MASKS) },
        24 => Step::Fsync { slot },
        25 => Step::SetNonblocking { slot, on: random.below(2) == 0 },
        26 | 27 => Step::Event(Event::Disconnect { client: random.of(&CONNECTED_CLIENTS) }),
        28 => Step::Event(Event::Notify { client: random.of(&CONNECTED_CLIENTS) }),
        29 => Step::Event(Event::Send { client: ECHO, length: random.of(&[0, 5, 64, 512, 700]) }),
        30 => Step::Event(Event::SendWithoutCredit { client: ECHO, length: random.of(&[5, 64]) }),
        31 => Step::Refuse { slot, client: ECHO, status: random.of(&[2, 3, 4, 5, 9]) },
        32 => Step::RefuseNotify { slot, status: random.of(&[1, 3, 6, 7]) },
        _ => Step::Reset(random.of(&RESETS)()),
    }
}

const RESETS: [fn() -> Event; 3] =
    [|| Event::BadHeader, || Event::DropReady, || Event::Frame(vec![0x8004_C8C8, 0])];
