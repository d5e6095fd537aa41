//! The loose comparison of timelines whose result hangs on an order that a real cluster does not promise.
//!
//! Compared as strictly as ever: how many pods each Job, and each index of it, got; how each Job ended (type and reason
//! of its conditions) with which counters; which Jobs a CronJob started, for which times; how many records there are of
//! each reason. Left out: the order, the steps between, and which pod is which.
//!
//! Times: where the file is sensitive to ties, a sync at the instant of another event may fall on one side of it or on
//! the other, and so come one batch period earlier or later, and all that follows with it. So the n-th time may be off
//! by n seconds, n counting the distinct instants so far. Where it is sensitive to the order in which pods are listed,
//! times are not compared.

use std::collections::{BTreeMap, BTreeSet};

use cluster_sim::engine::{SimDuration, SimTime};

use super::timeline::{JobCreated, JobFacts, Seen, Timeline};
use crate::conformance::same;

/// What the result of a file hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// Which of two events at one instant comes first.
    Tie,
    /// In which order pods are listed.
    Order,
}

/// The first difference that matters.
pub fn compare(found: &Timeline, expected: &Timeline, sensitivity: Sensitivity) -> Result<(), String> {
    same(&pods_by_index(found), &pods_by_index(expected))?;
    same(&ends(found), &ends(expected))?;
    same(&reasons(found), &reasons(expected))?;
    same(&jobs_created(found), &jobs_created(expected))?;
    if sensitivity == Sensitivity::Order {
        return Ok(());
    }
    near("pods created", &pod_times(found), &pod_times(expected))?;
    near("ends of Jobs", &end_times(found), &end_times(expected))
}

fn pods_by_index(timeline: &Timeline) -> BTreeMap<(&str, Option<u32>), usize> {
    let mut counts = BTreeMap::new();
    for (_, pod) in &timeline.pods_created {
        *counts.entry((pod.job.as_str(), pod.index)).or_default() += 1;
    }
    counts
}

/// How a Job ended.
#[derive(Debug, PartialEq, Eq)]
struct End<'a> {
    succeeded: u32,
    failed: u32,
    completed_indexes: &'a str,
    /// Types and reasons.
    conditions: Vec<(&'a str, &'a str)>,
}

fn ends(timeline: &Timeline) -> BTreeMap<&str, End<'_>> {
    let last = timeline.job_statuses.iter().filter_map(|(job, steps)| Some((job.as_str(), &steps.last()?.1)));
    last.map(|(job, status)| (job, end(status))).collect()
}

fn end(status: &JobFacts) -> End<'_> {
    End {
        succeeded: status.succeeded,
        failed: status.failed,
        completed_indexes: &status.completed_indexes,
        conditions: status.conditions.iter().map(|c| (c.kind.as_str(), c.reason.as_str())).collect(),
    }
}

fn reasons(timeline: &Timeline) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for (_, record) in &timeline.records {
        *counts.entry(record.reason.as_str()).or_default() += 1;
    }
    counts
}

fn jobs_created(timeline: &Timeline) -> BTreeSet<&JobCreated> {
    timeline.jobs_created.iter().map(|(_, job)| job).collect()
}

fn pod_times(timeline: &Timeline) -> Vec<SimTime> {
    let mut times: Vec<_> = timeline.pods_created.iter().map(|(at, _)| *at).collect();
    times.sort_unstable();
    times
}

/// When each Job got its final condition.
fn end_times(timeline: &Timeline) -> Vec<SimTime> {
    let is_end = |(_, status): &&Seen<JobFacts>| {
        status.conditions.iter().any(|condition| condition.kind == "Complete" || condition.kind == "Failed")
    };
    let ends = timeline.job_statuses.values().filter_map(|steps| steps.iter().find(is_end));
    ends.map(|(at, _)| *at).collect()
}

/// Whether the times are the same but for a second for each distinct instant so far.
fn near(what: &str, found: &[SimTime], expected: &[SimTime]) -> Result<(), String> {
    same(&found.len(), &expected.len())?;
    let mut n_instants = 0;
    for (at, (found, wanted)) in found.iter().zip(expected).enumerate() {
        n_instants += u64::from(at == 0 || expected[at - 1] != *wanted);
        let distance = found.since(*wanted) + wanted.since(*found);
        if distance > SimDuration::from_secs(n_instants) {
            return Err(format!("{what}: found {found}, expected about {wanted}"));
        }
    }
    Ok(())
}

#[test]
fn a_shift_by_one_sync_is_borne_and_another_end_is_not() {
    let secs = |times: &[u64]| times.iter().map(|at| SimTime::from_secs(*at)).collect::<Vec<_>>();
    assert!(near("pods", &secs(&[0, 12, 23]), &secs(&[0, 11, 22])).is_ok());
    assert!(near("pods", &secs(&[0, 14]), &secs(&[0, 11])).is_err());
    assert!(near("pods", &secs(&[0]), &secs(&[0, 11])).is_err());
    let with_reason = |reason: &str| {
        let condition = serde_json::json!({"type": "Failed", "reason": reason, "t": 5});
        Timeline::read(&serde_json::json!([
            {"t": 5, "kind": "status", "job": "job", "conditions": [condition]},
        ]))
    };
    let (found, expected) = (with_reason("DeadlineExceeded"), with_reason("BackoffLimitExceeded"));
    assert!(compare(&found, &found, Sensitivity::Tie).is_ok());
    assert!(compare(&found, &expected, Sensitivity::Order).is_err());
}
