//! The gallery's view of a garment's colours and of what becomes of them.

use maud::{Markup, html};

use super::{Color, MapEntry, RegionEntry, SwatchEntry, VariantEntry};
use crate::terminal::clean;

/// Each region's colours as a bar, widths by their shares.
pub fn palettes(regions: &[RegionEntry]) -> Markup {
    html! {
        div.palettes {
            @for region in regions {
                figure.palette {
                    div.shares aria-hidden="true" {
                        @for entry in &region.palette {
                            span style=(format!("flex-grow:{};background:{}", entry.share, entry.color.hex)) {}
                        }
                    }
                    figcaption {
                        @if regions.len() > 1 { b { (clean(&region.region)) } " " }
                        @for entry in &region.palette {
                            code { (entry.color.hex) } " " (percent(entry.share)) " "
                        }
                    }
                }
            }
        }
    }
}

/// What became of each colour of a variant, where there is more to say than one colour.
pub fn changes(variant: &VariantEntry) -> Markup {
    let several = variant.regions.len() > 1;
    html! {
        @for region in &variant.regions {
            @if several || region.map.len() > 1 {
                div.changes {
                    @if several {
                        p.detail { (clean(&region.region)) ": " (clean(&region.swatch)) ", ΔE00 " (format!("{:.2}", region.delta_e00)) }
                    }
                    @if region.map.len() > 1 {
                        @for entry in &region.map { (change(entry)) }
                    }
                }
            }
        }
    }
}

fn change(entry: &MapEntry) -> Markup {
    let (says, arrow) = match entry.change {
        "keep" => ("stays", "="),
        "follow" => ("moves with the main colour", "~"),
        _ => ("becomes", "→"),
    };
    let to = entry.to.as_ref().map(|color| color.hex.as_str()).unwrap_or_default();
    html! {
        span.change title=(format!("{} ({}) {says} {to}", entry.from, percent(entry.share)).trim_end()) {
            span.dot style=(format!("background:{}", entry.from)) {}
            (arrow)
            @if let Some(color) = &entry.to { span.dot style=(background(color)) {} }
        }
    }
}

/// The colours of a swatch side by side, for its chip.
pub fn background(color: &Color) -> String {
    format!("background:{}", color.hex)
}

/// As [`background`], of all that a swatch is: its picture, or the colours of several regions.
pub fn backgrounds(swatch: &SwatchEntry) -> String {
    if let Some(url) = &swatch.picture {
        return format!("background:url({url}) center/cover");
    }
    let all = &swatch.colors;
    if all.len() < 2 {
        return background(&swatch.color);
    }
    let share = 100.0 / all.len() as f64;
    let stop =
        |(i, color): (usize, &Color)| format!("{} {:.1}% {:.1}%", color.hex, i as f64 * share, (i + 1) as f64 * share);
    format!("background:linear-gradient(90deg,{})", all.iter().enumerate().map(stop).collect::<Vec<_>>().join(","))
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn colours_shares_and_changes_are_shown() {
        let (report, _) = fixture::report();
        let source = report.photos[0].source.as_ref().unwrap();
        let shown = palettes(&source.regions).into_string();
        assert!(shown.contains("#fafaf5") && shown.contains("80 %") && shown.contains("flex-grow:0.2"), "{shown}");
        let shown = changes(&report.photos[0].variants[0]).into_string();
        assert!(shown.contains("#283c78 (80 %) becomes #8a1538") && shown.contains("#fafaf5 (20 %) stays"), "{shown}");
        let mut swatch = report.settings.swatches[0].clone();
        swatch.colors = source.regions[0].palette.iter().take(2).map(|entry| entry.color.clone()).collect();
        assert_eq!(backgrounds(&swatch), "background:linear-gradient(90deg,#283c78 0.0% 50.0%,#fafaf5 50.0% 100.0%)");
    }
}
