//! What a part of a server can measure of itself when it is asked: how much waits, how old something is.

/// One number that holds now. It may fall as well as rise, or has a name that ends in `_total` and only grows.
///
/// ```
/// use mocopr_security::evidence::Measure;
///
/// let waiting = Measure::new("mocopr_audit_queue_records", "Records that wait to be written.", 7.0);
/// assert_eq!(waiting.value, 7.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure<'a> {
    /// Its name: lower-case letters, digits and underscores, the unit at the end, and `_total` behind it where it
    /// counts from the start on. Others are left out.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub help: &'static str,
    /// The name and the value of its one label, where it has one. The value must come from its owner, never from a
    /// peer.
    pub label: Option<(&'static str, &'a str)>,
    /// The number, in base units: seconds, bytes, or a count.
    pub value: f64,
}

impl<'a> Measure<'a> {
    /// A number without a label.
    pub fn new(name: &'static str, help: &'static str, value: f64) -> Self {
        Self { name, help, label: None, value }
    }

    /// The same, of which this says what it is of.
    #[must_use]
    pub fn of(self, label: &'static str, value: &'a str) -> Self {
        Self { label: Some((label, value)), ..self }
    }
}
