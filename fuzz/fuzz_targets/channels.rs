//! See `umei_fuzz::channels`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::channels(data));
