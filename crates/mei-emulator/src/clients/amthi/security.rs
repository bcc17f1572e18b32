//! Switches, trusted roots, features.

use super::call::Call;
use crate::clients::amt::Tls;
use crate::clients::amt::values::field;
use mei_wire::amthi::{CertificateHashEntry, SecurityParameters, Status};
use zerocopy::byteorder::little_endian::{U16, U32};

/// Features that [`features_state`] is asked for.
mod feature {
    pub(super) const REDIRECTION: u32 = 0;
    pub(super) const SYSTEM_DEFENSE: u32 = 1;
    pub(super) const WEB_UI: u32 = 2;
    pub(super) const EAC: u32 = 3;
    pub(super) const KVM: u32 = 4;
}

fn flag(value: bool) -> U32 {
    U32::new(u32::from(value))
}

pub(super) fn parameters(call: &mut Call<'_>) -> Status {
    let amt = call.amt;
    let wired = amt.lan.wired.as_ref();
    call.reply.put(&SecurityParameters {
        enterprise_mode: flag(amt.provisioning.mode == 1),
        tls_enabled: flag(call.state.tls == Tls::Enforced),
        hardware_crypto: flag(amt.features.hardware_crypto),
        provisioning_state: U32::new(call.state.provisioning.to_wire()),
        network_interface_enabled: flag(wired.is_some_and(|lan| lan.enabled)),
        sol_enabled: flag(amt.features.sol),
        ider_enabled: flag(amt.features.ider),
        firmware_update_enabled: flag(amt.features.firmware_update),
        link_up: flag(wired.is_some_and(|lan| lan.link_up)),
        kvm_enabled: flag(amt.features.kvm),
        reserved: [U32::ZERO; 7],
    });
    Status::SUCCESS
}

pub(super) fn generate_rng_seed(_: &mut Call<'_>) -> Status {
    Status::SUCCESS
}

pub(super) fn rng_seed_status(call: &mut Call<'_>) -> Status {
    // There always is one.
    call.reply.word(0);
    Status::SUCCESS
}

/// Handles count from 1, so that a program that forgets to read them is told.
pub(super) fn hash_handles(call: &mut Call<'_>) -> Status {
    let count = u32::try_from(call.amt.certificate_hashes.len()).unwrap_or(0);
    call.reply.word(count);
    (1..=count).for_each(|handle| call.reply.word(handle));
    Status::SUCCESS
}

pub(super) fn hash_entry(call: &mut Call<'_>) -> Status {
    let index = usize::try_from(call.word()).ok().and_then(|handle| handle.checked_sub(1));
    let Some(entry) = index.and_then(|index| call.amt.certificate_hashes.get(index)) else {
        return Status::INVALID_HANDLE;
    };
    call.reply.put(&CertificateHashEntry {
        is_default: flag(entry.default),
        is_active: flag(entry.active),
        hash: field(&entry.hash.0),
        algorithm: entry.algorithm.to_wire(),
        name_length: U16::new(u16::try_from(entry.name.len()).unwrap_or(0)),
    });
    call.reply.bytes(entry.name.as_bytes());
    Status::SUCCESS
}

pub(super) fn features_state(call: &mut Call<'_>) -> Status {
    let id = call.word();
    // Nobody is connected, nothing is blocked: words of zero but for what is merely switched on.
    let words: &[u32] = match id {
        feature::REDIRECTION => &[0, 0, 0],
        feature::WEB_UI => &[u32::from(call.amt.features.web_ui)],
        feature::SYSTEM_DEFENSE | feature::EAC | feature::KVM => &[0],
        _ => return Status::INVALID_PARAMETER,
    };
    call.reply.word(id);
    words.iter().for_each(|&word| call.reply.word(word));
    Status::SUCCESS
}

pub(super) fn redirection_state(call: &mut Call<'_>) -> Status {
    let features = &call.amt.features;
    let bits = u32::from(features.sol) | u32::from(features.ider) << 1 | u32::from(features.kvm) << 2;
    call.reply.word(bits);
    Status::SUCCESS
}
