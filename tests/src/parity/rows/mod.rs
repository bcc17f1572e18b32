//! The rows, one file per call or event of `device-abi.md`.

mod buffers;
mod close;
mod connect;
mod disconnect;
mod fixed;
mod fresh;
mod fsync;
mod notify;
mod open;
mod other;
mod poll;
mod power;
mod queue;
mod read;
mod reset;
mod sharing;
mod stall;
mod sysfs;
mod vtag;
mod write;

use super::{Engine, Row};

/// All rows, in the order in which they run.
#[must_use]
pub fn rows() -> Vec<Row> {
    [
        open::ROWS,
        fresh::ROWS,
        other::ROWS,
        connect::ROWS,
        read::ROWS,
        buffers::ROWS,
        write::ROWS,
        queue::ROWS,
        poll::ROWS,
        fsync::ROWS,
        sharing::ROWS,
        close::ROWS,
        fixed::ROWS,
        notify::ROWS,
        vtag::ROWS,
        sysfs::ROWS,
        disconnect::ROWS,
        reset::ROWS,
        stall::ROWS,
        power::ROWS,
    ]
    .concat()
}

/// A table of rows from functions; their names are the rows'.
macro_rules! table {
    ($($needs:ident: $($function:ident)+;)+) => {
        pub(super) const ROWS: &[crate::parity::Row] = &[$($(crate::parity::Row {
            name: stringify!($function),
            needs: super::Engine::$needs,
            run: $function,
        },)+)+];
    };
}
use table;
