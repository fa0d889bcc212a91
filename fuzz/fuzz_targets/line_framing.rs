//! Lets a fuzzer loose on [`mocopr_fuzz::line_framing`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::line_framing(data));
