use super::*;
use tch::{Device, Kind};

const TREE: &str = r#"
    [tree.Apparel.Topwear]
    "Shirts" = "upper"
    "Tops" = "upper"
    [tree.Bags."Hand-held"]
    "Handbags" = "bag"
"#;

/// A gate whose article `i` is the direction of feature `i`; feature 3 is noise.
fn axes() -> Gate {
    let taxonomy = Taxonomy::parse(TREE).unwrap();
    let eye = |n: i64| Tensor::eye_m(n, EMBEDDING, (Kind::Float, Device::Cpu));
    let zeros = |shape: &[i64]| Tensor::zeros(shape, (Kind::Float, Device::Cpu));
    let mut params = Params::default();
    params.insert("head.0.weight", eye(4) * 10.0);
    params.insert("head.0.bias", zeros(&[4]));
    // One picture has as much of feature 0 on the left as on the right: the first logit falls with the difference.
    let quarter = |i: i64, sign: f64| {
        let row = zeros(&[1, 4 * EMBEDDING]);
        let _ = row.narrow(1, i * EMBEDDING, 1).fill_(sign * 5.0);
        row
    };
    let difference = quarter(0, 1.0) + quarter(1, -1.0) + quarter(2, 1.0) + quarter(3, -1.0);
    params.insert("wholeness.0.weight", Tensor::cat(&[difference.shallow_clone(), -difference], 0));
    params.insert("wholeness.0.bias", zeros(&[2]));
    params.insert("wholeness.1.weight", Tensor::from_slice(&[-1.0_f32, -1.0, 0.0, 0.0]).view([2, 2]));
    params.insert("wholeness.1.bias", Tensor::from_slice(&[10.0_f32, 0.0]));
    params.insert("pca.weight", eye(4));
    params.insert("pca.bias", zeros(&[4]));
    for (name, scale) in [("within", 4.0), ("background", 1.0)] {
        params.insert(format!("{name}.weight"), Tensor::eye(4, (Kind::Float, Device::Cpu)) * scale);
        params.insert(format!("{name}.bias"), zeros(&[4]));
    }
    params.insert("components.mean", Tensor::eye_m(3, 4, (Kind::Float, Device::Cpu)) * 4.0);
    params.insert("components.article", Tensor::from_slice(&[0.0_f32, 1.0, 2.0]));
    params.insert("components.kind", zeros(&[3]));
    let nodes = taxonomy.nodes().len() as i64 * KINDS as i64;
    let ramp = |low: f32, high: f32| {
        let reference = Reference::of((0..200).map(|i| low + (high - low) * i as f32 / 199.0).collect()).unwrap();
        Tensor::from_slice(reference.parts().0).unsqueeze(0)
    };
    params.insert("calibration.margin", ramp(4.0, 12.0).repeat([nodes, 1]));
    params.insert("calibration.margin_n", Tensor::full([nodes], 200.0, (Kind::Float, Device::Cpu)));
    params.insert("calibration.distance", ramp(-3.0, 3.0).repeat([3, 1]));
    params.insert("calibration.distance_n", Tensor::full([3], 200.0, (Kind::Float, Device::Cpu)));
    params.insert("calibration.wholeness", ramp(2.0, 12.0).repeat([3, 1]));
    params.insert("calibration.wholeness_n", Tensor::full([3], 200.0, (Kind::Float, Device::Cpu)));
    let settings = Settings { temperature: 1.0, accept: 0.05, catalog: 0.01, confidence: 0.5 };
    Gate::from_params(&params, taxonomy, settings).unwrap()
}

/// A picture of the same thing in every quarter.
fn look(values: &[f32]) -> Look {
    joined([values; 4])
}

fn joined(quarters: [&[f32]; 4]) -> Look {
    let quarters = quarters.iter().flat_map(|values| {
        let mut quarter = vec![0.0; EMBEDDING as usize];
        quarter[..values.len()].copy_from_slice(values);
        quarter
    });
    Look::new(quarters.collect(), None).unwrap()
}

fn at(values: &[f32]) -> Tensor {
    let mut embedding = vec![0.0; EMBEDDING as usize];
    embedding[..values.len()].copy_from_slice(values);
    Tensor::from_slice(&embedding)
}

fn index(gate: &Gate, name: &str) -> usize {
    gate.taxonomy().find(name).unwrap()
}

#[test]
fn a_clear_photo_is_named_and_passes_as_itself_only() {
    let gate = axes();
    let names = gate.taxonomy().article_names();
    for (i, name) in names.iter().enumerate() {
        let mut values = [0.0; 4];
        values[i] = 1.0;
        let class = gate.classify(&at(&values)).unwrap();
        assert_eq!((&class.article, class.in_catalog, class.reason), (name, true, None));
        for other in &names {
            assert_eq!(gate.judge(&look(&values), other, None).unwrap().accepted, other == name, "{name} as {other}");
        }
    }
    assert_eq!(gate.classify(&at(&[0.0, 0.0, 1.0])).unwrap().breadcrumb.len(), 3);
}

#[test]
fn a_photo_is_named_by_what_is_worn_where_its_masks_find_it() {
    let gate = axes();
    let called = |found_in: Region| gate.classify_worn(&at(&[1.0, 0.0, 0.5]), |_| found_in).unwrap();
    assert_eq!(called(Region::Upper).article, "Shirts");
    let bag = called(Region::Bag);
    assert_eq!((bag.article.as_str(), bag.region), ("Handbags", Region::Bag));
    assert!(bag.confidence > 0.9, "{}", bag.confidence);
    // This tree has no shoes.
    assert_eq!(called(Region::Footwear).article, "Shirts");
}

