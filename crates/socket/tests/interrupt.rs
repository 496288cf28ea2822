//! Interrupted calls go on with the same deadline. A process of its own is sent a signal every
//! millisecond while its main thread, which gets the signals, runs the calls. Without the test
//! harness: that runs tests on other threads.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::{BufRead, BufReader, IoSlice};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sockeye_socket::{
    RecvBatch, Selector, SendBatch, Shutdown, Socket, create_connection, create_server, errno, opt,
    socketpair,
};

const TIMEOUT: Duration = Duration::from_millis(100);
const UNDER_FIRE: &str = "SOCKEYE_UNDER_FIRE";
const SIGUSR1: i32 = 10;

fn main() {
    if std::env::var_os(UNDER_FIRE).is_some() {
        return calls_under_fire();
    }
    let mut process = Command::new(std::env::current_exe().unwrap())
        .env(UNDER_FIRE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "ready");
    let clock = Socket::udp4().unwrap();
    clock.settimeout(Duration::from_millis(1)).unwrap();
    let status = loop {
        assert!(clock.recv(1).unwrap_err().is_timeout());
        let _ = kill_process(Pid::from_child(&process), Signal::USR1);
        if let Some(status) = process.try_wait().unwrap() {
            break status;
        }
    };
    assert!(status.success(), "{status}");
    println!("signals neither end nor lengthen a call: ok");
}

/// How many signals came.
struct Signals(Arc<AtomicUsize>);

impl Signals {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Runs `call`, which is to take its time and to be interrupted meanwhile.
    fn timed<T>(&self, what: &str, call: impl FnOnce() -> T) -> T {
        let (start, before) = (Instant::now(), self.count());
        let result = call();
        let took = start.elapsed();
        assert!(took >= TIMEOUT && took < TIMEOUT * 20, "{what}: {took:?}");
        assert!(self.count() - before > 5, "{what} was not interrupted");
        result
    }

    /// As `timed`, for a call that is to end with a timeout.
    fn times_out<T>(&self, what: &str, call: impl FnOnce() -> sockeye_socket::Result<T>) {
        let error = self.timed(what, call).err().unwrap();
        assert!(error.is_timeout(), "{what}: {error}");
    }
}

