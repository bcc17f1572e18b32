//! A real driver against a real engine, with taps between.

use crate::bench::{Bench, engine};
use mei_core::DeviceState;
use mei_tap::{Injector, Plan, Recorder, Recording, Replay};
use mei_wire::Device;
use std::time::{Duration, Instant};

fn recording() -> (Instant, String) {
    let now = Instant::now();
    let mut bench = Bench::new(Recorder::new(engine(now), Vec::new()), now);
    bench.run_to(DeviceState::Enabled);
    assert_eq!(bench.host.state(), DeviceState::Enabled);
    let recorder = std::mem::replace(bench.host.function_mut(), Recorder::new(engine(now), Vec::new()));
    (now, String::from_utf8(recorder.into_parts().1.unwrap()).unwrap())
}

#[test]
fn a_driver_replays_its_own_start() {
    let (now, text) = recording();
    let recording = Recording::parse(&text, "start.rec").unwrap();
    assert!(recording.len() > 50, "{text}");
    let mut bench = Bench::new(Replay::new(recording), now);
    bench.run_to(DeviceState::Enabled);
    assert_eq!(bench.host.function().divergence(), None);
    assert_eq!(bench.host.state(), DeviceState::Enabled);
    assert!(bench.host.function().is_finished());
}

#[test]
fn a_driver_that_gets_another_answer_diverges() {
    let (now, text) = recording();
    // At its first interrupt the engine seems not to be ready: the driver waits, and resets again after a
    // while.
    let (before, after) = text.split_once("interrupt\n").unwrap();
    let at = after.find("read ME_CSR_HA = ").unwrap() + "read ME_CSR_HA = ".len();
    let changed =
        format!("{before}interrupt\n{}0x00000000{}", &after[..at], &after[at + "0x00000000".len()..]);
    assert_ne!(changed, text);
    let mut bench = Bench::new(Replay::new(Recording::parse(&changed, "start.rec").unwrap()), now);
    bench.run_to(DeviceState::Enabled);
    let divergence = bench.host.function().divergence().expect("the driver noticed").to_string();
    assert!(divergence.starts_with("start.rec:") && divergence.contains("but the host did"), "{divergence}");
    assert_ne!(bench.host.state(), DeviceState::Enabled);
}

/// Starts a driver over an engine with faults, and gives it as long as it wants.
fn start_with(faults: &str) -> (DeviceState, Duration) {
    let now = Instant::now();
    let plan = Plan::parse(&format!("mei-faults 1\n{faults}\n"), "plan").unwrap();
    let mut bench = Bench::new(Injector::new(engine(now), plan), now);
    bench.run_to(DeviceState::Enabled);
    let opened = bench.open().is_some();
    assert_eq!(opened, bench.host.state() == DeviceState::Enabled);
    assert!(bench.host.function().deadline().is_none() || opened);
    (bench.host.state(), bench.now - now)
}

#[test]
fn a_driver_survives_single_faults_and_gives_up_on_lasting_ones() {
    use DeviceState::{Disabled, Enabled};
    let (state, undisturbed) = start_with("");
    assert_eq!(state, Enabled);
    // The first interrupt is that of ME_RDY: without it the reset is tried again after two seconds.
    let (state, took) = start_with("on interrupt at 1 drop");
    assert_eq!(state, Enabled);
    assert!(took >= undisturbed + Duration::from_secs(2), "{took:?}");
    let (state, took) = start_with("on interrupt at 1 delay 1s");
    assert_eq!(state, Enabled);
    assert!((Duration::from_secs(1)..Duration::from_secs(2)).contains(&took), "{took:?}");
    assert_eq!(start_with("on interrupt drop").0, Disabled);
    assert_eq!(start_with("on read ME_CSR_HA stuck-low 0x8").0, Disabled, "never ready");
    assert_eq!(start_with("on write H_CB_WW drop").0, Disabled, "never heard");
}

#[test]
fn a_function_that_disappears_at_any_access_is_noticed_and_nothing_hangs() {
    for at in 1..200 {
        let (state, _) = start_with(&format!("on access at {at} gone"));
        if state == DeviceState::Enabled {
            return;
        }
        assert_eq!(state, DeviceState::Disabled, "gone at {at}");
    }
    panic!("starting takes fewer accesses than that");
}

#[test]
fn no_single_flipped_bit_ends_in_a_panic_or_a_hang() {
    for access in ["read H_CSR", "read ME_CSR_HA", "read ME_CB_RW", "write H_CSR", "write H_CB_WW"] {
        for at in [1, 2, 3, 7] {
            for bit in 0..32 {
                start_with(&format!("on {access} at {at} corrupt {:#x}", 1u32 << bit));
            }
        }
    }
}
