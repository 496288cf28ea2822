//! Lines of each format, escaping, and the bounded queue.

use std::sync::mpsc;

use super::*;

fn record(line: &'static [u8]) -> Record<'static> {
    Record {
        peer: Some(IpAddr::from([192, 0, 2, 1])),
        user: None,
        time: 784_111_777,
        line,
        status: 200,
        bytes: 12,
        duration: Duration::from_micros(345),
        referrer: None,
        agent: Some(b"a\"b\\c\x1b[31m\xff"),
    }
}

#[test]
fn the_formats() {
    let record = record(b"GET /a HTTP/1.1");
    let common = "192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] \"GET /a HTTP/1.1\" 200 12";
    assert_eq!(record.line(LogFormat::Common), format!("{common}\n"));
    let combined = record.line(LogFormat::Combined);
    assert!(combined.starts_with(&format!("{common} \"-\" \"a\\\"b\\\\c\\x1b[31m")), "{combined}");
    let json: serde_json::Value = serde_json::from_str(&record.line(LogFormat::Json)).unwrap();
    assert_eq!(json["request"], "GET /a HTTP/1.1");
    assert_eq!(json["time"], "1994-11-06T08:49:37Z");
    assert_eq!((&json["status"], &json["duration_us"]), (&200.into(), &345.into()));
}

#[test]
fn a_name_is_one_field() {
    let line = |name: &str| {
        let record = Record { user: Some(name.to_owned()), ..record(b"GET /a HTTP/1.1") };
        let json: serde_json::Value = serde_json::from_str(&record.line(LogFormat::Json)).unwrap();
        (record.line(LogFormat::Common), json["user"].clone())
    };
    let (common, json) = line("anna");
    assert!(common.starts_with("192.0.2.1 - anna [06/Nov/1994"), "{common}");
    assert_eq!(json, "anna");
    let (common, _) = line("an na\" [x]\n\u{202e}");
    assert!(common.starts_with("192.0.2.1 - \"an na\\\" [x]"), "{common}");
    assert!(common.contains("\" [06/Nov/1994") && common.matches('\n').count() == 1, "{common}");
    assert!(!common.contains('\u{202e}'), "{common}");
}

#[test]
fn a_query_string_is_in_no_line() {
    let referrer = Some(&b"http://x/?code=secret"[..]);
    let record = Record { referrer, ..record(b"GET /a?token=secret HTTP/1.1") };
    for format in [LogFormat::Common, LogFormat::Combined, LogFormat::Json] {
        let line = record.line(format);
        assert!(!line.contains("secret") && line.contains("\"GET /a HTTP/1.1\""), "{line}");
    }
    assert!(record.line(LogFormat::Combined).contains("\"http://x/\""));
}

#[test]
fn no_field_can_make_a_line() {
    let record = record(b"GET /\" 200 1\n127.0.0.1 - - \xe2\x80\xae HTTP/1.1");
    for format in [LogFormat::Common, LogFormat::Combined, LogFormat::Json] {
        let line = record.line(format);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(line.ends_with('\n') && !line.contains('\u{202e}') && !line.contains('\x1b'));
    }
    assert!(record.line(LogFormat::Common).contains("GET /\\\" 200 1"));
}

/// Blocks in its first write until it is told to go on.
struct Gate {
    opened: mpsc::Receiver<()>,
    entered: mpsc::Sender<()>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.entered.send(()).unwrap();
        let _ = self.opened.recv();
        self.written.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_stands_still_costs_lines_not_memory() {
    let (open, opened) = mpsc::channel();
    let (entered, in_write) = mpsc::channel();
    let written = Arc::new(Mutex::new(Vec::new()));
    let gate = Gate { opened, entered, written: Arc::clone(&written) };
    let log = AccessLog { format: LogFormat::Common, writer: Box::new(gate) };
    let (log, writer) = start(log, 1000, Arc::new(|_: &Event| {})).unwrap();
    let record = record(b"GET /a HTTP/1.1");
    let length = record.line(LogFormat::Common).len();
    log.write(&record);
    in_write.recv().unwrap();
    for _ in 0..100 {
        log.write(&record);
    }
    drop(open);
    let kept = 1000 / length;
    assert_eq!(writer.finish(), u64::try_from(100 - kept).unwrap());
    assert_eq!(written.lock().unwrap().len(), (1 + kept) * length);
}

struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_reported_and_counted() {
    let (sent, events) = mpsc::channel();
    let sink: Sink = Arc::new(move |event: &Event| sent.send(event.clone()).unwrap());
    let log = AccessLog { format: LogFormat::Common, writer: Box::new(Full) };
    let (log, writer) = start(log, 1000, sink).unwrap();
    log.write(&record(b"GET /a HTTP/1.1"));
    assert!(matches!(events.recv().unwrap(), Event::LogFailed { .. }));
    assert_eq!(writer.finish(), 1);
}
