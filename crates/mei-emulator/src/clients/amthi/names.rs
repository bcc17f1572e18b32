//! Names and DNS suffixes.

use super::call::Call;
use super::settings::NameList;
use mei_wire::amthi::{Fqdn, Status};
use zerocopy::byteorder::little_endian::U32;

/// Most bytes of the list of suffixes.
const MAX_SUFFIX_LIST: usize = 1000;

pub(super) fn dns_suffix(call: &mut Call<'_>) -> Status {
    call.reply.string(&call.state.pki_dns_suffix);
    Status::SUCCESS
}

pub(super) fn set_dns_suffix(call: &mut Call<'_>) -> Status {
    match call.string() {
        Ok(suffix) => call.state.pki_dns_suffix = suffix,
        Err(status) => return status,
    }
    Status::SUCCESS
}

pub(super) fn dns_suffix_list(call: &mut Call<'_>) -> Status {
    let names = &call.amt.names.dns_suffixes;
    let list = call.settings.dns_suffix_list;
    call.reply.counted(|reply| {
        // Names that no longer fit are left out.
        let mut length = 0;
        for (index, name) in names.iter().enumerate() {
            length += name.len() + 1;
            if length > MAX_SUFFIX_LIST {
                break;
            }
            if list == NameList::Separated && index > 0 {
                reply.zeros(1);
            }
            reply.bytes(name.as_bytes());
            if list == NameList::Terminated {
                reply.zeros(1);
            }
        }
    });
    Status::SUCCESS
}

pub(super) fn set_host_fqdn(call: &mut Call<'_>) -> Status {
    match call.string() {
        Ok(name) => call.state.host_fqdn = name,
        Err(status) => return status,
    }
    Status::SUCCESS
}

pub(super) fn fqdn(call: &mut Call<'_>) -> Status {
    let names = &call.amt.names;
    let own;
    let fqdn: &str = if names.shared && !call.state.host_fqdn.is_empty() {
        &call.state.host_fqdn
    } else if names.domain.is_empty() {
        &names.host
    } else {
        own = format!("{}.{}", names.host, names.domain);
        &own
    };
    let host_length = fqdn.find('.').unwrap_or(fqdn.len());
    call.reply.put(&Fqdn {
        shared: U32::new(u32::from(names.shared)),
        ddns_update_enabled: U32::new(u32::from(names.ddns_update)),
        ddns_periodic_interval: U32::new(names.ddns_interval),
        ddns_ttl: U32::new(names.ddns_ttl),
        host_name_length: U32::new(u32::try_from(host_length).unwrap_or(0)),
    });
    call.reply.string(fqdn);
    Status::SUCCESS
}
