//! Lets a fuzzer loose on [`mocopr_fuzz::rate_limit`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::rate_limit(data));
