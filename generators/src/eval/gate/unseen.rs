//! What a gate lets through of a class that it has never seen: one is trained anew without it.

use rayon::prelude::*;

use super::acceptance::{Acceptance, Judges, Picture, borrowed, likeliest};
use super::accuracy::Item;
use crate::Result;
use crate::gate::Look;
use crate::train::gate::{Config, Material, train_head};
use crate::train::gate_data::photos::Part;
use crate::train::gate_data::rows::Row;
use crate::train::gate_fit;

/// Report photos of whole categories, and of single articles, judged as the likeliest article that a gate knows which was
/// fitted and calibrated without them. The last row of each level joins those above it.
///
/// An own tail, if there is one, is not trained anew: it has seen the class, its head and Gaussians have not.
///
/// # Errors
/// When a gate cannot be fitted.
pub fn measure(config: &Config, material: &Material, items: &[Item], names: &[String]) -> Result<Vec<Acceptance>> {
    let taxonomy = &material.taxonomy;
    let nodes: Vec<usize> = names.iter().filter_map(|name| taxonomy.find(name)).collect();
    let rows: Vec<Vec<Acceptance>> = nodes
        .par_iter()
        .map(|&node| {
            tch::set_num_threads(1);
            let left_out = &taxonomy.nodes()[node].articles;
            let shares_one = |covered: &[usize]| covered.iter().any(|article| left_out.contains(article));
            let rows: Vec<Row> = material.rows.iter().filter(|row| !shares_one(&row.covered)).cloned().collect();
            let head = train_head(config, &rows, taxonomy.articles())?;
            let fitted = gate_fit::fit(config, taxonomy, &head, &rows, left_out)?;
            let judges = Judges::new(&fitted.gate, config, &rows, None)?;
            let known: Vec<usize> = (0..taxonomy.articles()).filter(|article| !left_out.contains(article)).collect();
            let of_class = items.iter().filter(|item| item.photo.part == Part::Report);
            let of_class = of_class.filter(|item| item.covered.iter().all(|article| left_out.contains(article)));
            let judged: Vec<(Picture, usize)> = of_class
                .map(|item| {
                    let look: &Look = &item.look;
                    let picture = Picture::of(&fitted.gate, look);
                    let likeliest = likeliest(&picture.scores, &known);
                    (picture, likeliest)
                })
                .collect();
            let name = &taxonomy.nodes()[node].name;
            Ok(vec![judges.judge(&format!("{name}, by a gate that has never seen any"), false, &borrowed(&judged))?])
        })
        .collect::<Result<_>>()?;
    let found: Vec<Acceptance> = rows.into_iter().flatten().collect();
    let mut all = Vec::new();
    for (title, articles) in [("categories", false), ("articles", true)] {
        let of_level: Vec<&Acceptance> = found
            .iter()
            .zip(&nodes)
            .filter(|(_, node)| (**node < taxonomy.articles()) == articles)
            .map(|(a, _)| a)
            .collect();
        all.extend(of_level.iter().map(|a| (*a).clone()));
        if !of_level.is_empty() {
            all.push(joined(&format!("unseen {title} above, together"), &of_level));
        }
    }
    Ok(all)
}

fn joined(title: &str, rows: &[&Acceptance]) -> Acceptance {
    use super::statistics::Rate;
    let sum = |of: fn(&Acceptance) -> Rate| {
        let hits: f64 = rows.iter().map(|a| of(a).rate * of(a).n as f64).sum();
        Rate::new(hits.round() as usize, rows.iter().map(|a| of(a).n).sum())
    };
    Acceptance {
        pictures: title.to_owned(),
        should_pass: false,
        gate: sum(|a| a.gate),
        softmax_only: sum(|a| a.softmax_only),
        random: sum(|a| a.random),
    }
}
