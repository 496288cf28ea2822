//! The way in, fed whole, byte by byte and at every cut.

use super::*;

const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:9000\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sockeye.1\r\n\r\n";
const V1: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\0\x50";

fn config() -> ApproachConfig {
    ApproachConfig {
        line_bytes_max: 64,
        silence: Duration::from_millis(250),
        approach: Duration::from_secs(10),
        head_bytes_max: 512,
        tls: true,
        pages: Some(Pages::default()),
    }
}

const TRUSTED: Beginning =
    Beginning { entrance: Entrance::Everyone, trusted: true, monitor: false };

/// What is decided of parts that come at one moment; inside of TLS where `encrypted` says so.
fn fed(
    config: &ApproachConfig,
    beginning: Beginning,
    encrypted: bool,
    parts: &[&[u8]],
) -> Vec<Step> {
    let now = Instant::now();
    let mut approach = Approach::new(config, beginning, now);
    if encrypted {
        approach.handle_encrypted(config, now);
    }
    let mut steps = Vec::new();
    let mut behind = Vec::new();
    for part in parts {
        if is_over(&steps) {
            behind.extend_from_slice(part);
            continue;
        }
        approach.handle_received(config, part, now);
        while let Some(step) = approach.poll_step(config, now) {
            steps.push(step);
        }
    }
    // What comes after the last step goes where that leads.
    if let Some(Step::Enter { said, .. } | Step::Upgrade { said, .. } | Step::Encrypt(said)) =
        steps.last_mut()
    {
        said.extend_from_slice(&behind);
    }
    steps
}

fn is_over(steps: &[Step]) -> bool {
    steps.last().is_some_and(|step| !matches!(step, Step::Proxied(_)))
}

