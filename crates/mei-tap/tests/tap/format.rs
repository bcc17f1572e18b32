//! The text of recordings: what is written is what the documentation shows, and reads back.

use crate::stand_in::StandIn;
use mei_tap::{Recorder, Recording, Replay};
use mei_wire::{ConfigSpace, Device, Gone, Registers};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// A clock that goes on a millisecond and a nanosecond each time it is read.
fn clock() -> impl FnMut() -> Instant + Send + 'static {
    let mut now = Instant::now();
    move || {
        let then = now;
        now += Duration::from_nanos(1_000_001);
        then
    }
}

/// One of everything.
fn everything(device: &mut impl Device) {
    let _ = device.read_config32(0x40);
    let _ = device.write32(0x004, 0x15);
    let _ = device.read32(0x00C);
    let _ = device.read32(0x104);
    let _ = device.take_interrupt();
    let _ = device.take_interrupt();
    device.end_of_interrupt();
    let _ = device.write_window(&[0x8004_0000, 0x0202_0001]);
    let _ = device.read_window(&mut [0; 3]);
    let _ = device.read_window(&mut []);
    let _ = device.allocate_dma(4096);
    let _ = device.write_dma(0x10_0000, &[1, 2, 0xAB]);
    let _ = device.read_dma(0x10_0001, &mut [0; 2]);
    let _ = device.read_dma(0x10_FFFF, &mut [0; 1]);
    let _ = device.allocate_dma(8192);
    device.run(Instant::now());
}

fn record(stand_in: StandIn, what: impl FnOnce(&mut Recorder<StandIn, Vec<u8>>)) -> String {
    let mut recorder = Recorder::with_clock(stand_in, Vec::new(), clock());
    what(&mut recorder);
    String::from_utf8(recorder.into_parts().1.unwrap()).unwrap()
}

const EVERYTHING: &str = "\
mei-recording 1
0.001000001 config 0x40 = 0x90000245
0.002000002 write H_CSR 0x00000015
0.003000003 read ME_CSR_HA = 0x90000245
0.004000004 read 0x104 = 0x90000245
0.005000005 interrupt
0.006000006 end-of-interrupt
0.007000007 write H_CB_WW 0x80040000 0x02020001
0.008000008 read ME_CB_RW = 0x90000245 0x90000245 0x90000245
0.009000009 allocate 4096 = 0x100000
0.010000010 dma-write 0x100000 0102ab
0.011000011 dma-read 0x100001 2 = 02ab
0.012000012 dma-read 0x10ffff 1 = gone
0.013000013 allocate 8192 = none
";

#[test]
fn every_access_has_its_line() {
    let stand_in = StandIn { value: 0x9000_0245, interrupt: true, ..StandIn::default() };
    assert_eq!(record(stand_in, everything), EVERYTHING);
}

#[test]
fn a_function_that_is_gone_is_recorded_so() {
    let text = record(StandIn { gone: true, ..StandIn::default() }, |device| {
        let _ = device.read32(0x004);
        let _ = device.write32(0x004, 1);
        let _ = device.read_config32(0x40);
        let _ = device.read_window(&mut [0; 2]);
        let _ = device.write_window(&[1, 2]);
    });
    assert_eq!(
        text,
        "mei-recording 1\n\
         0.001000001 read H_CSR = gone\n\
         0.002000002 write H_CSR 0x00000001 = gone\n\
         0.003000003 config 0x40 = gone\n\
         0.004000004 read ME_CB_RW = gone\n\
         0.005000005 write H_CB_WW 0x00000001 0x00000002 = gone\n"
    );
    assert_eq!(Recording::parse(&text, "text").unwrap().len(), 6);
}

#[test]
fn what_was_recorded_replays() {
    let recording = Recording::parse(EVERYTHING, "everything").unwrap();
    assert_eq!((recording.len(), recording.duration()), (16, Duration::from_nanos(13_000_013)));
    let mut replay = Replay::new(recording.clone());
    everything(&mut replay);
    assert_eq!(replay.divergence(), None);
    assert!(replay.is_finished());

    let mut replay = Replay::new(recording);
    assert_eq!(replay.read_config32(0x40), Ok(0x9000_0245));
    assert!(!replay.take_interrupt(), "not yet");
    assert_eq!(replay.write32(0x004, 0x15), Ok(()));
    assert_eq!((replay.read32(0x00C), replay.read32(0x104)), (Ok(0x9000_0245), Ok(0x9000_0245)));
    assert_eq!(replay.deadline(), None, "it has never been run");
    let now = Instant::now();
    replay.run(now);
    assert_eq!(replay.deadline(), Some(now), "the interrupt is due");
    assert!(replay.take_interrupt());
    assert_eq!(replay.write32(0x000, 0x8004_0000), Ok(()), "slot by slot is the same");
    assert_eq!(replay.remaining(), 9);
    assert_eq!(replay.write32(0x000, 0x0202_0002), Err(Gone));
    let divergence = replay.divergence().unwrap().to_string();
    assert_eq!(
        divergence,
        "everything:8: expected `write H_CB_WW 0x02020001`, but the host did `write H_CB_WW 0x02020002`"
    );
    assert_eq!(replay.write32(0x000, 0x0202_0001), Err(Gone), "the first divergence is the end");
    assert!(!replay.is_finished());
}

