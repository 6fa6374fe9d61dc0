//! How far colours are from the inks of a cloth, over many pixels side by side.

use crate::color::Lab;
use crate::vector::{LANES, Lanes, vectorised};

/// Weight of lightness in the distance that tells inks apart: folds move lightness most.
const LIGHTNESS: f32 = 0.4;
/// Half the width of the soft edge between ink and what is foreign, in ΔE76.
const EDGE: f32 = 9.0;
/// Place between two inks, as the nearer one's part of both distances, up to which a pixel is all of the nearer.
const PURE: f32 = 0.22;

/// One colour of an ink.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Centre {
    l: f32,
    a: f32,
    b: f32,
    /// 1 / squared chroma.
    direction: f32,
    /// Lightness that shading alone explains, above and below.
    lighter: f32,
    darker: f32,
    /// Distance at which a colour is half foreign.
    threshold: f32,
}

/// The colours of one ink.
#[derive(Clone, Debug)]
pub(crate) struct InkCentres {
    pub centres: Vec<Centre>,
}

impl Centre {
    /// A colour whose cloth varies in lightness by a standard deviation of `range` L*.
    pub fn new(color: Lab, range: f32) -> Self {
        let Lab { l, a, b } = color;
        Self {
            l,
            a,
            b,
            direction: 1.0 / (a * a + b * b + 1e-3),
            lighter: 10.0 + 0.8 * range,
            darker: 18.0 + 1.2 * range,
            threshold: 20.0 + 0.2 * color.chroma(),
        }
    }

    /// Squared distance across the line on which shading moves this colour: the cloth's chroma grows with its light, so
    /// that colours between its own and that shaded one are cloth.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn chroma2(&self, l: f32, a: f32, b: f32) -> f32 {
        let shaded = ((l + 8.0) / (self.l + 8.0)).clamp(0.4, 1.8);
        let along = (a * self.a + b * self.b) * self.direction;
        let along = along.max(shaded.min(1.0)).min(shaded.max(1.0));
        let (a, b) = (a - along * self.a, b - along * self.b);
        a * a + b * b
    }

    /// Squared distance of a colour that shading does not explain.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn unexplained2(&self, l: f32, chroma2: f32) -> f32 {
        let difference = l - self.l;
        let explained = if difference > 0.0 { self.lighter } else { self.darker };
        let excess = (difference.abs() - explained).max(0.0);
        chroma2 + excess * excess
    }

    /// Distance of a colour that shading does not explain, in ΔE76.
    pub fn unexplained(&self, color: Lab) -> f32 {
        self.unexplained2(color.l, self.chroma2(color.l, color.a, color.b)).sqrt()
    }
}

/// The nearest or second nearest ink of each pixel.
struct Nearest {
    ink: Lanes,
    distance2: Lanes,
    l: Lanes,
    a: Lanes,
    b: Lanes,
}

impl Nearest {
    fn none() -> Self {
        Self { ink: [-1.0; LANES], distance2: [1e12; LANES], l: [0.0; LANES], a: [0.0; LANES], b: [0.0; LANES] }
    }
}

