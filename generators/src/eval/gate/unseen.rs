//! What a gate lets through of a class that it has never seen: one is trained anew without it.

use rayon::prelude::*;

use super::acceptance::{Acceptance, Judges, Picture, likeliest};
use super::accuracy::Item;
use crate::Result;
use crate::gate::Look;
use crate::stream::Stream;
use crate::train::gate::{Config, Material, train_head};
use crate::train::gate_data::photos::Part;
use crate::train::gate_data::rows::Row;
use crate::train::gate_fit;

/// Report photos of whole categories, and of single articles, judged as the likeliest article that a gate knows which was
/// fitted and calibrated without them. The last rows of each level join those above them: as the likeliest, and as a random
/// article, which is what a photo under a wrong label asks for.
///
/// An own tail, if there is one, is not trained anew: it has seen the class, its head and Gaussians have not. The backbone's
/// tail has seen no labels of fashion at all. `by` says in the titles which of them it is.
///
/// # Errors
/// When a gate cannot be fitted.
pub fn measure(
    config: &Config,
    material: &mut Material,
    items: &[(&Item, Look)],
    (names, by): (&[String], &str),
) -> Result<Vec<Acceptance>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let pictures = material.joined(config.threads)?;
    let material = &*material;
    let taxonomy = &material.taxonomy;
    let nodes: Vec<usize> = names.iter().filter_map(|name| taxonomy.find(name)).collect();
    let found: Vec<[Acceptance; 2]> = nodes
        .par_iter()
        .map(|&node| {
            tch::set_num_threads(1);
            let left_out = &taxonomy.nodes()[node].articles;
            let shares_one = |covered: &[usize]| covered.iter().any(|article| left_out.contains(article));
            let without =
                |rows: &[Row]| -> Vec<Row> { rows.iter().filter(|row| !shares_one(&row.covered)).cloned().collect() };
            let (rows, joined) = (without(&material.rows), without(&pictures));
            let head = train_head(config, &rows, taxonomy.articles())?;
            let fitted = gate_fit::fit(config, taxonomy, &head, (&rows, &joined), left_out)?;
            let judges = Judges::new(&fitted.gate, config, &rows, None)?;
            let known: Vec<usize> = (0..taxonomy.articles()).filter(|article| !left_out.contains(article)).collect();
            let of_class = items.iter().filter(|(item, _)| item.photo.part == Part::Report);
            let of_class = of_class.filter(|(item, _)| item.covered.iter().all(|article| left_out.contains(article)));
            let pictures: Vec<Picture> = of_class.map(|(_, look)| Picture::of(&fitted.gate, look)).collect();
            let name = &taxonomy.nodes()[node].name;
            let mut lots = Stream::new(config.seed, &format!("unseen {name}"), 0);
            let as_likeliest: Vec<(&Picture, usize)> =
                pictures.iter().map(|picture| (picture, likeliest(&picture.scores, &known))).collect();
            let as_random: Vec<(&Picture, usize)> =
                pictures.iter().map(|picture| (picture, known[lots.below(known.len())])).collect();
            let title = format!("{name}, by a gate{by} that has never seen any");
            Ok([judges.judge(&title, false, &as_likeliest)?, judges.judge(&title, false, &as_random)?])
        })
        .collect::<Result<_>>()?;
    let mut all = Vec::new();
    for (title, articles) in [("categories", false), ("articles", true)] {
        let of_level = || {
            let nodes = found.iter().zip(&nodes);
            nodes.filter(|(_, node)| (**node < taxonomy.articles()) == articles).map(|(rows, _)| rows)
        };
        all.extend(of_level().map(|[likeliest, _]| likeliest.clone()));
        if of_level().next().is_some() {
            let [likeliest, random] = [0, 1].map(|i| of_level().map(|rows| &rows[i]).collect::<Vec<_>>());
            all.push(joined(&format!("unseen {title} above{by}, together"), &likeliest));
            all.push(joined(&format!("unseen {title}{by} as a random article"), &random));
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
