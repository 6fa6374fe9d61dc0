//! Rows of two-sample tests, for people.

use generators::eval::interval::Interval;
use generators::eval::told::Row;

/// A heading and a line per method.
pub fn lines(rows: &[Row]) -> Vec<String> {
    let interval = |i: &Interval| format!("{:.3} [{:.3}, {:.3}]", i.value, i.low, i.high);
    let mut lines = vec![format!(
        "{:<38} {:>22} {:>24} {:>6}",
        "told from real photos", "accuracy [95%]", "minus the program's", "n"
    )];
    lines.extend(rows.iter().map(|row| {
        let behind = row.behind_ours.as_ref().map_or_else(String::new, interval);
        format!("{:<38} {:>22} {behind:>24} {:>6}", row.name, interval(&row.accuracy), row.judged)
    }));
    lines
}

/// Whether ours is the hardest to tell.
pub fn verdict(nearer: bool) -> String {
    format!("nearer to one half than every baseline: {}", if nearer { "yes" } else { "no" })
}
