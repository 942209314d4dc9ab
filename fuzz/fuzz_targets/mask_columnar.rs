#![no_main]

#[path = "../../tests/columnar/fuzz.rs"]
mod fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::check(data));
