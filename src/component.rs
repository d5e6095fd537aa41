//! What a component of the simulated cluster can do.
//!
//! A component is a state machine with two entries. `on_event` handles an event that is due: it reads the
//! cluster, submits commands and sets timers through its [`Turn`]. `on_change` is shown a write that happened:
//! it may only note it and enqueue work for later through its [`Watch`]. Components never call each other.

pub mod turn;
pub mod work_queue;

pub use turn::{Context, Observer, Timers, Turn, Watch};
pub use work_queue::{Retry, TokenBucket, WorkQueue};

use crate::engine::SimTime;
use crate::event::{Change, Event, ProcessRef};

/// A component of the simulated cluster.
pub trait Component {
    /// Begins with an empty memory: looks at the whole cluster and enqueues what needs work. Called when the
    /// component's process starts, at the beginning of a run or after an outage.
    fn start(&mut self, watch: &mut Watch<'_>);

    /// Handles an event of its own.
    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>);

    /// Takes note of a write that happened.
    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>);
}

/// Knows how much cpu processes have used: a reading that one component gives of itself, and that the composition root
/// shows to another.
pub trait CpuMeter {
    /// The cpu time that requests to a process have taken since it started [ns of one cpu].
    fn cpu_time(&self, process: ProcessRef, now: SimTime) -> f64;
}
