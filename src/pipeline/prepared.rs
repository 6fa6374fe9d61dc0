//! Between photo and variants: each region's cloth, measured once, and dyed or restyled as often as there are variants.

use std::cell::OnceCell;

use generators::dye::{Dyed, Source};
use generators::embedding::Point;
use generators::style::painter::Counted;
use pixels::color::Lab;
use pixels::color_map::ColorMap;
use pixels::fabric::Restyle;
use pixels::garment_stats::{GarmentStats, SAMPLE_LIMIT, core_sample};
use pixels::{Bounce, Mask, Srgb16Image, SrgbImage, composite, composite_deep, merge, merge_deep};

use crate::exit::{Exit, Failure, OrExit, Result};
use crate::recipe::{OwnCloth, Scope};
use crate::report::inspection::{Inspected, Inspection};

use super::candidate::RegionResult;
use super::decoded::Decoded;
use super::embedded::Embedded;
use super::fabric::Fabric;
use super::models::Models;
use super::style::{Style, StyleKind};
use super::variants::Variant;

/// What is known of a region's cloth.
enum Cloth<'a> {
    /// All that dyeing it takes.
    Dyed(Box<Source<'a>>),
    /// Its colours and the pixels that they were read at: all that is told of cloth that another takes the place of.
    Replaced { stats: GarmentStats, core: Vec<usize> },
}

/// A photo whose regions have been measured.
pub struct Prepared<'a> {
    /// The photo.
    pub embedded: &'a Embedded,
    cloths: Vec<Cloth<'a>>,
    bounce: Option<Bounce>,
    /// The garments ready for other cloths, by what their own is said to be.
    cuts: [OnceCell<Vec<Restyle<'a>>>; 3],
    /// What dyed variants are compared at, once there is one.
    inspection: OnceCell<Inspection>,
    /// Where the backbone puts the photo, once the recolour network wants to know.
    general: OnceCell<Point>,
}

/// A photo in other colours, another fabric or another look, not yet encoded.
#[derive(Debug)]
pub struct DyedPhoto {
    /// The picture.
    pub image: SrgbImage,
    /// The same with 16 bits per channel, if files are to have them.
    pub deep: Option<Srgb16Image>,
    /// What was done to each region, and whether it came out.
    pub regions: Vec<DyedRegion>,
}

/// One region in another colour.
#[derive(Clone, Debug)]
pub struct DyedRegion {
    /// What became of each of its colours; all are kept where it was restyled.
    pub map: ColorMap,
    /// The colour that it is to have; of a style the mean one.
    pub asked: Option<Lab>,
    /// Whether the colour was reached before encoding.
    pub reachable: bool,
}

impl<'a> Cloth<'a> {
    fn dyed(decoded: &'a Decoded, mask: &'a Mask) -> Result<Self> {
        let source = match &decoded.deep {
            Some(deep) => Source::deep(&decoded.image, deep, mask),
            None => Source::new(&decoded.image, mask),
        };
        Ok(Self::Dyed(Box::new(source.or_exit(Exit::Input)?)))
    }

    fn replaced(photo: &SrgbImage, mask: &Mask) -> Result<Self> {
        let core = core_sample(mask, SAMPLE_LIMIT);
        let codes = core.iter().filter_map(|&i| photo.data().get(3 * i..3 * i + 3));
        let colors: Vec<Lab> = codes.map(|rgb| Lab::from_srgb8([rgb[0], rgb[1], rgb[2]])).collect();
        let stats = GarmentStats::of_colors(&colors).ok_or_else(|| Failure::input("the mask is empty"))?;
        Ok(Self::Replaced { stats, core })
    }

    fn stats(&self) -> &GarmentStats {
        match self {
            Self::Dyed(source) => source.stats(),
            Self::Replaced { stats, .. } => stats,
        }
    }
}

