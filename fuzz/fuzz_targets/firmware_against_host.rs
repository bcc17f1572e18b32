//! See `umei_fuzz::firmware_against_host`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::firmware_against_host(data));
