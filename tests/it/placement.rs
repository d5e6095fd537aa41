//! The scheduler's fast paths against the plain algorithm: what it keeps up to date from event to event equals what a
//! look at the whole cluster gives, and its filters refuse what the rules refuse, pod by pod and node by node.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::engine::SimTime;
use cluster_sim::model::ids::NodeId;
use cluster_sim::model::meta::{LabelOperator, LabelRequirement, LabelSelector, Labels};
use cluster_sim::model::node::Node;
use cluster_sim::model::pod::Pod;
use cluster_sim::model::resources::Resources;
use cluster_sim::model::scenario::Scenario;
use cluster_sim::model::scheduling::{
    NodeInclusion, PodAffinityTerm, Taint, TaintEffect, TopologySpreadConstraint, WhenUnsatisfiable,
};
use cluster_sim::observe::run::RunObserver;
use cluster_sim::scheduler::explain::{self, NodeVerdict, Scope};
use cluster_sim::scheduler::framework::{CycleContext, Plugin};
use cluster_sim::scheduler::listers::Listers;
use cluster_sim::scheduler::plugins::inter_pod_affinity::{Party, selects};
use cluster_sim::sim::Simulation;
use proptest::prelude::*;

use crate::generate::{Chance, choosy_pods, worlds};

/// No world is played for longer than this [events].
const EVENTS_MAX: u64 = 400;

/// A cluster as a plain reader sees it.
struct Plain<'a> {
    cluster: &'a Cluster,
    listers: &'a Listers,
    pod: &'a Pod,
}

impl Plain<'_> {
    fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.cluster.nodes().iter()
    }

    fn pods_on(&self, node: NodeId) -> impl Iterator<Item = &Pod> {
        let is_there = move |pod: &&Pod| pod.node == Some(node) && !pod.status.phase.is_terminal();
        self.cluster.pods().values().filter(is_there)
    }

    /// All pods on nodes, each with its node.
    fn placed(&self) -> impl Iterator<Item = (&Pod, &Node)> {
        self.nodes().flat_map(|(id, node)| self.pods_on(id).map(move |pod| (pod, node)))
    }

    /// The first plugin that refuses the node.
    fn refused_by(&self, id: NodeId, node: &Node) -> Option<Plugin> {
        let placement = &self.pod.spec.placement;
        let cordon = Taint {
            key: "node.kubernetes.io/unschedulable".into(),
            value: "".into(),
            effect: TaintEffect::NoSchedule,
        };
        let checks: [(Plugin, bool); 7] = [
            (Plugin::NodeUnschedulable, node.spec.unschedulable && !placement.tolerates(&cordon)),
            (Plugin::TaintToleration, self.is_tainted(node)),
            (Plugin::NodeAffinity, !placement.accepts_node(&node.meta.labels, &node.meta.name)),
            (Plugin::NodePorts, self.has_port_clash(id)),
            (Plugin::NodeResourcesFit, !self.has_room(id, node)),
            (Plugin::PodTopologySpread, !self.is_even(node)),
            (Plugin::InterPodAffinity, !self.is_in_company(node)),
        ];
        checks.into_iter().find(|(_, refuses)| *refuses).map(|(plugin, _)| plugin)
    }

    fn is_tainted(&self, node: &Node) -> bool {
        let forbids = |taint: &&Taint| taint.effect != TaintEffect::PreferNoSchedule;
        node.spec.taints.iter().filter(forbids).any(|taint| !self.pod.spec.placement.tolerates(taint))
    }

    fn has_port_clash(&self, id: NodeId) -> bool {
        let mut taken = self.pods_on(id).flat_map(|pod| &pod.spec.derived.host_ports);
        taken.any(|port| self.pod.spec.derived.host_ports.iter().any(|own| own.conflicts_with(port)))
    }

    fn has_room(&self, id: NodeId, node: &Node) -> bool {
        let mut used = Resources::default();
        self.pods_on(id).for_each(|pod| used += &pod.spec.derived.requests);
        let (asked, offered) = (&self.pod.spec.derived.requests, &node.spec.allocatable);
        let fits = |asked: i64, offered: i64, used: i64| asked == 0 || asked <= offered - used;
        let mut extended = asked.extended.iter();
        self.pods_on(id).count() < node.spec.max_pods as usize
            && fits(asked.cpu.0, offered.cpu.0, used.cpu.0)
            && fits(asked.memory.0, offered.memory.0, used.memory.0)
            && fits(asked.ephemeral_storage.0, offered.ephemeral_storage.0, used.ephemeral_storage.0)
            && extended.all(|(name, amount)| fits(*amount, offered.extended(name), used.extended(name)))
    }

    fn is_even(&self, node: &Node) -> bool {
        let is_hard =
            |c: &&TopologySpreadConstraint| c.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule;
        let hard: Vec<_> = self.pod.spec.placement.spread.iter().filter(is_hard).collect();
        let has_all = |node: &Node| hard.iter().all(|c| node.meta.labels.get(&c.topology_key).is_some());
        hard.iter().all(|constraint| {
            let Some(own_value) = node.meta.labels.get(&constraint.topology_key) else { return false };
            let mut counts = BTreeMap::new();
            for (id, other) in self.nodes().filter(|(_, other)| has_all(other)) {
                if self.counts_node(constraint, other) {
                    let value = other.meta.labels.get(&constraint.topology_key).expect("it has all keys");
                    let n = self.pods_on(id).filter(|pod| self.counts_pod(constraint, pod)).count() as i32;
                    *counts.entry(value).or_insert(0) += n;
                }
            }
            let Some(least) = counts.values().min().copied() else { return true };
            let is_short = (counts.len() as i32) < constraint.min_domains.unwrap_or(1);
            let least = if is_short { 0 } else { least };
            let itself = i32::from(self.is_counted(constraint, &self.pod.meta.labels, 1));
            counts.get(own_value).copied().unwrap_or(0) + itself - least <= constraint.max_skew
        })
    }

    fn counts_node(&self, constraint: &TopologySpreadConstraint, node: &Node) -> bool {
        let accepts = self.pod.spec.placement.accepts_node(&node.meta.labels, &node.meta.name);
        (constraint.node_affinity_policy == NodeInclusion::Ignore || accepts)
            && (constraint.node_taints_policy == NodeInclusion::Ignore || !self.is_tainted(node))
    }

    fn counts_pod(&self, constraint: &TopologySpreadConstraint, pod: &Pod) -> bool {
        pod.meta.namespace == self.pod.meta.namespace
            && !pod.meta.is_terminating()
            && self.is_counted(constraint, &pod.meta.labels, 0)
    }

    /// Whether pods with these labels count; `empty` is what an empty selector says.
    fn is_counted(&self, constraint: &TopologySpreadConstraint, labels: &Labels, empty: u8) -> bool {
        let Some(selector) = &constraint.selector else { return false };
        let mut requirements = selector.requirements.clone();
        for key in &constraint.match_label_keys {
            if let Some(value) = self.pod.meta.labels.get(key) {
                let operator = LabelOperator::In(vec![value.clone()]);
                requirements.push(LabelRequirement { key: key.clone(), operator });
            }
        }
        if requirements.is_empty() { empty == 1 } else { LabelSelector { requirements }.matches(labels) }
    }

    fn is_in_company(&self, node: &Node) -> bool {
        let wanted = &self.pod.spec.placement.pod_affinity;
        let itself = Party::of(self.pod);
        let selects_other =
            |term: &PodAffinityTerm, pod: &Pod| selects(term, itself, Party::of(pod), self.listers);
        let is_near = |term: &PodAffinityTerm, other: &Node| {
            let value = node.meta.labels.get(&term.topology_key);
            value.is_some() && other.meta.labels.get(&term.topology_key) == value
        };
        let matches_all = |pod: &Pod| wanted.required.iter().all(|term| selects_other(term, pod));
        let mates: Vec<_> = self.placed().filter(|(pod, _)| matches_all(pod)).collect();
        let has_keys = wanted.required.iter().all(|term| node.meta.labels.get(&term.topology_key).is_some());
        let has_mate = |term: &PodAffinityTerm| mates.iter().any(|(_, other)| is_near(term, other));
        let knows_key = |other: &Node| {
            wanted.required.iter().any(|term| other.meta.labels.get(&term.topology_key).is_some())
        };
        let is_first = !mates.iter().any(|(_, other)| knows_key(other)) && matches_all(self.pod);
        let is_drawn = has_keys && (wanted.required.iter().all(has_mate) || is_first);
        let mut placed = self.placed();
        let is_repelled = placed.any(|(pod, other)| {
            let theirs = &pod.spec.placement.pod_affinity.anti_required;
            let minds = |term: &PodAffinityTerm| selects(term, Party::of(pod), itself, self.listers);
            wanted.anti_required.iter().any(|term| selects_other(term, pod) && is_near(term, other))
                || theirs.iter().any(|term| minds(term) && is_near(term, other))
        });
        is_drawn && !is_repelled
    }
}

