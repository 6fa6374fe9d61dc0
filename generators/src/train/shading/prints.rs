//! Random prints: procedural families and pieces of printed garments, as albedo over the plane of the cloth.

use pixels::color::Lab;

use crate::shading::view::{SIDE, luminance, smoothed};
use crate::stream::Stream;

use super::garments::Garment;

/// Linear reflectance per channel.
pub type Albedo = [f32; 3];

/// Kinds of prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// No print.
    Solid,
    /// Bands along one direction.
    Stripes,
    /// Bands across bands: gingham, plaid.
    Checks,
    /// Discs or rings on a lattice.
    Dots,
    /// Noise cut at a level: camouflage, ikat.
    Blobs,
    /// Fine speckle.
    Heather,
    /// A few shapes on plain cloth, of a text's or a badge's size.
    Logo,
    /// Large areas of another colour.
    Panels,
    /// A piece of a printed garment.
    Photo,
    /// Diamonds with thin lines; held out.
    Argyle,
    /// Flowers; held out.
    Floral,
    /// Broken rings with a darker heart; held out.
    Leopard,
    /// Bent stripes; held out.
    Waves,
    /// The broken check; held out.
    Houndstooth,
}

/// Families that are trained on, each as often as it is listed.
pub const TRAINED: [Family; 12] = [
    Family::Solid,
    Family::Stripes,
    Family::Stripes,
    Family::Checks,
    Family::Checks,
    Family::Dots,
    Family::Blobs,
    Family::Blobs,
    Family::Heather,
    Family::Logo,
    Family::Panels,
    Family::Photo,
];
/// Prints that nothing is trained on; their pieces of garments come from held-out garments.
pub const HELD_OUT: [Family; 6] =
    [Family::Argyle, Family::Floral, Family::Leopard, Family::Waves, Family::Houndstooth, Family::Photo];

/// A print, ready to be asked for its albedo.
pub struct Print {
    family: Family,
    colors: Vec<Albedo>,
    /// Pixels per repeat.
    period: f32,
    /// Cosine and sine of the rotation.
    turn: (f32, f32),
    /// Cuts, radii, levels: what the family makes of them.
    numbers: [f32; 6],
    seed: u32,
    /// A piece of a garment and its side in pixels.
    piece: Option<(Vec<Albedo>, usize)>,
}

impl Print {
    /// Draws a print of a family; `printed` lends pieces to [`Family::Photo`], which is [`Family::Blobs`] without any.
    pub fn draw(family: Family, printed: &[Garment], stream: &mut Stream) -> Self {
        let period = 4.0 * (stream.unit() * 2.4).exp(); // 4 to 44 px
        let angle = match stream.below(4) {
            0 => 0.0,
            1 => std::f32::consts::FRAC_PI_2,
            2 => std::f32::consts::FRAC_PI_4,
            _ => stream.uniform(0.0, std::f32::consts::PI),
        };
        let piece = if family == Family::Photo { piece(printed, stream) } else { None };
        let family = if family == Family::Photo && piece.is_none() { Family::Blobs } else { family };
        Self {
            family,
            colors: colors(4, stream),
            period,
            turn: (angle.cos(), angle.sin()),
            numbers: std::array::from_fn(|_| stream.unit()),
            seed: stream.below(1 << 30) as u32,
            piece,
        }
    }

