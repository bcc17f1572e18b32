//! Interfaces, names and the management server.

use super::values::{MacAddress, Text, address_word, field};
use mei_wire::amthi::LanInterfaceSettings;
use serde::Deserialize;
use std::net::{Ipv4Addr, Ipv6Addr};
use zerocopy::byteorder::little_endian::U32;

/// Network interfaces.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Lan {
    /// Index 0.
    pub wired: Option<LanInterface>,
    /// Index 1.
    pub wireless: Option<LanInterface>,
}

impl Lan {
    /// The interface with an index of AMTHI's. Outer none: there is no such index.
    pub(crate) fn interface(&self, index: u32) -> Option<Option<&LanInterface>> {
        match index {
            0 => Some(self.wired.as_ref()),
            1 => Some(self.wireless.as_ref()),
            _ => None,
        }
    }
}

/// One interface.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct LanInterface {
    /// Its address on the wire, AMT's own.
    pub mac: MacAddress,
    /// The host's address on the wire; AMT's without.
    #[serde(default)]
    pub host_mac: Option<MacAddress>,
    /// AMT uses it.
    #[serde(default)]
    pub enabled: bool,
    /// The link is up.
    #[serde(default)]
    pub link_up: bool,
    /// The address comes from DHCP.
    #[serde(default = "yes")]
    pub dhcp: bool,
    /// AMT asks the DHCP server itself, instead of listening to the host.
    #[serde(default)]
    pub dhcp_active: bool,
    /// AMT's address.
    #[serde(default = "nowhere")]
    pub ipv4: Ipv4Addr,
    /// Subnet mask.
    #[serde(default = "nowhere")]
    pub mask: Ipv4Addr,
    /// Default gateway.
    #[serde(default = "nowhere")]
    pub gateway: Ipv4Addr,
    /// Name servers; the first two are told.
    #[serde(default)]
    pub dns: Vec<Ipv4Addr>,
    /// IPv6 addresses; none: IPv6 is off. The first 16 are told.
    #[serde(default)]
    pub ipv6: Vec<Ipv6Entry>,
}

impl LanInterface {
    /// Most IPv6 addresses that are told.
    pub(crate) const MAX_IPV6: usize = 16;

    /// As AMTHI tells it. An interface that is not there is all zero.
    pub(crate) fn settings(interface: Option<&Self>) -> LanInterfaceSettings {
        let Some(lan) = interface else {
            return LanInterfaceSettings {
                enabled: U32::ZERO,
                ipv4: U32::ZERO,
                dhcp_enabled: U32::ZERO,
                dhcp_ip_mode: 0,
                link_status: 0,
                mac_address: [0; 6],
            };
        };
        LanInterfaceSettings {
            enabled: U32::new(u32::from(lan.enabled)),
            ipv4: U32::new(address_word(lan.ipv4)),
            dhcp_enabled: U32::new(u32::from(lan.dhcp)),
            dhcp_ip_mode: if lan.dhcp_active { 1 } else { 2 },
            link_status: u8::from(lan.link_up),
            mac_address: lan.mac.0,
        }
    }
}

/// One IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ipv6Entry {
    /// The address.
    pub address: Ipv6Addr,
    /// Its type as AMTHI numbers it.
    #[serde(default, rename = "type")]
    pub kind: u32,
    /// Its state as AMTHI numbers it.
    #[serde(default)]
    pub state: u32,
}

impl Ipv6Entry {
    /// As AMTHI tells it.
    pub(crate) fn to_wire(self) -> mei_wire::amthi::Ipv6Address {
        mei_wire::amthi::Ipv6Address {
            address: field(self.address.to_string().as_bytes()),
            kind: U32::new(self.kind),
            state: U32::new(self.state),
        }
    }
}

/// Names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Names {
    /// AMT's host name.
    pub host: Text<63>,
    /// AMT's domain.
    pub domain: Text<191>,
    /// The host and AMT have one name.
    pub shared: bool,
    /// PKI DNS suffix.
    pub pki_dns_suffix: Text<255>,
    /// Suffixes of networks inside the enterprise; together at most 1000 bytes.
    pub dns_suffixes: Vec<Text<191>>,
    /// AMT updates the DNS itself.
    pub ddns_update: bool,
    /// Minutes between updates of the DNS.
    pub ddns_interval: u32,
    /// Seconds that the record in the DNS lives.
    pub ddns_ttl: u32,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            host: Text::default(),
            domain: Text::default(),
            shared: true,
            pki_dns_suffix: Text::default(),
            dns_suffixes: Vec::new(),
            ddns_update: false,
            ddns_interval: 1440,
            ddns_ttl: 900,
        }
    }
}

/// Where AMT calls for help.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ManagementServer {
    /// Its name.
    pub host: Text<255>,
    /// Where a user may ask for help from: bit 0 the BIOS, bit 1 an agent of the operating system.
    #[serde(default = "anywhere")]
    pub user_initiated: u32,
}

const fn yes() -> bool {
    true
}

const fn nowhere() -> Ipv4Addr {
    Ipv4Addr::UNSPECIFIED
}

const fn anywhere() -> u32 {
    0b11
}
