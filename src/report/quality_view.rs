//! The gallery's view of a variant's quality: tolerance, figures, heat map, proof.

use maud::{Markup, html};

use super::heat_map::FULL_SCALE;
use super::{Figures, Pictures, Settings, VariantEntry};
use crate::terminal::clean;

/// A variant's heat map and its proof, beside each other.
pub fn maps(variant: &VariantEntry, index: usize, pictures: Option<&Pictures>) -> Markup {
    let heat = pictures.and_then(|p| p.heat.get(index));
    let printed = pictures.and_then(|p| p.proofs.get(index)).zip(variant.figures.proof.as_ref());
    let name = clean(&variant.swatch);
    html! {
        @if heat.is_some() || printed.is_some() {
            div.maps {
                @if let Some(url) = heat {
                    figure {
                        img.heat src=(url) alt={ "Heat map of " (name) } draggable="false";
                        figcaption title="Difference to what is expected, ΔE00" { "0" span.ramp {} (FULL_SCALE) "+" }
                    }
                }
                @if let Some((url, proof)) = printed {
                    figure {
                        img src=(url) alt={ (name) " as printed" } draggable="false";
                        figcaption title=(format!("Printed {}, ΔE00 {:.2} to the colour asked", proof.printed.hex, proof.delta_e00)) {
                            "print ΔE " (format!("{:.1}", proof.delta_e00))
                        }
                    }
                }
            }
        }
    }
}

/// Pass or fail, and the figures behind it.
pub fn figures(variant: &VariantEntry, settings: &Settings) -> Markup {
    let figures = &variant.figures;
    html! {
        @if figures.within_tolerance {
            p.verdict.good { "Within ΔE00 " (settings.tolerance) }
        } @else {
            p.verdict.bad { "Beyond ΔE00 " (settings.tolerance) }
        }
        dl.quality {
            (figure("CMC 2:1", "Textile colour difference of the centre", &format!("{:.2}", figures.delta_cmc_2_1)))
            @if let Some(p95) = figures.delta_e00_p95 {
                (figure("p95", "ΔE00 that 95 of 100 pixels keep to what this cloth is expected to become", &format!("{p95:.1}")))
            }
            (figure("clipped", "Pixels newly at 0 or 255", &format!("{:.1} %", figures.clipped_percent)))
            @if let Some(kept) = figures.spread_kept {
                (figure("spread", "Range of lightness beside the expected one", &format!("{:.0} %", kept * 100.0)))
            }
            @if let Some(fringe) = figures.fringe {
                (figure("fringe", "How far the edge leans to the old colour, ΔE", &format!("{fringe:.1}")))
            }
            @if let Some(proof) = &figures.proof {
                (figure("out of gamut", "Cloth that the printer can't show", &format!("{:.0} %", proof.out_of_gamut_percent)))
            }
        }
    }
}

fn figure(name: &str, means: &str, value: &str) -> Markup {
    html! { div title=(means) { dt { (name) } dd { (value) } } }
}

/// What the maps and figures mean, for the table's note.
pub fn note(settings: &Settings, table: &str) -> Markup {
    html! {
        p.note {
            "The heat map shows where the cloth differs from what the dye is expected to make of it: dark is 0, yellow ΔE00 "
            (FULL_SCALE) " and more, grey is no cloth. "
            @if let Some(proof) = &settings.proof { "Proofs are relative colorimetric, by the profile “" (clean(proof)) "”. " }
            "One row per variant for spreadsheets: " a href=(table) { (table) } "."
        }
    }
}

/// Whether a variant passes, as the filters' key.
pub fn beyond(figures: &Figures) -> bool {
    !figures.within_tolerance
}
