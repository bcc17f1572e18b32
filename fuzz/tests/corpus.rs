//! Every input that was ever kept, and every way to cut it short, without a fuzzer.

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
    }
    target(&[]);
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
);
