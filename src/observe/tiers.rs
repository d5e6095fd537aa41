//! The tiers of the workloads that last: how many of their containers are ready on living nodes, over time.
//!
//! A tier is an app container of a namespace by its name: `frontend` is the same tier in every layout, whether it has
//! pods of its own or shares them. Pods of Jobs are no tier. What is ready on a node that has failed is lost at that
//! moment, long before the control plane takes note.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::engine::{SimDuration, SimTime};
use crate::event::Change;
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::pod::{Pod, PodTemplate, RestartPolicy};
use crate::observe::utilisation::Level;

/// Names a tier: the namespace and the container.
pub type TierName = (Name, Name);

/// All tiers of a run.
#[derive(Debug, Clone, Default)]
pub struct Tiers {
    tiers: BTreeMap<TierName, Tier>,
    /// The node and the containers of every pod that is counted.
    counted: BTreeMap<PodId, Counted>,
    losses: Vec<NodeLoss>,
    warm_up: SimTime,
}

/// A tier over time.
#[derive(Debug, Clone)]
pub struct Tier {
    /// Ready containers.
    pub ready: Level,
    /// The share that the worst node takes with it [parts per million].
    pub at_worst_node: Level,
    by_node: BTreeMap<NodeId, u32>,
}

/// A node that failed, and what became of the tiers.
#[derive(Debug, Clone)]
pub struct NodeLoss {
    /// The node.
    pub node: Name,
    /// When it failed.
    pub at: SimTime,
    /// When every tier had again as many ready containers as before, or as are still wanted.
    pub recovered: Option<SimTime>,
    before: BTreeMap<TierName, u32>,
}

#[derive(Debug, Clone)]
struct Counted {
    node: NodeId,
    tiers: Vec<TierName>,
}

impl Tier {
    fn total(&self) -> u32 {
        self.by_node.values().sum()
    }

    fn add(&mut self, now: SimTime, node: NodeId) {
        *self.by_node.entry(node).or_default() += 1;
        self.note(now);
    }

    fn remove(&mut self, now: SimTime, node: NodeId) {
        if let Some(count) = self.by_node.get_mut(&node) {
            *count -= 1;
            if *count == 0 {
                self.by_node.remove(&node);
            }
        }
        self.note(now);
    }

    fn note(&mut self, now: SimTime) {
        let total = self.total();
        let worst = self.by_node.values().max().copied().unwrap_or(0);
        self.ready.set(now, i64::from(total));
        let share = (i64::from(worst) * 1_000_000).checked_div(i64::from(total)).unwrap_or(0);
        self.at_worst_node.set(now, share);
    }
}

impl Tiers {
    /// No tier yet; what is before the end of the warm-up counts for nothing.
    pub fn after(warm_up: SimTime) -> Self {
        Self { warm_up, ..Self::default() }
    }

    /// All tiers by name.
    pub fn iter(&self) -> impl Iterator<Item = (&TierName, &Tier)> {
        self.tiers.iter()
    }

    /// The nodes that failed, in order of time.
    pub fn losses(&self) -> &[NodeLoss] {
        &self.losses
    }

