//! Lets a fuzzer loose on [`mocopr_fuzz::schema_check`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::schema_check(data));
