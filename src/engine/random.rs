//! Random streams as pure functions of (seed, purpose, entity).
//!
//! Every draw comes from a stream of its own purpose and entity, so that adding an entity, or a draw for another
//! purpose, never shifts the draws of the rest: two variants of a scenario share their random numbers. The
//! generator is ChaCha8, whose output is fixed by its definition.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What a stream of random numbers is for. A purpose is never shared by two uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Purpose {
    /// The five characters that end the name of a generated pod.
    PodName = 1,
    /// The choice among nodes with the highest total score.
    SchedulerTie = 2,
    /// The durations and outcomes of a process's steps.
    Process = 3,
    /// The arrivals of a workload.
    Arrival = 4,
    /// The failures and repairs of a node.
    NodeFault = 5,
    /// The latencies of control plane, kubelet and image pulls.
    Latency = 6,
    /// The unique ids of objects.
    Uid = 7,
    /// The arrivals of the requests of a source.
    RequestArrival = 9,
    /// The cpu time that requests take.
    RequestDemand = 10,
    /// The choice of an endpoint for a connection.
    EndpointChoice = 11,
    /// When the probes of a kubelet that has just started begin.
    ProbeStart = 8,
}

/// The identity of an entity for its random streams: a hash of what names it, never of when it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey(pub u64);

impl EntityKey {
    /// The key of the entity that these parts name, for example kind, namespace and name.
    pub fn of(parts: &[&str]) -> Self {
        Self(parts.iter().fold(0, |key, part| xxh3_64_with_seed(part.as_bytes(), key)))
    }

    /// The key of the `ordinal`-th entity that belongs to this one.
    pub fn child(self, ordinal: u64) -> Self {
        Self(xxh3_64_with_seed(&ordinal.to_le_bytes(), self.0))
    }
}

/// The source of all random streams of a run.
#[derive(Debug, Clone)]
pub struct Streams {
    base: ChaCha8Rng,
}

impl Streams {
    /// The streams of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { base: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The stream for `purpose` of `entity`, from its beginning.
    pub fn stream(&self, purpose: Purpose, entity: EntityKey) -> ChaCha8Rng {
        let mut rng = self.base.clone();
        rng.set_stream(xxh3_64_with_seed(&(purpose as u32).to_le_bytes(), entity.0));
        rng
    }
}

/// A number of at least 0 and below 1, from the upper 53 bits of one draw.
pub fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (f64::EPSILON / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(seed: u64, purpose: Purpose, parts: &[&str]) -> [u64; 2] {
        let mut rng = Streams::new(seed).stream(purpose, EntityKey::of(parts));
        [rng.next_u64(), rng.next_u64()]
    }

    #[test]
    fn a_stream_depends_on_seed_purpose_and_entity_alone() {
        let reference = draws(1, Purpose::PodName, &["default", "web"]);
        assert_eq!(reference, draws(1, Purpose::PodName, &["default", "web"]));
        assert_ne!(reference, draws(2, Purpose::PodName, &["default", "web"]));
        assert_ne!(reference, draws(1, Purpose::Process, &["default", "web"]));
        assert_ne!(reference, draws(1, Purpose::PodName, &["default", "web-1"]));
        assert_ne!(reference, draws(1, Purpose::PodName, &["defaultweb"]));
    }

    #[test]
    fn the_first_draws_of_seed_1_are_fixed_for_ever() {
        let expected = [0x2a04_a4d5_3c25_9d03, 0xa010_d831_9894_507a];
        assert_eq!(draws(1, Purpose::Uid, &["pinned"]), expected);
    }

    #[test]
    fn a_uniform_number_is_made_of_the_upper_53_bits_of_a_draw() {
        let mut rng = Streams::new(1).stream(Purpose::Uid, EntityKey::of(&["pinned"]));
        let upper_bits = 0x2a04_a4d5_3c25_9d03_u64 >> 11;
        assert_eq!(uniform(&mut rng) * 9_007_199_254_740_992.0, upper_bits as f64);
    }
}
