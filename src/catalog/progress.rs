//! How a batch is going: a bar on a terminal, elsewhere a line every so often; rate, time left, and what became of tasks.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::{data_line, tell};

use super::ledger::Tally;
use super::row::State;

/// Time between lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(30);

/// Counts what is done and shows it.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    all: u64,
    start: Instant,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    /// Of this run and of those before it.
    tally: Tally,
    done_before: u64,
    last_line: Instant,
}

impl Progress {
    /// Starts from where the ledger stands.
    pub fn new(tally: Tally) -> Self {
        let all = tally.all();
        let done_before = all - tally.pending;
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} tasks · {wide_msg}") {
                bar.set_style(style.progress_chars("━╸─"));
            }
            bar.set_position(done_before);
            bar
        });
        let now = Instant::now();
        Self { bar, all, start: now, counts: Mutex::new(Counts { tally, done_before, last_line: now }) }
    }

    /// Counts finished tasks.
    pub fn add(&self, states: impl Iterator<Item = State>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for state in states {
            counts.tally.pending = counts.tally.pending.saturating_sub(1);
            match state {
                State::Done => counts.tally.done += 1,
                State::Rejected => counts.tally.rejected += 1,
                State::Failed => counts.tally.failed += 1,
                State::Pending => {}
            }
        }
        let done = self.all - counts.tally.pending;
        let message = message(&counts.tally, done - counts.done_before, self.start.elapsed());
        match &self.bar {
            Some(bar) => {
                bar.set_position(done);
                bar.set_message(message);
            }
            None if counts.last_line.elapsed() >= EVERY => {
                counts.last_line = Instant::now();
                tell(&format!("{done}/{} tasks · {message}", self.all));
            }
            None => {}
        }
    }

    /// Tells people something without tearing the bar.
    pub fn tell(&self, message: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(message)),
            None => tell(message),
        }
    }

    /// Writes a line of data without tearing the bar.
    pub fn data_line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| data_line(line)),
            None => data_line(line),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Rate, time left and what became of tasks. The rate is that of this run alone.
fn message(tally: &Tally, done: u64, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-3);
    let left = if rate > 0.0 {
        format!("{} left", duration(tally.pending as f64 / rate))
    } else {
        "time left unknown".to_owned()
    };
    let Tally { done: accepted, rejected, failed, .. } = tally;
    format!("{rate:.1}/s · {left} · {accepted} accepted, {rejected} rejected, {failed} failed")
}

/// A duration for people.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 5970.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_rate_time_left_and_counts() {
        let tally = Tally { pending: 600, done: 300, rejected: 60, failed: 40 };
        let text = message(&tally, 100, Duration::from_secs(50));
        assert_eq!(text, "2.0/s · 5 min left · 300 accepted, 60 rejected, 40 failed");
        assert!(message(&tally, 0, Duration::from_secs(1)).contains("time left unknown"));
        assert_eq!([30.0, 600.0, 36000.0].map(duration), ["30 s", "10 min", "10.0 h"]);
    }
}
