//! `rangrez map`.

use std::path::PathBuf;

use clap::Args;

use super::{InputArgs, JobsArgs, OutputArgs, WeightsArgs};

/// Draw a map on which photos that the classifier finds alike lie together, to find what is misfiled or there twice.
///
/// Writes DIR/map.html, a page that opens offline and shows each point's photo (t-SNE of the classifier's features), and
/// DIR/map.csv with path, x, y, category, confidence and label. With --labels the page also has the confusion matrix and
/// the ten errors that the classifier is surest of.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  rangrez map photos/ -o out
  rangrez map photos/ --labels catalogue.csv -o out")]
pub struct MapArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// What the photos are of: a CSV with a header, whose columns `photo` (file name or path, ending optional) and `label`
    /// (a name of the catalogue's tree) are read. Photos that it does not name are on the map without a label.
    #[arg(long, value_name = "FILE.csv")]
    pub labels: Option<PathBuf>,
    /// About how many neighbours each photo attends to: small shows fine groups, large the whole.
    #[arg(long, value_name = "N", default_value_t = 30.0, value_parser = perplexity)]
    pub perplexity: f32,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub weights: WeightsArgs,
    #[command(flatten)]
    pub jobs: JobsArgs,
}

fn perplexity(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (2.0..=500.0).contains(&value) => Ok(value),
        _ => Err("a perplexity is 2 to 500, such as 30".to_owned()),
    }
}
