//! How a transfer's events are shown: bars on a terminal, one line for each result elsewhere, JSON
//! lines for programs; and what its error makes of the exit code.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{BinaryBytes, MultiProgress, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use sockeye_edge::printable::Printable;
use sockeye_transfer::{Error, Event, ExitClass, Phase, Received, Sent, Sink, TransferId};

use crate::args::Global;
use crate::exit::{Exit, Failure, usage};
use crate::output::{self, Stream};
use crate::signals::Stop;

/// The view of one command's transfers.
pub(crate) struct View {
    form: Form,
    /// Where results go.
    results: Stream,
    quiet: bool,
}

enum Form {
    Lines,
    Bars { screen: MultiProgress, bars: Mutex<BTreeMap<TransferId, (Phase, ProgressBar)>> },
    Json,
}

impl View {
    /// Chooses a form. Results go to `results`, bars and everything else to stderr.
    pub(crate) fn new(global: &Global, json: bool, results: Stream) -> Arc<View> {
        let form = if json {
            Form::Json
        } else if std::io::stderr().is_terminal() && !global.quiet {
            Form::Bars { screen: MultiProgress::new(), bars: Mutex::default() }
        } else {
            Form::Lines
        };
        Arc::new(View { form, results, quiet: global.quiet })
    }

    /// Gives the closure that an engine reports to.
    pub(crate) fn sink(self: &Arc<View>) -> Sink {
        let view = Arc::clone(self);
        Arc::new(move |event: &Event| view.show(event))
    }

    /// Runs something that writes to the terminal between the bars.
    pub(crate) fn aside<R>(&self, say: impl FnOnce() -> R) -> R {
        match &self.form {
            Form::Bars { screen, .. } => screen.suspend(say),
            Form::Lines | Form::Json => say(),
        }
    }

    /// Turns the error that ended the command into its exit code.
    pub(crate) fn conclude(&self, error: Error, stop: &Stop) -> anyhow::Result<Exit> {
        let interrupted = stop.interrupted().unwrap_or(Exit::INTERRUPTED);
        let exit = match error.exit_class() {
            ExitClass::Done => return Ok(Exit::DONE),
            ExitClass::Interrupted => interrupted,
            class => Exit::new(class.code()),
        };
        let text = output::with_causes(&error);
        if matches!(self.form, Form::Json) {
            self.result(&json!({"event": "failed", "error": text, "exit": exit.code()}));
        }
        Err(Failure::new(exit, text).into())
    }

    fn show(&self, event: &Event) {
        match &self.form {
            Form::Bars { screen, bars } => {
                move_bars(event, screen, &mut bars.lock().unwrap_or_else(PoisonError::into_inner));
            }
            Form::Json => {
                if let Some(value) = to_json(event) {
                    self.result(&value);
                }
                return;
            }
            Form::Lines => {}
        }
        match event {
            Event::Received(received) => self.say(&received_line(received)),
            Event::Sent(sent) => self.say(&sent_line(sent)),
            Event::Failed { error, .. } => self.aside(|| output::error(error.as_ref())),
            Event::Ignored { peer, reason } => tracing::info!(%peer, %reason, "ignored"),
            Event::AcceptPaused => tracing::warn!("no connection can be taken for now"),
            _ => {}
        }
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            self.aside(|| self.result(&text));
        }
    }

    /// A reader of stdout that has gone does not stop a transfer.
    fn result(&self, text: &impl std::fmt::Display) {
        match self.results {
            Stream::Stdout => drop(output::line(text)),
            Stream::Stderr => output::note(text),
        }
    }
}

/// Checks what `send` and `receive` have in common: the protocol that there is, and a time to wait.
///
/// # Errors
/// Where the protocol is not chosen, or nothing would be waited for.
pub(super) fn check_protocol(plain_md5: bool, timeout: Duration) -> anyhow::Result<()> {
    if !plain_md5 {
        return Err(usage(
            "the encrypted protocol is not part of this version; --plain-md5 chooses the \
             tutorial's, which is neither encrypted nor authenticated",
        ));
    }
    if timeout.is_zero() {
        return Err(usage("--timeout has to be longer than nothing"));
    }
    Ok(())
}

