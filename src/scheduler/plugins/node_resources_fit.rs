//! NodeResourcesFit: a pod goes only where its requests fit, and rather where more is left.

use std::fmt::Display;

use crate::event::NodeChange;
use crate::model::meta::Name;
use crate::model::node::{Node, NodeSpec};
use crate::model::pod::{Pod, PodSpec};
use crate::model::profile::Feature;
use crate::model::resources::{Bytes, InitKind, Millicores, Resources};
use crate::scheduler::config::{SchedulerConfig, ScoringKind};
use crate::scheduler::framework::{Code, CycleContext, Filter, MAX_NODE_SCORE, PreFilter, Reason, Score};
use crate::scheduler::plugins::node_resources::{Counted, ResourceColumn, ScoredResource};
use crate::scheduler::snapshot::{Row, Snapshot};

/// The highest score of a point in a RequestedToCapacityRatio shape.
const MAX_SHAPE_SCORE: i64 = 10;

/// What the pod requests.
#[derive(Debug)]
struct Fit {
    cpu: i64,
    memory: i64,
    ephemeral_storage: i64,
    extended: Vec<ExtendedRequest>,
    /// Whether a node that is too small even when empty is past help.
    small_is_hopeless: bool,
}

#[derive(Debug)]
struct ExtendedRequest {
    name: Name,
    column: usize,
    amount: i64,
}

/// What a node is short of.
#[derive(Debug, Clone, Copy)]
enum Shortage {
    Pods,
    Cpu,
    Memory,
    EphemeralStorage,
    /// By position among the pod's extended requests.
    Extended(usize),
}

/// Refuses every node: the pod needs what the cluster does not know.
#[derive(Debug)]
struct SidecarsAreOff;

/// Scores by room.
#[derive(Debug)]
struct FitScore {
    kind: ScoringKind,
    resources: Vec<ScoredResource>,
}

