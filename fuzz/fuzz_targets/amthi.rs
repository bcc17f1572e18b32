//! See `umei_fuzz::amthi`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::amthi(data));
