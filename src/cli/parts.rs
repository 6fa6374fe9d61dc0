//! What is dyed and how: `--region` and `--mask`, each followed by its own colours.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::region::{self, RegionArg};

/// Names of these options, which a recipe replaces.
pub const NAMES: [&str; 6] = ["region", "mask", "to", "palette", "map", "keep"];

/// The options in the order of the command line, which says what belongs to which region.
#[derive(Clone, Debug, Default)]
pub struct PartsArgs {
    /// One entry per option given.
    pub flags: Vec<PartFlag>,
}

/// One of the options with its value.
#[derive(Clone, Debug, PartialEq)]
pub enum PartFlag {
    /// `--region`.
    Region(RegionArg),
    /// `--mask`.
    Mask(PathBuf),
    /// `--to`.
    To(String),
    /// `--palette`.
    Palette(PathBuf),
    /// `--map`.
    Map(String),
    /// `--keep`.
    Keep(String),
}

#[derive(Debug, Args)]
struct Flags {
    /// A colour: #rrggbb, a CSS name, lab(…), oklch(…), or a name from --palette. May be repeated: one variant each.
    #[arg(long = "to", value_name = "COLOR")]
    to: Vec<String>,
    /// A palette: hex list, CSV, GPL, ASE or ACO. Without --to or --map, all its swatches are used.
    #[arg(long, value_name = "FILE")]
    palette: Vec<PathBuf>,
    /// Colours of the garment and what they become, such as 'navy=ivory,#aa0000=teal'. The left side names the nearest
    /// colour of the garment's palette (see report.json); colours not named stay, or follow --to.
    #[arg(long, value_name = "FROM=TO,…")]
    map: Vec<String>,
    /// Leave this colour of the garment as it is. May be repeated.
    #[arg(long, value_name = "COLOR")]
    keep: Vec<String>,
    /// What to dye [default: auto, what the photo is of]. May be repeated: each --to, --palette, --map and --keep then
    /// belongs to the --region before it, those before the first to auto. Variants pair up: the n-th colour of each
    /// region makes the n-th variant, and a single colour goes with all of them.
    #[arg(long, value_parser = region::parser(), value_name = "REGION")]
    region: Vec<RegionArg>,
    /// Dye what this mask covers (8-bit grey PNG, the photo's own size) instead of a region that is found.
    #[arg(long, value_name = "FILE")]
    mask: Vec<PathBuf>,
}

impl Args for PartsArgs {
    fn augment_args(command: Command) -> Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args_for_update(command)
    }
}

impl FromArgMatches for PartsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Flags { to, palette, map, keep, region, mask } = Flags::from_arg_matches(matches)?;
        let mut placed: Vec<(usize, PartFlag)> = Vec::new();
        let mut place = |name: &str, flags: Vec<PartFlag>| {
            placed.extend(matches.indices_of(name).into_iter().flatten().zip(flags));
        };
        place("to", to.into_iter().map(PartFlag::To).collect());
        place("palette", palette.into_iter().map(PartFlag::Palette).collect());
        place("map", map.into_iter().map(PartFlag::Map).collect());
        place("keep", keep.into_iter().map(PartFlag::Keep).collect());
        place("region", region.into_iter().map(PartFlag::Region).collect());
        place("mask", mask.into_iter().map(PartFlag::Mask).collect());
        placed.sort_by_key(|(index, _)| *index);
        Ok(Self { flags: placed.into_iter().map(|(_, flag)| flag).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use generators::region::Region;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        parts: PartsArgs,
    }

    #[test]
    fn options_keep_the_order_of_the_command_line() {
        let line = [
            "x",
            "--keep",
            "white",
            "--region",
            "upper",
            "--to=teal",
            "--to",
            "navy",
            "--region",
            "auto",
            "--map",
            "a=b",
        ];
        let flags = Line::try_parse_from(line).unwrap().parts.flags;
        let text = |t: &str| t.to_owned();
        assert_eq!(
            flags,
            [
                PartFlag::Keep(text("white")),
                PartFlag::Region(Some(Region::Upper)),
                PartFlag::To(text("teal")),
                PartFlag::To(text("navy")),
                PartFlag::Region(None),
                PartFlag::Map(text("a=b")),
            ]
        );
        assert!(Line::try_parse_from(["x", "--region", "sock"]).is_err());
    }
}
