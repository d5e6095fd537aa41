//! Drains of nodes, as `kubectl drain --ignore-daemonsets` does them: cordon, then evictions.
//!
//! ```text
//! begin ─ a pod must not be deleted ──────────────────────────────> Refused
//!   └─> Draining ─ evict all; those refused with 429 again after 5 s ┐
//!          ^─────────────────────────────────────────────────────────┘
//!          ├─ every pod is gone ───────────────────────────────────> Drained
//!          ├─ the last of them failed or is gone, or no API server > Failed
//!          └─ `timeout` is over ───────────────────────────────────> TimedOut
//! ```
//!
//! The node stays cordoned whatever comes of it.
//!
//! Deviation: the end of a pod, and of the time, is noticed when it comes; kubectl looks every second, and for the end of
//! its time after each wait of 5 s.
//!
//! Source: Kubernetes 1.28, kubectl/pkg/drain, drain.go and filters.go.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, EvictionRefusal, Refusal};
use crate::component::{Component, Timers, Turn, Watch};
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Command, Event};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::meta::{Name, Owner};
use crate::model::pod::{Pod, VolumeSource};
use crate::model::scenario::DrainOrder;
use crate::sim::outages::NO_API_SERVER;

/// The wait after an eviction that was refused. Source: drain.go, evictPods.
const RETRY_AFTER: SimDuration = SimDuration::from_secs(5);

const IS_BARE: &str = "cannot delete Pods that declare no controller (use --force to override)";
const HAS_LOCAL_STORAGE: &str =
    "cannot delete Pods with local storage (use --delete-emptydir-data to override)";

/// A drain and what it met.
#[derive(Debug, Clone, PartialEq)]
pub struct Drain {
    /// What was asked for.
    pub order: DrainOrder,
    /// When.
    pub started: SimTime,
    /// The pods to evict, in order of creation.
    pub pods: Vec<DrainedPod>,
    /// How far it is.
    pub state: DrainState,
}

/// How far a drain is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrainState {
    /// It never began to evict: these pods must not be deleted.
    Refused(Vec<String>),
    /// It goes on.
    Draining,
    /// All pods are gone, since this instant.
    Drained(SimTime),
    /// Some evictions failed for good; the rest was over at this instant.
    Failed(SimTime),
    /// It was given up at this instant.
    TimedOut(SimTime),
}

/// A pod that a drain evicts.
#[derive(Debug, Clone, PartialEq)]
pub struct DrainedPod {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// What stood against its eviction, the last that did.
    pub blocked: Option<Blocked>,
    /// When its eviction was allowed.
    pub evicted: Option<SimTime>,
    /// When it was gone.
    pub gone: Option<SimTime>,
    /// Why it will not be tried again.
    pub failure: Option<String>,
    id: PodId,
}

/// What stands, or stood, against the eviction of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Since when.
    pub since: SimTime,
    /// How often it was refused.
    pub n_refusals: u32,
    /// The budget, as `namespace/name`.
    pub budget: String,
    /// The cause in the API server's words.
    pub cause: String,
}

/// All drains of a run.
#[derive(Debug, Clone, Default)]
pub struct Drains {
    all: Vec<Drain>,
}

/// What a drain does about a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Evict,
    Ignore,
    Refuse(String),
}

impl Drains {
    /// The drains, in the order of their start.
    pub fn all(&self) -> &[Drain] {
        &self.all
    }

    /// Begins to drain a node.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn begin(&mut self, order: &DrainOrder, turn: &mut Turn<'_>) -> Result<(), String> {
        let node = turn.cluster().find_node(&order.node);
        let node = node.ok_or_else(|| format!("there is no node {}", order.node))?;
        super::actions::set_unschedulable(node, true, turn);
        let (pods, refused) = choose(order, node, turn.cluster());
        let state = if refused.is_empty() { DrainState::Draining } else { DrainState::Refused(refused) };
        self.all.push(Drain { order: order.clone(), started: turn.now(), pods, state });
        self.go_on(self.all.len() - 1, turn);
        Ok(())
    }

    /// The API server is away: the clients that drain give up.
    pub(super) fn lose_api_server(&mut self, now: SimTime) {
        for drain in self.all.iter_mut().filter(|drain| drain.state == DrainState::Draining) {
            for pod in drain.pods.iter_mut().filter(|pod| pod.gone.is_none()) {
                pod.failure.get_or_insert_with(|| NO_API_SERVER.to_owned());
            }
            drain.settle(now);
        }
    }

    /// Tries every pod that was not let go so far.
    fn go_on(&mut self, position: usize, turn: &mut Turn<'_>) {
        let drain = &mut self.all[position];
        if drain.state != DrainState::Draining {
            return;
        }
        let now = turn.now();
        let deadline = drain.order.timeout.map(|timeout| drain.started + timeout);
        if deadline.is_some_and(|deadline| deadline <= now) {
            drain.state = DrainState::TimedOut(now);
            return;
        }
        let grace = drain.order.grace;
        for pod in drain.pods.iter_mut().filter(|pod| pod.is_to_be_evicted()) {
            pod.evict(grace, turn);
        }
        drain.settle(now);
        let event = Event::DrainDue(u32::try_from(position).expect("fewer than 2^32 drains are asked for"));
        if drain.pods.iter().any(DrainedPod::is_to_be_evicted) {
            turn.set_timer(deadline.unwrap_or(SimTime::MAX).min(now + RETRY_AFTER), event);
        } else if let (DrainState::Draining, Some(deadline)) = (&drain.state, deadline) {
            turn.set_timer(deadline, event);
        }
    }
}