#[test]
fn a_driver_that_goes_on_after_the_end_diverges_too() {
    let mut replay = Replay::new(Recording::parse("mei-recording 1\n", "nothing").unwrap());
    assert!(replay.is_finished());
    assert_eq!(replay.read32(0x004), Err(Gone));
    assert_eq!(
        replay.divergence().unwrap().to_string(),
        "nothing: the recording ends, but the host did `read H_CSR`"
    );
}

#[test]
fn lines_that_are_wrong_are_named_with_a_remedy() {
    let cases = [
        (
            "x read H_CSR = 1",
            "`x` is not a time; begin the line with seconds and nanoseconds, like 0.002000100",
        ),
        ("1.0", "the line ends too early; add what was done"),
        (
            "1.0 peek",
            "`peek` is not an access; use read, write, config, interrupt, end-of-interrupt, allocate, dma-read or dma-write",
        ),
        ("1.0 read", "the line ends too early; add a register"),
        ("1.0 read H_CSR", "the line ends too early; add `=`"),
        ("1.0 read H_CSR =", "the line ends too early; add a value"),
        ("1.0 read H_CSR = 1 x", "`x` is not a number; write one like 128 or 0x80"),
        ("1.0 read H_CSR = 0x1ffffffff", "`0x1ffffffff` is too large; use at most 32 bits"),
        ("1.0 write H_CSR 1 = here", "`here` is not `gone`; put `gone` before it"),
        ("1.0 config 0x10000 = 1", "`0x10000` is too large; use at most 16 bits"),
        ("1.0 interrupt now", "`now` is too much; end the line before it"),
        ("1.0 allocate 4096 = some", "`some` is not a number; write one like 128 or 0x80"),
        ("1.0 dma-read 0x1000 3 = 0102", "these are 2 bytes, not 3; give as many as were read"),
        (
            "1.0 dma-write 0x1000 010",
            "`010` is not bytes; write two hexadecimal digits for each, or - for none",
        ),
        (
            "1.0 dma-write 0x1000 0é",
            "`0é` is not bytes; write two hexadecimal digits for each, or - for none",
        ),
    ];
    for (line, message) in cases {
        let text = format!("# a recording\nmei-recording 1\n\n{line} # end\n");
        let error = Recording::parse(&text, "x.rec").unwrap_err();
        assert_eq!(error.to_string(), format!("x.rec:4: {message}"));
        assert_eq!(error.line, 4);
    }
}

#[test]
fn a_recording_that_cannot_be_written_does_not_stop_the_device() {
    #[derive(Debug)]
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut recorder = Recorder::new(StandIn { value: 7, ..StandIn::default() }, Full);
    assert_eq!(recorder.read32(4), Ok(7));
    let (stand_in, output) = recorder.into_parts();
    assert_eq!((stand_in.seen.len(), output.unwrap_err().kind()), (1, std::io::ErrorKind::StorageFull));
}

proptest! {
    #[test]
    fn no_text_is_a_panic(text in "(mei-(recording|faults) 1\n)?([0-9.]{0,4} ?(on )?(read|write|config|dma-write|allocate|interrupt)? ?(H_CSR|0x[0-9a-f]{0,9})? ?(=|at)? ?[ -~é]{0,12}\n){0,4}") {
        let _ = Recording::parse(&text, "text");
        let _ = mei_tap::Plan::parse(&text, "text");
    }

    #[test]
    fn register_traffic_survives_the_text(accesses in prop::collection::vec((any::<bool>(), 0u32..0x400, any::<u32>()), 0..50)) {
        let run = |device: &mut dyn Device, expected: u32| for &(write, index, value) in &accesses {
            if write {
                assert_eq!(device.write32(index * 4, value), Ok(()));
            } else {
                assert_eq!(device.read32(index * 4), Ok(expected));
            }
        };
        let text = record(StandIn { value: 9, ..StandIn::default() }, |device| run(device, 9));
        let mut replay = Replay::new(Recording::parse(&text, "text").unwrap());
        run(&mut replay, 9);
        prop_assert!(replay.is_finished());
    }
}
