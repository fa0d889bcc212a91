//! Lets a fuzzer loose on [`mocopr_fuzz::trace_parent`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::trace_parent(data));
