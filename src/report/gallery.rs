//! `index.html`: the run as one page that opens offline, for the people who choose.
//!
//! Every text goes through the template's escaping; styles, script and small pictures are inside the file. With the
//! written files beside it, the page shows those when a variant is opened.

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::link::{relative_url, url_segment};
use super::palette_view::{background, backgrounds, changes, palettes};
use super::quality_view;
use super::{
    PhotoEntry, PhotoStatus, Pictures, Report, RunStatus, Settings, SourceEntry, StyleName, VariantEntry, Verdict,
};
use crate::terminal::clean;

const STYLE: &str = include_str!("gallery.css");
const SCRIPT: &str = include_str!("gallery.js");
/// Variants with a picture; a page with more would not open on a phone. `report.json` has them all.
const MAX_PICTURES: usize = 4000;
/// The quality department's table, beside the page.
const TABLE: &str = "tolerance.csv";
/// What the page may load: nothing but itself and the pictures beside it.
const POLICY: &str =
    "default-src 'none'; img-src data: file: 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";

/// The page. `pictures` belong to `report.photos`, in order; `out` is the folder that the page will lie in.
pub fn page(report: &Report, pictures: &[Pictures], out: &Path) -> String {
    let summary = &report.summary;
    let title =
        format!("{} in {}", count(summary.photos, "photo"), count(report.settings.swatches.len(), what(report)));
    let with_pictures = photos_with_pictures(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                title { (title) " · Rangrez" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (masthead(report, &title))
                (toolbar(report))
                main #photos {
                    @for (i, photo) in report.photos.iter().enumerate() {
                        (photo_section(photo, pictures.get(i).filter(|_| i < with_pictures), &report.settings, out))
                    }
                    p #none hidden { "Nothing matches. " button type="button" #reset { "Show everything" } }
                }
                (colophon(report, with_pictures < report.photos.len()))
                (viewer())
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// How many photos from the first on are shown with pictures.
fn photos_with_pictures(report: &Report) -> usize {
    let mut variants = 0;
    let fits = |photo: &&PhotoEntry| {
        variants += photo.variants.len();
        variants <= MAX_PICTURES
    };
    report.photos.iter().take_while(fits).count()
}

fn masthead(report: &Report, title: &str) -> Markup {
    let summary = &report.summary;
    let accepted = summary.variants - summary.rejected;
    html! {
        header.masthead {
            div.headline {
                p.brand { "Rangrez" }
                h1 { (title) }
                p.sub {
                    (when(&report.created))
                    " · region " (report.settings.region) " · gate " (report.settings.gate)
                    @match report.status {
                        RunStatus::Complete => {}
                        RunStatus::Interrupted => { " · " strong.bad { "interrupted, " (summary.not_done) " not done" } }
                        RunStatus::Stopped => { " · " strong.bad { "stopped, " (summary.not_done) " not done" } }
                    }
                }
            }
            dl.figures {
                (figure("variants accepted", &accepted.to_string(), ""))
                (figure("rejected by the gate", &summary.rejected.to_string(), if summary.rejected > 0 { "bad" } else { "" }))
                @if summary.failed > 0 { (figure("photos failed", &summary.failed.to_string(), "bad")) }
                // Of a style the mean colour says nothing that was promised.
                @if report.settings.style().is_none() {
                (figure("out of reach", &summary.out_of_reach.to_string(), if summary.out_of_reach > 0 { "far" } else { "" }))
                (figure(&format!("beyond ΔE00 {}", report.settings.tolerance), &summary.beyond_tolerance.to_string(), if summary.beyond_tolerance > 0 { "bad" } else { "" }))
                @if let Some(median) = summary.delta_e00_median { (figure("median ΔE00", &delta(median), "")) }
                @if let Some(p90) = summary.delta_e00_p90 { (figure("ΔE00, 9 of 10 within", &delta(p90), "")) }
                }
            }
            (guarantee(report))
            @if report.settings.style().is_none() { (tolerance(report)) }
        }
    }
}

fn figure(name: &str, value: &str, class: &str) -> Markup {
    html! { div class=(class) { dt { (name) } dd { (value) } } }
}

fn tolerance(report: &Report) -> Markup {
    html! {
        details.tolerance {
            summary { "How close each colour came" }
            div.scroll {
                table {
                    thead { tr {
                        th scope="col" { "Colour" } th scope="col" { "Asked" }
                        th.n scope="col" { "Variants" } th.n scope="col" { "Median ΔE00" } th.n scope="col" { "9 of 10 within" }
                        th.n scope="col" { "Largest" } th.n scope="col" { "Within 1.0" } th.n scope="col" { "Beyond " (report.settings.tolerance) } th.n scope="col" { "Out of reach" }
                        th.n scope="col" { "Rejected" }
                    } }
                    tbody {
                        @for (row, swatch) in report.tolerance.iter().zip(&report.settings.swatches) {
                            tr {
                                th scope="row" { span.dot style=(backgrounds(swatch)) {} (shown(&row.swatch)) }
                                td { code { (swatch.color.hex) } }
                                td.n { (row.variants) }
                                td.n { (optional(row.median)) } td.n { (optional(row.p90)) } td.n { (optional(row.largest)) }
                                td.n { (row.within_1) } td.n { (row.beyond) } td.n { (row.out_of_reach) } td.n { (row.rejected) }
                            }
                        }
                    }
                }
            }
            p.note {
                "ΔE00 is measured on the encoded file, decoded again: the median colour over the core of the mask against the colour asked for. "
                "Below 1.0 hardly anyone sees a difference. Figures leave out colours that the cloth can’t reach."
            }
            (quality_view::note(&report.settings, TABLE))
        }
    }
}

fn toolbar(report: &Report) -> Markup {
    let summary = &report.summary;
    html! {
        nav.bar aria-label="Filters" {
            label.search {
                span.hidden { "Filter by name, category or " (what(report)) }
                input #search type="search" placeholder={ "Filter: name, category, " (what(report)) } autocomplete="off" spellcheck="false";
                kbd { "/" }
            }
            div.chips role="group" aria-label="Verdict" {
                (chip("all", "All", summary.variants, true))
                (chip("rejected", "Rejected", summary.rejected, false))
                @if report.settings.style().is_none() {
                    (chip("far", "Out of reach", summary.out_of_reach, false))
                    (chip("beyond", "Beyond tolerance", summary.beyond_tolerance, false))
                }
                @if summary.failed + summary.not_done > 0 {
                    (chip("failed", "Failed", summary.failed + summary.not_done, false))
                }
            }
            @if report.settings.swatches.len() > 1 {
                div.chips.swatches role="group" aria-label=(what(report)) {
                    @for swatch in &report.settings.swatches {
                        button.swatch type="button" data-swatch=(swatch.slug) aria-pressed="false"
                            title={ (shown(&swatch.name)) " " (swatch.color.hex) } style=(backgrounds(swatch)) {
                            span.hidden { (shown(&swatch.name)) }
                        }
                    }
                }
            }
        }
    }
}

fn chip(key: &str, name: &str, n: usize, on: bool) -> Markup {
    html! {
        button type="button" data-show=(key) aria-pressed=(on) disabled[n == 0 && !on] { (name) " " span.count { (n) } }
    }
}

fn photo_section(photo: &PhotoEntry, pictures: Option<&Pictures>, settings: &Settings, out: &Path) -> Markup {
    let category = photo.source.as_ref().map(|s| s.category.breadcrumb.join(" ")).unwrap_or_default();
    let failed = photo.status != PhotoStatus::Done;
    let from = photo.source.as_ref().and_then(|_| relative_url(Path::new(&photo.path), out));
    html! {
        section.photo data-text={ (shown(&photo.path)) " " (shown(&category)) } data-failed[failed] data-from=[from] {
            header {
                h2 { (shown(&photo.stem)) }
                @if let Some(source) = &photo.source { (facts(source)) }
                @match photo.status {
                    PhotoStatus::Done => {}
                    PhotoStatus::Failed => p.bad { "Failed: " (shown(photo.error.as_deref().unwrap_or("unknown reason"))) }
                    PhotoStatus::Interrupted => p.bad { "Interrupted while it was in work." }
                    PhotoStatus::NotStarted => p.bad { "Not started." }
                }
                @if let Some(source) = &photo.source {
                    (palettes(&source.regions))
                    @for note in &source.notes { p.note { (shown(note)) } }
                }
            }
            div.strip {
                @if let Some(pictures) = pictures {
                    @if let Some(url) = &pictures.source { (plain_figure("source", url, "Source", &shown(&photo.path))) }
                    @if let (Some(url), Some(source)) = (&pictures.overlay, &photo.source) {
                        (plain_figure("overlay", url, "Mask", &format!("{} · {:.0} % of the photo", source.region, source.coverage * 100.0)))
                    }
                }
                @for (i, variant) in photo.variants.iter().enumerate() {
                    (variant_figure(variant, i, pictures, photo, settings))
                }
            }
        }
    }
}

fn facts(source: &SourceEntry) -> Markup {
    let category = &source.category;
    html! {
        p.facts {
            span.crumbs {
                @for (i, part) in category.breadcrumb.iter().enumerate() {
                    @if i > 0 { span.sep { " › " } }
                    (shown(part))
                }
            }
            " " span.confidence title="Calibrated probability of the category" { (percent(category.confidence)) }
            " · " (source.width_px) " × " (source.height_px) " px"
            @if !category.in_catalog { " · " span.bad { "not in the catalogue: " (shown(&category.reason)) } }
        }
    }
}

fn plain_figure(kind: &str, url: &str, name: &str, caption: &str) -> Markup {
    html! {
        figure class={ "card " (kind) } {
            div.picture { img src=(url) alt={ (name) ": " (caption) } draggable="false"; }
            figcaption { p.name { (name) } p.detail { (caption) } }
        }
    }
}

fn variant_figure(
    variant: &VariantEntry,
    index: usize,
    pictures: Option<&Pictures>,
    photo: &PhotoEntry,
    settings: &Settings,
) -> Markup {
    let picture = pictures.and_then(|p| p.variants.get(index));
    let style = settings.swatches.iter().find(|swatch| swatch.slug == variant.slug && swatch.style.is_some());
    let rejected = variant.gate.verdict == Verdict::Rejected;
    let full = variant.files.iter().max_by_key(|f| u64::from(f.width_px) * u64::from(f.height_px));
    let label = format!("{} in {}", shown(&photo.stem), shown(&variant.swatch));
    html! {
        figure.card.variant data-swatch=(variant.slug) data-name=(label) data-colour=(shown(&variant.swatch))
            data-rejected[rejected] data-far[!variant.reachable]
            data-beyond[quality_view::beyond(&variant.figures)] data-full=[full.map(|f| url_segment(&f.file))] {
            button.picture type="button" aria-label={ "Open " (label) } {
                @if let Some(url) = picture { img src=(url) alt=(label) draggable="false"; } @else { span.blank { "no picture here" } }
                @if rejected && variant.files.is_empty() { span.flag { "not written" } }
            }
            @match style {
                Some(style) => div.compare.styled aria-hidden="true" { span style=(backgrounds(style)) {} }
                None => div.compare aria-hidden="true" {
                    span style=(background(&variant.asked)) {}
                    span style=(background(&variant.measured)) {}
                }
            }
            figcaption {
                @if style.is_none() {
                    p.codes {
                        span { "asked" br; code { (variant.asked.hex) } }
                        span { (if variant.reachable { "measured" } else { "nearest" }) br; code { (variant.measured.hex) } }
                    }
                }
                p.name { (shown(&variant.swatch)) }
                @if style.is_none() {
                    (delta_line(variant))
                    (changes(variant))
                    (quality_view::figures(variant, settings))
                }
                (verdict(variant))
                (nearest(variant, index, pictures))
                (quality_view::maps(variant, index, pictures))
            }
        }
    }
}

fn delta_line(variant: &VariantEntry) -> Markup {
    let class = if variant.reachable { "delta" } else { "delta far" };
    html! { p class=(class) title="Difference between asked and measured" { "ΔE00 " (delta(variant.delta_e00)) } }
}

fn verdict(variant: &VariantEntry) -> Markup {
    let gate = &variant.gate;
    let score = gate.score.zip(gate.threshold).map(|(score, least)| {
        let compared = if score >= least { "≥" } else { "<" };
        format!("{score:.2} {compared} {least:.2}")
    });
    html! {
        @if !variant.reachable { p.verdict.far { "Out of reach for this cloth" } }
        @match gate.verdict {
            Verdict::Accepted => p.verdict.good title=(shown(&gate.reason)) { "Accepted" @if let Some(score) = score { span.detail { " " (score) } } }
            Verdict::Rejected => p.verdict.bad { "Rejected: " (shown(&gate.reason)) @if let Some(score) = score { span.detail { " " (score) } } }
            Verdict::NotJudged => p.verdict.detail { "Not judged" }
        }
        @if gate.attempts > 1 { p.detail { (count(usize::from(gate.attempts), "attempt")) ", each with another share of the network’s correction" } }
        @if gate.certified == Some(false) { p.detail { "threshold not certified for this category" } }
    }
}

fn nearest(variant: &VariantEntry, index: usize, pictures: Option<&Pictures>) -> Markup {
    let small = pictures.and_then(|p| p.nearest.get(index)).map(Vec::as_slice).unwrap_or_default();
    html! {
        @if !small.is_empty() {
            p.detail { "nearest in the catalogue" }
            p.nearest {
                @for (url, entry) in small.iter().zip(&variant.gate.nearest).filter(|(url, _)| !url.is_empty()) {
                    img src=(url) alt=(shown(&entry.path)) title={ (shown(&entry.path)) " " (format!("{:.2}", entry.similarity)) } draggable="false";
                }
            }
        }
    }
}

fn guarantee(report: &Report) -> Markup {
    html! {
        @if let Some(guarantee) = &report.settings.guarantee {
            p.note {
                "At most " (percent(guarantee.false_accept)) " of " (guarantee.negatives.join("; ")) " pass, with "
                (percent(guarantee.confidence)) " confidence, for " (guarantee.certified.join(", "))
                @if guarantee.certified.is_empty() { "no category" }
                "."
                @if !guarantee.uncertified.is_empty() { " Not certified: " (guarantee.uncertified.join(", ")) "." }
            }
        }
    }
}

fn viewer() -> Markup {
    html! {
        dialog #viewer aria-label="Compare with the source" {
            div.stage #stage {
                img.before #before alt="" draggable="false";
                img.after #after alt="" draggable="false";
                div.line #line {}
                span.tag.left { "before" } span.tag.right { "after" }
            }
            div.panel {
                button type="button" #previous aria-label="Previous variant" { "‹" }
                div.what { p #what {} div #details {} }
                button type="button" #next aria-label="Next variant" { "›" }
                button type="button" #close aria-label="Close" { "×" }
            }
            input #slider type="range" min="0" max="100" value="0" aria-label="How much of the source is shown";
            p.keys {
                kbd { "←" } kbd { "→" } " next variant  " kbd { "↑" } kbd { "↓" } " same colour, next photo  "
                kbd { "space" } " hold for the source  " kbd { "esc" } " close"
            }
        }
    }
}

fn colophon(report: &Report, cut: bool) -> Markup {
    html! {
        footer {
            @if cut { p { "Later photos are listed without pictures, to keep this page small enough for a phone." } }
            p {
                "Made by rangrez " (report.program.version) " with libtorch " (report.program.libtorch) " on " (report.program.device)
                " in " (format!("{:.1}", report.summary.seconds)) " s. Machine-readable: " a href="report.json" { "report.json" } ". To make it again: " a href="recipe.toml" { "recipe.toml" } "."
            }
            p.keys {
                kbd { "/" } " filter  " kbd { "←" } kbd { "→" } kbd { "↑" } kbd { "↓" } " move  " kbd { "enter" } " zoom and compare  "
                "Press and hold a variant to see the source."
            }
        }
    }
}

fn shown(text: &str) -> String {
    clean(text)
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// What the photos of a run were given.
fn what(report: &Report) -> &'static str {
    match report.settings.style() {
        None => "colour",
        Some(StyleName::Fabric) => "fabric",
        Some(StyleName::Look) => "look",
    }
}

fn delta(value: f64) -> String {
    format!("{value:.2}")
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), delta)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// `2026-11-23T21:05:09Z` as `2026-11-23 21:05 UTC`.
fn when(created: &str) -> String {
    match (created.get(..10), created.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => created.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn hostile_names_stay_text() {
        let (mut report, pictures) = fixture::report();
        report.photos[0].stem = "<script>alert(1)</script>\u{202e}".to_owned();
        report.photos[0].variants[0].swatch = "\"><img src=x onerror=alert(2)>".to_owned();
        report.photos[1].error = Some("</style><b>&".to_owned());
        let html = page(&report, &pictures, Path::new("."));
        assert!(!html.contains("<script>alert(1)"));
        assert!(!html.contains("<img src=x"));
        assert!(!html.contains("</style><b>"));
        assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}"));
    }

    #[test]
    fn fabrics_are_shown_by_their_pictures_and_promise_no_colour() {
        let (mut report, mut pictures) = fixture::report();
        // No heat map is drawn of a style, and this one is not proofed.
        pictures.iter_mut().for_each(|pictures| (pictures.heat, pictures.proofs) = (Vec::new(), Vec::new()));
        report.photos.iter_mut().flat_map(|photo| &mut photo.variants).for_each(|variant| variant.reachable = true);
        for swatch in &mut report.settings.swatches {
            swatch.style = Some(StyleName::Fabric);
            swatch.picture = Some("data:image/jpeg;base64,QUJD".to_owned());
        }
        let html = page(&report, &pictures, Path::new("."));
        assert!(html.contains("fabrics · Rangrez") && html.contains("url(data:image/jpeg;base64,QUJD)"));
        assert!(!html.contains("ΔE00") && !html.contains("Out of reach"));
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        let (report, pictures) = fixture::report();
        let html = page(&report, &pictures, Path::new("."));
        assert!(!html.contains("http://") && !html.contains("https://"));
    }

    #[test]
    fn file_names_become_urls() {
        assert_eq!(url_segment("a b#1%--red.jpg"), "a%20b%231%25--red.jpg");
        assert_eq!(url_segment("क.jpg"), "%E0%A4%95.jpg");
    }
}