fn calls_under_fire() {
    let signals = Signals(Arc::new(AtomicUsize::new(0)));
    let counter = Arc::clone(&signals.0);
    let mut delivered = signal_hook::iterator::Signals::new([SIGUSR1]).unwrap();
    std::thread::spawn(move || {
        for _ in delivered.forever() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    println!("ready");
    let (a, _b) = socketpair().unwrap();
    let server = create_server("0.0.0.0:0").bind().unwrap();
    a.settimeout(TIMEOUT).unwrap();
    server.settimeout(TIMEOUT).unwrap();
    signals.times_out("recv", || a.recv(1));
    signals.times_out("recv_exact", || a.recv_exact(&mut [0; 4]));
    signals.times_out("recvmsg", || a.recvmsg(1, 100));
    signals.times_out("recv_fds", || a.recv_fds(1, 1));
    signals.times_out("recvmmsg", || a.recvmmsg(&mut RecvBatch::new(4, 1)));
    signals.times_out("accept", || server.accept());
    signals.times_out("sendall", || a.sendall(&vec![0; 64 << 20]));
    let data = [IoSlice::new(b"the buffer is full")];
    signals.times_out("sendmsg", || a.sendmsg(&data, &[], None));
    let mut batch = SendBatch::new(1, 1);
    batch.push(b"x", None).unwrap();
    signals.times_out("sendmmsg", || a.sendmmsg(&mut batch));
    let full = full_queue(&server);
    signals.times_out("connect", || {
        let client = Socket::tcp4().unwrap();
        client.settimeout(TIMEOUT).unwrap();
        client.connect(server.getsockname().unwrap())
    });
    signals.times_out("create_connection", || race_of_full_queues(&server));
    drop(full);
    a_call_that_may_be_ended(&signals);
    let mut selector = Selector::<()>::new().unwrap();
    let events = signals.timed("select", || selector.select(Some(TIMEOUT)).unwrap().count());
    assert_eq!(events, 0);
    let ended = selector.select_interruptible(None, &|| false).err().unwrap();
    assert_eq!(ended.errno(), Some(errno::EINTR));
    let shutdown = Shutdown::new().unwrap();
    assert!(!signals.timed("wait", || shutdown.wait(Some(TIMEOUT))));
    blocking(&signals, "recv", |socket| socket.recv(10).unwrap());
    blocking(&signals, "recvmsg", |socket| socket.recvmsg(10, 100).unwrap().data);
    blocking(&signals, "recvmmsg", |socket| {
        let mut batch = RecvBatch::new(4, 10);
        socket.recvmmsg(&mut batch).unwrap();
        batch.iter().next().unwrap().data.to_vec()
    });
}

/// A signal ends a call whose caller says so, with or without a timeout, and no other.
fn a_call_that_may_be_ended(signals: &Signals) {
    let (a, _b) = socketpair().unwrap();
    a.settimeout(TIMEOUT).unwrap();
    let asked = AtomicUsize::new(0);
    let go_on = || asked.fetch_add(1, Ordering::Relaxed) < 3;
    let ended = |what: &str, result: sockeye_socket::Result<()>| {
        let error = result.unwrap_err();
        assert_eq!(error.errno(), Some(errno::EINTR), "{what}: {error}");
        assert_eq!(asked.swap(0, Ordering::Relaxed), 4, "{what}");
        error
    };
    ended("recv", a.interruptible(&go_on).recv(1).map(drop));
    let error = ended("sendall", a.interruptible(&go_on).sendall(&vec![0; 64 << 20]));
    assert!(error.sent() > 0 && error.kind() == std::io::ErrorKind::Interrupted, "{error}");
    let server = create_server("127.0.0.1:0").bind().unwrap();
    let view = server.deadline(Instant::now() + TIMEOUT * 20);
    ended("accept", view.interruptible(&go_on).accept().map(drop));
    let mut clients = full_queue(&server);
    let client = Socket::tcp4().unwrap();
    let view = client.deadline(Instant::now() + TIMEOUT * 20);
    ended("connect", view.interruptible(&go_on).connect(server.getsockname().unwrap()));
    clients.push(client);
    let (blocking, _peer) = socketpair().unwrap();
    ends_with_eintr(&blocking);
    ended("blocking recv", blocking.interruptible(&go_on).recv(1).map(drop));
    signals.times_out("recv of one that goes on", || a.interruptible(&|| true).recv(1));
}

/// Fills the queue of a listener; gives the clients that do.
fn full_queue(server: &Socket) -> Vec<Socket> {
    server.listen(0).unwrap();
    let addr = server.getsockname().unwrap();
    let mut clients = Vec::new();
    loop {
        let client = Socket::tcp4().unwrap();
        client.settimeout(TIMEOUT).unwrap();
        let connected = client.connect(&addr);
        clients.push(client);
        if connected.is_err() {
            return clients;
        }
    }
}

/// Happy eyeballs over addresses that nobody answers at: the one full queue is behind all of them.
fn race_of_full_queues(full: &Socket) -> sockeye_socket::Result<Socket> {
    let port = full.getsockname().unwrap().port().unwrap();
    let addr = |host| (std::net::Ipv4Addr::new(127, 0, 0, host), port);
    create_connection(vec![addr(1), addr(2), addr(3)]).timeout(TIMEOUT).open()
}

/// A receive timeout of the kernel's makes a signal end the call itself with EINTR, handlers that
/// restart notwithstanding (signal(7)).
fn ends_with_eintr(socket: &Socket) {
    let (sol_socket, so_rcvtimeo) = (1, 20);
    let mut minute = 60i64.to_ne_bytes().to_vec();
    minute.extend(0i64.to_ne_bytes());
    socket.setsockopt(opt::raw(sol_socket, so_rcvtimeo), minute).unwrap();
}

/// A blocking call that signals interrupt must go on.
fn blocking(signals: &Signals, what: &str, receive: impl Fn(&Socket) -> Vec<u8>) {
    let (a, b) = socketpair().unwrap();
    ends_with_eintr(&a);
    let sender = std::thread::spawn(move || {
        let clock = Socket::udp4().unwrap();
        // It starts counting before the receive does.
        clock.settimeout(TIMEOUT * 2).unwrap();
        assert!(clock.recv(1).unwrap_err().is_timeout());
        b.sendall(b"late").unwrap();
    });
    let got = signals.timed(what, || receive(&a));
    assert_eq!(got, b"late");
    sender.join().unwrap();
}
