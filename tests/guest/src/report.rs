//! What a guest has done: lines of text, each said by its first character.
//!
//! ```text
//! + NAME           a job begins
//! | TEXT           a line that it printed
//! - exited 0 123   it ended after so many milliseconds: exited STATUS, killed SIGNAL, or late 0
//! .                all jobs are done
//! ! TEXT           the agent itself has failed
//! ```
//!
//! Among what a job prints may be a [`Request`].

use std::fmt;
use std::time::Duration;

/// One line of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A job of this name begins.
    Begun(String),
    /// The job printed this line.
    Printed(String),
    /// The job ended.
    Ended(Ending, Duration),
    /// All jobs are done.
    Done,
    /// The agent cannot go on.
    Failed(String),
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// It took too long, and was killed.
    Late,
}

impl Line {
    /// Reads a line; `None` if it is none of a report.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(['\n', '\r']);
        let kind = line.chars().next()?;
        let text = line.get(1..)?.strip_prefix(' ').unwrap_or_default();
        match kind {
            '+' => Some(Self::Begun(text.to_owned())),
            '|' => Some(Self::Printed(text.to_owned())),
            '-' => {
                let mut words = text.split(' ');
                let (how, number) = (words.next()?, words.next()?.parse().ok()?);
                let took = Duration::from_millis(words.next()?.parse().ok()?);
                let ending = match how {
                    "exited" => Ending::Exited(number),
                    "killed" => Ending::Killed(number),
                    "late" => Ending::Late,
                    _ => return None,
                };
                Some(Self::Ended(ending, took))
            }
            '.' => Some(Self::Done),
            '!' => Some(Self::Failed(text.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun(name) => write!(f, "+ {name}"),
            Self::Printed(text) => write!(f, "| {text}"),
            Self::Ended(ending, took) => {
                let (how, number) = match *ending {
                    Ending::Exited(status) => ("exited", status),
                    Ending::Killed(signal) => ("killed", signal),
                    Ending::Late => ("late", 0),
                };
                write!(f, "- {how} {number} {}", took.as_millis())
            }
            Self::Done => write!(f, "."),
            Self::Failed(text) => write!(f, "! {text}"),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(f, "exit status {status}"),
            Self::Killed(signal) => write!(f, "signal {signal}"),
            Self::Late => write!(f, "killed: too late"),
        }
    }
}

/// What a job may ask of the harness by a line of its output, `>> REQUEST`: what only the machine can do to its
/// emulated functions, all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// `firmware-reset`: their firmware resets by itself.
    FirmwareReset,
    /// `pull`: they are pulled out of their slots; the next time, put back.
    Pull,
}

impl Request {
    /// Reads what a job has printed; `None` if that is no request.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix(">> ")?.trim_end() {
            "firmware-reset" => Some(Self::FirmwareReset),
            "pull" => Some(Self::Pull),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ending, Line, Request};
    use std::time::Duration;

    #[test]
    fn every_line_reads_as_it_was_written() {
        for line in [
            Line::Begun("mei-me".into()),
            Line::Printed(String::new()),
            Line::Printed("| two  words".into()),
            Line::Ended(Ending::Exited(3), Duration::from_millis(70)),
            Line::Ended(Ending::Killed(9), Duration::ZERO),
            Line::Ended(Ending::Late, Duration::from_secs(5)),
            Line::Done,
            Line::Failed("no plan".into()),
        ] {
            assert_eq!(Line::parse(&format!("{line}\r\n")), Some(line));
        }
    }

    #[test]
    fn a_request_is_a_whole_line() {
        assert_eq!(Request::parse(">> firmware-reset"), Some(Request::FirmwareReset));
        assert_eq!(Request::parse(">> pull\r"), Some(Request::Pull));
        for text in ["", "firmware-reset", " >> pull", ">> ", ">> pull it", ">>pull"] {
            assert_eq!(Request::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn other_text_is_no_line_of_a_report() {
        for text in ["", "[    0.1] kernel", "- exited x 1", "- gone 1 1", "- exited 1", "é"] {
            assert_eq!(Line::parse(text), None, "{text:?}");
        }
    }
}
