//! Values that must not be printed.
//!
//! A [`Secret`] has no `Display`, no `Serialize` and a `Debug` that says nothing of its content, so it cannot reach
//! a log or an answer by accident; reading it is one named call, and its memory is wiped when it is dropped.

use std::fmt;

use zeroize::Zeroize;

/// A value that is not printed, not serialized, and wiped from memory when it is dropped.
///
/// Copies that were made before it was wrapped (a buffer that grew, a moved array) are out of its reach.
///
/// ```
/// use mocopr_security::redact::Secret;
///
/// let password = Secret::new(String::from("correct horse"));
/// assert_eq!(format!("{password:?}"), "Secret(..)");
/// assert_eq!(password.expose(), "correct horse");
/// ```
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Lends the value, at a place where it is meant to be used.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    struct Probe(Rc<Cell<usize>>);

    impl Zeroize for Probe {
        fn zeroize(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_content() {
        assert_eq!(format!("{:?}", Secret::new([7_u8; 32])), "Secret(..)");
        assert_eq!(format!("{:?}", Some(Secret::new(String::from("hunter2")))), "Some(Secret(..))");
    }

    #[test]
    fn content_is_wiped_once_when_it_is_dropped() {
        let wiped = Rc::new(Cell::new(0));
        let secret = Secret::new(Probe(Rc::clone(&wiped)));
        assert_eq!(wiped.get(), 0);
        drop(secret);
        assert_eq!(wiped.get(), 1);
    }
}
