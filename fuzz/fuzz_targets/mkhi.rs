//! See `umei_fuzz::mkhi`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::mkhi(data));
