//! Capability rules (`mkhi.md` §4).

use super::call::{Answer, Call};
use super::settings::OsVersion;
use mei_wire::mkhi::{Rule, fwcaps, result};
use zerocopy::byteorder::little_endian::U32;

pub(super) fn get(call: &mut Call<'_>) -> Answer {
    let id = call.word();
    let Some(&mut Some(value)) = call.state.rules.rule(id) else {
        return Answer::Result(call.settings.unknown_rule_result);
    };
    call.put(&Rule { id: U32::new(id), length: 4, value: U32::new(value) });
    Answer::SUCCESS
}

/// Rules say what a machine is; the few that are switches can be written.
pub(super) fn set(call: &mut Call<'_>) -> Answer {
    let id = call.word();
    let length = usize::from(call.data.get(4).copied().unwrap_or_default());
    let Some(data) = call.data.get(5..).and_then(|data| data.get(..length)) else {
        return Answer::Result(result::SIZE_ERROR);
    };
    let value = match (id, data) {
        (fwcaps::RULE_ME_DISABLE, &[value]) => value.into(),
        (fwcaps::RULE_FIRMWARE_UPDATE | fwcaps::RULE_LOCAL_FIRMWARE_UPDATE, &[a, b, c, d]) => {
            u32::from_le_bytes([a, b, c, d])
        }
        (fwcaps::RULE_ME_DISABLE | fwcaps::RULE_FIRMWARE_UPDATE | fwcaps::RULE_LOCAL_FIRMWARE_UPDATE, _) => {
            return Answer::Result(result::SIZE_ERROR);
        }
        _ => return Answer::Result(call.settings.unknown_rule_result),
    };
    if id == fwcaps::RULE_ME_DISABLE && call.state.end_of_post {
        // Only the BIOS may.
        return Answer::Result(result::INVALID_STATE);
    }
    if let Some(rule) = call.state.rules.rule(id) {
        *rule = Some(value);
    }
    call.put_word(id);
    Answer::SUCCESS
}

/// The kernel names its operating system and reads no answer (`client-bus.md` §3.2).
pub(super) fn set_os_version(call: &mut Call<'_>) -> Answer {
    match call.settings.os_version {
        OsVersion::Silence => Answer::Silence,
        OsVersion::Answered => Answer::SUCCESS,
    }
}

/// Rejected: what this firmware can do was settled in the factory.
pub(super) fn feature_override(call: &mut Call<'_>) -> Answer {
    call.put_word(1);
    Answer::SUCCESS
}
