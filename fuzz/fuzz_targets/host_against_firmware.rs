//! See `umei_fuzz::host_against_firmware`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| umei_fuzz::host_against_firmware(data));
