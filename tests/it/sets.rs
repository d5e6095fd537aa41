//! Worlds at random with StatefulSets, DaemonSets and disruption budgets, drains and evictions: what must hold of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::component::Observer;
use cluster_sim::engine::SimTime;
use cluster_sim::event::{Change, Event};
use cluster_sim::model::daemon_set::{DaemonSet, DaemonSetUpdate};
use cluster_sim::model::ids::{DaemonSetId, ObjectId, PodId};
use cluster_sim::model::meta::{LabelOperator, Name};
use cluster_sim::model::pod::Pod;
use cluster_sim::model::pod_status::Phase;
use cluster_sim::model::scenario::Scenario;
use cluster_sim::model::stateful_set::{PodManagementPolicy, StatefulSet};
use cluster_sim::sim::Simulation;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::generate::sets::{budget, daemon_set, entry, stateful_set};
use crate::generate::{Chance, World, worlds};

/// No world is played for longer than this [events].
const EVENTS_MAX: u64 = 4_000;

/// What only the order of the changes can tell, and what it told.
#[derive(Debug, Clone, Default)]
pub struct SetLaws {
    terminating: BTreeSet<PodId>,
    /// What it told.
    pub broken: Vec<String>,
}

impl SetLaws {
    fn see_pod(&mut self, id: PodId, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id) else { return };
        match pod.meta.owner.as_ref().map(|owner| owner.object) {
            Some(ObjectId::StatefulSet(set)) => {
                let set = cluster.stateful_set(set).filter(|set| !set.meta.is_terminating());
                self.broken.extend(set.and_then(|set| fault_of_order(pod, set, cluster)));
            }
            Some(ObjectId::DaemonSet(id)) => {
                let set = cluster.daemon_set(id);
                self.broken.extend(set.and_then(|set| fault_of_crowd(pod, id, set, cluster)));
            }
            _ => {}
        }
    }

    /// A pod that runs, is ready and was not to go anyway is evicted at the cost of its one budget.
    fn see_eviction(&mut self, id: PodId, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id).filter(|_| !self.terminating.contains(&id)) else { return };
        if pod.status.phase != Phase::Running || !pod.status.conditions.is_ready() {
            return;
        }
        let budgets: Vec<_> = cluster.budgets_of(pod).map(|(_, budget)| budget).collect();
        let is_charged = |name: &Name| budgets.iter().all(|it| it.status.disrupted_pods.contains_key(name));
        if budgets.len() > 1 || !is_charged(&pod.meta.name) {
            self.broken.push(format!("pod {} was evicted past its budgets: {budgets:?}", pod.meta.name));
        }
    }
}

/// Pods that come one by one come when all before them are healthy.
fn fault_of_order(pod: &Pod, set: &StatefulSet, cluster: &Cluster) -> Option<String> {
    if set.spec.pod_management == PodManagementPolicy::Parallel {
        return None;
    }
    let ordinal: u32 = pod.meta.name.rsplit('-').next()?.parse().ok()?;
    let unhealthy = (set.spec.start_ordinal..ordinal).find(|lower| {
        let name = format!("{}-{lower}", set.meta.name);
        let is_healthy = |pod: &Pod| {
            pod.status.phase == Phase::Running
                && pod.status.conditions.is_ready()
                && !pod.meta.is_terminating()
        };
        !cluster.pods().values().any(|pod| *pod.meta.name == *name && is_healthy(pod))
    });
    unhealthy.map(|lower| format!("pod {} was made while {lower} was not healthy", pod.meta.name))
}

/// A node has one pod of a DaemonSet, and while surging two.
fn fault_of_crowd(pod: &Pod, id: DaemonSetId, set: &DaemonSet, cluster: &Cluster) -> Option<String> {
    let surges = match set.spec.update_strategy {
        DaemonSetUpdate::OnDelete => false,
        DaemonSetUpdate::RollingUpdate { max_surge, .. } => !max_surge.is_zero(),
    };
    let counts = |other: &Pod| if surges { other.is_active() } else { !other.status.phase.is_terminal() };
    let node = target(pod);
    let n_pods = cluster.pods_of(id).filter(|(_, other)| target(other) == node && counts(other)).count();
    let n_max = if surges { 2 } else { 1 };
    (n_pods > n_max).then(|| format!("{n_pods} pods of {} are for {node:?}", set.meta.name))
}

