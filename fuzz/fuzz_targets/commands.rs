//! See `umei_fuzz::commands`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::commands(data));
