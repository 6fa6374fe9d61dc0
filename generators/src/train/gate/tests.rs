use super::*;
use crate::gate::Look;
use crate::train::gate_data::augment::Recipe;

fn config(run: &Path, steps: u64) -> Config {
    Config {
        input_px: 224,
        run: run.to_owned(),
        cache: None,
        photos: None,
        tail: None,
        seed: 3,
        steps,
        batch: 16,
        rate: 1e-2,
        weight_decay: 0.01,
        hidden: 8,
        dropout: 0.1,
        recoloured: 0,
        varied: 0,
        nothing_every: 0,
        learn_selection: false,
        dimensions: 8,
        shrinkage: 0.05,
        true_accept: 0.95,
        catalog_accept: 0.99,
        confidence: 0.5,
        threads: 1,
        save_every: 10,
        log_every: 1,
    }
}

/// Embeddings of three articles around three axes, of both kinds of photo, for training and calibration.
fn rows() -> Vec<Row> {
    let mut stream = Stream::new(5, "rows", 0);
    let mut rows = Vec::new();
    for i in 0..400 {
        let class = i % 4;
        let mut embedding = vec![0.0; EMBEDDING as usize];
        for value in &mut embedding[..24] {
            *value = 0.1 * stream.normal();
        }
        embedding[class] += 2.0;
        let part = if i % 3 == 0 { Part::Calibration } else { Part::Train };
        let (recipe, quarters) = (Recipe::Plain, embedding.repeat(4));
        rows.push(Row { photo: None, recipe, covered: vec![class], kind: i / 4 % 2, part, embedding, quarters });
    }
    rows
}

#[test]
fn ten_steps_and_a_resume_of_ten_equal_twenty() {
    tch::set_num_threads(1);
    let (rows, whole, parts) = (rows(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut straight = Head::new(&config(whole.path(), 20), &rows, 3).unwrap();
    let (mut run, _) = Run::open(whole.path(), NAME, &config(whole.path(), 20), false).unwrap();
    fit_head(&config(whole.path(), 20), &mut straight, &mut run, None, |_| Ok(Vec::new())).unwrap();

    let config = config(parts.path(), 20);
    let (mut run, _) = Run::open(parts.path(), NAME, &config, false).unwrap();
    let mut killed = Head::new(&config, &rows, 3).unwrap();
    // Killed at step 13: the checkpoint of step 10 is what remains.
    for step in 0..13 {
        killed.step(step).unwrap();
        if step == 9 {
            run.save(10, &killed.state()).unwrap();
        }
    }
    drop((killed, run));
    let (mut run, saved) = Run::open(parts.path(), NAME, &config, true).unwrap();
    let mut resumed = Head::new(&config, &rows, 3).unwrap();
    fit_head(&config, &mut resumed, &mut run, saved, |_| Ok(Vec::new())).unwrap();
    for (name, tensor) in straight.state().iter() {
        assert_eq!(tensor, resumed.state().get(name).unwrap(), "{name}");
    }
}

/// Left quarters of each row beside right quarters of a row of another article.
fn joined(rows: &[Row]) -> Vec<Row> {
    let n = EMBEDDING as usize;
    let pair = |(i, row): (usize, &Row)| {
        let other = rows[i..].iter().chain(rows).find(|other| other.covered != row.covered)?;
        let of = |part: usize| if part.is_multiple_of(2) { &row.quarters } else { &other.quarters };
        let quarters: Vec<f32> = (0..4).flat_map(|part| of(part)[part * n..][..n].to_vec()).collect();
        Some(Row { embedding: crate::gate::whole(&quarters), quarters, ..row.clone() })
    };
    rows.iter().enumerate().filter_map(pair).collect()
}

#[test]
fn a_fitted_gate_tells_its_articles_apart_and_refuses_noise() {
    const TREE: &str = "[tree.D.C]\n\"A\" = \"upper\"\n\"B\" = \"lower\"\n[tree.E.F]\n\"G\" = \"bag\"";
    let folder = tempfile::tempdir().unwrap();
    let config = Config { dropout: 0.0, ..config(folder.path(), 150) };
    let (rows, taxonomy) = (rows(), Taxonomy::parse(TREE).unwrap());
    let head = train_head(&config, &rows, 3).unwrap();
    let fitted = gate_fit::fit(&config, &taxonomy, &head, (&rows, &joined(&rows)), &[]).unwrap();
    let (mut accepted, mut n) = (0, 0);
    for row in rows.iter().filter(|row| row.part == Part::Calibration && row.covered != [3]) {
        let embedding = Tensor::from_slice(&row.embedding);
        let look = Look::new(row.quarters.clone(), None).unwrap();
        let name = &taxonomy.nodes()[row.covered[0]].name;
        assert_eq!(&fitted.gate.classify(&embedding).unwrap().article, name);
        n += 1;
        accepted += i32::from(fitted.gate.judge(&look, name, None).unwrap().accepted);
        for other in taxonomy.article_names().iter().filter(|other| *other != name) {
            assert!(!fitted.gate.judge(&look, other, None).unwrap().accepted);
        }
    }
    assert!(f64::from(accepted) >= 0.9 * f64::from(n), "{accepted} of {n}");
    for row in rows.iter().filter(|row| row.covered == [3]) {
        assert!(!fitted.gate.classify(&Tensor::from_slice(&row.embedding)).unwrap().in_catalog);
    }
}

#[test]
fn an_article_without_photos_is_refused_unless_left_out() {
    const TREE: &str = "[tree.D.C]\n\"A\" = \"upper\"\n\"B\" = \"lower\"\n[tree.E.F]\n\"G\" = \"bag\"";
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), 30);
    let (mut rows, taxonomy) = (rows(), Taxonomy::parse(TREE).unwrap());
    rows.retain(|row| row.covered != [1]);
    let head = train_head(&config, &rows, 3).unwrap();
    let refused = gate_fit::fit(&config, &taxonomy, &head, (&rows, &joined(&rows)), &[]).err().unwrap().to_string();
    assert!(refused.contains("`B`"), "{refused}");
    assert!(gate_fit::fit(&config, &taxonomy, &head, (&rows, &joined(&rows)), &[1]).is_ok());
}

#[test]
fn the_shipped_configuration_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/gate.toml");
    read_config::<Config>(&path).unwrap().validate().unwrap();
}
