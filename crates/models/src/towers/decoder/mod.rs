//! A decoder: token ids, or rows given in their place, to the logits of the token that follows, with KV caches
//! between runs. Llama, Mistral, Gemma 3 and Qwen2 differ only in what [`Decoder`] says.

mod block;

use bedside_compute::{
    Activation, ComputeError, Element, Graph, GraphBuilder, Operand, Pairing, Rope, RopeAxes,
};
use bedside_compute::{Symbol, Value, Visible, dims, weight};

use crate::ModelsError;
use crate::config::{MAX_LAYERS, MAX_SIZE};
use crate::description::in_range;
use block::Block;

/// Ids of the tokens of a run; of a row that is given, any id.
pub(crate) const IDS: &str = "ids";
/// Positions: (tokens), or (3, tokens) for M-RoPE.
pub(crate) const POSITIONS: &str = "positions";
/// Of every key, the number of its image block; 0: none.
pub(crate) const SEGMENTS: &str = "segments";
/// Rows in place of token embeddings.
pub(crate) const GIVEN: &str = "given";
/// For each token: its own number, or the number of tokens and that of the given row.
pub(crate) const ORDER: &str = "order";
/// The result: (1, vocabulary), or (tokens, vocabulary).
pub(crate) const LOGITS: &str = "logits";

/// Side of the errors about sizes.
const SIDE: &str = "text decoder";
/// Positions that M-RoPE gives each token: time, row, column.
pub(crate) const MROPE_AXES: usize = 3;

/// What the architectures say of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decoder {
    /// Rows of the token table.
    pub(crate) vocabulary: u64,
    pub(crate) width: u64,
    /// Width inside the MLP.
    pub(crate) hidden: u64,
    pub(crate) heads: u64,
    pub(crate) kv_heads: u64,
    pub(crate) head_dim: u64,
    /// Most tokens of a conversation, as the model was trained.
    pub(crate) context: u64,
    /// Of every RMS norm.
    pub(crate) eps: f32,
    /// Of the MLP's gate.
    pub(crate) activation: Activation,
    /// One for each block.
    pub(crate) layers: Vec<Layer>,
    /// Keys that a query of a sliding layer sees, its own included.
    pub(crate) window: Option<u32>,
    pub(crate) rope: Rotation,
    /// Of sliding layers, where it differs.
    pub(crate) sliding_rope: Option<Rotation>,
    pub(crate) axes: RopeAxes,
    pub(crate) norms: Norms,
    pub(crate) biases: Biases,
    /// Token embeddings, not given rows, are multiplied by this.
    pub(crate) embedding_scale: Option<f32>,
    /// Factor on the products of queries and keys.
    pub(crate) attention_scale: f32,
    /// Products p become c · tanh(p / c).
    pub(crate) attention_softcap: Option<f32>,
    /// Logits likewise.
    pub(crate) logit_softcap: Option<f32>,
    /// The token table is the matrix of the logits too.
    pub(crate) tied: bool,
    /// Image blocks may attend in both directions.
    pub(crate) image_blocks: bool,
}

/// Which keys a block's queries see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    /// All up to their own.
    Full,
    /// The last `window` of them.
    Sliding,
}

/// How queries and keys turn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rotation {
    pub(crate) pairing: Pairing,
    /// Features of a head that turn.
    pub(crate) rotary: u32,
    pub(crate) theta: f32,
    /// Positions are divided by this.
    pub(crate) position_scale: f32,
    pub(crate) factors: Factors,
}

/// Divisors of the frequencies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Factors {
    /// None.
    None,
    /// The weight `rope_freqs.weight`.
    Weight,
    /// Worked out from a configuration; rotary / 2 numbers.
    Numbers(Vec<f32>),
}

/// What the RMS norms are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Norms {
    /// The file holds w for 1 + w.
    pub(crate) plus_one: bool,
    /// Attention and MLP are normalised before they are added, too.
    pub(crate) behind: bool,
    /// Queries and keys are normalised head by head.
    pub(crate) heads: bool,
}