/// The node that a daemon pod is for.
fn target(pod: &Pod) -> Option<Name> {
    let field = pod.spec.placement.required_nodes.as_ref()?.first()?.fields.first()?;
    match &field.operator {
        LabelOperator::In(names) => names.first().cloned(),
        _ => None,
    }
}

impl Observer for SetLaws {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        let n_broken = self.broken.len();
        match change {
            Change::Created(ObjectId::Pod(id)) => self.see_pod(*id, cluster),
            Change::PodDisrupted(id, reason) if &**reason == "EvictionByEvictionAPI" => {
                self.see_eviction(*id, cluster);
            }
            Change::PodDeletionRequested(id, _) => {
                self.terminating.insert(*id);
            }
            _ => {}
        }
        self.broken[n_broken..].iter_mut().for_each(|fault| fault.insert_str(0, &format!("at {now}: ")));
    }
}

/// A world with one of each, and what happens to them.
fn worlds_with_sets() -> impl Strategy<Value = World> {
    let budgets = (budget("first"), proptest::option::weighted(0.3, budget("second")));
    (worlds(Chance::Some), stateful_set(), daemon_set(), budgets, vec(entry(), 1..8)).prop_map(
        |(mut world, stateful, daemon, (first, second), entries)| {
            world.objects.extend([stateful, daemon, first]);
            world.objects.extend(second);
            let timeline = world.spec["timeline"].as_array_mut().expect("a world has a timeline");
            timeline.extend(entries);
            world
        },
    )
}

fn play(scenario: Arc<Scenario>) -> Result<(), TestCaseError> {
    let limit = SimTime::from_secs(7200);
    let mut simulation = Simulation::new(scenario, SetLaws::default());
    while simulation.n_events() < EVENTS_MAX && simulation.step(limit) {
        let held = simulation.check_invariants();
        prop_assert!(held.is_ok(), "at {}: {}", simulation.now(), held.unwrap_err());
        let broken = &simulation.observer().broken;
        prop_assert!(broken.is_empty(), "{broken:#?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sets_and_budgets_keep_their_laws_in_every_world(world in worlds_with_sets()) {
        play(world.scenario())?;
    }
}

/// A StatefulSet `db` of one pod and a budget over it, in a cluster of one node with one cpu.
fn one_pod(pod: &str, timeline: &str) -> Simulation<()> {
    let text = format!(
        "apiVersion: sim/v1\nkind: Scenario\nmetadata: {{name: one}}\n\
         spec:\n  horizon: 5m\n  nodePools: [{{name: a, count: 1, capacity: {{cpu: 1}}}}]\n\
         \x20 images: {{db: {{steps: [{{run: forever}}]}}}}\n  timeline: [{timeline}]\n\
         ---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: db}}\n\
         spec: {{minAvailable: 0, selector: {{matchLabels: {{app: db}}}}}}\n\
         ---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: db}}\n\
         spec: {{selector: {{matchLabels: {{app: db}}}}, serviceName: db, template: {{\
         metadata: {{labels: {{app: db}}}}, spec: {{{pod}}}}}}}\n"
    );
    Simulation::new(crate::recorded::load(&text), ())
}

#[test]
fn a_pod_made_again_under_its_name_counts_as_evicted_until_two_minutes_are_over() {
    let mut simulation = one_pod(
        "containers: [{name: c, image: db}]",
        "{at: 5s, stop: {component: kube-controller-manager, for: 5s}}, {at: 6s, evict: {pod: db-0}}",
    );
    let mut healthy_at = |secs| {
        simulation.run_until(SimTime::from_secs(secs));
        let budget = simulation.cluster().pod_disruption_budgets().values().next().unwrap();
        (budget.status.current_healthy, budget.status.disrupted_pods.len())
    };
    assert_eq!(healthy_at(5), (1, 0));
    assert_eq!(healthy_at(125), (0, 1));
    assert_eq!(healthy_at(126), (1, 0));
}

#[test]
fn a_pod_that_its_node_refuses_is_made_again_ten_times_a_second_in_an_ideal_cluster() {
    let pod = "nodeName: a-1, containers: [{name: c, image: db, resources: {requests: {cpu: 2}}}]";
    let mut simulation = one_pod(pod, "");
    simulation.run_until(SimTime::from_secs(10));
    let set = simulation.cluster().stateful_sets().ids().next().unwrap();
    assert_eq!(simulation.cluster().n_ever_of(set), 101);
}
