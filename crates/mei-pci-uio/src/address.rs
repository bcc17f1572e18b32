//! The address of a PCI function.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// `domain:bus:device.function`, as in sysfs: `0000:00:16.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    domain: u32,
    bus: u8,
    device: u8,
    function: u8,
}

impl Address {
    /// Function 0 of the same slot, where the driver looks for firmware that it must leave alone (`hw.md` §7).
    pub fn function_zero(self) -> Self {
        Self { function: 0, ..self }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, bus, device, function } = self;
        write!(f, "{domain:04x}:{bus:02x}:{device:02x}.{function}")
    }
}

/// A text that is not the address of a PCI function.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a PCI address: give one such as 0000:00:16.0 or 00:16.0 (umei ls prints them)")]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    /// Reads `0000:00:16.0`, or `00:16.0` in domain 0.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text).ok_or_else(|| AddressError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Address> {
    let hexadecimal = |digits: &str, limit: usize| {
        let wellformed = (1..=limit).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
        wellformed.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let (front, function) = text.rsplit_once('.')?;
    let (front, device) = front.rsplit_once(':')?;
    let (domain, bus) = front.rsplit_once(':').unwrap_or(("0", front));
    Some(Address {
        domain: hexadecimal(domain, 8)?,
        bus: u8::try_from(hexadecimal(bus, 2)?).ok()?,
        device: u8::try_from(hexadecimal(device, 2)?).ok().filter(|&device| device < 32)?,
        function: u8::try_from(hexadecimal(function, 1)?).ok().filter(|&function| function < 8)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_the_long_one_is_written() {
        for (text, long) in [
            ("0000:00:16.0", "0000:00:16.0"),
            ("00:16.0", "0000:00:16.0"),
            ("10000:E1:1f.7", "10000:e1:1f.7"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), long);
        }
        assert_eq!("00:16.3".parse::<Address>().unwrap().function_zero().to_string(), "0000:00:16.0");
    }

    #[test]
    fn nothing_else_is_an_address() {
        for text in ["", "16.0", "00:16", "00:16.8", "00:20.0", "000:16.0", "00:16.0 ", "+0:16.0", "../x:0.0"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