/// Looks at every waiting pod on every node, in three ways.
fn check(simulation: &Simulation<RunObserver>) -> Result<(), TestCaseError> {
    let (cluster, scheduler) = (simulation.cluster(), simulation.scheduler());
    // The scheduler looks at Services and budgets anew when it needs them; here they are needed.
    let mut listers = scheduler.listers.clone();
    listers.refresh(cluster);
    let has_nominations = cluster.pods().values().any(|pod| pod.status.nominated_node.is_some());
    for (id, pod) in cluster.pods().iter().filter(|(_, pod)| pod.node.is_none()) {
        if scheduler.queue().get(id).is_none() {
            continue;
        }
        let kept = scheduler.explain(simulation.context(), cluster, pod, Scope::AllNodes);
        let fresh = explain::explain(&CycleContext {
            cluster,
            profile: &simulation.context().profile,
            config: &scheduler.config,
            listers: &listers,
            pod,
        });
        let by_node = |nodes: &[(NodeId, NodeVerdict)]| nodes.iter().cloned().collect::<BTreeMap<_, _>>();
        prop_assert_eq!(by_node(&kept.nodes), by_node(&fresh.nodes), "{}", pod.meta.name);
        let plain = Plain { cluster, listers: &listers, pod };
        for (node, verdict) in kept.nodes.iter().filter(|_| !has_nominations) {
            let refused_by = match verdict {
                NodeVerdict::Refused(refusal) => Some(refusal.plugin),
                NodeVerdict::Scored(_) | NodeVerdict::NotAskedFor | NodeVerdict::NotReached => None,
            };
            let node = (*node, &cluster.nodes()[*node]);
            prop_assert_eq!(
                refused_by,
                plain.refused_by(node.0, node.1),
                "{} on {}",
                pod.meta.name,
                node.1.meta.name
            );
        }
    }
    Ok(())
}

fn play(scenario: &Arc<Scenario>) -> Result<(), TestCaseError> {
    let mut simulation = Simulation::new(Arc::clone(scenario), RunObserver::default());
    while simulation.n_events() < EVENTS_MAX && simulation.step(SimTime::from_nanos(u64::MAX)) {
        check(&simulation)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_scheduler_keeps_up_to_date_says_what_a_look_at_everything_says(
        world in worlds(Chance::Some),
        pods in choosy_pods(),
    ) {
        let mut world = world;
        world.objects.extend(pods);
        play(&world.scenario())?;
    }
}
