//! The CSV form of a manifest: one row per master and operation, as a spreadsheet of a season gives it.
//!
//! Columns, in any order: `master` (a file or folder), `operation` (recolor or resize; resize when there is no colour),
//! `name`, `folder`, `region`, `to`, `palette`, `profile`, `sizes`, `formats`, `quality`, `gate`, `false_accept`. Lists inside a cell are separated by
//! `;`. Rows that ask for the same belong to one operation.

use std::collections::HashMap;
use std::path::Path;

use pixels::Format;

use crate::cli::GateMode;
use crate::exit::{Failure, Result};
use crate::recipe::RecipeColor;

use super::location::Location;
use super::manifest::{Defaults, Entry, Manifest, resolved};
use super::operation::{Kind, Operation};

const COLUMNS: [&str; 13] = [
    "master",
    "operation",
    "name",
    "folder",
    "region",
    "to",
    "palette",
    "profile",
    "sizes",
    "formats",
    "quality",
    "gate",
    "false_accept",
];

/// Reads a table.
///
/// # Errors
/// Usage errors naming the line.
pub fn parse(text: &str, base: &Path) -> Result<Manifest> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(false).from_reader(text.as_bytes());
    let usage = |error: csv::Error| Failure::usage(error.to_string());
    let header: Vec<String> = reader
        .headers()
        .map_err(usage)?
        .iter()
        .map(|h| h.trim_start_matches('\u{feff}').to_ascii_lowercase())
        .collect();
    if let Some(unknown) = header.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
        return Err(Failure::usage(format!("unknown column {unknown:?}; columns are {}", COLUMNS.join(", "))));
    }
    let Some(master) = header.iter().position(|name| name == "master") else {
        return Err(Failure::usage("it has no column master"));
    };
    let mut operations: Vec<Operation> = Vec::new();
    // What stands in the other columns, and the operation that it became.
    let mut known: HashMap<Vec<String>, usize> = HashMap::new();
    let mut masters: Vec<(Location, Vec<usize>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for record in reader.records() {
        let record = record.map_err(usage)?;
        let line = record.position().map_or(0, csv::Position::line);
        let wrong = |what: String| Failure::usage(format!("line {line}: {what}"));
        let path = record.get(master).unwrap_or_default().to_owned();
        if path.is_empty() {
            return Err(wrong("the master is empty".to_owned()));
        }
        let asked: Vec<String> =
            record.iter().enumerate().filter(|(i, _)| *i != master).map(|(_, cell)| cell.to_owned()).collect();
        let operation = if let Some(&operation) = known.get(&asked) {
            operation
        } else {
            let cell = |name: &str| {
                let column = header.iter().position(|column| column == name)?;
                record.get(column).filter(|cell| !cell.is_empty())
            };
            let entry = entry(cell).map_err(wrong)?;
            let operation = resolved(entry, &Defaults::default(), base, &operations);
            operations.push(operation.map_err(|failure| wrong(failure.line()))?);
            known.insert(asked, operations.len() - 1);
            operations.len() - 1
        };
        let place = *places.entry(path.clone()).or_insert(masters.len());
        if place == masters.len() {
            masters.push((Location::parse(&path, base)?, Vec::new()));
        }
        if let Some((_, asked)) = masters.get_mut(place).filter(|(_, asked)| !asked.contains(&operation)) {
            asked.push(operation);
        }
    }
    if masters.is_empty() {
        return Err(Failure::usage("it has no rows"));
    }
    Ok(Manifest { masters, operations })
}

fn entry<'a>(cell: impl Fn(&str) -> Option<&'a str>) -> std::result::Result<Entry, String> {
    let list = |name| cell(name).map(|text| text.split(';').map(|part| part.trim().to_owned()).collect::<Vec<_>>());
    let color = |name: String| RecipeColor { name, hex: None, lab: None };
    let to: Vec<RecipeColor> = list("to").unwrap_or_default().into_iter().map(color).collect();
    let kind = match cell("operation").map(str::to_ascii_lowercase).as_deref() {
        Some("recolor") => Kind::Recolor,
        Some("resize") => Kind::Resize,
        Some("restyle") => Kind::Restyle,
        Some(other) => {
            return Err(format!("operation {other:?} is none; recolor and resize are, and restyle in a TOML manifest"));
        }
        None if to.is_empty() && cell("palette").is_none() => Kind::Resize,
        None => Kind::Recolor,
    };
    let gate = match cell("gate") {
        None => None,
        Some("strict") => Some(GateMode::Strict),
        Some("report") => Some(GateMode::Report),
        Some("off") => Some(GateMode::Off),
        Some(other) => return Err(format!("gate {other:?} is none of strict, report, off")),
    };
    let formats: Option<Vec<Format>> = list("formats")
        .map(|names| names.iter().map(|name| name.parse::<Format>().map_err(|error| error.to_string())).collect())
        .transpose()?;
    let quality =
        cell("quality").map(|text| text.parse::<u8>().map_err(|_| format!("quality {text:?} is not 1 to 100")));
    let share =
        cell("false_accept").map(|text| text.parse::<f64>().map_err(|_| format!("false_accept {text:?} is no number")));
    Ok(Entry {
        kind,
        name: cell("name").map(str::to_owned),
        folder: cell("folder").unwrap_or_default().to_owned(),
        sizes: list("sizes"),
        formats,
        quality: quality.transpose()?,
        encoding: None,
        profile: cell("profile").map(str::to_owned),
        gamma: false,
        sharpen: 0.0,
        fast: false,
        gate,
        false_accept: share.transpose()?,
        bounce: None,
        network: None,
        region: cell("region").map(|name| toml::Value::String(name.to_owned())),
        to,
        keep: Vec::new(),
        map: Vec::new(),
        palette: cell("palette").map(Into::into),
        styles: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_ask_for_the_same_are_one_operation() {
        let text = "master,operation,region,to,sizes,formats,quality\n\
                    in/a.jpg,recolor,upper,teal;#8a1538,320w;800x800:pad,jpeg;webp,90\n\
                    in/b.jpg,recolor,upper,teal;#8a1538,320w;800x800:pad,jpeg;webp,90\n\
                    in/a.jpg,,,,1600w,jpeg,\n";
        let manifest = parse(text, Path::new("/season")).unwrap();
        assert_eq!(manifest.operations.len(), 2);
        assert_eq!(manifest.masters.len(), 2);
        assert_eq!(manifest.masters[0].1, [0, 1]);
        assert_eq!(manifest.masters[1].1, [0]);
        assert_eq!((manifest.operations[1].kind, manifest.operations[1].quality), (Kind::Resize, 85));
        assert_eq!(manifest.operations[0].regions[0].to.len(), 2);
    }

    #[test]
    fn a_bad_row_is_named_by_its_line() {
        for (text, says) in [
            ("master,size\na,320w\n", "unknown column \"size\""),
            ("operation\nresize\n", "no column master"),
            ("master,sizes\na.jpg,320w\nb.jpg,huge\n", "line 3"),
            ("master,to\na.jpg,purpel\n", "line 2: operation recolor: "),
            ("master,gate,to\na.jpg,hard,red\n", "gate \"hard\""),
            ("master\n", "no rows"),
        ] {
            let failure = parse(text, Path::new("/")).unwrap_err();
            assert!(failure.line().contains(says), "{text}: {}", failure.line());
        }
    }
}
