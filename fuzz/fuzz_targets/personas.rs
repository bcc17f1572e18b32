//! See `umei_fuzz::personas`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::personas(data));
