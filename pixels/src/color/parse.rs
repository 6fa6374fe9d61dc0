//! Colours as people write them: `#c04030`, `rebeccapurple`, `lab(45 60 30)`, `oklch(62% 0.2 25)`.

use super::{Lab, Oklch};
use crate::palette_files::Swatch;
use crate::{Error, Result};

/// Parses a colour: `#rgb`, `#rrggbb` (the `#` may be left out), a CSS name, `lab(L a b)` or `oklch(L C H)`.
///
/// `lab` is CIE L*a*b* under D65, as everywhere in this program: L 0 to 100, a and b −128 to 128. `oklch` is L 0 to 1 or
/// 0% to 100%, C 0 to 0.5, H in degrees. Numbers are separated by spaces or commas. The swatch is named as it was written.
///
/// # Errors
/// [`Error::Color`] saying what is wrong and what to write instead.
///
/// # Examples
/// ```
/// let swatch = pixels::parse_color("#C04030")?;
/// assert_eq!(swatch.name, "#c04030");
/// assert_eq!(swatch.color.to_srgb8(), [0xc0, 0x40, 0x30]);
/// assert!(pixels::parse_color("navyish").unwrap_err().to_string().contains("did you mean 'navy'"));
/// # Ok::<(), pixels::Error>(())
/// ```
pub fn parse_color(text: &str) -> Result<Swatch> {
    let written = text.trim().to_lowercase();
    let color = parse(&written).map_err(|reason| Error::Color { text: text.to_owned(), reason })?;
    let plain_hex = !written.starts_with('#') && named(&written).is_none() && is_hex(&written);
    let name = if plain_hex { format!("#{written}") } else { written };
    Ok(Swatch { name, color })
}

fn parse(text: &str) -> std::result::Result<Lab, String> {
    if text.is_empty() {
        return Err("it is empty; write #rrggbb, a CSS name, lab(L a b) or oklch(L C H)".to_owned());
    }
    if let Some(arguments) = function(text, "lab")? {
        return lab_from_arguments(arguments);
    }
    if let Some(arguments) = function(text, "oklch")? {
        return oklch_from_arguments(arguments);
    }
    if let Some(digits) = text.strip_prefix('#') {
        return rgb_from_hex(digits).map(Lab::from_srgb8);
    }
    if let Some(rgb) = named(text) {
        return Ok(Lab::from_srgb8(rgb));
    }
    if is_hex(text) {
        return rgb_from_hex(text).map(Lab::from_srgb8);
    }
    let hint = match nearest_name(text) {
        Some(name) => format!("did you mean '{name}'? Otherwise write"),
        None => "write".to_owned(),
    };
    Err(format!("no colour is called that; {hint} #rrggbb, a CSS name, lab(L a b) or oklch(L C H)"))
}

fn named(text: &str) -> Option<[u8; 3]> {
    palette::named::from_str(text).map(|rgb| [rgb.red, rgb.green, rgb.blue])
}

fn is_hex(text: &str) -> bool {
    matches!(text.len(), 3 | 6) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// sRGB of 3 or 6 hexadecimal digits.
pub(crate) fn rgb_from_hex(digits: &str) -> std::result::Result<[u8; 3], String> {
    if let Some(wrong) = digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(format!("'{wrong}' is not a hexadecimal digit (0 to 9, a to f)"));
    }
    let number = u32::from_str_radix(digits, 16).unwrap_or(0);
    let nibble = |shift: u32| ((number >> shift & 0xf) * 0x11) as u8;
    match digits.len() {
        3 => Ok([nibble(8), nibble(4), nibble(0)]),
        6 => Ok([(number >> 16) as u8, (number >> 8) as u8, number as u8]),
        8 => Err("it has 8 digits; a dye has no transparency, write #rrggbb".to_owned()),
        other => Err(format!("it has {other} digits; write #rgb or #rrggbb")),
    }
}

/// What stands between the parentheses of `name(…)`; `None` when it is not that function.
fn function<'a>(text: &'a str, name: &str) -> std::result::Result<Option<&'a str>, String> {
    let Some(rest) = text.strip_prefix(name).map(str::trim_start).and_then(|rest| rest.strip_prefix('(')) else {
        return Ok(None);
    };
    match rest.strip_suffix(')') {
        Some(inner) => Ok(Some(inner)),
        None => Err(format!("the closing parenthesis is missing; write {name}(…)")),
    }
}

/// Three numbers with optional units, each as (value, unit).
fn three<'a>(arguments: &'a str, form: &str) -> std::result::Result<[(f32, &'a str); 3], String> {
    if arguments.contains('/') {
        return Err(format!("a dye has no transparency; write {form}"));
    }
    let numbers: Vec<&str> = arguments.split([' ', ',', '\t']).filter(|part| !part.is_empty()).collect();
    let [first, second, third] = numbers[..] else {
        return Err(format!("it has {} numbers instead of 3; write {form}", numbers.len()));
    };
    let parse = |word: &'a str| {
        let end = word.find(|c: char| c == '%' || c.is_ascii_alphabetic() && c != 'e').unwrap_or(word.len());
        let (digits, unit) = word.split_at(end);
        match digits.replace('−', "-").parse::<f32>() {
            Ok(value) if value.is_finite() => Ok((value, unit)),
            _ => Err(format!("'{word}' is not a number; write {form}")),
        }
    };
    Ok([parse(first)?, parse(second)?, parse(third)?])
}

