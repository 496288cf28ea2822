//! Many clients in one thread: `c10k-client ADDRESS CONNECTIONS SIZE`. Every SIZE connections, in
//! the order in which they are made, are one room: a line that one of them says comes to all the
//! others. With SIZE 1 the server is an echo. Each room says a line as soon as it is complete, so
//! that no more clients wait than the queue of the listener holds: one that overflows loses their
//! order. It says `held CONNECTIONS`, then obeys lines on its standard input and answers each with
//! one line of JSON:
//!
//! - `each`: every room says one line, 64 rooms at a time;
//! - `saturate SECONDS ROOMS`: so many rooms always have a line under way, each room in its turn;
//! - `pace SECONDS RATE`: RATE lines a second begin, whatever has become of the earlier ones. The
//!   time of a line counts from when it was due, not from when it could be sent.
//!
//! Who speaks in a room goes round. Lines have 64 bytes. Ends with its input, or where nothing has
//! come back for 30 seconds.

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

use sockeye_socket::{Address, Events, Selector, Socket};

const LINE: &[u8; LINE_BYTES] =
    b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n";
const LINE_BYTES: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);
/// So many source addresses share the connections: the ports of one would do for 28,000.
const SOURCES: u8 = 4;

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [addr, connections, size] = &words[..] else {
        return Err("usage: c10k-client ADDRESS CONNECTIONS SIZE".into());
    };
    let mut crowd = Crowd::connect(&addr.parse()?, connections.parse()?, size.parse()?)?;
    println!("held {connections}");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let tally = match words[..] {
            ["each"] => crowd.each()?,
            ["saturate", seconds, rooms] => {
                crowd.saturate(Duration::from_secs(seconds.parse()?), rooms.parse()?)?
            }
            ["pace", seconds, rate] => {
                crowd.pace(Duration::from_secs(seconds.parse()?), rate.parse()?)?
            }
            _ => return Err(format!("no such order: {line}").into()),
        };
        println!("{}", tally.json());
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// What came of an order.
struct Tally {
    start: Instant,
    time: Duration,
    lines: u64,
    /// Of each delivery, in microseconds.
    latencies: Vec<u32>,
    /// Lines that were due while the room was still busy with the last one, and begin after it.
    late: u64,
}

impl Tally {
    fn new() -> Self {
        let (time, latencies) = (Duration::ZERO, Vec::with_capacity(1 << 20));
        Self { start: Instant::now(), time, lines: 0, latencies, late: 0 }
    }

    fn json(mut self) -> String {
        self.latencies.sort_unstable();
        let at = |part: usize| {
            let place = self.latencies.len().saturating_sub(1) * part / 1000;
            self.latencies.get(place).copied().unwrap_or(0)
        };
        format!(
            "{{\"seconds\": {:.6}, \"lines\": {}, \"deliveries\": {}, \"late\": {}, \
             \"p50_us\": {}, \"p90_us\": {}, \"p99_us\": {}, \"max_us\": {}}}",
            self.time.as_secs_f64(),
            self.lines,
            self.latencies.len(),
            self.late,
            at(500),
            at(900),
            at(990),
            at(1000),
        )
    }
}

struct Client {
    socket: Socket,
    /// Bytes of the present line that have come.
    got: usize,
}

#[derive(Clone)]
struct Room {
    /// Who speaks next.
    speaker: usize,
    /// When the line under way was due, and how many members have not heard it yet.
    due: Option<Instant>,
    waiting: usize,
    /// A line that was due meanwhile.
    next: Option<Instant>,
}

struct Crowd {
    selector: Selector<usize>,
    clients: Vec<Client>,
    rooms: Vec<Room>,
    size: usize,
    /// The room whose turn it is.
    turn: usize,
    ready: Vec<(usize, Events)>,
    buffer: Vec<u8>,
}

impl Crowd {
    fn connect(addr: &Address, connections: usize, size: usize) -> Done<Self> {
        let mut crowd = Self::new(connections, size)?;
        let mut tally = Tally::new();
        let sources = (1..=SOURCES).cycle();
        for (place, source) in (0..connections).zip(sources) {
            let socket = Socket::tcp4()?;
            socket.bind((format!("127.0.0.{source}"), 0))?;
            socket.settimeout(PATIENCE)?;
            socket.connect(addr)?;
            socket.setblocking(false)?;
            crowd.selector.register(&socket, Events::READ, place)?;
            crowd.clients.push(Client { socket, got: 0 });
            if (place + 1) % size == 0 {
                crowd.speak(place / size, Instant::now())?;
                while crowd.hear(&mut tally, Instant::now() + PATIENCE)? == 0 {}
            }
        }
        Ok(crowd)
    }

