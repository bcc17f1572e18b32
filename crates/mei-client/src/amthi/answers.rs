//! What AMTHI answers, read from bytes that are not trusted (`amthi.md` §4).

use crate::text::{MacAddress, printable};
use mei_wire::amthi as wire;
use std::fmt;
use std::net::Ipv4Addr;
use zerocopy::FromBytes;
use zerocopy::byteorder::little_endian::{U16, U32};

/// BIOS and firmware versions (`amthi.md` §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeVersions {
    /// The BIOS.
    pub bios: String,
    /// The firmware's parts, in its order.
    pub versions: Vec<CodeVersion>,
}

/// The version of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeVersion {
    /// What has the version, such as `AMT` or `Build Number`.
    pub description: String,
    /// Its version.
    pub version: String,
}

impl CodeVersions {
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let (front, records) = wire::CodeVersions::ref_from_prefix(data).ok()?;
        let count =
            usize::try_from(front.count.get()).ok().filter(|&n| n <= wire::CodeVersions::MAX_COUNT)?;
        let (records, _) = <[wire::CodeVersion]>::ref_from_prefix_with_elems(records, count).ok()?;
        let versions = records
            .iter()
            .map(|record| CodeVersion {
                description: version_text(&record.description),
                version: version_text(&record.version),
            })
            .collect();
        Some(Self { bios: printable(&front.bios), versions })
    }

    /// The version of the part called `description`.
    pub fn get(&self, description: &str) -> Option<&str> {
        self.versions.iter().find(|v| v.description == description).map(|v| v.version.as_str())
    }
}

fn version_text(string: &wire::VersionString) -> String {
    let length = usize::from(string.length.get()).min(string.text.len());
    printable(&string.text[..length])
}

/// Mode in which AMT was or would be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvisioningMode(pub u32);

impl fmt::Display for ProvisioningMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("none"),
            1 => f.write_str("enterprise"),
            2 => f.write_str("small business"),
            3 => f.write_str("remote assistance"),
            other => write!(f, "unknown ({other})"),
        }
    }
}

/// How far provisioning has come (`amthi.md` §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvisioningState(pub u32);

impl fmt::Display for ProvisioningState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("not provisioned"),
            1 => f.write_str("being provisioned"),
            2 => f.write_str("provisioned"),
            other => write!(f, "unknown ({other})"),
        }
    }
}

/// Who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlMode(pub u32);

impl fmt::Display for ControlMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("none"),
            1 => f.write_str("client control"),
            2 => f.write_str("admin control"),
            other => write!(f, "unknown ({other})"),
        }
    }
}

/// AMT's MAC addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacAddresses {
    /// Its own.
    pub dedicated: MacAddress,
    /// The one that it shares with the host.
    pub host: MacAddress,
}

impl From<wire::MacAddresses> for MacAddresses {
    fn from(addresses: wire::MacAddresses) -> Self {
        Self { dedicated: MacAddress(addresses.dedicated), host: MacAddress(addresses.host) }
    }
}

/// Settings of one network interface (`amthi.md` §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LanInterface {
    /// Whether AMT uses it.
    pub enabled: bool,
    /// Whether there is a link.
    pub link_up: bool,
    /// Whether the address comes from DHCP.
    pub dhcp: bool,
    /// Its address, unspecified when it has none.
    pub address: Ipv4Addr,
    /// Its MAC address.
    pub mac: MacAddress,
}

impl LanInterface {
    /// The interface, unless it is one that does not exist: disabled and without MAC address.
    pub(super) fn present(settings: wire::LanInterfaceSettings) -> Option<Self> {
        let interface = Self {
            enabled: settings.enabled.get() != 0,
            link_up: settings.link_status != 0,
            dhcp: settings.dhcp_enabled.get() != 0,
            address: Ipv4Addr::from(settings.ipv4.get()),
            mac: MacAddress(settings.mac_address),
        };
        (interface.enabled || !interface.mac.is_zero()).then_some(interface)
    }
}

/// AMT's host name (`amthi.md` §4.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullyQualifiedName {
    /// Whether it is the host's.
    pub shared: bool,
    /// Whether AMT keeps DNS up to date.
    pub dynamic_update: bool,
    /// The name, empty if it has none.
    pub name: String,
}

impl FullyQualifiedName {
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let (words, rest) = <[U32; 5]>::read_from_prefix(data).ok()?;
        Some(Self {
            shared: words[0].get() != 0,
            dynamic_update: words[1].get() != 0,
            name: printable(ansi_string(rest)?),
        })
    }
}

