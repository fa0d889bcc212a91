//! Lets a fuzzer loose on [`mocopr_fuzz::secrets`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::secrets(data));
