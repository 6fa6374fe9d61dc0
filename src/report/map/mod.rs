//! `map.html`: photos as points on a plane, each with its picture, and where labels and classifier disagree.

pub mod confusion;
mod labels;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

use crate::terminal::clean as shown;
use confusion::{Answer, Confusion, surest_errors};

pub use labels::Labels;

const STYLE: &str = include_str!("map.css");
const SCRIPT: &str = include_str!("map.js");
/// What the page may load: nothing but itself and the photos beside it.
const POLICY: &str =
    "default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
/// Errors that are shown with their photos.
const ERRORS: usize = 10;
/// Rows of the matrix that are shown; the CSV has all.
const ROWS: usize = 48;

/// A photo on the map.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// The photo's file.
    pub path: String,
    /// Across, in units of no meaning.
    pub x: f32,
    /// Up.
    pub y: f32,
    /// What the classifier calls it.
    pub category: String,
    /// The top of its breadcrumb, which gives its colour.
    pub department: String,
    /// Calibrated probability, 0 to 1.
    pub confidence: f32,
    /// Whether it looks like the catalogue's photos at all.
    pub in_catalog: bool,
    /// What it is labelled as.
    pub label: Option<String>,
    /// Whether label and answer disagree.
    pub wrong: bool,
    /// A small picture as a data URL, or on maps with too many photos a link to the photo.
    pub picture: String,
}

/// What the page tells.
#[derive(Debug)]
pub struct Map<'a> {
    /// The photos.
    pub points: &'a [Point],
    /// Labelled photos and what was said of them.
    pub answers: &'a [Answer],
    /// Larger pictures of the errors, in their order.
    pub pictures: &'a [String],
    /// Photos that could not be read.
    pub failed: usize,
    /// Neighbours attended to.
    pub perplexity: f32,
}

impl Map<'_> {
    /// The errors that the page shows with pictures.
    pub fn errors(answers: &[Answer]) -> Vec<&Answer> {
        surest_errors(answers, ERRORS)
    }

    /// The page.
    pub fn page(&self) -> serde_json::Result<String> {
        // A `<` in a name must not end the data block.
        let data = serde_json::to_string(self.points)?.replace('<', "\\u003c");
        let labelled = self.answers.len();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="color-scheme" content="light dark";
                    title { "Map of " (self.points.len()) " photos · Rangrez" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        p.brand { "Rangrez" }
                        h1 { "Map of " (self.points.len()) " photos" }
                        p.sub {
                            "Photos that the classifier finds alike lie together. Distances between far groups mean little. "
                            "t-SNE, perplexity " (self.perplexity)
                            @if self.failed > 0 { " · " strong.bad { (self.failed) " could not be read" } }
                        }
                    }
                    div.tools {
                        input #search type="search" placeholder="Find a category, label or file" aria-label="Find";
                        @if labelled > 0 { label { input #wrong type="checkbox"; " only where label and answer differ" } }
                        label { input #strange type="checkbox"; " only what is not like the catalogue" }
                        button #whole type="button" { "Whole map" }
                        span #count {}
                    }
                    main {
                        canvas #map tabindex="0" aria-label="Map of the photos; arrow keys move, plus and minus zoom" {}
                        aside { ul #legend {} }
                        figure #card hidden { img #picture alt=""; figcaption #caption {} }
                    }
                    @if labelled > 0 { (self.errors_section()) (matrix(&Confusion::of(self.answers))) }
                    script #points type="application/json" { (PreEscaped(data)) }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        Ok(page.into_string())
    }

    fn errors_section(&self) -> Markup {
        let errors = Self::errors(self.answers);
        html! {
            section {
                h2 { "Errors that the classifier is surest of" }
                @if errors.is_empty() { p { "None: every answer is the label or stops above it." } }
                div.errors {
                    @for (i, error) in errors.iter().enumerate() {
                        figure {
                            @if let Some(url) = self.pictures.get(i) { img src=(url) alt=""; }
                            figcaption {
                                strong { (shown(&error.label)) } " taken for "
                                strong.bad { (error.said.as_deref().map_or_else(String::new, shown)) }
                                ", " (format!("{:.0}%", error.confidence * 100.0)) br;
                                code { (self.points.get(error.photo).map_or_else(String::new, |p| shown(&p.path))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn matrix(confusion: &Confusion) -> Markup {
    let (right, all) = confusion.right();
    let name = |said: &Option<String>| said.as_deref().map_or_else(|| "not sure".to_owned(), shown);
    html! {
        section {
            h2 { "Labels against answers" }
            p.sub { (right) " of " (all) " labelled photos are called by their label. Rows are labels, columns answers; a cell counts photos." }
            div.scroll {
                table.matrix {
                    thead { tr { th {} @for said in &confusion.said { th scope="col" { span { (name(said)) } } } th scope="col" { span { "all" } } } }
                    tbody {
                        @for (row, label) in confusion.labels.iter().enumerate().take(ROWS) {
                            tr {
                                th scope="row" { (shown(label)) }
                                @for (column, &count) in confusion.counts[row].iter().enumerate() {
                                    @let share = 100 * count / confusion.row(row).max(1);
                                    td.hit[row == column].miss[row != column && count > 0]
                                        style=[(count > 0).then(|| format!("--share:{share}%"))]
                                        title=(format!("{} as {}: {count}", shown(label), name(&confusion.said[column]))) {
                                        @if count > 0 { (count) }
                                    }
                                }
                                td.all { (confusion.row(row)) }
                            }
                        }
                    }
                }
            }
            @if confusion.labels.len() > ROWS { p.sub { (confusion.labels.len() - ROWS) " rarer labels are in map.csv." } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_cannot_break_the_page() {
        let point = Point {
            path: "</script><b>\"x\".jpg".to_owned(),
            x: 0.5,
            y: -1.0,
            category: "Tops".to_owned(),
            department: "Apparel".to_owned(),
            confidence: 0.9,
            in_catalog: true,
            label: Some("<i>Shirts</i>".to_owned()),
            wrong: true,
            picture: String::new(),
        };
        let answers = [Answer { photo: 0, label: "<i>Shirts</i>".into(), said: Some("Tops".into()), confidence: 0.9 }];
        let map = Map { points: &[point], answers: &answers, pictures: &[], failed: 1, perplexity: 30.0 };
        let page = map.page().unwrap();
        assert!(!page.contains("<b>") && !page.contains("<i>") && page.contains("1 could not be read"));
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(page.contains("0 of 1 labelled photos"));
    }
}