impl<'a> Prepared<'a> {
    /// Measures the cloth of every region for what the variants make of it, and with `bounce` the light that it throws on
    /// what lies beside it.
    ///
    /// # Errors
    /// An input failure when a region has no pixels.
    pub fn of(embedded: &'a Embedded, variants: &[Variant], bounce: Option<f32>) -> Result<Self> {
        let Embedded { decoded, garments, surroundings, .. } = embedded;
        // A run has colours or styles, never both.
        let restyles = variants.iter().any(|variant| variant.style.is_some());
        let cloth = |mask: &'a Mask| {
            if restyles { Cloth::replaced(&decoded.image, mask) } else { Cloth::dyed(decoded, mask) }
        };
        let cloths = garments.iter().map(|garment| cloth(&garment.mask)).collect::<Result<_>>()?;
        let near = bounce.zip(surroundings.as_ref());
        let bounce = near.map(|(strength, near)| Bounce::new(&decoded.image, &embedded.mask(), near, strength));
        let bounce = bounce.transpose().or_exit(Exit::Input)?;
        Ok(Self {
            embedded,
            cloths,
            bounce,
            cuts: Default::default(),
            inspection: OnceCell::new(),
            general: OnceCell::new(),
        })
    }

    /// The colours of each region.
    pub fn stats(&self) -> impl Iterator<Item = &GarmentStats> {
        self.cloths.iter().map(Cloth::stats)
    }

    /// The regions that can be dyed: all or none of them.
    fn sources(&self) -> Vec<&Source<'a>> {
        let mut sources = Vec::with_capacity(self.cloths.len());
        for cloth in &self.cloths {
            if let Cloth::Dyed(source) = cloth {
                sources.push(&**source);
            }
        }
        sources
    }

    /// What becomes of the colours of each region in a variant.
    ///
    /// # Errors
    /// Usage errors when a colour named is not in this garment.
    pub fn maps(&self, variant: &Variant) -> Result<Vec<ColorMap>> {
        variant.dyes.iter().zip(self.stats()).map(|(dye, stats)| dye.color_map(stats)).collect()
    }

    /// Checks that every colour that the variants name is in this garment, before anything is written.
    ///
    /// # Errors
    /// Usage errors, as [`Prepared::maps`].
    pub fn check(&self, variants: &[Variant]) -> Result<()> {
        variants.iter().try_for_each(|variant| self.maps(variant).map(drop))
    }

    /// Dyes or restyles the photo in each of the variants; dyes with a share of the network's correction, 0 to 1
    /// (0 is the analytic dye).
    ///
    /// # Errors
    /// A usage error when a colour named is not in this garment, an input failure when a model refuses.
    pub fn dye(&self, models: &Models, variants: &[Variant], network: f32) -> Result<Vec<DyedPhoto>> {
        let styles: Vec<&Style> = variants.iter().filter_map(|variant| variant.style.as_deref()).collect();
        let mut photos = if styles.is_empty() {
            self.cloth(models, variants, network)?
        } else {
            styles.into_iter().map(|style| self.restyled(models, style)).collect::<Result<_>>()?
        };
        if let Some(bounce) = &self.bounce {
            photos.iter_mut().try_for_each(|photo| throw(bounce, photo)).or_exit(Exit::Input)?;
        }
        Ok(photos)
    }

    /// The cloth alone, in each of the variants.
    fn cloth(&self, models: &Models, variants: &[Variant], network: f32) -> Result<Vec<DyedPhoto>> {
        let maps = variants.iter().map(|variant| self.maps(variant)).collect::<Result<Vec<_>>>()?;
        if let [source] = self.sources().as_slice() {
            let maps: Vec<ColorMap> = maps.into_iter().flatten().collect();
            let dyed = self.dyed(models, source, &maps, network)?;
            let photo = |(map, Dyed { image, deep, reachable, .. }): (ColorMap, Dyed)| DyedPhoto {
                image,
                deep,
                regions: vec![DyedRegion { asked: map.leader().map(|(_, target)| target), map, reachable }],
            };
            return Ok(maps.into_iter().zip(dyed).map(photo).collect());
        }
        let dyed = self.dye_each(models, &maps, network)?;
        maps.into_iter().map(|maps| self.merged(maps, &dyed)).collect()
    }

    /// One region by several maps.
    fn dyed(&self, models: &Models, source: &Source, maps: &[ColorMap], network: f32) -> Result<Vec<Dyed>> {
        if network == 0.0 {
            return source.dye(maps).or_exit(Exit::Input);
        }
        if self.general.get().is_none() {
            let photo = self.embedded.decoded.over_white();
            drop(self.general.set(models.finder.embedder.general(&photo).or_exit(Exit::Input)?));
        }
        let general = self.general.get().ok_or_else(|| Failure::input("the photo has no embedding"))?;
        models.recolorer.dye(source, general, maps, network).or_exit(Exit::Input)
    }

    /// Per region, every map that occurs with its picture: a colour that goes with several of another region is dyed once.
    fn dye_each(&self, models: &Models, maps: &[Vec<ColorMap>], network: f32) -> Result<Vec<Vec<(ColorMap, Dyed)>>> {
        let of_region = |(region, source): (usize, &Source)| {
            let mut distinct: Vec<ColorMap> = Vec::new();
            for map in maps.iter().filter_map(|of_variant| of_variant.get(region)) {
                if !distinct.contains(map) {
                    distinct.push(map.clone());
                }
            }
            let dyed = self.dyed(models, source, &distinct, network)?;
            Ok(distinct.into_iter().zip(dyed).collect())
        };
        self.sources().into_iter().enumerate().map(of_region).collect()
    }

    fn merged(&self, maps: Vec<ColorMap>, dyed: &[Vec<(ColorMap, Dyed)>]) -> Result<DyedPhoto> {
        let parts = maps.iter().zip(dyed).filter_map(|(map, of)| of.iter().find(|(other, _)| other == map));
        let parts: Vec<&Dyed> = parts.map(|(_, dyed)| dyed).collect();
        let masks = self.embedded.garments.iter().map(|garment| &garment.mask);
        let Decoded { image: photo, deep: deep_photo, .. } = &self.embedded.decoded;
        let deep_parts: Vec<(&Srgb16Image, &Mask)> =
            parts.iter().zip(masks.clone()).filter_map(|(part, mask)| Some((part.deep.as_ref()?, mask))).collect();
        let deep = deep_photo.as_ref().filter(|_| deep_parts.len() == parts.len());
        let deep = deep.map(|photo| merge_deep(photo, &deep_parts)).transpose().or_exit(Exit::Input)?;
        let layers: Vec<(&SrgbImage, &Mask)> = parts.iter().map(|part| &part.image).zip(masks).collect();
        // With 16 bits, the 8-bit picture is theirs, rounded.
        let image = match &deep {
            Some(deep) => deep.to_srgb8(),
            None => merge(photo, &layers).or_exit(Exit::Input)?,
        };
        let regions = maps.into_iter().zip(parts).map(|(map, part)| DyedRegion {
            asked: map.leader().map(|(_, target)| target),
            map,
            reachable: part.reachable,
        });
        Ok(DyedPhoto { image, deep, regions: regions.collect() })
    }

    /// The photo in a fabric or a look.
    fn restyled(&self, models: &Models, style: &Style) -> Result<DyedPhoto> {
        let (image, deep) = match &style.kind {
            StyleKind::Fabric { tile, placing, refine, own_cloth } => {
                let Style { sha256, strength, .. } = style;
                let fabric = Fabric { sha256, tile, placing, refine: *refine, strength: *strength };
                let masks: Vec<&Mask> = self.embedded.garments.iter().map(|garment| &garment.mask).collect();
                fabric.laid(models, &self.embedded.decoded, self.cuts(models, *own_cloth)?, &masks)?
            }
            StyleKind::Look { reference, scope, painterly: true } => {
                self.painted(models, &style.sha256, reference, *scope, style.strength)?
            }
            StyleKind::Look { reference, scope, painterly: false } => {
                let Embedded { decoded, skin, .. } = self.embedded;
                let look = models.look(&style.sha256, reference)?;
                let garment = (*scope == Scope::Garment).then(|| self.embedded.mask());
                let (strength, scope, skin) = (style.strength, garment.as_ref(), skin.as_ref());
                let apply_deep = |deep| look.apply_deep(deep, strength, scope, skin);
                match decoded.deep.as_ref().map(apply_deep).transpose().or_exit(Exit::Input)? {
                    Some(deep) => (deep.to_srgb8(), Some(deep)),
                    None => (look.apply(&decoded.image, strength, scope, skin).or_exit(Exit::Input)?, None),
                }
            }
        };
        let region = |stats| DyedRegion { map: ColorMap::keep_all(stats), asked: Some(style.color), reachable: true };
        Ok(DyedPhoto { image, deep, regions: self.stats().map(region).collect() })
    }

    /// The photo painted like a reference, with 16 bits too if it has them.
    fn painted(
        &self,
        models: &Models,
        sha256: &str,
        reference: &SrgbImage,
        scope: Scope,
        strength: f32,
    ) -> Result<(SrgbImage, Option<Srgb16Image>)> {
        let Decoded { image: photo, deep, .. } = &self.embedded.decoded;
        let garment = self.embedded.mask();
        let (painter, statistics) = models.painter(sha256, reference)?;
        let (counted, inside) = match scope {
            Scope::Garment => (Counted::Inside(&garment), garment.clone()),
            Scope::Scene => (Counted::Both(&garment), Mask::filled(photo.width_px(), photo.height_px(), 255)),
        };
        let painted = painter.paint(photo, &statistics, strength, counted).or_exit(Exit::Input)?;
        if let Some(photo) = deep {
            let painted = painted.to_srgb16().or_exit(Exit::Input)?;
            let laid = composite_deep(photo, &painted, &inside).or_exit(Exit::Input)?;
            return Ok((laid.to_srgb8(), Some(laid)));
        }
        let painted = painted.to_srgb8().or_exit(Exit::Input)?;
        Ok((composite(photo, &painted, &inside).or_exit(Exit::Input)?, None))
    }

    fn cuts(&self, models: &Models, own: Option<OwnCloth>) -> Result<&[Restyle<'a>]> {
        let cell = &self.cuts[match own {
            None => 0,
            Some(OwnCloth::Plain) => 1,
            Some(OwnCloth::Patterned) => 2,
        }];
        if cell.get().is_none() {
            let photo = &self.embedded.decoded.image;
            let garments = self.embedded.garments.iter();
            let cuts = garments.map(|garment| models.cut(photo, &garment.mask, own.map(OwnCloth::patterned)));
            drop(cell.set(cuts.collect::<Result<Vec<_>>>()?));
        }
        Ok(cell.get().map_or(&[], Vec::as_slice))
    }

    /// The pixels that variants are compared at.
    pub fn inspection(&self) -> &Inspection {
        let embedded = self.embedded;
        let masks = || embedded.garments.iter().map(|garment| &garment.mask).collect::<Vec<_>>();
        self.inspection.get_or_init(|| Inspection::new(&embedded.decoded.over_white(), &embedded.mask(), &masks()))
    }

    /// Compares a variant as it will be seen with what the dye law alone expects of each region.
    pub fn inspect(&self, seen: &SrgbImage, regions: &[RegionResult]) -> Inspected {
        let expected = |(i, (source, result)): (usize, (&Source, &RegionResult))| {
            source.expected(&result.map, self.inspection().indices(i))
        };
        let expected: Vec<Vec<Lab>> = self.sources().into_iter().zip(regions).enumerate().map(expected).collect();
        self.inspection().compare(seen, &expected)
    }

    /// The photo's pixels that a region's colour is measured by (row-major indices): its core, as far as it is of the
    /// colour that leads the map.
    pub fn measured_by(&self, region: usize, map: &ColorMap) -> Option<Vec<usize>> {
        self.cloths.get(region).map(|cloth| match cloth {
            Cloth::Dyed(source) => source.core_of(map),
            Cloth::Replaced { core, .. } => core.clone(),
        })
    }
}

/// Throws the new cloth's light on its surroundings, with all bits that there are.
fn throw(bounce: &Bounce, photo: &mut DyedPhoto) -> pixels::Result<()> {
    match &mut photo.deep {
        None => bounce.apply(&mut photo.image),
        Some(deep) => {
            bounce.apply_deep(deep)?;
            photo.image = deep.to_srgb8();
            Ok(())
        }
    }
}
