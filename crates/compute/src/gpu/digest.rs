//! A short digest that is the same on every machine and in every build: FNV-1a, 64 bits. Not for secrets; model
//! identity has its own.

/// Of these bytes. Source of the constants: Fowler, Noll, Vo; draft-eastlake-fnv.
pub(crate) fn of(bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    #[test]
    fn published_values() {
        // draft-eastlake-fnv, test vectors.
        assert_eq!(super::of(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(super::of(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
