//! What clients see that behave.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sockeye_socket::frame::{BE, LengthPrefix};
use sockeye_socket::protocol::{Arrival, Buffer, Dialogue, Echo, Protocol, Room};
use sockeye_socket::server::Limits;
use sockeye_socket::{How, Shutdown, Socket, create_connection, create_server};

use super::protocols::Words;
use super::{MODELS, PATIENCE, ended, eventually, read_all, read_exactly, read_lines, same};
use crate::spawn;

#[test]
fn an_echo_says_everything_back() {
    let transcript = same(|model| {
        let server = model.start(|_| Echo::new());
        let (whole, bytes, late) = (server.connect(), server.connect(), server.connect());
        whole.sendall(b"hello").unwrap();
        for byte in b"world" {
            bytes.sendall(&[*byte]).unwrap();
            assert_eq!(read_exactly(&bytes, 1), [*byte]);
        }
        let mut heard = vec![read_exactly(&whole, 5)];
        for client in [whole, bytes, late] {
            client.sendall(b"last").unwrap();
            client.shutdown(How::Write).unwrap();
            heard.push(read_all(&client));
        }
        (heard, ended(server.stop()))
    });
    assert_eq!(transcript.0, [&b"hello"[..], b"last", b"last", b"last"]);
    assert_eq!(transcript.1, [3, 3, 0, 0, 0, 0]);
}

#[test]
fn a_half_closed_connection_still_gets_everything() {
    let megabytes: Vec<u8> = (0..=250).cycle().take(5 << 20).collect();
    let report = same(|model| {
        let server = model.start(|_| Echo::new());
        let client = Arc::new(server.connect());
        let (sender, data) = (Arc::clone(&client), megabytes.clone());
        let sending = spawn(move || {
            sender.sendall(&data).unwrap();
            sender.shutdown(How::Write).unwrap();
        });
        assert!(read_all(&client) == megabytes, "{model:?} lost or moved bytes");
        sending.join().unwrap();
        drop(client);
        ended(server.stop())
    });
    assert_eq!(report, [1, 1, 0, 0, 0, 0]);
}

