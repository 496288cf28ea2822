//! What datagrams cost one by one and in batches: `datagrams one|batch udp|packet COUNT` sends and
//! receives COUNT of them over loopback, 64 at a time, in one thread, and prints how many of them a
//! second of processor time sends and receives. A packet socket needs `CAP_NET_RAW`.

use std::io::{Error, ErrorKind, Result};
use std::process::ExitCode;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sockeye_socket::{AF_PACKET, Address, PacketAddr, RecvBatch, SOCK_DGRAM, SendBatch, Socket};

const AT_A_TIME: usize = 64;
/// As long as a SYN with its options.
const DATAGRAM: [u8; 60] = [7; 60];
const ROOM_BYTES: usize = 256;
/// A protocol of Ethernet that is free for experiments.
const PROTOCOL: u16 = 0x88b5;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok((sent, received)) => {
            println!("sent {sent:.0} received {received:.0}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("datagrams: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[&str]) -> Result<(f64, f64)> {
    let usage = || {
        let text = "usage: datagrams one|batch udp|packet COUNT";
        Error::new(ErrorKind::InvalidInput, text)
    };
    let [how, place, count] = words else { return Err(usage()) };
    let rounds = count.parse::<u32>().map_err(|_| usage())?.div_ceil(64);
    let (sender, receiver, to) = match *place {
        "udp" => udp()?,
        "packet" => packet()?,
        _ => return Err(usage()),
    };
    receiver.settimeout(Duration::from_secs(5))?;
    match *how {
        "one" => one_by_one(rounds, &sender, &receiver, &to),
        "batch" => in_batches(rounds, &sender, &receiver, &to),
        _ => Err(usage()),
    }
}

fn udp() -> Result<(Socket, Socket, Address)> {
    let (sender, receiver) = (Socket::udp4()?, Socket::udp4()?);
    receiver.bind(("127.0.0.1", 0))?;
    let to = receiver.getsockname()?;
    Ok((sender, receiver, to))
}

fn packet() -> Result<(Socket, Socket, Address)> {
    let socket = || Socket::new(AF_PACKET, SOCK_DGRAM, 0);
    let (sender, receiver) = (socket()?, socket()?);
    receiver.bind(PacketAddr::new(1, PROTOCOL))?;
    let to = PacketAddr { address: vec![0; 6], ..PacketAddr::new(1, PROTOCOL) };
    Ok((sender, receiver, to.into()))
}

fn processor() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

fn a_second(rounds: u32, spent: Duration) -> f64 {
    f64::from(rounds) * 64.0 / spent.as_secs_f64()
}

fn one_by_one(rounds: u32, from: &Socket, at: &Socket, to: &Address) -> Result<(f64, f64)> {
    let (mut sending, mut receiving) = (Duration::ZERO, Duration::ZERO);
    let mut room = [0; ROOM_BYTES];
    for _ in 0..rounds {
        let start = processor();
        for _ in 0..AT_A_TIME {
            from.sendto(&DATAGRAM, to)?;
        }
        let sent = processor();
        for _ in 0..AT_A_TIME {
            at.recvfrom_into(&mut room)?;
        }
        sending += sent.saturating_sub(start);
        receiving += processor().saturating_sub(sent);
    }
    Ok((a_second(rounds, sending), a_second(rounds, receiving)))
}

fn in_batches(rounds: u32, from: &Socket, at: &Socket, to: &Address) -> Result<(f64, f64)> {
    let (mut sending, mut receiving) = (Duration::ZERO, Duration::ZERO);
    let mut out = SendBatch::new(AT_A_TIME, DATAGRAM.len());
    let mut batch = RecvBatch::new(AT_A_TIME, ROOM_BYTES);
    for _ in 0..rounds {
        let start = processor();
        out.clear();
        while !out.is_full() {
            out.push(&DATAGRAM, Some(to))?;
        }
        while out.waiting() > 0 {
            from.sendmmsg(&mut out)?;
        }
        let sent = processor();
        let mut received = 0;
        while received < AT_A_TIME {
            received += at.recvmmsg(&mut batch)?;
            for datagram in batch.iter() {
                std::hint::black_box(datagram.address()?);
            }
        }
        sending += sent.saturating_sub(start);
        receiving += processor().saturating_sub(sent);
    }
    Ok((a_second(rounds, sending), a_second(rounds, receiving)))
}
