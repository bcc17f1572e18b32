//! See `umei_fuzz::apf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::apf(data));