fn within(name: &str, value: f32, low: f32, high: f32) -> std::result::Result<f32, String> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{name} is {value}, it must be {low} to {high}"))
    }
}

fn lab_from_arguments(arguments: &str) -> std::result::Result<Lab, String> {
    const FORM: &str = "lab(L a b) such as lab(45 60 30)";
    let [(l, l_unit), (a, a_unit), (b, b_unit)] = three(arguments, FORM)?;
    if !matches!(l_unit, "" | "%") || !a_unit.is_empty() || !b_unit.is_empty() {
        return Err(format!("a unit that lab does not have; write {FORM}"));
    }
    Ok(Lab::new(within("L", l, 0.0, 100.0)?, within("a", a, -128.0, 128.0)?, within("b", b, -128.0, 128.0)?))
}

fn oklch_from_arguments(arguments: &str) -> std::result::Result<Lab, String> {
    const FORM: &str = "oklch(L C H) such as oklch(62% 0.2 25)";
    let [(l, l_unit), (c, c_unit), (h, h_unit)] = three(arguments, FORM)?;
    let l = match l_unit {
        "" => l,
        "%" => l / 100.0,
        _ => return Err(format!("L has the unit '{l_unit}'; write {FORM}")),
    };
    // CSS: 100% chroma is 0.4.
    let c = match c_unit {
        "" => c,
        "%" => c * 0.004,
        _ => return Err(format!("C has the unit '{c_unit}'; write {FORM}")),
    };
    if !matches!(h_unit, "" | "deg") {
        return Err(format!("H has the unit '{h_unit}', it is in degrees; write {FORM}"));
    }
    let oklch = Oklch { l: within("L", l, 0.0, 1.0)?, c: within("C", c, 0.0, 0.5)?, h: within("H", h, -360.0, 360.0)? };
    Ok(oklch.to_lab())
}

/// The CSS name closest to a misspelt one.
fn nearest_name(text: &str) -> Option<&'static str> {
    let limit = (text.chars().count() / 2).min(3);
    let mut names: Vec<&'static str> = palette::named::names().collect();
    names.sort_unstable();
    names
        .into_iter()
        .map(|name| if text.starts_with(name) { (1, name) } else { (edit_distance(text, name), name) })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, name)| (*distance, usize::MAX - name.len()))
        .map(|(_, name)| name)
}

/// Levenshtein distance.
fn edit_distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, &b) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rgb(text: &str) -> [u8; 3] {
        parse_color(text).unwrap().color.to_srgb8()
    }

    fn reason(text: &str) -> String {
        parse_color(text).unwrap_err().to_string()
    }

    #[test]
    fn hex_in_all_its_forms() {
        assert_eq!(rgb("#abc"), [0xaa, 0xbb, 0xcc]);
        assert_eq!(rgb("#0a141e"), [10, 20, 30]);
        assert_eq!(rgb("  0A141E "), [10, 20, 30]);
        assert_eq!(parse_color("0A141E").unwrap().name, "#0a141e");
    }

    #[test]
    fn all_css_names() {
        let names: Vec<&str> = palette::named::names().collect();
        assert_eq!(names.len(), 148);
        for name in names {
            assert_eq!(Some(rgb(&name.to_uppercase())), named(name), "{name}");
        }
        assert_eq!(rgb("rebeccapurple"), [0x66, 0x33, 0x99]);
    }

    #[test]
    fn lab_and_oklch() {
        let lab = parse_color("lab(45, 60, -30.5)").unwrap();
        assert_eq!(lab.color, Lab::new(45.0, 60.0, -30.5));
        assert_eq!(parse_color("lab(50% 0 0)").unwrap().color.l, 50.0);
        // Reference: sRGB red is oklch(0.62796 0.25768 29.234).
        assert_eq!(rgb("oklch(0.62796 0.25768 29.234)"), [255, 0, 0]);
        assert_eq!(rgb("oklch(62.796% 0.25768 29.234deg)"), [255, 0, 0]);
        assert_eq!(rgb("oklch(1 0 0)"), [255, 255, 255]);
    }

    #[test]
    fn errors_say_what_to_do() {
        assert!(reason("").contains("#rrggbb"));
        assert!(reason("#12345").contains("5 digits"));
        assert!(reason("#12345678").contains("transparency"));
        assert!(reason("#ggg").contains("'g' is not a hexadecimal digit"));
        assert!(reason("#äöü").contains("hexadecimal"));
        assert!(reason("bleu").contains("did you mean 'blue'"));
        assert!(reason("zzzzzzzzzzzz").contains("a CSS name"));
        assert!(reason("lab(1 2)").contains("2 numbers"));
        assert!(reason("lab(1 2 3").contains("parenthesis"));
        assert!(reason("lab(101 2 3)").contains("L is 101"));
        assert!(reason("lab(nan 2 3)").contains("not a number"));
        assert!(reason("oklch(50 0.1 20)").contains("L is 50"));
        assert!(reason("oklch(0.5 0.1 20rad)").contains("degrees"));
        assert!(reason("lab(1 2 3 / 0.5)").contains("transparency"));
    }

    #[test]
    fn no_text_panics() {
        for text in ["lab(", "oklch()", "#", "lab(e e e)", "(", "lab(1e999 0 0)", "é", "lab(− − −)", "\u{0}"] {
            let _ = parse_color(text);
        }
    }
}
