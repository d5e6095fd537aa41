//! The document on version profiles, made from their table.

use std::fmt::Write;

use crate::model::profile::{Entry, KubernetesVersion, Profile};

/// `docs/profiles.md`.
pub fn document() -> String {
    let mut out = format!(
        "# Version profiles\n\nWhat differs between Kubernetes {} and {}, as far as it is simulated; the default is {}. \
         The table was checked up to 1.36, and 1.37 is taken to behave like it. A gate can be set by `featureGates` of \
         the scenario. Bugs are reproduced in the versions that have them.\n\n\
         | feature | on in | kind | what it does |\n|---|---|---|---|\n",
        KubernetesVersion::MIN,
        KubernetesVersion::MAX,
        KubernetesVersion::DEFAULT,
    );
    for entry in Profile::table() {
        let (what, kind) = (entry.what, kind(entry));
        let _ = writeln!(out, "| {:?} | {} | {kind} | {what} |", entry.feature, versions(entry));
    }
    out
}

const fn kind(entry: &Entry) -> &'static str {
    match entry.gate {
        Some(_) => "gate",
        None if entry.to != u8::MAX => "bug or old way",
        None => "change",
    }
}

fn versions(entry: &Entry) -> String {
    match (entry.from <= KubernetesVersion::MIN.minor(), entry.to) {
        (true, u8::MAX) => "all".to_owned(),
        (true, to) => format!("up to 1.{to}"),
        (false, u8::MAX) => format!("1.{} and later", entry.from),
        (false, to) => format!("1.{} to 1.{to}", entry.from),
    }
}
