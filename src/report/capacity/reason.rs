//! Why a size is not enough: which expectation fails in how many trials, and what the scheduler said.

use serde::Serialize;

use crate::engine::SimTime;
use crate::experiment::capacity::outcome::{Outcome, Recovery};
use crate::experiment::capacity::question::Question;
use crate::experiment::capacity::{Answer, Probe};
use crate::observe::room::RefusedPod;

/// What is expected of a scenario that expects nothing.
pub const ALL_SCHEDULED: &str = "every pod finds a node, and what is lost runs elsewhere again";

/// An expectation that does not hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The expectation, in words or else in CEL.
    pub expectation: String,
    /// In how many trials.
    pub trials: usize,
    /// What was found in the first of them.
    pub found: String,
}

/// Why a size fails at a stage: without a loss, or with the worst.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageReason {
    /// What is lost, as `node/small-1`; `None` where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// In how many trials all holds whichever is lost.
    pub held: usize,
    /// The number of trials.
    pub trials: usize,
    /// The expectations that fail, the most frequent first.
    pub failed: Vec<Failure>,
    /// Pods that were refused, in the trial with the most.
    pub unschedulable: usize,
    /// What the scheduler said of the first of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Why a size is not enough; `None` where it is.
pub fn why_not(question: &Question, answer: &Answer, probe: &Probe) -> Option<StageReason> {
    if probe.is_enough {
        return None;
    }
    if !question.holds(&probe.all_up) {
        let held = probe.all_up.iter().filter(|outcome| outcome.holds).count();
        return Some(reason(&probe.all_up, None, held, answer));
    }
    let survival = probe.survivals.last()?;
    let case = survival.worst.as_ref()?;
    let lost = Some((case.victim.to_string(), case.at));
    Some(reason(&case.outcomes, lost, survival.n_survived, answer))
}

fn reason(
    outcomes: &[Outcome],
    lost: Option<(String, SimTime)>,
    held: usize,
    answer: &Answer,
) -> StageReason {
    let from = lost.as_ref().map_or(SimTime::ZERO, |(_, at)| *at);
    // What was refused before the loss is not its doing.
    let later = |outcome: &&Outcome| outcome.refused.iter().any(|pod| pod.at >= from);
    let of_first = outcomes.iter().find(later).or(outcomes.iter().find(|outcome| outcome.n_refused > 0));
    let refused = of_first.and_then(|outcome| {
        let own: &[RefusedPod] = &outcome.refused;
        own.iter().find(|pod| pod.at >= from).or(own.first())
    });
    StageReason {
        lost: lost.as_ref().map(|(victim, _)| victim.clone()),
        at: lost.map(|(_, at)| at.to_string()),
        held,
        trials: outcomes.len(),
        failed: failures(outcomes, answer),
        unschedulable: outcomes.iter().map(|outcome| outcome.n_refused).max().unwrap_or(0),
        message: refused.map(|pod| pod.message.clone()),
    }
}

/// The expectations that fail, the most frequent first.
pub(super) fn failures(outcomes: &[Outcome], answer: &Answer) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (position, words) in answer.expectations.iter().enumerate() {
        let own = outcomes.iter().flat_map(|outcome| &outcome.failed).filter(|it| it.position == position);
        let found: Vec<&str> = own.map(|failed| failed.found.as_str()).collect();
        if let Some(first) = found.first() {
            let (expectation, found_first) = (words.clone(), (*first).to_owned());
            failures.push(Failure { expectation, trials: found.len(), found: found_first });
        }
    }
    let first_failed = outcomes.iter().find(|outcome| !outcome.holds);
    if let Some(first) = first_failed.filter(|_| answer.expectations.is_empty()) {
        let trials = outcomes.iter().filter(|outcome| !outcome.holds).count();
        failures.push(Failure { expectation: ALL_SCHEDULED.to_owned(), trials, found: unplaced(first) });
    }
    failures.sort_by_key(|failure| std::cmp::Reverse(failure.trials));
    failures
}

/// What of a trial is in the way of all pods having a place.
fn unplaced(outcome: &Outcome) -> String {
    let parts = [
        (outcome.n_refused, "refused"),
        (outcome.n_stranded, "left on lost nodes"),
        (usize::from(outcome.recovery == Recovery::Never), "workload not whole again"),
    ];
    let parts = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    parts.collect::<Vec<_>>().join(", ")
}

impl StageReason {
    /// What the most nodes are short of, in the scheduler's words: `cpu`, `memory`, `pods`, or a reason.
    pub fn limit(&self) -> Option<String> {
        self.message.as_deref().and_then(limit)
    }

    /// Why, in a few words.
    pub fn in_short(&self) -> String {
        let lost = self.lost.as_ref().map(|lost| format!("without {lost}: ")).unwrap_or_default();
        let failed = self.failed.first().map(|failure| {
            let Failure { expectation, trials, .. } = failure;
            format!("{expectation} ({trials} of {})", self.trials)
        });
        let limit = self.limit().map(|limit| format!("short of {limit}"));
        let parts: Vec<String> = failed.into_iter().chain(limit).collect();
        lost + &parts.join("; ")
    }
}

/// What a message of the scheduler gives as the reason of the most nodes; of equals what pods are short of.
fn limit(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("nodes are available: ")?;
    let reasons = rest.split_once(". ").map_or(rest, |(reasons, _)| reasons).trim_end_matches('.');
    let counted = reasons.split(", ").filter_map(|part| {
        let (count, words) = part.split_once(' ')?;
        Some((count.parse::<usize>().ok()?, words))
    });
    let is_short = |words: &str| words.starts_with("Insufficient ") || words == "Too many pods";
    let counted: Vec<(usize, &str)> = counted.collect();
    let most = counted.iter().rev().max_by_key(|(count, words)| (*count, is_short(words)));
    let Some((_, words)) = most else { return Some(reasons.to_owned()) };
    Some(match words.strip_prefix("Insufficient ") {
        Some(resource) => resource.to_owned(),
        None if *words == "Too many pods" => "pods".to_owned(),
        None => (*words).to_owned(),
    })
}

/// Whether all reasons of a message are such that more of the same nodes would give them as well.
pub(super) fn is_of_the_nodes(message: &str) -> bool {
    let Some((_, rest)) = message.split_once("nodes are available: ") else { return false };
    let reasons = rest.split_once(". ").map_or(rest, |(reasons, _)| reasons);
    let words = |part: &str| part.split_once(' ').map_or(String::new(), |(_, words)| words.to_owned());
    let is_own = |words: &str| {
        words.starts_with("Insufficient ")
            || words.starts_with("node(s) had untolerated taint")
            || words.starts_with("node(s) didn't match Pod's node affinity/selector")
            || words.starts_with("node(s) were unschedulable")
    };
    reasons.split(", ").all(|part| is_own(&words(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected_limit: Option<&str>, expected_own: bool) {
        assert_eq!(limit(message).as_deref(), expected_limit, "{message}");
        assert_eq!(is_of_the_nodes(message), expected_own, "{message}");
    }

    #[test]
    fn the_limit_is_what_the_scheduler_says_of_the_most_nodes() {
        check(
            "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption \
            victims found for incoming pod.",
            Some("cpu"),
            true,
        );
        check(
            "0/5 nodes are available: 1 node(s) had untolerated taint(s), 4 Too many pods.",
            Some("pods"),
            false,
        );
        check(
            "0/2 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {a: b}.",
            Some("memory"),
            true,
        );
        check(
            "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
            Some("node(s) didn't match pod anti-affinity rules"),
            false,
        );
        check("no nodes available to schedule pods", None, false);
    }
}
