#![no_main]
//! `chat_irc` of bodies/chat.rs.

#[path = "../bodies/chat.rs"]
#[allow(dead_code)]
mod chat;

libfuzzer_sys::fuzz_target!(|input: &[u8]| chat::chat_irc(input));
