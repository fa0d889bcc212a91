//! Lets a fuzzer loose on [`mocopr_fuzz::encode_notice`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::encode_notice(data));
