//! The table: what is open first, the rest in one line, and how sure all of it is.

use std::fmt::Write as _;

use sockeye_scan::{Report, State, Verdict, services};

use super::collector::{Collector, HostView};
use super::json::reason_of;
use super::number::{count, time};
use super::request::Request;

/// How to show it.
pub(super) struct Look {
    pub(super) color: bool,
    pub(super) open_only: bool,
    pub(super) reason: bool,
}

/// Hosts that are shown although nothing is open on them.
const HOSTS_WITHOUT_OPEN_MAX: u128 = 16;

impl Look {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn state(&self, state: State, width: usize) -> String {
        let code = match state {
            State::Open => "32",
            State::Closed => "31",
            _ => "33",
        };
        self.paint(code, &format!("{:width$}", state.as_str()))
    }
}

/// Writes the whole result of a scan.
pub(super) fn render(
    look: &Look,
    request: &Request,
    collector: &Collector,
    report: &Report,
) -> String {
    let mut text = String::new();
    let all = request.hosts <= HOSTS_WITHOUT_OPEN_MAX && !look.open_only;
    let mut shown = 0_u128;
    for (host, view) in collector.hosts() {
        if view.open.is_empty() && !all {
            continue;
        }
        let Some(target) = request.config.targets.pick(host.into()) else { continue };
        if shown > 0 {
            text.push('\n');
        }
        shown += 1;
        let _ = writeln!(text, "{}", look.paint("1", &request.shown(target.ip)));
        write_host(&mut text, look, &view);
    }
    if shown > 0 {
        text.push('\n');
    }
    let hidden = request.hosts - shown;
    if hidden > 0 && request.hosts > 1 {
        let plural = if hidden == 1 { "" } else { "es" };
        let _ = writeln!(text, "{} address{plural} with nothing open", count(hidden));
    }
    let _ = writeln!(text, "{}", closing(report));
    text
}

fn write_host(text: &mut String, look: &Look, view: &HostView) {
    let others: u64 = view.counts.values().sum();
    let listed = usize::try_from(others).is_ok_and(|others| others == view.listed.len());
    let mut rows: Vec<&Verdict> = view.open.iter().collect();
    if listed && !look.open_only {
        rows.extend(&view.listed);
        rows.sort_unstable_by_key(|verdict| verdict.port);
    }
    if !rows.is_empty() {
        write_table(text, look, &rows);
    }
    let mut rest = Vec::new();
    if view.closed > 0 {
        rest.push(format!("{} closed", count(view.closed)));
    }
    if !listed || look.open_only {
        for ((state, reason), number) in &view.counts {
            rest.push(format!("{} {state} ({})", count(number), reason_of(*reason)));
        }
    }
    if !rest.is_empty() {
        let lead = if rows.is_empty() { "nothing open: " } else { "and " };
        let _ = writeln!(text, "  {lead}{}", rest.join(", "));
    }
}

fn write_table(text: &mut String, look: &Look, rows: &[&Verdict]) {
    let service = |verdict: &Verdict| services::name_of(verdict.port).unwrap_or("-");
    let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let state_width = longest(&mut rows.iter().map(|row| row.state.as_str().len())).max(5);
    let service_width = longest(&mut rows.iter().map(|row| service(row).len())).max(7);
    let reason_width = longest(&mut rows.iter().map(|row| reason_of(row.reason).len())).max(6);
    let mut head = format!("  {:<9}  {:<state_width$}  SERVICE", "PORT", "STATE");
    if look.reason {
        let pad = service_width - 7;
        let _ = write!(head, "{:pad$}  {:<reason_width$}  {:>8}  TRIES", "", "REASON", "RTT");
    }
    let _ = writeln!(text, "{}", look.paint("2", &head));
    for row in rows {
        let port = format!("{}/tcp", row.port);
        let state = look.state(row.state, state_width);
        let _ = write!(text, "  {port:<9}  {state}  ");
        if !look.reason {
            let _ = writeln!(text, "{}", service(row));
            continue;
        }
        let rtt = row.rtt.map_or_else(|| "-".to_owned(), time);
        let (service, reason) = (service(row), reason_of(row.reason));
        let _ = write!(text, "{service:<service_width$}  {reason:<reason_width$}  {rtt:>8}");
        let _ = writeln!(text, "  {:>5}", row.attempts);
    }
}

/// Says how much was found, how long it took, and how sure it is.
fn closing(report: &Report) -> String {
    let tally = &report.tally;
    let mut line = format!(
        "{} open, {} closed, {} filtered",
        count(tally.open),
        count(tally.closed),
        count(tally.filtered)
    );
    if report.unresolved() > 0 {
        let _ = write!(line, ", {} unresolved", count(report.unresolved()));
    }
    let verb = if report.interrupted { "interrupted after" } else { "in" };
    let _ = write!(line, " {verb} {}", time(report.elapsed));
    let Some(loss) = report.loss() else { return line };
    let rounds =
        if tally.rounds == 1 { "1 round".to_owned() } else { format!("{} rounds", tally.rounds) };
    let _ = write!(line, "; loss {:.1} %, {rounds}, ", loss * 100.0);
    match report.recall() {
        Some(recall) => {
            let _ = write!(line, "estimated recall {:.2} %", recall * 100.0);
        }
        None => line.push_str("recall unknown (few answers)"),
    }
    line
}
