//! The client with a server that is played.

use std::time::Duration;

use super::super::tests::played::{Played, settings};
use super::super::{Action, Key, Settings, Speak};
use super::*;

const ALL: &str = "batch draft/chathistory draft/read-marker echo-message labeled-response \
                   message-tags server-time";

#[test]
fn one_says_who_one_is_and_is_let_in() {
    let mut played = Played::new(settings());
    assert_eq!(played.sent(), ["CAP LS 302", "NICK anna", "USER anna 0 * :anna"]);
    played.hear(&[
        ":irc.test CAP * LS * :batch sasl=PLAIN unknown/thing",
        ":irc.test CAP * LS :echo-message",
    ]);
    assert_eq!(played.sent(), ["CAP REQ :batch echo-message"]);
    played.hear(&[":irc.test CAP * ACK :batch echo-message not/asked"]);
    assert_eq!(played.sent(), ["CAP END"]);
    assert!(!played.state.link.has("not/asked"));
    played.hear(&["PING :x", ":irc.test 433 * anna :in use", ":irc.test 001 anna_ :Welcome"]);
    assert_eq!(played.sent(), ["PONG :x", "NICK anna_", "PING :sockeye", "JOIN #lobby"]);
    assert_eq!(played.state.link.nick, "anna_");
}

#[test]
fn the_login_is_by_scram_and_the_server_has_to_know_the_password() {
    let account = Some(("anna".to_owned(), "secret".to_owned()));
    let mut played = Played::new(Settings { account, private: false, ..settings() });
    played.hear(&[":s CAP * LS :sasl=PLAIN,SCRAM-SHA-256", ":s CAP * ACK :sasl"]);
    assert_eq!(played.sent()[3..], ["CAP REQ :sasl", "AUTHENTICATE SCRAM-SHA-256"]);
    played.hear(&["AUTHENTICATE +"]);
    assert!(played.sent()[0].starts_with("AUTHENTICATE biws") || played.state.link.logging_in);
    played.hear(&[":s 903 anna :you are in"]);
    assert!(played.state.refused().unwrap().contains("did not show"));
    assert_eq!(played.state.poll_timeout(), None, "not tried again by itself");
}

#[test]
fn a_password_is_not_sent_in_the_clear_where_others_can_read_it() {
    let account = || Some(("anna".to_owned(), "secret".to_owned()));
    let mut played = Played::new(Settings { account: account(), private: false, ..settings() });
    played.hear(&[":s CAP * LS :sasl=PLAIN", ":s CAP * ACK :sasl"]);
    assert!(played.state.refused().unwrap().contains("ircs://"));
    assert!(!played.sent().join(" ").contains("AUTHENTICATE"));
    let mut played = Played::new(Settings { account: account(), ..settings() });
    played.hear(&[":s CAP * LS :sasl=PLAIN", ":s CAP * ACK :sasl", "AUTHENTICATE +"]);
    let sent = played.sent();
    assert_eq!(sent[sent.len() - 2..], ["AUTHENTICATE PLAIN", "AUTHENTICATE AGFubmEAc2VjcmV0"]);
    played.hear(&[":s 903 * :in"]);
    assert_eq!(played.sent(), ["CAP END"]);
    let mut played = Played::new(Settings { account: account(), ..settings() });
    played.hear(&[":s CAP * LS :batch", ":s CAP * ACK :batch"]);
    assert!(played.state.refused().unwrap().contains("no login"));
}

#[test]
fn ones_own_line_waits_until_the_server_shows_it() {
    let mut played = Played::in_lobby(ALL);
    played.say("hi");
    let sent = played.sent();
    let label = sent.last().unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(sent.last().unwrap(), &format!("{label} PRIVMSG #lobby :hi"));
    assert!(matches!(
        played.state.rooms.current().lines.back().unwrap().delivery,
        Delivery::Waiting(_)
    ));
    played.hear(&[
        "@msgid=1 :bob!b@h PRIVMSG #lobby :first",
        &format!("{label};msgid=2 :anna!a@host PRIVMSG #lobby :hi"),
        "@msgid=2 :anna!a@host PRIVMSG #lobby :hi",
    ]);
    assert_eq!(played.talk(), ["<bob> first", "<anna> hi"]);
    played.say("no");
    let label = played.sent().last().unwrap().split(' ').next().unwrap().to_owned();
    played.hear(&[&format!("{label} :irc.test 404 anna #lobby :Cannot send")]);
    let refused = played.state.rooms.current().lines.iter();
    assert!(refused.into_iter().any(|line| line.delivery == Delivery::Refused));
}

