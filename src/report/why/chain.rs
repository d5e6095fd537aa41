//! A story in words: one line for each thing that happened.

use crate::engine::SimTime;
use crate::model::node::ConditionStatus;
use crate::model::pod_status::{Termination, TerminationReason};
use crate::model::scenario::Scenario;
use crate::observe::story::{AtWork, Fact, Moment, Story};
use crate::report::why::Cause;

/// The chain of causes that a story tells, oldest first.
pub fn causes(story: &Story, scenario: &Scenario) -> Vec<Cause> {
    told(story, &|entry| scenario.timeline.get(entry).map(|entry| entry.action.to_string()))
}

/// The same with a timeline of which there are only words.
pub fn told(story: &Story, timeline: &dyn Fn(usize) -> Option<String>) -> Vec<Cause> {
    let mut causes: Vec<Cause> =
        story.moments.iter().map(|moment| Cause::new(moment.at, line(moment, timeline))).collect();
    causes.dedup();
    if story.n_more_moments > 0 {
        let what = format!("{} more", story.n_more_moments);
        causes.push(Cause { instant: SimTime::MAX, at: "…".to_owned(), what });
    }
    causes
}

/// `pod batch-1: container main exited with 1`
fn line(moment: &Moment, timeline: &dyn Fn(usize) -> Option<String>) -> String {
    let head = moment.pod.as_ref().map(|pod| format!("pod {pod}: ")).unwrap_or_default();
    format!("{head}{}{}", what(&moment.fact), by(moment, timeline))
}

fn what(fact: &Fact) -> String {
    match fact {
        Fact::Created => "created".to_owned(),
        Fact::Unschedulable(message) => format!("cannot be placed: {message}"),
        Fact::Nominated(node) => {
            format!("nominated to {node}, where preemption removes pods of lower priority")
        }
        Fact::Bound(node) => format!("bound to {node}"),
        Fact::NodeLease(node, false) => format!("its node {node} fell silent"),
        Fact::NodeLease(node, true) => format!("its node {node} gave signs of life again"),
        Fact::NodeReady(node, ConditionStatus::True) => format!("its node {node} became Ready"),
        Fact::NodeReady(node, status) => format!("its node {node} is no longer Ready ({status:?})"),
        Fact::Started(container) => format!("container {container} started"),
        Fact::Waiting(container, reason) => format!("container {container} waits: {}", reason.as_str()),
        Fact::Killed(message) => format!("Killing: {message}"),
        Fact::Ended(container, end) => format!("container {container} {}", end_text(end)),
        Fact::Over(phase, None) => phase.as_str().to_owned(),
        Fact::Over(phase, Some((reason, message))) if message.is_empty() => {
            format!("{}: {reason}", phase.as_str())
        }
        Fact::Over(phase, Some((reason, message))) => format!("{}: {reason}: {message}", phase.as_str()),
        Fact::Disrupted(reason) => format!("is to go: {reason}"),
        Fact::DeletionRequested(None) => "deletion requested".to_owned(),
        Fact::DeletionRequested(Some(grace)) => format!("deletion requested, grace period {grace}"),
        Fact::Deleted => "deleted".to_owned(),
        Fact::SpecChanged => "got another spec".to_owned(),
        Fact::Warned(reason, message) => format!("{reason}: {message}"),
        Fact::Condition(condition) => {
            let (kind, status) = (condition.kind.as_str(), condition.status);
            let state = if status == ConditionStatus::True { kind.to_owned() } else { format!("not {kind}") };
            let parts = [state, condition.reason.to_string(), condition.message.to_string()];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
        }
    }
}

/// `exited with 1`, or how else a process ended.
pub fn end_text(end: &Termination) -> String {
    let code = end.exit_code;
    match end.reason {
        TerminationReason::OomKilled => {
            format!("was killed at its memory limit (OOMKilled, exit code {code})")
        }
        TerminationReason::Completed | TerminationReason::Error => format!("exited with {code}"),
        TerminationReason::Unknown | TerminationReason::ContainerStatusUnknown => {
            format!("ended unseen ({}, exit code {code})", end.reason.as_str())
        }
    }
}

/// What was at work, where that is not plain from what happened.
fn by(moment: &Moment, timeline: &dyn Fn(usize) -> Option<String>) -> String {
    match (&moment.fact, moment.at_work) {
        (_, AtWork::Timeline(position)) => {
            let action = timeline(position as usize);
            action.map(|action| format!(", by the timeline: {action}")).unwrap_or_default()
        }
        (Fact::Created | Fact::Disrupted(_) | Fact::DeletionRequested(_), AtWork::Component(name)) => {
            format!(", by {name}")
        }
        _ => String::new(),
    }
}
