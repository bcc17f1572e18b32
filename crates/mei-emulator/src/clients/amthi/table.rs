//! The commands, one row each.

use super::call::Call;
use super::{identity, names, network, provisioning, remote_access, security};
use mei_wire::amthi::{Command, EnterpriseAccess, HostBasedConfigurationPacked, Status};

/// One command.
pub(super) struct Row {
    /// Its code.
    pub(super) command: Command,
    /// Fewest bytes of data in a request; programs send more.
    pub(super) least: usize,
    /// Writes the answer's data.
    pub(super) answer: fn(&mut Call<'_>) -> Status,
}

const fn row(command: Command, least: usize, answer: fn(&mut Call<'_>) -> Status) -> Row {
    Row { command, least, answer }
}

/// Every command, in the order of their codes (`amthi.md` §3).
#[rustfmt::skip]
pub(super) static COMMANDS: &[Row] = &[
    row(Command::GET_AMT_STATE,                         16, identity::amt_state),
    row(Command::GET_TCPIP_PARAMETERS,                   0, network::tcpip_parameters),
    row(Command::GET_PROVISIONING_MODE,                  0, provisioning::mode),
    row(Command::UNPROVISION,                            4, provisioning::unprovision),
    row(Command::GET_PROVISIONING_STATE,                 0, provisioning::state),
    row(Command::GET_CODE_VERSIONS,                      0, identity::code_versions),
    row(Command::GET_SECURITY_PARAMETERS,                0, security::parameters),
    row(Command::GET_MAC_ADDRESSES,                      0, network::mac_addresses),
    row(Command::GENERATE_RNG_SEED,                      0, security::generate_rng_seed),
    row(Command::START_CONFIGURATION,                    0, provisioning::start),
    row(Command::SET_PROVISIONING_SERVER_OTP,            2, provisioning::set_server_otp),
    row(Command::GET_PROVISIONING_TLS_MODE,              0, provisioning::tls_mode),
    row(Command::ENUMERATE_HASH_HANDLES,                 0, security::hash_handles),
    row(Command::GET_CERTIFICATE_HASH_ENTRY,             4, security::hash_entry),
    row(Command::GET_RNG_SEED_STATUS,                    0, security::rng_seed_status),
    row(Command::SET_DNS_SUFFIX,                         2, names::set_dns_suffix),
    row(Command::GET_ZERO_TOUCH_ENABLED,                 0, provisioning::zero_touch_enabled),
    row(Command::GET_DNS_SUFFIX,                         0, names::dns_suffix),
    row(Command::GET_DNS_SUFFIX_LIST,                    0, names::dns_suffix_list),
    row(Command::SET_ENTERPRISE_ACCESS,                 size_of::<EnterpriseAccess>(), remote_access::set_enterprise_access),
    row(Command::OPEN_USER_INITIATED_CONNECTION,         0, remote_access::open),
    row(Command::CLOSE_USER_INITIATED_CONNECTION,        0, remote_access::close),
    row(Command::GET_REMOTE_ACCESS_CONNECTION_STATUS,    0, remote_access::status),
    row(Command::GET_CURRENT_POWER_POLICY,               0, identity::power_policy),
    row(Command::GET_LAN_INTERFACE_SETTINGS,             4, network::interface_settings),
    row(Command::GET_FEATURES_STATE,                     4, security::features_state),
    row(Command::GET_LAST_HOST_RESET_REASON,             0, identity::last_host_reset_reason),
    row(Command::GET_USER_INITIATED_ENABLED_INTERFACES,  0, remote_access::user_initiated_interfaces),
    row(Command::GET_CONFIG_SERVER_DATA,                 0, provisioning::server),
    row(Command::GET_ME_SETUP_AUDIT_RECORD,              0, provisioning::audit_record),
    row(Command::GET_IPV6_LAN_INTERFACE_STATUS,          4, network::ipv6_status),
    row(Command::GET_FQDN,                               0, names::fqdn),
    row(Command::GET_REDIRECTION_STATE,                  0, security::redirection_state),
    row(Command::SET_HOST_FQDN,                          2, names::set_host_fqdn),
    row(Command::GET_UUID,                               0, identity::uuid),
    row(Command::STOP_CONFIGURATION,                     0, provisioning::stop),
    row(Command::GET_LOCAL_SYSTEM_ACCOUNT,               0, identity::local_system_account),
    row(Command::GET_CONTROL_MODE,                       0, provisioning::control_mode),
    row(Command::GET_EHBC_STATE,                         0, provisioning::ehbc_state),
    row(Command::START_CONFIGURATION_HOST_BASED,
                                   size_of::<HostBasedConfigurationPacked>(), provisioning::start_host_based),
    row(Command::GET_CIRA_LOG,                           1, remote_access::cira_log),
];

/// The row of a command.
pub(super) fn find(command: Command) -> Option<&'static Row> {
    let index = COMMANDS.binary_search_by_key(&command, |row| row.command).ok()?;
    COMMANDS.get(index)
}
