//! What the timeline does to the cluster: the hands of a user, and of fate.
//!
//! An action that meets nothing (no such object) changes nothing and is kept as a miss, which the results show.

use std::sync::Arc;

use crate::component::{Observer, Timers, Turn, Watch};
use crate::engine::SimDuration;
use crate::event::{Command, Creation, Event};
use crate::manifest::convert;
use crate::model::ids::{Kind, ObjectId, PodId};
use crate::model::meta::{Name, Propagation};
use crate::model::pod_status::ContainerRef;
use crate::model::scenario::{Action, ComponentName, NewObject, NewSpec, ObjectName};
use crate::observe::object::ObjectWriter;
use crate::sim::Simulation;

impl<O: Observer> Simulation<O> {
    /// Does one entry of the timeline.
    pub(super) fn act(&mut self, position: u32) {
        let scenario = Arc::clone(&self.scenario);
        let entry = &scenario.timeline[position as usize];
        let outcome = match &entry.action {
            Action::StopComponent(component) => {
                self.components.stop(*component);
                Ok(())
            }
            Action::StartComponent(component) => {
                let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
                self.components.start(*component, &mut watch);
                Ok(())
            }
            action => do_action(action, &mut self.turn()),
        };
        if let Err(miss) = outcome {
            self.misses.push(format!("timeline[{position}] at {}: {miss}", entry.at));
        }
    }
}
