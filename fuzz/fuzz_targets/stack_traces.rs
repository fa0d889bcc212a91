//! Lets a fuzzer loose on [`mocopr_fuzz::stack_traces`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::stack_traces(data));
