//! `sockeye scan`: targets and flags become a scan's `Config`, its verdicts text or JSON lines.

mod collector;
mod json;
mod number;
mod progress;
mod request;
mod text;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sockeye_scan::{Event, Report, Shard, Sink};

use crate::args::duration;
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::output;
use crate::signals::Stop;
use request::Request;

/// Arguments of `sockeye scan`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Names, addresses, networks (10.0.0.0/24) or ranges (10.0.0.1-20)
    #[arg(value_name = "TARGET", required_unless_present_any = ["input_list", "not_built"])]
    targets: Vec<String>,
    /// Read targets from a file, apart by white space (`-` is stdin); also -iL FILE
    #[arg(long, value_name = "FILE")]
    input_list: Option<PathBuf>,
    /// Leave these targets out (a list apart by commas)
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Leave the targets in this file out
    #[arg(long, value_name = "FILE")]
    exclude_file: Option<PathBuf>,
    /// Ports: 22,80,8000-8100, -1024, 60000-, names such as ssh, or - for all
    #[arg(short, long, value_name = "PORTS", allow_hyphen_values = true)]
    ports: Option<String>,
    /// Ask the first N ports of our own ranking
    #[arg(long, value_name = "N", conflicts_with = "ports", default_value = "1000",
        value_parser = clap::value_parser!(u16).range(1..))]
    top_ports: u16,
    /// Scan by ordinary connections (the default, and the only way so far); also -sT
    #[arg(long)]
    connect: bool,
    /// Take every target for present (the only way so far); also -Pn
    #[arg(long)]
    no_discovery: bool,
    /// IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// IPv6 only
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Resolve no names: targets are addresses
    #[arg(short, long)]
    no_dns: bool,
    /// Send exactly so many probes a second, where answers keep up or not
    #[arg(long, value_name = "N", value_parser = request::rate,
        conflicts_with_all = ["min_rate", "max_rate"])]
    rate: Option<sockeye_scan::Rate>,
    /// Send at least so many probes a second
    #[arg(long, value_name = "N", value_parser = request::rate)]
    min_rate: Option<sockeye_scan::Rate>,
    /// Never send more probes a second
    #[arg(long, value_name = "N", value_parser = request::rate)]
    max_rate: Option<sockeye_scan::Rate>,
    /// From 0 (one probe every five minutes) to 5 (waits 300 ms at most); also -T0 to -T5
    #[arg(long, value_name = "0-5", value_parser = request::timing)]
    timing: Option<sockeye_scan::Timing>,
    /// Repeat a probe that is not answered so many times (default 3)
    #[arg(long, alias = "max-retries", value_name = "N",
        value_parser = clap::value_parser!(u8).range(0..=50))]
    retries: Option<u8>,
    /// Wait so long for each answer (default: adapts to the round trip)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
    /// Keep so many probes under way (default: adapts to the answers)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=60_000))]
    parallel: Option<u32>,
    /// Choose the order of the probes; the same seed gives the same order
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Send only this part of the probes, such as 1/4 (give all parts the same --seed)
    #[arg(long, value_name = "I/N", requires = "seed")]
    shard: Option<Shard>,
    /// Print what would be probed, in its order, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// I may scan more than 65,536 addresses, or more than a /24 of public ones
    #[arg(long, alias = "authorized")]
    authorised: bool,
    /// Show open ports only
    #[arg(long)]
    open: bool,
    /// Show why each port has its state, its round trip and attempts
    #[arg(long)]
    reason: bool,
    /// One JSON object a line for each port, last one with the summary
    #[arg(long)]
    json: bool,
    /// Options of nmap that are not built yet.
    #[arg(long, hide = true, allow_hyphen_values = true)]
    not_built: Vec<String>,
}

const HELP: &str = "\
Examples:
  sockeye scan 192.168.1.10                  the 1000 ports that are worth asking first
  sockeye scan localhost -p-                 every port of this machine
  sockeye scan 10.0.0.0/24 -p 22,80,443 --open
  sockeye scan 10.0.0.1-20 -p ssh --json | jq .

nmap's spellings work too: -sT -Pn -n -p- -F -T4 -iL FILE --open --reason.
Scan only what you may. Multicast, broadcast, 0.0.0.0/8 and 240.0.0.0/4 are never scanned;
public addresses get at most 1000 probes a second (300 for one host) unless --rate says otherwise.

Exit codes: 0 a port is open, 1 none is, 2 usage, 3 failed, 130 interrupted.";

/// Scans, shows what it found, and says whether anything is open.
pub(crate) fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    if let Some(option) = args.not_built.first() {
        return Err(usage(format_args!(
            "{option} is not built yet: scans are by connection (-sT), results are text or --json"
        )));
    }
    // Connections without discovery are all there is so far: asking for them changes nothing.
    let _ = (args.connect, args.no_discovery);
    let request = Request::of(args)?;
    if context.only_checks() {
        return Ok(Exit::DONE);
    }
    if args.dry_run {
        return request::dry_run(&request, args, context.global.quiet);
    }
    let stop = Stop::install(Duration::ZERO)?;
    if !context.global.quiet {
        output::note(request.announcement());
    }
    tracing::info!(seed = request.config.seed, "the order of the probes");
    let report = if args.json {
        show_json(args, context, &request, &stop)?
    } else {
        show_text(args, context, &request, &stop)?
    };
    Ok(exit_of(&report, &stop))
}

fn exit_of(report: &Report, stop: &Stop) -> Exit {
    match stop.interrupted() {
        Some(exit) if report.interrupted => exit,
        _ if report.tally.open > 0 => Exit::DONE,
        _ if report.tally.unresolved == report.probes => Exit::FAILED,
        _ => Exit::NEGATIVE,
    }
}

fn show_text(
    args: &Args,
    context: &Context,
    request: &Request,
    stop: &Stop,
) -> anyhow::Result<Report> {
    let progress = progress::Progress::start(request.probes, context.global.quiet);
    let collector = Arc::new(collector::Collector::new(request.hosts));
    let report = scan(request, stop, {
        let (collector, progress) = (Arc::clone(&collector), progress.clone());
        Arc::new(move |event: &Event| {
            if let Event::Verdict(verdict) = event {
                progress.count(verdict.state);
                collector.add(verdict);
            }
        })
    });
    progress.finish();
    let report = report?;
    let look = text::Look {
        color: context.global.color.on_stdout(),
        open_only: args.open,
        reason: args.reason,
    };
    output::bytes(text::render(&look, request, &collector, &report).as_bytes())?;
    Ok(report)
}

fn show_json(
    args: &Args,
    context: &Context,
    request: &Request,
    stop: &Stop,
) -> anyhow::Result<Report> {
    let quiet = context.global.quiet || std::io::IsTerminal::is_terminal(&std::io::stdout());
    let progress = progress::Progress::start(request.probes, quiet);
    let lines = Arc::new(json::Lines::new(args.open, stop.shutdown().clone()));
    let report = scan(request, stop, {
        let (lines, progress) = (Arc::clone(&lines), progress.clone());
        Arc::new(move |event: &Event| {
            if let Event::Verdict(verdict) = event {
                progress.count(verdict.state);
                lines.add(verdict);
            }
        })
    });
    progress.finish();
    let report = report?;
    lines.finish(&report)?;
    Ok(report)
}

fn scan(request: &Request, stop: &Stop, sink: Sink) -> anyhow::Result<Report> {
    sockeye_scan::run(&request.config, stop.shutdown(), &sink).context("the scan failed")
}