#[test]
fn without_an_echo_a_line_is_there_at_once() {
    let mut played = Played::in_lobby("");
    played.say("/me waves");
    assert_eq!(played.sent(), ["PRIVMSG #lobby :\x01ACTION waves\x01"]);
    played.say("//etc");
    assert_eq!(played.sent(), ["PRIVMSG #lobby :/etc"]);
    assert_eq!(played.texts()[2..], ["* 2 people are here", "* anna waves", "<anna> /etc"]);
}

#[test]
fn a_lost_connection_leaves_no_gap_and_no_double() {
    let mut played = Played::in_lobby(ALL);
    played.hear(&["@time=2026-11-24T20:15:00.000Z;msgid=a :bob!b@h PRIVMSG #lobby :one"]);
    played.say("mine");
    played.sent();
    played.reconnect();
    played.sent();
    played.hear(&[&format!(":irc.test CAP * LS :{ALL}")]);
    played.hear(&[
        &format!(":irc.test CAP * ACK :{ALL}"),
        ":irc.test 001 anna :again",
        ":irc.test 005 anna CHATHISTORY=3 :are had",
    ]);
    assert!(played.sent().contains(&"JOIN #lobby".to_owned()));
    played.hear(&[":anna!a@host JOIN #lobby"]);
    assert_eq!(played.sent(), ["CHATHISTORY AFTER #lobby msgid=a 3"]);
    let tags = |ms: u32, id: &str| format!("@batch=x;time=2026-11-24T20:15:30.{ms:03}Z;msgid={id}");
    played.hear(&[
        "@time=2026-11-24T20:16:10.000Z;msgid=e :bob!b@h PRIVMSG #lobby :live",
        ":irc.test BATCH +x chathistory #lobby",
        &format!("{} :anna!a@host PRIVMSG #lobby :mine", tags(1, "b")),
        &format!("{} :bob!b@h PRIVMSG #lobby :two", tags(2, "c")),
        &format!("{} :bob!b@h PRIVMSG #lobby :three", tags(3, "d")),
        ":irc.test BATCH -x",
    ]);
    assert_eq!(played.sent(), ["CHATHISTORY AFTER #lobby msgid=d 3"], "a full page: there is more");
    played.hear(&[
        ":irc.test BATCH +x chathistory #lobby",
        "@batch=x;time=2026-11-24T20:16:10.000Z;msgid=e :bob!b@h PRIVMSG #lobby :live",
        ":irc.test BATCH -x",
    ]);
    assert_eq!(played.sent(), Vec::<String>::new());
    let expected = ["<bob> one", "<anna> mine", "<bob> two", "<bob> three", "<bob> live"];
    assert_eq!(played.talk(), expected);
    assert!(played.state.rooms.current().lines.iter().all(|l| l.delivery == Delivery::Done));
}

#[test]
fn where_nobody_can_be_asked_the_gap_is_seen() {
    let mut played = Played::in_lobby("");
    played.hear(&[":bob!b@h PRIVMSG #lobby :one"]);
    played.reconnect();
    played.log_in("");
    let texts = played.texts();
    assert!(texts.iter().any(|text| text.contains("from 20:15 to 20:16 is not here")), "{texts:?}");
}

