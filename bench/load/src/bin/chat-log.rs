//! The history of a room under load: lines that are said, kept, and heard; then pages and searches.
//!
//! `chat-log DIR normal|full SPEAKERS LINES PAGES`: pairs of speakers, each pair in a room of its
//! own, say so many lines each as fast as they are taken; a line counts when the other one of the
//! pair has heard it, which is after it was kept. Then so many pages of 50 at places by chance, and
//! searches, one after the other, are asked of the running server. Prints one JSON object.

use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use sockeye_chat::proto::{Entry, Page, Point, Pos, Question};
use sockeye_chat::{Config, Durability, Handle, History, Server, Storage};
use sockeye_socket::Shutdown;

const LINES_OF_A_PAGE: usize = 50;
const WORDS: [&str; 16] = [
    "harbour", "lantern", "window", "copper", "meadow", "signal", "winter", "garden", "pebble",
    "thunder", "orchard", "ribbon", "velvet", "compass", "feather", "granite",
];

type Done<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// xorshift64*, Vigna 2016.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn word(&mut self) -> &'static str {
        let place = usize::try_from(self.next() >> 60).unwrap_or(0);
        WORDS[place]
    }
}

/// One of a pair: says its lines, and has heard the other's when it comes back.
fn speak(address: SocketAddr, number: usize, lines: usize, start: &Barrier) -> Done<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    writeln!(stream, "/join #r{}", number / 2)?;
    let mut heard = BufReader::new(stream.try_clone()?).lines();
    let until = |heard: &mut Lines<BufReader<TcpStream>>, text: &str| {
        heard.find(|line| line.as_ref().is_ok_and(|line| line.contains(text)))
    };
    until(&mut heard, &format!(" in #r{}; ", number / 2)).ok_or("no welcome")??;
    start.wait();
    let said = std::thread::spawn(move || -> Done<()> {
        let mut rng = Rng(u64::try_from(number)? + 1);
        let mut text = String::new();
        for line in 0..lines {
            let [a, b, c, d] = std::array::from_fn(|_| rng.word());
            text.push_str(&format!("{a} {b} {line} the {c} of {number} and the {d}\n"));
        }
        stream.write_all(text.as_bytes())?;
        Ok(())
    });
    for _ in 0..lines {
        until(&mut heard, "> ").ok_or("the server has ended")??;
    }
    said.join().map_err(|_| "a speaker panicked")?
}

/// How long each of some questions took, in microseconds, the shortest first.
fn times(handle: &Handle, count: usize, mut question: impl FnMut() -> Question) -> Done<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..count {
        let question = question();
        let started = Instant::now();
        let found = handle.ask_log(question).ok_or("no answer")??;
        times.push(started.elapsed().as_secs_f64() * 1e6);
        if found.len() < LINES_OF_A_PAGE {
            return Err(format!("only {} lines on a page", found.len()).into());
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

fn run(dir: &str, durability: Durability, [speakers, lines, pages]: [usize; 3]) -> Done<()> {
    let rooms: Vec<String> = (0..speakers.div_ceil(2)).map(|room| format!("#r{room}")).collect();
    let storage = Storage { durability, ..Storage::new(dir) };
    let config = Config {
        listen: vec!["127.0.0.1:0".parse()?],
        room: [vec!["#lobby".to_owned()], rooms].concat(),
        flood: None,
        sendq_bytes_max: 256 << 20,
        queues_bytes_max: 1 << 30,
        history: History::Stored(storage),
        ..Config::default()
    };
    let server = Server::bind(config, Arc::new(|_| ()))?;
    let address = server.addresses()[0].socket_addr().ok_or("no address")?;
    let (handle, shutdown) = (server.handle(), Shutdown::new()?);
    let stop = shutdown.clone();
    let serving = std::thread::spawn(move || server.run(&stop));
    let start = Arc::new(Barrier::new(speakers + 1));
    let threads: Vec<_> = (0..speakers)
        .map(|number| {
            let start = Arc::clone(&start);
            std::thread::spawn(move || speak(address, number, lines, &start))
        })
        .collect();
    start.wait();
    let started = Instant::now();
    for thread in threads {
        thread.join().map_err(|_| "a speaker panicked")??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut rng = Rng(7);
    let last = u64::try_from(speakers * lines)?;
    let one = Question::Search { stream: None, words: WORDS[0].to_owned(), lines: 1 };
    let found = handle.ask_log(one).ok_or("no answer")??.pop().ok_or("nothing was kept")?;
    let Entry { pos: Pos { epoch, .. }, append } = Arc::unwrap_or_clone(found);
    let (stream, before, lines) = (append.stream, None, LINES_OF_A_PAGE);
    let all = Page { stream, after: None, before, lines, last: true, changes: false };
    let page = times(&handle, pages, || {
        let seq = last / 4 + rng.next() % (last / 2);
        let before = Some(Point::At(Pos { epoch, seq }));
        Question::Page(Page { before, ..all.clone() })
    })?;
    let mut rng = Rng(9);
    let search = times(&handle, pages / 10, || {
        let words = format!("{} {}", rng.word(), rng.word());
        Question::Search { stream: None, words, lines: LINES_OF_A_PAGE }
    })?;
    shutdown.start(Duration::from_secs(5));
    serving.join().map_err(|_| "the server panicked")??;
    let at = |times: &[f64], part: usize| times[(times.len() - 1) * part / 100];
    println!(
        "{{\"per_second\":{:.0},\"page_p50_us\":{:.1},\"page_p99_us\":{:.1},\
         \"search_p50_us\":{:.1},\"search_p99_us\":{:.1}}}",
        f64::from(u32::try_from(last)?) / seconds,
        at(&page, 50),
        at(&page, 99),
        at(&search, 50),
        at(&search, 99)
    );
    Ok(())
}

fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dir, durability, speakers, lines, pages] = arguments.as_slice() else {
        return Err("chat-log DIR normal|full SPEAKERS LINES PAGES".into());
    };
    let durability = if durability == "full" { Durability::Full } else { Durability::Normal };
    run(dir, durability, [speakers.parse()?, lines.parse()?, pages.parse()?])
}
