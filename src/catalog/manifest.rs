//! What a batch is asked for: a TOML file of masters and operations, or a CSV table.

use std::path::{Path, PathBuf};

use pixels::{Format, Palette, load_palette};
use serde::Deserialize;

use crate::cli::GateMode;
use crate::exit::{Exit, Failure, OrExit, Result};
use crate::pipeline::encoding::Encoding;
use crate::pipeline::resized::Resampling;
use crate::pipeline::size_profiles::SizeProfile;
use crate::recipe::{RecipeColor, RecipeMap, RecipeRegion, RecipeStyle};

use super::location::Location;
use super::manifest_csv;
use super::operation::{Kind, Operation, Steps};

/// Largest manifest that is read: a table of a million rows has about 100 MB.
const MAX_BYTES: u64 = 256 << 20;
/// Quality unless the manifest says otherwise, as on the command line.
const RECOLOR_QUALITY: u8 = 92;
const RESIZE_QUALITY: u8 = 85;

/// A manifest with its operations resolved.
#[derive(Debug)]
pub struct Manifest {
    /// Files and folders, and which operations are done with each.
    pub masters: Vec<(Location, Vec<usize>)>,
    /// The operations.
    pub operations: Vec<Operation>,
}

/// The TOML form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    masters: Vec<String>,
    sizes: Option<Vec<String>>,
    formats: Option<Vec<Format>>,
    quality: Option<u8>,
    encoding: Option<Encoding>,
    gate: Option<GateMode>,
    false_accept: Option<f64>,
    #[serde(rename = "operation")]
    operations: Vec<Entry>,
}

/// What an operation has unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub struct Defaults {
    /// Sizes, as `--sizes`.
    pub sizes: Option<Vec<String>>,
    /// Formats, as `--format`.
    pub formats: Option<Vec<Format>>,
    /// Quality of lossy formats.
    pub quality: Option<u8>,
    /// How files are encoded besides.
    pub encoding: Option<Encoding>,
    /// What happens to variants that no longer look like the product.
    pub gate: Option<GateMode>,
    /// Share of false accepts that thresholds are certified for, as `--false-accept`.
    pub false_accept: Option<f64>,
}

/// An operation as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it does.
    pub kind: Kind,
    /// Its name; the kind's when left out.
    pub name: Option<String>,
    /// Folder inside the output.
    #[serde(default)]
    pub folder: String,
    /// Sizes, as `--sizes`.
    pub sizes: Option<Vec<String>>,
    /// Formats, as `--format`.
    pub formats: Option<Vec<Format>>,
    /// Quality of lossy formats.
    pub quality: Option<u8>,
    /// How files are encoded besides; all of it, not only what differs.
    pub encoding: Option<Encoding>,
    /// Sizes, formats, quality, encoding and resampling by name, as `--profile`.
    pub profile: Option<String>,
    /// Average sRGB codes, as `--gamma`.
    #[serde(default)]
    pub gamma: bool,
    /// Sharpening after a reduction, as `--sharpen`.
    #[serde(default)]
    pub sharpen: f32,
    /// Read JPEGs smaller, as `--fast`.
    #[serde(default)]
    pub fast: bool,
    /// What happens to variants that no longer look like the product.
    pub gate: Option<GateMode>,
    /// Share of false accepts that thresholds are certified for, as `--false-accept`.
    pub false_accept: Option<f64>,
    /// Light thrown on skin and floor, as `--bounce`.
    pub bounce: Option<f32>,
    /// Share of the recolour network's correction, as `--network`.
    pub network: Option<f32>,
    /// A region's name, or tables as in a recipe.
    pub region: Option<toml::Value>,
    /// Colours; without any, all of the palette.
    #[serde(default)]
    pub to: Vec<RecipeColor>,
    /// Colours that stay.
    #[serde(default)]
    pub keep: Vec<RecipeColor>,
    /// Colours and what they become.
    #[serde(default)]
    pub map: Vec<RecipeMap>,
    /// Palette file with named colours.
    pub palette: Option<PathBuf>,
    /// Fabrics and looks, as in a recipe; their files are meant from the manifest's folder.
    #[serde(default, rename = "style")]
    pub styles: Vec<RecipeStyle>,
}

/// Whether the file is a manifest by its name; otherwise it is a plan.
pub fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "toml" || ending == "csv")
}

