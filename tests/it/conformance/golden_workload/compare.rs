//! What of two timelines has to agree.
//!
//! Every object's status is a step function: of what is written at one instant the last counts. Where a file says that
//! another order at one instant would have given something else, only what a run comes to is compared: the last
//! status and size of everything.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::timeline::{Millis, Timeline};

/// On what order a result hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// On none.
    None,
    /// Which of equal pods goes hangs on the order of caches.
    Pods,
    /// What happens within an instant hangs on who is first: all the same it is compared, and loosely where it
    /// differs.
    Instant,
    /// Also counts hang on which of equal pods goes, for their scripts differ: likewise, and by sizes only.
    Counts,
}

/// Compares as far as the sensitivity of the file allows.
pub fn compare(found: &Timeline, expected: &Timeline, sensitivity: Sensitivity) -> Result<(), String> {
    let strictly = compare_strictly(found, expected, sensitivity);
    match (strictly, sensitivity) {
        (Err(_), Sensitivity::Counts) => same("last sizes", &last(&found.sizes), &last(&expected.sizes)),
        (Err(_), Sensitivity::Instant) => compare_loosely(found, expected),
        (outcome, _) => outcome,
    }
}

fn compare_strictly(found: &Timeline, expected: &Timeline, sensitivity: Sensitivity) -> Result<(), String> {
    if sensitivity == Sensitivity::None {
        same("the pods that went", &sorted(&found.victims), &sorted(&expected.victims))?;
        same("pods gone", &sorted(&found.pods_gone), &sorted(&expected.pods_gone))?;
    }
    same("sizes", &steps(&found.sizes), &steps(&expected.sizes))?;
    same("replica sets deleted", &sorted(&found.sets_deleted), &sorted(&expected.sets_deleted))?;
    same("pods created", &sorted(&found.pods_created), &sorted(&expected.pods_created))?;
    same("pods asked to go", &sorted(&found.pods_asked_to_go), &sorted(&expected.pods_asked_to_go))?;
    same("status", &steps(&found.counts), &steps(&expected.counts))?;
    same("conditions", &steps(&found.conditions), &steps(&expected.conditions))?;
    same("evictions", &found.evictions, &expected.evictions)?;
    same("records", &sorted(&found.records), &sorted(&expected.records))
}

fn compare_loosely(found: &Timeline, expected: &Timeline) -> Result<(), String> {
    same("last sizes", &last(&found.sizes), &last(&expected.sizes))?;
    same("last status", &last(&found.counts), &last(&expected.counts))?;
    same("last conditions", &last_words(found), &last_words(expected))
}

/// The first difference.
fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (format!("{found:?}"), format!("{expected:?}"));
    let at = found.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    let around = |text: &str| {
        let from = text.floor_char_boundary(at.saturating_sub(120));
        let to = text.floor_char_boundary((at + 120).min(text.len()));
        text[from..to].to_owned()
    };
    Err(format!("{what}: …{}… instead of …{}…", around(&found), around(&expected)))
}

fn sorted<T: Clone + Ord>(items: &[T]) -> Vec<T> {
    let mut items = items.to_vec();
    items.sort();
    items
}

/// The last value of each instant, where it differs from the one before.
fn steps<T: Clone + PartialEq>(
    by_object: &BTreeMap<String, Vec<(Millis, T)>>,
) -> BTreeMap<String, Vec<(Millis, T)>> {
    let steps_of = |values: &[(Millis, T)]| {
        let mut steps: Vec<(Millis, T)> = Vec::new();
        for (position, (at, value)) in values.iter().enumerate() {
            let is_last = values.get(position + 1).is_none_or(|(next, _)| next != at);
            if is_last && steps.last().is_none_or(|(_, last)| last != value) {
                steps.push((*at, value.clone()));
            }
        }
        steps
    };
    by_object.iter().map(|(object, values)| (object.clone(), steps_of(values))).collect()
}

fn last<T: Clone>(by_object: &BTreeMap<String, Vec<(Millis, T)>>) -> BTreeMap<String, Option<T>> {
    by_object
        .iter()
        .map(|(object, values)| (object.clone(), values.last().map(|(_, value)| value.clone())))
        .collect()
}

fn last_words(timeline: &Timeline) -> BTreeMap<String, Vec<(String, String, String)>> {
    let words = last(&timeline.conditions).into_iter().map(|(object, conditions)| {
        let words = conditions.into_iter().flatten().map(|it| (it.kind, it.status, it.reason));
        let mut words: Vec<_> = words.collect();
        words.sort();
        (object, words)
    });
    words.collect()
}
