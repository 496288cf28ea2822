//! From arguments to a scan: lists read, names resolved, everything checked before it starts.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use sockeye_scan::resolve::{self, Named, Version, Wanted};
use sockeye_scan::{Config, Error, PortSet, Rate, Shard, TargetSpec, Timing};

use super::number::{count, per_second};
use super::{Args, json};
use crate::exit::{Exit, usage};
use crate::output;

/// The longest list of targets that is read, in bytes.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// A scan that may start.
pub(super) struct Request {
    pub(super) config: Config,
    pub(super) names: Vec<Named>,
    pub(super) hosts: u128,
    /// Probes of this shard.
    pub(super) probes: u64,
}

impl Request {
    /// Reads lists, resolves names, and checks what would be scanned.
    pub(super) fn of(args: &Args) -> anyhow::Result<Request> {
        let wanted = Wanted {
            include: specs(&args.targets, args.input_list.as_deref())?,
            exclude: specs(&args.exclude, args.exclude_file.as_deref())?,
            version: match (args.ipv4, args.ipv6) {
                (true, _) => Version::V4,
                (_, true) => Version::V6,
                _ => Version::Any,
            },
            no_dns: args.no_dns,
        };
        let ports = match &args.ports {
            Some(list) => PortSet::parse(list).map_err(usage)?,
            None => PortSet::top(args.top_ports),
        };
        let resolved = resolve::resolve(&wanted).map_err(blame)?;
        for unknown in &resolved.unknown {
            output::note(format_args!("not scanned: {unknown}"));
        }
        let config = config(args, resolved.targets, ports)?;
        let plan = config.plan().map_err(blame)?;
        let probes = config.shard.len_of(plan.len());
        Ok(Request { names: resolved.names, hosts: plan.targets().len(), probes, config })
    }

    /// Finds the name that an address was given by.
    pub(super) fn name_of(&self, address: IpAddr) -> Option<&str> {
        self.names.iter().find(|named| named.target.ip == address).map(|named| named.name.as_str())
    }

    /// Says in one line what is about to happen, and why not faster.
    pub(super) fn announcement(&self) -> String {
        let ports = self.config.ports.len();
        let target = match (self.hosts, self.config.targets.pick(0)) {
            (1, Some(target)) => self.shown(target.ip),
            (hosts, _) => format!("{} addresses", count(hosts)),
        };
        let plural = if ports == 1 { "" } else { "s" };
        let mut line = format!("connect scan of {target}, {} port{plural}", count(ports));
        if self.config.shard != Shard::WHOLE {
            line.push_str(&format!(", {} probes of this shard", count(self.probes)));
        }
        if let (Some(rate), true) = self.config.rate_cap() {
            let rate = per_second(rate.interval());
            line.push_str(&format!(", at most {rate} probes/s towards public addresses (--rate)"));
        }
        for named in self.names.iter().filter(|named| !named.others.is_empty()) {
            let others: Vec<String> = named.others.iter().map(IpAddr::to_string).collect();
            line.push_str(&format!("\nnot scanned: {} of {}", others.join(", "), named.name));
        }
        line
    }

    /// Writes an address with its name, where it was given by one.
    pub(super) fn shown(&self, address: IpAddr) -> String {
        match self.name_of(address) {
            Some(name) => format!("{name} ({address})"),
            None => address.to_string(),
        }
    }
}

fn config(args: &Args, targets: sockeye_scan::TargetSet, ports: PortSet) -> anyhow::Result<Config> {
    let mut config = Config {
        targets,
        ports,
        // Nothing depends on how good this chance is.
        seed: args.seed.unwrap_or_else(|| RandomState::new().build_hasher().finish()),
        shard: args.shard.unwrap_or(Shard::WHOLE),
        authorised: args.authorised,
        ..Config::default()
    };
    if let Some(timing) = args.timing {
        config.apply_timing(timing);
    }
    config.rate_max = args.rate.or(args.max_rate).or(config.rate_max);
    config.rate_min = args.rate.or(args.min_rate);
    if let (Some(min), Some(max)) = (args.min_rate, args.max_rate)
        && min < max
    {
        return Err(usage("--min-rate is above --max-rate"));
    }
    config.retries_max = args.retries.unwrap_or(config.retries_max);
    config.parallel = args.parallel.or(config.parallel);
    config.timeout = args.timeout;
    if args.timeout.is_some_and(|timeout| timeout < Duration::from_millis(1)) {
        return Err(usage("--timeout is at least 1ms"));
    }
    Ok(config)
}

