//! Classifier two-sample tests: can a judge that saw neither photo nor method before tell made pictures from real ones? An
//! accuracy of one half means that it cannot.
//!
//! Half of the products train the judge, the other half are shown to it, then the halves are swapped.
//!
//! # Source
//! Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", 2017.

pub mod crops;
mod judge;
pub mod whole;

use std::collections::BTreeMap;

use serde::Serialize;

use super::interval::{Interval, bootstrap, mean};
use super::workers;
use crate::Result;
use crops::{CROP, Crops, Gathered, Set};

/// Epochs of a judge's training.
const EPOCHS: usize = 10;
/// Judges that are averaged, each with other first weights and another order.
const SEEDS: u64 = 2;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The program.
    Model,
    /// The program with another part, or without one.
    Variation,
    /// A dumb method.
    Baseline,
    /// Fitted to the answer.
    Floor,
    /// Tells whether the judge can see at all and does not see ghosts.
    Sanity,
}

/// How well the judge told one method's pictures from real ones.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Method.
    pub name: &'static str,
    /// What it is.
    pub role: Role,
    /// Share of crops told rightly, half of them real; 95% interval over products.
    pub accuracy: Interval,
    /// Accuracy minus the program's, product by product: above 0, the program is the harder one to tell.
    pub behind_ours: Option<Interval>,
    /// Crops or pictures judged, per judge.
    pub judged: usize,
}

/// Crops of a real photo, and of every method's counterpart of it.
pub struct Item {
    /// The products that must be judged together; even ones are one half.
    pub group: usize,
    /// Whether this photo is of the second class where real is told from real.
    pub second: bool,
    /// The photo.
    pub real: Crops,
    /// In the order of the methods; none where real is told from real.
    pub made: Vec<Option<Crops>>,
}

/// How often each crop or picture was told rightly, 0 to 1, by group.
pub type Told = BTreeMap<usize, Vec<f64>>;

/// How the judges were trained, for reports.
pub fn protocol() -> String {
    format!("groups halved by hash; {CROP} px crops of the cloth, JPEG; {SEEDS} judges of {EPOCHS} epochs per half")
}

/// One row per method, the first of which is ours, by crops; one set of judges at a time per thread.
///
/// # Errors
/// When libtorch refuses.
pub fn rows(items: &[Item], methods: &[(&'static str, Role)], threads: usize) -> Result<Vec<Row>> {
    let numbers: Vec<usize> = (0..methods.len()).collect();
    let told =
        workers::each(&numbers, &mut vec![(); threads.max(1)], |(), &method| accuracies(&class_set(items, method)?))?;
    Ok(table(&told, methods))
}

/// One row per method, the first of which is ours, of what the judges told.
pub fn table(told: &[Told], methods: &[(&'static str, Role)]) -> Vec<Row> {
    let ours = told.first().into_iter().flatten();
    let ours: BTreeMap<usize, f64> = ours.map(|(&group, rights)| (group, mean(&mut rights.clone()))).collect();
    let mut rows = Vec::new();
    for (&(name, role), told) in methods.iter().zip(told) {
        let clusters: Vec<Vec<f64>> = told.values().cloned().collect();
        let Some(accuracy) = bootstrap(&clusters, mean) else { continue };
        let behind = |(group, rights): (&usize, &Vec<f64>)| {
            let ours = ours.get(group)?;
            Some(rights.iter().map(|right| right - ours).collect())
        };
        let behind: Vec<Vec<f64>> = told.iter().filter_map(behind).collect();
        let behind_ours = if role == Role::Model || role == Role::Sanity { None } else { bootstrap(&behind, mean) };
        rows.push(Row { name, role, accuracy, behind_ours, judged: told.values().map(Vec::len).sum() });
    }
    rows
}

/// Whether the program is nearer to one half than every baseline.
pub fn nearer_than_every_baseline(rows: &[Row]) -> bool {
    let distance = |row: &Row| (row.accuracy.value - 0.5).abs();
    let model = rows.iter().find(|row| row.role == Role::Model).map_or(f64::INFINITY, distance);
    rows.iter().filter(|row| row.role == Role::Baseline).all(|row| distance(row) > model)
}

/// Real crops and as many of a method, or real crops of two classes.
fn class_set(items: &[Item], method: usize) -> Result<Set> {
    let mut gathered = Gathered::default();
    for item in items {
        if let Some(made) = &item.made[method] {
            let n = made.planes.len().min(item.real.planes.len());
            gathered.add(&item.real, n, 0.0, item.group);
            gathered.add(made, n, 1.0, item.group);
        } else {
            let class = f32::from(u8::from(item.second));
            gathered.add(&item.real, usize::MAX, class, item.group);
        }
    }
    gathered.into_set()
}

/// Per group: how often each of its crops was told rightly, over judges of other seeds.
fn accuracies(set: &Set) -> Result<Told> {
    let mut rights = vec![0.0; set.classes.len()];
    for seed in 0..SEEDS {
        for half in 0..2 {
            for (i, right) in judge::judged(set, |i| set.groups[i] % 2 == half, seed, EPOCHS)? {
                rights[i] += f64::from(u8::from(right)) / SEEDS as f64;
            }
        }
    }
    let mut groups = Told::new();
    rights.into_iter().zip(&set.groups).for_each(|(right, &group)| groups.entry(group).or_default().push(right));
    Ok(groups)
}
