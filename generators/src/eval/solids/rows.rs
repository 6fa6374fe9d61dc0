//! The table: every figure per stratum and method with its interval, and the thresholds that it is held to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::measured::{Measured, Variant};
use super::skin::Skin;
use super::{METHODS, strata};
use crate::eval::interval::{Interval, bootstrap, mean, median, p90};

/// Strata of fewer garments are left out.
const GARMENT_FLOOR: usize = 5;

/// One method's figures on one stratum. Intervals are over senders.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Which variants.
    pub stratum: &'static str,
    /// Which method.
    pub method: &'static str,
    /// Garments with such variants.
    pub garments: usize,
    /// Variants.
    pub variants: usize,
    /// Median share of newly clipped pixels.
    pub clipped: Option<Interval>,
    /// Median distance of the spread of lightness from what garments of the target's lightness usually have, L*.
    pub spread_error: Option<Interval>,
    /// Median of spread minus the usual spread, L*: negative is flat.
    pub spread_bias: Option<Interval>,
    /// Median correlation of fine texture with the photo's.
    pub correlation: Option<Interval>,
    /// Median of what is gained in correlation over the analytic base, variant by variant.
    pub correlation_gain: Option<Interval>,
    /// Median amplitude of fine texture beside the photo's.
    pub texture: Option<Interval>,
    /// Share of variants that the program says it reached.
    pub reached: Option<Interval>,
    /// Median ΔE00 of the centre, variants that the program says it reached.
    pub center_p50: Option<Interval>,
    /// 90th percentile of the same.
    pub center_p90: Option<Interval>,
    /// Variants with any byte changed outside the mask.
    pub changed_outside: usize,
}

/// A threshold and what was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What must hold.
    pub name: String,
    /// What was measured.
    pub value: f64,
    /// The threshold.
    pub threshold: f64,
    /// Whether it holds.
    pub holds: bool,
}

/// Median over all garments with its interval over senders.
pub fn over_senders(measured: &[Measured], values: impl Fn(&Measured) -> Vec<f64>) -> Option<Interval> {
    bootstrap(&by_sender(measured, values), median)
}

fn by_sender(measured: &[Measured], values: impl Fn(&Measured) -> Vec<f64>) -> Vec<Vec<f64>> {
    let mut senders: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    measured.iter().for_each(|m| senders.entry(&m.sender).or_default().extend(values(m)));
    senders.into_values().collect()
}

/// Every stratum with enough garments, every method.
pub fn rows(measured: &[Measured]) -> Vec<Row> {
    let row = |(stratum, name): (usize, &'static str)| {
        let garments = measured.iter().filter(|m| m.variants.iter().any(|v| v.strata.contains(&stratum))).count();
        let methods = if garments < GARMENT_FLOOR { 0 } else { METHODS.len() };
        (0..methods).map(move |method| Row { garments, ..one_row(measured, (stratum, name), method) })
    };
    strata::names().enumerate().flat_map(row).collect()
}

fn one_row(measured: &[Measured], (stratum, name): (usize, &'static str), method: usize) -> Row {
    let values = |of: &dyn Fn(&Variant) -> Option<f64>| {
        by_sender(measured, |m| m.variants.iter().filter(|v| v.strata.contains(&stratum)).filter_map(of).collect())
    };
    let all = |of: &dyn Fn(&Variant) -> f64| values(&|v| Some(of(v)));
    let bias = |v: &Variant| v.figures[method].spread - v.usual_spread;
    let reached = values(&|v| v.reachable.then_some(v.figures[method].center));
    let gain = |v: &Variant| Some(v.figures[method].correlation? - v.figures[0].correlation?);
    Row {
        stratum: name,
        method: METHODS[method],
        garments: 0,
        variants: all(&|_| 0.0).iter().map(Vec::len).sum(),
        clipped: bootstrap(&all(&|v| v.figures[method].clipped), median),
        spread_error: bootstrap(&all(&|v| bias(v).abs()), median),
        spread_bias: bootstrap(&all(&bias), median),
        correlation: bootstrap(&values(&|v| v.figures[method].correlation), median),
        correlation_gain: bootstrap(&values(&gain), median),
        texture: bootstrap(&values(&|v| v.figures[method].texture), median),
        reached: bootstrap(&all(&|v| f64::from(u8::from(v.reachable))), mean),
        center_p50: bootstrap(&reached, median),
        center_p90: bootstrap(&reached, p90),
        changed_outside: all(&|v| v.figures[method].outside as f64).iter().flatten().filter(|n| **n > 0.0).count(),
    }
}

/// The thresholds of the rows that the program itself fills.
pub fn checks(rows: &[Row], skin: Option<&Skin>) -> Vec<Check> {
    let ours = |stratum: &str| rows.iter().find(|r| r.stratum == stratum && r.method == METHODS[0]);
    let mut checks = Vec::new();
    let mut hold = |name: &str, value: Option<f64>, threshold: f64, holds: fn(f64, f64) -> bool| {
        if let Some(value) = value {
            checks.push(Check { name: name.to_owned(), value, threshold, holds: holds(value, threshold) });
        }
    };
    let at_most = |value: f64, threshold: f64| value <= threshold;
    let below = |value: f64, threshold: f64| value < threshold;
    let all = ours("all");
    hold("newly clipped share, median", all.and_then(|r| Some(r.clipped?.value)), 0.02, at_most);
    let spread = |stratum: &str| ours(stratum).and_then(|r| Some(r.spread_error?.value));
    hold("spread error, dark to light, median", spread("dark to light"), 6.0, below);
    hold("spread error, others, median", spread("not dark to light"), 3.0, below);
    hold(
        "ΔE00 of the centre, reached swatches, 90th percentile",
        all.and_then(|r| Some(r.center_p90?.value)),
        1.0,
        at_most,
    );
    hold("variants changed outside the mask", all.map(|r| r.changed_outside as f64), 0.0, at_most);
    hold("ΔE00 on labelled skin, 99th percentile", skin.map(|s| s.p99.value), 0.5, below);
    checks
}
