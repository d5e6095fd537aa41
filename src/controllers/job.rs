//! (stand-in)
use crate::component::{Component, Turn, Watch};
use crate::event::{Change, Event};
/// s
#[derive(Debug, Clone, Default)]
pub struct JobController;
impl JobController {
    /// n
    pub fn new() -> Self { Self }
}
impl Component for JobController {
    fn start(&mut self, _: &mut Watch<'_>) {}
    fn on_event(&mut self, _: Event, _: &mut Turn<'_>) {}
    fn on_change(&mut self, _: &Change, _: &mut Watch<'_>) {}
}
