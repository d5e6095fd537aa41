//! The section on pods: their Gantt by node.

use std::collections::BTreeMap;

use crate::engine::SimTime;
use crate::model::meta::Name;
use crate::model::node::Silence;
use crate::model::pod_status::TerminationReason;
use crate::observe::timeline::lives::{PodLife, PodState};
use crate::report::chart::gantt::{self, Bar, Gantt, Group, Lane};
use crate::report::failures::FailureRow;
use crate::report::page::data::{Dataset, Value};
use crate::report::page::{Behaviour, Figure, Part, Section};
use crate::report::run_page::{Chapter, RunReport, counted};
use crate::report::summary::seconds;
use crate::report::text::span;

/// More lanes are not drawn.
const LANES_MAX: usize = 60;
/// More nodes without a pod are not drawn.
const IDLE_NODES_MAX: usize = 6;
/// The name of the group of pods that never had a node.
const NO_NODE: &str = "not placed";

/// A lane that may be drawn, with what decides about that.
struct Candidate<'a> {
    node: Option<&'a Name>,
    workload: &'a str,
    pods: Vec<&'a PodLife>,
    /// When the last of its pods was over.
    over: SimTime,
}

/// The section on pods; `None` where there were none.
pub(super) fn chapter(run: &RunReport<'_>) -> Option<Chapter> {
    let lives = &run.timeline.lives;
    if lives.pods.is_empty() {
        return None;
    }
    let all = lanes(&lives.pods, run.end);
    let n_lanes = all.len();
    let chosen = chosen(all);
    let n_pods: usize = chosen.iter().map(|lane| lane.pods.len()).sum();
    let n_all = lives.pods.len() + lives.n_more;
    let gantt = gantt(run, &chosen);
    let note = if n_pods < n_all {
        format!(
            " Shown: {n_pods} of {n_all} pods, in {} of {n_lanes} lanes; those in which something went wrong come first. \
             The data has all that were kept.",
            chosen.len()
        )
    } else {
        String::new()
    };
    let caption = format!("{} over time, by node.{note}", counted(n_all, "pod", "pods"));
    let figure = Figure::new("pods", caption, |screen| gantt::draw(&gantt, screen)).with_data("pods");
    Some(Chapter {
        section: Some(Section {
            id: "pods",
            title: "Pods on nodes over time".to_owned(),
            lead: "Each bar is what a pod was doing; pods of one workload that follow each other on a node share a lane."
                .to_owned(),
            parts: vec![Part::Figure(Figure { behaviour: Behaviour::Zooms, ..figure })],
        }),
        data: vec![states(&lives.pods, run.end), container_failures(&lives.pods)],
    })
}

/// All lanes: pods of one workload on one node that do not overlap.
fn lanes(pods: &[PodLife], end: SimTime) -> Vec<Candidate<'_>> {
    let mut lanes: Vec<Candidate<'_>> = Vec::new();
    let mut of: BTreeMap<(Option<&Name>, &Name, &str), Vec<usize>> = BTreeMap::new();
    for pod in pods {
        let own = of.entry((pod.node.as_ref(), &pod.namespace, &pod.workload)).or_default();
        let free = own.iter().copied().find(|at| lanes[*at].over <= pod.created());
        let at = free.unwrap_or_else(|| {
            let over = SimTime::ZERO;
            lanes.push(Candidate {
                node: pod.node.as_ref(),
                workload: &pod.workload,
                pods: Vec::new(),
                over,
            });
            own.push(lanes.len() - 1);
            lanes.len() - 1
        });
        lanes[at].over = pod.over().unwrap_or(end);
        lanes[at].pods.push(pod);
    }
    lanes
}

/// As many lanes as can be drawn; where there are more, those in which something went wrong first.
fn chosen(mut lanes: Vec<Candidate<'_>>) -> Vec<Candidate<'_>> {
    if lanes.len() > LANES_MAX {
        let is_calm = |pod: &PodLife| {
            let is_bad = |state: PodState| {
                matches!(state, PodState::Failed | PodState::Lost | PodState::BackOff | PodState::NotReady)
            };
            pod.failures.is_empty()
                && pod.node.is_some()
                && !pod.states.iter().any(|(_, state)| is_bad(*state))
        };
        lanes.sort_by_key(|lane| lane.pods.iter().all(|pod| is_calm(pod)));
        lanes.truncate(LANES_MAX);
    }
    lanes
}

fn gantt(run: &RunReport<'_>, lanes: &[Candidate<'_>]) -> Gantt {
    let mut names: Vec<&Name> = run.timeline.nodes.values().map(|line| &line.name).collect();
    names.dedup();
    let mut groups = Vec::new();
    let mut n_idle = 0;
    for name in names {
        let own = || lanes.iter().filter(|lane| lane.node == Some(name));
        if own().next().is_none() {
            n_idle += 1;
            if n_idle > IDLE_NODES_MAX {
                continue;
            }
        }
        groups.push(Group {
            name: name.to_string(),
            outages: outages(run, name),
            lanes: own().map(|lane| drawn(lane, run.end)).collect(),
        });
    }
    if n_idle > IDLE_NODES_MAX {
        let name = format!("… and {} without pods here", counted(n_idle - IDLE_NODES_MAX, "node", "nodes"));
        groups.push(Group { name, outages: Vec::new(), lanes: Vec::new() });
    }
    let homeless: Vec<Lane> =
        lanes.iter().filter(|lane| lane.node.is_none()).map(|lane| drawn(lane, run.end)).collect();
    if !homeless.is_empty() {
        groups.push(Group { name: NO_NODE.to_owned(), outages: Vec::new(), lanes: homeless });
    }
    Gantt { title: "Pods on nodes over time, by state".to_owned(), until: seconds(run.end), groups }
}