vectorised! {
/// Shares of the inks in each colour, which sum to 1, and how foreign it is to all of them, 0 to 1.
fn classify / classify_plain(color: &[Lanes; 3], inks: &[InkCentres], shares: &mut [Lanes], foreign: &mut Lanes) {
    let (mut first, mut second) = (Nearest::none(), Nearest::none());
    let mut unexplained = [1e12_f32; LANES];
    let mut threshold = [20.0_f32; LANES];
    for (k, ink) in inks.iter().enumerate() {
        let mut own = Nearest::none();
        for centre in &ink.centres {
            for i in 0..LANES {
                let (l, a, b) = (color[0][i], color[1][i], color[2][i]);
                let chroma2 = centre.chroma2(l, a, b);
                let lightness = LIGHTNESS * (l - centre.l);
                let distance2 = chroma2 + lightness * lightness;
                let nearer = distance2 < own.distance2[i];
                own.distance2[i] = if nearer { distance2 } else { own.distance2[i] };
                own.l[i] = if nearer { centre.l } else { own.l[i] };
                own.a[i] = if nearer { centre.a } else { own.a[i] };
                own.b[i] = if nearer { centre.b } else { own.b[i] };
                let far2 = centre.unexplained2(l, chroma2);
                let explains = far2 < unexplained[i];
                unexplained[i] = if explains { far2 } else { unexplained[i] };
                threshold[i] = if explains { centre.threshold } else { threshold[i] };
            }
        }
        let k = k as f32;
        for i in 0..LANES {
            let best = own.distance2[i] < first.distance2[i];
            let next = own.distance2[i] < second.distance2[i];
            macro_rules! insert {
                ($field:ident, $value:expr) => {
                    let value = $value;
                    second.$field[i] = if best { first.$field[i] } else if next { value } else { second.$field[i] };
                    first.$field[i] = if best { value } else { first.$field[i] };
                };
            }
            insert!(ink, k);
            insert!(l, own.l[i]);
            insert!(a, own.a[i]);
            insert!(b, own.b[i]);
            insert!(distance2, own.distance2[i]);
        }
    }
    let several = inks.len() > 1;
    for i in 0..LANES {
        // Distance from the line between the two inks, on which their mixtures lie.
        let line = [LIGHTNESS * (second.l[i] - first.l[i]), second.a[i] - first.a[i], second.b[i] - first.b[i]];
        let own = [
            LIGHTNESS * (color[0][i] - first.l[i]),
            color[1][i] - first.a[i],
            color[2][i] - first.b[i],
        ];
        let length2 = line[0] * line[0] + line[1] * line[1] + line[2] * line[2] + 1e-3;
        let t = ((line[0] * own[0] + line[1] * own[1] + line[2] * own[2]) / length2).clamp(0.0, 1.0);
        let off = [own[0] - t * line[0], own[1] - t * line[1], own[2] - t * line[2]];
        let off2 = off[0] * off[0] + off[1] * off[1] + off[2] * off[2];
        // Near its ends the line has nothing to say that the inks themselves do not.
        let off2 = if t > 0.1 { off2 } else { 1e12 };
        let far2 = if several { unexplained[i].min(off2) } else { unexplained[i] };
        let edge = ((far2.sqrt() - threshold[i] + EDGE) / (2.0 * EDGE)).clamp(0.0, 1.0);
        foreign[i] = edge * edge * (3.0 - 2.0 * edge);
    }
    for (k, share) in shares.iter_mut().enumerate() {
        let k = k as f32;
        for (i, share) in share.iter_mut().enumerate() {
            let (near, far) = (first.distance2[i].sqrt(), second.distance2[i].sqrt());
            let place = near / (near + far + 1e-3);
            let other = ((place - PURE) / (1.0 - 2.0 * PURE)).clamp(0.0, 1.0);
            *share = if first.ink[i] == k { 1.0 - other } else if second.ink[i] == k { other } else { 0.0 };
        }
    }
}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inks(colors: &[Lab]) -> Vec<InkCentres> {
        colors.iter().map(|&c| InkCentres { centres: vec![Centre::new(c, 6.0)] }).collect()
    }

    fn shares_of(color: Lab, inks: &[InkCentres]) -> (Vec<f32>, f32) {
        let lanes = [[color.l; LANES], [color.a; LANES], [color.b; LANES]];
        let (mut shares, mut foreign) = (vec![[0.0; LANES]; inks.len()], [0.0; LANES]);
        classify(&lanes, inks, &mut shares, &mut foreign);
        (shares.iter().map(|s| s[5]).collect(), foreign[5])
    }

    #[test]
    fn folds_stay_their_ink_and_borders_are_mixtures() {
        let (navy, white) = (Lab::new(22.0, 8.0, -32.0), Lab::new(93.0, 0.0, 2.0));
        let both = inks(&[navy, white]);
        for (color, share) in
            [(navy, 0.0), (white, 1.0), (Lab::new(12.0, 6.0, -20.0), 0.0), (Lab::new(68.0, 0.0, 0.0), 1.0)]
        {
            let (shares, foreign) = shares_of(color, &both);
            assert!((shares[1] - share).abs() < 0.02 && foreign < 0.05, "{color:?}: {shares:?} {foreign}");
        }
        let (shares, foreign) = shares_of(Lab::new(57.5, 4.0, -15.0), &both);
        assert!((shares[1] - 0.5).abs() < 0.15 && foreign < 0.1, "{shares:?} {foreign}");
        let (_, foreign) = shares_of(Lab::new(60.0, 60.0, 50.0), &both);
        assert!(foreign > 0.95);
    }

    #[test]
    fn wide_code_gives_the_bits_of_plain_code() {
        let mut state = 4_u32;
        let mut random = |from: f32, to: f32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            from + (to - from) * (state >> 8) as f32 / (1 << 24) as f32
        };
        for n in 1..=5 {
            let colors: Vec<Lab> =
                (0..n).map(|_| Lab::new(random(0.0, 99.0), random(-60.0, 60.0), random(-60.0, 60.0))).collect();
            let color: [Lanes; 3] = [0, 1, 2]
                .map(|c| std::array::from_fn(|_| if c == 0 { random(0.0, 99.0) } else { random(-80.0, 80.0) }));
            let inks = inks(&colors);
            let (mut wide, mut plain) = (vec![[0.0; LANES]; n], vec![[0.0; LANES]; n]);
            let (mut wide_foreign, mut plain_foreign) = ([0.0; LANES], [0.0; LANES]);
            classify(&color, &inks, &mut wide, &mut wide_foreign);
            classify_plain(&color, &inks, &mut plain, &mut plain_foreign);
            assert_eq!((&wide, wide_foreign), (&plain, plain_foreign));
            for i in 0..LANES {
                assert!((wide.iter().map(|s| s[i]).sum::<f32>() - 1.0).abs() < 1e-4);
            }
        }
    }
}
