//! Lets a fuzzer loose on [`mocopr_fuzz::server_lines`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::server_lines(data));
