//! Why a persona file is refused.

use std::fmt;
use std::ops::Range;

/// Why a persona file is refused: which file, where in it, which field, why, and what to do.
///
/// ```
/// use mei_emulator::Persona;
///
/// let error = Persona::parse("name = \"mine\"\ndevice = 0xA0E0\nbuffer_depth = 128\n", "mine.toml").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "mine.toml:3:1: buffer_depth: unknown field; did you mean `buffer-depth`?",
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct PersonaError {
    /// The file, as given to the parser.
    pub origin: String,
    /// Line, from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// Column in bytes, from 1; 0 when the file as a whole is meant.
    pub column: usize,
    /// The field, with its table: `status.hfs1`.
    pub field: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for PersonaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        f.write_str(": ")?;
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{}; {}", self.reason, self.remedy)
    }
}

/// The text that an error points into, and its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) origin: &'a str,
}

impl Source<'_> {
    /// An error at `span`.
    pub(super) fn error(
        self,
        span: Option<Range<usize>>,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> PersonaError {
        let start = span.map(|span| span.start.min(self.text.len()));
        let (line, column) = start.map_or((0, 0), |start| self.position(start));
        PersonaError {
            origin: self.origin.to_owned(),
            line,
            column,
            field: start.and_then(|start| self.field(start)),
            reason: reason.into(),
            remedy: remedy.into(),
        }
    }

    /// What the TOML reader says of a text that is no TOML.
    pub(super) fn syntax_error(self, error: &toml::de::Error) -> PersonaError {
        self.error(error.span(), error.message().trim().replace('\n', "; "), "correct the line")
    }

    /// What a deserializer says of a value, with a suggestion for what was mistyped.
    pub(super) fn toml_error(self, error: &toml::de::Error) -> PersonaError {
        let message = error.message().trim().replace('\n', "; ");
        let (reason, remedy) = match Unknown::in_message(&message) {
            Some(unknown) => (unknown.reason(), unknown.remedy()),
            None if message.starts_with("missing field") => {
                (message, "add it to the table that begins here".to_owned())
            }
            None => (message, "correct the value".to_owned()),
        };
        self.error(error.span(), reason, remedy)
    }

    fn position(self, offset: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..offset];
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = offset - before.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1) + 1;
        (line, column)
    }

    /// The key of the line at `offset`, behind the table that the line stands in.
    fn field(self, offset: usize) -> Option<String> {
        let start =
            self.text.as_bytes()[..offset].iter().rposition(|&byte| byte == b'\n').map_or(0, |n| n + 1);
        let line = self.text[start..].lines().next().unwrap_or_default().trim();
        let header = |line: &str| {
            let name = line.trim_start_matches('[').split(']').next().unwrap_or_default().trim().to_owned();
            (!name.is_empty()).then_some(name)
        };
        if line.starts_with('[') {
            return header(line);
        }
        let (key, _) = line.split_once('=')?;
        let table =
            self.text[..start].lines().rev().find(|line| line.trim_start().starts_with('[')).and_then(header);
        let key = key.trim();
        Some(table.map_or_else(|| key.to_owned(), |table| format!("{table}.{key}")))
    }
}

/// What serde says of a name that it does not know.
struct Unknown<'a> {
    what: &'a str,
    name: &'a str,
    known: Vec<&'a str>,
}

impl<'a> Unknown<'a> {
    /// Serde's wording: ``unknown field `a`, expected one of `b`, `c` ``.
    fn in_message(message: &'a str) -> Option<Self> {
        let (what, rest) = message.strip_prefix("unknown ")?.split_once(" `")?;
        let (name, rest) = rest.split_once('`')?;
        let known = rest.split('`').skip(1).step_by(2).collect();
        Some(Self { what, name, known })
    }

    fn reason(&self) -> String {
        format!("unknown {}", self.what)
    }

    fn remedy(&self) -> String {
        suggestion(self.name, &self.known)
    }
}

/// A remedy for a name that is none of `known`.
pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    let close = |candidate: &&&str| distance(name, candidate) <= 1 + candidate.len() / 4;
    match known.iter().filter(close).min_by_key(|candidate| distance(name, candidate)) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Insertions, removals and substitutions from one name to the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.bytes().enumerate() {
            let substitution = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, expected) in [("", "", 0), ("kitten", "sitting", 3), ("a", "", 1), ("hbm", "hbm", 0)] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
            assert_eq!(distance(to, from), expected, "{to} {from}");
        }
    }

    #[test]
    fn suggestions_are_close_or_complete() {
        assert_eq!(suggestion("adress", &["kind", "address"]), "did you mean `address`?");
        assert_eq!(suggestion("colour", &["kind", "address"]), "known here: kind, address");
        assert_eq!(suggestion("colour", &[]), "remove it");
    }

    #[test]
    fn fields_are_named_with_their_table() {
        let text = "name = 1\n[status]\nhfs1 = 2\n[[client]]\n";
        let source = Source { text, origin: "x" };
        let field = |needle: &str| source.field(text.find(needle).unwrap());
        assert_eq!(field("1").as_deref(), Some("name"));
        assert_eq!(field("2").as_deref(), Some("status.hfs1"));
        assert_eq!(field("[[").as_deref(), Some("client"));
        assert_eq!(source.position(text.find("hfs1").unwrap()), (3, 1));
    }
}
