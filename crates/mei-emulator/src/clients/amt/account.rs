//! Who may log in, and which roots are trusted.

use super::values::{Hex, Text};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// The account that local programs use. Always there, also before provisioning.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Account {
    /// User.
    pub user: Text<32>,
    /// Password.
    pub password: Text<32>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            user: Text::new("$$OsAdmin").unwrap_or_default(),
            password: Text::new("Q7m+x0/eTz4uVhK2").unwrap_or_default(),
        }
    }
}

/// A trusted root certificate, by hash.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct CertificateHash {
    /// Name of the root.
    pub name: Text<64>,
    /// What `hash` is.
    pub algorithm: HashAlgorithm,
    /// The hash.
    pub hash: Hex,
    /// Came with the firmware.
    #[serde(default = "yes")]
    pub default: bool,
    /// Trusted.
    #[serde(default = "yes")]
    pub active: bool,
}

/// What a certificate hash is. Programs agree about these two numbers only (`amthi.md` §4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HashAlgorithm {
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
}

impl HashAlgorithm {
    /// Its number.
    #[must_use]
    pub const fn to_wire(self) -> u8 {
        match self {
            Self::Sha1 => 1,
            Self::Sha256 => 2,
        }
    }

    const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// Most hashes that every program has room for.
const MAX_HASHES: usize = 23;

pub(super) fn certificate_hashes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<CertificateHash>, D::Error> {
    let hashes = Vec::<CertificateHash>::deserialize(deserializer)?;
    if hashes.len() > MAX_HASHES {
        return Err(D::Error::custom(format!("{} hashes: programs take at most {MAX_HASHES}", hashes.len())));
    }
    for entry in &hashes {
        let (length, wanted) = (entry.hash.0.len(), entry.algorithm.length());
        if length != wanted {
            return Err(D::Error::custom(format!(
                "the hash of {:?} has {length} bytes; its algorithm gives {wanted} bytes",
                entry.name
            )));
        }
    }
    Ok(hashes)
}

const fn yes() -> bool {
    true
}
