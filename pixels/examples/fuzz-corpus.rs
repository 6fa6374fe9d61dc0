//! Writes what the fuzzer starts from: small pictures in every format and layout. `fuzz-corpus PHOTOS FOLDER`

use std::path::Path;

use pixels::{
    Chroma, Deep, EncodeOptions, Format, Keep, Limits, Mask, Metadata, SizeSpec, Srgb16Image, decode_file, encode_deep,
    encode_with,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, photos, folder] = arguments.as_slice() else {
        return Err("usage: fuzz-corpus PHOTOS FOLDER".into());
    };
    let mut files: Vec<_> =
        std::fs::read_dir(photos)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let size: SizeSpec = "40w".parse()?;
    for (i, path) in files.iter().take(4).enumerate() {
        let image = size.apply(&decode_file(path, &Limits::default())?.image)?;
        let ramp = (0..image.width_px() * image.height_px()).map(|i| (i % 256) as u8).collect();
        let alpha = Mask::new(image.width_px(), image.height_px(), ramp)?;
        let mut exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
        exif[18] = i as u8 + 1;
        let icc = Metadata::of_file(&[], Keep { icc: true, ..Keep::default() })?.icc;
        for (m, metadata) in [Metadata::default(), Metadata { dpi: None, icc, exif: Some(exif) }].iter().enumerate() {
            for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Tiff] {
                for (o, options) in [
                    EncodeOptions::at_level(60),
                    EncodeOptions {
                        progressive: true,
                        lossless: true,
                        chroma: Chroma::Full,
                        ..EncodeOptions::default()
                    },
                ]
                .iter()
                .enumerate()
                {
                    for (a, alpha) in [None, Some(&alpha)].into_iter().enumerate() {
                        let bytes = encode_with(&image, alpha, format, options, metadata)?;
                        let name = format!("{i}{m}{o}{a}.{}", format.extension());
                        std::fs::write(Path::new(folder).join(name), bytes)?;
                    }
                }
            }
        }
        let deep = Srgb16Image::from_srgb8(&image);
        for format in [Format::Png, Format::Tiff] {
            let bytes = encode_deep(Deep { image: &deep, alpha: Some(&alpha) }, format)?;
            std::fs::write(Path::new(folder).join(format!("{i}-deep.{}", format.extension())), bytes)?;
        }
    }
    Ok(())
}
