//! Lets a fuzzer loose on [`mocopr_fuzz::resource_uri`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::resource_uri(data));
