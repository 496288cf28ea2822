//! Pages in the room, beside plain clients.

use serde_json::{Value, json};

use super::*;

/// A client's frame; an all-zero mask leaves the bytes as they are.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("short");
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

fn typed(line: &str) -> Vec<u8> {
    frame(0x81, line.as_bytes())
}

/// A server's frames: texts as JSON, others as their bytes.
fn objects(mut bytes: &[u8]) -> Vec<Value> {
    let mut all = Vec::new();
    while let [first, length, rest @ ..] = bytes {
        let (length, rest) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            short => (usize::from(*short), rest),
        };
        let (payload, rest) = rest.split_at(length);
        all.push(match first {
            0x81 => serde_json::from_slice(payload).expect("JSON"),
            control => json!([control, payload]),
        });
        bytes = rest;
    }
    all
}

impl Bench {
    /// A page comes in; what it reads first is the greeting.
    fn opens(&mut self) -> ClientId {
        let id = self.board.handle_upgraded(b"101\r\n\r\n".as_slice().into(), self.now);
        self.turn();
        id
    }

    fn sees(&mut self, id: ClientId) -> Vec<Value> {
        let mut got = Vec::new();
        let mut scratch = Vec::with_capacity(100);
        while self.board.want_write(id) {
            let count = {
                let bytes = self.board.peek(id, &mut scratch);
                got.extend_from_slice(bytes);
                bytes.len()
            };
            self.board.handle_transmitted(id, count);
        }
        objects(got.strip_prefix(b"101\r\n\r\n").unwrap_or(&got))
    }
}

