//! `rangrez eval solids`.

use generators::eval::interval::Interval;
use generators::eval::solids::{self, METHODS, Options, Part, Report, Row, Sheets, Skin};

use super::{print_json, print_lines, write_png};
use crate::cli::{EvalPart, EvalSolidsArgs};
use crate::commands::blame;
use crate::exit::Result;
use crate::pipeline::weights;

/// Measures and prints.
pub fn evaluate(args: &EvalSolidsArgs) -> Result<()> {
    let options = Options {
        data: args.common.data.clone(),
        weights: weights::folder(&args.common.weights),
        part: match args.part {
            EvalPart::Tune => Part::Tune,
            EvalPart::Report => Part::Report,
        },
        limit: args.limit,
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        grid: args.grid.is_some(),
        worst: args.worst.is_some(),
    };
    let (report, Sheets { grid, worst }) = blame(solids::evaluate(&options))?;
    for (path, sheet) in [(&args.grid, grid), (&args.worst, worst)] {
        if let (Some(path), Some(sheet)) = (path, sheet) {
            write_png(path, &sheet)?;
        }
    }
    if args.common.json { print_json(&report) } else { print_lines(lines(&report)) }
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![format!(
        "{} garments of {} senders × {} swatches; {}",
        report.garments,
        report.senders,
        report.swatches.len(),
        report.rule
    )];
    lines.push("median [95% over senders]; ΔE00 of the centre only where the program says it is reached".into());
    let heads =
        ["clipped %", "spread error", "spread bias", "texture corr.", "over base", "amplitude", "ΔE00 p50", "p90"];
    lines.push(format!("{:<40} {:>5} {}", "", "n", heads.map(|head| format!("{head:>22}")).join("")));
    for row in report.rows.iter().filter(|row| row.stratum == "all" || is_ours(row)) {
        let name = match (row.stratum, is_ours(row)) {
            ("all", _) => row.method.to_owned(),
            (stratum, _) if row.method == METHODS[0] => format!("  {stratum}"),
            _ => "    recolour network".to_owned(),
        };
        lines.push(format!("{name:<40} {:>5} {}", row.variants, figures(row)));
    }
    if let Some(real) = &report.real_spread_error {
        lines.push(format!("spread error of the photographed garments themselves {}", shown(Some(real), 1.0).trim()));
    }
    lines.push("usual spread of L* (photos of the other part), by median L*:".into());
    for band in &report.usual_spreads.0 {
        lines.push(format!(
            "  {:>3.0} to {:>3.0}: {:.1} at {:.0} (n {})",
            band.from, band.to, band.spread, band.lightness, band.n
        ));
    }
    lines.extend(report.skin.iter().flat_map(skin_lines));
    for check in &report.checks {
        let verdict = if check.holds { "holds" } else { "FAILS" };
        lines.push(format!("{verdict}  {}: {:.4} (threshold {})", check.name, check.value, check.threshold));
    }
    for (i, worst) in report.worst.iter().enumerate() {
        let f = &worst.figures;
        lines.push(format!(
            "worst {:>2}: {} {} {:.1} ({}): clipped {:.1}%, spread {:.1}, texture {:.2}, ΔE00 {:.2}",
            i + 1,
            worst.photo,
            worst.swatch,
            worst.badness,
            worst.because,
            100.0 * f.clipped,
            f.spread,
            f.correlation.unwrap_or(f64::NAN),
            f.center
        ));
    }
    lines
}

fn is_ours(row: &Row) -> bool {
    METHODS[..2].contains(&row.method)
}

fn figures(row: &Row) -> String {
    let columns = [
        (&row.clipped, 100.0),
        (&row.spread_error, 1.0),
        (&row.spread_bias, 1.0),
        (&row.correlation, 1.0),
        (&row.correlation_gain, 1.0),
        (&row.texture, 1.0),
        (&row.center_p50, 1.0),
        (&row.center_p90, 1.0),
    ];
    columns.map(|(interval, scale)| shown(interval.as_ref(), scale)).join("")
}

fn shown(interval: Option<&Interval>, scale: f64) -> String {
    let text = interval.map_or_else(
        || "n/a".to_owned(),
        |i| format!("{:.2} [{:.2}, {:.2}]", i.value * scale, i.low * scale, i.high * scale),
    );
    format!("{text:>22}")
}

fn skin_lines(skin: &Skin) -> Vec<String> {
    vec![
        format!(
            "labelled skin, {} street photos, {} pixels: p99 ΔE00 {:.2} [{:.2}, {:.2}], changed {:.2}% (away from the \
             label's edge {:.2}%), p99 below 0.5 in {:.0}% of photos",
            skin.photos,
            skin.pixels,
            skin.p99.value,
            skin.p99.low,
            skin.p99.high,
            100.0 * skin.changed,
            100.0 * skin.changed_inside,
            100.0 * skin.photos_kept
        ),
        format!(
            "  most changed: {}",
            skin.worst.iter().map(|(name, p99)| format!("{name} {p99:.1}")).collect::<Vec<_>>().join(", ")
        ),
    ]
}
