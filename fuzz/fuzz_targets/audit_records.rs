//! Lets a fuzzer loose on [`mocopr_fuzz::audit_records`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::audit_records(data));
