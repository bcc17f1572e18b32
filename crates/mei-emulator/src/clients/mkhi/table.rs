//! The commands, one row each.

use super::call::{Answer, Call};
use super::{boot, files, rules, versions};
use mei_wire::mkhi::{CBM_GLOBAL_RESET, fwcaps, generic, group, hmrfpo, mca};

/// One command.
pub(super) struct Row {
    /// Its group.
    pub(super) group: u8,
    /// Its code in the group.
    pub(super) command: u8,
    /// Fewest bytes of data in a request.
    pub(super) least: usize,
    /// Writes the answer's data.
    pub(super) answer: fn(&mut Call<'_>) -> Answer,
}

const fn row(group: u8, command: u8, least: usize, answer: fn(&mut Call<'_>) -> Answer) -> Row {
    Row { group, command, least, answer }
}

/// Every command, in the order of groups and codes (`mkhi.md` §3 to §5).
#[rustfmt::skip]
pub(super) static COMMANDS: &[Row] = &[
    row(group::CBM,    CBM_GLOBAL_RESET,                   2, boot::global_reset),
    row(group::FWCAPS, fwcaps::GET_RULE,                   4, rules::get),
    row(group::FWCAPS, fwcaps::SET_RULE,                   5, rules::set),
    row(group::FWCAPS, fwcaps::SET_OS_VERSION,             0, rules::set_os_version),
    row(group::HMRFPO, hmrfpo::ENABLE,                     8, boot::hmrfpo_enable),
    row(group::HMRFPO, hmrfpo::LOCK,                       0, boot::hmrfpo_lock),
    row(group::HMRFPO, hmrfpo::GET_STATUS,                 0, boot::hmrfpo_status),
    row(group::MCA,    mca::READ_FILE,     size_of::<mca::ReadFile>(), files::read_by_path),
    row(group::MCA,    mca::READ_FILE_EX,  size_of::<mca::ReadFileEx>(), files::read_by_id),
    row(group::MCA,    mca::OEM_KEY_STATUS,                0, files::oem_key_status),
    row(group::MCA,    mca::ARB_SVN_COMMIT,                1, files::arb_svn_commit),
    row(group::MCA,    mca::ARB_SVN_INFO,                  0, files::arb_svn_info),
    row(group::MCA,    mca::REVOKE_OEM_KEY_HASH,           0, files::revoke_oem_key_hash),
    row(group::GEN,    generic::GET_MKHI_VERSION,          0, versions::mkhi),
    row(group::GEN,    generic::GET_FW_VERSION,            0, versions::firmware),
    row(group::GEN,    generic::GET_BOOT_STATE,            0, boot::boot_state),
    row(group::GEN,    generic::END_OF_POST,               0, boot::end_of_post),
    row(group::GEN,    generic::UNCONFIG_WITHOUT_PASSWORD, 0, boot::unconfigure),
    row(group::GEN,    generic::SET_DEBUG_MEMORY,         16, boot::set_debug_memory),
    row(group::GEN,    generic::FEATURE_SHIPMENT_OVERRIDE, 8, rules::feature_override),
    row(group::GEN,    generic::GET_IMAGE_TYPE,            0, versions::image_type),
    row(group::GEN,    generic::GET_IMAGE_FW_VERSION,      4, versions::image),
    row(group::GEN,    generic::GET_EOP_STATE,             0, boot::eop_state),
    row(group::GEN,    generic::SET_MEASURED_BOOT_STATE,   1, boot::set_measured_boot),
    row(group::GEN,    generic::GET_MEASURED_BOOT_STATE,   0, boot::measured_boot),
];

/// The row of a command.
pub(super) fn find(group: u8, command: u8) -> Option<&'static Row> {
    let index = COMMANDS.binary_search_by_key(&(group, command), |row| (row.group, row.command)).ok()?;
    COMMANDS.get(index)
}
