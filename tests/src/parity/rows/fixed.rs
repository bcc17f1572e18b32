//! Clients at fixed addresses (`device-abi.md` §5.4, steps 3 to 6).

use super::table;
use crate::files::{Errno, POLLOUT};
use crate::parity::{Bench, Step};
use crate::test_client::{FIXED, FIXED_MTU};

table! {
    Events: fixed_connects fixed_second_file_is_ebusy fixed_is_free_after_close fixed_round_trip
        fixed_write_over_the_mtu fixed_connect_twice;
    Old: old_fixed_is_enotty;
}

fn fixed_connects(b: &Bench<'_>) -> Step {
    let file = b.connected(FIXED)?;
    file.poll(POLLOUT)?.returns(i64::from(POLLOUT))
}

fn fixed_second_file_is_ebusy(b: &Bench<'_>) -> Step {
    let _first = b.connected(FIXED)?;
    let second = b.open()?;
    second.connect(FIXED)?.fails(Errno::EBUSY)?;
    second.connect(crate::test_client::ECHO)?.returns(0)
}

fn fixed_is_free_after_close(b: &Bench<'_>) -> Step {
    for _ in 0..3 {
        b.connected(FIXED)?.close()?.returns(0)?;
    }
    Ok(())
}

fn fixed_round_trip(b: &Bench<'_>) -> Step {
    let file = b.connected(FIXED)?;
    for n in 1..10 {
        file.send(&[n; 20])?;
        file.read(64)?.reads(&[n; 20])?;
    }
    Ok(())
}

fn fixed_write_over_the_mtu(b: &Bench<'_>) -> Step {
    b.connected(FIXED)?.write(&[0; FIXED_MTU + 1])?.fails(Errno::EFBIG)
}

fn fixed_connect_twice(b: &Bench<'_>) -> Step {
    b.connected(FIXED)?.connect(FIXED)?.fails(Errno::EBUSY)
}

fn old_fixed_is_enotty(b: &Bench<'_>) -> Step {
    b.open()?.connect(FIXED)?.fails(Errno::ENOTTY)
}