impl Norms {
    /// One before attention and one before the MLP.
    pub(crate) const PLAIN: Self = Self { plus_one: false, behind: false, heads: false };
}

/// Which linear layers have a bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Biases {
    /// Queries, keys and values.
    pub(crate) qkv: bool,
    /// The matrix behind attention.
    pub(crate) output: bool,
    pub(crate) mlp: bool,
}

impl Biases {
    pub(crate) const NONE: Self = Self { qkv: false, output: false, mlp: false };
}

/// What a graph of a decoder is made for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DecoderGraph {
    /// Rows of the KV caches.
    pub(crate) context: u64,
    /// Rows may be given in place of token embeddings.
    pub(crate) given: bool,
    /// Which rows become logits.
    pub(crate) rows: LogitRows,
    /// Every block's result becomes an output `blk.N`, the last norm's `output_norm`.
    pub(crate) states: bool,
}

/// Which rows become logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogitRows {
    /// The last token's: all that generation needs.
    Last,
    /// All of the run's, as the references have them.
    All,
}

impl Decoder {
    /// Errors: `Config` for a size no decoder has.
    pub(crate) fn check(&self) -> Result<(), ModelsError> {
        in_range(SIDE, "vocabulary", self.vocabulary, MAX_SIZE)?;
        in_range(SIDE, "embedding_length", self.width, MAX_SIZE)?;
        in_range(SIDE, "feed_forward_length", self.hidden, MAX_SIZE)?;
        in_range(SIDE, "context_length", self.context, MAX_SIZE)?;
        in_range(SIDE, "block_count", self.layers.len() as u64, MAX_LAYERS)?;
        in_range(SIDE, "head_count", self.heads, MAX_SIZE)?;
        in_range(SIDE, "head_count_kv", self.kv_heads, self.heads)?;
        in_range(SIDE, "head_dim", self.head_dim, MAX_SIZE / self.heads)?;
        if !self.heads.is_multiple_of(self.kv_heads) {
            let expected = format!("a divisor of the {} heads", self.heads);
            return Err(wrong("head_count_kv", expected, self.kv_heads));
        }
        if self.layers.contains(&Layer::Sliding) && self.window.is_none_or(|window| window == 0) {
            return Err(wrong("sliding_window", "a size from 1", "none"));
        }
        for (key, number) in [("rms_norm_eps", self.eps), ("attention_scale", self.attention_scale)] {
            if !(number > 0.0 && number.is_finite()) {
                return Err(wrong(key, "a number above 0", number));
            }
        }
        Ok(())
    }

    /// A token has a position in time, row and column.
    pub(crate) fn has_three_positions(&self) -> bool {
        matches!(self.axes, RopeAxes::Multimodal { .. })
    }

    /// Ids of `tokens` behind `past` to logits. Inputs: [`IDS`], [`POSITIONS`], with `image_blocks`
    /// [`SEGMENTS`], with `given` [`GIVEN`] (patches, width) and [`ORDER`]. Output: [`LOGITS`].
    pub(crate) fn graph(&self, of: DecoderGraph) -> Result<Graph, ComputeError> {
        let mut g = Graph::builder("text decoder");
        let tokens = Symbol::Tokens;
        let ids = g.input(IDS, dims![tokens], Element::U32)?;
        let positions = match self.axes {
            RopeAxes::Multimodal { .. } => g.input(POSITIONS, dims![MROPE_AXES, tokens], Element::U32)?,
            _ => g.input(POSITIONS, dims![tokens], Element::U32)?,
        };
        let segments = self.image_blocks && of.given;
        let segments =
            segments.then(|| g.input(SEGMENTS, dims![Symbol::Past + tokens], Element::U32)).transpose()?;
        let mut x = self.embedded(&mut g, ids, of.given)?; // (tokens, width)
        let turns = Turns::of(self, &mut g)?;
        for (number, layer) in self.layers.iter().enumerate() {
            let name = format!("blk.{number}");
            g.scope(name.as_str());
            let turn = turns.of_layer(*layer);
            let visible = self.visible(*layer, segments);
            let block = Block { decoder: self, name: &name, positions, turn, visible, context: of.context };
            x = block.build(&mut g, x)?;
            if of.states {
                g.output(&name, x)?;
            }
        }
        g.scope("");
        if of.rows == LogitRows::Last {
            x = g.slice(x, 0, tokens - 1, 1)?; // (1, width)
        }
        x = self.norm(&mut g, x, "output_norm", self.width)?;
        if of.states {
            g.output("output_norm", x)?;
        }
        let matrix = if self.tied { "token_embd.weight" } else { "output.weight" };
        let logits = g.linear(x, weight(matrix, [self.vocabulary, self.width]), None, Activation::None)?;
        g.output(LOGITS, logits)?;
        g.finish()
    }

