//! Palettes in text: hex lists, CSV, GIMP palettes.

use super::{Fault, Parsed, Swatch, named};
use crate::color::{Lab, parse_color, rgb_from_hex};

pub(super) fn parse(bytes: &[u8], is_csv: bool, is_gpl: bool) -> Result<Parsed, Fault> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].split(|&b| b == b'\n').count();
        Fault::new(format!("line {line}"), "it is not UTF-8 text; save the palette as UTF-8, or with its own extension")
    })?;
    if is_gpl || text.starts_with("GIMP Palette") {
        parse_gpl(text)
    } else if is_csv {
        parse_csv(text).map(|swatches| (None, swatches))
    } else {
        parse_hex_list(text).map(|swatches| (None, swatches))
    }
}

/// One colour per line: hex digits with or without `#`, then an optional name. `;`, `//` and `# ` start comments.
fn parse_hex_list(text: &str) -> Result<Vec<Swatch>, Fault> {
    let mut swatches = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let comment = line == "#" || line.starts_with(';') || line.starts_with("//") || line.starts_with("# ");
        if line.is_empty() || comment {
            continue;
        }
        let (code, name) = line.split_once([' ', '\t', ',']).unwrap_or((line, ""));
        let rgb = rgb_from_hex(code.trim_start_matches('#'))
            .map_err(|reason| Fault::new(format!("line {number}"), format!("'{code}': {reason}")))?;
        swatches.push(named(name.trim_matches([' ', '\t', ',', '"']), Lab::from_srgb8(rgb)));
    }
    Ok(swatches)
}

/// Columns of a CSV file.
#[derive(Default)]
struct Columns {
    name: Option<usize>,
    color: Option<usize>,
    lab: [Option<usize>; 3],
    rgb: [Option<usize>; 3],
}

impl Columns {
    /// The columns that a header row names, if it is one.
    fn from_header(row: &csv::StringRecord) -> Option<Self> {
        let mut columns = Self::default();
        for (i, title) in row.iter().enumerate() {
            let slot = match title.trim().to_lowercase().trim_end_matches('*') {
                "name" | "swatch" | "title" => &mut columns.name,
                "hex" | "color" | "colour" => &mut columns.color,
                "l" => &mut columns.lab[0],
                "a" => &mut columns.lab[1],
                // A `b` belongs to Lab after an `l` and to RGB after an `r`.
                "b" if columns.rgb[0].is_some() => &mut columns.rgb[2],
                "b" => &mut columns.lab[2],
                "r" | "red" => &mut columns.rgb[0],
                "g" | "green" => &mut columns.rgb[1],
                "blue" => &mut columns.rgb[2],
                _ => continue,
            };
            slot.get_or_insert(i);
        }
        let complete = |three: [Option<usize>; 3]| three.iter().all(Option::is_some);
        (columns.color.is_some() || complete(columns.lab) || complete(columns.rgb)).then_some(columns)
    }

    /// `name,colour` or `name,L,a,b`, by the number of fields.
    fn by_position(fields: usize) -> Self {
        let mut columns = Self { name: Some(0), ..Self::default() };
        match fields {
            1 => columns = Self { color: Some(0), ..Self::default() },
            4.. => columns.lab = [Some(1), Some(2), Some(3)],
            _ => columns.color = Some(1),
        }
        columns
    }
}

fn parse_csv(text: &str) -> Result<Vec<Swatch>, Fault> {
    let first_line = text.lines().next().unwrap_or_default();
    let semicolons = first_line.contains(';') && !first_line.contains(',');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(if semicolons { b';' } else { b',' })
        .from_reader(text.as_bytes());
    let mut header = None;
    let mut swatches = Vec::new();
    for (i, row) in reader.records().enumerate() {
        let row = row.map_err(|error| Fault::new(csv_line(text, error.position()), error.to_string()))?;
        if row.iter().all(str::is_empty) {
            continue;
        }
        if i == 0 {
            header = Columns::from_header(&row);
            if header.is_some() {
                continue;
            }
        }
        let by_position = Columns::by_position(row.len());
        let columns = header.as_ref().unwrap_or(&by_position);
        let swatch = swatch_from_row(&row, columns);
        swatches.push(swatch.map_err(|reason| Fault::new(csv_line(text, row.position()), reason))?);
    }
    Ok(swatches)
}

/// The line where a record's text starts; the reader counts from the blank lines before it.
fn csv_line(text: &str, position: Option<&csv::Position>) -> String {
    let start = position.map_or(0, |p| p.byte() as usize).min(text.len());
    let bytes = text.as_bytes();
    let blank = bytes[start..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    format!("line {}", bytes[..start + blank].split(|&b| b == b'\n').count())
}

/// A row's swatch, or what is wrong with it.
fn swatch_from_row(row: &csv::StringRecord, columns: &Columns) -> Result<Swatch, String> {
    let field = |column: Option<usize>| column.and_then(|i| row.get(i)).filter(|value| !value.is_empty());
    let name = field(columns.name).unwrap_or_default();
    if let Some(text) = field(columns.color) {
        let swatch = parse_color(text).map_err(|error| error.to_string())?;
        return Ok(named(name, swatch.color));
    }
    let three = |titles: [&str; 3], from: [Option<usize>; 3], ranges: [(f32, f32); 3]| -> Result<[f32; 3], String> {
        let mut values = [0.0; 3];
        for i in 0..3 {
            let (low, high) = ranges[i];
            let text = field(from[i]).ok_or_else(|| format!("{} is missing", titles[i]))?;
            values[i] = text
                .parse::<f32>()
                .ok()
                .filter(|value| (low..=high).contains(value))
                .ok_or_else(|| format!("{} is '{text}', it must be {low} to {high}", titles[i]))?;
        }
        Ok(values)
    };
    if columns.lab[0].is_some() {
        let [l, a, b] = three(["L", "a", "b"], columns.lab, [(0.0, 100.0), (-128.0, 128.0), (-128.0, 128.0)])?;
        return Ok(named(name, Lab::new(l, a, b)));
    }
    if columns.rgb[0].is_some() {
        let rgb = three(["red", "green", "blue"], columns.rgb, [(0.0, 255.0); 3])?;
        return Ok(named(name, Lab::from_srgb8(rgb.map(|v| v.round() as u8))));
    }
    Err("it has no colour; write name,#rrggbb or name,L,a,b".to_owned())
}

/// GIMP palette: a signature, `Name:` and `Columns:`, then `red green blue name` per line.
fn parse_gpl(text: &str) -> Result<Parsed, Fault> {
    let mut lines = (1..).zip(text.lines());
    if lines.next().is_none_or(|(_, line)| line.trim() != "GIMP Palette") {
        return Err(Fault::new("line 1", "it must be 'GIMP Palette'"));
    }
    let (mut title, mut swatches) = (None, Vec::new());
    for (number, line) in lines {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if swatches.is_empty() {
            if let Some(name) = line.strip_prefix("Name:") {
                title = Some(name.trim().to_owned());
                continue;
            }
            if line.starts_with("Columns:") {
                continue;
            }
        }
        let place = || format!("line {number}");
        let mut rest = line;
        let mut rgb = [0; 3];
        for channel in &mut rgb {
            let (word, tail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            *channel = word
                .parse()
                .map_err(|_| Fault::new(place(), format!("'{word}' is not a number 0 to 255 (red green blue name)")))?;
            rest = tail.trim_start();
        }
        let name = if rest == "Untitled" { "" } else { rest };
        swatches.push(named(name, Lab::from_srgb8(rgb)));
    }
    Ok((title, swatches))
}
