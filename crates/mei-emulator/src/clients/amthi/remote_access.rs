//! The tunnel to a management server, and where the host is.

use super::call::Call;
use crate::clients::amt::Tunnel;
use mei_wire::amthi::{CIRA_LOG_LENGTH, EnterpriseAccess, RemoteAccessConnectionStatus, Status};
use zerocopy::FromBytes;
use zerocopy::byteorder::little_endian::U32;

pub(super) fn status(call: &mut Call<'_>) -> Status {
    let tunnel = match call.state.tunnel {
        Tunnel::Closed => 0,
        Tunnel::Connecting => 1,
    };
    call.reply.put(&RemoteAccessConnectionStatus {
        // The wired interface sits directly in its network.
        network: U32::ZERO,
        tunnel: U32::new(tunnel),
        // Only a user has ever asked for the tunnel.
        trigger: U32::ZERO,
    });
    call.reply.string(call.amt.management_server.as_ref().map_or("", |server| &server.host));
    Status::SUCCESS
}

pub(super) fn open(call: &mut Call<'_>) -> Status {
    if call.amt.management_server.is_none() {
        return Status::NOT_FOUND;
    }
    call.state.tunnel = Tunnel::Connecting;
    Status::SUCCESS
}

pub(super) fn close(call: &mut Call<'_>) -> Status {
    if call.state.tunnel == Tunnel::Closed {
        return Status::NOT_FOUND;
    }
    call.state.tunnel = Tunnel::Closed;
    Status::SUCCESS
}

pub(super) fn user_initiated_interfaces(call: &mut Call<'_>) -> Status {
    call.reply.word(call.amt.management_server.as_ref().map_or(0, |server| server.user_initiated));
    Status::SUCCESS
}

pub(super) fn set_enterprise_access(call: &mut Call<'_>) -> Status {
    let Ok((request, _)) = EnterpriseAccess::ref_from_prefix(call.data) else {
        return Status::INVALID_MESSAGE_LENGTH;
    };
    call.state.enterprise_access = request.access == 1;
    Status::SUCCESS
}

pub(super) fn cira_log(call: &mut Call<'_>) -> Status {
    if call.data.first() != Some(&0) {
        return Status::INVALID_PARAMETER;
    }
    // Version 0, and nothing recorded: no tunnel was ever tried.
    call.reply.zeros(CIRA_LOG_LENGTH);
    Status::SUCCESS
}
