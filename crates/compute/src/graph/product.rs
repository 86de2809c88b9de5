//! Products of sizes as polynomials, so that a reshape of symbolic dimensions can be checked exactly.

use std::collections::BTreeMap;
use std::fmt;

use super::{Dim, Symbol};

/// A product of sizes, multiplied out: coefficient by sorted list of symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product(BTreeMap<Vec<Symbol>, i128>);

impl Product {
    /// The product of all dimensions; 1 for none.
    pub(crate) fn of(dims: &[Dim]) -> Self {
        let one = BTreeMap::from([(Vec::new(), 1)]);
        Self(dims.iter().fold(one, |product, dim| times(&product, *dim)))
    }
}

fn times(product: &BTreeMap<Vec<Symbol>, i128>, dim: Dim) -> BTreeMap<Vec<Symbol>, i128> {
    let mut result = BTreeMap::new();
    for (symbols, coefficient) in product {
        for (symbol, factor) in dim.terms() {
            let mut symbols = symbols.clone();
            symbols.extend(symbol);
            symbols.sort_unstable();
            let sum = result.entry(symbols).or_insert(0i128);
            // Saturated products belong to sizes that are refused when they are evaluated.
            *sum = sum.saturating_add(coefficient.saturating_mul(i128::from(factor)));
        }
    }
    result.retain(|_, coefficient| *coefficient != 0);
    result
}

/// `196 * images`, `tokens * tokens + past * tokens`.
impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let term = |(symbols, coefficient): (&Vec<Symbol>, &i128)| {
            let mut factors: Vec<String> = symbols.iter().map(|s| s.name().to_owned()).collect();
            if *coefficient != 1 || factors.is_empty() {
                factors.insert(0, coefficient.to_string());
            }
            factors.join(" * ")
        };
        let terms: Vec<String> = self.0.iter().map(term).collect();
        f.pad(&if terms.is_empty() { "0".to_owned() } else { terms.join(" + ") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dims;

    #[test]
    fn products_compare_whatever_the_order() {
        use Symbol::{Images, Past, Tokens};
        assert_eq!(Product::of(&dims![Images, 14, 14, 3]), Product::of(&dims![Images * 196, 3]));
        assert_eq!(Product::of(&dims![Tokens, Past + 1]), Product::of(&dims![Past + 1, Tokens]));
        assert_ne!(Product::of(&dims![Tokens, 2]), Product::of(&dims![Past, 2]));
        assert_eq!(Product::of(&dims![Tokens, Past + Tokens]).to_string(), "tokens * tokens + tokens * past");
        assert_eq!(Product::of(&[]).to_string(), "1");
        assert_eq!(Product::of(&dims![Tokens, 0]).to_string(), "0");
    }
}