    /// Takes note of a change that may make containers ready or lose them.
    pub fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::PodReadyChanged(pod, is_ready) => {
                if *is_ready {
                    self.count(now, *pod, cluster);
                } else {
                    self.discount(now, *pod);
                }
            }
            Change::PodDeleted(pod, _) => self.discount(now, *pod),
            Change::NodeLeaseChanged(node, true) => self.count_node(now, *node, cluster),
            Change::NodeLeaseChanged(node, false) if !is_alive(*node, cluster) => {
                self.lose_node(now, *node, cluster);
            }
            Change::NodeDeleted(node, name) => self.discount_node(now, *node, name),
            Change::SpecChanged(..) => {}
            _ => return,
        }
        self.note_recoveries(now, cluster);
    }

    fn count(&mut self, now: SimTime, id: PodId, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id) else { return };
        let Some(node) = pod.node.filter(|node| is_alive(*node, cluster)) else { return };
        if pod.spec.restart_policy != RestartPolicy::Always || self.counted.contains_key(&id) {
            return;
        }
        let tiers = tier_names(pod);
        for name in &tiers {
            let level = || Level::starting(now.max(self.warm_up));
            let begin = || Tier { ready: level(), at_worst_node: level(), by_node: BTreeMap::new() };
            self.tiers.entry(name.clone()).or_insert_with(begin).add(now, node);
        }
        self.counted.insert(id, Counted { node, tiers });
    }

    fn discount(&mut self, now: SimTime, id: PodId) {
        let Some(counted) = self.counted.remove(&id) else { return };
        for name in &counted.tiers {
            if let Some(tier) = self.tiers.get_mut(name) {
                tier.remove(now, counted.node);
            }
        }
    }

    fn lose_node(&mut self, now: SimTime, node: NodeId, cluster: &Cluster) {
        let name = cluster.name_of(ObjectId::Node(node));
        self.discount_node(now, node, &name);
    }

    /// Takes all pods of a node out of the count: a loss, where there are any.
    fn discount_node(&mut self, now: SimTime, node: NodeId, name: &Name) {
        let on_node = self.counted.iter().filter(|(_, counted)| counted.node == node);
        let pods: Vec<PodId> = on_node.map(|(pod, _)| *pod).collect();
        if pods.is_empty() {
            return;
        }
        let before = self.tiers.iter().map(|(name, tier)| (name.clone(), tier.total())).collect();
        self.losses.push(NodeLoss { node: name.clone(), at: now, recovered: None, before });
        for pod in pods {
            self.discount(now, pod);
        }
    }

    fn count_node(&mut self, now: SimTime, node: NodeId, cluster: &Cluster) {
        let ready = |id: &PodId| cluster.pod(*id).is_some_and(|pod| pod.status.conditions.is_ready());
        let pods: Vec<PodId> = cluster.usage(node).pods.iter().copied().filter(ready).collect();
        for pod in pods {
            self.count(now, pod, cluster);
        }
    }

    fn note_recoveries(&mut self, now: SimTime, cluster: &Cluster) {
        let tiers = &self.tiers;
        let is_back = |name: &TierName, before: u32| {
            let ready = tiers.get(name).map_or(0, Tier::total);
            ready >= before || ready >= wanted(name, cluster)
        };
        for loss in self.losses.iter_mut().filter(|loss| loss.recovered.is_none()) {
            if loss.before.iter().all(|(name, before)| is_back(name, *before)) {
                loss.recovered = Some(now);
            }
        }
    }
}

fn is_alive(node: NodeId, cluster: &Cluster) -> bool {
    cluster.node(node).is_some_and(|node| !node.signs.is_machine_off())
}

fn tier_names(pod: &Pod) -> Vec<TierName> {
    let containers = pod.spec.containers.iter();
    containers.map(|container| (pod.meta.namespace.clone(), container.name.clone())).collect()
}

/// How many containers of a tier the workloads want now; bare pods are not wanted back by anybody.
fn wanted((namespace, container): &TierName, cluster: &Cluster) -> u32 {
    let has = |template: &PodTemplate| template.spec.containers.iter().any(|own| own.name == *container);
    let deployments = cluster.deployments().values();
    let deployments = deployments.map(|it| (&it.meta, it.spec.replicas, &it.spec.template));
    let sets = cluster.stateful_sets().values().map(|it| (&it.meta, it.spec.replicas, &it.spec.template));
    let bare = cluster.replica_sets().values().filter(|set| set.meta.owner.is_none());
    let bare = bare.map(|it| (&it.meta, it.spec.replicas, &it.spec.template));
    let all = deployments.chain(sets).chain(bare);
    let own = all.filter(|(meta, _, template)| meta.namespace == *namespace && has(template));
    own.map(|(_, replicas, _)| replicas).sum()
}

/// How long it took from a failure until all was back; until `end` where it never was.
pub fn recovery_time(loss: &NodeLoss, end: SimTime) -> SimDuration {
    loss.recovered.unwrap_or(end).since(loss.at)
}
