//! `open` (`device-abi.md` §3).

use super::table;
use crate::files::{Errno, POLLERR, POLLIN, POLLOUT, POLLPRI, Transport};
use crate::parity::{Bench, Step};
use crate::test_client::ECHO;

table! {
    Any: open_gives_an_unconnected_file open_takes_nonblock open_ends_at_255_files
        open_counts_down_on_close open_works_a_thousand_times;
}

fn open_gives_an_unconnected_file(b: &Bench<'_>) -> Step {
    let file = b.open()?;
    file.poll(POLLIN | POLLOUT | POLLPRI)?.returns(i64::from(POLLERR))
}

fn open_takes_nonblock(b: &Bench<'_>) -> Step {
    let file = b.open_nonblocking()?;
    file.connect(ECHO)?.returns(0)?;
    file.read(10)?.fails(Errno::EAGAIN)
}

/// The kernel shares its 255 ids with its own bus clients, so that programs may get fewer.
fn open_ends_at_255_files(b: &Bench<'_>) -> Step {
    let mut files = Vec::new();
    let errno = loop {
        match b.try_open()? {
            Ok(file) => files.push(file),
            Err(errno) => break errno,
        }
        b.check(files.len() <= 255, "more than 255 files are open")?;
    };
    b.check(errno == Errno::EMFILE, format!("open after {}: {errno}", files.len()))?;
    let least = if b.transport() == Transport::MeiMe { 200 } else { 255 };
    b.check(files.len() >= least, format!("only {} files could be opened", files.len()))?;
    // The last one is as good as the first.
    files[files.len() - 1].connect(ECHO)?.returns(0)
}

fn open_counts_down_on_close(b: &Bench<'_>) -> Step {
    let mut files = Vec::new();
    while let Ok(file) = b.try_open()? {
        files.push(file);
    }
    files.pop();
    drop(b.open()?);
    drop(files);
    drop(b.open()?);
    Ok(())
}

fn open_works_a_thousand_times(b: &Bench<'_>) -> Step {
    // Under an emulated processor a tenth of it takes as long.
    let times = if matches!(b.transport(), Transport::Host | Transport::Fuse) { 1000 } else { 100 };
    for time in 0..times {
        let file = b.open()?;
        if time % 10 == 0 {
            file.connect(ECHO)?.returns(0)?;
        }
        file.close()?.returns(0)?;
    }
    Ok(())
}
