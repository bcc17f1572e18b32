//! Who the machine is, and how far it was provisioned.

use super::values::{PlatformUuid, Text};
use mei_wire::amthi::{CodeVersions, VersionString};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use zerocopy::byteorder::little_endian::U16;

/// One part's version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeVersion {
    /// Name of the part.
    pub description: Text<20>,
    /// Its version; one byte less, so that the NUL that clients look for follows.
    pub version: Text<19>,
}

impl CodeVersion {
    /// As AMTHI tells it.
    pub(crate) fn to_wire(&self) -> mei_wire::amthi::CodeVersion {
        mei_wire::amthi::CodeVersion {
            description: version_string(&self.description),
            version: version_string(&self.version),
        }
    }
}

fn version_string<const MAX: usize>(text: &Text<MAX>) -> VersionString {
    let length = u16::try_from(text.len()).unwrap_or(20);
    VersionString { length: U16::new(length), text: text.field() }
}

/// At most as many as clients accept.
pub(super) fn code_versions<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<CodeVersion>, D::Error> {
    let versions = Vec::<CodeVersion>::deserialize(deserializer)?;
    if versions.len() > CodeVersions::MAX_COUNT {
        return Err(D::Error::custom(format!(
            "{} versions: clients accept at most {}",
            versions.len(),
            CodeVersions::MAX_COUNT
        )));
    }
    Ok(versions)
}

/// The UUID of a persona that names none. Made up.
pub(super) fn default_uuid() -> PlatformUuid {
    PlatformUuid::from_u128(0x7c3f_0e52_1d84_4b6a_9e01_52f0_a4c8_d3b7)
}

/// The realm of a persona that names none. Made up.
pub(super) fn default_realm() -> String {
    "5A1E0000000000000000000000000001".to_owned()
}

/// Thirty-two hexadecimal digits.
pub(super) fn realm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let realm = String::deserialize(deserializer)?;
    if realm.len() != 32 || !realm.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(D::Error::custom(format!("{realm:?} is no realm: 32 hexadecimal digits are")));
    }
    Ok(realm)
}

/// Whether AMT answers at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// It does.
    #[default]
    Enabled,
    /// It is switched off in the BIOS: AMTHI answers every request with an empty message (`amthi.md` §2).
    Disabled,
}

/// What the local ports speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Plain HTTP.
    #[default]
    Off,
    /// TLS and nothing else.
    Enforced,
}
