//! Numbers that a server shows of itself, in Prometheus's text format.
//!
//! A [`Layout`] says which numbers there are. Each thread counts in a [`Shard`] of its own, without
//! locks and without anything that another thread writes; [`Registry::text`] sums them up.
//!
//! # Source
//! The Prometheus text exposition format, version 0.0.4.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The `Content-Type` of [`Registry::text`].
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The place of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell(usize);

/// The places of one number for each value of its labels.
#[derive(Clone, Copy, Debug)]
pub struct Cells {
    first: usize,
    count: usize,
}

impl Cells {
    /// The place of the `index`th value; of the last where there are fewer.
    #[must_use]
    pub fn at(self, index: usize) -> Cell {
        Cell(self.first + index.min(self.count.saturating_sub(1)))
    }
}

/// The places of a histogram of times.
#[derive(Clone, Copy, Debug)]
pub struct Histogram {
    first: usize,
    bounds_us: &'static [u64],
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    Gauge,
    Histogram(&'static [u64]),
}

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    first: usize,
    /// The labels of each number, as they are written.
    labels: Vec<String>,
}

/// Which numbers there are, in the order in which they are shown.
#[derive(Debug, Default)]
pub struct Layout {
    families: Vec<Family>,
    cells: usize,
}

impl Layout {
    /// Adds a number that only grows. Its name ends with `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str) -> Cell {
        self.counters(name, help, &[&[]]).at(0)
    }

    /// Adds a number that only grows for each of these sets of labels (name and value).
    pub fn counters(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[&[(&str, &str)]],
    ) -> Cells {
        let labels: Vec<String> = labels.iter().map(|pairs| written(pairs)).collect();
        let count = labels.len();
        let first = self.add(Family { name, help, kind: Kind::Counter, first: 0, labels }, count);
        Cells { first, count }
    }

    /// Adds a number that grows and shrinks.
    pub fn gauge(&mut self, name: &'static str, help: &'static str) -> Cell {
        let labels = vec![String::new()];
        Cell(self.add(Family { name, help, kind: Kind::Gauge, first: 0, labels }, 1))
    }

    /// Adds a histogram of times, shown in seconds, with these upper bounds in microseconds, in
    /// ascending order.
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        bounds_us: &'static [u64],
    ) -> Histogram {
        let kind = Kind::Histogram(bounds_us);
        // One for what is above all bounds, and one for the sum.
        let cells = bounds_us.len() + 2;
        let first = self.add(Family { name, help, kind, first: 0, labels: Vec::new() }, cells);
        Histogram { first, bounds_us }
    }

    fn add(&mut self, mut family: Family, cells: usize) -> usize {
        family.first = self.cells;
        self.cells += cells;
        self.families.push(family);
        self.cells - cells
    }
}

/// The numbers of one thread. Others may read them, and must not write them.
#[derive(Debug)]
pub struct Shard {
    cells: Box<[AtomicU64]>,
}

impl Shard {
    /// Adds to a number.
    pub fn add(&self, Cell(index): Cell, amount: u64) {
        let cell = &self.cells[index];
        // Only this thread writes: a plain store is enough, and no other waits for it.
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// Takes from a gauge, also what another thread has added.
    pub fn subtract(&self, cell: Cell, amount: u64) {
        self.add(cell, amount.wrapping_neg());
    }

    /// Sets a number that only this thread counts.
    pub fn set(&self, Cell(index): Cell, value: u64) {
        self.cells[index].store(value, Ordering::Relaxed);
    }

    /// Counts a time of so many microseconds.
    pub fn observe(&self, histogram: Histogram, time_us: u64) {
        let Histogram { first, bounds_us } = histogram;
        let bucket = bounds_us.partition_point(|bound| *bound < time_us);
        self.add(Cell(first + bucket), 1);
        self.add(Cell(first + bounds_us.len() + 1), time_us);
    }
}

/// All numbers of a server.
#[derive(Debug)]
pub struct Registry {
    layout: Layout,
    shards: Mutex<Vec<Arc<Shard>>>,
}

impl Registry {
    /// Numbers that are all 0.
    #[must_use]
    pub fn new(layout: Layout) -> Registry {
        Registry { layout, shards: Mutex::default() }
    }