    /// Albedo at a place of the cloth, in pixels of the small copy.
    pub fn at(&self, x: f32, y: f32) -> Albedo {
        let (c, s) = self.turn;
        let (u, v) = ((c * x + s * y) / self.period, (c * y - s * x) / self.period);
        let soft = 0.6 / self.period;
        let [ground, first, second, third] = [self.colors[0], self.colors[1], self.colors[2], self.colors[3]];
        let n = &self.numbers;
        match self.family {
            Family::Solid => ground,
            Family::Stripes => self.bands(u, soft),
            Family::Checks => {
                let (one, other) = (self.bands(u, soft), self.bands(v + n[4], soft));
                [0, 1, 2].map(|i| (one[i] * other[i]).sqrt())
            }
            Family::Dots => {
                let row = v.floor();
                let shift = if n[0] > 0.5 && row as i32 % 2 != 0 { 0.5 } else { 0.0 };
                let (du, dv) = ((u + shift).rem_euclid(1.0) - 0.5, v.rem_euclid(1.0) - 0.5);
                let r = du.hypot(dv);
                let disc = edge(0.12 + 0.3 * n[1] - r, soft);
                let hole = if n[2] > 0.7 { edge(0.06 + 0.12 * n[1] - r, soft) } else { 0.0 };
                mix(mix(ground, first, disc), second, hole)
            }
            Family::Blobs => {
                let value = self.noise(u, v) + 0.5 * self.noise(2.0 * u + 7.0, 2.0 * v * (1.0 + 3.0 * n[3]));
                let soft = 2.0 * soft + 0.2 * n[4] * n[4];
                let one = mix(ground, first, edge(value - 0.5 - 0.3 * n[0], soft));
                if n[2] > 0.4 { mix(one, second, edge(value - 0.9 - 0.2 * n[1], soft)) } else { one }
            }
            Family::Heather => mix(ground, first, (hash(x as i32, y as i32, self.seed) * (0.3 + 0.7 * n[0])).min(1.0)),
            Family::Logo => self.logo(x / SIDE as f32, y / SIDE as f32),
            Family::Panels => {
                let (x, y) = (x / SIDE as f32 - 0.5, y / SIDE as f32 - 0.5);
                let (along, across) = (c * x + s * y, c * y - s * x);
                let bend = 0.2 * (n[3] - 0.5) * (6.0 * across).sin();
                let one = mix(ground, first, edge(along + bend - 0.5 * (n[0] - 0.5), 0.006));
                if n[1] > 0.5 {
                    mix(one, second, edge(0.04 + 0.12 * n[2] - (along - 0.3 * (n[4] - 0.5)).abs(), 0.006))
                } else {
                    one
                }
            }
            Family::Photo => self.piece_at(x, y),
            Family::Argyle => {
                let (a, b) = ((u + v).rem_euclid(1.0), (u - v).rem_euclid(1.0));
                let diamond = edge((0.25 - (a - 0.5).abs()).min(0.25 - (b - 0.5).abs()), soft);
                let line = edge(0.03 - ((u + v + 0.5).rem_euclid(1.0) - 0.5).abs(), soft)
                    .max(edge(0.03 - ((u - v + 0.5).rem_euclid(1.0) - 0.5).abs(), soft));
                mix(mix(ground, if n[0] > 0.5 { first } else { second }, diamond), third, line)
            }
            Family::Floral => self.cells(u, v, |du, dv, chance| {
                let (r, angle) = (du.hypot(dv), dv.atan2(du) + 6.0 * chance);
                let petals = 4.0 + (3.0 * chance).floor();
                let reach = (0.25 + 0.2 * n[0]) * (0.65 + 0.35 * (petals * angle).cos());
                let flower = mix(ground, if chance > 0.5 { first } else { second }, edge(reach - r, soft));
                (mix(flower, third, edge(0.08 - r, soft)), edge(reach - r, soft))
            }),
            Family::Leopard => self.cells(u, v, |du, dv, chance| {
                let (r, angle) = (du.hypot(1.3 * dv), dv.atan2(du) + 6.0 * chance);
                let radius = 0.24 + 0.1 * chance;
                let ring = edge(0.07 + 0.03 * (3.0 * angle).sin() - (r - radius).abs(), soft);
                let ring = ring * edge((angle * 0.5).sin().abs() - 0.25, 0.1);
                let heart = edge(radius - r, soft);
                (mix(mix(ground, second, heart), first, ring), ring.max(heart))
            }),
            Family::Waves => {
                let bent =
                    u + (0.2 + 0.5 * n[5]) * (std::f32::consts::TAU * v * (0.3 + n[4])).sin() + 0.5 * self.noise(u, v);
                self.bands(bent, 1.5 * soft)
            }
            Family::Houndstooth => {
                let (a, b) = (u.rem_euclid(1.0), v.rem_euclid(1.0));
                let (i, j) = (a < 0.5, b < 0.5);
                let diagonal = ((a + b) * 4.0).rem_euclid(1.0) < 0.5;
                if i && j || i != j && diagonal { first } else { ground }
            }
        }
    }

