//! See `umei_fuzz::requests_against_frontend`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::requests_against_frontend(data));
