//! Fuzz corpora replayed on the bodies of their targets.

#[path = "../../../../fuzz/bodies/chat.rs"]
mod bodies;

use sockeye_testkit::replay;

#[test]
fn corpora_replay() {
    replay("chat_irc", bodies::chat_irc);
    replay("chat_session", bodies::chat_session);
    replay("chat_websocket", bodies::chat_websocket);
}