impl Manifest {
    /// Reads a manifest; relative paths in it are meant from its folder.
    ///
    /// # Errors
    /// Usage errors (exit code 2) naming the file and the operation or line that is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |what: String| Failure::usage(format!("manifest {}: {what}", path.display()));
        let bytes = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if bytes > MAX_BYTES {
            return Err(wrong(format!("{bytes} bytes, a manifest has at most {MAX_BYTES}")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let base = std::path::absolute(path).or_exit(Exit::Usage)?;
        let base = base.parent().unwrap_or(Path::new("/"));
        let manifest = if path.extension().is_some_and(|ending| ending == "csv") {
            manifest_csv::parse(&text, base)
        } else {
            parse(&text, base)
        };
        manifest.map_err(|failure| wrong(failure.line()))
    }
}

fn parse(text: &str, base: &Path) -> Result<Manifest> {
    let file: File = toml::from_str(text).map_err(|error| Failure::usage(in_one_line(&error, text)))?;
    if file.masters.is_empty() {
        return Err(Failure::usage("masters names no files or folders"));
    }
    let File { sizes, formats, quality, encoding, gate, false_accept, .. } = file;
    let defaults = Defaults { sizes, formats, quality, encoding, gate, false_accept };
    let mut operations: Vec<Operation> = Vec::new();
    for entry in file.operations {
        let operation = resolved(entry, &defaults, base, &operations)?;
        operations.push(operation);
    }
    if operations.is_empty() {
        return Err(Failure::usage("it has no [[operation]]"));
    }
    let all: Vec<usize> = (0..operations.len()).collect();
    let masters = file.masters.iter().map(|text| Ok((Location::parse(text, base)?, all.clone())));
    Ok(Manifest { masters: masters.collect::<Result<_>>()?, operations })
}

/// Completes an operation: defaults, exact colours, and a name that no other of `before` has.
///
/// # Errors
/// Usage errors naming the operation.
pub fn resolved(mut entry: Entry, defaults: &Defaults, base: &Path, before: &[Operation]) -> Result<Operation> {
    let kind = entry.kind;
    let name = match &entry.name {
        Some(name) => name.clone(),
        None => first_free(kind.name(), before),
    };
    let wrong = |what: String| Failure::usage(format!("operation {name}: {what}"));
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if name.is_empty() || !plain(&name) {
        return Err(wrong("a name is letters, digits, dots, - and _".to_owned()));
    }
    if before.iter().any(|other| other.name == name) {
        return Err(wrong("another operation has the same name".to_owned()));
    }
    let folder = entry.folder.trim_end_matches('/').to_owned();
    if folder.split('/').any(|part| !folder.is_empty() && (part.is_empty() || part.starts_with('.'))) {
        return Err(wrong(format!("folder {folder:?} is not a plain folder inside the output")));
    }
    let mut resampling = Resampling { gamma: entry.gamma, sharpen: entry.sharpen, fast: entry.fast };
    if let Some(named) = entry.profile.take() {
        resampling = profile(&named, &mut entry, base).map_err(|why| wrong(why.line()))?;
    }
    resampling.check().map_err(wrong)?;
    if kind != Kind::Resize && !resampling.is_default() {
        return Err(wrong("gamma, sharpen and fast are a resize's".to_owned()));
    }
    let quality = entry.quality.or(defaults.quality);
    let quality = quality.unwrap_or(if kind == Kind::Resize { RESIZE_QUALITY } else { RECOLOR_QUALITY });
    if !(1..=100).contains(&quality) {
        return Err(wrong(format!("quality is 1 to 100, not {quality}")));
    }
    let sizes = entry.sizes.clone().or_else(|| defaults.sizes.clone()).unwrap_or_else(|| vec!["full".to_owned()]);
    let formats = entry.formats.clone().or_else(|| defaults.formats.clone()).unwrap_or_else(|| vec![Format::Jpeg]);
    if sizes.is_empty() || formats.is_empty() {
        return Err(wrong("sizes and formats name at least one each".to_owned()));
    }
    let encoding = entry.encoding.clone().or_else(|| defaults.encoding.clone()).unwrap_or_default();
    let colored = entry.region.is_some()
        || entry.palette.is_some()
        || entry.gate.is_some()
        || entry.false_accept.is_some()
        || entry.bounce.is_some()
        || entry.network.is_some()
        || !(entry.to.is_empty() && entry.keep.is_empty() && entry.map.is_empty());
    if kind == Kind::Resize && colored {
        return Err(wrong("a resize has no colours, regions or gate: make it a recolor".to_owned()));
    }
    if entry.bounce.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(wrong("bounce is a share from 0 to 1".to_owned()));
    }
    if kind == Kind::Restyle && entry.network.is_some() {
        return Err(wrong("network is a recolor's".to_owned()));
    }
    if entry.network.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(wrong("network is a share from 0 to 1".to_owned()));
    }
    let colors = kind != Kind::Resize;
    let gate = colors.then(|| entry.gate.or(defaults.gate).unwrap_or_default());
    let false_accept = entry.false_accept.or(defaults.false_accept).filter(|_| colors);
    let (bounce, network) = (entry.bounce, entry.network);
    let styles = sealed(std::mem::take(&mut entry.styles), base).map_err(|failure| wrong(failure.line()))?;
    let regions = if kind == Kind::Resize {
        Vec::new()
    } else {
        regions(entry, base).map_err(|failure| wrong(failure.line()))?
    };
    let operation = Operation {
        name,
        kind,
        folder,
        sizes,
        formats,
        quality,
        encoding,
        resampling,
        gate,
        false_accept,
        bounce,
        network,
        styles,
        regions,
    };
    Steps::of(&operation)?;
    Ok(operation)
}

