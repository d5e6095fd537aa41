//! Many trials in parallel, with results in an order that does not depend on who was first.

use std::num::NonZeroUsize;
use std::sync::Arc;

use rayon::prelude::*;

use crate::experiment::measures::{self, Measures};
use crate::experiment::trial;
use crate::experiment::views::{self, TrialView};
use crate::model::scenario::Scenario;

/// How many threads work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Workers {
    /// One per core.
    #[default]
    Cores,
    /// So many.
    Fixed(NonZeroUsize),
}

/// Does `n` pieces of work; the result of each stands at its position.
pub fn in_parallel<T: Send>(n: usize, workers: Workers, work: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    let n_threads = match workers {
        Workers::Cores => 0,
        Workers::Fixed(count) => count.get(),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build();
    match pool {
        Ok(pool) => pool.install(|| (0..n).into_par_iter().map(work).collect()),
        // A machine that gives no more threads has still the one that asks.
        Err(_) => (0..n).map(work).collect(),
    }
}

/// Plays a scenario with another seed, measures it, and keeps what a page shows of it.
pub fn measured(scenario: &Scenario, seed: u64) -> (Measures, TrialView) {
    let scenario = Arc::new(Scenario { seed, ..scenario.clone() });
    let trial = trial::run(&scenario, None, (), |_| {});
    (measures::measure(&trial), views::view(&trial))
}