fn received_line(received: &Received) -> String {
    let Received { name, bytes, digest, peer, took, .. } = received;
    let name = name.as_deref().unwrap_or("-");
    format!(
        "received {} {bytes} bytes MD5 {digest} from {peer}{}",
        Printable::new(name),
        pace(*bytes, *took)
    )
}

fn sent_line(sent: &Sent) -> String {
    let Sent { bytes, digest, peer, took, closed, .. } = sent;
    let doubt = if *closed { "" } else { "; the receiver has not closed its side" };
    format!("sent {bytes} bytes MD5 {digest} to {peer}{}{doubt}", pace(*bytes, *took))
}

fn pace(bytes: u64, took: Duration) -> String {
    let nanos = took.as_nanos().max(1);
    let rate = u128::from(bytes) * 1_000_000_000 / nanos;
    let rate = BinaryBytes(u64::try_from(rate).unwrap_or(u64::MAX));
    format!(" in {:.1} s ({rate}/s)", took.as_secs_f64())
}

fn move_bars(
    event: &Event,
    screen: &MultiProgress,
    bars: &mut BTreeMap<TransferId, (Phase, ProgressBar)>,
) {
    match event {
        Event::Progress { id, phase, done, total } => {
            let stale = bars.get(id).is_none_or(|(shown, _)| shown != phase);
            if stale {
                if let Some((_, old)) = bars.remove(id) {
                    old.finish_and_clear();
                }
                bars.insert(*id, (*phase, bar(screen, *phase, *total)));
            }
            bars[id].1.set_position(*done);
        }
        Event::AwaitingPeer { id } => {
            if let Some((_, bar)) = bars.get(id) {
                bar.set_message("waiting for the receiver");
            }
        }
        Event::Received(Received { id, .. })
        | Event::Sent(Sent { id, .. })
        | Event::Failed { id, .. } => {
            if let Some((_, bar)) = bars.remove(id) {
                bar.finish_and_clear();
            }
        }
        _ => {}
    }
}

/// Makes a bar of the screen: dressed before it belongs there, it would draw a line of its own.
fn bar(screen: &MultiProgress, phase: Phase, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{msg} [{bar:30}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} eta {eta}",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{msg} {spinner} {binary_bytes} {binary_bytes_per_sec} {elapsed}",
        ),
    };
    let bar = screen.add(bar);
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    bar.set_style(style.progress_chars("=> "));
    bar.set_message(phase.to_string());
    bar
}

fn to_json(event: &Event) -> Option<Value> {
    Some(match event {
        Event::Connected { id, peer } => {
            json!({"event": "connected", "id": id.number(), "peer": peer.to_string()})
        }
        Event::Started { id, peer, digest, total } => json!({
            "event": "started", "id": id.number(), "peer": peer.to_string(),
            "md5": digest.to_string(), "total": total,
        }),
        Event::Progress { id, phase, done, total } => json!({
            "event": "progress", "id": id.number(), "phase": phase.to_string(),
            "done": done, "total": total,
        }),
        Event::AwaitingPeer { id } => json!({"event": "awaiting_peer", "id": id.number()}),
        Event::Received(received) => json!({
            "event": "received", "id": received.id.number(), "peer": received.peer.to_string(),
            "name": received.name, "bytes": received.bytes, "md5": received.digest.to_string(),
            "seconds": received.took.as_secs_f64(),
        }),
        Event::Sent(sent) => json!({
            "event": "sent", "id": sent.id.number(), "peer": sent.peer.to_string(),
            "bytes": sent.bytes, "md5": sent.digest.to_string(), "closed": sent.closed,
            "seconds": sent.took.as_secs_f64(),
        }),
        Event::Failed { id, peer, error } => json!({
            "event": "failed", "id": id.number(), "peer": peer.to_string(),
            "error": output::with_causes(error), "exit": error.exit_class().code(),
        }),
        Event::Ignored { peer, reason } => json!({
            "event": "ignored", "peer": peer.to_string(), "reason": reason.to_string(),
        }),
        _ => return None,
    })
}