/// When the machine of a node was off, within the run.
pub(super) fn outages(run: &RunReport<'_>, node: &str) -> Vec<(f64, f64)> {
    let end = seconds(run.end);
    let is_own = |failure: &&FailureRow| failure.node == node && failure.cause == Silence::MachineOff;
    let own = run.summary.failures.iter().filter(is_own);
    own.map(|failure| (failure.failed, failure.back.unwrap_or(end))).collect()
}

fn drawn(lane: &Candidate<'_>, end: SimTime) -> Lane {
    let label = match lane.pods[..] {
        [alone] => alone.name.to_string(),
        _ => {
            let name = lane.workload.split_once('/').map_or(lane.workload, |(_, name)| name);
            format!("{name} ×{}", lane.pods.len())
        }
    };
    let mut drawn = Lane { label, ..Lane::default() };
    for (at, pod) in lane.pods.iter().enumerate() {
        // What is over is shown until the lane is needed again.
        let next = lane.pods.get(at + 1).map_or(end, |next| next.created());
        for (from, until, state) in pod.spans(end) {
            let until = if state.is_over() { until.min(next) } else { until };
            if until > from {
                let (from, until) = (seconds(from), seconds(until));
                drawn.bars.push(Bar { from, until, state, about: about(pod, state, (from, until)) });
            }
        }
        drawn.failures.extend(pod.failures.iter().map(|failure| {
            let at = seconds(failure.at);
            let words = failure_words(failure.exit_code, failure.reason);
            (at, format!("{}: {words} at {}", pod.name, span(at)))
        }));
    }
    drawn
}

fn about(pod: &PodLife, state: PodState, (from, until): (f64, f64)) -> String {
    let reason = pod.reason.as_ref().filter(|_| state == PodState::Failed);
    let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let lasted = span(until - from);
    format!("{}: {}{reason}, {} to {} ({lasted})", pod.name, state.as_str(), span(from), span(until))
}

fn failure_words(exit_code: i32, reason: TerminationReason) -> String {
    match reason {
        TerminationReason::OomKilled => format!("OOMKilled (exit {exit_code})"),
        TerminationReason::Completed
        | TerminationReason::Error
        | TerminationReason::Unknown
        | TerminationReason::ContainerStatusUnknown => format!("exit {exit_code}"),
    }
}

/// Every state of every pod that was kept.
fn states(pods: &[PodLife], end: SimTime) -> Dataset {
    let columns = [
        ("namespace", "the namespace of the pod"),
        ("pod", "its name"),
        ("workload", "its topmost owner, or itself"),
        ("node", "the node that it was bound to in the end"),
        (
            "state",
            "pending, starting, running, not ready, back-off, terminating, node down, succeeded or failed",
        ),
        ("from_s", "since when"),
        ("until_s", "until when; the end of the run where it lasts"),
        ("reason", "why the pod failed as a whole"),
    ];
    let mut data = Dataset::new("pods", "a state of a pod", &columns);
    for pod in pods {
        for (from, until, state) in pod.spans(end) {
            let reason = pod.reason.clone().filter(|_| state == PodState::Failed);
            data.row([
                Value::from(&*pod.namespace),
                Value::from(&*pod.name),
                Value::from(&pod.workload),
                Value::from(pod.node.as_deref()),
                Value::from(state.as_str()),
                seconds(from).into(),
                seconds(until).into(),
                reason.into(),
            ]);
        }
    }
    data
}

fn container_failures(pods: &[PodLife]) -> Dataset {
    let columns = [
        ("namespace", "the namespace of the pod"),
        ("pod", "its name"),
        ("node", "its node"),
        ("at_s", "when its container ended"),
        ("exit_code", "with this exit code"),
        ("reason", "why"),
    ];
    let mut data = Dataset::new(
        "container_failures",
        "a container that ended with another exit code than 0, and not because its pod was deleted",
        &columns,
    );
    for pod in pods {
        for failure in &pod.failures {
            data.row([
                Value::from(&*pod.namespace),
                Value::from(&*pod.name),
                Value::from(pod.node.as_deref()),
                seconds(failure.at).into(),
                failure.exit_code.into(),
                failure.reason.as_str().into(),
            ]);
        }
    }
    data
}