    /// Two to four bands per repeat.
    fn bands(&self, t: f32, soft: f32) -> Albedo {
        let t = t.rem_euclid(1.0);
        let n = &self.numbers;
        let count = 1 + (n[3] * 3.0) as usize;
        let mut cuts = [0.15 + 0.7 * n[0], 0.1 + 0.8 * n[1], 0.05 + 0.9 * n[2]];
        cuts[..count].sort_by(f32::total_cmp);
        let mut color = mix(self.colors[count], self.colors[0], edge(t, soft));
        for (i, cut) in cuts[..count].iter().enumerate() {
            color = mix(color, self.colors[i + 1], edge(t - cut, soft));
        }
        mix(color, self.colors[0], edge(t - 1.0, soft))
    }

    /// Smooth noise, about −0.5 to 1.5 with a mean of a half.
    fn noise(&self, u: f32, v: f32) -> f32 {
        let (i, j) = (u.floor(), v.floor());
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (fu, fv) = (ease(u - i), ease(v - j));
        let at = |di: i32, dj: i32| 2.0 * hash(i as i32 + di, j as i32 + dj, self.seed) - 0.5;
        let top = at(0, 0) + (at(1, 0) - at(0, 0)) * fu;
        let bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * fu;
        top + (bottom - top) * fv
    }

    /// What covers a place most of the motifs in the cells around it; each is moved a little.
    fn cells(&self, u: f32, v: f32, motif: impl Fn(f32, f32, f32) -> (Albedo, f32)) -> Albedo {
        let mut best = (self.colors[0], 0.0);
        for dj in -1..=1 {
            for di in -1..=1 {
                let (i, j) = (u.floor() as i32 + di, v.floor() as i32 + dj);
                let moved = |salt| 0.6 * (hash(i, j, self.seed ^ salt) - 0.5);
                let (cu, cv) = (i as f32 + 0.5 + moved(1), j as f32 + 0.5 + moved(2));
                let seen = motif(u - cu, v - cv, hash(i, j, self.seed ^ 3));
                if seen.1 > best.1 {
                    best = seen;
                }
            }
        }
        best.0
    }

    /// A badge: bars like lines of text, a disc or a frame, at the chest or across.
    fn logo(&self, x: f32, y: f32) -> Albedo {
        let n = &self.numbers;
        let (w, h) = (0.06 + 0.3 * n[0], 0.04 + 0.2 * n[1]);
        let (dx, dy) = (x - 0.3 - 0.4 * n[2], y - 0.2 - 0.45 * n[3]);
        let soft = 0.005;
        let inside = edge(w - dx.abs(), soft) * edge(h - dy.abs(), soft);
        let ink = match (n[4] * 3.0) as i32 {
            0 => {
                let line = edge(((dy / h * 2.5).rem_euclid(1.0) - 0.5).abs() - 0.2, 0.1);
                let letter = hash((dx * 40.0).floor() as i32, (dy / h * 2.5).floor() as i32, self.seed);
                inside * line * edge(letter - 0.3, 0.05)
            }
            1 => edge(1.0 - (dx / w).hypot(dy / h.max(0.8 * w)), 0.05),
            _ => inside,
        };
        let first = mix(self.colors[0], self.colors[1], ink);
        mix(first, self.colors[2], if n[5] > 0.6 { inside * edge(0.4 * h - dy.abs(), soft) * 0.9 } else { 0.0 })
    }

    fn piece_at(&self, x: f32, y: f32) -> Albedo {
        let Some((piece, side)) = &self.piece else { return self.colors[0] };
        let zoom = 0.6 + self.numbers[0];
        let (c, s) = self.turn;
        let turn = if self.numbers[1] > 0.5 { (1.0, 0.0) } else { (c, s) };
        let fold = |t: f32| {
            let t = (t / zoom).rem_euclid(2.0 * *side as f32);
            let t = if t >= *side as f32 { 2.0 * *side as f32 - t } else { t };
            t.clamp(0.0, (*side - 1) as f32)
        };
        let (u, v) = (fold(turn.0 * x + turn.1 * y), fold(turn.0 * y - turn.1 * x));
        let (i, j) = (u as usize, v as usize);
        let (i1, j1) = ((i + 1).min(side - 1), (j + 1).min(side - 1));
        let row = |j: usize| mix(piece[j * side + i], piece[j * side + i1], u - i as f32);
        mix(row(j), row(j1), v - j as f32)
    }
}

