//! When no controller was at work, from the timeline.

use std::collections::BTreeSet;

use crate::engine::SimTime;
use crate::model::scenario::{Action, ComponentName, Scenario};

/// A time without controllers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Its beginning.
    pub from: SimTime,
    /// Its end.
    pub to: SimTime,
    /// What was stopped first: the controllers themselves, or the API server that they need.
    pub component: ComponentName,
}

impl Outage {
    /// Whether an instant lies in it.
    pub fn contains(&self, at: SimTime) -> bool {
        self.from <= at && at < self.to
    }
}

/// The times up to `end` at which no controller was at work.
pub fn outages(scenario: &Scenario, end: SimTime) -> Vec<Outage> {
    let mut outages = Vec::new();
    let mut stopped = BTreeSet::new();
    let mut down: Option<(SimTime, ComponentName)> = None;
    for entry in &scenario.timeline {
        match entry.action {
            Action::StopComponent(name) if name != ComponentName::KubeScheduler => {
                stopped.insert(name);
                down.get_or_insert((entry.at, name));
            }
            Action::StartComponent(name) => {
                stopped.remove(&name);
            }
            _ => {}
        }
        if stopped.is_empty() {
            outages.extend(down.take().map(|(from, component)| Outage { from, to: entry.at, component }));
        }
    }
    outages.extend(down.map(|(from, component)| Outage { from, to: end, component }));
    outages
}
