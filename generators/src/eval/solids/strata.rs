//! Named hard cases: which variants belong to them.

use pixels::color::Lab;

/// What decides to which strata a variant belongs.
pub struct Case<'a> {
    /// Median of the photographed cloth.
    pub own: Lab,
    /// Colour asked for.
    pub target: Lab,
    /// Name of the swatch.
    pub swatch: &'a str,
    /// The data set's label of the photo.
    pub label: &'a str,
    /// Median lightness of the whole photo.
    pub light: f32,
    /// Whether the cloth has a small print, logo or trim.
    pub trimmed: bool,
}

/// L* by which a target is lighter or darker than the cloth for the hard directions.
pub const STEP: f32 = 30.0;

/// Every stratum: its name and what belongs to it.
type Stratum = (&'static str, fn(&Case) -> bool);

/// In the order of the report; labels name the article, colours the likely cloth, since nobody labelled it.
const STRATA: [Stratum; 21] = [
    ("all", |_| true),
    ("dark to light", |c| dark_to_light(c.own, c.target)),
    ("not dark to light", |c| !dark_to_light(c.own, c.target)),
    ("light to dark", |c| c.own.l - c.target.l >= STEP),
    ("to white", |c| c.swatch == "white"),
    ("to black", |c| c.swatch == "black"),
    ("to saturated", |c| c.target.chroma() >= 50.0),
    ("one colour only", |c| !c.trimmed),
    ("with a small print, logo or trim", |c| c.trimmed),
    ("low light photo", |c| c.light < 35.0),
    ("dark cloth", |c| c.own.l < 25.0),
    ("white cloth", |c| c.own.l > 75.0 && c.own.chroma() < 8.0),
    ("grey cloth, often melange", |c| (35.0..=75.0).contains(&c.own.l) && c.own.chroma() < 6.0),
    ("blue trousers and shorts, often denim", |c| {
        matches!(c.label, "Pants" | "Shorts" | "Skirt") && c.own.b < -6.0 && c.own.chroma() < 35.0
    }),
    ("t-shirts, polos, undershirts", |c| matches!(c.label, "T-Shirt" | "Polo" | "Undershirt" | "Top" | "Body")),
    ("long sleeves and hoodies, often knit", |c| matches!(c.label, "Longsleeve" | "Hoodie")),
    ("shirts and blouses", |c| matches!(c.label, "Shirt" | "Blouse")),
    ("trousers and shorts", |c| matches!(c.label, "Pants" | "Shorts")),
    ("dresses and skirts", |c| matches!(c.label, "Dress" | "Skirt")),
    ("outerwear and blazers", |c| matches!(c.label, "Outwear" | "Blazer")),
    ("shoes and hats", |c| matches!(c.label, "Shoes" | "Hat")),
];

/// Names of all strata.
pub fn names() -> impl Iterator<Item = &'static str> {
    STRATA.iter().map(|(name, _)| *name)
}

/// Whether a variant belongs to the stratum of that number.
pub fn belongs(stratum: usize, case: &Case) -> bool {
    STRATA[stratum].1(case)
}

/// Whether the target is much lighter than the cloth.
pub fn dark_to_light(own: Lab, target: Lab) -> bool {
    target.l - own.l >= STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn navy_trousers_to_white_are_what_they_are() {
        let case = Case {
            own: Lab::new(20.0, 2.0, -12.0),
            target: Lab::new(95.0, 0.0, 1.0),
            swatch: "white",
            label: "Pants",
            light: 30.0,
            trimmed: false,
        };
        let found: Vec<&str> = names().enumerate().filter(|(i, _)| belongs(*i, &case)).map(|(_, name)| name).collect();
        let expected = [
            "all",
            "dark to light",
            "to white",
            "one colour only",
            "low light photo",
            "dark cloth",
            "blue trousers and shorts, often denim",
            "trousers and shorts",
        ];
        assert_eq!(found, expected);
    }
}
