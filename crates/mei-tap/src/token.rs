//! The words that recordings and plans have in common.

use crate::error::{ParseError, Wrong};
use mei_wire::registers::{H_CB_WW, H_CSR, H_D0I3C, H_HPG_CSR, ME_CB_RW, ME_CSR_HA, ME_TRC};
use std::fmt;
use std::time::Duration;

/// Registers that have a name.
const NAMES: [(&str, u32); 7] = [
    ("H_CB_WW", H_CB_WW),
    ("H_CSR", H_CSR),
    ("ME_CB_RW", ME_CB_RW),
    ("ME_CSR_HA", ME_CSR_HA),
    ("H_HPG_CSR", H_HPG_CSR),
    ("ME_TRC", ME_TRC),
    ("H_D0I3C", H_D0I3C),
];

/// A register of BAR0, by its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Register(pub(crate) u32);

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, offset)| *offset == self.0) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{:#05x}", self.0),
        }
    }
}

/// The lines of `text` that say something, numbered from 1, after the first of them has been checked to be
/// `header`.
pub(crate) fn lines<'a>(
    text: &'a str,
    origin: &str,
    header: &str,
) -> Result<impl Iterator<Item = (usize, &'a str)>, ParseError> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split_once('#').map_or(line, |(front, _)| front).trim()))
        .filter(|(_, line)| !line.is_empty());
    match lines.next() {
        Some((_, first)) if first == header => Ok(lines),
        found => {
            let (line, reason) = match found {
                Some((line, first)) => (line, format!("`{first}` is not how this begins")),
                None => (1, "there is nothing in it".into()),
            };
            Err(Wrong::new(reason, format!("begin with `{header}`")).at(origin, line))
        }
    }
}

/// The words of one line, taken from the front.
#[derive(Debug, Clone)]
pub(crate) struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        Self { rest: line.trim_start() }
    }

    pub(crate) fn next(&mut self) -> Option<&'a str> {
        if self.rest.is_empty() {
            return None;
        }
        let (word, rest) = self.rest.split_once(char::is_whitespace).unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        Some(word)
    }

    /// Takes the next word if it is this one.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let mut ahead = self.clone();
        let found = ahead.next() == Some(word);
        if found {
            *self = ahead;
        }
        found
    }

    /// The next word, which must be there.
    pub(crate) fn expect(&mut self, what: &str) -> Result<&'a str, Wrong> {
        self.next().ok_or_else(|| Wrong::new("the line ends too early", format!("add {what}")))
    }

    /// The next word, which must be this one.
    pub(crate) fn expect_word(&mut self, word: &str) -> Result<(), Wrong> {
        match self.next() {
            Some(found) if found == word => Ok(()),
            Some(found) => {
                Err(Wrong::new(format!("`{found}` is not `{word}`"), format!("put `{word}` before it")))
            }
            None => Err(Wrong::new("the line ends too early", format!("add `{word}`"))),
        }
    }

    /// Nothing may be left.
    pub(crate) fn end(&mut self) -> Result<(), Wrong> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(Wrong::new(format!("`{word}` is too much"), "end the line before it")),
        }
    }
}

/// A number that fits into `T`.
pub(crate) fn number<T: TryFrom<u64>>(word: &str) -> Result<T, Wrong> {
    let parsed = match word.strip_prefix("0x") {
        // from_str_radix takes a sign, which is none of ours.
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        None if !word.starts_with('+') => word.parse().ok(),
        _ => None,
    };
    let parsed = parsed
        .ok_or_else(|| Wrong::new(format!("`{word}` is not a number"), "write one like 128 or 0x80"))?;
    let bits = size_of::<T>() * 8;
    T::try_from(parsed)
        .map_err(|_| Wrong::new(format!("`{word}` is too large"), format!("use at most {bits} bits")))
}

