//! Sizes that are known only when the network runs: small linear expressions over symbols.

use std::fmt;
use std::ops::{Add, Mul, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ComputeError;

/// Most elements one value may have (4 TiB of f32): far above any device, far below overflow.
pub(crate) const MAX_ELEMENTS: u64 = 1 << 40;

/// A size that is bounded when the network is planned and known when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Symbol {
    /// Tokens of the sequence (or of each text) in this run.
    Tokens,
    /// Patches of each image.
    Patches,
    /// Images in the batch.
    Images,
    /// Texts in the batch.
    Texts,
    /// Tokens that the KV caches already hold.
    Past,
}

impl Symbol {
    /// Every symbol, in the order they are printed.
    pub const ALL: [Symbol; 5] =
        [Symbol::Past, Symbol::Tokens, Symbol::Patches, Symbol::Images, Symbol::Texts];

    /// Name as written in an expression.
    pub fn name(self) -> &'static str {
        match self {
            Symbol::Tokens => "tokens",
            Symbol::Patches => "patches",
            Symbol::Images => "images",
            Symbol::Texts => "texts",
            Symbol::Past => "past",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A constant plus multiples of symbols: `768`, `past + tokens`, `197 * images`, `tokens - 1`.
/// Arithmetic saturates; a saturated size is refused where it is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dim {
    constant: i64,
    factors: [i64; Symbol::ALL.len()],
}

impl Dim {
    /// A size that never changes.
    pub const fn constant(constant: i64) -> Self {
        Self { constant, factors: [0; Symbol::ALL.len()] }
    }

    /// The size if it holds no symbol.
    pub fn as_constant(&self) -> Option<i64> {
        self.factors.iter().all(|&f| f == 0).then_some(self.constant)
    }

    /// The expression's multiples of 1 and of each symbol: monomials, for products of sizes.
    pub(crate) fn terms(&self) -> impl Iterator<Item = (Option<Symbol>, i64)> + '_ {
        let symbols = Symbol::ALL.iter().map(|&s| (Some(s), self.factors[s.index()]));
        std::iter::once((None, self.constant)).chain(symbols).filter(|(_, factor)| *factor != 0)
    }

    /// The value at these sizes. Errors: [`ComputeError::Size`].
    pub fn at(&self, sizes: &Sizes) -> Result<u64, ComputeError> {
        self.total(sizes, |factor| factor)
    }

    /// An upper bound for all sizes up to `bounds`: subtracted symbols count as 0.
    /// Errors: [`ComputeError::Size`].
    pub fn at_most(&self, bounds: &Sizes) -> Result<u64, ComputeError> {
        self.total(bounds, |factor| factor.max(0))
    }

    fn total(&self, sizes: &Sizes, count: impl Fn(i64) -> i64) -> Result<u64, ComputeError> {
        let size = |reason| ComputeError::Size { dim: self.to_string(), reason };
        let mut total = i128::from(self.constant);
        for (symbol, factor) in Symbol::ALL.iter().map(|s| (*s, self.factors[s.index()])) {
            if factor != 0 {
                let value = sizes.get(symbol).ok_or_else(|| size("a symbol has no value"))?;
                total += i128::from(count(factor)) * i128::from(value);
            }
        }
        match u64::try_from(total) {
            Ok(total) if total <= MAX_ELEMENTS => Ok(total),
            Ok(_) => Err(size("larger than any device")),
            Err(_) => Err(size("negative, or larger than any device")),
        }
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Dim {
            fn from(constant: $integer) -> Self {
                // Saturated sizes are refused where they are used.
                Self::constant(i64::try_from(constant).unwrap_or(i64::MAX))
            }
        }
    )*};
}

from_integer!(i32, u32, u64, usize);

impl From<Symbol> for Dim {
    fn from(symbol: Symbol) -> Self {
        let mut dim = Self::constant(0);
        dim.factors[symbol.index()] = 1;
        dim
    }
}

impl<T: Into<Dim>> Add<T> for Dim {
    type Output = Dim;

    fn add(mut self, other: T) -> Dim {
        let other = other.into();
        self.constant = self.constant.saturating_add(other.constant);
        for (mine, theirs) in self.factors.iter_mut().zip(other.factors) {
            *mine = mine.saturating_add(theirs);
        }
        self
    }
}

impl<T: Into<Dim>> Sub<T> for Dim {
    type Output = Dim;

    fn sub(self, other: T) -> Dim {
        self + other.into() * -1
    }
}

impl Mul<i64> for Dim {
    type Output = Dim;

    fn mul(mut self, factor: i64) -> Dim {
        self.constant = self.constant.saturating_mul(factor);
        for mine in &mut self.factors {
            *mine = mine.saturating_mul(factor);
        }
        self
    }
}

impl<T: Into<Dim>> Add<T> for Symbol {
    type Output = Dim;

    fn add(self, other: T) -> Dim {
        Dim::from(self) + other
    }
}

impl<T: Into<Dim>> Sub<T> for Symbol {
    type Output = Dim;

    fn sub(self, other: T) -> Dim {
        Dim::from(self) - other
    }
}

impl Mul<i64> for Symbol {
    type Output = Dim;

    fn mul(self, factor: i64) -> Dim {
        Dim::from(self) * factor
    }
}

