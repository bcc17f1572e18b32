//! What each side does with whatever the other one says.
//!
//! Every function here takes bytes and returns; a panic is a bug of ours. The programs in `fuzz_targets/`
//! hand them to libFuzzer, the test `corpus` replays what was kept.

mod channels;
mod clients;
mod commands;
mod firmware;
mod frontend;
mod host;
mod input;
mod liar;
mod machine;
mod text;

pub use channels::channels;
pub use clients::{amthi, apf, http, mkhi};
pub use commands::commands;
pub use firmware::firmware_against_host;
pub use frontend::requests_against_frontend;
pub use host::host_against_firmware;
pub use text::{personas, recordings};

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 11] = [
    ("host_against_firmware", host_against_firmware),
    ("firmware_against_host", firmware_against_host),
    ("requests_against_frontend", requests_against_frontend),
    ("personas", personas),
    ("recordings", recordings),
    ("apf", apf),
    ("amthi", amthi),
    ("mkhi", mkhi),
    ("http", http),
    ("channels", channels),
    ("commands", commands),
];
