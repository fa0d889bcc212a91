//! Lets a fuzzer loose on [`mocopr_fuzz::outbound_url`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::outbound_url(data));
