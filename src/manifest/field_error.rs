//! What is wrong with a field of an API object, in the API server's words.
//!
//! Validation walks an object with a [`Path`], a chain of borrowed steps that costs nothing until an error needs its
//! text, and adds every fault to one [`FieldErrors`] in upstream's order. Where the field stands in a file is not
//! known here: the reader finds the place by the path.
//!
//! Source: Kubernetes 1.28, apimachinery pkg/util/validation/field, `Path`, `Error.ErrorBody`.

use std::fmt;

/// A way into an object, for example to `spec.containers[0].ports[1].hostPort`.
#[derive(Debug, Clone, Copy)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Object,
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    /// The object itself.
    pub const OBJECT: Path<'static> = Path { parent: None, step: Step::Object };

    /// The field of this name.
    pub const fn child(&'a self, name: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    /// The item at this position of a list, from 0.
    pub const fn index(&'a self, idx: usize) -> Path<'a> {
        Path { parent: Some(self), step: Step::Index(idx) }
    }

    /// The value of this key of a map.
    pub const fn key(&'a self, key: &'a str) -> Path<'a> {
        Path { parent: Some(self), step: Step::Key(key) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut is_first = true;
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
            is_first = matches!(parent.step, Step::Object);
        }
        match self.step {
            Step::Object => Ok(()),
            Step::Field(name) if is_first => f.write_str(name),
            Step::Field(name) => write!(f, ".{name}"),
            Step::Index(idx) => write!(f, "[{idx}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field, as in `spec.containers[0].name`; empty for the object itself.
    pub path: String,
    /// What sort of fault it is.
    pub kind: ErrorKind,
    /// The value as Go shows it, where the message repeats it.
    pub value: Option<String>,
    /// What is expected; may be empty.
    pub detail: String,
}

/// The sorts of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The field is missing.
    Required,
    /// The value is malformed, out of range or does not go with others.
    Invalid,
    /// The value is of another type, so that the object cannot be decoded.
    TypeInvalid,
    /// The value is none of the known ones.
    NotSupported,
    /// The value is there twice.
    Duplicate,
    /// The value names something that is not there.
    NotFound,
    /// The list is too long.
    TooMany,
    /// The text is too long.
    TooLong,
    /// The field must not be set, or not now.
    Forbidden,
}

impl ErrorKind {
    /// The words that the message begins with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::NotSupported => "Unsupported value",
            Self::Duplicate => "Duplicate value",
            Self::NotFound => "Not found",
            Self::TooMany => "Too many",
            Self::TooLong => "Too long",
            Self::Forbidden => "Forbidden",
        }
    }
}

impl FieldError {
    /// The message without the path: `Invalid value: -1: must be greater than or equal to 0`.
    pub fn message(&self) -> String {
        let mut message = self.kind.as_str().to_owned();
        for part in self.value.iter().chain(Some(&self.detail).filter(|detail| !detail.is_empty())) {
            message.push_str(": ");
            message.push_str(part);
        }
        message
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}{separator}{}", self.path, self.message())
    }
}

/// A value as the API server shows it in a message.
pub trait Shown {
    /// The text of the value, as Go prints it.
    fn shown(&self) -> String;
}

impl Shown for str {
    /// Quoted as by Go's `%q`.
    fn shown(&self) -> String {
        let mut text = String::with_capacity(self.len() + 2);
        text.push('"');
        for c in self.chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                _ if c.is_ascii_control() => text.push_str(&format!("\\x{:02x}", u32::from(c))),
                _ if c.is_control() => text.push_str(&format!("\\u{:04x}", u32::from(c))),
                _ => text.push(c),
            }
        }
        text.push('"');
        text
    }
}

impl Shown for i32 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for i64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

/// Faults in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(pub Vec<FieldError>);

