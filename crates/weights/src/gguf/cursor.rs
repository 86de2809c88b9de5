//! Reading from the front of a header, with a check before every step.

use crate::WeightsError;

/// Bytes left to read.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The limit that `bytes` was cut at, where the file goes on behind it.
    cut_at: Option<u64>,
}

impl<'a> Cursor<'a> {
    /// Reads the first `limit` bytes of `file`; going on behind them is an error of its own.
    pub(crate) fn new(file: &'a [u8], limit: u64) -> Self {
        match usize::try_from(limit).ok().and_then(|limit| file.get(..limit)) {
            Some(bytes) if bytes.len() < file.len() => Self { bytes, at: 0, cut_at: Some(limit) },
            _ => Self { bytes: file, at: 0, cut_at: None },
        }
    }

    /// Bytes read so far.
    pub(crate) fn at(&self) -> u64 {
        self.at as u64
    }

    fn left(&self) -> u64 {
        (self.bytes.len() - self.at) as u64
    }

    fn ensure(&self, bytes: u64, what: &'static str) -> Result<(), WeightsError> {
        if bytes <= self.left() {
            return Ok(());
        }
        Err(match self.cut_at {
            Some(limit) => {
                let got = (self.at as u64).saturating_add(bytes);
                WeightsError::Limit { what: "bytes of header", limit, got }
            }
            None => WeightsError::Truncated { what, expected: bytes, got: self.left() },
        })
    }

    /// The next `n` bytes.
    pub(crate) fn take(&mut self, n: u64, what: &'static str) -> Result<&'a [u8], WeightsError> {
        self.ensure(n, what)?;
        let begin = self.at;
        self.at += n as usize; // fits: n ≤ left
        Ok(&self.bytes[begin..self.at])
    }

    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WeightsError> {
        let bytes = self.take(N as u64, what)?;
        Ok(bytes.try_into().expect("take gives as many bytes as asked for"))
    }

    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, WeightsError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, what: &'static str) -> Result<u64, WeightsError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Hold a count against its limit, and against the bytes left when each item takes at least `least`.
    /// After this a list of `count` small items may be allocated.
    pub(crate) fn count(
        &self,
        count: u64,
        least: u64,
        limit: u64,
        what: &'static str,
    ) -> Result<usize, WeightsError> {
        if count > limit {
            return Err(WeightsError::Limit { what, limit, got: count });
        }
        self.ensure(count * least, what)?; // no overflow: limits and sizes are small constants
        Ok(count as usize)
    }

    /// A length-prefixed string.
    pub(crate) fn string(&mut self, limit: u64, what: &'static str) -> Result<&'a [u8], WeightsError> {
        let length = self.u64(what)?;
        if length > limit {
            return Err(WeightsError::Limit { what, limit, got: length });
        }
        self.take(length, what)
    }
}
