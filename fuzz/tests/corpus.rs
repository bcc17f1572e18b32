//! Every input that was ever kept, cut short and changed a little, without a fuzzer. `FUZZ_ROUNDS` says how often
//! each is changed; the changes are the same every time.

use std::path::Path;
use umei_fuzz::{TARGETS, Target};

fn replay((name, target): Target) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut inputs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{}: a target has a corpus", folder.display());
    for path in inputs {
        println!("{}", path.display());
        let data = std::fs::read(&path).unwrap();
        target(&data);
        for eighth in 1..8 {
            target(&data[..data.len() * eighth / 8]);
        }
        for round in 0..rounds() {
            target(&changed(&data, round));
        }
    }
    target(&[]);
}

fn rounds() -> u64 {
    std::env::var("FUZZ_ROUNDS").map_or(4, |text| text.parse().expect("FUZZ_ROUNDS is a number"))
}

/// A few bytes changed, doubled or taken out.
fn changed(data: &[u8], round: u64) -> Vec<u8> {
    let mut state = round.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap() % below.max(1)
    };
    let mut bytes = data.to_vec();
    for _ in 0..=random(6) {
        let at = random(bytes.len());
        match (random(5), bytes.get(at).copied()) {
            (0, Some(byte)) => bytes[at] = byte ^ 1 << random(8),
            (1, Some(_)) => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, 0x10][random(6)],
            (2, Some(_)) => drop(bytes.drain(at..bytes.len().min(at + 1 + random(16)))),
            (3, Some(_)) => {
                let piece = bytes[at..bytes.len().min(at + 1 + random(64))].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => bytes.insert(at, u8::try_from(random(256)).unwrap()),
        }
    }
    bytes
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                let named = TARGETS.into_iter().find(|(name, _)| *name == stringify!($name));
                replay(named.expect("a target of this name"));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            assert_eq!([$(stringify!($name)),*], TARGETS.map(|(name, _)| name));
        }
    };
}

targets!(
    host_against_firmware,
    firmware_against_host,
    requests_against_frontend,
    personas,
    recordings,
    apf,
    amthi,
    mkhi,
    http,
    channels,
    commands,
);
