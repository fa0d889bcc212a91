//! Lets a fuzzer loose on [`mocopr_fuzz::web_socket_frames`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mocopr_fuzz::web_socket_frames(data));
