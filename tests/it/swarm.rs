//! Swarm testing: worlds at random in which chance decides which features are on, held against all laws.

use std::sync::Arc;

use cluster_sim::observe::run::RunObserver;
use cluster_sim::sim::{Ending, Simulation};
use proptest::prelude::*;

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
