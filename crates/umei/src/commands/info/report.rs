//! The report of `umei info`. Its JSON form is an interface: fields are added, never changed.

use super::problems::{Kind, Problem};
use mei_client::sysfs::Attributes;
use mei_wire::pci;
use mei_wire::status::{Hfs1, WorkingState};
use serde::Serialize;

/// Everything that was read.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    /// The device node.
    pub(super) device: String,
    /// What the driver publishes; none where sysfs does not have the device.
    pub(super) link: Option<Link>,
    /// What MKHI tells; none without MKHI.
    pub(super) firmware: Option<Firmware>,
    /// What AMTHI tells; none when the machine has no AMT.
    pub(super) amt: Option<Amt>,
    /// What could not be read.
    pub(super) problems: Vec<Problem>,
}

impl Report {
    /// Whether something is wrong, other than firmware that does not tell everything.
    pub(super) fn failed(&self) -> bool {
        self.problems.iter().any(|problem| problem.kind == Kind::Failed)
    }
}

/// The driver's view.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Link {
    pub(super) state: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) hbm_version: Option<String>,
    pub(super) function: Option<Function>,
    pub(super) firmware_versions: Vec<String>,
    /// HFS1 first.
    pub(super) status_registers: Vec<u32>,
    pub(super) trc: Option<u32>,
}

/// The PCI function.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Function {
    pub(super) address: String,
    pub(super) vendor: u16,
    pub(super) device: u16,
    pub(super) product: Option<&'static str>,
    pub(super) generation: Option<&'static str>,
}

impl From<Attributes> for Link {
    fn from(attributes: Attributes) -> Self {
        Self {
            state: attributes.dev_state,
            kind: attributes.kind,
            hbm_version: attributes.hbm_ver,
            function: attributes.function.map(|function| {
                let known = (function.vendor == pci::VENDOR_INTEL).then(|| pci::lookup(function.device));
                let known = known.flatten();
                Function {
                    address: function.address,
                    vendor: function.vendor,
                    device: function.device,
                    product: known.map(|device| device.product),
                    generation: known.map(|device| device.configuration.name),
                }
            }),
            firmware_versions: attributes.fw_ver,
            status_registers: attributes.fw_status,
            trc: attributes.trc,
        }
    }
}

impl Link {
    /// The first status register in words.
    pub(super) fn working_state(&self) -> Option<String> {
        let status = Hfs1::from(*self.status_registers.first()?);
        let state = WorkingState(status.working_state()).name().unwrap_or("reserved");
        let mode = match status.operation_mode() {
            0 => "",
            2 => ", debug mode",
            3 => ", temporarily disabled",
            4 => ", overridden by jumper",
            5 => ", overridden over MEI",
            7 => ", enhanced debug mode",
            15 => ", Server Platform Services",
            _ => ", unknown operation mode",
        };
        let initialised = if status.init_complete() { "" } else { ", not initialised" };
        let update = if status.update_in_progress() { ", update in progress" } else { "" };
        let error = match status.error_code() {
            0 => String::new(),
            code => format!(", error {code}"),
        };
        Some(format!("{state}{mode}{initialised}{update}{error}"))
    }
}

/// MKHI's view.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Firmware {
    /// Running code, recovery image, flash image tool.
    pub(super) versions: Vec<String>,
    pub(super) platform: Option<Platform>,
    pub(super) capable: Option<Features>,
    pub(super) enabled: Option<Features>,
}

/// What kind of machine the firmware is for.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Platform {
    pub(super) usage: &'static str,
    pub(super) image: &'static str,
    pub(super) brand: &'static str,
    pub(super) production: bool,
}

/// A set of features.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Features {
    pub(super) bits: u32,
    pub(super) names: Vec<&'static str>,
}

/// AMTHI's view.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Amt {
    pub(super) bios: Option<String>,
    pub(super) versions: Vec<Version>,
    pub(super) provisioning_mode: Option<String>,
    pub(super) provisioning_state: Option<String>,
    pub(super) control_mode: Option<String>,
    pub(super) ehbc_allowed: Option<bool>,
    pub(super) uuid: Option<String>,
    pub(super) mac_dedicated: Option<String>,
    pub(super) mac_host: Option<String>,
    pub(super) wired: Option<Interface>,
    pub(super) wireless: Option<Interface>,
    pub(super) dns_suffix: Option<String>,
    pub(super) host_name: Option<String>,
    pub(super) remote_access: Option<RemoteAccess>,
}

impl Amt {
    /// The version of the part called `description`.
    pub(super) fn version(&self, description: &str) -> Option<&str> {
        self.versions.iter().find(|v| v.description == description).map(|v| v.version.as_str())
    }
}

/// The version of one part of the firmware.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Version {
    pub(super) description: String,
    pub(super) version: String,
}

/// A network interface of AMT.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Interface {
    pub(super) enabled: bool,
    pub(super) link_up: bool,
    pub(super) dhcp: bool,
    pub(super) address: Option<String>,
    pub(super) mac: String,
}

/// The tunnel to a management server.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RemoteAccess {
    pub(super) tunnel: String,
    pub(super) server: Option<String>,
}