impl Component for Drains {
    fn start(&mut self, _watch: &mut Watch<'_>) {}

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::DrainDue(position) = event {
            self.go_on(position as usize, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        let Change::PodDeleted(id, _) = change else { return };
        let now = watch.now();
        for drain in self.all.iter_mut().filter(|drain| drain.state == DrainState::Draining) {
            for pod in drain.pods.iter_mut().filter(|pod| pod.id == *id) {
                pod.gone = Some(now);
            }
            drain.settle(now);
        }
    }
}

impl Drain {
    /// Ends the drain where every pod is gone or will not be tried again.
    fn settle(&mut self, now: SimTime) {
        if self.pods.iter().all(|pod| pod.gone.is_some()) {
            self.state = DrainState::Drained(now);
        } else if self.pods.iter().all(|pod| pod.gone.is_some() || pod.failure.is_some()) {
            self.state = DrainState::Failed(now);
        }
    }
}

impl DrainedPod {
    fn new(id: PodId, pod: &Pod) -> Self {
        let (namespace, name) = (pod.meta.namespace.clone(), pod.meta.name.clone());
        Self { namespace, name, blocked: None, evicted: None, gone: None, failure: None, id }
    }

    /// Whether its eviction is still to be asked for.
    pub const fn is_to_be_evicted(&self) -> bool {
        self.evicted.is_none() && self.gone.is_none() && self.failure.is_none()
    }

    fn evict(&mut self, grace: Option<SimDuration>, turn: &mut Turn<'_>) {
        let now = turn.now();
        match turn.submit(Command::EvictPod(self.id, grace)) {
            Ok(_) => {
                self.evicted = Some(now);
                self.gone = Some(now).filter(|_| turn.cluster().pod(self.id).is_none());
            }
            Err(Refusal::NotEvicted(refusal)) => self.note(refusal, turn),
            Err(Refusal::NotFound) => self.gone = Some(now),
            Err(other) => self.failure = Some(other.to_string()),
        }
    }

    /// Takes note of a refusal: a budget may let the pod go later.
    fn note(&mut self, refusal: EvictionRefusal, turn: &Turn<'_>) {
        let name = refusal.budget().map(|id| turn.cluster().name_of(ObjectId::PodDisruptionBudget(id)));
        let cause = name.as_ref().and_then(|name| refusal.cause(name));
        let (Some(name), Some(cause)) = (name, cause) else {
            self.failure = Some(refusal.message().to_owned());
            return;
        };
        let (since, n_refusals) =
            self.blocked.as_ref().map_or((turn.now(), 0), |blocked| (blocked.since, blocked.n_refusals));
        let budget = format!("{}/{name}", self.namespace);
        self.blocked = Some(Blocked { since, n_refusals: n_refusals + 1, budget, cause });
    }
}

/// The pods of a node that a drain evicts, in order of creation; and those that keep it from beginning.
fn choose(order: &DrainOrder, node: NodeId, cluster: &Cluster) -> (Vec<DrainedPod>, Vec<String>) {
    let mut pods: Vec<_> = cluster.pods().iter().filter(|(_, pod)| pod.node == Some(node)).collect();
    pods.sort_by_key(|(_, pod)| pod.meta.uid);
    let mut chosen = Vec::new();
    let mut refused: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, pod) in pods {
        match verdict(pod, order, cluster) {
            Verdict::Evict => chosen.push(DrainedPod::new(id, pod)),
            Verdict::Ignore => {}
            Verdict::Refuse(why) => refused.entry(why).or_default().push(pod.meta.full_name()),
        }
    }
    let refused = refused.into_iter().map(|(why, pods)| format!("{why}: {}", pods.join(", ")));
    (chosen, refused.collect())
}

/// Source: filters.go, daemonSetFilter, localStorageFilter, unreplicatedFilter.
fn verdict(pod: &Pod, order: &DrainOrder, cluster: &Cluster) -> Verdict {
    if pod.status.phase.is_terminal() {
        return Verdict::Evict;
    }
    let owner = pod.meta.owner.as_ref();
    if let Some(Owner { object: ObjectId::DaemonSet(id), name, .. }) = owner {
        match cluster.daemon_set(*id) {
            Some(_) => return Verdict::Ignore,
            None if !order.has_force => {
                return Verdict::Refuse(format!("daemonsets.apps \"{name}\" not found"));
            }
            None => {}
        }
    }
    let has_local_storage = pod.spec.volumes.iter().any(|volume| volume.source == VolumeSource::EmptyDir);
    if has_local_storage && !order.deletes_empty_dir_data {
        return Verdict::Refuse(HAS_LOCAL_STORAGE.to_owned());
    }
    if owner.is_none() && !order.has_force {
        return Verdict::Refuse(IS_BARE.to_owned());
    }
    Verdict::Evict
}
