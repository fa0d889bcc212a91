//! Lets a fuzzer loose on [`mocopr_fuzz::public_address`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::public_address(data));