#[test]
fn a_server_that_forgot_a_line_is_asked_by_time_and_then_the_gap_is_seen() {
    let mut played = Played::in_lobby(ALL);
    played.hear(&["@time=2026-11-24T20:15:00.000Z;msgid=a :bob!b@h PRIVMSG #lobby :one"]);
    played.reconnect();
    played.log_in(ALL);
    let fail = ":irc.test FAIL CHATHISTORY INVALID_MSGREFTYPE AFTER #lobby :unknown";
    played.hear(&[fail]);
    let by_time = "CHATHISTORY AFTER #lobby timestamp=2026-11-24T20:15:00.000Z 3";
    assert_eq!(played.sent(), [by_time]);
    played.hear(&[fail]);
    assert!(played.texts().last().unwrap().contains("something may be missing here"));
}

#[test]
fn reading_up_asks_for_history_and_stops_where_there_is_none() {
    let mut played = Played::in_lobby(ALL);
    played.hear(&[
        ":irc.test BATCH +1 chathistory #lobby",
        "@batch=1;time=2026-11-23T10:00:00.000Z;msgid=b :bob!b@h PRIVMSG #lobby :yesterday",
        ":irc.test BATCH -1",
    ]);
    played.press(Key::PageUp);
    assert_eq!(played.sent(), ["CHATHISTORY BEFORE #lobby msgid=b 3"]);
    played.press(Key::PageUp);
    assert_eq!(played.sent(), Vec::<String>::new(), "one page at a time");
    played.hear(&[
        ":irc.test BATCH +1 chathistory #lobby",
        "@batch=1;time=2026-11-22T10:00:00.000Z;msgid=a :bob!b@h PRIVMSG #lobby :before",
        ":irc.test BATCH -1",
    ]);
    played.press(Key::PageUp);
    assert_eq!(played.sent(), ["CHATHISTORY BEFORE #lobby msgid=a 3"]);
    played.hear(&[":irc.test BATCH +1 chathistory #lobby", ":irc.test BATCH -1"]);
    played.press(Key::PageUp);
    assert_eq!(played.sent(), Vec::<String>::new());
    assert_eq!(played.talk(), ["<bob> before", "<bob> yesterday"]);
}

#[test]
fn what_is_new_elsewhere_is_counted_and_read_markers_are_shared() {
    let mut played = Played::in_lobby(ALL);
    played.hear(&[":anna!a@host JOIN #other"]);
    played.sent();
    played.hear(&[
        "@time=2026-11-24T20:15:01.000Z;msgid=1 :bob!b@h PRIVMSG #other :hello",
        "@time=2026-11-24T20:15:02.000Z;msgid=2 :bob!b@h PRIVMSG #other :anna: come",
        "@msgid=3 :bob!b@h PRIVMSG anna :psst",
    ]);
    let counts = |played: &Played| -> Vec<(usize, usize)> {
        played.state.rooms.iter().map(|room| (room.unread, room.mentions)).collect()
    };
    assert_eq!(counts(&played), [(0, 0), (0, 0), (2, 1), (1, 1)]);
    played.hear(&[":irc.test MARKREAD #other timestamp=2026-11-24T20:15:01.000Z"]);
    assert_eq!(counts(&played)[2], (1, 1));
    played.press(Key::Alt('3'));
    assert_eq!(counts(&played)[2], (0, 0));
    played.wait(Duration::from_secs(3));
    assert_eq!(played.sent(), ["MARKREAD #other timestamp=2026-11-24T20:15:02.000Z"]);
    played.press(Key::Alt('a'));
    assert_eq!(played.state.rooms.current().name, "bob");
}

#[test]
fn people_come_and_go_and_change() {
    let mut played = Played::in_lobby("");
    played.hear(&[
        ":cleo!c@h JOIN #lobby",
        ":bob!b@h MODE #lobby +v-o+b cleo bob *!*@bad",
        ":cleo!c@h NICK :Clea",
        ":bob!b@h QUIT :tired",
        ":Clea!c@h PART #lobby :later",
        ":irc.test KICK #lobby anna :out",
    ]);
    assert_eq!(
        played.texts()[3..],
        [
            "* cleo joined",
            "* bob sets +v-o+b cleo bob *!*@bad",
            "* cleo is now Clea",
            "* bob is gone (tired)",
            "* Clea left (later)",
            "* you were sent out by irc.test (out)",
        ]
    );
    assert!(played.state.rooms.current().members.is_empty());
    played.say("hello?");
    assert!(played.texts().last().unwrap().contains("you are not in #lobby"));
    assert_eq!(played.state.editor.text(), "hello?", "kept");
}

