//! What is done with masters: one operation of a manifest, with everything resolved that decides a pixel.

use generators::region::Region;
use pixels::Format;
use pixels::color::Lab;
use serde::{Deserialize, Serialize};

use crate::cli::{GateMode, SizeArg, sizes};
use crate::exit::{Exit, Failure, OrExit, Result};
use crate::pipeline::dye::Dye;
use crate::pipeline::encoding::Encoding;
use crate::pipeline::masked::Choice;
use crate::pipeline::resized::Resampling;
use crate::pipeline::sizes::Profile;
use crate::pipeline::style::{Style, StyleKind};
use crate::pipeline::variant_name;
use crate::pipeline::variants::{self, Variant};
use crate::recipe::{Finder, RecipeRegion, RecipeStyle};

use super::memory;

/// Kinds of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Dye the garment.
    Recolor,
    /// Fabric or look transfer.
    Restyle,
    /// Sizes and formats alone.
    Resize,
}

impl Kind {
    /// Its name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recolor => "recolor",
            Self::Restyle => "restyle",
            Self::Resize => "resize",
        }
    }

    /// Whether it makes variants in other colours or looks, which are judged.
    pub fn makes_variants(self) -> bool {
        self != Self::Resize
    }
}

/// One operation, as a plan holds it: colours are exact, nothing is read from elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    /// Its name, unique in the plan; reports name it.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Folder inside the output that its files go to; empty for the output itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub folder: String,
    /// Sizes, as `--sizes`.
    pub sizes: Vec<String>,
    /// Formats, as `--format`.
    pub formats: Vec<Format>,
    /// Quality of lossy formats, 1 to 100.
    pub quality: u8,
    /// How files are encoded besides, as a recipe's `encoding`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encoding: Encoding,
    /// How pictures are brought to their sizes.
    #[serde(default, skip_serializing_if = "Resampling::is_default")]
    pub resampling: Resampling,
    /// What happens to variants that no longer look like the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateMode>,
    /// Share of false accepts that thresholds are certified for, as `--false-accept`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub false_accept: Option<f64>,
    /// Light thrown on skin and floor, as `--bounce`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounce: Option<f32>,
    /// Share of the recolour network's correction, as `--network`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<f32>,
    /// Fabrics or looks of a restyling, one variant each.
    #[serde(default, rename = "style", skip_serializing_if = "Vec::is_empty")]
    pub styles: Vec<RecipeStyle>,
    /// What is dyed in which colours, or restyled.
    #[serde(default, rename = "region", skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<RecipeRegion>,
}

/// An operation ready to work: parsed sizes, planned variants.
#[derive(Debug)]
pub struct Steps {
    /// What it does.
    pub kind: Kind,
    /// Sizes and formats.
    pub profile: Profile,
    /// The variants of a recolouring or a restyling; of a resize, none.
    pub variants: Vec<Variant>,
    /// What is dyed.
    pub choices: Vec<Choice>,
    /// What happens to rejected variants.
    pub gate: GateMode,
    /// Share of false accepts that thresholds are certified for, as `--false-accept`.
    pub false_accept: Option<f64>,
    /// Share of light thrown on skin and floor.
    pub bounce: Option<f32>,
    /// Share of the recolour network's correction.
    pub network: f32,
    folder: String,
    recipe: String,
}

