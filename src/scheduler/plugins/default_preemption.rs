//! DefaultPreemption: where no node takes a pod, room is made by removing pods of lower priority from one node.
//!
//! A dry run on each node that removing pods could help takes all pods of lower priority away and gives back as
//! many as fit beside the new one, those under an exhausted disruption budget first. The node whose victims matter
//! least is nominated. Plans only: the scheduler deletes the victims.
//! Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/defaultpreemption and framework/preemption.
//!
//! Deviation: upstream begins the dry run at a random node and breaks the last tie by chance; here it begins at the
//! first, and the older node wins.

use std::cmp::Reverse;

use crate::engine::SimTime;
use crate::model::ids::{NodeId, PodId};
use crate::model::node::ConditionStatus;
use crate::model::pod::{Pod, PreemptionPolicy};
use crate::model::profile::{Feature, Profile};
use crate::scheduler::cycle::{Filters, Refused};
use crate::scheduler::diagnosis::{self, Tally};
use crate::scheduler::framework::{Code, CycleContext, Reason};
use crate::scheduler::listers::DisruptionBudget;
use crate::scheduler::snapshot::{Row, Snapshot};

/// The reason of the condition DisruptionTarget of a victim.
pub const REASON: &str = "PreemptionByScheduler";
/// Added to each victim's priority, so that fewer victims always sum up to less.
const PRIORITY_OFFSET: i64 = 1 << 31;

/// What preemption came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preemption {
    /// It was not tried. A nomination that the pod has stays.
    NotEligible(String),
    /// It does not help. A nomination that the pod has is taken back.
    Failed(String),
    /// Room can be made.
    Plan(Plan),
}

/// How room can be made for a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The node with the least important victims.
    pub best: Candidate,
    /// All nodes where room could be made, by row.
    pub candidates: Vec<Candidate>,
    /// The candidates that are as good as the best, by row.
    pub tie: Vec<NodeId>,
}

/// A node where room could be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// The pods to remove: those whose budget is exhausted first, the more important first among each.
    pub victims: Vec<PodId>,
    /// How many victims' budgets are exhausted.
    pub n_violations: usize,
    /// The priority of the first victim.
    pub highest_priority: i32,
    /// The sum of the victims' priorities, each plus 2^31.
    pub sum_of_priorities: i64,
    /// When the first of the victims with the highest priority started.
    pub earliest_start: SimTime,
}

impl Preemption {
    /// What it says of itself; empty where room can be made.
    pub fn message(&self) -> &str {
        match self {
            Self::NotEligible(message) | Self::Failed(message) => message,
            Self::Plan(_) => "",
        }
    }
}

impl Candidate {
    /// Less is better.
    fn rank(&self) -> (usize, i32, i64, usize, Reverse<SimTime>) {
        let n_victims = self.victims.len();
        let start = Reverse(self.earliest_start);
        (self.n_violations, self.highest_priority, self.sum_of_priorities, n_victims, start)
    }
}

/// Looks where room can be made for a pod that no node takes. Without `filters` no node can help.
pub fn post_filter(
    cx: &CycleContext<'_>,
    snapshot: &mut Snapshot,
    filters: Option<&mut Filters<'_>>,
    refused: &[Refused],
) -> Preemption {
    if let Err(reason) = check_eligible(cx, snapshot, refused) {
        return Preemption::NotEligible(reason.to_owned());
    }
    let is_absent_helpless = cx.profile.has(Feature::SchedulerOtherNodesCount);
    let mut can_help = vec![!is_absent_helpless; snapshot.len()];
    for refused in refused {
        can_help[refused.row.index()] = refused.code == Code::Unschedulable;
    }
    let potential: Vec<_> = snapshot.rows().filter(|row| can_help[row.index()]).collect();
    let mut tally = Tally::default();
    let n_helpless = snapshot.len() - potential.len();
    if n_helpless > 0 {
        tally.add(Reason::PreemptionNotHelpful, n_helpless);
    }
    let candidates = filters
        .map_or_else(Vec::new, |filters| find_candidates(cx, snapshot, filters, &potential, &mut tally));
    match select(cx, &candidates) {
        None => Preemption::Failed(diagnosis::filter_message(snapshot.len(), &tally, cx.profile)),
        Some((best, tie)) => Preemption::Plan(Plan { best, candidates, tie }),
    }
}