#[test]
fn another_cloth_may_make_a_shirt_a_top_but_no_handbag() {
    let gate = axes();
    let of = |name: &str| {
        let mut values = [0.0; 4];
        values[index(&gate, name)] = 1.0;
        look(&values)
    };
    let accepted = |shown: &str, article: &str| gate.judge_in_other_cloth(&of(shown), article, None).unwrap().accepted;
    assert!(accepted("Tops", "Shirts") && accepted("Shirts", "Shirts") && accepted("Handbags", "Handbags"));
    assert!(!accepted("Handbags", "Shirts") && !accepted("Tops", "Handbags"));
    assert!(!gate.judge(&of("Tops"), "Shirts", None).unwrap().accepted);
    assert!(gate.judge_in_other_cloth(&of("Tops"), "Spaceships", None).is_err());
}

#[test]
fn doubt_backs_off_up_the_tree() {
    let gate = axes();
    let (shirts, tops) = (index(&gate, "Shirts"), index(&gate, "Tops"));
    let mut values = [0.0; 4];
    (values[shirts], values[tops]) = (0.7, 0.7);
    let class = gate.classify(&at(&values)).unwrap();
    assert_eq!((class.article.as_str(), class.region), ("Topwear", Region::Upper));

    let sum: f32 = gate.probabilities(&gate.scores(&at(&values)).unwrap()).iter().sum();
    assert!((sum - 1.0).abs() < 1e-5);
}

#[test]
fn nothing_is_not_a_product() {
    let gate = axes();
    let class = gate.classify(&at(&[0.0, 0.0, 0.0, 1.0])).unwrap();
    assert!(!class.in_catalog && class.reason.unwrap().contains("no product"));
    let verdict = gate.judge(&look(&[0.0, 0.0, 0.0, 1.0]), "handbags", None).unwrap();
    assert!(!verdict.accepted && verdict.reason.contains("no product"));
}

#[test]
fn bad_arguments_are_errors() {
    let gate = axes();
    assert!(gate.judge(&look(&[1.0]), "Spaceships", None).unwrap_err().to_string().contains("Spaceships"));
    assert!(gate.classify(&Tensor::zeros([2, EMBEDDING], (Kind::Float, Device::Cpu))).is_err());
    assert!(gate.classify(&at(&[f32::NAN])).is_err());
}

#[test]
fn missing_and_misshapen_tensors_are_listed() {
    let params: Params =
        [("head.0.weight".to_owned(), Tensor::zeros([3, 7], (Kind::Float, Device::Cpu)))].into_iter().collect();
    let settings = Settings { temperature: 1.0, accept: 0.05, catalog: 0.01, confidence: 0.5 };
    let error = Gate::from_params(&params, Taxonomy::parse(TREE).unwrap(), settings).err().unwrap().to_string();
    for part in ["head.0", "wholeness.0", "pca", "within", "background", "components.mean"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn two_garments_joined_pass_as_neither() {
    let gate = axes();
    let (shirt, bag): (&[f32], &[f32]) = (&[1.0], &[0.0, 0.0, 1.0]);
    let (shirts, bags) = (index(&gate, "Shirts"), index(&gate, "Handbags"));
    assert_eq!((shirts, bags), (0, 2), "the axes of the test");
    // Twice as much shirt as bag: the average alone is still a shirt.
    let strong = [2.5_f32];
    let verdict = gate.judge(&joined([&strong, bag, &strong, bag]), "Shirts", None).unwrap();
    assert!(!verdict.accepted && verdict.reason.contains("two pictures joined"), "{verdict:?}");
    assert!(!gate.judge(&joined([shirt, bag, shirt, bag]), "Handbags", None).unwrap().accepted);
    assert!(gate.judge(&joined([shirt; 4]), "Shirts", None).unwrap().accepted);
}

#[test]
fn an_embedding_without_its_quarters_passes_as_nothing() {
    let gate = axes();
    let scores = gate.scores(&at(&[1.0])).unwrap();
    assert!(!gate.judge_scores(&scores, index(&gate, "Shirts"), 0.05).accepted);
}

#[test]
fn a_fault_of_the_pixels_is_the_reason() {
    let gate = axes();
    let sound = look(&[1.0]);
    assert!(gate.judge(&sound, "Shirts", None).unwrap().accepted);
    let quarters: Vec<f32> = (0..4).flat_map(|_| sound.embedding()).collect();
    let blurred = Look::new(quarters, Some(pixels::Fault::Blurred)).unwrap();
    let verdict = gate.judge(&blurred, "Shirts", None).unwrap();
    assert!(!verdict.accepted && verdict.score == 0.0 && verdict.reason.contains("blurred"), "{verdict:?}");
}

#[test]
fn a_certified_share_has_its_own_threshold_and_any_other_is_refused() {
    let guarantee = |category: &str, threshold: f32, certified: bool| Guarantee {
        category: category.into(),
        false_accept: 0.05,
        threshold,
        certified,
        negatives: Vec::new(),
        confidence: 0.95,
    };
    let gate = axes().guaranteed(vec![guarantee("Topwear", 0.3, true), guarantee("Hand-held", 0.05, false)]);
    let at = |name: &str| gate.threshold(index(&gate, name), Some(0.05)).unwrap();
    assert_eq!((at("Shirts"), at("Topwear"), at("Handbags")), ((0.3, true), (0.3, true), (0.05, false)));
    assert_eq!(gate.threshold(index(&gate, "Shirts"), None).unwrap(), (0.05, false));
    let error = gate.judge(&look(&[1.0]), "Shirts", Some(0.01)).unwrap_err().to_string();
    assert!(error.contains("0.01") && error.contains("it has 0.05"), "{error}");
}
