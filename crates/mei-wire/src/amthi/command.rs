//! Command codes (`amthi.md` §3).

/// Command code of a request: operation in bits 0 to 22, [`super::RESPONSE`] in bit 23, class above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Command(pub u32);

macro_rules! commands {
    ($($(#[$doc:meta])* $constant:ident = $code:literal, $name:literal;)*) => {
        impl Command {
            $($(#[$doc])* pub const $constant: Self = Self($code);)*

            /// Every command that is known, in order of class and code.
            pub const ALL: &'static [Self] = &[$(Self::$constant,)*];

            /// The field's name for it, if it has one.
            pub const fn name(self) -> Option<&'static str> {
                Some(match self.0 {
                    $($code => $name,)*
                    _ => return None,
                })
            }
        }
    };
}

commands! {
    /// State variables by id.
    GET_AMT_STATE = 0x0100_0001, "GetAMTState";
    /// IPv4 settings of the wired interface.
    GET_TCPIP_PARAMETERS = 0x0400_0006, "GetTcpipParameters";
    /// Whether AMT is provisioned, and in which mode.
    GET_PROVISIONING_MODE = 0x0400_0008, "GetProvisioningMode";
    /// Back to the factory state.
    UNPROVISION = 0x0400_0010, "Unprovision";
    /// How far provisioning has come.
    GET_PROVISIONING_STATE = 0x0400_0011, "GetProvisioningState";
    /// BIOS and firmware versions.
    GET_CODE_VERSIONS = 0x0400_001A, "GetCodeVersions";
    /// Seventeen switches and states.
    GET_SECURITY_PARAMETERS = 0x0400_001B, "GetSecurityParameters";
    /// Dedicated and host MAC address.
    GET_MAC_ADDRESSES = 0x0400_0025, "GetMACAddresses";
    /// Make a seed for random numbers.
    GENERATE_RNG_SEED = 0x0400_0028, "GenerateRngSeed";
    /// Begin remote configuration.
    START_CONFIGURATION = 0x0400_0029, "StartConfiguration";
    /// One-time password that the provisioning server must show.
    SET_PROVISIONING_SERVER_OTP = 0x0400_002A, "SetProvisioningServerOTP";
    /// 0 not ready, 1 PSK, 2 PKI.
    GET_PROVISIONING_TLS_MODE = 0x0400_002B, "GetProvisioningTLSMode";
    /// Handles of the trusted root certificate hashes.
    ENUMERATE_HASH_HANDLES = 0x0400_002C, "EnumerateHashHandles";
    /// One trusted root certificate hash.
    GET_CERTIFICATE_HASH_ENTRY = 0x0400_002D, "GetCertificateHashEntry";
    /// 0 exists, 1 in progress, 2 absent.
    GET_RNG_SEED_STATUS = 0x0400_002E, "GetRngSeedStatus";
    /// Set the PKI DNS suffix.
    SET_DNS_SUFFIX = 0x0400_002F, "SetDNSSuffix";
    /// Whether remote configuration is allowed.
    GET_ZERO_TOUCH_ENABLED = 0x0400_0030, "GetZeroTouchEnabled";
    /// PKI DNS suffix.
    GET_DNS_SUFFIX = 0x0400_0036, "GetDNSSuffix";
    /// DNS suffixes inside the enterprise.
    GET_DNS_SUFFIX_LIST = 0x0400_003E, "GetDNSSuffixList";
    /// The host says whether it is inside the enterprise.
    SET_ENTERPRISE_ACCESS = 0x0400_003F, "SetEnterpriseAccess";
    /// The user asks for help: open the tunnel to the management server.
    OPEN_USER_INITIATED_CONNECTION = 0x0400_0044, "OpenUserInitiatedConnection";
    /// Close that tunnel.
    CLOSE_USER_INITIATED_CONNECTION = 0x0400_0045, "CloseUserInitiatedConnection";
    /// State of the tunnel to the management server.
    GET_REMOTE_ACCESS_CONNECTION_STATUS = 0x0400_0046, "GetRemoteAccessConnectionStatus";
    /// Name of the power policy.
    GET_CURRENT_POWER_POLICY = 0x0400_0047, "GetCurrentPowerPolicy";
    /// Settings of one LAN interface.
    GET_LAN_INTERFACE_SETTINGS = 0x0400_0048, "GetLANInterfaceSettings";
    /// State of one feature: redirection, system defense, web UI, EAC, KVM.
    GET_FEATURES_STATE = 0x0400_0049, "GetFeaturesState";
    /// Why the host was last reset, and when.
    GET_LAST_HOST_RESET_REASON = 0x0400_004A, "GetLastHostResetReason";
    /// Where a user may ask for help from.
    GET_USER_INITIATED_ENABLED_INTERFACES = 0x0400_004D, "GetUserInitiatedEnabledInterfaces";
    /// The configuration server.
    GET_CONFIG_SERVER_DATA = 0x0400_004E, "GetConfigServerData";
    /// Who provisioned AMT.
    GET_ME_SETUP_AUDIT_RECORD = 0x0400_0050, "GetMESetupAuditRecord";
    /// IPv6 addresses of one interface.
    GET_IPV6_LAN_INTERFACE_STATUS = 0x0400_0052, "GetIPv6LanInterfaceStatus";
    /// AMT's fully qualified domain name.
    GET_FQDN = 0x0400_0056, "GetFQDN";
    /// Bits: serial over LAN, IDE redirection, KVM.
    GET_REDIRECTION_STATE = 0x0400_0058, "GetRedirectionState";
    /// The host names itself.
    SET_HOST_FQDN = 0x0400_005B, "SetHostFQDN";
    /// The platform's UUID.
    GET_UUID = 0x0400_005C, "GetUUID";
    /// End remote configuration.
    STOP_CONFIGURATION = 0x0400_005E, "StopConfiguration";
    /// User and password for the web service, local side.
    GET_LOCAL_SYSTEM_ACCOUNT = 0x0400_0067, "GetLocalSystemAccount";
    /// Client or admin control.
    GET_CONTROL_MODE = 0x0400_006B, "GetControlMode";
    /// Whether embedded host-based configuration is allowed.
    GET_EHBC_STATE = 0x0400_0084, "GetEHBCState";
    /// Begin host-based configuration over TLS.
    START_CONFIGURATION_HOST_BASED = 0x0400_008B, "StartConfigurationHBased";
    /// What became of the last tunnels to the management server.
    GET_CIRA_LOG = 0x0400_008E, "GetCiraLog";
}

impl Command {
    /// The code that the response carries.
    pub const fn response(self) -> u32 {
        self.0 | super::RESPONSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_named() {
        assert!(Command::ALL.is_sorted());
        assert!(Command::ALL.iter().all(|command| command.name().is_some()));
        assert_eq!(Command(0x0400_001A).name(), Some("GetCodeVersions"));
        assert_eq!(Command(0x0400_001A).response(), 0x0480_001A);
        assert_eq!(Command(0x0400_FFFF).name(), None);
    }
}
