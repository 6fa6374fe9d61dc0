//! Words that a catalogue says of its products, learned beside the label: they tell more of a photo than its article does.

use std::collections::{BTreeMap, BTreeSet};

use tch::{Kind, Tensor};

/// Photos of which a word must be said to be learned.
const LEAST: usize = 20;

/// The words that are said of enough of these photos, sorted, but for those said of nearly all.
pub fn vocabulary<'a>(said: impl Iterator<Item = &'a BTreeSet<String>>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut photos = 0;
    for words in said {
        photos += 1;
        words.iter().for_each(|word| *counts.entry(word).or_default() += 1);
    }
    let told = |n: usize| n >= LEAST && n + LEAST <= photos;
    counts.into_iter().filter(|(_, n)| told(*n)).map(|(word, _)| word.to_owned()).collect()
}

/// Words by their number in a vocabulary.
pub fn numbers(said: &BTreeSet<String>, vocabulary: &[String]) -> Vec<usize> {
    said.iter().filter_map(|word| vocabulary.binary_search(word).ok()).collect()
}

/// Logarithm of the odds that each word is said of a photo of which anything is.
pub(super) fn log_odds<'a>(said: impl Iterator<Item = &'a [usize]>) -> Vec<f32> {
    let mut counts: Vec<f32> = Vec::new();
    let mut photos = 0.0;
    for words in said {
        photos += 1.0;
        for &word in words {
            counts.resize(counts.len().max(word + 1), 0.0);
            counts[word] += 1.0;
        }
    }
    counts.into_iter().map(|n| ((n + 0.5) / (photos - n + 0.5)).ln()).collect()
}

/// Which words are said of a picture that is mixed of others, by their shares, and the share of which any are.
pub(super) fn mixed<const N: usize>(parts: [(f32, Option<&[usize]>); N], words: usize) -> (Vec<f32>, f32) {
    let (mut said, mut known) = (vec![0.0; words], 0.0);
    for (share, own) in parts {
        known += own.map_or(0.0, |_| share);
        own.unwrap_or_default().iter().for_each(|&word| said[word] += share);
    }
    (said, known)
}

/// How surprising what is said is, in nats, all words of a picture together; nothing where nothing is said.
///
/// # Shapes
/// `logits` and `said` `[N, words]`, `known` `[N]` → `[N]`
pub(super) fn surprise(logits: &Tensor, said: &Tensor, known: &Tensor) -> Tensor {
    (logits.softplus() * known.unsqueeze(1) - logits * said).sum_dim_intlist([1].as_slice(), false, Kind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surprise_is_the_cross_entropy_of_words_where_any_are_said() {
        let logits = Tensor::from_slice(&[2.0_f32, -1.0, 2.0, -1.0, 2.0, -1.0]).view([3, 2]);
        let parts = [
            [(1.0, Some([0].as_slice())), (0.0, None)],
            [(0.5, None), (0.5, None)],
            [(0.75, Some([0].as_slice())), (0.25, Some([1].as_slice()))],
        ];
        let (said, known): (Vec<_>, Vec<_>) = parts.into_iter().map(|parts| mixed(parts, 2)).unzip();
        assert_eq!(known, [1.0, 0.0, 1.0]);
        let found = surprise(&logits, &Tensor::from_slice(&said.concat()).view([3, 2]), &Tensor::from_slice(&known));
        let found = Vec::<f32>::try_from(&found).unwrap();
        let nats = |logit: f32, said: f32| (1.0 + logit.exp()).ln() - logit * said;
        let expected = [nats(2.0, 1.0) + nats(-1.0, 0.0), 0.0, nats(2.0, 0.75) + nats(-1.0, 0.25)];
        found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-5, "{a} {b}"));
    }

    #[test]
    fn rare_and_ubiquitous_words_tell_nothing() {
        let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<String>>();
        let mut photos = vec![set(&["men", "polo", "photo"]); 30];
        photos.extend(vec![set(&["women", "rare", "photo"]); 5]);
        photos.extend(vec![set(&["women", "photo"]); 25]);
        let known = vocabulary(photos.iter());
        assert_eq!(known, ["men", "polo", "women"]);
        assert_eq!(numbers(&photos[0], &known), [0, 1]);
        let odds = log_odds([[0, 1].as_slice(), &[0], &[], &[0]].into_iter());
        assert!(odds[0] > 0.0 && odds[1] < 0.0 && odds.len() == 2);
    }
}