#[test]
fn a_silent_server_is_asked_and_then_given_up() {
    let mut played = Played::in_lobby("");
    played.wait(Duration::from_secs(30));
    assert_eq!(played.sent(), ["PING :sockeye"]);
    played.wait(Duration::from_millis(50));
    played.hear(&[":irc.test PONG irc.test :sockeye"]);
    assert_eq!(played.state.link.lag, Some(Duration::from_millis(50)));
    played.wait(Duration::from_secs(30));
    assert_eq!(played.sent(), ["PING :sockeye"]);
    played.wait(Duration::from_secs(60));
    assert_eq!(played.actions(), [Action::Close]);
    assert!(played.state.is_lost());
    played.wait(Duration::from_secs(2));
    assert_eq!(played.actions(), [Action::Connect]);
}

#[test]
fn a_room_of_plain_lines_is_one_where_irc_is_not_spoken() {
    let mut played = Played::new(settings());
    played.sent();
    played.hear(&["ERROR :IRC is not spoken on this port yet; connect with nc and type lines"]);
    assert_eq!(played.actions(), [Action::Close, Action::Connect]);
    let now = played.now();
    played.state.handle_connected(now);
    assert_eq!(played.sent(), ["/nick anna"]);
    played.hear(&[
        "* you are plain-3 in #lobby; 1 other is here. /help lists the commands",
        "* you are now anna",
        "<bob> hi anna",
        "* bob waves",
        "* the server is stopping",
    ]);
    played.say("hello");
    played.say("//x");
    played.say("/who");
    assert_eq!(played.sent(), ["hello", "//x", "/who"]);
    let expected =
        ["<bob> hi anna", "* bob waves", "* the server is stopping", "<anna> hello", "<anna> /x"];
    assert_eq!(played.texts()[2..], expected);
    assert_eq!(played.state.rooms.current().name, "#lobby");
}

#[test]
fn an_error_of_a_server_that_is_known_to_speak_irc_is_shown() {
    let mut played = Played::new(Settings { speak: Speak::Irc, ..settings() });
    played.hear(&["ERROR :Closing Link: no more connections"]);
    assert_eq!(played.actions(), []);
    assert_eq!(played.texts(), ["* Closing Link: no more connections"]);
}

#[test]
fn pages_go_up_to_the_first_line_and_down_to_the_last() {
    let mut played = Played::in_lobby("");
    played.state.handle_resize(80, 13);
    for number in 0..40 {
        played.hear(&[&format!(":bob!b@h PRIVMSG #lobby :line {number} {}", "x ".repeat(30))]);
    }
    let shown = |played: &Played| -> String {
        let (columns, rows) = played.state.page_size();
        let page = played.state.page(columns, rows);
        assert_eq!(page.len(), 10, "a whole page");
        page.into_iter().flatten().map(|span| span.text).collect()
    };
    let end = shown(&played);
    assert!(end.contains("line 39 "));
    let mut seen = end.clone();
    for _ in 0..20 {
        played.press(Key::PageUp);
        seen = shown(&played) + &seen;
    }
    let start = shown(&played);
    assert!(start.contains("you joined") && !start.contains("line 39 "));
    assert!((0..40).all(|number| seen.contains(&format!("line {number} "))), "nothing left out");
    played.press(Key::ControlEnd);
    assert_eq!(shown(&played), end);
    played.press(Key::ControlHome);
    assert_eq!(shown(&played), start);
    played.hear(&[":bob!b@h PRIVMSG #lobby :new"]);
    assert_eq!(shown(&played), start, "what one reads stays where it is");
    (0..20).for_each(|_| played.press(Key::PageDown));
    assert!(played.state.rooms.current().anchor.is_none());
}

