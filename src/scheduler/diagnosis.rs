//! Why a pod could not be placed, in upstream's words.

use std::fmt::Write;

use crate::model::profile::{Feature, Profile};
use crate::scheduler::framework::Reason;

/// How often each reason was given, over all nodes.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    counts: Vec<(Reason, usize)>,
}

impl Tally {
    /// Counts a reason for so many nodes.
    pub fn add(&mut self, reason: Reason, n_nodes: usize) {
        match self.counts.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, count)) => *count += n_nodes,
            None => self.counts.push((reason, n_nodes)),
        }
    }

    /// `3 Insufficient cpu, 1 node(s) were unschedulable`: sorted as text, the counts included.
    fn text(&self, profile: &Profile) -> String {
        let part = |(reason, count): &(Reason, usize)| format!("{count} {}", words(reason, profile));
        let mut parts: Vec<_> = self.counts.iter().map(part).collect();
        parts.sort_unstable();
        parts.join(", ")
    }
}

/// A reason in the words of the version.
pub fn words(reason: &Reason, profile: &Profile) -> String {
    match reason {
        Reason::UntoleratedTaint { .. } if profile.has(Feature::SchedulerTaintsUnnamed) => {
            "node(s) had untolerated taint(s)".to_owned()
        }
        other => other.to_string(),
    }
}

/// The message where every node was looked at, or left out for a reason that the tally has.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/types.go, FitError.Error.
pub fn filter_message(n_nodes: usize, tally: &Tally, profile: &Profile) -> String {
    let reasons = tally.text(profile);
    let mut message = format!("0/{n_nodes} nodes are available:");
    if !reasons.is_empty() {
        write!(message, " {reasons}.").expect("text can be appended to a string");
    }
    message
}

/// The message where a plugin refused all nodes at once.
pub fn pre_filter_message(n_nodes: usize, reason: &Reason) -> String {
    format!("0/{n_nodes} nodes are available: {reason}.")
}

/// The message with what preemption has to say, where it has.
pub fn with_preemption(message: &str, preemption: &str, profile: &Profile) -> String {
    if preemption.is_empty() {
        return message.to_owned();
    }
    let others =
        if profile.has(Feature::SchedulerDynamicResources) { "no new claims to deallocate, " } else { "" };
    let stop = if profile.has(Feature::SchedulerSingleStop) { "" } else { "." };
    format!("{message} {others}preemption: {preemption}{stop}")
}