/// The largest square of cloth around a random place of a printed garment, its own broad light divided out.
fn piece(printed: &[Garment], stream: &mut Stream) -> Option<(Vec<Albedo>, usize)> {
    let garment = printed.get(stream.below(printed.len()))?;
    let side = 24 + stream.below(28);
    let inner = garment.mask.threshold(230);
    let whole = |x: usize, y: usize| {
        [(0, 0), (1, 0), (0, 1), (1, 1)]
            .iter()
            .all(|(i, j)| inner.data()[(y + j * (side - 1)) * SIDE + x + i * (side - 1)] > 0)
    };
    let (x, y) = (0..40).map(|_| (stream.below(SIDE - side), stream.below(SIDE - side))).find(|&(x, y)| whole(x, y))?;
    let linear: Vec<Albedo> = garment
        .image
        .data()
        .chunks_exact(3)
        .map(|rgb| [rgb[0], rgb[1], rgb[2]].map(pixels::color::linear_from_srgb8))
        .collect();
    let light: Vec<f32> = linear.iter().map(|&rgb| luminance(rgb)).collect();
    let broad = smoothed(&light, &inner, 9.0);
    let mean = broad[(y + side / 2) * SIDE + x + side / 2].max(0.02);
    let flat = |i: usize| linear[i].map(|v| (v * mean / broad[i].max(0.02)).clamp(0.004, 0.98));
    Some(((0..side * side).map(|k| flat((y + k / side) * SIDE + x + k % side)).collect(), side))
}

/// A ground and some inks: near it or far from it, of its hue or of any.
fn colors(count: usize, stream: &mut Stream) -> Vec<Albedo> {
    let random = |stream: &mut Stream| {
        let l = match stream.below(8) {
            0 | 1 => stream.uniform(7.0, 24.0),
            2 => stream.uniform(82.0, 95.0),
            _ => stream.uniform(20.0, 88.0),
        };
        let (chroma, hue) = (30.0 * stream.normal().abs(), stream.uniform(0.0, std::f32::consts::TAU));
        Lab::new(l, chroma.min(70.0) * hue.cos(), chroma.min(70.0) * hue.sin())
    };
    let ground = random(stream);
    let tonal = stream.chance(0.3);
    let contrast = 0.12 + 0.88 * stream.unit();
    let mut all = vec![ground];
    for _ in 1..count {
        let other = random(stream);
        let near = |from: f32, to: f32| from + contrast * (to - from);
        let l = near(ground.l, other.l);
        let scale = (l + 8.0) / (ground.l + 8.0);
        all.push(if tonal {
            Lab::new(l, ground.a * scale.min(1.3), ground.b * scale.min(1.3))
        } else {
            Lab::new(l, near(ground.a, other.a), near(ground.b, other.b))
        });
    }
    all.into_iter().map(|lab| lab.to_linear().map(|v| v.clamp(0.004, 0.96))).collect()
}

fn mix(a: Albedo, b: Albedo, share: f32) -> Albedo {
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * share)
}

/// 0 below −`soft`, 1 above it.
fn edge(x: f32, soft: f32) -> f32 {
    (0.5 + 0.5 * x / soft).clamp(0.0, 1.0)
}

/// A number from 0 to 1 for a cell.
fn hash(i: i32, j: i32, seed: u32) -> f32 {
    let mut h =
        (i as u32).wrapping_mul(0x85eb_ca6b) ^ (j as u32).wrapping_mul(0xc2b2_ae35) ^ seed.wrapping_mul(0x27d4_eb2f);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    ((h ^ (h >> 15)) >> 8) as f32 / (1 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_gives_reflectances_and_prints_have_contrast() {
        let mut stream = Stream::new(4, "prints", 0);
        for family in TRAINED.into_iter().chain(HELD_OUT) {
            let mut varied = 0;
            for _ in 0..20 {
                let print = Print::draw(family, &[], &mut stream);
                let values: Vec<Albedo> = (0..SIDE * SIDE / 9)
                    .map(|i| print.at((3 * i % SIDE) as f32, (3 * (3 * i / SIDE)) as f32))
                    .collect();
                assert!(values.iter().flatten().all(|v| (0.0..=1.0).contains(v)), "{family:?}");
                let light: Vec<f32> = values.iter().map(|&rgb| luminance(rgb)).collect();
                let (least, most) = light.iter().fold((1.0_f32, 0.0_f32), |(a, b), &v| (a.min(v), b.max(v)));
                varied += usize::from(most > 1.05 * least);
            }
            assert_eq!(varied > 15, family != Family::Solid, "{family:?}: {varied}");
        }
    }
}
