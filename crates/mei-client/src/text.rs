//! What people read: clients by name, addresses, text that firmware sent.

use mei_wire::{Guid, clients};
use std::fmt;

/// A client as people call it: its name where it has one, else its GUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientName(pub Guid);

impl fmt::Display for ClientName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match clients::name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "client {}", self.0),
        }
    }
}

/// A MAC address in transmission order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Whether it is all zero, which is how AMT says that there is no interface.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 6]
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Text that firmware sent, up to its first NUL, fit for a terminal: what is not printable is escaped.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let mut text = String::with_capacity(end);
    for character in String::from_utf8_lossy(&bytes[..end]).chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_firmware_says_cannot_steer_a_terminal() {
        assert_eq!(printable(b"N1EET2W (1.75 )\0junk"), "N1EET2W (1.75 )");
        assert_eq!(printable(b"a\x1b[2Jb\n"), r"a\u{1b}[2Jb\n");
        assert_eq!(printable(b"\xFF\xFE"), "\u{FFFD}\u{FFFD}");
        assert_eq!(printable(b""), "");
    }

    #[test]
    fn clients_are_called_by_name() {
        assert_eq!(ClientName(clients::AMTHI).to_string(), "AMTHI");
        let unknown = Guid::from_u128(0x00112233_4455_6677_8899_aabbccddeeff);
        assert_eq!(ClientName(unknown).to_string(), "client 00112233-4455-6677-8899-aabbccddeeff");
    }
}
