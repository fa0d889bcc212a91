//! Reading a template: which expressions may stand where, and where the text of each variable ends.
//!
//! The rules leave one way to read a URI back; a template that would need a guess is refused here.

use std::sync::Arc;

use crate::uri::{
    TemplateError,
    normal::{self, Part},
    template::{Component, Ends, MAX_VARIABLES, Piece, Span, Start},
};

/// Reads the pieces of a template, the first of which is literal.
pub(super) fn read(raw: &str) -> Result<Vec<Piece>, TemplateError> {
    let reader = Reader::read(raw)?;
    reader.check_names()?;
    Ok(with_ends(&reader.pieces))
}

/// Reads the pieces of a template from left to right.
struct Reader {
    pieces: Vec<Piece>,
    component: Component,
    /// How the literal text of the host is spelled.
    host: Part,
}

impl Reader {
    fn read(raw: &str) -> Result<Self, TemplateError> {
        let (scheme, mut rest) = normal::split_scheme(raw).ok_or(TemplateError::Scheme)?;
        let mut start = scheme.to_ascii_lowercase();
        let mut reader = Self { pieces: Vec::new(), component: Component::Path, host: normal::host_of(&start) };
        start.push(':');
        if let Some(behind) = rest.strip_prefix("//") {
            start.push_str("//");
            reader.component = Component::Host;
            rest = behind;
        }
        reader.pieces.push(Piece::Literal(start.into()));
        loop {
            let brace = rest.find(['{', '}']).unwrap_or(rest.len());
            let (literal, behind) = rest.split_at_checked(brace).ok_or(TemplateError::Brace)?;
            if !literal.is_empty() {
                reader.literal(literal)?;
            }
            if behind.is_empty() {
                break;
            }
            let (expression, behind) =
                behind.strip_prefix('{').and_then(|behind| behind.split_once('}')).ok_or(TemplateError::Brace)?;
            reader.expression(expression)?;
            rest = behind;
        }
        Ok(reader)
    }