impl FieldErrors {
    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The outcome: `value`, unless something is wrong.
    ///
    /// # Errors
    /// All faults.
    pub fn into_result<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    /// The field is missing; `detail` may be empty.
    pub fn required(&mut self, path: &Path<'_>, detail: &str) {
        self.push(path, ErrorKind::Required, None, detail.to_owned());
    }

    /// The value is not as it has to be.
    pub fn invalid(&mut self, path: &Path<'_>, value: &(impl Shown + ?Sized), detail: impl Into<String>) {
        self.push(path, ErrorKind::Invalid, Some(value.shown()), detail.into());
    }

    /// The value is not as it has to be, and too long to be repeated.
    pub fn invalid_object(&mut self, path: &Path<'_>, detail: &str) {
        self.push(path, ErrorKind::Invalid, None, detail.to_owned());
    }

    /// The value is none of `supported`.
    pub fn not_supported(&mut self, path: &Path<'_>, value: &str, supported: &[&str]) {
        let supported: Vec<_> = supported.iter().map(|value| value.shown()).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        self.push(path, ErrorKind::NotSupported, Some(value.shown()), detail);
    }

    /// The value is there already.
    pub fn duplicate(&mut self, path: &Path<'_>, value: &(impl Shown + ?Sized)) {
        self.push(path, ErrorKind::Duplicate, Some(value.shown()), String::new());
    }

    /// What the value names is not there.
    pub fn not_found(&mut self, path: &Path<'_>, value: &str) {
        self.push(path, ErrorKind::NotFound, Some(value.shown()), String::new());
    }

    /// The list has more than `n_max` items.
    pub fn too_many(&mut self, path: &Path<'_>, n: usize, n_max: usize) {
        let detail = format!("must have at most {n_max} items");
        self.push(path, ErrorKind::TooMany, Some(n.to_string()), detail);
    }

    /// The text is too long to be repeated.
    pub fn too_long(&mut self, path: &Path<'_>, detail: impl Into<String>) {
        self.push(path, ErrorKind::TooLong, None, detail.into());
    }

    /// The field must not be set.
    pub fn forbidden(&mut self, path: &Path<'_>, detail: impl Into<String>) {
        self.push(path, ErrorKind::Forbidden, None, detail.into());
    }

    fn push(&mut self, path: &Path<'_>, kind: ErrorKind, value: Option<String>, detail: String) {
        self.0.push(FieldError { path: path.to_string(), kind, value, detail });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_the_api_server_writes_it() {
        let spec = Path::OBJECT.child("spec");
        let containers = spec.child("containers");
        let container = containers.index(2);
        let labels = spec.child("labels");
        assert_eq!(Path::OBJECT.to_string(), "");
        assert_eq!(container.child("name").to_string(), "spec.containers[2].name");
        assert_eq!(labels.key("a.b/c").to_string(), "spec.labels[a.b/c]");
    }

    #[test]
    fn faults_read_as_upstream_words_them() {
        let path = Path::OBJECT.child("f");
        let mut errors = FieldErrors::default();
        errors.required(&path, "");
        errors.required(&path, "when asked");
        errors.invalid(&path, &-1, "must be positive");
        errors.invalid(&path, "a\"b\n", "odd");
        errors.invalid_object(&path, "specify one");
        errors.not_supported(&path, "x", &["A", "B"]);
        errors.duplicate(&path, &11);
        errors.not_found(&path, "v");
        errors.too_many(&path, 21, 20);
        errors.too_long(&path, "must have at most 63 bytes");
        errors.forbidden(&path, "not here");
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "f: Required value",
                "f: Required value: when asked",
                "f: Invalid value: -1: must be positive",
                r#"f: Invalid value: "a\"b\n": odd"#,
                "f: Invalid value: specify one",
                r#"f: Unsupported value: "x": supported values: "A", "B""#,
                "f: Duplicate value: 11",
                r#"f: Not found: "v""#,
                "f: Too many: 21: must have at most 20 items",
                "f: Too long: must have at most 63 bytes",
                "f: Forbidden: not here",
            ]
        );
    }
}