#[test]
fn pages_and_plain_clients_share_the_room() {
    let mut bench = Bench::new(|_| ());
    let a = bench.join();
    bench.types(a, b"one\ntwo\nthree\nfour\n/nick anna\n");
    bench.now.unix_ms = 1000;
    let page = bench.opens();
    let seen = bench.sees(page);
    assert_eq!(
        seen[0],
        json!({"type":"welcome","nick":"plain-2","room":"#lobby","members":["anna","plain-2"],
            "count":2,"earlier":3})
    );
    let texts: Vec<&str> = seen[1..].iter().map(|line| line["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["two", "three", "four"]);
    assert_eq!(seen[1]["nick"], "plain-1", "the name at that time");
    assert!(seen[1]["id"].as_u64() < seen[2]["id"].as_u64());
    bench.reads(a);

    bench.types(page, &typed("/nick bo"));
    bench.types(page, &typed("hi <b>"));
    bench.types(page, &typed("/me waves"));
    bench.types(a, b"hello\n");
    assert_eq!(bench.reads(a), "* plain-2 is now bo\n<bo> hi <b>\n* bo waves\n");
    let seen = bench.sees(page);
    let nick = json!({"type":"nick","from":"plain-2","to":"bo","time":1000});
    assert_eq!(seen[0], nick, "its own new name, once");
    assert_eq!((&seen[1]["nick"], &seen[1]["text"]), (&json!("bo"), &json!("hi <b>")));
    assert_eq!((&seen[2]["action"], &seen[2]["text"]), (&json!(true), &json!("waves")));
    assert_eq!((&seen[3]["nick"], &seen[3]["time"]), (&json!("anna"), &json!(1000)));
    assert_eq!(seen.len(), 4);

    bench.board.announce("anna dropped plan.pdf (1.2 MiB)", bench.now);
    let b = bench.join();
    bench.board.handle_lost(b, bench.now);
    bench.turn();
    let types: Vec<Value> = bench.sees(page).iter().map(|seen| seen["type"].clone()).collect();
    assert_eq!(types, ["notice", "join", "leave"]);
}

#[test]
fn answers_pings_and_closes() {
    let mut bench = Bench::new(|_| ());
    let a = bench.join();
    bench.types(a, b"/nick anna\n");
    let page = bench.opens();
    bench.sees(page);
    bench.types(page, &frame(0x89, b"ping"));
    assert_eq!(bench.sees(page), [json!([0x8a, b"ping"])]);
    bench.types(page, &typed("/nick Anna"));
    let error = json!({"type":"error","text":"Anna is the name of somebody else"});
    assert_eq!(bench.sees(page), [error]);
    bench.types(page, &typed(&"/help ".repeat(2)));
    assert_eq!(bench.sees(page)[0]["type"], "notice");
    bench.types(page, &frame(0x88, b"\x03\xe8"));
    assert_eq!(bench.sees(page), [json!([0x88, b"\x03\xe8"])]);
    assert_eq!(bench.finished(), [page]);
    let ends: [(&[u8], u16); 4] = [
        (&frame(0x82, b"bytes"), 1003),
        (&frame(0x81, b"\xff"), 1007),
        (b"\x81\x05plain", 1002),
        (&typed("/quit"), 1000),
    ];
    for (bytes, code) in ends {
        let page = bench.opens();
        bench.sees(page);
        bench.types(page, bytes);
        let seen = bench.sees(page);
        let payload: Vec<u8> = serde_json::from_value(seen[0][1].clone()).unwrap();
        assert_eq!((&seen[0][0], &payload[..2]), (&json!(0x88), &code.to_be_bytes()[..]));
        assert_eq!(bench.finished(), [page]);
    }
    assert!(bench.reads(a).ends_with("* plain-6 joined\n* plain-6 left\n"));
    let page = bench.opens();
    bench.sees(page);
    bench.board.stop(bench.now.instant);
    assert_eq!(bench.sees(page)[0][0], 0x88);
}

#[test]
fn a_page_that_types_too_fast_waits_and_loses_nothing() {
    let rate = Rate { burst: 2, per_second: 1 };
    let mut bench = Bench::new(|settings| settings.session.flood = Some(rate));
    let a = bench.join();
    let page = bench.opens();
    bench.reads(a);
    let lines: Vec<u8> = ["1", "2", "3", "4"].iter().flat_map(|line| typed(line)).collect();
    bench.types(page, &lines);
    assert_eq!(bench.reads(a), "<plain-2> 1\n<plain-2> 2\n");
    assert!(!bench.board.want_read(page));
    for expected in ["<plain-2> 3\n", "<plain-2> 4\n"] {
        bench.pass(Duration::from_secs(1));
        assert_eq!(bench.reads(a), expected);
    }
    assert!(bench.board.want_read(page));
    let long = "x".repeat(bench.board.settings.session.line_bytes_max + 1);
    let mut bytes = vec![0x81, 0x80 | 126];
    bytes.extend_from_slice(&u16::try_from(long.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(long.as_bytes());
    bench.pass(Duration::from_secs(9));
    bench.sees(page);
    bench.types(page, &bytes);
    assert_eq!(bench.sees(page)[0]["type"], "error");
    assert_eq!(bench.reads(a), "");
}

#[test]
fn who_is_not_there_can_post_but_not_as_somebody_who_is() {
    let mut bench = Bench::new(|_| ());
    let a = bench.join();
    bench.types(a, b"/nick anna\n");
    bench.reads(a);
    assert_eq!(bench.board.post("guest", "by\na form\x1b", bench.now).map(drop), Ok(()));
    bench.turn();
    assert_eq!(bench.reads(a), "<guest> bya form\n");
    let refused = |text: &str| Err(text.to_owned());
    let taken = refused("ANNA is the name of somebody else");
    assert_eq!(bench.board.post("ANNA", "x", bench.now), taken);
    assert!(bench.board.post("not a nick", "x", bench.now).is_err());
    assert!(bench.board.post("guest", " \r\n", bench.now).is_err());
    assert!(bench.board.post("guest", &"x".repeat(5000), bench.now).is_err());
    let page = bench.opens();
    assert_eq!(bench.sees(page)[1]["nick"], "guest", "it is kept for who comes later");
}
