//! How far AMT was provisioned, and by whom.

use super::values::{Hex, Text, field};
use mei_wire::amthi::MeSetupAuditRecord;
use serde::Deserialize;
use zerocopy::byteorder::little_endian::{U16, U32};

/// How far provisioning has come, as AMTHI counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProvisioningState {
    /// As it came from the factory.
    #[default]
    Pre,
    /// Configuration has begun.
    In,
    /// Done.
    Post,
}

impl ProvisioningState {
    /// Its number.
    #[must_use]
    pub const fn to_wire(self) -> u32 {
        match self {
            Self::Pre => 0,
            Self::In => 1,
            Self::Post => 2,
        }
    }
}

/// Who is in control once AMT is provisioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlMode {
    /// Nobody: it is not provisioned.
    #[default]
    None,
    /// Client control mode: set up by the host itself.
    Client,
    /// Admin control mode.
    Admin,
}

impl ControlMode {
    /// Its number.
    #[must_use]
    pub const fn to_wire(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Client => 1,
            Self::Admin => 2,
        }
    }
}

/// How AMT was provisioned when the engine starts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct Provisioning {
    /// How far.
    pub state: ProvisioningState,
    /// Who is in control.
    pub control_mode: ControlMode,
    /// The mode that GetProvisioningMode answers: 1 enterprise.
    pub mode: u32,
    /// Remote configuration is allowed.
    pub zero_touch: bool,
    /// Hashes of the firmware's own TLS certificate, SHA-256 and SHA-384 told apart by their length. Without
    /// them host-based configuration over TLS is answered "certificate not ready".
    pub tls_certificate_hashes: Vec<Hex>,
    /// The configuration server.
    pub server: Option<ConfigServer>,
    /// Who provisioned AMT; none: nobody did remotely.
    pub audit: Option<SetupAudit>,
    /// Seconds since 1970 of the host's last reset.
    pub last_host_reset: u32,
}

impl Default for Provisioning {
    fn default() -> Self {
        Self {
            state: ProvisioningState::Pre,
            control_mode: ControlMode::None,
            mode: 1,
            zero_touch: true,
            tls_certificate_hashes: Vec::new(),
            server: None,
            audit: None,
            last_host_reset: 0,
        }
    }
}

/// The configuration server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ConfigServer {
    /// TCP port.
    #[serde(default = "config_port")]
    pub port: u16,
    /// Its address.
    #[serde(default)]
    pub address: Text<45>,
    /// Its name.
    #[serde(default)]
    pub name: Text<255>,
}

const fn config_port() -> u16 {
    9971
}

/// Who provisioned AMT remotely, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[non_exhaustive]
pub struct SetupAudit {
    /// 1 pre-shared key, 2 certificate.
    pub tls_mode: u8,
    /// The server's name was secured by DNS.
    pub secure_dns: bool,
    /// The host asked for it.
    pub host_initiated: bool,
    /// What `hash` is, as AMTHI numbers it.
    pub hash_type: u32,
    /// Hash of the trusted root that was used.
    pub hash: Hex,
    /// The root came with the firmware.
    pub default_root: bool,
    /// Address of the server.
    pub server_address: Text<45>,
    /// Name of the server.
    pub server_name: Text<255>,
    /// Year, month, day of the week, day, hour, minute, second.
    pub time: Option<[u16; 7]>,
}

impl SetupAudit {
    /// As AMTHI tells it, without the name.
    pub(crate) fn to_wire(&self) -> MeSetupAuditRecord {
        let flag = |value| U32::new(u32::from(value));
        MeSetupAuditRecord {
            tls_mode: self.tls_mode,
            secure_dns: flag(self.secure_dns),
            host_initiated: flag(self.host_initiated),
            hash_type: U32::new(self.hash_type),
            hash: field(&self.hash.0),
            certificate_serials: [[0; 16]; 3],
            additional_serials: U32::ZERO,
            is_oem_default: flag(self.default_root),
            is_time_valid: flag(self.time.is_some()),
            server_address: self.server_address.field(),
            time: self.time.unwrap_or_default().map(U16::new),
        }
    }
}
