//! Files that people write.

use mei_emulator::{Firmware, NoHostMemory, Persona};
use mei_tap::{Plan, Recording};
use std::time::Instant;

/// A persona file; one that is accepted makes an engine.
pub fn personas(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Persona::parse(text, "fuzzed.toml") {
        Ok(persona) => {
            let now = Instant::now();
            let mut firmware = Firmware::new(&persona, now);
            for _ in 0..8 {
                firmware.run(&mut NoHostMemory, now);
                for offset in (0..0x1000).step_by(4) {
                    firmware.read32(offset);
                }
                firmware.function_reset(now);
            }
        }
        Err(error) => assert!(error.to_string().contains("fuzzed.toml"), "an error says where: {error}"),
    }
}

/// A recording, and a fault plan.
pub fn recordings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for error in
        [Recording::parse(text, "fuzzed").err(), Plan::parse(text, "fuzzed").err()].into_iter().flatten()
    {
        assert!(error.line >= 1 && !error.reason.is_empty() && !error.remedy.is_empty(), "{error}");
    }
}
