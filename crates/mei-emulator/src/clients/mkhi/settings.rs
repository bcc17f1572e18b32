//! `[mkhi]`: what the client says, and what changes of it.

use super::files::Files;
use super::versions::{Image, Version};
use mei_wire::mkhi::{fwcaps, result};
use serde::Deserialize;

/// `[mkhi]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    /// Version of the interface: major, minor.
    pub(super) version: [u16; 2],
    /// Code, recovery and flash-image-tool version, as `fw_ver` in sysfs shows them; one to three.
    #[serde(deserialize_with = "super::versions::versions")]
    pub(super) firmware: Vec<Version>,
    /// Values of the rules that can be read.
    pub(super) rules: Rules,
    /// Versions of flash partitions.
    pub(super) images: Vec<Image>,
    /// Signing of the image, as GetImageType tells it.
    pub(super) image_type: u32,
    /// The BIOS has said that it is done. A machine that runs an operating system is past that.
    pub(super) end_of_post: bool,
    /// What GetStatus says about the flash protection override: 0 disabled, 1 locked, 2 enabled.
    pub(super) hmrfpo_status: u8,
    /// Measured boot.
    pub(super) measured_boot: u8,
    /// Files and fuses.
    pub(super) mca: Files,
    /// What comes of SetOsVersion.
    pub(super) os_version: OsVersion,
    /// The result that answers an unknown command.
    pub(super) unknown_command_result: u8,
    /// The result that answers an unknown rule.
    pub(super) unknown_rule_result: u8,
}

impl Settings {
    /// Settings of a client that knows files only.
    pub(super) fn of_files(mca: Files) -> Self {
        Self { mca, ..Self::default() }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: [2, 0],
            firmware: Vec::new(),
            rules: Rules::default(),
            images: Vec::new(),
            image_type: 0,
            end_of_post: true,
            hmrfpo_status: 1,
            measured_boot: 0,
            mca: Files::default(),
            os_version: OsVersion::Silence,
            unknown_command_result: result::INVALID_COMMAND,
            unknown_rule_result: result::NOT_FOUND,
        }
    }
}

/// What comes of SetOsVersion: `mkhi.md` §4 has one source for an answer, `client-bus.md` §3.2 nobody who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OsVersion {
    /// Nothing.
    Silence,
    /// A header.
    Answered,
}

/// Values of rules; one that is not set cannot be read.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Rules {
    /// Rule 0: features that the SKU is capable of.
    capable: Option<u32>,
    /// Rule 6: zero once the engine was told to disable itself.
    me_disable: Option<u32>,
    /// Rule 7: firmware update, 0 disabled, 1 enabled, 2 password protected.
    firmware_update: Option<u32>,
    /// Rule 0x1D: platform type.
    platform_type: Option<u32>,
    /// Rule 0x20: features that are enabled.
    enabled: Option<u32>,
    /// Rule 0x27: features that are available now.
    available: Option<u32>,
    /// Rule 0x2E: firmware update from this machine.
    local_firmware_update: Option<u32>,
}

impl Rules {
    /// The rule with that id. Outer none: there is no such rule.
    pub(super) fn rule(&mut self, id: u32) -> Option<&mut Option<u32>> {
        Some(match id {
            fwcaps::RULE_CAPABLE => &mut self.capable,
            fwcaps::RULE_ME_DISABLE => &mut self.me_disable,
            fwcaps::RULE_FIRMWARE_UPDATE => &mut self.firmware_update,
            fwcaps::RULE_PLATFORM_TYPE => &mut self.platform_type,
            fwcaps::RULE_ENABLED => &mut self.enabled,
            fwcaps::RULE_AVAILABLE => &mut self.available,
            fwcaps::RULE_LOCAL_FIRMWARE_UPDATE => &mut self.local_firmware_update,
            _ => return None,
        })
    }
}

/// What changes while the engine runs.
#[derive(Debug)]
pub(super) struct State {
    pub(super) rules: Rules,
    pub(super) end_of_post: bool,
    pub(super) hmrfpo_status: u8,
    pub(super) measured_boot: u8,
}

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            rules: settings.rules,
            end_of_post: settings.end_of_post,
            hmrfpo_status: settings.hmrfpo_status,
            measured_boot: settings.measured_boot,
        }
    }
}
