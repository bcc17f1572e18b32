//! One access, as a recording has it.

use crate::error::Wrong;
use crate::token::{Register, Words, number, register};
use mei_wire::Gone;
use std::fmt;

/// What was asked, without what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Question {
    Read(Register),
    Write(Register, u32),
    Config(u16),
    Interrupt,
    EndOfInterrupt,
    Allocate(u32),
    /// Bus address and bytes.
    DmaRead(u64, usize),
    DmaWrite(u64, Vec<u8>),
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Of what returns nothing, or of an interrupt.
    Done,
    Value(u32),
    Address(Option<u64>),
    Bytes(Vec<u8>),
    Gone,
}

impl Answer {
    pub(crate) fn of_read(result: Result<u32, Gone>) -> Self {
        result.map_or(Self::Gone, Self::Value)
    }

    pub(crate) fn of_write(result: Result<(), Gone>) -> Self {
        result.map_or(Self::Gone, |()| Self::Done)
    }
}

/// How a question reads in a recording.
impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(register) => write!(f, "read {register}"),
            Self::Write(register, value) => write!(f, "write {register} {value:#010x}"),
            Self::Config(offset) => write!(f, "config {offset:#04x}"),
            Self::Interrupt => f.write_str("interrupt"),
            Self::EndOfInterrupt => f.write_str("end-of-interrupt"),
            Self::Allocate(size) => write!(f, "allocate {size}"),
            Self::DmaRead(address, length) => write!(f, "dma-read {address:#x} {length}"),
            Self::DmaWrite(address, bytes) => write!(f, "dma-write {address:#x} {}", Hex(bytes)),
        }
    }
}

/// How an answer reads in a recording.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => Ok(()),
            Self::Value(value) => write!(f, " = {value:#010x}"),
            Self::Address(Some(address)) => write!(f, " = {address:#x}"),
            Self::Address(None) => f.write_str(" = none"),
            Self::Bytes(bytes) => write!(f, " = {}", Hex(bytes)),
            Self::Gone => f.write_str(" = gone"),
        }
    }
}

/// Bytes in hexadecimal; `-` for none at all, so that there is a word.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn hex(word: &str) -> Result<Vec<u8>, Wrong> {
    if word == "-" {
        return Ok(Vec::new());
    }
    let wrong = || {
        Wrong::new(format!("`{word}` is not bytes"), "write two hexadecimal digits for each, or - for none")
    };
    if !word.len().is_multiple_of(2) || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let digit =
        |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or_else(wrong);
    word.as_bytes().chunks_exact(2).map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Reads what follows the time on a line: one access, or several of a window.
pub(crate) fn parse(words: &mut Words<'_>) -> Result<Vec<(Question, Answer)>, Wrong> {
    let verb = words.expect("what was done")?;
    let accesses = match verb {
        "read" => {
            let register = register(words.expect("a register")?)?;
            words.expect_word("=")?;
            if words.take("gone") {
                vec![(Question::Read(register), Answer::Gone)]
            } else {
                values(words)?
                    .into_iter()
                    .map(|value| (Question::Read(register), Answer::Value(value)))
                    .collect()
            }
        }
        "write" => {
            let register = register(words.expect("a register")?)?;
            let values = values(words)?;
            let answer = if words.take("=") { gone(words)? } else { Answer::Done };
            values.into_iter().map(|value| (Question::Write(register, value), answer.clone())).collect()
        }
        "config" => {
            let question = Question::Config(number(words.expect("an offset")?)?);
            words.expect_word("=")?;
            let answer = if words.take("gone") {
                Answer::Gone
            } else {
                Answer::Value(number(words.expect("a value")?)?)
            };
            vec![(question, answer)]
        }
        "interrupt" => vec![(Question::Interrupt, Answer::Done)],
        "end-of-interrupt" => vec![(Question::EndOfInterrupt, Answer::Done)],
        "allocate" => {
            let question = Question::Allocate(number(words.expect("a number of bytes")?)?);
            words.expect_word("=")?;
            let answer =
                if words.take("none") { None } else { Some(number(words.expect("an address, or none")?)?) };
            vec![(question, Answer::Address(answer))]
        }
        "dma-read" => {
            let address = number(words.expect("an address")?)?;
            let length: usize = number(words.expect("a number of bytes")?)?;
            words.expect_word("=")?;
            let answer =
                if words.take("gone") { Answer::Gone } else { Answer::Bytes(hex(words.expect("bytes")?)?) };
            match &answer {
                Answer::Bytes(bytes) if bytes.len() != length => {
                    let reason = format!("these are {} bytes, not {length}", bytes.len());
                    return Err(Wrong::new(reason, "give as many as were read"));
                }
                _ => vec![(Question::DmaRead(address, length), answer)],
            }
        }
        "dma-write" => {
            let address = number(words.expect("an address")?)?;
            let question = Question::DmaWrite(address, hex(words.expect("bytes")?)?);
            let answer = if words.take("=") { gone(words)? } else { Answer::Done };
            vec![(question, answer)]
        }
        _ => {
            let remedy =
                "use read, write, config, interrupt, end-of-interrupt, allocate, dma-read or dma-write";
            return Err(Wrong::new(format!("`{verb}` is not an access"), remedy));
        }
    };
    words.end()?;
    Ok(accesses)
}

/// One value or more, up to what is not one.
fn values(words: &mut Words<'_>) -> Result<Vec<u32>, Wrong> {
    let mut values = vec![number(words.expect("a value")?)?];
    loop {
        let mut ahead = words.clone();
        match ahead.next() {
            None | Some("=") => return Ok(values),
            Some(word) => values.push(number(word)?),
        }
        *words = ahead;
    }
}

fn gone(words: &mut Words<'_>) -> Result<Answer, Wrong> {
    words.expect_word("gone").map(|()| Answer::Gone)
}
