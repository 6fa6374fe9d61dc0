//! Thresholds with a proof: exact bounds of the share of wrong pictures that a threshold lets through.
//!
//! Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934; fixed
//! sequences of thresholds as in Angelopoulos et al., "Learn then test", 2021. The bound holds for pictures drawn as the
//! negatives were, and only if nothing else was chosen by them.

use serde::{Deserialize, Serialize};

/// The thresholds that are tried, from the strictest on; the last is the one that the gate accepts at anyway.
const STEPS: usize = 24;
/// Strictest threshold.
const STRICTEST: f32 = 0.6;

/// A category's threshold for one share of false accepts, certified or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guarantee {
    /// The category that it is for.
    pub category: String,
    /// Largest share of the negatives that may pass.
    pub false_accept: f64,
    /// Least score that is accepted.
    pub threshold: f32,
    /// Whether the bounds hold at this threshold. When not, there were too few negatives or too many passed, and the
    /// threshold is the one that the gate accepts at anyway.
    pub certified: bool,
    /// Each set of negatives with what was counted at this threshold.
    pub negatives: Vec<Counted>,
    /// Probability that all bounds of this share hold together.
    pub confidence: f64,
}

/// Negatives of one kind at one threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// What they are.
    pub name: String,
    /// How many were judged.
    pub n: usize,
    /// How many passed.
    pub passed: usize,
    /// Exact upper bound of the share that passes, at the confidence that is due to this test.
    pub bound: f64,
}

/// Scores of pictures that should not pass, by what they are.
pub type Negatives<'a> = [(&'a str, Vec<f32>)];

/// The largest probability under which at most `passed` of `n` are still seen with probability `delta`.
///
/// # Source
/// Clopper and Pearson 1934.
pub fn upper_bound(passed: usize, n: usize, delta: f64) -> f64 {
    if passed >= n {
        return 1.0;
    }
    let (mut low, mut high) = (passed as f64 / n as f64, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(passed, n, middle) > delta { low = middle } else { high = middle }
    }
    high
}

/// Probability that a binomial count of `n` draws of probability `p` is at most `passed`.
fn at_most(passed: usize, n: usize, p: f64) -> f64 {
    if p >= 1.0 {
        return if passed >= n { 1.0 } else { 0.0 };
    }
    let odds = (p / (1.0 - p)).ln();
    let mut term = n as f64 * (1.0 - p).ln();
    let mut sum = term.exp();
    for k in 1..=passed.min(n) {
        term += ((n - k + 1) as f64 / k as f64).ln() + odds;
        sum += term.exp();
    }
    sum.min(1.0)
}

/// The thresholds that are tried, strictest first, down to `least`.
fn sequence(least: f32) -> impl Iterator<Item = f32> {
    let least = least.clamp(1e-6, STRICTEST);
    let ratio = (least / STRICTEST).powf(1.0 / (STEPS - 1) as f32);
    (0..STEPS).map(move |i| if i == STEPS - 1 { least } else { STRICTEST * ratio.powi(i as i32) })
}

/// The most lenient threshold, at least `least`, at which no set of negatives passes more often than `false_accept`
/// with probability 1 − `delta` for each set. Tests go from strict to lenient and end at the first that fails, so that
/// the whole sequence costs `delta` once. None when even the strictest cannot be certified, as with too few negatives.
pub fn certify(negatives: &Negatives, false_accept: f64, delta: f64, least: f32) -> Option<(f32, Vec<Counted>)> {
    let tested = sequence(least).map(|threshold| (threshold, counted(negatives, threshold, delta)));
    let holds = |(_, sets): &(f32, Vec<Counted>)| !sets.is_empty() && sets.iter().all(|set| set.bound <= false_accept);
    tested.take_while(holds).last()
}

