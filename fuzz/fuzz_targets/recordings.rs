//! See `umei_fuzz::recordings`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::recordings(data));