/// The styles with absolute paths and their files' checksums, so that a plan notices when one changes.
fn sealed(mut styles: Vec<RecipeStyle>, base: &Path) -> Result<Vec<RecipeStyle>> {
    for file in styles.iter_mut().flat_map(|style| style.fabric.iter_mut().chain(style.look.iter_mut())) {
        file.path = base.join(&file.path);
        let bytes = pixels::read_limited(&file.path, pixels::Limits::default().max_bytes).or_exit(Exit::Usage)?;
        file.sha256.get_or_insert_with(|| generators::checkpoint::sha256_hex(&bytes));
    }
    Ok(styles)
}

/// Puts what a profile says into an operation that says none of it, and returns how it resamples.
fn profile(name: &str, entry: &mut Entry, base: &Path) -> Result<Resampling> {
    let own = entry.sizes.is_some() || entry.formats.is_some() || entry.quality.is_some() || entry.encoding.is_some();
    if own || entry.gamma || entry.sharpen != 0.0 || entry.fast {
        return Err(Failure::usage("a profile says sizes, formats, quality and the rest: name one or the other"));
    }
    // A file is meant from the manifest's folder.
    let text = match name.rsplit_once('#') {
        Some((file, name)) => format!("{}#{name}", base.join(file).display()),
        None => name.to_owned(),
    };
    let SizeProfile { sizes, formats, quality, encoding, resampling, srcset: _ } = SizeProfile::load(&text)?;
    entry.sizes = Some(sizes.iter().map(ToString::to_string).collect());
    (entry.formats, entry.quality, entry.encoding) = (Some(formats), quality, Some(encoding));
    Ok(resampling)
}

fn first_free(kind: &str, before: &[Operation]) -> String {
    let taken = |name: &str| before.iter().any(|other| other.name == name);
    if !taken(kind) {
        return kind.to_owned();
    }
    (2..before.len() + 2).map(|n| format!("{kind}-{n}")).find(|name| !taken(name)).unwrap_or_default()
}

/// The regions with exact colours.
fn regions(entry: Entry, base: &Path) -> Result<Vec<RecipeRegion>> {
    let palette = entry.palette.map(|path| load_palette(&base.join(path))).transpose().or_exit(Exit::Usage)?;
    let own = RecipeRegion { to: entry.to, keep: entry.keep, map: entry.map, ..RecipeRegion::default() };
    let mut regions = match entry.region {
        None => vec![own],
        Some(toml::Value::String(name)) if name == crate::cli::AUTO => vec![own],
        Some(toml::Value::String(name)) => {
            let name = name.parse().map_err(|error| Failure::usage(format!("{error}")))?;
            vec![RecipeRegion { name: Some(name), ..own }]
        }
        Some(tables) => {
            if own != RecipeRegion::default() {
                return Err(Failure::usage("to, keep and map stand in the [[operation.region]] that they belong to"));
            }
            let tables = tables.try_into::<Vec<RecipeRegion>>();
            tables.map_err(|error| Failure::usage(format!("region: {}", error.message())))?
        }
    };
    for region in &mut regions {
        if let (Some(palette), true) = (&palette, region.to.is_empty() && region.map.is_empty()) {
            region.to = palette.swatches.iter().map(RecipeColor::from).collect();
        }
        let pairs = region.map.iter_mut().flat_map(|pair| [&mut pair.from, &mut pair.to]);
        for color in region.to.iter_mut().chain(&mut region.keep).chain(pairs) {
            *color = exact(color, palette.as_ref())?;
        }
    }
    Ok(regions)
}

