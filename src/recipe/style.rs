//! Fabrics and looks in recipes.

use pixels::fabric::{GARMENT_CM, Placing};
use serde::{Deserialize, Serialize};

use super::InputFile;
use crate::pipeline::style::repeat;

/// A fabric that garments are cut from, or a look that photos are seen in: one variant of each photo.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecipeStyle {
    /// How much of it is taken, 0 to 1.
    #[serde(default = "whole", skip_serializing_if = "is_whole")]
    pub strength: f32,
    /// Length of the fabric's repeat, such as `4cm` or `60px`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<String>,
    /// Width of the garment's body in cm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub garment_cm: Option<f32>,
    /// Turn of the fabric, clockwise, in degrees.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rotate: f32,
    /// Shift of the fabric to the right and down, in repeats.
    #[serde(default, skip_serializing_if = "is_centred")]
    pub offset: [f32; 2],
    /// What of the picture a look changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Whether the picture is painted like the look's, instead of taking its light and colours.
    #[serde(default, skip_serializing_if = "is_false")]
    pub painterly: bool,
    /// Whether a network may change the light on the fabric.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refine: bool,
    /// What the garment's own cloth is, where the program is not to judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_cloth: Option<OwnCloth>,
    /// Photo of the fabric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fabric: Option<InputFile>,
    /// Picture whose look is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<InputFile>,
}

/// What of a picture a look changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The garment alone.
    Garment,
    /// The whole picture, skin spared by most.
    #[default]
    Scene,
}

/// What the cloth is that a garment was made of before it is cut from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnCloth {
    /// Of one colour: all that differs on it is light, but for a badge.
    Plain,
    /// Printed, striped or checked.
    Patterned,
}

impl OwnCloth {
    /// How surely it is patterned, 0 to 1.
    pub fn patterned(self) -> f32 {
        match self {
            Self::Plain => 0.0,
            Self::Patterned => 1.0,
        }
    }
}

fn whole() -> f32 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes by reference")]
fn is_whole(strength: &f32) -> bool {
    *strength == 1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes by reference")]
fn is_false(asked: &bool) -> bool {
    !asked
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes by reference")]
fn is_zero(turn: &f32) -> bool {
    *turn == 0.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes by reference")]
fn is_centred(offset: &[f32; 2]) -> bool {
    *offset == [0.0; 2]
}

impl RecipeStyle {
    /// Checks what can be checked without reading a file.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.fabric.is_some() == self.look.is_some() {
            return Err("a [[style]] has either a fabric or a look".to_owned());
        }
        if !(0.0..=1.0).contains(&self.strength) {
            return Err(format!("strength is 0 to 1, not {}", self.strength));
        }
        let laid =
            self.repeat.is_some() || self.garment_cm.is_some() || !is_zero(&self.rotate) || !is_centred(&self.offset);
        if self.look.is_some() && laid {
            return Err("repeat, garment width, rotate and offset lay a fabric: a look has none".to_owned());
        }
        if self.fabric.is_some() && self.scope.is_some() {
            return Err("scope is of a look: a fabric changes the garment alone".to_owned());
        }
        if self.fabric.is_some() && self.painterly {
            return Err("painterly is of a look: a fabric is laid as it is".to_owned());
        }
        if self.look.is_some() && self.refine {
            return Err("refine is of a fabric: a look has its own light".to_owned());
        }
        if self.look.is_some() && self.own_cloth.is_some() {
            return Err("own_cloth is for a fabric: a look keeps the cloth".to_owned());
        }
        self.placing().map(drop)
    }

    /// How the fabric is laid.
    ///
    /// # Errors
    /// What is wrong.
    pub fn placing(&self) -> Result<Placing, String> {
        let garment_cm = self.garment_cm.unwrap_or(GARMENT_CM);
        if !(5.0..=300.0).contains(&garment_cm) {
            return Err(format!("the garment's width is 5 to 300 cm, not {garment_cm}"));
        }
        if !self.rotate.is_finite() || !self.offset.iter().all(|v| v.is_finite()) {
            return Err("rotate and offset are numbers".to_owned());
        }
        Ok(Placing {
            repeat: self.repeat.as_deref().map(repeat).transpose()?,
            garment_cm,
            rotation_deg: self.rotate,
            offset: (self.offset[0], self.offset[1]),
        })
    }
}