/// Whether the pod may preempt others.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/defaultpreemption, PodEligibleToPreemptOthers.
///
/// # Errors
/// Why it may not, in upstream's words.
pub fn check_eligible(
    cx: &CycleContext<'_>,
    snapshot: &Snapshot,
    refused: &[Refused],
) -> Result<(), &'static str> {
    if cx.pod.spec.preemption_policy == PreemptionPolicy::Never {
        return Err("not eligible due to preemptionPolicy=Never.");
    }
    let Some(name) = &cx.pod.status.nominated_node else { return Ok(()) };
    let Some(row) = snapshot.find(cx.cluster, name) else { return Ok(()) };
    let is_helpless =
        |refused: &Refused| refused.row == row && refused.code == Code::UnschedulableAndUnresolvable;
    if refused.iter().any(is_helpless) {
        return Ok(());
    }
    let mut pods = cx.cluster.usage(snapshot.node(row)).pods.iter().filter_map(|id| cx.cluster.pod(*id));
    if pods.any(|pod| pod.spec.priority < cx.pod.spec.priority && is_being_preempted(pod, cx.profile)) {
        return Err("not eligible due to a terminating pod on the nominated node.");
    }
    Ok(())
}

/// Where pods do not say why they end, each that does counts.
fn is_being_preempted(pod: &Pod, profile: &Profile) -> bool {
    let says_so = || {
        pod.status.conditions.disruption_target.as_ref().is_some_and(|condition| {
            condition.status == ConditionStatus::True && condition.reason.as_deref() == Some(REASON)
        })
    };
    pod.meta.is_terminating() && (!profile.has(Feature::PodDisruptionConditions) || says_so())
}

/// Runs dry on the potential nodes in order, until enough candidates are found of which one hurts no budget.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/preemption/preemption.go, DryRunPreemption.
pub fn find_candidates(
    cx: &CycleContext<'_>,
    snapshot: &mut Snapshot,
    filters: &mut Filters<'_>,
    potential: &[Row],
    tally: &mut Tally,
) -> Vec<Candidate> {
    let least = cx.config.preemption_candidates;
    let n_wanted = (potential.len() * least.percentage / 100).max(least.absolute).min(potential.len());
    let mut candidates = Vec::new();
    for row in potential {
        match dry_run(cx, snapshot, filters, *row) {
            Ok(candidate) => candidates.push(candidate),
            Err(reasons) => reasons.into_iter().for_each(|reason| tally.add(reason, 1)),
        }
        let is_harmless = |candidate: &Candidate| candidate.n_violations == 0;
        if candidates.len() >= n_wanted && candidates.iter().any(is_harmless) {
            break;
        }
    }
    candidates
}

