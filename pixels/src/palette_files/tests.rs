//! Palettes of every format, whole and broken. All bytes are made here.

use super::*;
use crate::color::delta_e00;

fn parse(bytes: &[u8], path: &str) -> Palette {
    parse_palette(bytes, path.as_ref()).unwrap()
}

fn fails(bytes: &[u8], path: &str) -> String {
    parse_palette(bytes, path.as_ref()).unwrap_err().to_string()
}

/// Names and sRGB codes.
fn listed(palette: &Palette) -> Vec<(&str, [u8; 3])> {
    palette.swatches.iter().map(|s| (s.name.as_str(), s.color.to_srgb8())).collect()
}

#[test]
fn hex_lists() {
    let text =
        b"\xEF\xBB\xBF; Spring\r\n\r\n#ff0000 Poppy Red\r\n00ff00\tMeadow\r\n#00f\r\n// note\n# note\n#\n123456, Ink\n";
    let palette = parse(text, "dir/spring.txt");
    assert_eq!(palette.name, "spring");
    assert_eq!(
        listed(&palette),
        [("Poppy Red", [255, 0, 0]), ("Meadow", [0, 255, 0]), ("#0000ff", [0, 0, 255]), ("Ink", [0x12, 0x34, 0x56]),]
    );
    let message = fails(b"#ff0000\n#00ff0g bad\n", "p.hex");
    assert!(message.contains("p.hex: line 2: '#00ff0g': 'g' is not a hexadecimal digit"), "{message}");
    assert!(fails(b"#ff0000\n\xff\xfe\n", "p.txt").contains("line 2: it is not UTF-8"));
    assert!(fails(b"", "p.txt").contains("holds no colours"));
    assert!(fails(b"; only a comment\n", "p.txt").contains("holds no colours"));
}

#[test]
fn csv_by_position_and_by_header() {
    let by_position = parse(b"Poppy,#ff0000\n\"Ink, dark\",000080\nWool,50,10,-20.5\nnavy\n", "a.csv");
    assert_eq!(by_position.swatches[1].name, "Ink, dark");
    assert_eq!(by_position.swatches[2].color, Lab::new(50.0, 10.0, -20.5));
    // A row of one field is a colour without a name.
    assert_eq!(listed(&by_position)[3], ("#000080", [0, 0, 128]));
    let header = parse(b"Code;Name;Hex\r\nA1;Poppy;#ff0000\r\n;;\r\nA2;Ink;#000080\r\n", "a.csv");
    assert_eq!(listed(&header), [("Poppy", [255, 0, 0]), ("Ink", [0, 0, 128])]);
    let lab = parse(b"name, L*, a*, b*\nWool, 50, 10, -20\n", "a.CSV");
    assert_eq!(lab.swatches[0].color, Lab::new(50.0, 10.0, -20.0));
    let rgb = parse(b"r,g,b,name\n1,2,3,Night\n", "a.csv");
    assert_eq!(listed(&rgb), [("Night", [1, 2, 3])]);
}

