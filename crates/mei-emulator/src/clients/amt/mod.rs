//! AMT as a persona describes it, and as it stands while the engine runs.
//!
//! [`Amt`] is the persona's `[amt]` table: who the machine is, how it was provisioned, what is switched on.
//! [`SharedState`] is what changes: AMTHI, the watchdog client and the web service look at one and the same.

mod account;
mod identity;
mod network;
mod provisioning;
mod state;
pub(crate) mod values;
mod web;

pub use account::{Account, CertificateHash, HashAlgorithm};
pub use identity::{Availability, CodeVersion, Tls};
pub use network::{Ipv6Entry, Lan, LanInterface, ManagementServer, Names};
pub use provisioning::{ConfigServer, ControlMode, Provisioning, ProvisioningState, SetupAudit};
pub use state::{Datagram, Event, SharedState, State, Tunnel};
pub use values::{Hex, MacAddress, PlatformUuid, Text};
pub use web::{Qop, RootStatus, Web};

use serde::Deserialize;

/// The AMT of a persona, `[amt]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Amt {
    /// Versions of its parts, in the order in which AMTHI tells them.
    #[serde(deserialize_with = "identity::code_versions")]
    pub versions: Vec<CodeVersion>,
    /// The BIOS version that AMTHI tells.
    #[serde(default)]
    pub bios: Text<64>,
    /// The platform's UUID.
    #[serde(default = "identity::default_uuid")]
    pub uuid: PlatformUuid,
    /// Whether AMT answers at all.
    #[serde(default)]
    pub availability: Availability,
    /// How it was provisioned.
    #[serde(default)]
    pub provisioning: Provisioning,
    /// What the local ports speak.
    #[serde(default)]
    pub tls: Tls,
    /// Realm of the web service's digest authentication: 32 hexadecimal digits after `Digest:`.
    #[serde(default = "identity::default_realm", deserialize_with = "identity::realm")]
    pub digest_realm: String,
    /// The web service.
    #[serde(default)]
    pub web: Web,
    /// Network interfaces.
    #[serde(default)]
    pub lan: Lan,
    /// Names.
    #[serde(default)]
    pub names: Names,
    /// The account that local programs use.
    #[serde(default)]
    pub account: Account,
    /// Trusted root certificates, by hash.
    #[serde(default, deserialize_with = "account::certificate_hashes")]
    pub certificate_hashes: Vec<CertificateHash>,
    /// Where AMT would call for help; none without.
    #[serde(default)]
    pub management_server: Option<ManagementServer>,
    /// What is switched on.
    #[serde(default)]
    pub features: Features,
}

/// What is switched on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Features {
    /// Serial over LAN.
    pub sol: bool,
    /// IDE redirection.
    pub ider: bool,
    /// Keyboard, video, mouse.
    pub kvm: bool,
    /// The web user interface.
    pub web_ui: bool,
    /// Updates of the firmware.
    pub firmware_update: bool,
    /// A crypto engine in hardware.
    pub hardware_crypto: bool,
    /// Embedded host-based configuration.
    pub ehbc: bool,
    /// Name of the power policy.
    pub power_policy: Text<64>,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            sol: true,
            ider: true,
            kvm: true,
            web_ui: true,
            firmware_update: true,
            hardware_crypto: true,
            ehbc: false,
            power_policy: Text::new("Desktop: ON in S0, ME Wake in S3, S4-5").unwrap_or_default(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An `[amt]` table of its own.
    pub(crate) fn amt(text: &str) -> Amt {
        toml::from_str(text).unwrap()
    }

    pub(crate) const SMALL: &str = "versions = [{ description = 'AMT', version = '11.8.93' }]";

    #[test]
    fn a_small_table_is_enough() {
        let amt = amt(SMALL);
        assert_eq!(format!("{}:\t{}", amt.versions[0].description, amt.versions[0].version), "AMT:\t11.8.93");
        assert_eq!(amt.availability, Availability::Enabled);
        assert_eq!(amt.provisioning.state, ProvisioningState::Pre);
        assert_eq!(amt.digest_realm.len(), 32);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, reason) in [
            ("bios-version = 'x'", "bios-version"),
            ("digest-realm = 'xyz'", "32 hexadecimal digits"),
            ("account = { user = '123456789012345678901234567890123' }", "at most 32"),
            ("provisioning = { state = 'post', control-mode = 'king' }", "king"),
            ("web = { root-status = 304 }", "200 is the logon page, 301, 302, 303 and 307 lead there"),
            ("web = { qop = 'auth-int' }", "auth-int, auth"),
            ("certificate-hashes = [{ name = 'r', algorithm = 'sha256', hash = '00' }]", "32 bytes"),
        ] {
            let error = toml::from_str::<Amt>(&format!("{SMALL}\n{line}")).unwrap_err();
            assert!(error.message().contains(reason), "{line}: {error}");
        }
        let many = "{ description = 'AMT', version = '1' },".repeat(51);
        let error = toml::from_str::<Amt>(&format!("versions = [{many}]")).unwrap_err();
        assert!(error.message().contains("at most 50"), "{error}");
    }
}