/// How many of each set pass a threshold, with the bound at confidence 1 − `delta` for each.
pub fn counted(negatives: &Negatives, threshold: f32, delta: f64) -> Vec<Counted> {
    let of = |(name, scores): &(&str, Vec<f32>)| {
        let passed = scores.iter().filter(|&&score| score >= threshold).count();
        let (name, n) = ((*name).to_owned(), scores.len());
        Counted { name, n, passed, bound: upper_bound(passed, n, delta) }
    };
    negatives.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Stream;

    #[test]
    fn bounds_are_the_exact_ones() {
        // Zero of n: 1 − δ^(1/n). Five of 100 at 2.5%: 0.1128 (Newcombe 1998; R binom.test).
        assert!((upper_bound(0, 59, 0.05) - 0.0495).abs() < 1e-4);
        assert!((upper_bound(5, 100, 0.025) - 0.112_835).abs() < 1e-5);
        assert_eq!(upper_bound(0, 0, 0.05), 1.0);
        assert_eq!(upper_bound(7, 7, 0.05), 1.0);
        assert!(upper_bound(40, 3000, 1e-4) < 0.025);
    }

    #[test]
    fn sequences_fall_from_strict_to_the_least() {
        let all: Vec<f32> = sequence(0.01).collect();
        assert!(all.windows(2).all(|pair| pair[0] > pair[1]));
        assert_eq!((all[0], all.last()), (STRICTEST, Some(&0.01)));
    }

    /// The share of wrong pictures that passes a threshold in truth, scores being sixth powers of uniform draws.
    fn truth(threshold: f32) -> f64 {
        1.0 - f64::from(threshold).powf(1.0 / 6.0)
    }

    fn draw(stream: &mut Stream, n: usize) -> Vec<f32> {
        (0..n).map(|_| stream.uniform(0.0, 1.0).powi(6)).collect()
    }

    #[test]
    fn over_repeated_draws_the_certified_share_is_exceeded_no_more_often_than_stated() {
        let (false_accept, delta, runs) = (0.2, 0.1, 2000);
        let mut stream = Stream::new(11, "guarantee", 0);
        let (mut certified, mut exceeded) = (0, 0);
        for _ in 0..runs {
            let negatives = [("drawn", draw(&mut stream, 150))];
            if let Some((threshold, _)) = certify(&negatives, false_accept, delta, 0.001) {
                certified += 1;
                exceeded += usize::from(truth(threshold) > false_accept);
            }
        }
        assert!(certified > runs / 2, "{certified} certified: the test would prove nothing");
        // Three standard deviations above the stated share.
        let most = delta * runs as f64 + 3.0 * (delta * (1.0 - delta) * runs as f64).sqrt();
        assert!(exceeded as f64 <= most, "{exceeded} of {runs} exceed, at most {most:.0} may");
        // A threshold that merely looks right on the same draws breaks its word about half the time.
        let naive = (0..runs).filter(|_| {
            let mut scores = draw(&mut stream, 150);
            scores.sort_unstable_by(f32::total_cmp);
            let threshold = scores[(150.0 * (1.0 - false_accept)) as usize];
            truth(threshold) > false_accept
        });
        assert!(naive.count() as f64 > 0.3 * runs as f64);
    }

    #[test]
    fn too_few_negatives_are_refused_however_good_they_look() {
        let scores = |n: usize| [("drawn", vec![0.0; n])];
        // ln 0.05 / ln 0.95 = 58.4
        assert!(certify(&scores(58), 0.05, 0.05, 0.01).is_none());
        assert!(certify(&scores(59), 0.05, 0.05, 0.01).is_some());
        assert!(certify(&[], 0.05, 0.05, 0.01).is_none());
        // One set that is large does not make up for one that is small.
        assert!(certify(&[("many", vec![0.0; 500]), ("few", vec![0.0; 20])], 0.05, 0.05, 0.01).is_none());
    }

    #[test]
    fn thresholds_are_as_lenient_as_the_negatives_allow() {
        let harmless = [("low", vec![0.0; 400])];
        assert_eq!(certify(&harmless, 0.05, 0.05, 0.02).unwrap().0, 0.02);
        let mut scores = vec![0.0; 400];
        scores[..40].fill(0.1);
        let (threshold, counted) = certify(&[("a tenth", scores)], 0.05, 0.05, 0.02).unwrap();
        assert!(threshold > 0.1 && counted[0].passed == 0 && counted[0].n == 400);
    }
}
