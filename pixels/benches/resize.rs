//! What the steps of resizing cost: `cargo bench -p pixels --bench resize`.

use divan::Bencher;
use divan::counter::ItemsCount;
use pixels::{Cut, Format, Light, Limits, Source, SrgbImage, cascade, decode, encode, resize_linear};

const WIDTH: u32 = 1800;
const HEIGHT: u32 = 2400;
const PIXELS: usize = (WIDTH * HEIGHT) as usize;
const WIDTHS: [u32; 8] = [1600, 1200, 1000, 800, 600, 400, 200, 100];

fn main() {
    divan::main();
}

/// Cloth with folds and weave on a white ground.
fn photo() -> SrgbImage {
    let mut image = SrgbImage::filled(WIDTH, HEIGHT, [250; 3]);
    for y in 150..2250_u32 {
        for x in 150..1650_u32 {
            let i = (y * WIDTH + x) as usize;
            let fold = 25.0 * (x as f32 / 60.0 + y as f32 / 200.0).sin() + ((x * 7 + y * 3) % 11) as f32;
            let rgb = [60.0 + fold, 70.0 + fold, 130.0 + fold].map(|v| v as u8);
            image.data_mut()[3 * i..3 * i + 3].copy_from_slice(&rgb);
        }
    }
    image
}

fn cuts(widths: &[u32]) -> Vec<Cut> {
    widths.iter().map(|&w| Cut { crop: (0, 0, WIDTH, HEIGHT), size: (w, (w * HEIGHT + WIDTH / 2) / WIDTH) }).collect()
}

#[divan::bench]
fn decode_jpeg(bencher: Bencher) {
    let bytes = encode(&photo(), None, Format::Jpeg, 92).unwrap_or_default();
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| decode(&bytes, &Limits::default()));
}

#[divan::bench(args = [80, 92])]
fn encode_jpeg(bencher: Bencher, quality: u8) {
    let image = photo();
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| encode(&image, None, Format::Jpeg, quality));
}

#[divan::bench(args = [Light::Linear, Light::Codes])]
fn eight_sizes(bencher: Bencher, light: Light) {
    let (image, cuts) = (photo(), cuts(&WIDTHS));
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| {
        let sizes = cascade(Source::Eight(&image), None, &cuts, light).unwrap_or_default();
        sizes.into_iter().for_each(pixels::Resized::recycle);
    });
}

#[divan::bench(args = WIDTHS)]
fn one_size(bencher: Bencher, width: u32) {
    let (image, cuts) = (photo(), cuts(&[width]));
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| {
        let sizes = cascade(Source::Eight(&image), None, &cuts, Light::Linear).unwrap_or_default();
        sizes.into_iter().for_each(pixels::Resized::recycle);
    });
}

#[divan::bench(args = [1600, 400])]
fn one_size_in_16_bits(bencher: Bencher, width: u32) {
    let image = photo();
    let height = width * HEIGHT / WIDTH;
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| resize_linear(&image, width, height));
}
