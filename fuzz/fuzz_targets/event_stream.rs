//! Lets a fuzzer loose on [`mocopr_fuzz::event_stream`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::event_stream(data));
