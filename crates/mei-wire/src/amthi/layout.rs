//! Data of requests and responses, packed, little-endian (`amthi.md` §2, §4).

use zerocopy::byteorder::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

macro_rules! layout {
    ($(#[$doc:meta])* $name:ident, $size:literal {
        $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
        #[repr(C)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        const _: () = assert!(size_of::<$name>() == $size);
    };
}

layout! {
    /// A string of at most 20 bytes with its length in front.
    VersionString, 22 {
        /// Bytes in use, at most 19 in a version so that a NUL follows.
        length: U16,
        /// The text, zero-filled.
        text: [u8; 20],
    }
}

layout! {
    /// One record of [`GET_CODE_VERSIONS`](super::Command::GET_CODE_VERSIONS).
    CodeVersion, 44 {
        /// What has the version.
        description: VersionString,
        /// The version.
        version: VersionString,
    }
}

layout! {
    /// Front of the data of [`GET_CODE_VERSIONS`](super::Command::GET_CODE_VERSIONS); `count`
    /// [`CodeVersion`]s follow (§4.1).
    CodeVersions, 69 {
        /// BIOS version, NUL-terminated.
        bios: [u8; 65],
        /// Records that follow, at most [`CodeVersions::MAX_COUNT`].
        count: U32,
    }
}

impl CodeVersions {
    /// Records that clients accept.
    pub const MAX_COUNT: usize = 50;
}

layout! {
    /// Data of [`GET_MAC_ADDRESSES`](super::Command::GET_MAC_ADDRESSES).
    MacAddresses, 12 {
        /// The firmware's own.
        dedicated: [u8; 6],
        /// The host's, shared.
        host: [u8; 6],
    }
}

layout! {
    /// Data of [`GET_LAN_INTERFACE_SETTINGS`](super::Command::GET_LAN_INTERFACE_SETTINGS) (§4.3); the
    /// request's data is the u32 index, 0 wired, 1 wireless.
    LanInterfaceSettings, 20 {
        /// 1 when AMT uses the interface.
        enabled: U32,
        /// IPv4 address as a number: 0x01020304 is 1.2.3.4.
        ipv4: U32,
        /// 1 when the address comes from DHCP.
        dhcp_enabled: U32,
        /// 1 active, 2 passive.
        dhcp_ip_mode: u8,
        /// 0 down, 1 up.
        link_status: u8,
        /// MAC address in transmission order; all zero when the interface does not exist.
        mac_address: [u8; 6],
    }
}

layout! {
    /// Data of [`GET_PROVISIONING_MODE`](super::Command::GET_PROVISIONING_MODE).
    ProvisioningMode, 8 {
        /// 1 enterprise.
        mode: U32,
        /// AMT_BOOLEAN: legacy mode.
        legacy: U32,
    }
}

layout! {
    /// Data of [`GET_SECURITY_PARAMETERS`](super::Command::GET_SECURITY_PARAMETERS) (§4.4), AMT_BOOLEANs but
    /// for the state.
    SecurityParameters, 68 {
        /// Enterprise mode.
        enterprise_mode: U32,
        /// TLS is on.
        tls_enabled: U32,
        /// There is a hardware crypto engine.
        hardware_crypto: U32,
        /// As [`GET_PROVISIONING_STATE`](super::Command::GET_PROVISIONING_STATE) answers.
        provisioning_state: U32,
        /// AMT uses the network.
        network_interface_enabled: U32,
        /// Serial over LAN is on.
        sol_enabled: U32,
        /// IDE redirection is on.
        ider_enabled: U32,
        /// Firmware may be updated.
        firmware_update_enabled: U32,
        /// The wired link is up.
        link_up: U32,
        /// KVM is on.
        kvm_enabled: U32,
        /// Zero.
        reserved: [U32; 7],
    }
}

layout! {
    /// Data of [`GET_LOCAL_SYSTEM_ACCOUNT`](super::Command::GET_LOCAL_SYSTEM_ACCOUNT) (§4.2). Exactly 68
    /// bytes: one client refuses any other size.
    LocalSystemAccount, 68 {
        /// User, NUL-terminated.
        user: [u8; 33],
        /// Password, NUL-terminated.
        password: [u8; 33],
        /// Zero.
        padding: [u8; 2],
    }
}

layout! {
    /// Front of the data of [`GET_CERTIFICATE_HASH_ENTRY`](super::Command::GET_CERTIFICATE_HASH_ENTRY) (§4.5);
    /// the name follows. The request's data is the u32 handle.
    CertificateHashEntry, 75 {
        /// AMT_BOOLEAN: came with the firmware.
        is_default: U32,
        /// AMT_BOOLEAN: trusted.
        is_active: U32,
        /// The hash, left-aligned, zero-filled.
        hash: [u8; 64],
        /// 0 MD5, 1 SHA-1, 2 SHA-256, 3 SHA-384.
        algorithm: u8,
        /// Bytes of the name.
        name_length: U16,
    }
}

layout! {
    /// Front of the data of
    /// [`GET_REMOTE_ACCESS_CONNECTION_STATUS`](super::Command::GET_REMOTE_ACCESS_CONNECTION_STATUS) (§4.6);
    /// the name of the management server follows as a string.
    RemoteAccessConnectionStatus, 12 {
        /// 0 direct, 1 VPN, 2 outside the enterprise, 3 unknown.
        network: U32,
        /// 0 not connected, 1 connecting, 2 connected.
        tunnel: U32,
        /// 0 user, 1 alert; programs disagree about 2 and 3 (periodic, provisioning).
        trigger: U32,
    }
}

layout! {
    /// Front of the data of [`GET_FQDN`](super::Command::GET_FQDN) (§4.7); the name follows as a string.
    Fqdn, 20 {
        /// AMT_BOOLEAN: shared with the host.
        shared: U32,
        /// AMT_BOOLEAN: AMT updates the DNS.
        ddns_update_enabled: U32,
        /// Minutes between updates.
        ddns_periodic_interval: U32,
        /// Seconds that the record lives.
        ddns_ttl: U32,
        /// Bytes of the host part of the name.
        host_name_length: U32,
    }
}

layout! {
    /// Data of [`GET_LAST_HOST_RESET_REASON`](super::Command::GET_LAST_HOST_RESET_REASON).
    LastHostResetReason, 8 {
        /// 0 the host itself, 1 a remote operator.
        reason: U32,
        /// Seconds since 1970.
        timestamp: U32,
    }
}

layout! {
    /// Front of the data of [`GET_CONFIG_SERVER_DATA`](super::Command::GET_CONFIG_SERVER_DATA); the name
    /// follows as a string.
    ConfigServerData, 48 {
        /// TCP port.
        port: U16,
        /// Address as text, NUL-terminated.
        address: [u8; 46],
    }
}

layout! {
    /// Front of the data of [`GET_ME_SETUP_AUDIT_RECORD`](super::Command::GET_ME_SETUP_AUDIT_RECORD) (§4.9);
    /// the server's name follows as a string.
    MeSetupAuditRecord, 197 {
        /// 1 pre-shared key, 2 certificate.
        tls_mode: u8,
        /// AMT_BOOLEAN: the server's name was secured by DNS.
        secure_dns: U32,
        /// AMT_BOOLEAN: the host asked for it.
        host_initiated: U32,
        /// What the hash is.
        hash_type: U32,
        /// Hash of the trusted root, left-aligned.
        hash: [u8; 64],
        /// Serial numbers of the server's certificates.
        certificate_serials: [[u8; 16]; 3],
        /// AMT_BOOLEAN: there were more certificates.
        additional_serials: U32,
        /// AMT_BOOLEAN: the root came with the firmware.
        is_oem_default: U32,
        /// AMT_BOOLEAN: the time below is known.
        is_time_valid: U32,
        /// Address of the server as text, NUL-terminated.
        server_address: [u8; 46],
        /// Year, month, day of the week, day, hour, minute, second.
        time: [U16; 7],
    }
}

layout! {
    /// Front of the data of [`GET_TCPIP_PARAMETERS`](super::Command::GET_TCPIP_PARAMETERS) (§4.13); the domain
    /// follows as a string. Addresses are numbers: 0x01020304 is 1.2.3.4.
    TcpipParameters, 24 {
        /// 0 none, 1 disabled, 2 enabled.
        dhcp_mode: U32,
        /// Own address.
        address: U32,
        /// Subnet mask.
        mask: U32,
        /// Default gateway.
        gateway: U32,
        /// First name server.
        primary_dns: U32,
        /// Second name server.
        secondary_dns: U32,
    }
}

layout! {
    /// Front of the data of
    /// [`GET_IPV6_LAN_INTERFACE_STATUS`](super::Command::GET_IPV6_LAN_INTERFACE_STATUS) (§4.13);
    /// `count` [`Ipv6Address`]es follow. Addresses are text, NUL-terminated.
    Ipv6LanInterfaceStatus, 142 {
        /// Default router.
        router: [u8; 46],
        /// First name server.
        primary_dns: [u8; 46],
        /// Second name server.
        secondary_dns: [u8; 46],
        /// Addresses that follow.
        count: U32,
    }
}

layout! {
    /// One address of [`Ipv6LanInterfaceStatus`].
    Ipv6Address, 54 {
        /// The address as text, NUL-terminated.
        address: [u8; 46],
        /// Its type.
        kind: U32,
        /// Its state.
        state: U32,
    }
}

layout! {
    /// Data of a [`SET_ENTERPRISE_ACCESS`](super::Command::SET_ENTERPRISE_ACCESS) request (§4.13).
    EnterpriseAccess, 18 {
        /// Bit 0: the address is IPv6.
        flags: u8,
        /// The host's address, IPv4 in the first four bytes.
        host_address: [u8; 16],
        /// 1 inside the enterprise.
        access: u8,
    }
}

layout! {
    /// Data of a [`START_CONFIGURATION_HOST_BASED`](super::Command::START_CONFIGURATION_HOST_BASED) request,
    /// packed form (§4.10).
    HostBasedConfigurationPacked, 390 {
        /// 2 SHA-256, 3 SHA-384.
        algorithm: u8,
        /// Hash of the server's certificate.
        server_hash: [u8; 64],
        /// Allow over VPN.
        host_vpn_enable: u8,
        /// Bytes or names in the list.
        suffix_list_length: U32,
        /// DNS suffixes, each followed by a NUL.
        suffix_list: [u8; 320],
    }
}

layout! {
    /// The same request in its aligned form, which another client sends (§4.10).
    HostBasedConfigurationAligned, 396 {
        /// 2 SHA-256, 3 SHA-384.
        algorithm: U32,
        /// Hash of the server's certificate.
        server_hash: [u8; 64],
        /// Allow over VPN.
        host_vpn_enable: U32,
        /// Names in the list, 0 to 4.
        suffix_list_count: U32,
        /// DNS suffixes, each followed by a NUL.
        suffix_list: [u8; 320],
    }
}

layout! {
    /// Data of the response to
    /// [`START_CONFIGURATION_HOST_BASED`](super::Command::START_CONFIGURATION_HOST_BASED) (§4.10).
    HostBasedConfigurationStarted, 65 {
        /// 2 SHA-256, 3 SHA-384.
        algorithm: u8,
        /// Hash of the firmware's own TLS certificate, left-aligned.
        hash: [u8; 64],
    }
}

layout! {
    /// Data of the response to [`GET_AMT_STATE`](super::Command::GET_AMT_STATE) (§4.12); the request's data is
    /// the id.
    AmtState, 25 {
        /// The variable asked for; only the link state exists.
        id: [u8; 16],
        /// Bytes that follow: 5.
        count: U32,
        /// 1 up.
        link: u8,
        /// Hardware SKU.
        hardware_sku: u8,
        /// Crypto fuse.
        crypto_fuse: u8,
        /// Flash protection.
        flash_protection: u8,
        /// Why the engine was last reset.
        last_reset_reason: u8,
    }
}

impl AmtState {
    /// Id of the link state.
    pub const LINK: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
}

/// Bytes of the data of [`GET_CIRA_LOG`](super::Command::GET_CIRA_LOG) (§4.11): version, status summary, last
/// failed tunnel, last failed connection. All zero: nothing was recorded.
pub const CIRA_LOG_LENGTH: usize = 1 + 27 + 545 + 2208;