/// Finds the victims on a node.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/defaultpreemption, SelectVictimsOnNode.
///
/// # Errors
/// The reasons why removing pods does not help there.
pub fn dry_run(
    cx: &CycleContext<'_>,
    snapshot: &mut Snapshot,
    filters: &mut Filters<'_>,
    row: Row,
) -> Result<Candidate, Vec<Reason>> {
    if snapshot.lowest_priority[row.index()] >= cx.pod.spec.priority {
        return Err(vec![Reason::NoPreemptionVictims]);
    }
    let node = snapshot.node(row);
    let pods = cx.cluster.usage(node).pods.iter().map(|id| (*id, &cx.cluster.pods()[*id]));
    let mut lower: Vec<_> = pods.filter(|(_, pod)| pod.spec.priority < cx.pod.spec.priority).collect();
    lower.sort_by_key(|(_, pod)| (Reverse(pod.spec.priority), start_of(pod), pod.meta.uid.serial));
    for (_, pod) in &lower {
        filters.remove_pods(snapshot, row, &[pod]);
    }
    if filters.check(snapshot, row).is_err() {
        let mut reasons = Vec::new();
        filters.explain(snapshot, row, &mut reasons);
        lower.iter().for_each(|(_, pod)| filters.add_pods(snapshot, row, &[pod]));
        return Err(reasons);
    }
    let (violating, others) = split_by_budget(&lower, &cx.listers.budgets);
    let mut victims = Vec::new();
    let mut n_violations = 0;
    for (at, entry) in violating.iter().chain(&others).enumerate() {
        filters.add_pods(snapshot, row, &[entry.1]);
        if filters.check(snapshot, row).is_err() {
            filters.remove_pods(snapshot, row, &[entry.1]);
            victims.push(*entry);
            n_violations += usize::from(at < violating.len());
        }
    }
    victims.iter().for_each(|(_, pod)| filters.add_pods(snapshot, row, &[pod]));
    if cx.profile.has(Feature::SchedulerVictimsSorted) {
        victims.sort_by_key(|(_, pod)| (Reverse(pod.spec.priority), start_of(pod)));
    }
    if victims.is_empty() {
        return Err(Vec::new());
    }
    Ok(candidate(node, &victims, n_violations))
}

/// Upstream takes a missing start time as now, which is later than all others.
fn start_of(pod: &Pod) -> SimTime {
    pod.status.start_time.unwrap_or(SimTime::MAX)
}

type PodEntry<'a> = (PodId, &'a Pod);

/// Parts pods, given by importance, into those whose removal a budget forbids and the others. The budgets are used
/// up in the order of the pods.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/defaultpreemption, filterPodsWithPDBViolation.
fn split_by_budget<'a>(
    pods: &[PodEntry<'a>],
    budgets: &[DisruptionBudget],
) -> (Vec<PodEntry<'a>>, Vec<PodEntry<'a>>) {
    let mut allowed: Vec<_> = budgets.iter().map(|budget| budget.disruptions_allowed).collect();
    pods.iter().partition(|(_, pod)| {
        let mut is_violated = false;
        for (budget, allowed) in budgets.iter().zip(&mut allowed) {
            if covers(budget, pod) {
                *allowed -= 1;
                is_violated |= *allowed < 0;
            }
        }
        is_violated
    })
}

fn covers(budget: &DisruptionBudget, pod: &Pod) -> bool {
    budget.namespace == pod.meta.namespace
        && !pod.meta.labels.is_empty()
        && !budget.selector.requirements.is_empty()
        && budget.selector.matches(&pod.meta.labels)
        && !budget.disrupted_pods.contains(&pod.meta.name)
}

fn candidate(node: NodeId, victims: &[PodEntry<'_>], n_violations: usize) -> Candidate {
    let priorities = || victims.iter().map(|(_, pod)| pod.spec.priority);
    let highest = priorities().max().unwrap_or(0);
    let top = victims.iter().filter(|(_, pod)| pod.spec.priority == highest);
    Candidate {
        node,
        victims: victims.iter().map(|(id, _)| *id).collect(),
        n_violations,
        highest_priority: priorities().next().unwrap_or(0),
        sum_of_priorities: priorities().map(|priority| i64::from(priority) + PRIORITY_OFFSET).sum(),
        earliest_start: top.map(|(_, pod)| start_of(pod)).min().unwrap_or(SimTime::MAX),
    }
}

/// The best candidate, and all that are as good.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/preemption/preemption.go, pickOneNodeForPreemption.
fn select(cx: &CycleContext<'_>, candidates: &[Candidate]) -> Option<(Candidate, Vec<NodeId>)> {
    let least = candidates.iter().map(Candidate::rank).min()?;
    let tie: Vec<_> = candidates.iter().filter(|candidate| candidate.rank() == least).collect();
    let age = |candidate: &&&Candidate| cx.cluster.node(candidate.node).map(|node| node.meta.uid.serial);
    let best = tie.iter().min_by_key(age)?;
    Some(((**best).clone(), tie.iter().map(|candidate| candidate.node).collect()))
}
