//! From the factory state to a control mode and back (`amthi.md` §4.10, §4.14, §6).

use super::call::Call;
use super::settings::Unprovisioned;
use crate::clients::amt::values::{Text, field};
use crate::clients::amt::{ControlMode, ProvisioningState};
use mei_wire::amthi::{
    ConfigServerData, HostBasedConfigurationAligned, HostBasedConfigurationPacked,
    HostBasedConfigurationStarted, ProvisioningMode, Status,
};
use zerocopy::FromBytes;
use zerocopy::byteorder::little_endian::{U16, U32};

pub(super) fn mode(call: &mut Call<'_>) -> Status {
    call.reply.put(&ProvisioningMode { mode: U32::new(call.amt.provisioning.mode), legacy: U32::ZERO });
    Status::SUCCESS
}

pub(super) fn state(call: &mut Call<'_>) -> Status {
    call.reply.word(call.state.provisioning.to_wire());
    Status::SUCCESS
}

pub(super) fn control_mode(call: &mut Call<'_>) -> Status {
    call.reply.word(call.state.control_mode.to_wire());
    Status::SUCCESS
}

pub(super) fn ehbc_state(call: &mut Call<'_>) -> Status {
    call.reply.word(u32::from(call.amt.features.ehbc));
    Status::SUCCESS
}

pub(super) fn zero_touch_enabled(call: &mut Call<'_>) -> Status {
    call.reply.word(u32::from(call.amt.provisioning.zero_touch));
    Status::SUCCESS
}

pub(super) fn tls_mode(call: &mut Call<'_>) -> Status {
    // PKI as soon as there is a root to trust; there are no pre-shared keys.
    call.reply.word(if call.amt.certificate_hashes.is_empty() { 0 } else { 2 });
    Status::SUCCESS
}

/// What the host set up itself it may take back; what an administrator set up it may not.
pub(super) fn unprovision(call: &mut Call<'_>) -> Status {
    if call.word() > 1 {
        return Status::INVALID_PARAMETER;
    }
    match (call.state.provisioning, call.state.control_mode) {
        (ProvisioningState::Pre, _) => Status::INVALID_PROVISIONING_STATE,
        (_, ControlMode::Admin) => Status(call.settings.unprovision_refusal_status),
        (_, ControlMode::None | ControlMode::Client) => {
            call.state.unprovision();
            if call.settings.unprovisioned == Unprovisioned::StatusAndState {
                call.reply.word(call.state.provisioning.to_wire());
            }
            Status::SUCCESS
        }
    }
}

pub(super) fn start(call: &mut Call<'_>) -> Status {
    if !call.amt.provisioning.zero_touch {
        return Status::NOT_PERMITTED;
    }
    if call.state.provisioning != ProvisioningState::Pre {
        return Status::INVALID_PROVISIONING_STATE;
    }
    call.state.provisioning = ProvisioningState::In;
    Status::SUCCESS
}

pub(super) fn stop(call: &mut Call<'_>) -> Status {
    if call.state.provisioning != ProvisioningState::In {
        return Status::INVALID_PROVISIONING_STATE;
    }
    call.state.provisioning = ProvisioningState::Pre;
    Status::SUCCESS
}

/// The algorithm that the request names. It comes in two layouts, told apart by the announced length.
fn host_based_algorithm(call: &Call<'_>) -> Option<u32> {
    let packed = size_of::<HostBasedConfigurationPacked>();
    if usize::try_from(call.announced) != Ok(packed)
        && let Ok((request, _)) = HostBasedConfigurationAligned::ref_from_prefix(call.data)
    {
        return Some(request.algorithm.get());
    }
    let (request, _) = HostBasedConfigurationPacked::ref_from_prefix(call.data).ok()?;
    Some(request.algorithm.into())
}

pub(super) fn start_host_based(call: &mut Call<'_>) -> Status {
    let Some(algorithm) = host_based_algorithm(call) else { return Status::INVALID_MESSAGE_LENGTH };
    // SHA-256 and SHA-384.
    let (algorithm, length) = match algorithm {
        2 => (2, 32),
        3 => (3, 48),
        _ => return Status::INVALID_PARAMETER,
    };
    if call.state.provisioning == ProvisioningState::Post {
        return Status::INVALID_PROVISIONING_STATE;
    }
    let hashes = &call.amt.provisioning.tls_certificate_hashes;
    let Some(hash) = hashes.iter().find(|hash| hash.0.len() == length) else {
        return Status::CERTIFICATE_NOT_READY;
    };
    call.state.provisioning = ProvisioningState::In;
    call.reply.put(&HostBasedConfigurationStarted { algorithm, hash: field(&hash.0) });
    Status::SUCCESS
}

/// Taken and forgotten: no provisioning server ever comes to show it.
pub(super) fn set_server_otp(call: &mut Call<'_>) -> Status {
    match call.string::<32>() {
        Ok(otp) if otp.is_empty() => Status::INVALID_PARAMETER,
        Ok(_) => Status::SUCCESS,
        Err(status) => status,
    }
}

pub(super) fn server(call: &mut Call<'_>) -> Status {
    let Some(server) = &call.amt.provisioning.server else { return Status::NOT_FOUND };
    let address: Text<45> = server.address.clone();
    call.reply.put(&ConfigServerData { port: U16::new(server.port), address: address.field() });
    call.reply.string(&server.name);
    Status::SUCCESS
}

pub(super) fn audit_record(call: &mut Call<'_>) -> Status {
    match &call.amt.provisioning.audit {
        // Never provisioned remotely.
        None => Status(call.settings.no_audit_record_status),
        Some(audit) => {
            call.reply.put(&audit.to_wire());
            call.reply.string(&audit.server_name);
            Status::SUCCESS
        }
    }
}
