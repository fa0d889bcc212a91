//! Lets a fuzzer loose on [`mocopr_fuzz::json_scan`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::json_scan(data));
