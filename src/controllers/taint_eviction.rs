//! The taint eviction controller: deletes pods whose node has a NoExecute taint that they do not tolerate, or no
//! longer.
//!
//! ```text
//!            tolerated for a while                time is over
//! no work ─────────────────────────▶ waiting ─────────────────────▶ done
//!    ▲   ──────── not tolerated ────────┼───────── at once ─────────▶ │
//!    └── taints or pod gone, tolerated for ever ──┴───────────────────┘
//! ```
//!
//! A pod that waits goes on waiting until its first time is over: other taints or tolerations neither shorten nor
//! lengthen it, they only cancel it. Deleting the node does not.
//! Source: Kubernetes 1.28, pkg/controller/nodelifecycle/scheduler/taint_manager.go and timed_workers.go; a controller
//! of its own since 1.29.

use std::collections::BTreeMap;

use crate::component::{Component, Timers, Turn, Watch};
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Command, Event, EventId};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::profile::Feature;
use crate::model::record::Severity;
use crate::model::scheduling::{Taint, TaintEffect, Toleration};

const SOURCE: &str = "taint-eviction-controller";

/// The taint eviction controller.
#[derive(Debug, Clone, Default)]
pub struct TaintEvictionController {
    /// The NoExecute taints of the nodes that have any.
    tainted: BTreeMap<NodeId, Vec<Taint>>,
    work: BTreeMap<PodId, Work>,
}

/// What is under way for a pod.
#[derive(Debug, Clone)]
enum Work {
    /// It will be deleted.
    Waiting(Wait),
    /// It was.
    Done,
}

#[derive(Debug, Clone)]
struct Wait {
    since: SimTime,
    due: SimTime,
    timer: EventId,
    /// The pod's full name, for what is said of it when it is gone.
    name: Name,
}

/// How long a pod may stay on its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// For ever.
    Forever,
    /// For so long.
    For(SimDuration),
    /// Not at all: a taint is not tolerated.
    Refused,
}

impl Stay {
    /// How long a pod with these tolerations may stay on a node with these NoExecute taints: of each taint the first
    /// toleration that matches counts, and of those the shortest.
    /// Source: as for the module, processPodOnNode and getMinTolerationTime.
    pub fn of(tolerations: &[Toleration], taints: &[Taint]) -> Self {
        let mut shortest = None;
        for taint in taints {
            let used = tolerations.iter().find(|toleration| toleration.tolerates(taint));
            match used.map(|toleration| toleration.seconds) {
                None => return Self::Refused,
                Some(None) => {}
                Some(Some(span)) => {
                    shortest = Some(shortest.map_or(span, |other: SimDuration| other.min(span)));
                }
            }
        }
        shortest.map_or(Self::Forever, Self::For)
    }
}

/// The NoExecute taints among these.
fn no_execute(taints: &[Taint]) -> impl Iterator<Item = &Taint> {
    taints.iter().filter(|taint| taint.effect == TaintEffect::NoExecute)
}

impl TaintEvictionController {
    /// A controller that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up the taints of a node and looks at its pods.
    /// Source: as for the module, handleNodeUpdate.
    fn sync_node(&mut self, id: NodeId, turn: &mut Turn<'_>) {
        let Some(node) = turn.cluster().node(id) else { return };
        let taints: Vec<Taint> = no_execute(&node.spec.taints).cloned().collect();
        let pods = turn.cluster().pods_on(id);
        if taints.is_empty() {
            self.tainted.remove(&id);
            pods.into_iter().for_each(|pod| self.cancel(pod, turn));
            return;
        }
        for pod in pods {
            self.review(pod, &taints, turn);
        }
        self.tainted.insert(id, taints);
    }

    /// Looks at a pod that is new on its node, tolerates other taints, or is gone.
    /// Source: as for the module, handlePodUpdate.
    fn sync_pod(&mut self, id: PodId, turn: &mut Turn<'_>) {
        let Some(pod) = turn.cluster().pod(id) else { return self.cancel(id, turn) };
        if let Some(taints) = pod.node.and_then(|node| self.tainted.get(&node).cloned()) {
            self.review(id, &taints, turn);
        }
    }

    /// Source: as for the module, processPodOnNode.
    fn review(&mut self, id: PodId, taints: &[Taint], turn: &mut Turn<'_>) {
        let Some(pod) = turn.cluster().pod(id) else { return };
        let (now, name) = (turn.now(), pod.meta.full_name().into());
        match Stay::of(&pod.spec.placement.tolerations, taints) {
            Stay::Forever => self.cancel(id, turn),
            Stay::Refused => {
                self.cancel(id, turn);
                self.evict(id, turn);
            }
            Stay::For(span) => {
                match self.work.get(&id) {
                    Some(Work::Done) => return,
                    Some(Work::Waiting(wait)) if wait.since < now => return,
                    Some(Work::Waiting(_)) => self.cancel(id, turn),
                    None => {}
                }
                if span.is_zero() {
                    return self.evict(id, turn);
                }
                let due = now + span;
                let timer = turn.set_timer(due, Event::TaintEvictionDue(id));
                self.work.insert(id, Work::Waiting(Wait { since: now, due, timer, name }));
            }
        }
    }

