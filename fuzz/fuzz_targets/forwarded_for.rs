//! Lets a fuzzer loose on [`mocopr_fuzz::forwarded_for`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::forwarded_for(data));
