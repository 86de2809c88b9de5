//! Sizes of the dual encoders that this crate trains: a vision transformer with mean pooling, a BERT with mean pooling.

use serde::{Deserialize, Serialize};

/// A model's sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// The image side.
    pub image: ImageSizes,
    /// The text side.
    pub text: TextSizes,
    /// Width of the space that both share.
    pub embed: u64,
}

/// The image tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSizes {
    /// Rows and columns of the picture; a multiple of `patch`.
    pub side: u64,
    /// Rows and columns of a patch.
    pub patch: u64,
    /// Width of a token.
    pub width: u64,
    /// Width inside the MLP.
    pub hidden: u64,
    /// Blocks.
    pub layers: u64,
    /// Heads of attention; a divisor of `width`.
    pub heads: u64,
}

/// The text tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSizes {
    /// Most tokens of a text, the two special ones included.
    pub context: u64,
    /// Width of a token.
    pub width: u64,
    /// Width inside the MLP.
    pub hidden: u64,
    /// Blocks.
    pub layers: u64,
    /// Heads of attention; a divisor of `width`.
    pub heads: u64,
}

impl Sizes {
    /// The demo model of lung ultrasound.
    pub fn demo() -> Self {
        Self {
            image: ImageSizes { side: 144, patch: 12, width: 96, hidden: 192, layers: 3, heads: 3 },
            text: TextSizes { context: 48, width: 96, hidden: 192, layers: 2, heads: 4 },
            embed: 96,
        }
    }

    /// Small enough to be trained for a few steps in a test.
    pub fn tiny() -> Self {
        Self {
            image: ImageSizes { side: 32, patch: 8, width: 32, hidden: 32, layers: 1, heads: 2 },
            text: TextSizes { context: 48, width: 32, hidden: 32, layers: 1, heads: 2 },
            embed: 32,
        }
    }
}

impl ImageSizes {
    /// Patches from left to right, and from top to bottom.
    pub fn grid(&self) -> usize {
        (self.side / self.patch) as usize
    }
}