#[test]
fn services_answer_where_they_are_asked_and_passwords_are_not_shown() {
    let mut played = Played::in_lobby("");
    played.say("/msg NickServ IDENTIFY secret");
    played.hear(&[":NickServ!s@services NOTICE anna :welcome", ":irc.test NOTICE anna :psst"]);
    let texts = played.texts();
    assert_eq!(texts[3..], ["* to NickServ: (not shown)", "-NickServ- welcome"]);
}

#[test]
fn a_server_that_takes_its_time_is_no_room_of_plain_lines() {
    let mut played = Played::new(settings());
    played.hear(&["NOTICE AUTH :*** Looking up your hostname"]);
    played.wait(Duration::from_secs(30));
    assert_eq!(played.actions(), [Action::Close]);
    assert!(played.state.is_lost());
    let mut played = Played::new(settings());
    played.wait(Duration::from_secs(30));
    assert_eq!(played.actions(), [Action::Close, Action::Connect]);
    assert_eq!(played.state.dialect, Dialect::Lines);
}

#[test]
fn a_paste_of_several_lines_is_asked_about_and_holds_no_commands() {
    let mut played = Played::in_lobby("");
    let now = played.now();
    played.state.handle_paste("one line\n", now);
    assert_eq!(played.state.editor.text(), "one line");
    played.press(Key::Control('u'));
    played.state.handle_paste("a\r\n/quit\r\n\r\nb", now);
    assert_eq!(played.sent(), Vec::<String>::new());
    played.press(Key::Char('y'));
    assert_eq!(played.sent(), ["PRIVMSG #lobby :a", "PRIVMSG #lobby :/quit", "PRIVMSG #lobby :b"]);
    played.state.handle_paste("a\nb", now);
    played.press(Key::Char('j'));
    assert_eq!(played.state.editor.text(), "a b");
}

#[test]
fn hostile_bytes_and_endless_lines_change_nothing_else() {
    let mut played = Played::in_lobby("");
    let now = played.now();
    played.state.handle_received(b":bob!b@h PRIVMSG #lobby :\x1b[2J\x9b\xff\0\r\n", now);
    played.state.handle_received(&vec![b'x'; 1 << 20], now);
    played.state.handle_received(b"\n:bob!b@h PRIVMSG #lobby :fine\n", now);
    assert_eq!(played.talk(), ["<bob> \\x1b[2J\\x9b\\xff\\x00", "<bob> fine"]);
}

#[test]
fn tab_completes_those_who_spoke_last_first() {
    let mut played = Played::in_lobby("");
    played.hear(&[":bea!b@h JOIN #lobby", ":bea!b@h PRIVMSG #lobby :hi"]);
    played.press(Key::Char('b'));
    played.press(Key::Tab);
    assert_eq!(played.state.editor.text(), "bea: ");
    played.press(Key::Tab);
    assert_eq!(played.state.editor.text(), "bob: ");
    played.press(Key::BackTab);
    assert_eq!(played.state.editor.text(), "bea: ");
}

#[test]
fn what_is_looked_for_is_found_further_and_further_up() {
    let mut played = Played::in_lobby("");
    played.state.handle_resize(80, 10);
    for number in 0..50 {
        let word = if number % 20 == 7 { "needle" } else { "hay" };
        played.hear(&[&format!(":bob!b@h PRIVMSG #lobby :{word} {number}")]);
    }
    played.press(Key::Control('f'));
    "Needle".chars().for_each(|c| played.press(Key::Char(c)));
    let hit = |played: &Played| match &played.state.mode {
        Mode::Search(search) => {
            let lines = &played.state.rooms.current().lines;
            let found = lines.iter().find(|line| Some(line.id) == search.hit);
            found.map(|line| line.text.clone())
        }
        _ => None,
    };
    assert_eq!(hit(&played).as_deref(), Some("needle 47"));
    played.press(Key::Enter);
    assert_eq!(hit(&played).as_deref(), Some("needle 27"));
    played.press(Key::Down);
    assert_eq!(hit(&played).as_deref(), Some("needle 47"));
    played.press(Key::Escape);
    assert_eq!(played.state.rooms.current().anchor, None);
}