    /// Ids to rows; with `given`, some are replaced.
    fn embedded(&self, g: &mut GraphBuilder, ids: Value, given: bool) -> Result<Value, ComputeError> {
        let mut x = g.embedding(ids, weight("token_embd.weight", [self.vocabulary, self.width]))?;
        if let Some(factor) = self.embedding_scale {
            x = g.scale(x, factor)?;
        }
        if !given {
            return Ok(x);
        }
        let rows = g.input(GIVEN, dims![Symbol::Patches, self.width], Element::F32)?;
        let order = g.input(ORDER, dims![Symbol::Tokens], Element::U32)?;
        let both = g.concat([x, rows], 0)?; // (tokens + patches, width)
        g.gather(both, order)
    }

    fn visible(&self, layer: Layer, segments: Option<Value>) -> Visible {
        let window = self.window.filter(|_| layer == Layer::Sliding);
        match segments {
            Some(segments) => Visible::PrefixLm { window, segments },
            None => Visible::Causal { window },
        }
    }

    /// RMS norm by `{name}.weight`.
    fn norm(&self, g: &mut GraphBuilder, x: Value, name: &str, width: u64) -> Result<Value, ComputeError> {
        let stored = weight(format!("{name}.weight"), [width]);
        let by: Operand = if self.norms.plus_one {
            let ones = g.constant(dims![width], vec![1.0; width as usize])?;
            g.add(stored, ones)?.into()
        } else {
            stored.into()
        };
        g.rms_norm(x, by, self.eps)
    }
}

fn wrong(key: &str, expected: impl ToString, got: impl ToString) -> ModelsError {
    let (expected, got) = (expected.to_string(), got.to_string());
    ModelsError::Config { file: SIDE, key: key.to_owned(), expected, got }
}

/// The rotation of one kind of layer, its factors already values of the graph.
#[derive(Debug, Clone)]
struct Turn {
    rope: Rope,
    factors: Option<Value>,
}

struct Turns {
    full: Turn,
    sliding: Turn,
}

impl Turns {
    fn of(decoder: &Decoder, g: &mut GraphBuilder) -> Result<Self, ComputeError> {
        let full = Turn::of(&decoder.rope, decoder.axes, g)?;
        let sliding =
            decoder.sliding_rope.as_ref().map(|rope| Turn::of(rope, decoder.axes, g)).transpose()?;
        Ok(Self { sliding: sliding.unwrap_or_else(|| full.clone()), full })
    }

    fn of_layer(&self, layer: Layer) -> &Turn {
        match layer {
            Layer::Full => &self.full,
            Layer::Sliding => &self.sliding,
        }
    }
}

impl Turn {
    fn of(rotation: &Rotation, axes: RopeAxes, g: &mut GraphBuilder) -> Result<Self, ComputeError> {
        let Rotation { pairing, rotary, theta, position_scale, .. } = *rotation;
        let half = rotary / 2;
        let factors = match &rotation.factors {
            Factors::None => None,
            Factors::Weight => Some(g.weight(weight("rope_freqs.weight", [half]))?),
            Factors::Numbers(numbers) => Some(g.constant(dims![half], numbers.clone())?),
        };
        let rope = Rope { pairing, axes, rotary, theta, position_scale, factors: factors.is_some() };
        Ok(Self { rope, factors })
    }
}
