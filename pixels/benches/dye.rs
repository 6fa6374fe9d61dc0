//! What the steps of dyeing cost per picture: `cargo bench -p pixels`.

use divan::Bencher;
use divan::counter::ItemsCount;
use pixels::bilateral_grid::BilateralGrid;
use pixels::color::{Lab, LabImage};
use pixels::color_map::ColorMap;
use pixels::dye_plan::DyePlan;
use pixels::dye_render::DyeSource;
use pixels::garment_frame::GarmentFrame;
use pixels::lab_planes::LabPlanes;
use pixels::{Mask, SrgbImage, composite, resize_linear};

const WIDTH: u32 = 1000;
const HEIGHT: u32 = 1500;
const PIXELS: usize = (WIDTH * HEIGHT) as usize;

fn main() {
    divan::main();
}

/// A cloth with folds and weave on a white ground; with stripes of a second colour, if wished.
fn photo(striped: bool) -> (SrgbImage, Mask) {
    let mut image = SrgbImage::filled(WIDTH, HEIGHT, [250; 3]);
    let mut mask = Mask::filled(WIDTH, HEIGHT, 0);
    for y in 150..1350_u32 {
        for x in 150..850_u32 {
            let i = (y * WIDTH + x) as usize;
            let fold = 25.0 * (x as f32 / 60.0 + y as f32 / 200.0).sin() + ((x * 7 + y * 3) % 11) as f32;
            let rgb = if striped && x / 40 % 3 == 0 {
                [228.0 + 0.3 * fold; 3]
            } else {
                [60.0 + fold, 70.0 + fold, 130.0 + fold]
            };
            image.data_mut()[3 * i..3 * i + 3].copy_from_slice(&rgb.map(|v| v as u8));
            mask.data_mut()[i] = if x < 153 || y < 153 { 128 } else { 255 };
        }
    }
    (image, mask)
}

fn planned(image: &SrgbImage, mask: &Mask) -> Option<(DyeSource, DyePlan)> {
    let source = DyeSource::new(image, mask).ok()??;
    let mut plan = source.plan(&ColorMap::to_main(&source.stats, Lab::new(45.0, 60.0, 30.0)))?;
    source.refine(&mut plan, &BilateralGrid::zero());
    Some((source, plan))
}

#[divan::bench]
fn lab_of_the_picture(bencher: Bencher) {
    let (image, _) = photo(false);
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| LabImage::from_srgb(&image));
}

#[divan::bench]
fn compact_lab_of_the_frame(bencher: Bencher) {
    let (image, _) = photo(false);
    let frame = GarmentFrame { x_px: 0, y_px: 0, width_px: WIDTH, height_px: HEIGHT };
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| LabPlanes::from_srgb(&image, frame));
}

#[divan::bench(args = [false, true])]
fn measuring_the_cloth(bencher: Bencher, striped: bool) {
    let (image, mask) = photo(striped);
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| DyeSource::new(&image, &mask));
}

#[divan::bench(args = [false, true])]
fn rendering_a_swatch(bencher: Bencher, striped: bool) {
    let (image, mask) = photo(striped);
    let Some((source, plan)) = planned(&image, &mask) else { return };
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| source.render(&image, &mask, &plan));
}

#[divan::bench]
fn compositing(bencher: Bencher) {
    let (image, mask) = photo(false);
    let other = SrgbImage::filled(WIDTH, HEIGHT, [120, 40, 60]);
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| composite(&image, &other, &mask));
}

#[divan::bench]
fn shrinking_to_a_thumbnail(bencher: Bencher) {
    let (image, _) = photo(false);
    bencher.counter(ItemsCount::new(PIXELS)).bench(|| resize_linear(&image, 200, 300));
}