fn specs(words: &[String], list: Option<&Path>) -> anyhow::Result<Vec<TargetSpec>> {
    let mut specs = Vec::new();
    for word in words {
        specs.push(word.parse().map_err(usage)?);
    }
    let Some(path) = list else { return Ok(specs) };
    let text = read_list(path)?;
    match sockeye_scan::parse_list(&text) {
        Ok(more) => specs.extend(more),
        Err((line, error)) => {
            return Err(usage(format_args!("{}, line {line}: {error}", path.display())));
        }
    }
    Ok(specs)
}

fn read_list(path: &Path) -> anyhow::Result<String> {
    let unreadable = || format!("cannot read the targets in {}", path.display());
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LIST_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(path).with_context(unreadable)?;
        file.take(LIST_BYTES_MAX + 1).read_to_string(&mut text)
    };
    let read = u64::try_from(read.with_context(unreadable)?).unwrap_or(u64::MAX);
    if read > LIST_BYTES_MAX {
        return Err(usage(format_args!("{} is longer than 64 MiB", path.display())));
    }
    Ok(text)
}

/// Separates what has to be asked differently from what failed.
fn blame(error: Error) -> anyhow::Error {
    if error.is_usage() { usage(error) } else { error.into() }
}

/// Prints every probe in its order; sends nothing.
pub(super) fn dry_run(request: &Request, args: &Args, quiet: bool) -> anyhow::Result<Exit> {
    let plan = request.config.plan().map_err(blame)?;
    let mut text = Vec::new();
    for position in request.config.shard.positions(plan.len()) {
        let Some(probe) = plan.at(position) else { continue };
        if args.json {
            text.extend(json::probe(&probe));
        } else {
            writeln!(text, "{}", probe.target.socket_addr(probe.port))?;
        }
        if text.len() > 1 << 16 {
            output::bytes(&text)?;
            text.clear();
        }
    }
    output::bytes(&text)?;
    if !quiet {
        let (probes, seed) = (count(request.probes), request.config.seed);
        output::note(format_args!("{probes} probes, none sent (seed {seed})"));
    }
    Ok(Exit::DONE)
}

/// Parses a rate: probes a second, fractions allowed.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let bad = || format!("`{text}` is no rate: probes a second, above 0 and at most 10 million");
    let number: f64 = text.parse().map_err(|_| bad())?;
    if !(number > 0.0 && number <= 1e7) {
        return Err(bad());
    }
    let interval = Duration::try_from_secs_f64(1.0 / number).map_err(|_| bad())?;
    Rate::every(interval).ok_or_else(bad)
}

/// Parses a template of timing: 0 to 5, or nmap's names.
pub(super) fn timing(text: &str) -> Result<Timing, String> {
    match text {
        "0" | "paranoid" => Ok(Timing::Paranoid),
        "1" | "sneaky" => Ok(Timing::Sneaky),
        "2" | "polite" => Ok(Timing::Polite),
        "3" | "normal" => Ok(Timing::Normal),
        "4" | "aggressive" => Ok(Timing::Aggressive),
        "5" | "insane" => Ok(Timing::Insane),
        _ => Err(format!("`{text}` is no timing: 0 to 5")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_timings() {
        assert_eq!(rate("1000"), Ok(Rate::per_second(1000).unwrap()));
        assert_eq!(rate("0.5"), Ok(Rate::every(Duration::from_secs(2)).unwrap()));
        for text in ["", "0", "-1", "nan", "inf", "1e9", "fast", "1e-300"] {
            assert!(rate(text).is_err(), "{text}");
        }
        assert_eq!(timing("4"), Ok(Timing::Aggressive));
        assert!(timing("6").is_err());
    }
}
