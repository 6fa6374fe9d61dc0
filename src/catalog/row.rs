//! What became of a task: one line of the report, the same whoever made it and when.

use serde::{Deserialize, Serialize};

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not done yet.
    Pending,
    /// All its files are written.
    Done,
    /// The gate kept it from being written.
    Rejected,
    /// It could not be made; the reason says why.
    Failed,
}

impl State {
    /// Its name in ledger and report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}

/// One task of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The task's name: operation, master, and the variant after `#`.
    pub task: String,
    /// The master's name.
    pub master: String,
    /// The operation's name.
    pub operation: String,
    /// The variant, for a recolouring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// How it stands.
    pub state: State,
    /// Why it was rejected or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Output key: what decides the files.
    pub key: String,
    /// What the gate said, for a recolouring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// How close the colour came, for a recolouring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<Color>,
    /// Files written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
}

/// What the gate said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// Whether it let the variant pass; absent when it was off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// Score; accepted from the threshold on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// How close the colour came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Color {
    /// Asked for, nearest sRGB code.
    pub asked: String,
    /// Measured in the encoded file.
    pub measured: String,
    /// ΔE00 between the two, three decimals.
    pub delta_e00: f64,
    /// Whether this cloth can reach it.
    pub reachable: bool,
}

/// One file written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name below the output.
    #[serde(rename = "file")]
    pub name: String,
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

impl Row {
    /// Whether the gate would have rejected what `--gate report` let through.
    pub fn is_flagged(&self) -> bool {
        self.state == State::Done && self.gate.as_ref().is_some_and(|gate| gate.accepted == Some(false))
    }
}
