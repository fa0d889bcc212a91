//! Lets a fuzzer loose on [`mocopr_fuzz::principals`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::principals(data));
