//! Events as lines.
//!
//! Spans have numbers and nothing else: what a line says is in its event.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use mocopr_core::clock::Clock;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
};

use super::{
    Form,
    filter::{Filter, REDACTED},
};
use crate::audit::{
    stamp::moment,
    text::{cut, push_escaped, push_string},
};

/// Writes what is emitted with `write`, a line at a time.
pub(super) struct Subscribed<W> {
    form: Form,
    filter: Option<Filter>,
    clock: Arc<dyn Clock>,
    write: W,
    spans: AtomicU64,
}

impl<W: Fn(&[u8]) + Send + Sync + 'static> Subscribed<W> {
    pub(super) fn new(form: Form, filter: Option<Filter>, clock: Arc<dyn Clock>, write: W) -> Self {
        Self { form, filter, clock, write, spans: AtomicU64::new(1) }
    }

    fn line(&self, event: &Event<'_>) -> Vec<u8> {
        let metadata = event.metadata();
        let now = moment(self.clock.unix());
        let mut fields = Fields { form: self.form, filter: self.filter.as_ref(), message: None, out: Vec::new() };
        event.record(&mut fields);
        let message = fields.message.unwrap_or_default();
        let mut line = Vec::with_capacity(256);
        match self.form {
            Form::Json => {
                line.extend_from_slice(b"{\"timestamp\":\"");
                line.extend_from_slice(&now);
                line.extend_from_slice(b"\",\"level\":\"");
                line.extend_from_slice(metadata.level().as_str().as_bytes());
                line.extend_from_slice(b"\",\"target\":");
                push_string(&mut line, metadata.target(), NAME_BYTES);
                line.extend_from_slice(b",\"message\":");
                push_string(&mut line, &message, VALUE_BYTES);
                // Apart from the members before, whose names they may have.
                line.extend_from_slice(b",\"fields\":{");
                line.extend_from_slice(&fields.out);
                line.extend_from_slice(b"}}\n");
            }
            Form::Words => {
                line.extend_from_slice(&now);
                line.push(b' ');
                line.extend_from_slice(metadata.level().as_str().as_bytes());
                line.push(b' ');
                push_escaped(&mut line, metadata.target());
                line.extend_from_slice(b": ");
                push_escaped(&mut line, cut(&message, VALUE_BYTES));
                line.extend_from_slice(&fields.out);
                line.push(b'\n');
            }
        }
        line
    }
}

impl<W: Fn(&[u8]) + Send + Sync + 'static> Subscriber for Subscribed<W> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        // Zero is no number of a span.
        span::Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed).max(1))
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        (self.write)(&self.line(event));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The fields of one event, as they are written.
struct Fields<'a> {
    form: Form,
    filter: Option<&'a Filter>,
    message: Option<String>,
    out: Vec<u8>,
}

impl Fields<'_> {
    fn text(&mut self, field: &Field, value: &str) {
        let value = match self.filter {
            Some(filter) => filter.value(field.name(), value),
            None => value.into(),
        };
        if field.name() == MESSAGE {
            self.message = Some(value.into_owned());
            return;
        }
        self.name(field);
        push_string(&mut self.out, &value, VALUE_BYTES);
    }

    /// A value that JSON has without quotation marks.
    fn plain(&mut self, field: &Field, value: &dyn fmt::Display) {
        if field.name() == MESSAGE || self.filter.is_some_and(|filter| filter.is_secret(field.name())) {
            return self.text(field, REDACTED);
        }
        self.name(field);
        self.out.extend_from_slice(value.to_string().as_bytes());
    }

    fn name(&mut self, field: &Field) {
        match self.form {
            Form::Json => {
                if !self.out.is_empty() {
                    self.out.push(b',');
                }
                push_string(&mut self.out, field.name(), NAME_BYTES);
                self.out.push(b':');
            }
            Form::Words => {
                self.out.push(b' ');
                push_escaped(&mut self.out, field.name());
                self.out.push(b'=');
            }
        }
    }
}

impl Visit for Fields<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

const MESSAGE: &str = "message";
const NAME_BYTES: usize = 128;
/// Enough for a record of the audit log.
const VALUE_BYTES: usize = 16 * 1024;