impl Steps {
    /// Reads an operation's sizes and colours.
    ///
    /// # Errors
    /// Usage errors naming the operation.
    pub fn of(operation: &Operation) -> Result<Self> {
        let wrong = |what: String| Failure::usage(format!("operation {}: {what}", operation.name));
        match (operation.kind, operation.styles.is_empty()) {
            (Kind::Restyle, true) => {
                return Err(wrong("a restyle names a fabric or a look in [[operation.style]]".to_owned()));
            }
            (Kind::Recolor | Kind::Resize, false) => return Err(wrong("styles are a restyle's".to_owned())),
            _ => {}
        }
        let size = |text: &String| sizes::size(text).map_err(wrong);
        let sizes: Vec<SizeArg> = operation.sizes.iter().map(size).collect::<Result<_>>()?;
        operation.encoding.check().map_err(wrong)?;
        let profile = Profile::new(&sizes, &operation.formats, operation.quality).encoded(&operation.encoding);
        let profile = profile.resized(operation.resampling.into());
        if operation.regions.iter().any(|region| region.mask.is_some()) {
            return Err(wrong("a mask belongs to one photo: name regions in a batch".to_owned()));
        }
        let variants = match operation.kind {
            Kind::Resize => Vec::new(),
            Kind::Restyle => {
                let load = |style: &RecipeStyle| Style::load(style, &Finder::default());
                let styles = operation.styles.iter().map(load).collect::<Result<_>>();
                let variants = styles.and_then(|styles| variants::styled(styles, &operation.regions));
                variants.map_err(|failure| wrong(failure.line()))?
            }
            Kind::Recolor => variants::plan(&operation.regions).map_err(|failure| wrong(failure.line()))?,
        };
        let choices = operation.regions.iter().map(|region| Choice::Region(region.name)).collect();
        let gate = operation.gate.unwrap_or_default();
        let recipe = recipe(operation, &profile)?;
        Ok(Self {
            kind: operation.kind,
            profile,
            variants,
            choices,
            gate,
            false_accept: operation.false_accept,
            bounce: operation.bounce,
            network: operation.network.unwrap_or_default(),
            folder: operation.folder.clone(),
            recipe,
        })
    }

    /// Whether it needs models: to make variants, or to know where the garment is.
    pub fn needs_models(&self) -> bool {
        self.kind.makes_variants() || self.profile.needs_garment()
    }

    /// Bytes that a photo of so many pixels needs while it is in work.
    pub fn memory(&self, pixels: Option<u64>) -> u64 {
        let painted = |kind: &StyleKind| matches!(kind, StyleKind::Look { painterly: true, .. });
        let paints =
            self.variants.iter().filter_map(|variant| variant.style.as_ref()).any(|style| painted(&style.kind));
        memory::need(self.needs_models(), pixels) + if paints { memory::PAINTING } else { 0 }
    }

    /// Tasks that the operation makes of one master.
    pub fn tasks(&self) -> usize {
        self.variants.len().max(1)
    }

    /// Everything that decides the pixels of one variant, as text.
    pub fn recipe(&self, variant: usize) -> String {
        let variant = self.variants.get(variant);
        let dyes = variant.map(|variant| variant.dyes.iter().map(dye).collect::<String>());
        let style = variant.and_then(|variant| variant.style.as_ref()).map(|style| style.recipe());
        format!("{}{}{}", self.recipe, dyes.unwrap_or_default(), style.unwrap_or_default())
    }

    /// A variant's name in reports; of a resize, none.
    pub fn variant_name(&self, variant: usize) -> Option<&str> {
        self.variants.get(variant).map(|variant| variant.slug.as_str())
    }

    /// What the files of a variant are called, in front of `@` and ending. `stem` is the master's name without ending.
    pub fn base(&self, stem: &str, variant: usize) -> String {
        let base = match self.variants.get(variant) {
            Some(variant) => variant_name(stem, &variant.slug),
            None => stem.to_owned(),
        };
        if self.folder.is_empty() { base } else { format!("{}/{base}", self.folder) }
    }
}

fn is_default(encoding: &Encoding) -> bool {
    *encoding == Encoding::default()
}

/// The part of the recipe that all variants share. Variants are made alone or together with the same pixels, so that each
/// is known by its own colours.
fn recipe(operation: &Operation, profile: &Profile) -> Result<String> {
    let Operation {
        kind, formats, quality, encoding, resampling, gate, false_accept, bounce, network, regions, ..
    } = operation;
    let encoding = serde_json::to_string(encoding).or_exit(Exit::Usage)?;
    let resampling = serde_json::to_string(resampling).or_exit(Exit::Usage)?;
    let bounce = bounce.map_or_else(|| "none".to_owned(), |share| share.to_string());
    // Left out where there is none, so that what is resized keeps its key.
    let network = network.filter(|&share| share > 0.0).map_or_else(String::new, |share| format!("network {share}\n"));
    let formats: Vec<&str> = formats.iter().map(|format| format.extension()).collect();
    let regions: Vec<&str> = regions.iter().map(|region| region.name.map_or("auto", Region::name)).collect();
    let gate = gate.filter(|_| kind.makes_variants()).map_or("none", GateMode::name);
    let certified = false_accept.map_or_else(String::new, |share| format!(" at {share}"));
    Ok(format!(
        "{}\nsizes {}\nformats {}\nquality {quality}\nencoding {encoding}\nresampling {resampling}\ngate {gate}{certified}\nbounce {bounce}\n{network}regions {}\n",
        kind.name(),
        profile.size_names().join(" "),
        formats.join(" "),
        regions.join(" ")
    ))
}

