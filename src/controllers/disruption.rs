//! The disruption controller: keeps the status of pod disruption budgets, which eviction goes by.
//!
//! A budget is synced when it changes and at every change of a pod that it guards. A change of a workload's size is
//! noticed with the next change of a pod, as upstream.
//!
//! Not modelled: taking the condition DisruptionTarget off pods that were never deleted, for here the condition and
//! the deletion are one write.
//!
//! Source: Kubernetes 1.28, pkg/controller/disruption/disruption.go.

pub mod expected;
pub mod status;

use crate::cluster::Cluster;
use crate::component::{Component, Retry, Timers, Turn, Watch, WorkQueue};
use crate::controllers::disruption::status::{Note, Plan, plan};
use crate::engine::SimDuration;
use crate::event::{Change, Command, Event, StatusUpdate, Subject};
use crate::model::ids::{ObjectId, PodDisruptionBudgetId, PodId};
use crate::model::meta::Labels;
use crate::model::pod::Pod;
use crate::model::pod_disruption_budget::PodDisruptionBudget;

const SOURCE: &str = "controllermanager";

/// Waits after errors. Source: client-go/util/workqueue, DefaultControllerRateLimiter.
const RETRY: Retry = Retry { first: SimDuration::from_millis(5), longest: SimDuration::from_secs(1000) };

/// The disruption controller.
#[derive(Debug, Clone)]
pub struct DisruptionController {
    queue: WorkQueue<PodDisruptionBudgetId>,
}

impl DisruptionController {
    /// A controller that has just started.
    pub fn new() -> Self {
        Self { queue: WorkQueue::new(Event::DisruptionSync, RETRY) }
    }

    /// Brings the status of a budget up to date. A failure is written into the status and not tried again before
    /// something happens.
    /// Source: disruption.go, sync and trySync.
    fn sync(&mut self, id: PodDisruptionBudgetId, turn: &mut Turn<'_>) {
        let cluster = turn.cluster();
        let Some(budget) = cluster.pod_disruption_budget(id) else { return };
        let pods = guarded(budget, cluster);
        let expected = expected::count(&budget.spec, &pods, cluster);
        let Plan { status, recheck, notes } = plan(budget, &pods, expected, turn.now());
        for note in notes {
            record(id, note, turn);
        }
        if let Some(status) = status {
            turn.write(Command::UpdateStatus(Box::new(StatusUpdate::PodDisruptionBudget(id, status))));
        }
        if let Some(at) = recheck {
            self.queue.add_after(id, at.max(turn.now()) - turn.now(), turn);
        }
    }

    /// Has the budget synced that guards a pod with these labels. Of several it is the oldest.
    /// Source: disruption.go, getPdbForPod.
    fn enqueue_guard(&mut self, namespace: &str, labels: &Labels, watch: &mut Watch<'_>) {
        let budgets = watch.cluster().pod_disruption_budgets().iter();
        let guards = budgets.filter(|(_, budget)| budget.guards(namespace, labels));
        if let Some((id, _)) = guards.min_by_key(|(_, budget)| budget.meta.uid) {
            self.queue.add(id, watch);
        }
    }

    fn on_pod_change(&mut self, id: PodId, watch: &mut Watch<'_>) {
        if let Some(pod) = watch.cluster().pod(id) {
            self.enqueue_guard(&pod.meta.namespace, &pod.meta.labels, watch);
        }
    }
}

/// The pods that a budget guards, in order of creation.
fn guarded<'a>(budget: &PodDisruptionBudget, cluster: &'a Cluster) -> Vec<&'a Pod> {
    let guards = |pod: &&Pod| budget.guards(&pod.meta.namespace, &pod.meta.labels);
    let mut pods: Vec<&Pod> = cluster.pods().values().filter(guards).collect();
    pods.sort_by_key(|pod| pod.meta.uid);
    pods
}

fn record(id: PodDisruptionBudgetId, note: Note, turn: &mut Turn<'_>) {
    if turn.wants_records(note.reason) {
        turn.record(ObjectId::PodDisruptionBudget(id), note.severity, note.reason, note.message, SOURCE);
    }
}

impl Default for DisruptionController {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for DisruptionController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let mut budgets: Vec<_> = watch.cluster().pod_disruption_budgets().iter().collect();
        budgets.sort_by_key(|(_, budget)| budget.meta.uid);
        for (id, _) in budgets {
            self.queue.add(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::DisruptionSync(id) = event
            && self.queue.take(id, turn)
        {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Deleted(ObjectId::PodDisruptionBudget(id), _) => self.queue.remove(*id, watch),
            Change::Recorded(..) => {}
            Change::PodDeleted(_, pod) => self.enqueue_guard(&pod.namespace, &pod.labels, watch),
            other => match other.subject() {
                Subject::Alive(ObjectId::PodDisruptionBudget(id)) => self.queue.add(id, watch),
                Subject::Alive(ObjectId::Pod(id)) => self.on_pod_change(id, watch),
                _ => {}
            },
        }
    }
}
