//! Options of the command line that need no models: those of `resize`, most of which other commands have too.
#![allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "the comments of options are help texts, and parsers fail with a line for the user"
)]
#![allow(
    rustdoc::invalid_html_tags,
    rustdoc::broken_intra_doc_links,
    reason = "these comments are help texts, not Markdown"
)]

mod encode;
mod resize;
mod shared;
pub mod sizes;

pub use encode::EncodeArgs;
pub use resize::ResizeArgs;
pub use shared::{InputArgs, JobsArgs, OutputArgs, WeightsArgs};
pub use sizes::SizeArg;