/// Counts lines; `bye` ends.
fn counting(_arrival: Arrival) -> Dialogue<impl FnMut(&[u8], &mut Buffer) -> ControlFlow<()>> {
    let mut count = 0;
    Dialogue::new(100, move |line, answer| {
        count += 1;
        answer.push(format!("{count}: {} bytes\n", line.len()).as_bytes());
        if line == b"bye" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

#[test]
fn lines_are_answered_however_they_are_cut() {
    let transcript = same(|model| {
        let server = model.start(counting);
        let (whole, bytes, long) = (server.connect(), server.connect(), server.connect());
        whole.sendall(b"one\r\n\ntwo\nbye\nnot heard\n").unwrap();
        for byte in b"one\r\n\ntwo\n" {
            bytes.sendall(&[*byte]).unwrap();
        }
        bytes.shutdown(How::Write).unwrap();
        long.sendall(&[b'x'; 101]).unwrap();
        let heard =
            [&whole, &bytes, &long].map(|client| String::from_utf8(read_all(client)).unwrap());
        drop((whole, bytes, long));
        (heard, ended(server.stop()))
    });
    let two = "1: 3 bytes\n2: 0 bytes\n3: 3 bytes\n";
    assert_eq!(transcript.0, [format!("{two}4: 3 bytes\n"), two.to_owned(), String::new()]);
    assert_eq!(transcript.1, [3, 3, 0, 0, 0, 0]);
}

#[test]
fn frames_are_answered_however_they_are_cut() {
    let wire = b"\0\x05hello\0\0\0\x03end";
    let heard = same(|model| {
        let server = model.start(|_| {
            Dialogue::with_codec(LengthPrefix::<u16, BE>::new(16), |frame, replies| {
                replies.push(&frame.to_ascii_uppercase()).unwrap();
                replies.push(b"ok").unwrap();
                if frame == b"end" { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
        });
        let whole = server.connect();
        whole.sendall(wire).unwrap();
        let heard = read_all(&whole);
        let bytes = server.connect();
        for byte in wire {
            bytes.sendall(&[*byte]).unwrap();
        }
        assert_eq!(read_all(&bytes), heard, "{model:?}, byte by byte");
        for cut in 1..wire.len() {
            let client = server.connect();
            client.sendall(&wire[..cut]).unwrap();
            client.sendall(&wire[cut..]).unwrap();
            assert_eq!(read_all(&client), heard, "{model:?}, cut at {cut}");
        }
        // A length that is too long ends it, before the frame is there.
        let long = server.connect();
        long.sendall(b"\0\x01x\0\x11").unwrap();
        assert_eq!(read_all(&long), b"\0\x01X\0\x02ok");
        drop((whole, bytes, long));
        let clients = u64::try_from(wire.len() + 2).unwrap();
        assert_eq!(ended(server.stop()), [clients, clients, 0, 0, 0, 0]);
        heard
    });
    assert_eq!(heard, b"\0\x05HELLO\0\x02ok\0\0\0\x02ok\0\x03END\0\x02ok");
}

#[test]
fn a_room_is_heard_by_all_others() {
    let transcript = same(|model| {
        let room = Room::new(100, 64 * 1024);
        let seats = room.clone();
        let server = model.start(move |arrival| seats.join(arrival.wake));
        let clients = [server.connect(), server.connect(), server.connect()];
        eventually("three members", || room.len() == 3);
        let mut heard = Vec::new();
        for (place, client) in clients.iter().enumerate() {
            client.sendall(format!("I am {place}\nand still am\n").as_bytes()).unwrap();
            for (other, listener) in clients.iter().enumerate() {
                if other != place {
                    heard.push(read_lines(listener, 2).concat());
                }
            }
        }
        let [leaving, staying, last] = clients;
        leaving.shutdown(How::Write).unwrap();
        assert_eq!(read_all(&leaving), b"");
        eventually("two members", || room.len() == 2);
        staying.sendall(b"good bye\n").unwrap();
        heard.push(read_lines(&last, 1).concat());
        drop(staying);
        eventually("one member", || room.len() == 1);
        server.shutdown.start(PATIENCE);
        assert_eq!(read_all(&last), b"");
        drop(last);
        let report = ended(server.report());
        assert!(room.is_empty());
        (heard, report)
    });
    let said = |place| format!("I am {place}\nand still am\n");
    let expected = [0, 0, 1, 1, 2, 2].map(said).into_iter().chain(["good bye\n".to_owned()]);
    assert_eq!(transcript.0, expected.collect::<Vec<_>>());
    assert_eq!(transcript.1, [3, 3, 0, 0, 0, 0]);
}

#[test]
fn who_is_silent_is_sent_away() {
    let idle = Duration::from_millis(60);
    let transcript = same(|model| {
        let server = model.start(move |arrival| {
            let now = arrival.now;
            counting(arrival).idle(idle, now)
        });
        let start = Instant::now();
        let client = server.connect();
        client.sendall(b"hello\n").unwrap();
        let heard = read_all(&client);
        assert!(start.elapsed() >= idle, "{model:?}: {:?}", start.elapsed());
        drop(client);
        (heard, ended(server.stop()))
    });
    assert_eq!(transcript, (b"1: 5 bytes\n".to_vec(), [1, 1, 0, 0, 0, 0]));
}

#[test]
fn a_pause_keeps_what_was_said_meanwhile() {
    let pause = Duration::from_millis(40);
    let heard = same(|model| {
        let server = model.start(move |_| Words::new(pause, &Arc::default()));
        let client = server.connect();
        let start = Instant::now();
        client.sendall(b"a\npause\nb\npause\nmore than sixteen bytes\npause\nbye\n").unwrap();
        let heard = read_all(&client);
        assert!(start.elapsed() >= pause * 3, "{model:?}: {:?}", start.elapsed());
        drop(client);
        assert_eq!(ended(server.stop()), [1, 1, 0, 0, 0, 0]);
        heard
    });
    assert_eq!(heard, b"a\npause\nb\npause\nmore than sixteen bytes\npause\nbye\n");
}

#[test]
fn a_wake_opens_a_closed_gate() {
    let heard = same(|model| {
        let gate = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&gate);
        let (sender, wakes) = std::sync::mpsc::channel();
        let server = model.start(move |arrival| {
            sender.send(arrival.wake).unwrap();
            Words::new(Duration::ZERO, &theirs)
        });
        let client = server.connect();
        client.sendall(b"gate\n").unwrap();
        let mut heard = read_exactly(&client, 5);
        // Bytes that nobody wants to read yet, and two wakes that change nothing.
        client.sendall(b"behind the gate\nbye\n").unwrap();
        let wake = wakes.recv().unwrap();
        wake.wake();
        wake.wake();
        client.settimeout(Duration::from_millis(30)).unwrap();
        assert!(client.recv(1).unwrap_err().is_timeout());
        client.settimeout(PATIENCE).unwrap();
        gate.store(true, Ordering::SeqCst);
        wake.wake();
        heard.extend(read_all(&client));
        drop(client);
        assert_eq!(ended(server.stop()), [1, 1, 0, 0, 0, 0]);
        wake.wake();
        heard
    });
    assert_eq!(heard, b"gate\nbehind the gate\nbye\n");
}

#[test]
fn more_clients_than_may_be_here_wait_in_the_queue() {
    let heard = same(|model| {
        let limits = Limits { connections_max: 2, ..Limits::default() };
        let server = model.start_with(limits, |_| Echo::new());
        let (first, second, third) = (server.connect(), server.connect(), server.connect());
        for client in [&first, &second, &third] {
            client.sendall(b"x").unwrap();
        }
        let mut heard = [read_exactly(&first, 1), read_exactly(&second, 1)].concat();
        third.settimeout(Duration::from_millis(30)).unwrap();
        assert!(third.recv(1).unwrap_err().is_timeout(), "{model:?} took one too many");
        third.settimeout(PATIENCE).unwrap();
        drop(first);
        heard.extend(read_exactly(&third, 1));
        drop((second, third));
        assert_eq!(ended(server.stop()), [3, 3, 0, 0, 0, 0]);
        heard
    });
    assert_eq!(heard, b"xxx");
}

#[test]
fn a_server_without_places_has_one() {
    let heard = same(|model| {
        let limits = Limits { connections_max: 0, ..Limits::default() };
        let server =
            model.start_with(limits, |_| -> Box<dyn Protocol + Send> { Box::new(Echo::new()) });
        let heard = ["1", "2"].map(|word| {
            let client = server.connect();
            client.sendall(word.as_bytes()).unwrap();
            read_exactly(&client, 1)
        });
        assert_eq!(ended(server.stop()), [2, 2, 0, 0, 0, 0]);
        heard.concat()
    });
    assert_eq!(heard, b"12");
}

#[test]
fn several_listeners_are_told_apart() {
    let heard = same(|model| {
        let path =
            std::env::temp_dir().join(format!("sockeye-servers-{}-{model:?}", std::process::id()));
        let unix = format!("unix:{}", path.display());
        let listeners = vec![
            create_server("127.0.0.1:0").bind().unwrap(),
            create_server(&*unix).bind().unwrap(),
        ];
        let tcp = listeners[0].getsockname().unwrap();
        let shutdown = Shutdown::new().unwrap();
        let stop = shutdown.clone();
        let serving = spawn(move || {
            model.serve(listeners.into(), Limits::default(), &stop, |arrival| {
                let listener = arrival.listener;
                Dialogue::new(9, move |_, answer: &mut Buffer| {
                    answer.push(format!("{listener}\n").as_bytes());
                    ControlFlow::Break(())
                })
            })
        });
        let ask = |client: Socket| {
            client.settimeout(PATIENCE).unwrap();
            client.sendall(b"\n").unwrap();
            read_all(&client)
        };
        let heard = [
            ask(create_connection(&tcp).open().unwrap()),
            ask(create_connection(&*unix).open().unwrap()),
            ask(create_connection(&tcp).open().unwrap()),
        ];
        shutdown.start(PATIENCE);
        assert_eq!(ended(serving.join().unwrap().unwrap()), [3, 3, 0, 0, 0, 0]);
        std::fs::remove_file(path).unwrap();
        heard.concat()
    });
    assert_eq!(heard, b"0\n1\n0\n");
}

#[test]
fn a_server_whose_listeners_broke_serves_who_is_there_and_says_why() {
    for model in MODELS {
        let unix = format!("unix:@sockeye-broke-{model:?}-{}", std::process::id());
        for addr in ["127.0.0.1:0", &unix] {
            let listener = create_server(addr).bind().unwrap();
            let twin = listener.dup().unwrap();
            let server = model.start_on(listener, Limits::default(), |_| Echo::new());
            let client = server.connect();
            client.sendall(b"x").unwrap();
            assert_eq!(read_exactly(&client, 1), b"x");
            twin.shutdown(How::Both).unwrap();
            client.sendall(b"still here").unwrap();
            assert_eq!(read_exactly(&client, 10), b"still here");
            drop(client);
            eventually("the server ends", || server.thread.is_finished());
            let error = server.thread.join().unwrap().unwrap_err();
            assert_eq!(error.op(), "accept", "{model:?} {addr}: {error}");
        }
    }
}