/// `past + tokens`, `4 * patches`, `tokens - 1`.
impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let symbols = Symbol::ALL.iter().map(|s| (s.name(), self.factors[s.index()]));
        for (name, factor) in symbols.chain([("", self.constant)]).filter(|(_, factor)| *factor != 0) {
            text.push_str(match (text.is_empty(), factor < 0) {
                (true, false) => "",
                (true, true) => "-",
                (false, false) => " + ",
                (false, true) => " - ",
            });
            match (factor.unsigned_abs(), name) {
                (n, "") => text.push_str(&n.to_string()),
                (1, name) => text.push_str(name),
                (n, name) => text.push_str(&format!("{n} * {name}")),
            }
        }
        f.pad(if text.is_empty() { "0" } else { &text })
    }
}

impl fmt::Debug for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Dim> for String {
    fn from(dim: Dim) -> String {
        dim.to_string()
    }
}

impl TryFrom<String> for Dim {
    type Error = ComputeError;

    fn try_from(text: String) -> Result<Self, ComputeError> {
        text.parse()
    }
}

/// Reads what `Display` writes. Errors: [`ComputeError::DimSyntax`].
impl FromStr for Dim {
    type Err = ComputeError;

    fn from_str(text: &str) -> Result<Self, ComputeError> {
        let syntax = || ComputeError::DimSyntax { text: text.to_owned() };
        let signed = text.replace('-', "+-");
        let mut dim = Dim::constant(0);
        for term in signed.split('+').map(str::trim).filter(|term| !term.is_empty()) {
            let (sign, term) = term.strip_prefix('-').map_or((1, term), |rest| (-1, rest.trim()));
            let (factor, name) = match term.split_once('*') {
                Some((factor, name)) => (factor.trim(), name.trim()),
                None if term.starts_with(|c: char| c.is_ascii_digit()) => (term, ""),
                None => ("1", term),
            };
            let factor: i64 = factor.parse().map_err(|_| syntax())?;
            let unit = match Symbol::ALL.iter().find(|s| s.name() == name) {
                Some(symbol) => Dim::from(*symbol),
                None if name.is_empty() => Dim::constant(1),
                None => return Err(syntax()),
            };
            dim = dim + unit * sign * factor;
        }
        if text.trim().is_empty() { Err(syntax()) } else { Ok(dim) }
    }
}

/// Values of the symbols: the sizes of one run, or the largest sizes a plan must hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    values: [Option<u64>; Symbol::ALL.len()],
}

impl Sizes {
    /// No symbol has a value.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same sizes with one more value.
    #[must_use]
    pub fn with(mut self, symbol: Symbol, value: u64) -> Self {
        self.values[symbol.index()] = Some(value);
        self
    }

    /// The value of a symbol, if it has one.
    pub fn get(&self, symbol: Symbol) -> Option<u64> {
        self.values[symbol.index()]
    }
}

/// `tokens 64, past 1024`; nothing for a network without symbols.
impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = Symbol::ALL.iter().filter_map(|s| self.get(*s).map(|v| format!("{s} {v}")));
        f.pad(&set.collect::<Vec<_>>().join(", "))
    }
}

/// Dimensions, outermost first: `dims![Symbol::Images, 197, 768]`.
#[macro_export]
macro_rules! dims {
    ($($dim:expr),* $(,)?) => { [$($crate::Dim::from($dim)),*] };
}

#[cfg(test)]
mod tests {
    use super::*;
    use Symbol::{Images, Past, Tokens};

    #[test]
    fn expressions_print_and_parse() {
        struct Case {
            dim: Dim,
            text: &'static str,
            value: Option<u64>,
        }
        let cases = [
            Case { dim: 768.into(), text: "768", value: Some(768) },
            Case { dim: Past + Tokens, text: "past + tokens", value: Some(19) },
            Case { dim: Images * 197 + 3, text: "197 * images + 3", value: Some(397) },
            Case { dim: Tokens - 1, text: "tokens - 1", value: Some(8) },
            Case { dim: Tokens - 10, text: "tokens - 10", value: None },
            Case { dim: Dim::from(0) - Past, text: "-past", value: None },
            Case { dim: Dim::constant(0), text: "0", value: Some(0) },
            Case { dim: Symbol::Texts.into(), text: "texts", value: None },
        ];
        let sizes = Sizes::new().with(Past, 10).with(Tokens, 9).with(Images, 2);
        for case in cases {
            assert_eq!(case.dim.to_string(), case.text);
            assert_eq!(case.text.parse::<Dim>().unwrap(), case.dim);
            assert_eq!(case.dim.at(&sizes).ok(), case.value, "{}", case.text);
        }
        for text in ["", "tokens *", "2 * rows", "x"] {
            assert!(matches!(text.parse::<Dim>(), Err(ComputeError::DimSyntax { .. })), "{text}");
        }
    }

    #[test]
    fn an_upper_bound_ignores_what_is_subtracted() {
        let bounds = Sizes::new().with(Past, 10).with(Tokens, 9);
        assert_eq!((Dim::from(Tokens) - Past + 3).at_most(&bounds).unwrap(), 12);
        assert!(Dim::from(u64::MAX).at_most(&bounds).is_err());
        assert!((Dim::from(i64::MAX as u64) * 2).at(&bounds).is_err());
    }

    #[test]
    fn sizes_print() {
        assert_eq!(Sizes::new().with(Tokens, 1).with(Past, 7).to_string(), "past 7, tokens 1");
    }
}
