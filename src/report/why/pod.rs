//! Why a pod is pending, waits to restart, failed or went.

use crate::engine::{SimDuration, SimTime};
use crate::experiment::trial::Trial;
use crate::model::ids::{ObjectId, PodId};
use crate::model::pod::Pod;
use crate::model::pod_status::{ContainerRef, ContainerState, WaitingReason};
use crate::observe::object::status_text;
use crate::observe::story::{Fact, Story};
use crate::report::why::placement::{self, Placement};
use crate::report::why::{Why, chain, shown};

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

/// For each container that waits: how it ended last, and when it is tried again. For each that failed and is not tried
/// again: what it wrote last.
fn waits(trial: &Trial<Story>, id: PodId, pod: &Pod) -> Vec<String> {
    let init = (0..pod.status.init_containers.len()).map(|at| ContainerRef::Init(at as u16));
    let apps = (0..pod.status.containers.len()).map(|at| ContainerRef::App(at as u16));
    let failure = |container| wait(trial, id, pod, container).or_else(|| end(trial, id, pod, container));
    init.chain(apps).filter_map(failure).collect()
}

fn end(trial: &Trial<Story>, id: PodId, pod: &Pod, container: ContainerRef) -> Option<String> {
    let ContainerState::Terminated(end) = pod.status.container(container).state else { return None };
    let name = &pod.spec.container(container).name;
    let (how, at) = (chain::end_text(&end), shown(end.finished_at));
    let words = last_words(trial, id, pod, container).filter(|_| end.exit_code != 0)?;
    Some(format!("Container {name} {how} at {at}.{words}"))
}

/// What the last run of a container wrote last; and where it says that a port was taken, by whom.
fn last_words(trial: &Trial<Story>, id: PodId, pod: &Pod, container: ContainerRef) -> Option<String> {
    let kubelet = trial.simulation.kubelet();
    let log = &kubelet.logs(id)?.container(container)?.current;
    let line = log.lines.back().filter(|_| log.run == pod.status.container(container).restart_count)?;
    let is_taken = |port: u16| line.text.contains(&format!(":{port}: bind: address already in use"));
    let holder = kubelet.listeners(id, pod).into_iter().find(|(port, _)| is_taken(*port));
    let held = holder.and_then(|(port, process)| {
        let other = trial.simulation.cluster().pod(process.pod)?;
        let name = &other.spec.container(process.container).name;
        let of_pod = if process.pod == id { String::new() } else { format!(" of pod {}", other.meta.name) };
        Some(format!(" Container {name}{of_pod} listens on port {port}."))
    });
    Some(format!(" It wrote last: {:?}.{}", line.text, held.unwrap_or_default()))
}

fn wait(trial: &Trial<Story>, id: PodId, pod: &Pod, container: ContainerRef) -> Option<String> {
    let status = pod.status.container(container);
    let name = &pod.spec.container(container).name;
    let ContainerState::Waiting(reason) = status.state else { return None };
    match (reason, &status.last_termination) {
        (WaitingReason::CrashLoopBackOff, Some(end)) => {
            let next = match next_start(trial, id, container) {
                Some(at) => {
                    format!("next start at {}, {} from now", shown(at), at.since(trial.end).for_people())
                }
                None => "no next start in sight".to_owned(),
            };
            let (how, at) = (chain::end_text(end), shown(end.finished_at));
            let count = status.restart_count;
            let words = last_words(trial, id, pod, container).unwrap_or_default();
            Some(format!("Container {name} {how} at {at}, after {count} restarts; {next}.{words}"))
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
