//! What a classifier takes labelled photos for: who is confused with whom, and the errors it is surest of.

use std::collections::BTreeMap;

/// One labelled photo and what was said of it, both at the label's level of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The photo's place among all photos.
    pub photo: usize,
    /// What it is.
    pub label: String,
    /// What was said; `None` when the answer stops above the label's level.
    pub said: Option<String>,
    /// Calibrated probability of what was said, 0 to 1.
    pub confidence: f32,
}

/// Labels against answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Confusion {
    /// Rows, most frequent first.
    pub labels: Vec<String>,
    /// Columns: the labels, then what else was said; `None` is an answer that stops above.
    pub said: Vec<Option<String>>,
    /// Photos per row and column.
    pub counts: Vec<Vec<usize>>,
}

impl Confusion {
    /// Counts the answers.
    pub fn of(answers: &[Answer]) -> Self {
        let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
        answers.iter().for_each(|answer| *sizes.entry(&answer.label).or_default() += 1);
        let mut labels: Vec<&str> = sizes.keys().copied().collect();
        labels.sort_by_key(|label| std::cmp::Reverse(sizes[label]));
        let mut said: Vec<Option<&str>> = labels.iter().copied().map(Some).collect();
        for answer in answers {
            if !said.contains(&answer.said.as_deref()) {
                said.push(answer.said.as_deref());
            }
        }
        // Stopping short is no name, so it stands last.
        said.sort_by_key(Option::is_none);
        let mut counts = vec![vec![0; said.len()]; labels.len()];
        for answer in answers {
            let row = labels.iter().position(|label| *label == answer.label);
            let column = said.iter().position(|said| *said == answer.said.as_deref());
            if let Some(count) = row.zip(column).and_then(|(r, c)| counts.get_mut(r)?.get_mut(c)) {
                *count += 1;
            }
        }
        Self {
            labels: labels.into_iter().map(str::to_owned).collect(),
            said: said.into_iter().map(|name| name.map(str::to_owned)).collect(),
            counts,
        }
    }

    /// Photos in a row.
    pub fn row(&self, row: usize) -> usize {
        self.counts[row].iter().sum()
    }

    /// Photos whose label was said, and all labelled photos.
    pub fn right(&self) -> (usize, usize) {
        let hits = (0..self.labels.len()).map(|i| self.counts[i][i]).sum();
        (hits, (0..self.labels.len()).map(|row| self.row(row)).sum())
    }
}

/// The errors that the classifier is surest of, surest first; stopping short is doubt, not an error.
pub fn surest_errors(answers: &[Answer], most: usize) -> Vec<&Answer> {
    let wrong = |answer: &&Answer| answer.said.as_ref().is_some_and(|said| *said != answer.label);
    let mut errors: Vec<&Answer> = answers.iter().filter(wrong).collect();
    errors.sort_by(|a, b| b.confidence.total_cmp(&a.confidence).then(a.photo.cmp(&b.photo)));
    errors.truncate(most);
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(photo: usize, label: &str, said: &str, confidence: f32) -> Answer {
        let said = (!said.is_empty()).then(|| said.to_owned());
        Answer { photo, label: label.to_owned(), said, confidence }
    }

    fn answers() -> Vec<Answer> {
        vec![
            answer(0, "Shirts", "Shirts", 0.9),
            answer(1, "Shirts", "Tops", 0.7),
            answer(2, "Shirts", "", 0.4),
            answer(3, "Tops", "Shirts", 0.95),
            answer(4, "Tops", "Dresses", 0.6),
            answer(5, "Shirts", "Shirts", 0.8),
        ]
    }

    #[test]
    fn every_labelled_photo_is_counted_once() {
        let confusion = Confusion::of(&answers());
        assert_eq!(confusion.labels, ["Shirts", "Tops"]);
        let said: Vec<_> = confusion.said.iter().map(|s| s.as_deref().unwrap_or("-")).collect();
        assert_eq!(said, ["Shirts", "Tops", "Dresses", "-"]);
        assert_eq!(confusion.counts, [[2, 1, 0, 1], [1, 0, 1, 0]]);
        assert_eq!(confusion.right(), (2, 6));
    }

    #[test]
    fn errors_come_surest_first_and_doubt_is_none() {
        let answers = answers();
        let errors: Vec<usize> = surest_errors(&answers, 2).iter().map(|e| e.photo).collect();
        assert_eq!(errors, [3, 1]);
        assert_eq!(surest_errors(&answers, 9).len(), 3);
    }
}