    fn literal(&mut self, raw: &str) -> Result<(), TemplateError> {
        if let Some(Piece::Segments(names) | Piece::Query(_, names)) = self.pieces.last() {
            return Err(TemplateError::Optional(names.join(",").into()));
        }
        if let Some(Piece::Path(name) | Piece::Label(name, _)) = self.pieces.last() {
            return Err(TemplateError::Optional((&**name).into()));
        }
        self.check_query_is_open()?;
        if raw.contains('#') {
            return Err(TemplateError::Place("#".into()));
        }
        // Behind a `{+a}` that began in the host only a slash tells that the host is over. Until then the letters of
        // the literal are kept, and the variables behind it take what both host and path can hold.
        let may_be_path =
            self.component == Component::Host && matches!(self.pieces.last(), Some(Piece::Reserved { .. }));
        let mut text = String::new();
        let mut rest = raw;
        if may_be_path {
            self.component = Component::Path;
        }
        if self.component == Component::Host {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (host, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            if host.contains(['@', '[', ']']) {
                return Err(TemplateError::Host);
            }
            for (n, name) in host.split(':').enumerate() {
                if n > 0 {
                    text.push(':');
                }
                normal::push(self.host, name, &mut text).map_err(TemplateError::Literal)?;
            }
            if !behind.is_empty() {
                self.component = Component::Path;
            }
            rest = behind;
        }
        if self.component == Component::Path {
            let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
            normal::push(Part::Path, path, &mut text).map_err(TemplateError::Literal)?;
            if query.is_some() {
                text.push('?');
                self.component = Component::Query;
            }
            rest = query.unwrap_or_default();
        }
        normal::push(Part::Query, rest, &mut text).map_err(TemplateError::Literal)?;
        if may_be_path && !raw.contains(['/', '?']) {
            self.component = Component::Host;
        }
        match self.pieces.last_mut() {
            Some(Piece::Literal(start)) => *start = format!("{start}{text}").into(),
            Some(_) | None => self.pieces.push(Piece::Literal(text.into())),
        }
        Ok(())
    }

    /// Whether more may follow in a query: a `{+a}` there takes all that is left.
    fn check_query_is_open(&self) -> Result<(), TemplateError> {
        match self.pieces.last() {
            Some(Piece::Reserved { name, .. }) if self.component == Component::Query => {
                Err(TemplateError::Reserved(format!("+{name}").into()))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn expression(&mut self, inside: &str) -> Result<(), TemplateError> {
        let (operator, list) = match inside.chars().next() {
            Some(first @ ('+' | '/' | '.' | '?' | '&')) => (Some(first), inside.strip_prefix(first).unwrap_or(inside)),
            Some(first @ ('#' | ';' | '=' | ',' | '!' | '@' | '|')) => return Err(TemplateError::Operator(first)),
            Some(_) | None => (None, inside),
        };
        let mut names = Vec::new();
        let mut explodes = false;
        for variable in list.split(',') {
            if variable.contains(':') {
                return Err(TemplateError::Prefix(variable.into()));
            }
            let name = variable.strip_suffix('*').unwrap_or(variable);
            explodes |= name != variable;
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
            if name.is_empty() || name.starts_with('.') || name.ends_with('.') || !name.bytes().all(legal) {
                return Err(TemplateError::Name(name.into()));
            }
            names.push(Arc::<str>::from(name));
        }
        if explodes && (operator != Some('/') || names.len() > 1) {
            return Err(TemplateError::Explode(inside.into()));
        }
        let several = names.len() > 1;
        let Some(name) = names.first().cloned() else { return Err(TemplateError::Name("".into())) };
        if several && matches!(operator, None | Some('+' | '.')) {
            return Err(TemplateError::Several(inside.into()));
        }
        self.check_place(operator, inside)?;
        let component = self.component;
        let open = Ends::WithRun { overlap: 0 };
        let piece = match operator {
            Some('+') => {
                let behind_slash = matches!(self.pieces.last(), Some(Piece::Literal(text)) if text.ends_with('/'));
                let start = if behind_slash && component != Component::Host { Start::NoSlash } else { Start::Free };
                Piece::Reserved { name, span: Span::Path, ends: open, start }
            }
            Some('/') if explodes => Piece::Path(name),
            Some('/') => Piece::Segments(names.into()),
            Some('.') => Piece::Label(name, component),
            Some(first) => Piece::Query(first, names.into()),
            None => Piece::Value { name, component, ends: open },
        };
        match piece {
            Piece::Segments(_) | Piece::Path(_) => self.component = Component::Path,
            Piece::Query(..) => self.component = Component::Query,
            Piece::Literal(_) | Piece::Value { .. } | Piece::Reserved { .. } | Piece::Label(..) => {}
        }
        self.pieces.push(piece);
        Ok(())
    }

    /// Whether this expression may follow what stands before it.
    fn check_place(&self, operator: Option<char>, inside: &str) -> Result<(), TemplateError> {
        self.check_query_is_open()?;
        let in_query = self.component == Component::Query;
        let has_reserved = self.pieces.iter().any(|piece| matches!(piece, Piece::Reserved { .. }));
        let begins_itself = matches!(operator, Some('/' | '?' | '&'));
        match self.pieces.last() {
            Some(Piece::Literal(_)) | None => {}
            Some(Piece::Value { .. } | Piece::Reserved { .. }) if begins_itself => {}
            Some(Piece::Segments(_)) if begins_itself => {}
            Some(Piece::Path(_) | Piece::Label(..)) if operator == Some('?') => {}
            Some(Piece::Value { .. } | Piece::Reserved { .. }) => return Err(TemplateError::Adjacent(inside.into())),
            Some(Piece::Segments(_) | Piece::Path(_) | Piece::Label(..) | Piece::Query(..)) => {
                return Err(TemplateError::Optional(inside.into()));
            }
        }
        match operator {
            Some('+') if has_reserved => Err(TemplateError::Reserved(inside.into())),
            Some('/') if has_reserved => Err(TemplateError::Optional(inside.into())),
            Some('/') if self.has_one_slash() => Err(TemplateError::Authority(inside.into())),
            Some('?' | '/' | '.') if in_query => Err(TemplateError::Place(inside.into())),
            Some('&') if !in_query => Err(TemplateError::Place(inside.into())),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether all that was read is `scheme:/`, which another slash would make the beginning of an authority.
    fn has_one_slash(&self) -> bool {
        let [Piece::Literal(start)] = self.pieces.as_slice() else { return false };
        start.split_once(':').is_some_and(|(_, behind)| behind == "/")
    }

    fn check_names(&self) -> Result<(), TemplateError> {
        let names: Vec<_> = self.pieces.iter().flat_map(Piece::names).collect();
        if names.len() > MAX_VARIABLES {
            return Err(TemplateError::TooManyVariables);
        }
        for (n, name) in names.iter().enumerate() {
            if names.iter().take(n).any(|earlier| earlier == name) {
                return Err(TemplateError::Duplicate((&***name).into()));
            }
        }
        Ok(())
    }
}

/// The pieces with the place where each variable's text ends, now that it is known what follows it.
fn with_ends(pieces: &[Piece]) -> Vec<Piece> {
    let mut ended = Vec::with_capacity(pieces.len());
    let mut pieces = pieces;
    while let [piece, behind @ ..] = pieces {
        ended.push(match piece {
            Piece::Value { name, component, .. } => {
                let ends = ends(behind, |byte| component.holds(byte), Ends::First);
                Piece::Value { name: Arc::clone(name), component: *component, ends }
            }
            Piece::Reserved { name, start, .. } => {
                let span = if behind.is_empty() { Span::PathAndQuery } else { Span::Path };
                let ends = ends(behind, |byte| span.holds(byte), Ends::Last);
                Piece::Reserved { name: Arc::clone(name), span, ends, start: *start }
            }
            Piece::Literal(_) | Piece::Segments(_) | Piece::Path(_) | Piece::Label(..) | Piece::Query(..) => {
                piece.clone()
            }
        });
        pieces = behind;
    }
    ended
}

/// Where a text of bytes that `holds` allows ends before these pieces; `ambiguous` where the literal behind it and a
/// further variable may hold the same bytes.
fn ends(behind: &[Piece], holds: impl Fn(u8) -> bool, ambiguous: Ends) -> Ends {
    let [Piece::Literal(literal), further @ ..] = behind else { return Ends::WithRun { overlap: 0 } };
    let overlap = literal.bytes().take_while(|byte| holds(*byte)).count();
    let variable_next = matches!(further, [Piece::Value { .. } | Piece::Reserved { .. } | Piece::Label(..), ..]);
    if variable_next && overlap == literal.len() { ambiguous } else { Ends::WithRun { overlap } }
}
