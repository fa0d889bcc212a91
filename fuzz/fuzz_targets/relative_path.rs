//! Lets a fuzzer loose on [`mocopr_fuzz::relative_path`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::relative_path(data));
