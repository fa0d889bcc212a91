//! Choices out of bytes: how a target turns what a fuzzer gives it into operations.
//!
//! Bytes that have run out are zeros, so that every input means something and a shorter one means less.

use std::borrow::Cow;

/// What is left of an input.
#[derive(Clone, Debug)]
pub(crate) struct Draw<'a>(&'a [u8]);

impl<'a> Draw<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// Whether one of so many equal chances is met.
    pub(crate) fn one_in(&mut self, chances: u8) -> bool {
        self.byte().is_multiple_of(chances)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.take(8).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// A number below `bound`, which is at most 65,536.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let wide = self.take(2).iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
        wide % bound.max(1)
    }

    pub(crate) fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[usize::from(self.byte()) % of.len()]
    }

    /// At most so many bytes: a byte says how many.
    pub(crate) fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = usize::from(self.byte()) % (most + 1);
        self.take(length)
    }

    pub(crate) fn text(&mut self, most: usize) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes(most))
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    fn take(&mut self, length: usize) -> &'a [u8] {
        let (now, behind) = self.0.split_at(length.min(self.0.len()));
        self.0 = behind;
        now
    }
}
