//! `rangrez resize`.

use clap::Args;
use pixels::Format;

use super::encode::KeepArg;
use super::sizes::{self, SizeArg};
use super::{EncodeArgs, InputArgs, JobsArgs, OutputArgs, WeightsArgs};
use crate::encoding::Encoding;
use crate::size_profiles::SizeProfile;

/// Write each photo in each size and format.
///
/// Writes DIR/<stem>@<size>.<ext>. Photos are never enlarged unless the size says :up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez resize photos/ --sizes 320w,640w,1600w -o out
  rangrez resize kurta.png --sizes 800x800:pad,1200x1600:cover --format jpeg,webp --quality 85 -o out
  rangrez resize kurta.png --sizes 1200w --format avif,jpeg --ssim 0.98 --metadata copyright -o out
  rangrez resize photos/ --sizes '1000x1000:pad=#f5f5f5,600x800:pad=blur' --max-kb 150 --progressive -o out
  rangrez resize photos/ --sizes 800x1000:garment:margin=10 -o out
  rangrez resize photos/ --sizes 320w,160w --fast -o out
  rangrez resize photos/ --profile web -o out")]
pub struct ResizeArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Sizes to write: 320w, x600, 800x800, 800x800:cover, 800x800:pad, :pad=#f5f5f5, :pad=blur, :pad=edge, 800x1000:garment (the
    /// garment whole and in the middle, :margin=7 percent around it), 800x1000:garment:cover; full is the photo's own size.
    #[arg(long, value_name = "PROFILE", value_delimiter = ',', value_parser = sizes::size)]
    #[arg(required_unless_present = "profile")]
    pub sizes: Vec<SizeArg>,
    /// Sizes, formats and encoding by name: marketplace, web (with a srcset snippet), print, fast; or FILE#NAME of a TOML file like
    /// configs/sizes.toml.
    #[arg(long, value_name = "NAME|FILE#NAME", value_parser = sizes::profile)]
    #[arg(conflicts_with_all = ["sizes", "format", "quality", "ssim", "max_kb", "chroma", "progressive", "lossless", "effort", "depth", "metadata"])]
    pub profile: Option<SizeProfile>,
    /// Formats to write: jpeg, png, webp, avif, tiff.
    #[arg(long, value_name = "FORMATS", value_delimiter = ',', value_parser = sizes::format, default_value = "jpeg")]
    pub format: Vec<Format>,
    #[command(flatten)]
    pub encode: EncodeArgs,
    /// The same as --metadata. (Of recolor, --keep names colours.)
    #[arg(long, value_enum, value_name = "PARTS", value_delimiter = ',', conflicts_with_all = ["metadata", "profile"])]
    pub keep: Vec<KeepArg>,
    /// Average light instead of sRGB codes. On unless --gamma is given; accepted so that scripts can say it.
    #[arg(long, conflicts_with = "gamma")]
    pub linear: bool,
    /// Average sRGB codes, as most programs do: a little quicker, but fine bright detail gets too dark.
    #[arg(long)]
    pub gamma: bool,
    /// Read JPEGs at a half or a quarter of their size where every size leaves room: quicker for thumbnails, and visibly less exact.
    #[arg(long)]
    pub fast: bool,
    /// Sharpen what was reduced, 0 to 2; 0.5 suits small pictures.
    #[arg(long, value_name = "AMOUNT", default_value_t = 0.0, value_parser = amount)]
    pub sharpen: f32,
    /// Memory for photos in work, such as 4GiB [default: three quarters of what is free].
    #[arg(long, value_name = "BYTES", value_parser = crate::memory::parse)]
    pub memory: Option<u64>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub weights: WeightsArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}

impl ResizeArgs {
    /// How files are encoded, unless a profile says so.
    pub fn encoding(&self) -> Encoding {
        let metadata = if self.keep.is_empty() { self.encode.metadata.clone() } else { self.keep.clone() };
        EncodeArgs { metadata, ..self.encode.clone() }.encoding()
    }

    /// The sizes that are asked for.
    pub fn sizes(&self) -> &[SizeArg] {
        self.profile.as_ref().map_or(&self.sizes, |profile| &profile.sizes)
    }

    /// Whether some size wants the garment, and so the models.
    pub fn needs_garment(&self) -> bool {
        self.sizes().iter().any(SizeArg::needs_garment)
    }
}

/// Reads `--sharpen`.
fn amount(text: &str) -> Result<f32, String> {
    let wrong = || format!("{text:?} is not a number from 0 to 2");
    text.parse().ok().filter(|amount| (0.0..=2.0).contains(amount)).ok_or_else(wrong)
}
