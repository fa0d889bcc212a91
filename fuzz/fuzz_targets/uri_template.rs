//! Lets a fuzzer loose on [`mocopr_fuzz::uri_template`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::uri_template(data));
