//! The parity rows: what a program sees of a MEI device, call by call, over every transport.
//!
//! `docs/parity.md` is the table; a row here is the test that shows it. Rows are written once, against
//! [`Files`], and run against `Host` in process, umei over FUSE and CUSE, and the kernel's own driver,
//! whose answers decide. A row that a transport cannot express says so and is counted.

pub mod bench;
mod rows;

pub use bench::{Bench, Engine, File, LIMIT, Parked, Said, Step, Stop};
pub use rows::rows;

use crate::files::Files;
use std::fmt;
use std::io::{self, Write};

/// One row.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its name, unique; `docs/parity.md` refers to it.
    pub name: &'static str,
    /// The engine that it needs.
    pub needs: Engine,
    /// What it does and expects.
    pub run: fn(&Bench<'_>) -> Step,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// How many rows ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// As the table says.
    pub passed: usize,
    /// Otherwise.
    pub failed: usize,
    /// Not expressible here.
    pub skipped: usize,
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Runs `row` on `files` and says how it ended, one line to `out`.
///
/// # Errors
/// Of `out`.
pub fn run(row: &Row, files: &dyn Files, count: &mut Count, out: &mut dyn Write) -> io::Result<()> {
    let bench = Bench::new(files);
    let outcome = bench.has(row.needs).and_then(|()| (row.run)(&bench));
    match outcome {
        Ok(()) => {
            count.passed += 1;
            writeln!(out, "{} ok", row.name)
        }
        Err(Stop::Failed(reason)) => {
            count.failed += 1;
            writeln!(out, "{} FAILED {reason}", row.name)
        }
        Err(Stop::NotHere(reason)) => {
            count.skipped += 1;
            writeln!(out, "{} not here ({reason})", row.name)
        }
    }?;
    out.flush()
}
