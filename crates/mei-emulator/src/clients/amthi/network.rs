//! Interfaces and addresses.

use super::call::Call;
use super::settings::AbsentInterface;
use crate::clients::amt::LanInterface;
use crate::clients::amt::values::address_word;
use mei_wire::amthi::{Ipv6LanInterfaceStatus, MacAddresses, Status, TcpipParameters};
use zerocopy::byteorder::little_endian::U32;

pub(super) fn mac_addresses(call: &mut Call<'_>) -> Status {
    let wired = call.amt.lan.wired.as_ref();
    let dedicated = wired.map_or([0; 6], |lan| lan.mac.0);
    let host = wired.and_then(|lan| lan.host_mac).map_or(dedicated, |mac| mac.0);
    call.reply.put(&MacAddresses { dedicated, host });
    Status::SUCCESS
}

pub(super) fn interface_settings(call: &mut Call<'_>) -> Status {
    let Some(interface) = call.amt.lan.interface(call.word()) else { return Status::INVALID_PARAMETER };
    if interface.is_none() && call.settings.absent_interface == AbsentInterface::Status {
        return Status::NO_SUCH_INTERFACE;
    }
    call.reply.put(&LanInterface::settings(interface));
    Status::SUCCESS
}

pub(super) fn tcpip_parameters(call: &mut Call<'_>) -> Status {
    let word = |address| U32::new(address_word(address));
    let parameters = match &call.amt.lan.wired {
        None => TcpipParameters {
            dhcp_mode: U32::ZERO,
            address: U32::ZERO,
            mask: U32::ZERO,
            gateway: U32::ZERO,
            primary_dns: U32::ZERO,
            secondary_dns: U32::ZERO,
        },
        Some(lan) => TcpipParameters {
            dhcp_mode: U32::new(if lan.dhcp { 2 } else { 1 }),
            address: word(lan.ipv4),
            mask: word(lan.mask),
            gateway: word(lan.gateway),
            primary_dns: lan.dns.first().copied().map_or(U32::ZERO, word),
            secondary_dns: lan.dns.get(1).copied().map_or(U32::ZERO, word),
        },
    };
    call.reply.put(&parameters);
    call.reply.string(&call.amt.names.domain);
    Status::SUCCESS
}

pub(super) fn ipv6_status(call: &mut Call<'_>) -> Status {
    let Some(interface) = call.amt.lan.interface(call.word()) else { return Status::INVALID_PARAMETER };
    let Some(lan) = interface else { return Status::NO_SUCH_INTERFACE };
    if lan.ipv6.is_empty() {
        return Status::IPV6_DISABLED;
    }
    let told = lan.ipv6.len().min(LanInterface::MAX_IPV6);
    call.reply.put(&Ipv6LanInterfaceStatus {
        router: [0; 46],
        primary_dns: [0; 46],
        secondary_dns: [0; 46],
        count: U32::new(u32::try_from(told).unwrap_or(0)),
    });
    for entry in &lan.ipv6[..told] {
        call.reply.put(&entry.to_wire());
    }
    Status::SUCCESS
}
