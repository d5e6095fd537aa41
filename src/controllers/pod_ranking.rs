//! Which of a set's pods go first when it shrinks.
//!
//! Upstream's comparison is no order: a pod may rank before a second, that before a third, and the third before the
//! first, where their ready times fall into one bucket. Pods are therefore inserted one after another, in order of
//! creation, where the comparison first says so.
//!
//! Deviation: where upstream compares random uids, and where pods are equal, the older pod goes first.

use std::cmp::Ordering;

use crate::engine::SimTime;
use crate::model::meta::ObjectMeta;
use crate::model::pod::Pod;
use crate::model::pod_status::Phase;
use crate::model::profile::{Feature, Profile};

/// The annotation that says how dear the deletion of a pod is.
/// Source: Kubernetes 1.28, pkg/apis/core/annotation_key_constants.go, PodDeletionCost.
pub const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// A pod that may go.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// The active pods of its owner's owner on the same node, itself among them.
    pub n_related: u32,
    /// How dear its deletion is.
    pub cost: i32,
}

/// Puts candidates, given in order of creation, into the order in which they go.
pub fn rank<K: Copy>(candidates: &[(K, Candidate<'_>)], now: SimTime) -> Vec<K> {
    let mut ranked: Vec<&(K, Candidate<'_>)> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let at = ranked.partition_point(|other| goes_first(&other.1, &candidate.1, now) != Ordering::Greater);
        ranked.insert(at, candidate);
    }
    ranked.into_iter().map(|(key, _)| *key).collect()
}

/// Which of two pods goes first: `Less` for the first.
///
/// Without a node before with one, Pending before Running, not ready before ready, cheaper before dearer, with more
/// related pods on its node first, ready for a shorter time, restarted more often, younger.
/// Source: Kubernetes 1.28, pkg/controller/controller_utils.go, ActivePodsWithRanks.Less.
pub fn goes_first(a: &Candidate<'_>, b: &Candidate<'_>, now: SimTime) -> Ordering {
    let (one, other) = (a.pod, b.pod);
    let by_place = (one.node.is_some(), phase_rank(one), one.status.conditions.is_ready()).cmp(&(
        other.node.is_some(),
        phase_rank(other),
        other.status.conditions.is_ready(),
    ));
    by_place
        .then_with(|| a.cost.cmp(&b.cost))
        .then_with(|| b.n_related.cmp(&a.n_related))
        .then_with(|| match (ready_since(one), ready_since(other)) {
            (Some(first), Some(second)) if first != second => by_age(first, second, a, b, now),
            _ => Ordering::Equal,
        })
        .then_with(|| other.max_restarts().cmp(&one.max_restarts()))
        .then_with(|| {
            let stamp = |pod: &Pod| pod.meta.created.truncated_to_secs();
            match (stamp(one), stamp(other)) {
                (first, second) if first != second => by_age(first, second, a, b, now),
                _ => Ordering::Equal,
            }
        })
}

/// Compares ages by their power of two; within one power the older pod goes first.
/// Source: Kubernetes 1.28, pkg/controller/controller_utils.go, logarithmicRankDiff.
fn by_age(first: SimTime, second: SimTime, a: &Candidate<'_>, b: &Candidate<'_>, now: SimTime) -> Ordering {
    let bucket = |since: SimTime| now.since(since).as_nanos().checked_ilog2();
    bucket(first).cmp(&bucket(second)).then_with(|| a.pod.meta.uid.serial.cmp(&b.pod.meta.uid.serial))
}

fn phase_rank(pod: &Pod) -> u8 {
    match pod.status.phase {
        Phase::Pending => 0,
        Phase::Running => 2,
        // The phases that active pods do not have rank as upstream's missing table entry does.
        Phase::Succeeded | Phase::Failed => 0,
    }
}

fn ready_since(pod: &Pod) -> Option<SimTime> {
    let ready = pod.status.conditions.ready.as_ref().filter(|_| pod.status.conditions.is_ready());
    ready.map(|ready| ready.since.truncated_to_secs())
}

/// What a pod's annotation says, where it is heard; what is no number counts as nothing.
/// Source: Kubernetes 1.28, pkg/apis/core/helper/helpers.go, GetDeletionCostFromPodAnnotations.
pub fn deletion_cost(meta: &ObjectMeta, profile: &Profile) -> i32 {
    let annotation = meta.annotations.get(POD_DELETION_COST);
    annotation.filter(|_| profile.has(Feature::PodDeletionCost)).map_or(0, |text| cost(text))
}

fn cost(text: &str) -> i32 {
    let is_number = match text.as_bytes().first() {
        Some(b'0') => text.len() == 1,
        Some(first) => matches!(first, b'-' | b'1'..=b'9'),
        None => false,
    };
    if is_number { text.parse().unwrap_or(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_cost_is_a_number_as_upstream_reads_it() {
        #[track_caller]
        fn check(text: &str, expected: i32) {
            assert_eq!(cost(text), expected, "{text}");
        }
        check("7", 7);
        check("-7", -7);
        check("0", 0);
        for text in ["+7", "07", "abc", "", "99999999999", "1.5"] {
            check(text, 0);
        }
    }
}
