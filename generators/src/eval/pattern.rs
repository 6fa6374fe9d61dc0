//! `rangrez eval pattern`: how much of the light on garments of the catalogue is kept whole, where their titles call them
//! plain and where they call them patterned. On plain cloth all of it should be, on patterned cloth as little as its print
//! covers.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use pixels::shading::Base;
use pixels::{Mask, foreground};
use serde::Serialize;

use super::interval::{Interval, bootstrap, mean};
use super::workers;
use crate::embedding::Embedder;
use crate::pattern::PatternHead;
use crate::segmenter::Segmenter;
use crate::train::pattern::Named;
use crate::train::shading::garments::{Part, REPORT, sources};
use crate::{Error, Result};

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Options {
    /// Data folder with `studio/`.
    pub data: PathBuf,
    /// Weights folder.
    pub weights: PathBuf,
}

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How garments were told apart.
    pub split: String,
    /// One row per kind of garment.
    pub rows: Vec<Row>,
}

/// Shares of the light on garments that are kept whole, 0 to 1.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Which garments.
    pub of: &'static str,
    /// How many.
    pub n: usize,
    /// As the program does it.
    pub program: Interval,
    /// Where all cloth is taken for patterned that looks so to the analytic estimate.
    pub analytic: Interval,
    /// Share of the garments whose cloth is called plain.
    pub called_plain: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "share of the light that is kept whole [95%]; {}", self.split)?;
        let heads = ["program", "analytic estimate", "called plain"];
        writeln!(f, "{:<26} {:>4} {}", "", "n", heads.map(|head| format!("{head:>24}")).join(""))?;
        for row in &self.rows {
            let interval = |of: &Interval| format!("{:.3} [{:.3}, {:.3}]", of.value, of.low, of.high);
            let (program, analytic) = (interval(&row.program), interval(&row.analytic));
            writeln!(f, "{:<26} {:>4} {program:>24}{analytic:>24}{:>24.3}", row.of, row.n, row.called_plain)?;
        }
        Ok(())
    }
}

/// A garment: what its title names, whether it is called plain, shares kept by the program and by the analytic estimate.
struct Kept {
    named: Named,
    plain: bool,
    program: f64,
    analytic: f64,
}

/// Measures.
///
/// # Errors
/// When data or weights are missing or malformed.
pub fn evaluate(options: &Options) -> Result<Report> {
    let segmenter = Segmenter::load(&options.weights)?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut models = (0..threads)
        .map(|_| Ok((segmenter.handle()?, Embedder::load(&options.weights)?, PatternHead::load(&options.weights)?)))
        .collect::<Result<Vec<(Segmenter, Embedder, PatternHead)>>>()?;
    let mut known = BTreeSet::new();
    let mut sources = sources(&options.data, usize::MAX)?;
    sources.retain(|source| {
        let named = source.title().is_some_and(|title| Named::of(title) != Named::Unnamed);
        named && Part::of(&source.key) == Part::Report && known.insert(source.key.clone())
    });
    let kept = workers::each(&sources, &mut models, |(segmenter, embedder, head), source| {
        let Some((photo, mask)) = source.find(segmenter)? else { return Ok(None) };
        let cloth = foreground::estimate(&photo, &mask)?;
        let patterned = head.patterned(embedder, &photo, &mask)?;
        Ok(Some(Kept {
            named: source.title().map_or(Named::Unnamed, Named::of),
            plain: patterned == 0.0,
            program: whole(&Base::estimate_known(&cloth, &mask, patterned)?, &mask),
            analytic: whole(&Base::estimate(&cloth, &mask)?, &mask),
        }))
    })?;
    let kept: Vec<Kept> = kept.into_iter().flatten().collect();
    let rows = [("title names plain cloth", Named::Plain), ("title names a pattern", Named::Patterned)];
    Ok(Report {
        split: format!("products of the catalogue with a hash below {REPORT}, photos of colourway pairs left out"),
        rows: rows.into_iter().map(|(of, named)| row(of, named, &kept)).collect::<Result<_>>()?,
    })
}

/// Share of the garment where the cloth is not taken for printed.
fn whole(base: &Base, mask: &Mask) -> f64 {
    let (width, height) = (mask.width_px() as usize, mask.height_px() as usize);
    let printed = base.printed.resized(width, height).values;
    let (mut sum, mut all) = (0.0, 0.0);
    for (printed, &alpha) in printed.iter().zip(mask.data()) {
        sum += f64::from(1.0 - printed.clamp(0.0, 1.0)) * f64::from(alpha);
        all += f64::from(alpha);
    }
    sum / f64::max(all, 1.0)
}

fn row(of: &'static str, named: Named, kept: &[Kept]) -> Result<Row> {
    let own: Vec<&Kept> = kept.iter().filter(|one| one.named == named).collect();
    let interval = |pick: fn(&Kept) -> f64| {
        let clusters: Vec<Vec<f64>> = own.iter().map(|one| vec![pick(one)]).collect();
        bootstrap(&clusters, mean).ok_or_else(|| Error::Input(format!("pattern: no garments whose {of}")))
    };
    let plain = own.iter().filter(|one| one.plain).count();
    Ok(Row {
        of,
        n: own.len(),
        program: interval(|one| one.program)?,
        analytic: interval(|one| one.analytic)?,
        called_plain: plain as f64 / own.len().max(1) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pixels::guided_filter::Plane;

    #[test]
    fn half_a_printed_garment_keeps_half_of_its_light() {
        let plane = |values: Vec<f32>| Plane { width: 4, height: 1, values };
        let base = Base { log: plane(vec![0.0; 4]), printed: plane(vec![1.0, 0.0, 1.0, 1.0]) };
        let mask = Mask::new(4, 1, vec![255, 255, 0, 0]).unwrap();
        assert!((whole(&base, &mask) - 0.5).abs() < 1e-9);
        let one = |named, plain| Kept { named, plain, program: 0.9, analytic: 0.2 };
        let all = [one(Named::Plain, true), one(Named::Plain, false), one(Named::Patterned, false)];
        let row = row("title names plain cloth", Named::Plain, &all).unwrap();
        assert_eq!((row.n, row.called_plain), (2, 0.5));
        assert!((row.program.value - 0.9).abs() < 1e-9 && (row.analytic.value - 0.2).abs() < 1e-9);
        assert!(super::row("title", Named::Unnamed, &all).is_err());
    }
}
