//! What the machine is: versions, UUID, account.

use super::call::Call;
use mei_wire::amthi::{AmtState, CodeVersions, LastHostResetReason, LocalSystemAccount, Status};
use zerocopy::byteorder::little_endian::U32;

pub(super) fn code_versions(call: &mut Call<'_>) -> Status {
    let versions = &call.amt.versions;
    let count = u32::try_from(versions.len()).unwrap_or(u32::MAX);
    call.reply.put(&CodeVersions { bios: call.amt.bios.field(), count: U32::new(count) });
    for version in versions {
        call.reply.put(&version.to_wire());
    }
    Status::SUCCESS
}

pub(super) fn uuid(call: &mut Call<'_>) -> Status {
    call.reply.put(&call.amt.uuid.to_bytes());
    Status::SUCCESS
}

pub(super) fn local_system_account(call: &mut Call<'_>) -> Status {
    let account = &call.amt.account;
    call.reply.put(&LocalSystemAccount {
        user: account.user.field(),
        password: account.password.field(),
        padding: [0; 2],
    });
    Status::SUCCESS
}

pub(super) fn power_policy(call: &mut Call<'_>) -> Status {
    call.reply.string(&call.amt.features.power_policy);
    Status::SUCCESS
}

pub(super) fn last_host_reset_reason(call: &mut Call<'_>) -> Status {
    // Nobody resets the host through the engine: the reason is the host's own.
    let timestamp = U32::new(call.amt.provisioning.last_host_reset);
    call.reply.put(&LastHostResetReason { reason: U32::ZERO, timestamp });
    Status::SUCCESS
}

pub(super) fn amt_state(call: &mut Call<'_>) -> Status {
    let Some(&id) = call.data.first_chunk() else { return Status::INVALID_MESSAGE_LENGTH };
    if id != AmtState::LINK {
        return Status::INVALID_PARAMETER;
    }
    let link_up = call.amt.lan.wired.as_ref().is_some_and(|lan| lan.link_up);
    call.reply.put(&AmtState {
        id,
        count: U32::new(5),
        link: u8::from(link_up),
        hardware_sku: 0,
        crypto_fuse: u8::from(call.amt.features.hardware_crypto),
        flash_protection: 1,
        last_reset_reason: 0,
    });
    Status::SUCCESS
}
