//! (stand-in)
use crate::component::{Component, Timers, Turn, Watch};
use crate::event::{Change, Command, Event};
use crate::model::ids::{ObjectId, PodId};
/// s
#[derive(Debug, Clone, Default)]
pub struct Scheduler {
    queue: Vec<PodId>,
}
impl Scheduler {
    /// n
    pub fn new() -> Self {
        Self::default()
    }
}
impl Component for Scheduler {
    fn start(&mut self, _: &mut Watch<'_>) {}
    fn on_event(&mut self, _: Event, turn: &mut Turn<'_>) {
        for pod in std::mem::take(&mut self.queue) {
            let node = turn.cluster().nodes().ids().next();
            if let Some(node) = node {
                let _ = turn.submit(Command::BindPod(pod, node));
            }
        }
    }
    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        if let Change::Created(ObjectId::Pod(id)) = change {
            self.queue.push(*id);
            watch.set_timer_after(crate::engine::SimDuration::ZERO, Event::SchedulingCycle);
        }
    }
}
