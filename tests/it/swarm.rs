//! Swarm testing: worlds at random in which chance decides which features are on, held against all laws.

use std::collections::BTreeSet;
use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::component::Observer;
use cluster_sim::engine::SimTime;
use cluster_sim::event::{Change, Event};
use cluster_sim::observe::run::RunObserver;
use cluster_sim::sim::{Ending, Simulation};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::generate::World;
use crate::generate::swarm::swarm;
use crate::properties::{EVENTS_MAX, Laws, config, end_of, faults_of_quiet};
use crate::sets::SetLaws;

type Watched = Simulation<(RunObserver, (Laws, SetLaws))>;

fn watched(world: &World) -> Watched {
    Simulation::new(Arc::clone(&world.scenario()), Default::default())
}

/// Plays a world with all laws held against it after every event.
fn play_by_the_laws(world: &World) -> Result<(), TestCaseError> {
    let mut simulation = watched(world);
    let limit = end_of(simulation.scenario());
    while simulation.n_events() < EVENTS_MAX && simulation.step(limit) {
        let held = simulation.check_invariants();
        prop_assert!(held.is_ok(), "at {}: {}", simulation.now(), held.unwrap_err());
        let (laws, set_laws) = &simulation.observer().1;
        let broken: Vec<_> = laws.broken.iter().chain(&set_laws.broken).collect();
        prop_assert!(broken.is_empty(), "{broken:#?}");
    }
    let is_quiet = !simulation.step(limit) && simulation.ending() == Ending::Quiet;
    let faults = if is_quiet { faults_of_quiet(simulation.cluster()) } else { Vec::new() };
    prop_assert!(faults.is_empty(), "{faults:#?}");
    Ok(())
}

fn digest_from(mut simulation: Watched) -> String {
    let limit = end_of(simulation.scenario());
    while simulation.n_events() < EVENTS_MAX && simulation.step(limit) {}
    simulation.observer().0.digest.hex()
}

proptest! {
    #![proptest_config(config(64))]

    #[test]
    fn every_swarm_world_keeps_all_laws_after_every_event(world in swarm()) {
        play_by_the_laws(&world)?;
    }
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn a_swarm_world_can_be_forked_at_any_event(world in swarm(), n_events in 1..2000_u64) {
        let mut simulation = watched(&world);
        let limit = end_of(simulation.scenario());
        while simulation.n_events() < n_events && simulation.step(limit) {}
        prop_assert_eq!(digest_from(simulation.clone()), digest_from(simulation));
        prop_assert_eq!(digest_from(watched(&world)), digest_from(watched(&world)));
    }
}

/// The kinds of events and changes that there were.
#[derive(Debug, Clone, Default)]
struct Kinds(BTreeSet<String>);

impl Observer for Kinds {
    fn begin(&mut self, _now: SimTime, _seq: u64, event: &Event, _cluster: &Cluster) {
        let text = format!("{event:?}");
        self.0.insert(text.split('(').next().unwrap_or_default().to_owned());
    }

    fn see(&mut self, _now: SimTime, change: &Change, _cluster: &Cluster) {
        self.0.insert(change.name().to_owned());
    }
}

/// What a hundred worlds must have had, or the swarm looks at less than it seems to.
const WANTED: [&str; 30] = [
    "AnswerArrived",
    "AutoscalerSync",
    "CronJobSync",
    "DaemonSetSync",
    "DeploymentSync",
    "DisruptionSync",
    "DrainDue",
    "FaultDue",
    "GraceOver",
    "JobSync",
    "KubeletStarted",
    "KubeletStopped",
    "MemoryDue",
    "NodeConditionChanged",
    "NodeDeleted",
    "NodeFailed",
    "NodeImageAdded",
    "NodeRecovered",
    "NodeShutdownBegun",
    "PodDisrupted",
    "PodGcDue",
    "PodNominated",
    "ProbeDue",
    "ProcessKilled",
    "ReplicaSetSync",
    "RequestTimeout",
    "ScrapeDue",
    "ServingEnded",
    "StatefulSetSync",
    "TaintEvictionDue",
];

#[test]
fn a_hundred_swarm_worlds_have_everything_in_them_that_can_happen() {
    let mut runner = TestRunner::deterministic();
    let mut kinds = BTreeSet::new();
    let mut misses = BTreeSet::new();
    for _ in 0..100 {
        let world = swarm().new_tree(&mut runner).expect("worlds can be drawn").current();
        let mut simulation = Simulation::new(Arc::clone(&world.scenario()), Kinds::default());
        let limit = end_of(simulation.scenario());
        while simulation.n_events() < EVENTS_MAX && simulation.step(limit) {}
        misses
            .extend(simulation.misses().iter().map(|miss| miss.rsplit(": ").next().unwrap_or("").to_owned()));
        kinds.extend(simulation.into_observer().0);
    }
    let missing: Vec<_> = WANTED.iter().filter(|kind| !kinds.contains(**kind)).collect();
    assert!(missing.is_empty(), "{missing:?} are not among {kinds:?}");
    assert!(misses.contains("the API server does not answer"), "{misses:?}");
}
