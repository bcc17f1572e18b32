//! `[amthi]`: what differs between generations, and what is not certain.

use mei_wire::amthi::Status;
use serde::Deserialize;

/// `[amthi]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Settings {
    /// Commands that this firmware does not know, by request code.
    pub(super) unsupported: Vec<u32>,
    /// The status that answers an unknown command.
    pub(super) unknown_command_status: u32,
    /// How names stand in the list of DNS suffixes.
    pub(super) dns_suffix_list: NameList,
    /// What answers Unprovision when it was done.
    pub(super) unprovisioned: Unprovisioned,
    /// The status that answers Unprovision when an administrator is in control.
    pub(super) unprovision_refusal_status: u32,
    /// What answers a question for the settings of an interface that is absent.
    pub(super) absent_interface: AbsentInterface,
    /// The status of the audit record when nobody provisioned AMT remotely.
    pub(super) no_audit_record_status: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            unsupported: Vec::new(),
            unknown_command_status: Status::UNSUPPORTED.0,
            dns_suffix_list: NameList::Terminated,
            unprovisioned: Unprovisioned::Status,
            unprovision_refusal_status: Status::NOT_PERMITTED.0,
            absent_interface: AbsentInterface::Zeros,
            no_audit_record_status: Status::NOT_FOUND.0,
        }
    }
}

/// How names stand in a list (`amthi.md` §3, GetDNSSuffixList).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NameList {
    /// A NUL behind each.
    Terminated,
    /// A NUL between two of them.
    Separated,
}

/// What answers Unprovision when it was done (`amthi.md` §3 and §4.14 differ).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Unprovisioned {
    /// The status.
    Status,
    /// The status and the provisioning state.
    StatusAndState,
}

/// What answers a question for the settings of an absent interface (`amthi.md` §4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AbsentInterface {
    /// An interface that is all zero.
    Zeros,
    /// "No such interface", 2501.
    Status,
}
