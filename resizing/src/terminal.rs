//! What people and scripts see: messages and progress on stderr, data on stdout, names made safe.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Text with everything escaped that could steer a terminal or disguise a name: controls, line breaks, bidi overrides.
pub fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible_format(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A path made safe for the terminal.
pub fn clean_path(path: &Path) -> String {
    clean(&path.to_string_lossy())
}

fn is_invisible_format(c: char) -> bool {
    matches!(
        c,
        '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}'
    )
}

/// Tells the user something on stderr, as one line.
pub fn tell(message: &str) {
    // Nobody is left to be told when stderr is closed.
    let _ = writeln!(std::io::stderr(), "rangrez: {}", clean(message));
}

/// Writes one line of data to stdout; a closed pipe silences all further lines instead of ending the run.
pub fn data_line(line: &str) {
    static CLOSED: AtomicBool = AtomicBool::new(false);
    if CLOSED.load(Ordering::Relaxed) {
        return;
    }
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        CLOSED.store(true, Ordering::Relaxed);
    }
}

/// Progress on a terminal: items done, rate and time left. Silent anywhere else.
pub struct Progress(ProgressBar);

impl Progress {
    /// Starts a bar over `len` items called `what`.
    pub fn new(len: usize, what: &str) -> Self {
        let target =
            if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(len as u64), target);
        let template = format!("{{bar:24}} {{pos}}/{{len}} {what} · {{per_sec}} · {{eta}} left  {{wide_msg:.dim}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Starts a bar over training steps, whose number is told later.
    pub fn steps() -> Self {
        Self::new(0, "steps")
    }

    /// So many of `all` steps are done.
    pub fn step(&self, done: u64, all: u64, message: &str) {
        self.0.set_length(all);
        self.0.set_position(done);
        self.0.set_message(message.to_owned());
    }

    /// Names the item that is being worked on.
    pub fn at(&self, path: &Path) {
        self.0.set_message(clean_path(path));
    }

    /// One item is finished, well or not.
    pub fn done_one(&self) {
        self.0.inc(1);
    }

    /// Tells the user something without tearing the bar.
    pub fn tell(&self, message: &str) {
        self.0.suspend(|| tell(message));
    }

    /// Writes a line of data without tearing the bar.
    pub fn data_line(&self, line: &str) {
        self.0.suspend(|| data_line(line));
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(clean("x\u{202e}gpj.exe\n"), "x\\u{202e}gpj.exe\\u{a}");
        assert_eq!(clean("कुर्ता लाल.jpg"), "कुर्ता लाल.jpg");
    }
}