fn every_way(beginning: Beginning, encrypted: bool, input: &[u8]) -> Vec<Step> {
    let config = config();
    let whole = fed(&config, beginning, encrypted, &[input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(fed(&config, beginning, encrypted, &bytes), whole, "byte by byte");
    for cut in 0..=input.len() {
        let (a, b) = input.split_at(cut);
        assert_eq!(fed(&config, beginning, encrypted, &[a, b]), whole, "cut at {cut}");
    }
    whole
}

fn enters(said: &[u8]) -> Vec<Step> {
    vec![Step::Enter { said: said.to_vec(), silent: false }]
}

#[test]
fn whoever_talks_enters_with_what_he_has_said() {
    for said in [&b"hello\n"[..], b"\r\nhi\r\nmore", b"NICK a\r\n", b"POST / HTTP/1.1\r\n", V1] {
        assert_eq!(every_way(Beginning::default(), false, said), enters(said));
        assert_eq!(every_way(Beginning::default(), true, said), enters(said));
    }
    assert_eq!(every_way(Beginning::default(), false, b"hi"), []);
}

#[test]
fn tls_is_taken_once() {
    let hello = b"\x16\x03\x01\x02\0\x01";
    assert_eq!(every_way(Beginning::default(), false, hello), [Step::Encrypt(hello.to_vec())]);
    assert_eq!(every_way(TRUSTED, false, hello), [Step::Encrypt(hello.to_vec())]);
    assert_eq!(every_way(Beginning::default(), true, hello), enters(hello), "TLS inside of TLS");
    let without = ApproachConfig { tls: false, ..config() };
    assert_eq!(fed(&without, Beginning::default(), false, &[hello]), enters(hello));
    let ircs = Beginning { entrance: Entrance::Ircs, ..Beginning::default() };
    assert_eq!(fed(&config(), ircs, false, &[b""]), [Step::Encrypt(Vec::new())]);
    assert_eq!(fed(&config(), ircs, true, &[b""]), enters(b""));
}

#[test]
fn a_header_counts_from_whom_it_is_trusted_and_once() {
    for header in [V1, V2] {
        let proxied = Step::Proxied(proxy::parse(header).unwrap().unwrap());
        for said in [&b"hello\n"[..], b"NICK a\r\n", V1, V2] {
            let steps = every_way(TRUSTED, false, &[header, said].concat());
            assert_eq!(steps, [vec![proxied.clone()], enters(said)].concat(), "twice is no header");
        }
        let steps = every_way(TRUSTED, false, &[header, b"\x16\x03\x01"].concat());
        assert_eq!(steps, [proxied.clone(), Step::Encrypt(b"\x16\x03\x01".to_vec())]);
        let steps = every_way(TRUSTED, false, &[header, UPGRADE].concat());
        assert!(matches!(&steps[..], [_, Step::Upgrade { .. }]), "{steps:?}");
    }
    for broken in [&b"PROXY TCP4 x\r\n"[..], b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"] {
        let steps = every_way(TRUSTED, false, broken);
        assert!(matches!(steps[..], [Step::Refuse(Fault::Proxy(_))]), "{steps:?}");
    }
    for plain in [&b"hello\n"[..], b"\r\nhello\n", b"PROXIMITY\n"] {
        assert_eq!(every_way(TRUSTED, false, plain), enters(plain));
    }
    for entrance in [Entrance::Irc, Entrance::Ircs] {
        let steps = fed(&config(), Beginning { entrance, ..TRUSTED }, false, &[b"", V1]);
        assert!(matches!(steps[..], [Step::Proxied(_), Step::Enter { .. } | Step::Encrypt(_)]));
    }
}

#[test]
fn a_websocket_is_opened_and_keeps_what_follows() {
    let input = [UPGRADE, b"\x81\x80\0\0\0\0"].concat();
    for encrypted in [false, true] {
        let steps = every_way(Beginning::default(), encrypted, &input);
        let [Step::Upgrade { protocol: SubProtocol::Page, greeting, said }] = &steps[..] else {
            panic!("{steps:?}")
        };
        assert!(greeting.starts_with(b"HTTP/1.1 101 ") && greeting.ends_with(b"\r\n\r\n"));
        assert_eq!(said, b"\x81\x80\0\0\0\0");
    }
    let without = ApproachConfig { pages: None, ..config() };
    assert_eq!(fed(&without, Beginning::default(), false, &[UPGRADE]), enters(UPGRADE));
}

/// What happens to somebody who says this and then nothing, and after how many milliseconds.
fn silent(beginning: Beginning, said: &[u8]) -> (u128, Option<Step>) {
    let (config, start) = (config(), Instant::now());
    let mut approach = Approach::new(&config, beginning, start);
    approach.handle_received(&config, said, start);
    assert_eq!(approach.poll_step(&config, start), None);
    let at = approach.poll_timeout().unwrap();
    assert_eq!(approach.poll_step(&config, at - Duration::from_millis(1)), None);
    let step = approach.poll_step(&config, at);
    assert_eq!((approach.poll_timeout(), approach.poll_step(&config, at)), (None, None), "over");
    ((at - start).as_millis(), step)
}

#[test]
fn silence_lets_in_but_not_with_half_of_something_else() {
    for said in [&b""[..], b"hel", b"\r\n", b"PRO", b"\r\n\r\n"] {
        let enters = Step::Enter { said: said.to_vec(), silent: true };
        assert_eq!(silent(Beginning::default(), said), (250, Some(enters)));
    }
    for said in [&b""[..], b"\r\n", b"hel"] {
        assert_eq!(silent(TRUSTED, said).0, 250);
    }
    for said in [&b"\x16"[..], b"PROXY TCP4 ", &V2[..20]] {
        let beginning = if said[0] == 0x16 { Beginning::default() } else { TRUSTED };
        assert_eq!(silent(beginning, said), (10_000, Some(Step::Refuse(Fault::TooSlow))));
    }
    for said in [&b"GET /"[..], b"GET / HTTP/1.1\r\nHost: x\r\n"] {
        let (after, step) = silent(Beginning::default(), said);
        assert_eq!(after, 10_000);
        let bytes = match step {
            Some(Step::Answer(bytes)) => bytes,
            step => {
                assert_eq!(step, Some(Step::Refuse(Fault::TooSlow)), "the line is not whole");
                continue;
            }
        };
        assert!(bytes.starts_with(b"HTTP/1.1 408 "));
    }
    let irc = Beginning { entrance: Entrance::Irc, ..TRUSTED };
    assert_eq!(silent(irc, b""), (10_000, Some(Step::Refuse(Fault::TooSlow))));
}

#[test]
fn half_a_handshake_has_a_deadline_and_silence_is_counted_anew_after_it() {
    let (config, start) = (config(), Instant::now());
    let mut approach = Approach::new(&config, Beginning::default(), start);
    approach.handle_received(&config, b"\x16\x03", start);
    assert!(matches!(approach.poll_step(&config, start), Some(Step::Encrypt(_))));
    assert_eq!(approach.poll_timeout(), Some(start + config.approach));
    let later = start + Duration::from_secs(3);
    approach.handle_encrypted(&config, later);
    assert_eq!(approach.poll_timeout(), Some(later + config.silence));
    let step = approach.poll_step(&config, later + config.silence);
    assert_eq!(step, Some(Step::Enter { said: Vec::new(), silent: true }));
    let mut slow = Approach::new(&config, Beginning::default(), start);
    slow.handle_received(&config, b"\x16\x03", start);
    assert!(slow.poll_step(&config, start).is_some());
    let refused = Some(Step::Refuse(Fault::TooSlow));
    assert_eq!(slow.poll_step(&config, start + config.approach), refused);
}

#[test]
fn the_end_settles_what_is_left() {
    let (config, now) = (config(), Instant::now());
    let gone = Step::Refuse(Fault::Gone);
    let cases: [(&[u8], Step); 4] = [
        (b"hi", Step::Enter { said: b"hi".to_vec(), silent: false }),
        (b"", Step::Enter { said: Vec::new(), silent: false }),
        (b"GET / HTTP/1.1\r\n", Step::Answer(page::too_slow())),
        (b"\x16\x03", gone),
    ];
    for (said, expected) in cases {
        let mut approach = Approach::new(&config, Beginning::default(), now);
        approach.handle_received(&config, said, now);
        let _ = approach.poll_step(&config, now).filter(|step| matches!(step, Step::Encrypt(_)));
        approach.handle_eof();
        assert_eq!(approach.poll_step(&config, now), Some(expected));
    }
}

#[test]
fn a_monitor_is_heard_at_its_own_port() {
    let monitor = Beginning { monitor: true, ..Beginning::default() };
    let inquiry = Inquiry { topic: super::monitor::Topic::Health, has_body: true };
    let asked = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(every_way(monitor, false, asked), [Step::Inquire(inquiry)]);
    assert_eq!(silent(monitor, b""), (10_000, Some(Step::Answer(page::too_slow()))));
    let steps = every_way(monitor, false, b"hello\n");
    assert!(matches!(steps[..], [Step::Answer(_)]), "{steps:?}");
}