/// State of client-initiated remote access (`amthi.md` §4.6). The trigger is left out: clients disagree on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteAccess {
    /// State of the tunnel.
    pub tunnel: TunnelStatus,
    /// Host name of the management server, empty without.
    pub server: String,
}

/// State of the tunnel to a management server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunnelStatus(pub u32);

impl fmt::Display for TunnelStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("not connected"),
            1 => f.write_str("connecting"),
            2 => f.write_str("connected"),
            other => write!(f, "unknown ({other})"),
        }
    }
}

impl RemoteAccess {
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let (words, rest) = <[U32; 3]>::read_from_prefix(data).ok()?;
        Some(Self { tunnel: TunnelStatus(words[1].get()), server: printable(ansi_string(rest)?) })
    }
}

/// The account for programs of this machine (`amthi.md` §4.2). Its password is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalSystemAccount {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl LocalSystemAccount {
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let (user, rest) = data.split_at_checked(33)?;
        Some(Self { user: printable(user), password: printable(rest.get(..33)?) })
    }
}

impl fmt::Debug for LocalSystemAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSystemAccount").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The bytes of an ANSI string (`amthi.md` §2): a length, and that many bytes.
pub(super) fn ansi_string(data: &[u8]) -> Option<&[u8]> {
    let (length, text) = U16::read_from_prefix(data).ok()?;
    text.get(..usize::from(length.get()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(description: &str, version: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for text in [description, version] {
            bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
            let mut field = [0; 20];
            field[..text.len()].copy_from_slice(text.as_bytes());
            bytes.extend(field);
        }
        bytes
    }

    fn versions(count: u32) -> Vec<u8> {
        let mut data = vec![0; 65];
        data[..4].copy_from_slice(b"BIOS");
        data.extend(count.to_le_bytes());
        data
    }

    #[test]
    fn code_versions_are_read() {
        let mut data = versions(2);
        data.extend(record("AMT", "11.8.93"));
        data.extend(record("Build Number", "4323"));
        let parsed = CodeVersions::parse(&data).unwrap();
        assert_eq!((parsed.bios.as_str(), parsed.versions.len()), ("BIOS", 2));
        assert_eq!(parsed.get("Build Number"), Some("4323"));
        assert_eq!(parsed.get("Sku"), None);
        for length in 0..data.len() {
            assert_eq!(CodeVersions::parse(&data[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_count_or_length_beyond_the_record_reads_nothing_foreign() {
        assert_eq!(CodeVersions::parse(&versions(51)), None);
        assert_eq!(CodeVersions::parse(&versions(u32::MAX)), None);
        let mut data = versions(1);
        let mut long = record("AMT", "1");
        long[0] = 0xFF;
        long[1] = 0xFF;
        data.extend(long);
        assert_eq!(CodeVersions::parse(&data).unwrap().versions[0].description, "AMT");
    }

    #[test]
    fn an_absent_interface_is_disabled_and_has_no_address() {
        let mut bytes = [0; 20];
        let parse = |bytes: &[u8]| wire::LanInterfaceSettings::read_from_bytes(bytes).unwrap();
        assert_eq!(LanInterface::present(parse(&bytes)), None);
        bytes[4..8].copy_from_slice(&[4, 3, 2, 1]);
        bytes[14] = 2;
        let interface = LanInterface::present(parse(&bytes)).unwrap();
        assert_eq!(interface.address, Ipv4Addr::new(1, 2, 3, 4));
        assert_eq!(interface.mac.to_string(), "02:00:00:00:00:00");
    }

    #[test]
    fn passwords_are_not_logged() {
        let mut data = [0; 68];
        data[..9].copy_from_slice(b"$$OsAdmin");
        data[33..39].copy_from_slice(b"secret");
        let account = LocalSystemAccount::parse(&data).unwrap();
        assert_eq!((account.user.as_str(), account.password.as_str()), ("$$OsAdmin", "secret"));
        assert!(!format!("{account:?}").contains("secret"));
        assert_eq!(LocalSystemAccount::parse(&data[..65]), None);
    }

    #[test]
    fn strings_end_where_the_message_ends() {
        assert_eq!(ansi_string(&[3, 0, b'a', b'b', b'c']), Some(&b"abc"[..]));
        assert_eq!(ansi_string(&[4, 0, b'a', b'b', b'c']), None);
        assert_eq!(ansi_string(&[4]), None);
    }
}
