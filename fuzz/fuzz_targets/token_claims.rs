//! Lets a fuzzer loose on [`mocopr_fuzz::token_claims`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::token_claims(data));