pub(crate) fn register(word: &str) -> Result<Register, Wrong> {
    if let Some((_, offset)) = NAMES.iter().find(|(name, _)| *name == word) {
        return Ok(Register(*offset));
    }
    match number::<u32>(word) {
        Ok(offset) if offset.is_multiple_of(4) => Ok(Register(offset)),
        Ok(_) => Err(Wrong::new(format!("no register is at {word}"), "use a multiple of four")),
        Err(_) => {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            let remedy = format!("use one of {}, or an offset", names.join(", "));
            Err(Wrong::new(format!("`{word}` is not a register"), remedy))
        }
    }
}

/// A duration with its unit.
pub(crate) fn duration(word: &str) -> Result<Duration, Wrong> {
    let wrong = || Wrong::new(format!("`{word}` is not a time"), "write one like 2s, 100ms, 50us or 10ns");
    let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let amount: u64 = digits.parse().map_err(|_| wrong())?;
    match &word[digits.len()..] {
        "ns" => Ok(Duration::from_nanos(amount)),
        "us" => Ok(Duration::from_micros(amount)),
        "ms" => Ok(Duration::from_millis(amount)),
        "s" => Ok(Duration::from_secs(amount)),
        _ => Err(wrong()),
    }
}

/// Seconds with a fraction, as recordings have them.
pub(crate) fn seconds(word: &str) -> Result<Duration, Wrong> {
    let wrong = || {
        Wrong::new(
            format!("`{word}` is not a time"),
            "begin the line with seconds and nanoseconds, like 0.002000100",
        )
    };
    let (whole, fraction) = word.split_once('.').unwrap_or((word, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 9 {
        return Err(wrong());
    }
    let scale = 10u32.pow(9 - u32::try_from(fraction.len()).map_err(|_| wrong())?);
    let nanoseconds = fraction.parse::<u32>().map_err(|_| wrong())? * scale;
    Ok(Duration::new(whole.parse().map_err(|_| wrong())?, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_or_hexadecimal_and_fit() {
        assert_eq!(number::<u32>("128"), Ok(128));
        assert_eq!(number::<u32>("0xFFFFFFFF"), Ok(0xFFFF_FFFF));
        for word in ["", "x", "0x", "-1", "+1", "0x+1", "1.5", "0x1G", "99999999999999999999"] {
            assert!(number::<u64>(word).is_err(), "{word}");
        }
        assert_eq!(number::<u16>("0x10000").unwrap_err().remedy, "use at most 16 bits");
    }

    #[test]
    fn registers_have_names_and_offsets() {
        for (name, offset) in [
            ("H_CB_WW", 0),
            ("H_CSR", 4),
            ("ME_CB_RW", 8),
            ("ME_CSR_HA", 0xC),
            ("H_HPG_CSR", 0x10),
            ("ME_TRC", 0x30),
            ("H_D0I3C", 0x800),
        ] {
            assert_eq!(register(name), Ok(Register(offset)));
            assert_eq!(Register(offset).to_string(), name);
        }
        assert_eq!(register("0x104"), Ok(Register(0x104)));
        assert_eq!(Register(0x104).to_string(), "0x104");
        assert_eq!(register("0x105").unwrap_err().remedy, "use a multiple of four");
        assert!(register("H_CRS").unwrap_err().remedy.contains("H_CSR"));
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        assert_eq!(seconds("0.000000001"), Ok(Duration::from_nanos(1)));
        assert_eq!(seconds("12.5"), Ok(Duration::from_millis(12_500)));
        assert_eq!(seconds("3"), Ok(Duration::from_secs(3)));
        for word in ["", ".", ".5", "1.", "1.0000000000", "-1", "1e9", "18446744073709551616"] {
            assert!(seconds(word).is_err(), "{word}");
        }
        for (word, nanoseconds) in [("7ns", 7), ("7us", 7_000), ("7ms", 7_000_000), ("7s", 7_000_000_000)] {
            assert_eq!(duration(word), Ok(Duration::from_nanos(nanoseconds)));
        }
        for word in ["", "7", "s", "7 s", "7m", "7.5s", "-7s", "7µs"] {
            assert!(duration(word).is_err(), "{word}");
        }
    }
}
