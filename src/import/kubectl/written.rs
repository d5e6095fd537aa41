//! The text of the scenario, held against the reader before anybody else reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::import::kubectl::Options;
use crate::import::kubectl::items::{Inventory, Item};
use crate::import::kubectl::programs::Programs;
use crate::import::{ImportError, Imported, counted, quoted};
use crate::manifest::diagnostic::{Diagnostics, Severity};
use crate::manifest::load;
use crate::manifest::source::Source;

/// How often objects that the reader refuses are left out before it is given up.
const PASSES_MAX: usize = 8;
/// The kinds in the order in which they are written.
const ORDER: [&str; 14] = [
    "Namespace",
    "PriorityClass",
    "ResourceQuota",
    "Node",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Job",
    "Pod",
    "Service",
    "PodDisruptionBudget",
    "HorizontalPodAutoscaler",
];

/// Writes the scenario, without objects that the reader refuses.
pub(super) fn scenario(
    file: &str,
    options: &Options,
    mut inventory: Inventory,
    mut notes: Vec<String>,
) -> Result<Imported, ImportError> {
    inventory.items.sort_by_cached_key(|item| {
        let order = ORDER.iter().position(|kind| *kind == item.kind);
        (order, item.namespace.clone(), item.name.clone())
    });
    let programs = Programs::of(&mut inventory.items);
    let head = head(file, options, &inventory, &programs);
    let mut refused = Vec::new();
    for _ in 0..PASSES_MAX {
        let (text, starts) = text(&head, &inventory)?;
        let Err(diagnostics) = check(&options.name, &text) else {
            notes.extend(inventory.changes.iter().map(|(what, count)| format!("{count} x {what}")));
            notes.append(&mut refused);
            notes.extend(dropped(&inventory));
            notes.push(counts(&inventory.items));
            return Ok(Imported { scenario: text, companions: Vec::new(), notes });
        };
        refused.extend(leave_out(&mut inventory, &starts, &diagnostics)?);
    }
    Err(ImportError::Input("objects go on being refused; what is left of them makes no scenario".to_owned()))
}

/// The fields that were left out, a line for each reason, with how often.
fn dropped(inventory: &Inventory) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((why, path), count) in &inventory.dropped {
        by_reason.entry(why).or_default().push(format!("{path} ({count})"));
    }
    by_reason.iter().map(|(why, paths)| format!("fields left out, {why}: {}", paths.join(", "))).collect()
}

/// The Scenario document.
fn head(file: &str, options: &Options, inventory: &Inventory, programs: &Programs) -> String {
    let mut text = format!(
        "# Made by `sim import kubectl` of {}. Containers that were running start at 0 s.\n\
         apiVersion: sim/v1\nkind: Scenario\nmetadata: {{name: {}}}\nspec:\n",
        quoted(file),
        quoted(&options.name)
    );
    if let Some(latest) = inventory.latest {
        let _ = writeln!(text, "  startTime: \"{latest}\"  # the latest time in the input");
    }
    if let Some(version) = inventory.version {
        let _ = writeln!(text, "  kubernetesVersion: \"{version}\"");
    }
    let mut lines = programs.iter().peekable();
    if lines.peek().is_some() {
        text.push_str("  # What the images do is not in the input: to be filled in.\n  images:\n");
    }
    for (image, program, count) in lines {
        let _ =
            writeln!(text, "    {}: {}  # {}", quoted(&image), program.yaml(), counted(count, "container"));
    }
    let is_down = |item: &&Item| {
        item.kind == "Node" && !item.status["conditions"].is_null() && !item.has_condition("Ready")
    };
    let down: Vec<&Item> = inventory.items.iter().filter(is_down).collect();
    if !down.is_empty() {
        text.push_str("  timeline:\n");
    }
    for node in down {
        let _ =
            writeln!(text, "    - {{at: 0s, fail: {{node: {}}}}}  # it was not ready", quoted(&node.name));
    }
    if !inventory.progress.is_empty() {
        text.push_str("  progress:\n");
    }
    for entry in &inventory.progress {
        let _ = writeln!(text, "    - {entry}");
    }
    text
}

/// The whole text, and the line at which each object begins.
fn text(head: &str, inventory: &Inventory) -> Result<(String, Vec<u32>), ImportError> {
    let mut text = head.to_owned();
    let mut line = text.lines().count() as u32 + 1;
    let mut starts = Vec::new();
    for item in &inventory.items {
        let manifest = serde_yaml::to_string(&item.manifest)
            .map_err(|error| ImportError::Input(format!("{}: {error}", item.full_name())))?;
        starts.push(line);
        line += manifest.lines().count() as u32 + 1;
        text.push_str("---\n");
        text.push_str(&manifest);
    }
    Ok((text, starts))
}

fn check(name: &str, text: &str) -> Result<(), Diagnostics> {
    let source = Source { name: name.into(), text: text.as_bytes().to_vec() };
    let mut fetch = |_: &str, name: &str| Err(format!("{name} is not there"));
    load::load(&[source], &mut fetch, &load::Options::default()).map(|_| ())
}

/// Leaves out the objects that the reader refuses; gives what it says of them.
fn leave_out(
    inventory: &mut Inventory,
    starts: &[u32],
    diagnostics: &Diagnostics,
) -> Result<Vec<String>, ImportError> {
    let mut notes = Vec::new();
    let mut is_refused = vec![false; inventory.items.len()];
    for error in diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error) {
        let at = starts.partition_point(|start| *start <= error.place.mark.line);
        let Some(at) = at.checked_sub(1) else { return Err(ImportError::Rows(diagnostics.clone())) };
        is_refused[at] = true;
        let item = &inventory.items[at];
        notes.push(format!("{}: left out: {}: {}", item.full_name(), error.path, error.message));
    }
    let gone = inventory.items.iter().zip(&is_refused).filter(|(_, is_refused)| **is_refused);
    for (item, _) in gone.filter(|(item, _)| item.kind == "Job") {
        inventory.progress.retain(|entry| entry["job"] != item.name.as_str());
    }
    let mut refused = is_refused.into_iter();
    inventory.items.retain(|_| !refused.next().unwrap_or(false));
    Ok(notes)
}

/// How many objects of each kind there are.
fn counts(items: &[Item]) -> String {
    let counts = ORDER.iter().map(|kind| (*kind, items.iter().filter(|item| item.kind == *kind).count()));
    let counts: Vec<String> =
        counts.filter(|(_, count)| *count > 0).map(|(kind, count)| counted(count, kind)).collect();
    format!("the scenario has {}", counts.join(", "))
}