/// Collects what the pod requests.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/noderesources/fit.go, PreFilter and Filter.
pub fn pre_filter(cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> PreFilter {
    if has_sidecar(&cx.pod.spec) && !cx.profile.has(Feature::SidecarContainers) {
        return PreFilter::Filter(Box::new(SidecarsAreOff));
    }
    let requests = &cx.pod.spec.derived.requests;
    let is_asked = |(name, amount): &&(Name, i64)| *amount > 0 && !is_ignored(name, cx.config);
    let extended = requests.extended.iter().filter(is_asked);
    let extended = extended.map(|(name, amount)| ExtendedRequest {
        name: name.clone(),
        column: snapshot.extended_column(cx.cluster, name),
        amount: *amount,
    });
    PreFilter::Filter(Box::new(Fit {
        cpu: requests.cpu.0,
        memory: requests.memory.0,
        ephemeral_storage: requests.ephemeral_storage.0,
        extended: extended.collect(),
        small_is_hopeless: cx.profile.has(Feature::SchedulerSmallNodesHopeless),
    }))
}

/// Whether the settings leave an extended resource to somebody else.
fn is_ignored(name: &Name, config: &SchedulerConfig) -> bool {
    let domain = name.split_once('/').map(|(domain, _)| domain);
    config.ignored_resources.contains(name)
        || domain.is_some_and(|domain| config.ignored_resource_groups.iter().any(|group| **group == *domain))
}

/// Compiles the resources that count.
pub fn pre_score(cx: &CycleContext<'_>, snapshot: &mut Snapshot, _: &[Row]) -> Option<Box<dyn Score>> {
    let scoring = &cx.config.scoring;
    let compile =
        |(name, weight): &(Name, i64)| ScoredResource::compile(name, *weight, Counted::NonZero, cx, snapshot);
    let resources = scoring.resources.iter().filter_map(compile).collect();
    Some(Box::new(FitScore { kind: scoring.kind.clone(), resources }))
}

/// Whether the pod fits beside pods that request so much.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/noderesources/fit.go, Fits.
pub fn fits(pod: &Pod, node: &NodeSpec, used: &Resources, n_pods: usize) -> bool {
    let (wanted, offered) = (&pod.spec.derived.requests, &node.allocatable);
    let is_left = |wanted: i64, offered: i64, used: i64| wanted == 0 || wanted <= offered - used;
    n_pods < node.max_pods as usize
        && is_left(wanted.cpu.0, offered.cpu.0, used.cpu.0)
        && is_left(wanted.memory.0, offered.memory.0, used.memory.0)
        && is_left(wanted.ephemeral_storage.0, offered.ephemeral_storage.0, used.ephemeral_storage.0)
        && wanted
            .extended
            .iter()
            .all(|(name, amount)| is_left(*amount, offered.extended(name), used.extended(name)))
}

/// Whether a node that joined, or that offers other amounts than before, could take the pod now.
/// Source: Kubernetes 1.34, pkg/scheduler/framework/plugins/noderesources/fit.go, isSchedulableAfterNodeChange.
pub fn could_fit_after(pod: &Pod, node: &Node, change: Option<&NodeChange>) -> bool {
    let offers_more = |change: &NodeChange| {
        let (old, new) = (&change.before.spec, &node.spec);
        let wanted = &pod.spec.derived.requests;
        let grew = |wanted: i64, old: i64, new: i64| wanted > 0 && new > old;
        let (before, after) = (&old.allocatable, &new.allocatable);
        new.max_pods > old.max_pods
            || grew(wanted.cpu.0, before.cpu.0, after.cpu.0)
            || grew(wanted.memory.0, before.memory.0, after.memory.0)
            || grew(wanted.ephemeral_storage.0, before.ephemeral_storage.0, after.ephemeral_storage.0)
            || wanted
                .extended
                .iter()
                .any(|(name, amount)| grew(*amount, before.extended(name), after.extended(name)))
    };
    fits(pod, &node.spec, &Resources::default(), 0) && change.is_none_or(offers_more)
}

fn has_sidecar(spec: &PodSpec) -> bool {
    spec.init_containers.iter().any(|container| container.init_kind == InitKind::Sidecar)
}

impl Fit {
    /// What the node is short of, in upstream's order. A request of zero fits everywhere.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/noderesources/fit.go, fitsRequest.
    fn for_each_shortage(&self, snapshot: &Snapshot, row: Row, mut on_short: impl FnMut(Shortage)) {
        let at = row.index();
        if snapshot.n_pods[at] >= snapshot.max_pods[at] {
            on_short(Shortage::Pods);
        }
        let (offered, used) = (&snapshot.allocatable, &snapshot.requested);
        if self.cpu > 0 && self.cpu > offered.cpu[at] - used.cpu[at] {
            on_short(Shortage::Cpu);
        }
        if self.memory > 0 && self.memory > offered.memory[at] - used.memory[at] {
            on_short(Shortage::Memory);
        }
        let left = offered.ephemeral_storage[at] - used.ephemeral_storage[at];
        if self.ephemeral_storage > 0 && self.ephemeral_storage > left {
            on_short(Shortage::EphemeralStorage);
        }
        for (position, request) in self.extended.iter().enumerate() {
            let column = &snapshot.extended[request.column];
            if request.amount > column.allocatable[at] - column.requested[at] {
                on_short(Shortage::Extended(position));
            }
        }
    }

    /// Whether the node is short of nothing; the same as [`Fit::for_each_shortage`] showing none, in fewer steps.
    #[inline]
    fn has_room(&self, snapshot: &Snapshot, row: Row) -> bool {
        let (at, offered, used) = (row.index(), &snapshot.allocatable, &snapshot.requested);
        let is_left =
            |wanted: i64, offered: &[i64], used: &[i64]| wanted <= 0 || wanted <= offered[at] - used[at];
        snapshot.n_pods[at] < snapshot.max_pods[at]
            && is_left(self.cpu, &offered.cpu, &used.cpu)
            && is_left(self.memory, &offered.memory, &used.memory)
            && is_left(self.ephemeral_storage, &offered.ephemeral_storage, &used.ephemeral_storage)
            && self.extended.iter().all(|request| {
                let column = &snapshot.extended[request.column];
                is_left(request.amount, &column.allocatable, &column.requested)
            })
    }

    /// Whether removing pods could help a node that has no room.
    #[cold]
    fn code(&self, snapshot: &Snapshot, row: Row) -> Code {
        if self.small_is_hopeless && self.is_too_large(snapshot, row) {
            Code::UnschedulableAndUnresolvable
        } else {
            Code::Unschedulable
        }
    }

    /// Whether the pod requests more than the node offers at all.
    /// Source: Kubernetes 1.34, pkg/scheduler/framework/plugins/noderesources/fit.go, fitsRequest.
    fn is_too_large(&self, snapshot: &Snapshot, row: Row) -> bool {
        let (at, offered) = (row.index(), &snapshot.allocatable);
        let mut extended = self.extended.iter();
        self.cpu > offered.cpu[at]
            || self.memory > offered.memory[at]
            || self.ephemeral_storage > offered.ephemeral_storage[at]
            || extended.any(|request| request.amount > snapshot.extended[request.column].allocatable[at])
    }

    fn reason(&self, shortage: Shortage) -> Reason {
        match shortage {
            Shortage::Pods => Reason::TooManyPods,
            Shortage::Cpu => Reason::Insufficient("cpu".into()),
            Shortage::Memory => Reason::Insufficient("memory".into()),
            Shortage::EphemeralStorage => Reason::Insufficient("ephemeral-storage".into()),
            Shortage::Extended(position) => Reason::Insufficient(self.extended[position].name.clone()),
        }
    }

    /// `cpu: asks 2, 500m of 4 left`
    fn amounts(&self, shortage: Shortage, snapshot: &Snapshot, row: Row) -> String {
        let (at, offered, used) = (row.index(), &snapshot.allocatable, &snapshot.requested);
        let line = |name: &str, asked: &dyn Display, left: &dyn Display, offered: &dyn Display| {
            format!("{name}: asks {asked}, {left} of {offered} left")
        };
        let bytes = |name: &str, asked: i64, offered: i64, used: i64| {
            line(name, &Bytes(asked), &Bytes(offered - used), &Bytes(offered))
        };
        match shortage {
            Shortage::Pods => format!("{} of {} pods are there", snapshot.n_pods[at], snapshot.max_pods[at]),
            Shortage::Cpu => {
                let (offered, used) = (offered.cpu[at], used.cpu[at]);
                line("cpu", &Millicores(self.cpu), &Millicores(offered - used), &Millicores(offered))
            }
            Shortage::Memory => bytes("memory", self.memory, offered.memory[at], used.memory[at]),
            Shortage::EphemeralStorage => {
                let (offered, used) = (offered.ephemeral_storage[at], used.ephemeral_storage[at]);
                bytes("ephemeral-storage", self.ephemeral_storage, offered, used)
            }
            Shortage::Extended(position) => {
                let request = &self.extended[position];
                let column = &snapshot.extended[request.column];
                let (offered, used) = (column.allocatable[at], column.requested[at]);
                line(&request.name, &request.amount, &(offered - used), &offered)
            }
        }
    }
}

impl Filter for Fit {
    #[inline]
    fn filter(&self, snapshot: &Snapshot, row: Row) -> Result<(), Code> {
        if self.has_room(snapshot, row) { Ok(()) } else { Err(self.code(snapshot, row)) }
    }

    fn explain(&self, snapshot: &Snapshot, row: Row, reasons: &mut Vec<Reason>) {
        self.for_each_shortage(snapshot, row, |shortage| reasons.push(self.reason(shortage)));
    }

    fn detail(&self, snapshot: &Snapshot, row: Row, details: &mut Vec<String>) {
        self.for_each_shortage(snapshot, row, |shortage| details.push(self.amounts(shortage, snapshot, row)));
    }
}

impl Filter for SidecarsAreOff {
    fn filter(&self, _: &Snapshot, _: Row) -> Result<(), Code> {
        Err(Code::UnschedulableAndUnresolvable)
    }

    fn explain(&self, _: &Snapshot, _: Row, reasons: &mut Vec<Reason>) {
        reasons.push(Reason::SidecarsAreOff);
    }
}

impl Score for FitScore {
    fn score(&self, snapshot: &Snapshot, rows: &[Row], scores: &mut Vec<i64>) {
        let columns: Vec<_> = self.resources.iter().map(|resource| resource.column(snapshot)).collect();
        match &self.kind {
            ScoringKind::LeastAllocated => {
                score_all(&columns, rows, scores, least_allocated);
            }
            ScoringKind::MostAllocated => {
                score_all(&columns, rows, scores, most_allocated);
            }
            ScoringKind::RequestedToCapacityRatio(shape) => {
                scores.extend(rows.iter().map(|row| by_shape(&columns, *row, shape)));
            }
        }
    }
}

/// Scores nodes by two resources of equal weight, or by any.
fn score_all(
    columns: &[ResourceColumn<'_>],
    rows: &[Row],
    scores: &mut Vec<i64>,
    score: impl Fn(i64, i64) -> i64,
) {
    match columns {
        [first, second] if first.weight == 1 && second.weight == 1 => {
            scores.extend(rows.iter().map(|row| match (first.at(*row), second.at(*row)) {
                (Some(first), Some(second)) => (score(first.0, first.1) + score(second.0, second.1)) / 2,
                (Some(one), None) | (None, Some(one)) => score(one.0, one.1),
                (None, None) => 0,
            }));
        }
        _ => scores.extend(rows.iter().map(|row| weighted_mean(columns, *row, &score))),
    }
}

/// The mean over the resources that the node offers, both divisions cut off.
fn weighted_mean(columns: &[ResourceColumn<'_>], row: Row, score: impl Fn(i64, i64) -> i64) -> i64 {
    let (mut sum, mut weights) = (0, 0);
    for column in columns {
        if let Some((allocatable, requested)) = column.at(row) {
            sum += score(allocatable, requested) * column.weight;
            weights += column.weight;
        }
    }
    if weights == 0 { 0 } else { sum / weights }
}

/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/noderesources/least_allocated.go, leastRequestedScore.
#[inline]
fn least_allocated(allocatable: i64, requested: i64) -> i64 {
    if requested > allocatable { 0 } else { percentage(allocatable - requested, allocatable) }
}

/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/noderesources/most_allocated.go, mostRequestedScore.
#[inline]
fn most_allocated(allocatable: i64, requested: i64) -> i64 {
    if requested > allocatable { MAX_NODE_SCORE } else { percentage(requested, allocatable) }
}

/// `part * 100 / whole`, cut off, for `0 <= part <= whole`.
///
/// A division of floating-point numbers is several times as fast as one of integers. Below 2^46 it is exact after
/// cutting off: both operands are represented exactly, and a quotient up to 100 that is not a whole number lies
/// further from the next one, 1 / whole, than it is rounded, 100 / 2^53.
#[inline]
fn percentage(part: i64, whole: i64) -> i64 {
    const EXACT_BELOW: i64 = 1 << 46;
    if whole < EXACT_BELOW {
        ((part * MAX_NODE_SCORE) as f64 / whole as f64) as i64
    } else {
        (i128::from(part) * i128::from(MAX_NODE_SCORE) / i128::from(whole)) as i64
    }
}

/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/noderesources/requested_to_capacity_ratio.go.
fn by_shape(columns: &[ResourceColumn<'_>], row: Row, shape: &[(i64, i64)]) -> i64 {
    let (mut sum, mut weights) = (0, 0);
    for column in columns {
        let Some((allocatable, requested)) = column.at(row) else { continue };
        let utilization = if requested > allocatable { 100 } else { requested * 100 / allocatable };
        let score = on_broken_line(shape, utilization);
        if score > 0 {
            sum += score * column.weight;
            weights += column.weight;
        }
    }
    if weights == 0 { 0 } else { (2 * sum + weights) / (2 * weights) }
}

/// The score of a utilisation on the straight lines between the points.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/helper/shape_score.go, BuildBrokenLinearFunction.
fn on_broken_line(shape: &[(i64, i64)], utilization: i64) -> i64 {
    let scaled = |score: i64| score * (MAX_NODE_SCORE / MAX_SHAPE_SCORE);
    let after = shape.iter().position(|(x, _)| utilization <= *x);
    match after {
        None => shape.last().map_or(0, |(_, score)| scaled(*score)),
        Some(0) => scaled(shape[0].1),
        Some(at) => {
            let ((x0, y0), (x1, y1)) = (shape[at - 1], shape[at]);
            scaled(y0) + (scaled(y1) - scaled(y0)) * (utilization - x0) / (x1 - x0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_percentage_is_the_quotient_of_integers_cut_off(whole in 1_i64..i64::MAX, share in 0.0..=1.0_f64, shift in 0_u32..62) {
            let whole = (whole >> shift).max(1);
            let part = ((whole as f64 * share) as i64).min(whole);
            for part in [part, part.saturating_sub(1).max(0), (part + 1).min(whole)] {
                let exact = i128::from(part) * 100 / i128::from(whole);
                prop_assert_eq!(i128::from(percentage(part, whole)), exact);
            }
        }

        #[test]
        fn a_percentage_is_exact_where_it_is_a_whole_number(unit in 1_i64..(1 << 46) / 100, percent in 0_i64..=100) {
            prop_assert_eq!(percentage(unit * percent, unit * 100), percent);
            prop_assert_eq!(percentage((unit * percent - 1).max(0), unit * 100), (percent - 1).max(0));
        }
    }
}
