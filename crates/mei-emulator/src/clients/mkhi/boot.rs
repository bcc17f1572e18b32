//! What the BIOS tells, and what it may no longer do once it is done (`mkhi.md` §3, §5).

use super::call::{Answer, Call};
use mei_wire::mkhi::generic::boot_state as bits;
use mei_wire::mkhi::{hmrfpo, result};
use zerocopy::byteorder::little_endian::U32;

/// Values of the status in [`hmrfpo::Status`].
const LOCKED: u8 = 1;

/// What [`hmrfpo::Enabled`] says when nothing is opened.
const REFUSED_LOCKED: u8 = 1;

pub(super) fn boot_state(call: &mut Call<'_>) -> Answer {
    let state = if call.state.end_of_post { bits::END_OF_POST | bits::CORE_BIOS_DONE } else { 0 };
    call.put_word(state);
    call.put_word(0);
    Answer::SUCCESS
}

pub(super) fn end_of_post(call: &mut Call<'_>) -> Answer {
    call.state.end_of_post = true;
    call.state.hmrfpo_status = LOCKED;
    // Continue.
    call.put_word(0);
    Answer::SUCCESS
}

pub(super) fn eop_state(call: &mut Call<'_>) -> Answer {
    call.put_word(u32::from(call.state.end_of_post));
    Answer::SUCCESS
}

pub(super) fn unconfigure(call: &mut Call<'_>) -> Answer {
    Answer::Result(before_end_of_post(call))
}

pub(super) fn set_debug_memory(call: &mut Call<'_>) -> Answer {
    Answer::Result(before_end_of_post(call))
}

pub(super) fn set_measured_boot(call: &mut Call<'_>) -> Answer {
    let refusal = before_end_of_post(call);
    if refusal == result::SUCCESS {
        call.state.measured_boot = call.data.first().copied().unwrap_or_default();
    }
    Answer::Result(refusal)
}

pub(super) fn measured_boot(call: &mut Call<'_>) -> Answer {
    let state = call.state.measured_boot;
    call.reply.push(state);
    Answer::SUCCESS
}

/// An accepted reset is not answered; this is a refusal. The engine is not asked to reset by its own client.
pub(super) fn global_reset(_: &mut Call<'_>) -> Answer {
    Answer::Result(result::INVALID_STATE)
}

pub(super) fn hmrfpo_enable(call: &mut Call<'_>) -> Answer {
    // No flash is behind the engine: the region is never opened.
    call.put(&hmrfpo::Enabled {
        base: U32::ZERO,
        limit: U32::ZERO,
        status: REFUSED_LOCKED,
        reserved: [0; 3],
    });
    Answer::SUCCESS
}

pub(super) fn hmrfpo_lock(call: &mut Call<'_>) -> Answer {
    call.state.hmrfpo_status = LOCKED;
    Answer::SUCCESS
}

pub(super) fn hmrfpo_status(call: &mut Call<'_>) -> Answer {
    let status = call.state.hmrfpo_status;
    call.put(&hmrfpo::Status { status, reserved: [0; 3] });
    Answer::SUCCESS
}

fn before_end_of_post(call: &Call<'_>) -> u8 {
    if call.state.end_of_post { result::INVALID_STATE } else { result::SUCCESS }
}
