//! What one wake can change of how a connection waits, whether it comes from a thread of the
//! program's own or from another connection. A thread that waits in `poll` is not woken: somebody
//! else has to do all of this in its stead.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use sockeye_socket::protocol::Wake;
use sockeye_socket::server::Limits;
use sockeye_socket::{Socket, create_server, opt};

use super::protocols::{Hand, Puppet, Strings};
use super::{Model, Running, ended, eventually, read_exactly, same};

/// More than the system keeps of what nobody reads, where it may not keep more than 64 KiB.
const LOTS: usize = 2 << 20;

/// A puppet, and another connection that wakes it.
struct Stage {
    server: Running,
    client: Socket,
    other: Socket,
    wake: Wake,
    hand: Arc<Hand>,
    by_connection: bool,
}

impl Stage {
    fn new(model: Model, by_connection: bool) -> Self {
        let hand = Arc::<Hand>::default();
        let theirs = Arc::clone(&hand);
        let (sender, wakes) = channel();
        let mut first = None;
        let listener = create_server("127.0.0.1:0").bind().unwrap();
        // The accepted ones have it from here.
        listener.setsockopt(opt::SO_SNDBUF, 64 * 1024).unwrap();
        let server = model.start_on(listener, Limits::default(), move |arrival| match &first {
            None => {
                first = Some(arrival.wake.clone());
                sender.send(arrival.wake).unwrap();
                Puppet::new(&theirs, None)
            }
            Some(first) => Puppet::new(&Arc::default(), Some(first.clone())),
        });
        let (client, other) = (server.connect(), server.connect());
        let wake = wakes.recv().unwrap();
        let stage = Self { server, client, other, wake, hand, by_connection };
        // Their threads have come to rest.
        for client in [&stage.client, &stage.other] {
            client.sendall(b"?").unwrap();
            assert_eq!(read_exactly(client, 1), b"h");
        }
        stage
    }

    fn pull(&self, strings: Strings) {
        *self.hand.strings.lock().unwrap() = strings;
        if self.by_connection {
            self.other.sendall(b"!").unwrap();
            assert_eq!(read_exactly(&self.other, 1), b"h");
        } else {
            self.wake.wake();
        }
    }

    /// What the client reads next.
    fn hear(&self, bytes: usize) -> String {
        String::from_utf8(read_exactly(&self.client, bytes)).unwrap()
    }

    fn end(self) {
        drop((self.client, self.other));
        assert_eq!(ended(self.server.stop()), [2, 2, 0, 0, 0, 0]);
    }
}

/// Plays with each model and each way to wake.
fn each(play: impl Fn(&Stage, Model)) {
    for by_connection in [false, true] {
        same(|model| {
            let stage = Stage::new(model, by_connection);
            play(&stage, model);
            stage.end();
        });
    }
}

#[test]
fn it_may_say_more_than_there_is_room_for() {
    each(|stage, _| {
        stage.pull(Strings { say: LOTS, ..Strings::default() });
        assert!(stage.hear(LOTS).bytes().all(|byte| byte == b's'));
        // And again, now that somebody waits in the thread's stead, or has.
        stage.client.sendall(b"12").unwrap();
        stage.pull(Strings { say: LOTS, ..Strings::default() });
        assert_eq!(stage.hear(LOTS + 2).replace('s', ""), "he");
    });
}

#[test]
fn it_may_set_a_timeout_and_bring_it_nearer() {
    each(|stage, model| {
        let hour = Duration::from_secs(3600);
        for tick in [Duration::from_millis(30), hour, Duration::from_millis(20), Duration::ZERO] {
            let start = Instant::now();
            stage.pull(Strings { tick: Some(tick), ..Strings::default() });
            if tick < hour {
                assert_eq!(stage.hear(4), "tick");
                assert!(start.elapsed() >= tick, "{model:?}");
            }
        }
    });
}

#[test]
fn it_may_close_the_ears_and_open_them() {
    each(|stage, _| {
        for _ in 0..3 {
            // Heard if it comes before the ears are closed, or if a thread waits to read already.
            stage.pull(Strings { deaf: true, ..Strings::default() });
            stage.client.sendall(b"1").unwrap();
            stage.pull(Strings { deaf: true, say: 1, ..Strings::default() });
            if stage.hear(1) == "h" {
                assert_eq!(stage.hear(1), "s");
                stage.client.sendall(b"1").unwrap();
            }
            stage.pull(Strings::default());
            assert_eq!(stage.hear(1), "h");
        }
    });
}

#[test]
fn it_may_open_the_ears_while_the_mouth_is_full() {
    each(|stage, model| {
        let heard_bytes = || stage.hand.heard_bytes.load(Ordering::SeqCst);
        let before = heard_bytes();
        // Deaf, and in the middle of more than fits: only room to send is waited for.
        stage.pull(Strings { deaf: true, say: LOTS, ..Strings::default() });
        assert_eq!(stage.hear(100_000).len(), 100_000);
        stage.client.sendall(b"12345").unwrap();
        stage.pull(Strings { tick: Some(Duration::from_millis(5)), ..Strings::default() });
        // The client reads nothing meanwhile: there is no room to send.
        eventually("the ears are open", || heard_bytes() == before + 5);
        let words = stage.hear(LOTS - 100_000 + 9).replace('s', "");
        assert!(["heardtick", "tickheard"].contains(&&*words), "{model:?}: {words}");
    });
}
