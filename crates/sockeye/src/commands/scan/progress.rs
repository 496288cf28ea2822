//! The bar at the terminal while a scan runs; nothing where stderr is none.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sockeye_scan::State;

const TEMPLATE: &str =
    "{bar:28} {percent:>3} %  {human_pos} of {human_len} ports, {msg} open  {eta}";
/// Verdicts between two looks at the bar in a large scan.
const STRIDE: u64 = 64;

/// Counts verdicts of all loops.
#[derive(Clone)]
pub(super) struct Progress(Option<Arc<Counts>>);

struct Counts {
    bar: ProgressBar,
    done: AtomicU64,
    open: AtomicU64,
    stride: u64,
}

impl Progress {
    /// Shows a bar for `probes`, where there is a terminal and nobody wants quiet.
    pub(super) fn start(probes: u64, quiet: bool) -> Progress {
        if quiet || !std::io::stderr().is_terminal() {
            return Progress(None);
        }
        let bar =
            ProgressBar::with_draw_target(Some(probes), ProgressDrawTarget::stderr_with_hz(8));
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("━━ "));
        }
        bar.set_message("0");
        bar.enable_steady_tick(Duration::from_millis(125));
        let stride = if probes > 64 * STRIDE { STRIDE } else { 1 };
        Progress(Some(Arc::new(Counts {
            bar,
            done: AtomicU64::new(0),
            open: AtomicU64::new(0),
            stride,
        })))
    }

    /// Counts one verdict.
    pub(super) fn count(&self, state: State) {
        let Some(counts) = &self.0 else { return };
        if state == State::Open {
            let open = counts.open.fetch_add(1, Ordering::Relaxed) + 1;
            counts.bar.set_message(open.to_string());
        }
        let done = counts.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(counts.stride) {
            counts.bar.set_position(done);
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(counts) = &self.0 {
            counts.bar.finish_and_clear();
        }
    }
}
