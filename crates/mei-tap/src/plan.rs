//! What is to go wrong, and when.

use crate::error::{ParseError, Wrong};
use crate::token::{Register, Words, duration, lines, number, register};
use std::ops::RangeInclusive;
use std::time::Duration;

/// How a plan begins.
const HEADER: &str = "mei-faults 1";

/// What an access is, to a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Read(Register),
    Write(Register),
    Config(u16),
    Interrupt,
}

/// Which events a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Read(Option<Register>),
    Write(Option<Register>),
    Config(Option<u16>),
    Interrupt,
    /// Everything but interrupts.
    Access,
}

impl Target {
    pub(crate) fn matches(self, event: Event) -> bool {
        match (self, event) {
            (Self::Read(wanted), Event::Read(register)) | (Self::Write(wanted), Event::Write(register)) => {
                wanted.is_none_or(|wanted| wanted == register)
            }
            (Self::Config(wanted), Event::Config(offset)) => wanted.is_none_or(|wanted| wanted == offset),
            (Self::Interrupt, Event::Interrupt) => true,
            (Self::Access, Event::Interrupt) => false,
            (Self::Access, _) => true,
            _ => false,
        }
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Drop,
    Delay(Duration),
    Corrupt(u32),
    StuckHigh(u32),
    StuckLow(u32),
    Ones,
    Gone,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Line of the file, from 1.
    pub(crate) line: usize,
    pub(crate) target: Target,
    /// Which of those that match, from 1.
    pub(crate) at: RangeInclusive<u64>,
    /// How long after the function was first run.
    pub(crate) after: Duration,
    pub(crate) action: Action,
}

/// Faults to inject. See the crate's documentation for the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) origin: String,
    pub(crate) faults: Vec<Fault>,
}

impl Plan {
    /// Reads a plan; `origin` names it in errors and in the log.
    ///
    /// # Errors
    /// The first line that is not of the format, why, and what would be.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ParseError> {
        let faults = lines(text, origin, HEADER)?
            .map(|(line, content)| fault(line, content).map_err(|wrong| wrong.at(origin, line)))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { origin: origin.to_owned(), faults })
    }
}

fn fault(line: usize, content: &str) -> Result<Fault, Wrong> {
    let mut words = Words::new(content);
    words.expect_word("on")?;
    let target = target(&mut words)?;
    let at = if words.take("at") {
        range(words.expect("which of them, as in 3, 3.. or 3..5")?)?
    } else {
        1..=u64::MAX
    };
    let after = if words.take("after") { duration(words.expect("a time")?)? } else { Duration::ZERO };
    let action = action(&mut words)?;
    words.end()?;
    check(target, action)?;
    Ok(Fault { line, target, at, after, action })
}

fn target(words: &mut Words<'_>) -> Result<Target, Wrong> {
    let word = words.expect("read, write, config, interrupt or access")?;
    // A register or an offset, unless the line goes on.
    let mut ahead = words.clone();
    let operand = ahead.next().filter(|next| *next != "at" && *next != "after" && !ACTIONS.contains(next));
    if operand.is_some() && matches!(word, "read" | "write" | "config") {
        *words = ahead;
    }
    match word {
        "read" => Ok(Target::Read(operand.map(register).transpose()?)),
        "write" => Ok(Target::Write(operand.map(register).transpose()?)),
        "config" => Ok(Target::Config(operand.map(number).transpose()?)),
        "interrupt" => Ok(Target::Interrupt),
        "access" => Ok(Target::Access),
        _ => Err(Wrong::new(
            format!("nothing goes wrong on `{word}`"),
            "use read, write, config, interrupt or access",
        )),
    }
}

fn range(word: &str) -> Result<RangeInclusive<u64>, Wrong> {
    let range = match word.split_once("..") {
        None => number(word).map(|only| only..=only)?,
        Some((first, "")) => number(first)?..=u64::MAX,
        Some((first, last)) => number(first)?..=number(last)?,
    };
    if *range.start() == 0 {
        return Err(Wrong::new(format!("`{word}` begins with 0"), "count from 1"));
    }
    if range.is_empty() {
        return Err(Wrong::new(format!("`{word}` ends before it begins"), "put the smaller number first"));
    }
    Ok(range)
}

const ACTIONS: [&str; 7] = ["drop", "delay", "corrupt", "stuck-high", "stuck-low", "ones", "gone"];

fn action(words: &mut Words<'_>) -> Result<Action, Wrong> {
    let word = words.expect("what goes wrong")?;
    let mut mask = || number(words.expect("a mask of bits")?);
    Ok(match word {
        "drop" => Action::Drop,
        "corrupt" => Action::Corrupt(mask()?),
        "stuck-high" => Action::StuckHigh(mask()?),
        "stuck-low" => Action::StuckLow(mask()?),
        "ones" => Action::Ones,
        "gone" => Action::Gone,
        "delay" => Action::Delay(duration(words.expect("a time")?)?),
        _ => {
            let remedy = format!("use one of {}", ACTIONS.join(", "));
            return Err(Wrong::new(format!("`{word}` is not a fault"), remedy));
        }
    })
}