    /// Makes the place where one thread counts. What it has counted stays when it ends.
    pub fn shard(&self) -> Arc<Shard> {
        let cells = (0..self.layout.cells).map(|_| AtomicU64::new(0)).collect();
        let shard = Arc::new(Shard { cells });
        self.shards.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&shard));
        shard
    }

    /// Writes all numbers, summed up over the threads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut sums = vec![0_u64; self.layout.cells];
        for shard in &*self.shards.lock().unwrap_or_else(PoisonError::into_inner) {
            for (sum, cell) in sums.iter_mut().zip(&shard.cells) {
                *sum = sum.wrapping_add(cell.load(Ordering::Relaxed));
            }
        }
        let mut text = String::new();
        for family in &self.layout.families {
            // A string takes everything.
            let _ = family.write(&sums[family.first..], &mut text);
        }
        text
    }
}

impl Family {
    fn write(&self, sums: &[u64], text: &mut String) -> std::fmt::Result {
        let Family { name, help, .. } = self;
        let kind = match self.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        writeln!(text, "# HELP {name} {}", help.replace('\\', "\\\\").replace('\n', "\\n"))?;
        writeln!(text, "# TYPE {name} {kind}")?;
        let Kind::Histogram(bounds_us) = self.kind else {
            for (labels, sum) in self.labels.iter().zip(sums) {
                writeln!(text, "{name}{labels} {sum}")?;
            }
            return Ok(());
        };
        let mut count = 0;
        for (bound_us, sum) in bounds_us.iter().zip(sums) {
            count += sum;
            writeln!(text, "{name}_bucket{{le=\"{}\"}} {count}", Seconds(*bound_us))?;
        }
        count += sums[bounds_us.len()];
        writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}")?;
        writeln!(text, "{name}_sum {}", Seconds(sums[bounds_us.len() + 1]))?;
        writeln!(text, "{name}_count {count}")
    }
}

/// Microseconds, shown in seconds without needless zeros.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        f.write_str(digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

fn written(pairs: &[(&str, &str)]) -> String {
    let escaped =
        |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    let pairs: Vec<String> = pairs.collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_count_is_summed_up() {
        let mut layout = Layout::default();
        let open = layout.gauge("open", "How many\nthere are.");
        let seen =
            layout.counters("seen_total", "By kind.", &[&[("kind", "a")], &[("kind", "\"\\")]]);
        let taken = layout.histogram("taken_seconds", "How long.", &[500, 1_000_000]);
        let registry = Registry::new(layout);
        let (one, two) = (registry.shard(), registry.shard());
        one.add(open, 3);
        two.subtract(open, 1);
        two.add(seen.at(1), 5);
        two.add(seen.at(9), 1);
        for time_us in [0, 500, 501, 1_000_000, 1_000_001] {
            one.observe(taken, time_us);
        }
        drop(two);
        assert_eq!(
            registry.text(),
            "# HELP open How many\\nthere are.\n# TYPE open gauge\nopen 2\n\
             # HELP seen_total By kind.\n# TYPE seen_total counter\n\
             seen_total{kind=\"a\"} 0\nseen_total{kind=\"\\\"\\\\\"} 6\n\
             # HELP taken_seconds How long.\n# TYPE taken_seconds histogram\n\
             taken_seconds_bucket{le=\"0.0005\"} 2\ntaken_seconds_bucket{le=\"1\"} 4\n\
             taken_seconds_bucket{le=\"+Inf\"} 5\ntaken_seconds_sum 2.001002\n\
             taken_seconds_count 5\n"
        );
    }
}
