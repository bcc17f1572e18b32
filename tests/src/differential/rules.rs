//! Known differences. Each rule names its row of `docs/fidelity.md`.

use super::runner::{Answer, Trace, is};
use super::step::Step;
use crate::files::{Errno, Transport};

/// What a rule says of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// Row of `docs/fidelity.md`.
    pub(super) fidelity: &'static str,
    /// Whether the devices are in different states from here on.
    pub(super) parted: bool,
}

/// The rule for a difference at the last of `steps`, if there is one.
pub(super) fn known(steps: &[Step], sides: [Transport; 2], traces: [&Trace; 2]) -> Option<Known> {
    let (step, earlier) = steps.split_last()?;
    let answers = traces.map(|trace| &trace.answer);
    let has = |transport| sides.contains(&transport);
    let front_end = |side: Transport| matches!(side, Transport::Fuse | Transport::Cuse);
    let one_is = |errno| answers.iter().any(|answer| is(answer, errno));
    let any_front_end = sides.into_iter().any(front_end);
    let driver = has(Transport::MeiMe);
    let went_by = |kind: &str| earlier.iter().any(|step| step.kind() == kind);
    let here = |fidelity| Some(Known { fidelity, parted: false });
    let parted = |fidelity| Some(Known { fidelity, parted: true });
    match step {
        Step::Write { length: 0, .. } | Step::Read { size: 0, .. }
            if any_front_end && one_is(Errno::ENODEV) =>
        {
            here("F-ZERO-LENGTH")
        }
        Step::Fsync { .. } if has(Transport::Cuse) && one_is(Errno::EINVAL) => here("F-FSYNC-CUSE"),
        Step::NotifyGet { .. } if any_front_end && one_is(Errno::EAGAIN) && went_by("nonblock") => {
            here("F-NONBLOCK-IOCTL")
        }
        Step::NotifySet { .. } | Step::RefuseNotify { .. } if driver && went_by("notify-refused") => {
            parted("Q6")
        }
        Step::NotifyGet { .. } | Step::Poll { .. } | Step::NotifySet { .. } | Step::RefuseNotify { .. }
            if driver
                && (went_by("notify-set") || went_by("notify-refused"))
                && (went_by("event disconnect") || went_by("event reset")) =>
        {
            parted("Q7")
        }
        Step::Read { .. } | Step::Poll { .. }
            if driver && (went_by("event reset") || went_by("event disconnect")) =>
        {
            let silent = |answer: &Answer| {
                is(answer, Errno::EINTR)
                    || is(answer, Errno::EAGAIN)
                    || matches!(answer, Answer::Said(outcome) if outcome.result == Ok(0))
            };
            let side = usize::from(sides[1] == Transport::MeiMe);
            if silent(answers[side]) { parted("Q9") } else { None }
        }
        _ => None,
    }
}
