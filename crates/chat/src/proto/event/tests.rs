//! Events as they are kept.

use super::*;
use crate::proto::Roster;

#[test]
fn events_are_kept_as_json_without_the_connection() {
    let client = Roster::default().insert(());
    let nick = Nick::new("anna").expect("a nick");
    let text = Text::new("h\u{1b}i \u{2028}");
    let who = Arc::new(Identity::plain(nick));
    let to = Target::Room("#r".parse().expect("a room"));
    let (style, tags) = (Style::Action, "".into());
    let said = Event::Said { client, who: Arc::clone(&who), to, text, style, tags };
    let json = serde_json::to_string(&said).expect("JSON");
    assert_eq!(
        json,
        "{\"kind\":\"said\",\"client\":null,\"who\":{\"nick\":\"anna\",\"user\":\"~nc\",\
         \"host\":\"plain\",\"account\":null,\"bot\":false},\"to\":{\"room\":\"#r\"},\
         \"text\":\"h\\u001bi \u{2028}\",\"style\":\"action\",\"tags\":\"\"}"
    );
    let read: Event = serde_json::from_str(&json).expect("an event");
    assert_eq!(read.client(), Some(ClientId::NOBODY));
    assert_eq!(read.words(), said.words());
    let left = Event::Left { client, who: Arc::clone(&who), why: Why::Gone, text: None };
    let json = serde_json::to_string(&left).expect("JSON");
    let nobody = Event::Left { client: ClientId::NOBODY, who, why: Why::Gone, text: None };
    assert_eq!(serde_json::from_str::<Event>(&json).expect("an event"), nobody);
}

#[test]
fn what_a_later_version_adds_is_passed_over_and_what_no_version_writes_is_refused() {
    let newer = r#"{"kind":"posted","nick":"bo","text":"hi","mood":"good"}"#;
    let nick = Nick::new("bo").expect("a nick");
    let posted = Event::Posted { nick, text: Text::new("hi") };
    assert_eq!(serde_json::from_str::<Event>(newer).expect("an event"), posted);
    for bad in [
        r#"{"kind":"levitated","by":"bo"}"#,
        r#"{"kind":"posted","nick":"b o","text":"hi"}"#,
        r#"{"kind":"posted","nick":"","text":"hi"}"#,
        r#"{"kind":"posted","nick":"bo"}"#,
        r#"{"nick":"bo"}"#,
        "[]",
        "",
    ] {
        assert!(serde_json::from_str::<Event>(bad).is_err(), "{bad}");
    }
    let broken = r#"{"kind":"notice","text":"a\r\nQUIT\u0000"}"#;
    let read: Event = serde_json::from_str(broken).expect("an event");
    assert_eq!(read.words(), Some("aQUIT".into()));
}
