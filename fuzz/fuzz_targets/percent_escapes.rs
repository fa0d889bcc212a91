//! Lets a fuzzer loose on [`mocopr_fuzz::percent_escapes`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::percent_escapes(data));
