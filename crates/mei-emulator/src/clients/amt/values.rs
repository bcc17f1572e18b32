//! Values as they stand in persona files: checked when the file is read, ready for the wire after.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::net::Ipv4Addr;
use std::ops::Deref;

/// Text of at most `MAX` bytes without a NUL, as fixed fields and counted strings of the wire hold it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// The text, if it fits and has no NUL.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (text.len() <= MAX && !text.contains('\0')).then_some(Self(text))
    }

    /// The text left-aligned in a field of `N` bytes, zero-filled; cut where the field ends.
    pub(crate) fn field<const N: usize>(&self) -> [u8; N] {
        field(self.as_bytes())
    }
}

/// `bytes` left-aligned in a field of `N` bytes, zero-filled; cut where the field ends.
pub(crate) fn field<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut field = [0; N];
    let length = bytes.len().min(N);
    field[..length].copy_from_slice(&bytes[..length]);
    field
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> PartialEq<&str> for Text<MAX> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> fmt::Debug for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let length = text.len();
        Self::new(text).ok_or_else(|| {
            D::Error::custom(format!("{length} bytes: at most {MAX} and no NUL fit the message"))
        })
    }
}

/// A MAC address, `"02:00:5e:10:00:01"` in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MacAddress(pub [u8; 6]);

impl<'de> Deserialize<'de> for MacAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let refuse = || D::Error::custom(format!("{text:?} is no MAC address; write \"02:00:5e:10:00:01\""));
        let mut address = [0; 6];
        let mut groups = text.split(':');
        for byte in &mut address {
            let group = groups.next().filter(|group| group.len() == 2).ok_or_else(refuse)?;
            *byte = u8::from_str_radix(group, 16).map_err(|_| refuse())?;
        }
        groups.next().is_none().then_some(Self(address)).ok_or_else(refuse)
    }
}

/// A UUID, in text form in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlatformUuid(uuid::Uuid);

impl PlatformUuid {
    /// A UUID of sixteen bytes in text order.
    #[must_use]
    pub const fn from_u128(digits: u128) -> Self {
        Self(uuid::Uuid::from_u128(digits))
    }

    /// In the order of SMBIOS: the first three groups little-endian.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_bytes_le()
    }
}

impl fmt::Display for PlatformUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for PlatformUuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        uuid::Uuid::parse_str(&text)
            .map(Self)
            .map_err(|error| D::Error::custom(format!("{text:?} is no UUID: {error}")))
    }
}

/// Bytes as hexadecimal digits, blanks between them ignored.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Hex(pub Vec<u8>);

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|c| !c.is_ascii_whitespace())
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        match digits {
            Some(digits) if digits.len() % 2 == 0 => {
                Ok(Self(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()))
            }
            _ => Err(D::Error::custom("not an even number of hexadecimal digits")),
        }
    }
}

/// An IPv4 address as AMT's messages hold it: 1.2.3.4 is 0x01020304.
pub(crate) fn address_word(address: Ipv4Addr) -> u32 {
    u32::from(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Values {
        text: Option<Text<4>>,
        mac: Option<MacAddress>,
        uuid: Option<PlatformUuid>,
        hex: Option<Hex>,
    }

    fn values(text: &str) -> Result<Values, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn good_values_are_read() {
        let values = values(
            "text = 'abcd'\nmac = '02:00:5e:Ff:00:01'\nhex = '00 ff'\n\
             uuid = '00112233-4455-6677-8899-aabbccddeeff'",
        )
        .unwrap();
        assert_eq!(values.text.unwrap().field::<6>(), *b"abcd\0\0");
        assert_eq!(values.mac.unwrap().0, [2, 0, 0x5E, 0xFF, 0, 1]);
        assert_eq!(values.hex.unwrap().0, [0, 0xFF]);
        assert_eq!(values.uuid.unwrap().to_bytes()[..6], [0x33, 0x22, 0x11, 0x00, 0x55, 0x44]);
        assert_eq!(address_word(Ipv4Addr::new(1, 2, 3, 4)), 0x0102_0304);
    }

    #[test]
    fn bad_values_are_refused_with_a_reason() {
        for (text, reason) in [
            ("text = 'abcde'", "at most 4"),
            ("text = 'a\\u0000'", ""),
            ("mac = '02:00:5e:10:00'", "no MAC address"),
            ("mac = '02:00:5e:10:00:01:02'", "no MAC address"),
            ("mac = '+2:00:5e:10:00:0é'", "no MAC address"),
            ("uuid = '0'", "no UUID"),
            ("hex = 'abc'", "hexadecimal"),
            ("hex = 'zz'", "hexadecimal"),
        ] {
            match values(text) {
                Err(error) => assert!(error.contains(reason), "{text}: {error}"),
                Ok(values) => assert!(reason.is_empty(), "{text} was taken: {values:?}"),
            }
        }
    }
}