#[test]
fn broken_csv_rows_name_their_line() {
    for (text, expected) in [
        (&b"name,hex\nA,#ff0000\nB,#zz0000\n"[..], "line 3: colour '#zz0000'"),
        (b"A,#ff0000\n\nB,bluish\n", "line 3: colour 'bluish'"),
        (b"A,50,10,20\nB,101,0,0\n", "line 2: L is '101', it must be 0 to 100"),
        (b"A,50,10,20\nB,50,nan,0\n", "line 2: a is 'nan'"),
        (b"name,L,a,b\nA,50,10\n", "line 2: b is missing"),
        (b"name,hex\nA\n", "line 2: it has no colour"),
        (b"name,r,g,b\nA,1,2,256\n", "line 2: blue is '256'"),
    ] {
        let message = fails(text, "p.csv");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn gimp_palettes() {
    let text = b"GIMP Palette\r\nName: Monsoon\r\nColumns: 4\r\n# note\r\n255   0   0\tPoppy\r\n  0 128  10 Leaf green\r\n1 2 3\r\n4 5 6 Untitled\r\n";
    let palette = parse(text, "x.gpl");
    assert_eq!(palette.name, "Monsoon");
    assert_eq!(
        listed(&palette),
        [("Poppy", [255, 0, 0]), ("Leaf green", [0, 128, 10]), ("#010203", [1, 2, 3]), ("#040506", [4, 5, 6])]
    );
    assert!(fails(b"GIMP Palette\n255 0 0 a\n256 0 0 b\n", "x.gpl").contains("line 3: '256' is not a number 0 to 255"));
    assert!(fails(b"GIMP Palette\n1 2\n", "x.gpl").contains("line 2: '' is not a number"));
    assert!(fails(b"JASC-PAL\n", "x.gpl").contains("line 1"));
    // Told by content, whatever the extension.
    assert_eq!(parse(b"GIMP Palette\n1 2 3 a\n", "x.txt").swatches.len(), 1);
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect()
}

fn ase_block(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(body.len() as u32).to_be_bytes(), body].concat()
}

fn ase_color(name: &str, model: [u8; 4], values: &[f32]) -> Vec<u8> {
    let mut body = (name.encode_utf16().count() as u16 + 1).to_be_bytes().to_vec();
    body.extend(utf16(name));
    body.extend(model);
    body.extend(values.iter().flat_map(|v| v.to_be_bytes()));
    body.extend([0, 0]);
    ase_block(1, &body)
}

fn ase(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"ASEF\0\x01\0\0".to_vec();
    out.extend((blocks.len() as u32).to_be_bytes());
    out.extend(blocks.concat());
    out
}

fn ase_sample() -> Vec<u8> {
    let mut group = 8u16.to_be_bytes().to_vec();
    group.extend(utf16("Monsoon"));
    ase(&[
        ase_block(0xC001, &group),
        ase_color("Poppy", *b"RGB ", &[1.0, 0.0, 0.0]),
        ase_color("Küpe ☂", *b"CMYK", &[1.0, 0.5, 0.0, 0.2]),
        ase_color("Wool", *b"LAB ", &[0.5, 10.0, -20.0]),
        ase_color("Ash", *b"Gray", &[0.5]),
        ase_block(0xC002, &[]),
    ])
}

#[test]
fn adobe_swatch_exchange() {
    let palette = parse(&ase_sample(), "x.ase");
    assert_eq!(palette.name, "Monsoon");
    let list = listed(&palette);
    assert_eq!((list[0], list[1], list[3]), (("Poppy", [255, 0, 0]), ("Küpe ☂", [0, 102, 204]), ("Ash", [128; 3])));
    // Lab is under D50 there; the same colour under D65 is close but not equal.
    let wool = palette.swatches[2].color;
    assert!(delta_e00(wool, Lab::new(50.0, 10.0, -20.0)) < 4.0 && wool != Lab::new(50.0, 10.0, -20.0));
    // Told by content, whatever the extension.
    assert_eq!(parse(&ase_sample(), "x.txt"), Palette { name: "Monsoon".into(), ..palette });
}

#[test]
fn broken_swatch_exchange_names_its_block() {
    let good = ase_color("A", *b"RGB ", &[1.0, 0.0, 0.0]);
    for (bytes, expected) in [
        (ase(&[good.clone(), ase_color("B", *b"RGB ", &[1.0, 0.0])]), "block 2 of 2: the file ends"),
        (ase(&[good.clone(), ase_color("B", *b"RGB ", &[1.0, 7.0, 0.0])]), "block 2 of 2: a channel is 7"),
        (
            ase(&[good.clone(), ase_color("B", *b"RGB ", &[1.0, f32::NAN, 0.0])]),
            "block 2 of 2: a channel is not a finite",
        ),
        (ase(&[ase_color("B", *b"HSB ", &[1.0, 0.0, 0.0])]), "block 1 of 1: its colour model 'HSB ' is unknown"),
        (ase(&[ase_color("B", *b"LAB ", &[0.5, 500.0, 0.0])]), "block 1 of 1: a is 500"),
        (ase(&[good.clone(), ase_block(7, &[])]), "block 2 of 2: its type 0x0007"),
        (b"ASEF\0\x09\0\0\0\0\0\0".to_vec(), "header: version 9.0"),
        (ase(&[]), "whole file: it holds no colours"),
    ] {
        let message = fails(&bytes, "x.ase");
        assert!(message.contains(expected), "{message}");
    }
    assert!(fails(b"GIMP Palette\n", "x.ase").contains("does not start with 'ASEF'"));
}

fn aco_record(space: u16, values: [u16; 4], name: Option<&str>) -> Vec<u8> {
    let mut out: Vec<u8> = [space].iter().chain(&values).flat_map(|v| v.to_be_bytes()).collect();
    if let Some(name) = name {
        out.extend((name.encode_utf16().count() as u32 + 1).to_be_bytes());
        out.extend(utf16(name));
    }
    out
}

fn aco_section(version: u16, records: &[Vec<u8>]) -> Vec<u8> {
    [&version.to_be_bytes()[..], &(records.len() as u16).to_be_bytes(), &records.concat()].concat()
}

const ACO_COLORS: [(u16, [u16; 4], &str); 6] = [
    (0, [0xFFFF, 0, 0x8080, 0], "Poppy"),
    (1, [0x5555, 0xFFFF, 0xFFFF, 0], "Leaf"),
    (2, [0, 0x8000, 0xFFFF, 0xFFFF], "Küpe"),
    (7, [5000, 1000, 0xF830, 0], "Wool"),
    (8, [5000, 0, 0, 0], "Ash"),
    (8, [10_000, 0, 0, 0], ""),
];

fn aco_sample() -> Vec<u8> {
    let plain: Vec<_> = ACO_COLORS.iter().map(|c| aco_record(c.0, c.1, None)).collect();
    let named: Vec<_> = ACO_COLORS.iter().map(|c| aco_record(c.0, c.1, Some(c.2))).collect();
    [aco_section(1, &plain), aco_section(2, &named)].concat()
}

#[test]
fn photoshop_swatches_of_both_versions() {
    let both = parse(&aco_sample(), "dyes.aco");
    assert_eq!(both.name, "dyes");
    let list = listed(&both);
    assert_eq!(list[0], ("Poppy", [255, 0, 128]));
    assert_eq!(list[1], ("Leaf", [0, 255, 0]));
    assert_eq!(list[2], ("Küpe", [0, 128, 255]));
    assert_eq!((list[4], list[5]), (("Ash", [128; 3]), ("#ffffff", [255; 3])));
    // a = 10, b = −20 under D50.
    assert!(delta_e00(both.swatches[3].color, Lab::from_d50(50.0, 10.0, -20.0)) < 1e-3);
    let plain: Vec<_> = ACO_COLORS.iter().map(|c| aco_record(c.0, c.1, None)).collect();
    let first = parse(&aco_section(1, &plain), "dyes.aco");
    assert_eq!(first.swatches[0].name, "#ff0080");
    assert_eq!(first.swatches.len(), 6);
    let named: Vec<_> = ACO_COLORS.iter().map(|c| aco_record(c.0, c.1, Some(c.2))).collect();
    assert_eq!(parse(&aco_section(2, &named), "dyes.aco"), both);
}

#[test]
fn broken_photoshop_swatches_name_their_record() {
    let good = aco_record(0, [1, 2, 3, 0], None);
    for (bytes, expected) in [
        (
            aco_section(1, &[good.clone(), aco_record(3, [1, 0, 0, 0], None)]),
            "colour 2 of 2 (version 1): its colour space 3 (Pantone)",
        ),
        (
            aco_section(1, &[aco_record(7, [20_000, 0, 0, 0], None)]),
            "colour 1 of 1 (version 1): its lightness is 20000",
        ),
        (aco_section(1, &[aco_record(8, [20_000, 0, 0, 0], None)]), "its grey is 20000"),
        (aco_section(1, &[good.clone(), good[..7].to_vec()]), "colour 2 of 2 (version 1): the file ends"),
        (aco_section(2, &[[good.clone(), vec![0xFF; 4]].concat()]), "colour 1 of 1 (version 2): the file ends"),
        (aco_section(2, &[[good.clone(), vec![0, 0, 0, 1, 0xD8, 0]].concat()]), "not valid UTF-16"),
        (vec![0, 9, 0, 0], "header: version 9"),
        (Vec::new(), "whole file: it holds no colours"),
    ] {
        let message = fails(&bytes, "x.aco");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn binary_palettes_cut_or_damaged_anywhere_never_panic() {
    for (bytes, path) in [(ase_sample(), "x.ase"), (aco_sample(), "x.aco")] {
        for cut in 0..bytes.len() {
            if let Ok(palette) = parse_palette(&bytes[..cut], path.as_ref()) {
                // Only a file cut exactly between two sections is whole.
                assert!(path == "x.aco" && palette.swatches.len() == 6, "{path} cut at {cut}");
            }
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let _ = parse_palette(&damaged, path.as_ref());
            }
        }
    }
}

#[test]
fn names_are_printable_and_slugs_unique() {
    let palette = parse(b"#ff0000 Red\n#fe0000 red\n#fd0000 RED!\n#010101 a\x07b\n#020202 \xF0\x9F\x8E\xA8\n", "p.txt");
    let slugs: Vec<String> = palette.swatches.iter().map(Swatch::slug).collect();
    assert_eq!(slugs, ["red", "red-2", "red-3", "a-b", "swatch"]);
    assert!(palette.swatches.iter().all(|s| !s.name.chars().any(char::is_control)));
    assert_eq!(palette.find(" RED ").map(|s| s.color.to_srgb8()), Some([255, 0, 0]));
    assert_eq!(palette.find("green"), None);
}

#[test]
fn slugs_are_safe_file_names() {
    let slug = |name: &str| Swatch { name: name.to_owned(), color: Lab::default() }.slug();
    for (name, expected) in [
        ("#C04030", "c04030"),
        ("Poppy / Red", "poppy-red"),
        ("../../etc/passwd", "etc-passwd"),
        ("lab(40 20 -10)", "lab-40-20-m10"),
        ("lab(40,20,10)", "lab-40-20-10"),
        ("oklch(62.5% 0.2 25deg)", "oklch-62.5-0.2-25deg"),
        ("19-4052 Classic Blue", "19-4052-classic-blue"),
        ("Küpe", "küpe"),
        ("...", "swatch"),
        ("", "swatch"),
        ("a\0b\\c:d*e?", "a-b-c-d-e"),
    ] {
        assert_eq!(slug(name), expected, "{name}");
    }
    assert!(slug(&"x".repeat(500)).len() <= 60);
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dyes.aco");
    std::fs::write(&path, aco_sample()).unwrap();
    assert_eq!(load_palette(&path).unwrap().swatches.len(), 6);
    assert!(matches!(load_palette(&folder.path().join("none.gpl")), Err(Error::Io { .. })));
}
