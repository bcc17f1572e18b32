//! Status codes of AMTHI in words (`amthi.md` §5).

/// The interface asked for does not exist.
pub(super) const NO_INTERFACE: u32 = 2501;

/// What a status means, in parentheses after a space; nothing for an unknown one.
pub(crate) fn suffix(status: u32) -> &'static str {
    match status {
        0x01 => " (internal error)",
        0x02 => " (not ready)",
        0x03 => " (not in this AMT mode)",
        0x04 => " (wrong message length)",
        0x10 => " (not permitted)",
        0x17 => " (limit reached)",
        0x20 => " (not in this provisioning state)",
        0x21 => " (unsupported object)",
        0x24 => " (wrong parameter)",
        0x26 => " (flash write limit reached)",
        0x400 => " (disabled by policy)",
        0x800 => " (network error)",
        0x803 => " (no such command)",
        0x805 => " (no such handle)",
        0x809 => " (data missing)",
        0x812 => " (unsupported)",
        0x814 => " (not found)",
        2500 => " (IPv6 is disabled)",
        NO_INTERFACE => " (no such interface)",
        _ => "",
    }
}