    /// Forgets what is under way for a pod, and says so where it waited.
    fn cancel(&mut self, id: PodId, turn: &mut Turn<'_>) {
        if let Some(Work::Waiting(wait)) = self.work.remove(&id) {
            turn.cancel(wait.timer);
            say(id, format!("Cancelling deletion of Pod {}", wait.name), turn);
        }
    }

    /// Deletes a pod whose time is over; a timer of an earlier life of the controller's process means nothing.
    fn wait_is_over(&mut self, id: PodId, turn: &mut Turn<'_>) {
        let now = turn.now();
        if matches!(self.work.get(&id), Some(Work::Waiting(wait)) if wait.due == now) {
            self.evict(id, turn);
        }
    }

    /// Deletes a pod. Source: as for the module, deletePodHandler and addConditionAndDeletePod.
    fn evict(&mut self, id: PodId, turn: &mut Turn<'_>) {
        let Some(pod) = turn.cluster().pod(id) else { return };
        say(id, format!("Marking for deletion Pod {}", pod.meta.full_name()), turn);
        let (reason, text) = ("DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint");
        self.work.insert(id, Work::Done);
        if turn.context.profile.has(Feature::PodDisruptionConditions) {
            turn.write(Command::SetDisruptionTarget(id, reason.into(), text.into()));
        }
        turn.write(Command::DeletePod(id, None));
    }

    fn note_node(id: NodeId, watch: &mut Watch<'_>) {
        watch.set_timer(watch.now(), Event::TaintedNodeSync(id));
    }

    /// Has a pod be looked at whose node is tainted.
    fn note_pod(id: PodId, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let node = cluster.pod(id).and_then(|pod| pod.node).and_then(|node| cluster.node(node));
        if node.is_some_and(|node| no_execute(&node.spec.taints).next().is_some()) {
            watch.set_timer(watch.now(), Event::TaintedPodSync(id));
        }
    }
}

impl Component for TaintEvictionController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        for (id, node) in cluster.nodes().iter() {
            if no_execute(&node.spec.taints).next().is_some() {
                Self::note_node(id, watch);
            }
        }
        let mut pods: Vec<_> = cluster.pods().iter().map(|(id, pod)| (pod.meta.uid.serial, id)).collect();
        pods.sort_unstable();
        pods.into_iter().for_each(|(_, id)| Self::note_pod(id, watch));
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::TaintedNodeSync(node) => self.sync_node(node, turn),
            Event::TaintedPodSync(pod) => self.sync_pod(pod, turn),
            Event::TaintEvictionDue(pod) => self.wait_is_over(pod, turn),
            other => unreachable!("{other:?} belongs to another component"),
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::Node(id)) => {
                let node = watch.cluster().node(*id);
                if node.is_some_and(|node| no_execute(&node.spec.taints).next().is_some()) {
                    Self::note_node(*id, watch);
                }
            }
            Change::NodeChanged(id, what) if what.has_other_taints => {
                let (old, node) = (&what.before.spec.taints, watch.cluster().node(*id));
                if node.is_some_and(|node| no_execute(old).ne(no_execute(&node.spec.taints))) {
                    Self::note_node(*id, watch);
                }
            }
            Change::NodeDeleted(id, _) => {
                self.tainted.remove(id);
            }
            Change::PodBound(pod, _) => Self::note_pod(*pod, watch),
            Change::PodChanged(pod, what) if what.has_other_tolerations => Self::note_pod(*pod, watch),
            Change::PodDeleted(pod, _) => match self.work.get(pod) {
                Some(Work::Waiting(_)) => {
                    watch.set_timer(watch.now(), Event::TaintedPodSync(*pod));
                }
                Some(Work::Done) => {
                    self.work.remove(pod);
                }
                None => {}
            },
            _ => {}
        }
    }
}

fn say(id: PodId, message: String, turn: &mut Turn<'_>) {
    turn.record(ObjectId::Pod(id), Severity::Normal, "TaintManagerEviction", message, SOURCE);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str) -> Taint {
        Taint { key: key.into(), value: "".into(), effect: TaintEffect::NoExecute }
    }

    fn toleration(key: &str, seconds: Option<u64>) -> Toleration {
        let seconds = seconds.map(SimDuration::from_secs);
        Toleration { key: Some(key.into()), value: None, effect: None, seconds }
    }

    #[track_caller]
    fn check(tolerations: &[(&str, Option<u64>)], taints: &[&str], stay: Stay) {
        let tolerations: Vec<_> = tolerations.iter().map(|(key, span)| toleration(key, *span)).collect();
        let taints: Vec<_> = taints.iter().map(|key| taint(key)).collect();
        assert_eq!(Stay::of(&tolerations, &taints), stay);
    }

    #[test]
    fn of_each_taint_the_first_matching_toleration_counts() {
        let stay = |seconds| Stay::For(SimDuration::from_secs(seconds));
        check(&[("a", Some(200)), ("a", Some(20))], &["a"], stay(200));
        check(&[("a", Some(20)), ("a", Some(200))], &["a"], stay(20));
        check(&[("a", None), ("a", Some(50))], &["a"], Stay::Forever);
    }

    #[test]
    fn of_several_taints_the_shortest_toleration_counts() {
        let tolerations = [("a", Some(100)), ("b", Some(30)), ("c", None)];
        check(&tolerations, &["a", "b", "c"], Stay::For(SimDuration::from_secs(30)));
        check(&tolerations, &["c"], Stay::Forever);
        check(&tolerations, &["a", "d"], Stay::Refused);
    }
}
