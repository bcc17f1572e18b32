//! Odd sizes: every message comes back whole, however it is cut.

use super::table;
use crate::parity::{Bench, Step};
use crate::test_client::{BIG, ECHO, MTU};

table! {
    Any: buffers_of_every_small_size buffers_around_the_mtu buffers_around_a_frame buffers_of_one_byte
        buffers_that_fit_exactly buffers_larger_than_a_page buffers_in_odd_pieces
        buffers_larger_than_one_request;
}

fn message(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n * 31 % 251).expect("less than 251")).collect()
}

fn echo(b: &Bench<'_>, lengths: impl IntoIterator<Item = usize>) -> Step {
    let file = b.connected(BIG)?;
    for length in lengths {
        let sent = message(length);
        file.send(&sent)?;
        file.read(4096)?.reads(&sent)?;
    }
    Ok(())
}

fn buffers_of_every_small_size(b: &Bench<'_>) -> Step {
    echo(b, 1..=17)
}

fn buffers_around_the_mtu(b: &Bench<'_>) -> Step {
    echo(b, 4090..=4096)?;
    let file = b.connected(ECHO)?;
    for length in MTU - 3..=MTU {
        file.send(&message(length))?;
        file.read(MTU)?.reads(&message(length))?;
    }
    Ok(())
}

/// A frame of a function with 128 slots carries 508 bytes.
fn buffers_around_a_frame(b: &Bench<'_>) -> Step {
    echo(b, (504..=513).chain(1012..=1021))
}

fn buffers_of_one_byte(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    let sent = message(23);
    file.send(&sent)?;
    for byte in &sent {
        file.read(1)?.reads(&[*byte])?;
    }
    Ok(())
}

fn buffers_that_fit_exactly(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    for length in [1, 4, 13, 512] {
        file.send(&message(length))?;
        file.read(length)?.reads(&message(length))?;
    }
    Ok(())
}

fn buffers_larger_than_a_page(b: &Bench<'_>) -> Step {
    let file = b.connected(ECHO)?;
    for size in [4095, 4097, 8192, 65_537] {
        file.send(b"small")?;
        file.read(size)?.reads(b"small")?;
    }
    Ok(())
}

fn buffers_in_odd_pieces(b: &Bench<'_>) -> Step {
    let file = b.connected(BIG)?;
    for piece in [3, 7, 61, 509, 1000] {
        let sent = message(4096);
        file.send(&sent)?;
        for part in sent.chunks(piece) {
            file.read(piece)?.reads(part)?;
        }
    }
    Ok(())
}

/// More than any FUSE request carries: the front end must not mistake the kernel's second request for a new read.
fn buffers_larger_than_one_request(b: &Bench<'_>) -> Step {
    let file = b.connected(BIG)?;
    for size in [131_072, 262_144, 1_000_003] {
        let sent = message(4096);
        file.send(&sent)?;
        file.read(size)?.reads(&sent)?;
    }
    Ok(())
}