    fn new(connections: usize, size: usize) -> Done<Self> {
        // The last one first: when it is heard, the others were let in before it.
        let room = Room { speaker: size - 1, due: None, waiting: 0, next: None };
        let rooms = vec![room; connections / size];
        let (ready, buffer) = (Vec::with_capacity(1024), vec![0; 64 * 1024]);
        let (selector, clients) = (Selector::new()?, Vec::with_capacity(connections));
        Ok(Self { selector, clients, rooms, size, turn: 0, ready, buffer })
    }

    fn each(&mut self) -> Done<Tally> {
        let mut tally = Tally::new();
        let mut left = self.rooms.len();
        let mut busy = 0;
        while left > 0 || busy > 0 {
            while left > 0 && busy < 64 {
                self.speak_next(Instant::now())?;
                (left, busy) = (left - 1, busy + 1);
            }
            busy -= self.hear(&mut tally, Instant::now() + PATIENCE)?;
        }
        tally.time = tally.start.elapsed();
        Ok(tally)
    }

    fn saturate(&mut self, time: Duration, rooms: usize) -> Done<Tally> {
        let mut tally = Tally::new();
        let mut busy = 0;
        loop {
            let going = tally.start.elapsed() < time;
            while going && busy < rooms {
                self.speak_next(Instant::now())?;
                busy += 1;
            }
            if busy == 0 {
                return Ok(tally);
            }
            busy -= self.hear(&mut tally, Instant::now() + PATIENCE)?;
            tally.time = tally.start.elapsed();
        }
    }

    fn pace(&mut self, time: Duration, rate: u32) -> Done<Tally> {
        let mut tally = Tally::new();
        let step = Duration::from_secs(1) / rate;
        let (mut due, end) = (tally.start, tally.start + time);
        let mut busy = 0;
        while due < end || busy > 0 {
            let now = Instant::now();
            while due < end && due <= now {
                let room = self.turn;
                if self.rooms[room].due.is_some() {
                    // One line waits at most; the room is that far behind.
                    tally.late += 1;
                    self.rooms[room].next.get_or_insert(due);
                    self.turn = (room + 1) % self.rooms.len();
                } else {
                    self.speak_next(due)?;
                    busy += 1;
                }
                due += step;
            }
            let wake = if due < end { due } else { now + PATIENCE };
            busy -= self.hear(&mut tally, wake)?;
        }
        tally.time = tally.start.elapsed();
        Ok(tally)
    }

    /// The room whose turn it is says a line, or the next one that has none under way.
    fn speak_next(&mut self, due: Instant) -> Done<()> {
        for _ in 0..self.rooms.len() {
            let room = self.turn;
            self.turn = (room + 1) % self.rooms.len();
            if self.rooms[room].due.is_none() {
                return self.speak(room, due);
            }
        }
        Err("every room is busy".into())
    }

    fn speak(&mut self, room: usize, due: Instant) -> Done<()> {
        let size = self.size;
        let state = &mut self.rooms[room];
        let speaker = room * size + state.speaker;
        state.speaker = (state.speaker + 1) % size;
        state.due = Some(due);
        state.waiting = (size - 1).max(1);
        match self.clients[speaker].socket.send(LINE)? {
            LINE_BYTES => Ok(()),
            _ => Err("a line was cut".into()),
        }
    }

    /// Hears what has come, or waits for it until `until`; how many rooms are done with their line.
    fn hear(&mut self, tally: &mut Tally, until: Instant) -> Done<usize> {
        let left = until.saturating_duration_since(Instant::now());
        let mut ready = std::mem::take(&mut self.ready);
        self.selector.select_into(Some(left), &mut ready)?;
        if ready.is_empty() && left > PATIENCE / 2 {
            return Err("nothing comes back any more".into());
        }
        let mut done = 0;
        for (place, _) in &ready {
            let client = &mut self.clients[*place];
            let bytes = client.socket.recv_into(&mut self.buffer)?;
            if bytes == 0 {
                return Err("the server closed a connection".into());
            }
            client.got += bytes;
            if client.got < LINE_BYTES {
                continue;
            }
            client.got -= LINE_BYTES;
            let room = place / self.size;
            let Some(due) = self.rooms[room].due else { return Err("an answer too many".into()) };
            let latency = due.elapsed().as_micros();
            tally.latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
            self.rooms[room].waiting -= 1;
            if self.rooms[room].waiting == 0 {
                self.rooms[room].due = None;
                tally.lines += 1;
                match self.rooms[room].next.take() {
                    Some(due) => self.speak(room, due)?,
                    None => done += 1,
                }
            }
        }
        self.ready = ready;
        Ok(done)
    }
}
