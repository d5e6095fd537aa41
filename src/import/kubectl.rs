//! The state of a cluster, as `kubectl get … -A -o yaml` prints it.
//!
//! Objects are read one at a time. What the simulator makes nothing of is left out and counted by its path; what the
//! server or a controller generated is taken back, so that the simulated controllers take the pods that are there for
//! their own:
//!
//! ```text
//! pods          stay on their nodes; finished and terminating ones are left out
//! Jobs          keep the selector of their living pods; what they had done before goes to `spec.progress`
//! StatefulSets, keep pods of their present revision: the label of the revision gets the hash that the
//! DaemonSets    simulator gives it
//! ```

mod chunks;
mod clean;
mod items;
mod owners;
mod programs;
mod written;

use std::io::BufRead;

use crate::import::intake::{Fault, Intake, OnBadRow};
use crate::import::kubectl::chunks::Chunks;
use crate::import::kubectl::items::Inventory;
use crate::import::{ImportError, Imported};
use crate::manifest::api::Api;
use crate::manifest::diagnostic::Diagnostics;
use crate::manifest::source::{Source, trees};
use crate::manifest::tree::Tree;

/// What the user asks of an import.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of the scenario.
    pub name: String,
    /// What becomes of objects that cannot be read.
    pub on_bad_row: OnBadRow,
}

/// Makes a scenario of the objects of a cluster.
///
/// # Errors
/// Text or objects that cannot be read, unless they are to be skipped.
pub fn import(file: &str, reader: impl BufRead, options: &Options) -> Result<Imported, ImportError> {
    let api = Api::load();
    let mut intake = Intake::new(file, options.on_bad_row);
    let mut inventory = Inventory::default();
    let mut chunks = Chunks::new(reader);
    while let Some(chunk) = chunks.next_chunk()? {
        let mut diagnostics = Diagnostics::default();
        let source = Source { name: file.into(), text: chunk.text.into_bytes() };
        for tree in trees(&source, &mut diagnostics) {
            take(tree, chunk.lines_before, &api, &mut inventory, &mut intake);
        }
        for diagnostic in diagnostics.iter() {
            let line = chunk.lines_before + diagnostic.place.mark.line;
            let fault = Fault { column: diagnostic.place.mark.column, message: diagnostic.message.clone() };
            intake.take::<()>(line, Err(fault));
        }
    }
    for why in inventory.left_out() {
        intake.leave_out(&why);
    }
    let notes = intake.finish("object")?;
    inventory.resolve_owners();
    written::scenario(file, options, inventory, notes)
}

/// Takes an object, or the objects of a list.
fn take(tree: Tree, lines_before: u32, api: &Api, inventory: &mut Inventory, intake: &mut Intake) {
    let is_list = tree.get("kind").and_then(Tree::text).is_some_and(|kind| kind.ends_with("List"));
    match tree.get("items") {
        Some(items) if is_list => {
            for item in items.items() {
                let taken = inventory.take(item, api);
                intake.take(lines_before + item.mark.line, taken);
            }
        }
        _ if is_list || tree.is_null() => {}
        // What stands around the items of a list that was read item by item.
        _ if tree.get("kind").is_none() && tree.get("metadata").is_none() && tree.entries().len() <= 1 => {}
        _ => {
            let taken = inventory.take(&tree, api);
            intake.take(lines_before + tree.mark.line, taken);
        }
    }
}
