//! Lets a fuzzer loose on [`mocopr_fuzz::protocol_parser`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::protocol_parser(data));
