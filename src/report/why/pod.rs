//! Why a pod is pending, waits to restart, failed or went.

use crate::engine::{SimDuration, SimTime};
use crate::experiment::trial::Trial;
use crate::model::ids::{ObjectId, PodId};
use crate::model::pod::Pod;
use crate::model::pod_status::{ContainerRef, ContainerState, WaitingReason};
use crate::observe::object::status_text;
use crate::observe::story::{Fact, Story};
use crate::report::why::placement::{self, Placement};
use crate::report::why::{Why, chain};

/// How far ahead the next restart is looked for: beyond the longest back-off.
const LOOK_AHEAD: SimDuration = SimDuration::from_secs(600);

/// Why the pod of the story is as it is.
pub fn why(trial: &Trial<Story>) -> Why {
    let simulation = &trial.simulation;
    let story = &simulation.observer().1;
    let subject = &story.subject;
    let causes = chain::causes(story, simulation.scenario());
    let name = format!("Pod {}/{}", subject.namespace, subject.name);
    let found = simulation.cluster().find(subject.kind, &subject.namespace, &subject.name);
    let (Some(ObjectId::Pod(id)), Some(pod)) = (found, pod_of(trial, found)) else {
        let last = story.moments.last().map(|moment| moment.at).unwrap_or_default();
        return Why { answer: vec![format!("{name}  is gone since {last}")], causes, ..Why::default() };
    };
    let mut answer = vec![format!("{name}  {}", status_text(pod))];
    let message = pod.status.message.as_ref().map(ToString::to_string);
    answer.extend(message);
    let placement = if pod.node.is_some() {
        placement::of_bound(trial, id, pod)
    } else if pod.status.phase.is_terminal() {
        Placement::default()
    } else {
        answer.push(last_refusal(story));
        placement::of_pending(trial, id, pod)
    };
    answer.extend(placement.lines);
    answer.extend(waits(trial, id, pod));
    answer.retain(|line| !line.is_empty());
    Why { answer, causes, limits: Vec::new(), nodes: placement.nodes }
}

fn pod_of(trial: &Trial<Story>, found: Option<ObjectId>) -> Option<&Pod> {
    match found? {
        ObjectId::Pod(id) => trial.simulation.cluster().pod(id),
        _ => None,
    }
}

fn last_refusal(story: &Story) -> String {
    let refusals = story.moments.iter().rev().find_map(|moment| match &moment.fact {
        Fact::Unschedulable(message) => Some(message.to_string()),
        _ => None,
    });
    refusals.unwrap_or_default()
}

/// For each container that waits: how it ended last, and when it is tried again.
fn waits(trial: &Trial<Story>, id: PodId, pod: &Pod) -> Vec<String> {
    let init = (0..pod.status.init_containers.len()).map(|at| ContainerRef::Init(at as u16));
    let apps = (0..pod.status.containers.len()).map(|at| ContainerRef::App(at as u16));
    init.chain(apps).filter_map(|container| wait(trial, id, pod, container)).collect()
}

fn wait(trial: &Trial<Story>, id: PodId, pod: &Pod, container: ContainerRef) -> Option<String> {
    let status = pod.status.container(container);
    let name = &pod.spec.container(container).name;
    let ContainerState::Waiting(reason) = status.state else { return None };
    match (reason, &status.last_termination) {
        (WaitingReason::CrashLoopBackOff, Some(end)) => {
            let next = match next_start(trial, id, container) {
                Some(at) => format!("next start at {at}, {} from now", at.since(trial.end)),
                None => "no next start in sight".to_owned(),
            };
            let (how, at) = (chain::end_text(end), end.finished_at);
            let count = status.restart_count;
            Some(format!("Container {name} {how} at {at}, after {count} restarts; {next}."))
        }
        (
            WaitingReason::ErrImagePull | WaitingReason::ImagePullBackOff | WaitingReason::ErrImageNeverPull,
            _,
        ) => Some(format!("Container {name} has no image: {}.", reason.as_str())),
        _ => None,
    }
}

/// When a container starts next: a fork of the run shows it.
fn next_start(trial: &Trial<Story>, id: PodId, container: ContainerRef) -> Option<SimTime> {
    let mut fork = trial.simulation.clone();
    let limit = trial.end + LOOK_AHEAD;
    while fork.step(limit) {
        if fork.cluster().pod(id)?.status.container(container).is_running() {
            return Some(fork.now());
        }
    }
    None
}
