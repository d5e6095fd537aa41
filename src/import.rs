//! What others recorded, as scenarios: the state of a cluster, and traces of jobs, pods and requests.
//!
//! An importer reads its input line by line or object by object and gives the text of a Scenario, the files that it
//! refers to, and notes on everything that was left out or assumed: nothing is lost silently. A row that cannot be
//! read is an error with its place, unless the user asks to skip such rows; they are counted and listed then.

pub mod intake;
pub mod swf;
pub mod openb;
pub mod table;
pub mod azure;
pub mod kubectl;
mod pods;

use std::io;

use crate::manifest::diagnostic::Diagnostics;

/// What came of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// The Scenario.
    pub scenario: String,
    /// The files that it refers to.
    pub companions: Vec<Companion>,
    /// What was left out, and what was assumed.
    pub notes: Vec<String>,
}

/// A file that a Scenario refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Companion {
    /// Its name, in the folder of the Scenario.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Why nothing came of an import.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Rows or objects are wrong.
    #[error("{0}")]
    Rows(Diagnostics),
    /// The input as a whole, or what is asked of it, is wrong.
    #[error("{0}")]
    Input(String),
}

/// Like nodes to play a trace on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// How many.
    pub count: u32,
    /// The cpus of each.
    pub cpus: u32,
    /// The memory of each [MiB]; `None` is enough for what was recorded.
    pub memory_mib: Option<u64>,
}

impl Pool {
    /// As an entry of `spec.nodePools`. A node takes a pod for each of its cpus, and never fewer than 110.
    fn yaml(&self, memory_mib: u64) -> String {
        let Self { count, cpus, .. } = self;
        let pods = (*cpus).max(110);
        format!(
            "{{name: node, count: {count}, capacity: {{cpu: \"{cpus}\", memory: {memory_mib}Mi, pods: {pods}}}}}"
        )
    }
}

/// A text as YAML and JSON write it in quotes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A noun with its number.
fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