#[test]
fn commands_say_what_they_need() {
    let mut played = Played::in_lobby("");
    for (typed, sent) in [
        ("/join other", "JOIN #other"),
        ("/topic new words", "TOPIC #lobby :new words"),
        ("/msg bob psst, you", "PRIVMSG bob :psst, you"),
        ("/kick bob too loud", "KICK #lobby bob :too loud"),
        ("/nick Anne", "NICK Anne"),
        ("/who", "WHO #lobby"),
        ("/part", "PART #lobby"),
        ("/raw VERSION", "VERSION"),
    ] {
        played.say(typed);
        assert_eq!(played.sent(), [sent], "{typed}");
    }
    played.say("/nosuch");
    assert!(played.texts().last().unwrap().contains("there is no command /nosuch"));
    played.press(Key::Control('u'));
    played.say("/quit see you");
    assert_eq!(played.sent(), ["QUIT :see you"]);
    assert_eq!(played.actions(), [Action::Close, Action::Quit]);
}

#[test]
fn people_who_type_are_shown_for_a_while() {
    let mut played = Played::in_lobby(ALL);
    played.hear(&["@+typing=active :bob!b@h TAGMSG #lobby"]);
    let typing = |played: &Played| played.state.rooms.current().typing().count();
    assert_eq!(typing(&played), 1);
    played.wait(Duration::from_secs(7));
    assert_eq!(typing(&played), 0);
}

mod any_server {
    use super::*;
    use proptest::prelude::*;

    /// What a server may say, with more of what the client listens to.
    fn line() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            Just("#lobby".to_owned()),
            Just("anna".to_owned()),
            Just("bob".to_owned()),
            Just("+ov".to_owned()),
            Just("-o".to_owned()),
            Just("+1".to_owned()),
            Just("-1".to_owned()),
            Just("*".to_owned()),
            Just("chathistory".to_owned()),
            Just(":".to_owned()),
            Just("timestamp=2026-11-24T20:15:00.000Z".to_owned()),
            "\\PC{0,8}",
        ];
        let command = prop_oneof![
            Just("JOIN"),
            Just("PART"),
            Just("NICK"),
            Just("QUIT"),
            Just("MODE"),
            Just("KICK"),
            Just("PRIVMSG"),
            Just("NOTICE"),
            Just("BATCH"),
            Just("353"),
            Just("366"),
            Just("005"),
            Just("001"),
            Just("332"),
            Just("433"),
            Just("CAP"),
            Just("FAIL"),
            Just("MARKREAD"),
            Just("TAGMSG"),
            Just("TOPIC"),
            Just("903"),
            Just("AUTHENTICATE"),
            Just("ERROR"),
        ];
        let tags = prop_oneof![
            Just(""),
            Just("@batch=1 "),
            Just("@time=2026-11-24T20:15:00.000Z;msgid=q "),
            Just("@label=1 "),
            Just("@+typing=active "),
        ];
        let source = prop_oneof![Just(""), Just(":anna!a@h "), Just(":bob!b@h "), Just(":s ")];
        (tags, source, command, prop::collection::vec(word, 0..5)).prop_map(
            |(tags, source, command, words)| format!("{tags}{source}{command} {}", words.join(" ")),
        )
    }

    proptest! {
        #[test]
        fn no_server_stops_it(lines in prop::collection::vec(line(), 0..40), columns in 1u16..120,
                              rows in 1u16..40) {
            let mut played = Played::in_lobby(ALL);
            played.state.handle_resize(columns, rows);
            for line in &lines {
                played.hear(&[line]);
                played.press(Key::PageUp);
                played.press(Key::Char('x'));
                let screen = played.state.screen();
                for span in screen.blocks.iter().flat_map(|block| block.rows.iter().flatten()) {
                    prop_assert!(!span.text.chars().any(super::super::super::text::is_hostile),
                        "{span:?}");
                }
            }
            let bytes: usize = played.state.rooms.iter().map(|room| room.bytes).sum();
            let kept: usize = played.state.rooms.iter().flat_map(|room| &room.lines)
                .map(|line| line.text.len()).sum();
            prop_assert!(bytes >= kept);
        }
    }
}
