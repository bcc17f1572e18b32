//! Between a host and its function: record every access, replay a recording, inject faults.
//!
//! Each is a [`Device`](mei_wire::Device): [`Recorder`] and [`Injector`] around another one, [`Replay`] in
//! place of one. A driver does not notice, but for what a fault plan makes it notice. They can be stacked: a
//! recorder outside of an injector records what the driver saw.
//!
//! The one invariant: **what a tap is not told to change passes unchanged, in order, exactly once.**
//!
//! ```
//! use mei_tap::{Injector, Plan, Recorder, Recording, Replay};
//! # use mei_wire::{ConfigSpace, Device, DmaMemory, Gone, Registers};
//! # struct Function;
//! # impl Registers for Function {
//! #     fn read32(&mut self, _: u32) -> Result<u32, Gone> { Ok(0x8000_0008) }
//! #     fn write32(&mut self, _: u32, _: u32) -> Result<(), Gone> { Ok(()) }
//! # }
//! # impl ConfigSpace for Function { fn read_config32(&mut self, _: u16) -> Result<u32, Gone> { Ok(0) } }
//! # impl DmaMemory for Function {}
//! # impl Device for Function {
//! #     fn run(&mut self, _: std::time::Instant) {}
//! #     fn take_interrupt(&mut self) -> bool { false }
//! # }
//! // The first read of ME_CSR_HA has bit 3, ME_RDY, flipped.
//! let plan = Plan::parse("mei-faults 1\non read ME_CSR_HA at 1 corrupt 0x8\n", "plan")?;
//! let mut device = Recorder::new(Injector::new(Function, plan), Vec::new());
//! assert_eq!(device.read32(0x00C), Ok(0x8000_0000));
//! assert_eq!(device.read32(0x00C), Ok(0x8000_0008));
//!
//! let text = String::from_utf8(device.into_parts().1.expect("a Vec takes everything"))?;
//! let mut replay = Replay::new(Recording::parse(&text, "recording")?);
//! assert_eq!(replay.read32(0x00C), Ok(0x8000_0000));
//! assert_eq!(replay.read32(0x004), Err(Gone));
//! assert_eq!(
//!     replay.divergence().expect("another register was read").to_string(),
//!     "recording:3: expected `read ME_CSR_HA`, but the host did `read H_CSR`",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Recordings
//!
//! Text, one access per line, in the order in which they were made. The first line is `mei-recording 1`;
//! empty lines and what follows a `#` mean nothing.
//!
//! ```text
//! mei-recording 1
//! 0.000000000 config 0x40 = 0x90000245
//! 0.000001200 write H_CSR 0x00000015
//! 0.000003400 read H_CSR = 0x80000010
//! 0.002000100 interrupt
//! 0.002000900 read ME_CB_RW = 0x80040000 0x02020081
//! 0.002100000 end-of-interrupt
//! 0.004000000 allocate 131072 = 0x100000
//! 0.004000000 dma-write 0x100000 0102030405
//! 0.004000000 dma-read 0x100000 5 = 0102030405
//! 5.000000000 read H_CSR = gone
//! 5.000000000 write H_CSR 0x00000000 = gone
//! ```
//!
//! | what | means |
//! |---|---|
//! | time | seconds since the recording began, with up to nine digits behind the point |
//! | `read R = V …` | reads of a register; several values are several reads, which only ME_CB_RW has |
//! | `write R V …` | writes of a register; several values are several writes, which only H_CB_WW has |
//! | `config O = V` | a read of configuration space |
//! | `interrupt` | the function interrupted |
//! | `end-of-interrupt` | the driver was done with an interrupt |
//! | `allocate N = A` | memory for DMA: bytes, bus address or `none` |
//! | `dma-read A N = B`, `dma-write A B` | bytes of that memory, in hexadecimal |
//! | `= gone` | the function did not answer |
//!
//! Registers have their names from the datasheet (`H_CB_WW`, `H_CSR`, `ME_CB_RW`, `ME_CSR_HA`, `H_HPG_CSR`,
//! `ME_TRC`, `H_D0I3C`) or their offset. Numbers are decimal, or hexadecimal behind `0x`.
//!
//! # Fault plans
//!
//! Text, one fault per line, read like recordings. The first line is `mei-faults 1`.
//!
//! ```text
//! mei-faults 1
//! on read ME_CSR_HA at 3 ones              # the third read gives all-ones
//! on write H_CSR at 2..4 corrupt 0x4       # the second to fourth write arrive with bit 2 flipped
//! on write H_CB_WW at 5 drop               # the fifth slot never arrives
//! on write H_CSR at 7 delay 100ms          # the seventh arrives later, and what is written after it waits too
//! on interrupt at 2 drop                   # the second interrupt is lost
//! on interrupt after 2s delay 50ms         # from two seconds on, each comes late
//! on read H_CSR stuck-high 0x10            # bit 4 always reads 1
//! on config 0x40 stuck-low 0x80000000      # bit 31 always reads 0
//! on access at 1000.. gone                 # the function is gone from the thousandth access on
//! ```
//!
//! | what | means |
//! |---|---|
//! | `read R`, `write R` | of a register; without one, of any |
//! | `config O` | a read of configuration space; without an offset, any |
//! | `interrupt` | an interrupt on its way to the driver |
//! | `access` | any read, write or config |
//! | `at N`, `at N..`, `at N..M` | the N-th that matches, all from the N-th, all from the N-th to the M-th, counted from 1; each slot of a window counts |
//! | `after T` | only from this long after the function was first run: `ns`, `us`, `ms`, `s` |
//! | `drop` | a write or an interrupt is lost; a read is not made and gives 0. A line that stays raised interrupts again |
//! | `delay T` | a write or an interrupt comes later |
//! | `corrupt M` | the bits of the mask are flipped |
//! | `stuck-high M`, `stuck-low M` | the bits of the mask are 1, or 0 |
//! | `ones` | a read gives all-ones; the function is still there |
//! | `gone` | the function does not answer any more, to anything |
//!
//! Where several faults meet one access, they act in the order of the plan.
#![forbid(unsafe_code)]

mod access;
mod bell;
mod error;
mod inject;
mod plan;
mod record;
mod recording;
mod replay;
mod token;

pub use error::ParseError;
pub use inject::Injector;
pub use plan::Plan;
pub use record::Recorder;
pub use recording::Recording;
pub use replay::{Divergence, Replay};
