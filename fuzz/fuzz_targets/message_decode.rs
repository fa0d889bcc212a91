//! Lets a fuzzer loose on [`mocopr_fuzz::message_decode`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::message_decode(data));