/// What cannot happen to what.
fn check(target: Target, action: Action) -> Result<(), Wrong> {
    match (target, action) {
        (Target::Read(_) | Target::Config(_) | Target::Access, Action::Delay(_)) => Err(Wrong::new(
            "a driver does not notice a read that takes longer",
            "delay a write or an interrupt",
        )),
        (
            Target::Interrupt,
            Action::Corrupt(_) | Action::StuckHigh(_) | Action::StuckLow(_) | Action::Ones,
        ) => Err(Wrong::new("an interrupt has no bits", "drop it or delay it, or corrupt a read of H_CSR")),
        (Target::Write(_), Action::Ones | Action::StuckHigh(_) | Action::StuckLow(_)) => Err(Wrong::new(
            "a write has a value of its own",
            "corrupt it, or let reads of the register be stuck",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Fault, Wrong> {
        fault(7, line)
    }

    #[test]
    fn every_part_of_a_line_is_read() {
        let expected = Fault {
            line: 7,
            target: Target::Write(Some(Register(4))),
            at: 2..=4,
            after: Duration::from_millis(20),
            action: Action::Corrupt(0x10),
        };
        assert_eq!(parse("on write H_CSR at 2..4 after 20ms corrupt 0x10"), Ok(expected));
        let all = parse("on read drop").unwrap();
        assert_eq!((all.target, all.at, all.after), (Target::Read(None), 1..=u64::MAX, Duration::ZERO));
        assert_eq!(parse("on config 0x40 stuck-low 3").unwrap().target, Target::Config(Some(0x40)));
        assert_eq!(parse("on config at 3.. ones").unwrap().at, 3..=u64::MAX);
        assert_eq!(parse("on interrupt delay 1s").unwrap().action, Action::Delay(Duration::from_secs(1)));
        assert_eq!(parse("on access at 9 gone").unwrap().target, Target::Access);
    }

    #[test]
    fn what_is_wrong_is_said_with_a_remedy() {
        let cases = [
            ("read H_CSR drop", "`read` is not `on`", "put `on` before it"),
            ("on", "the line ends too early", "add read, write, config, interrupt or access"),
            (
                "on poke H_CSR drop",
                "nothing goes wrong on `poke`",
                "use read, write, config, interrupt or access",
            ),
            ("on read H_CSR", "the line ends too early", "add what goes wrong"),
            ("on read H_CSR at", "the line ends too early", "add which of them, as in 3, 3.. or 3..5"),
            ("on read H_CSR at 0 drop", "`0` begins with 0", "count from 1"),
            ("on read H_CSR at 5..3 drop", "`5..3` ends before it begins", "put the smaller number first"),
            ("on read H_CSR drop it", "`it` is too much", "end the line before it"),
            (
                "on read H_CSR delay 1s",
                "a driver does not notice a read that takes longer",
                "delay a write or an interrupt",
            ),
            (
                "on interrupt ones",
                "an interrupt has no bits",
                "drop it or delay it, or corrupt a read of H_CSR",
            ),
            (
                "on write ones",
                "a write has a value of its own",
                "corrupt it, or let reads of the register be stuck",
            ),
            ("on write corrupt", "the line ends too early", "add a mask of bits"),
            ("on write corrupt 0x100000000", "`0x100000000` is too large", "use at most 32 bits"),
            (
                "on interrupt H_CSR drop",
                "`H_CSR` is not a fault",
                "use one of drop, delay, corrupt, stuck-high, stuck-low, ones, gone",
            ),
        ];
        for (line, reason, remedy) in cases {
            assert_eq!(parse(line), Err(Wrong::new(reason, remedy)), "{line}");
        }
    }

    #[test]
    fn errors_have_a_place() {
        let error =
            Plan::parse("# mine\nmei-faults 1\n\non read H_CSR brop # oops\n", "my.faults").unwrap_err();
        assert_eq!(
            error.to_string(),
            "my.faults:4: `brop` is not a fault; use one of drop, delay, corrupt, stuck-high, stuck-low, ones, gone"
        );
        let error = Plan::parse("", "my.faults").unwrap_err();
        assert_eq!(error.to_string(), "my.faults:1: there is nothing in it; begin with `mei-faults 1`");
        let error = Plan::parse("mei-faults 2\n", "my.faults").unwrap_err();
        assert_eq!(
            error.to_string(),
            "my.faults:1: `mei-faults 2` is not how this begins; begin with `mei-faults 1`"
        );
    }
}