/// The colour with its coordinates, so that the plan needs no palette.
fn exact(color: &RecipeColor, palette: Option<&Palette>) -> Result<RecipeColor> {
    let named = palette.filter(|_| color.hex.is_none() && color.lab.is_none()).and_then(|p| p.find(&color.name));
    match named {
        Some(swatch) => Ok(RecipeColor::from(swatch)),
        None => Ok(RecipeColor::from(&color.swatch().map_err(Failure::usage)?)),
    }
}

/// A parser's error with its line, without the excerpt of the file that it draws.
fn in_one_line(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let message = error.message().lines().collect::<Vec<_>>().join(": ");
    line.map_or_else(|| message.clone(), |line| format!("line {line}: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(text: &str) -> Result<Manifest> {
        parse(text, Path::new("/season"))
    }

    #[test]
    fn operations_take_the_defaults_and_exact_colours() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("autumn.csv"), "name,hex\nRust,#b7410e\nMoss,#8a9a5b\n").unwrap();
        let text = "masters = ['in', 's3://bucket/in']\nsizes = ['320w']\nformats = ['webp']\n\
                    [[operation]]\nkind = 'recolor'\npalette = 'autumn.csv'\n\
                    [[operation]]\nkind = 'recolor'\npalette = 'autumn.csv'\nregion = 'upper'\nto = ['moss', 'teal']\ngate = 'report'\n\
                    [[operation]]\nkind = 'resize'\nsizes = ['full']\nquality = 70\nfolder = 'web'\n";
        let manifest = parse(text, folder.path()).unwrap();
        let names: Vec<&str> = manifest.operations.iter().map(|o| o.name.as_str()).collect();
        assert_eq!(names, ["recolor", "recolor-2", "resize"]);
        assert_eq!(manifest.masters[0].0, Location::Local(folder.path().join("in")));
        assert_eq!(manifest.masters[1].1, [0, 1, 2]);
        let [all, two, resize] = manifest.operations.as_slice() else { panic!() };
        assert_eq!((all.regions[0].to.len(), all.quality, all.gate), (2, 92, Some(GateMode::Strict)));
        assert_eq!(two.regions[0].to[0].hex.as_deref(), Some("#8a9a5b"));
        assert!(two.regions[0].to[1].lab.is_some() && two.regions[0].title() == "upper");
        assert_eq!((resize.sizes.as_slice(), resize.quality, resize.gate), (&["full".to_owned()][..], 70, None));
        assert_eq!(resize.formats, [Format::Webp]);
    }

    #[test]
    fn regions_are_written_as_in_a_recipe() {
        let text = "masters = ['in']\n[[operation]]\nkind = 'recolor'\n[[operation.region]]\nname = 'upper'\n\
                    to = ['ivory', 'navy']\n[[operation.region]]\nname = 'lower'\nto = ['black']\n";
        let manifest = read(text).unwrap();
        assert_eq!(Steps::of(&manifest.operations[0]).unwrap().tasks(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let with = |operation: &str| format!("masters = ['in']\n[[operation]]\n{operation}");
        for (text, says) in [
            ("masters = ['in']".to_owned(), "missing field `operation`"),
            (with("kind = 'shrink'"), "line 3: unknown variant `shrink`"),
            (with("kind = 'resize'\nto = ['red']"), "operation resize: a resize has no colours"),
            (with("kind = 'recolor'"), "operation recolor: no colours"),
            (with("kind = 'recolor'\nto = ['purpel']"), "purpel"),
            (with("kind = 'recolor'\nto = ['red']\nregion = 'sock'"), "sock"),
            (with("kind = 'resize'\nsize = ['1w']"), "line 4: unknown field `size`"),
            (with("kind = 'resize'\nquality = 0"), "quality is 1 to 100"),
            (with("kind = 'resize'\nfolder = '../x'"), "not a plain folder"),
            (with("kind = 'resize'\nname = 'a'\n[[operation]]\nkind = 'resize'\nname = 'a'"), "same name"),
            (with("kind = 'resize'\nencoding = { ssim = 2.0 }"), "ssim is above 0"),
            (with("kind = 'resize'\nprofile = 'web'\nsizes = ['1w']"), "name one or the other"),
            (with("kind = 'resize'\nprofile = 'wob'"), "there are"),
            (with("kind = 'resize'\nsharpen = 9.0"), "sharpen is 0 to 2"),
            (with("kind = 'recolor'\nto = ['red']\nfast = true"), "are a resize's"),
            (with("kind = 'restyle'\nto = ['red']"), "a restyle names a fabric or a look"),
            ("masters = []\n[[operation]]\nkind = 'resize'".to_owned(), "names no files"),
        ] {
            let failure = read(&text).unwrap_err();
            assert!(failure.exit == Exit::Usage && failure.line().contains(says), "{text}: {}", failure.line());
        }
    }
}