/// A region's colours as exact text.
fn dye(dye: &Dye) -> String {
    // Display of a float is the shortest text that reads back as the same float.
    let lab = |Lab { l, a, b }: Lab| format!("{l},{a},{b}");
    let to = dye.to.as_ref().map_or_else(|| "none".to_owned(), |to| lab(to.color));
    let map: Vec<String> = dye.map.iter().map(|(from, to)| format!("{}={}", lab(from.color), lab(to.color))).collect();
    let keep: Vec<String> = dye.keep.iter().map(|keep| lab(keep.color)).collect();
    format!("dye {to} map {} keep {}\n", map.join(" "), keep.join(" "))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A recolouring of the article in these colours.
    pub fn recolor(to: &[&str]) -> Operation {
        let to: Vec<String> = to.iter().map(|color| format!("'{color}'")).collect();
        toml::from_str(&format!(
            "name = 'recolor'\nkind = 'recolor'\nsizes = ['320w', '800x800:pad']\nformats = ['jpeg']\nquality = 90\n\
             [[region]]\nto = [{}]\n",
            to.join(", ")
        ))
        .unwrap()
    }

    #[test]
    fn a_variants_recipe_does_not_depend_on_its_siblings() {
        let (two, three) =
            (Steps::of(&recolor(&["red", "navy"])).unwrap(), Steps::of(&recolor(&["teal", "navy", "red"])));
        let three = three.unwrap();
        assert_eq!(two.recipe(0), three.recipe(2));
        assert_eq!(two.recipe(1), three.recipe(1));
        assert_ne!(two.recipe(0), two.recipe(1));
        assert_eq!(two.base("a/kurta", 1), "a/kurta--navy");
        let mut other = recolor(&["red"]);
        other.sizes.pop();
        assert_ne!(Steps::of(&other).unwrap().recipe(0), two.recipe(0));
        let mut other = recolor(&["red"]);
        other.encoding.progressive = true;
        assert_ne!(Steps::of(&other).unwrap().recipe(0), two.recipe(0));
        let mut other = recolor(&["red"]);
        other.gate = Some(GateMode::Off);
        assert_ne!(Steps::of(&other).unwrap().recipe(0), two.recipe(0));
        let mut other = recolor(&["red"]);
        other.network = Some(0.0);
        assert_eq!(Steps::of(&other).unwrap().recipe(0), two.recipe(0));
        other.network = Some(0.5);
        assert_ne!(Steps::of(&other).unwrap().recipe(0), two.recipe(0));
    }

    #[test]
    fn painting_has_a_name_a_key_and_a_need_of_its_own() {
        let of = |painterly: bool| {
            let mut operation = recolor(&[]);
            let painting = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/paintings/oil-broad.jpg");
            operation.kind = Kind::Restyle;
            operation.regions = vec![RecipeRegion::default()];
            operation.styles = vec![RecipeStyle {
                strength: 1.0,
                painterly,
                look: Some(crate::recipe::InputFile::new(&painting)),
                ..RecipeStyle::default()
            }];
            Steps::of(&operation).unwrap()
        };
        let (graded, painted) = (of(false), of(true));
        assert_eq!((graded.base("a", 0), painted.base("a", 0)), ("a--oil-broad".into(), "a--oil-broad-painted".into()));
        assert_ne!(graded.recipe(0), painted.recipe(0));
        assert_eq!(painted.memory(Some(1000)), graded.memory(Some(1000)) + memory::PAINTING);
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_its_name() {
        let mut operation = recolor(&["red"]);
        operation.kind = Kind::Restyle;
        assert!(Steps::of(&operation).unwrap_err().line().contains("recolor: a restyle names a fabric or a look"));
        let mut operation = recolor(&["red"]);
        operation.sizes = vec!["huge".to_owned()];
        assert!(Steps::of(&operation).unwrap_err().line().contains("huge"));
    }
}
