//! A device that is a recording.

use crate::access::{Answer, Question};
use crate::recording::Recording;
use crate::token::Register;
use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};
use std::cell::{Cell, OnceCell};
use std::fmt;
use std::time::Instant;

/// Where a driver did something else than when it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Divergence {
    /// The recording.
    pub origin: String,
    /// Its line; None at its end.
    pub line: Option<usize>,
    /// What the recording has, in its words.
    pub expected: Option<String>,
    /// What the driver did.
    pub actual: String,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, &self.expected) {
            (Some(line), Some(expected)) => {
                write!(f, "{}:{line}: expected `{expected}`, but the host did `{}`", self.origin, self.actual)
            }
            _ => write!(f, "{}: the recording ends, but the host did `{}`", self.origin, self.actual),
        }
    }
}

/// A device that answers from a recording.
///
/// The order counts, the times do not: an interrupt comes as soon as everything before it was done. What the
/// driver does beyond its own needs (the calls of programs) must be repeated by whoever replays; memory for
/// DMA gives what it gave. At the first access that is not the recorded one the function is gone, and
/// [`Replay::divergence`] tells why.
#[derive(Debug)]
pub struct Replay {
    recording: Recording,
    // Memory for DMA is read through a shared reference.
    position: Cell<usize>,
    divergence: OnceCell<Divergence>,
    now: Option<Instant>,
}

impl Replay {
    /// A device at the beginning of a recording.
    #[must_use]
    pub fn new(recording: Recording) -> Self {
        Self { recording, position: Cell::new(0), divergence: OnceCell::new(), now: None }
    }

    /// Where the driver first did something else.
    #[must_use]
    pub fn divergence(&self) -> Option<&Divergence> {
        self.divergence.get()
    }

    /// Whether everything in the recording was done.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.skip_ends_of_interrupt();
        self.divergence.get().is_none() && self.position.get() == self.recording.entries.len()
    }

    /// Accesses that are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.recording.entries.len() - self.position.get()
    }

    /// When a driver is done with an interrupt is the business of the loop around it: it is not compared.
    fn skip_ends_of_interrupt(&self) {
        let rest = &self.recording.entries[self.position.get()..];
        let ends = rest.iter().take_while(|entry| entry.question == Question::EndOfInterrupt).count();
        self.position.set(self.position.get() + ends);
    }

    /// The recorded answer, if this is the recorded question.
    fn ask(&self, question: &Question) -> Result<&Answer, Gone> {
        if self.divergence.get().is_some() {
            return Err(Gone);
        }
        self.skip_ends_of_interrupt();
        let entry = self.recording.entries.get(self.position.get());
        match entry {
            Some(entry) if entry.question == *question => {
                self.position.set(self.position.get() + 1);
                if entry.answer == Answer::Gone { Err(Gone) } else { Ok(&entry.answer) }
            }
            _ => {
                let divergence = Divergence {
                    origin: self.recording.origin.clone(),
                    line: entry.map(|entry| entry.line),
                    expected: entry.map(|entry| entry.question.to_string()),
                    actual: question.to_string(),
                };
                log::warn!("{divergence}");
                let _ = self.divergence.set(divergence);
                Err(Gone)
            }
        }
    }

    fn interrupt_is_next(&self) -> bool {
        self.skip_ends_of_interrupt();
        let next = self.recording.entries.get(self.position.get());
        self.divergence.get().is_none() && next.is_some_and(|entry| entry.question == Question::Interrupt)
    }
}

impl Registers for Replay {
    fn read32(&mut self, offset: u32) -> Result<u32, Gone> {
        match self.ask(&Question::Read(Register(offset)))? {
            Answer::Value(value) => Ok(*value),
            _ => Err(Gone),
        }
    }

    fn write32(&mut self, offset: u32, value: u32) -> Result<(), Gone> {
        self.ask(&Question::Write(Register(offset), value)).map(drop)
    }
}

impl ConfigSpace for Replay {
    fn read_config32(&mut self, offset: u16) -> Result<u32, Gone> {
        match self.ask(&Question::Config(offset))? {
            Answer::Value(value) => Ok(*value),
            _ => Err(Gone),
        }
    }
}

impl DmaMemory for Replay {
    fn allocate_dma(&mut self, size: u32) -> Option<u64> {
        match self.ask(&Question::Allocate(size)) {
            Ok(Answer::Address(address)) => *address,
            _ => None,
        }
    }

    fn read_dma(&self, address: u64, bytes: &mut [u8]) -> Result<(), Gone> {
        match self.ask(&Question::DmaRead(address, bytes.len()))? {
            Answer::Bytes(recorded) if recorded.len() == bytes.len() => {
                bytes.copy_from_slice(recorded);
                Ok(())
            }
            _ => Err(Gone),
        }
    }

    fn write_dma(&mut self, address: u64, bytes: &[u8]) -> Result<(), Gone> {
        self.ask(&Question::DmaWrite(address, bytes.to_vec())).map(drop)
    }
}

impl Device for Replay {
    fn run(&mut self, now: Instant) {
        self.now = Some(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.now.filter(|_| self.interrupt_is_next())
    }

    fn take_interrupt(&mut self) -> bool {
        self.interrupt_is_next() && self.ask(&Question::Interrupt).is_ok()
    }
}
