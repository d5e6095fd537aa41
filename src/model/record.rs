//! Records: what Kubernetes calls Event objects. (An event, here, is something due in the calendar.)

use std::fmt;

/// A note that a component makes about an object, as `kubectl get events` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whether it tells of trouble.
    pub severity: Severity,
    /// One word on why.
    pub reason: &'static str,
    /// What happened, in upstream's words.
    pub message: String,
    /// The component that made the note, by its upstream name.
    pub source: &'static str,
}

/// Whether a record tells of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It does not.
    Normal,
    /// It does.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        })
    }
}
