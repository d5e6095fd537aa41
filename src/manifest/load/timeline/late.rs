//! What is to happen and cannot: after the end of the run, or to nodes or partitions that nothing makes.

use crate::manifest::diagnostic::{Diagnostic, Place};
use crate::manifest::load::loose_ends::Present;
use crate::manifest::load::{Head, Loader};
use crate::manifest::scenario::read;
use crate::model::scenario::{Action, Horizon, Scenario, TimedAction};
use crate::model::sweep::{AxisValue, Sweep, Vary};

impl Loader<'_> {
    /// Warns of entries of the timeline that the run does not come to.
    pub(in crate::manifest::load) fn warn_of_late_actions(&mut self, head: &Head, horizon: Horizon) {
        let Some(object) = &head.object else { return };
        for (idx, entry) in head.spec.timeline.iter().enumerate() {
            let at = read::instant(entry.at);
            if at > horizon.limit() {
                let message = format!("{at} is after the horizon, {}: never done", horizon.limit());
                let path = format!("spec.timeline[{idx}].at");
                self.diagnostics.push(Diagnostic::warning(object.place_of(&path), message).at(path));
            }
        }
    }

    /// Warns of instants of a sweep that its runs do not come to. Where parameters vary, the horizon may, too.
    pub(in crate::manifest::load) fn warn_of_late_axes(
        &mut self,
        head: &Head,
        sweep: &Sweep,
        horizon: Horizon,
    ) {
        let varies_params = sweep.axes.iter().any(|axis| matches!(axis.vary, Vary::Param(_)));
        let Some(object) = head.object.as_ref().filter(|_| !varies_params) else { return };
        for (idx, axis) in sweep.axes.iter().enumerate() {
            let late = axis.values.iter().find_map(|value| match value {
                AxisValue::At(at) => Some(*at).filter(|at| *at > horizon.limit()),
                AxisValue::Text(_) | AxisValue::Count(_) => None,
            });
            if let Some(at) = late {
                let message = format!("{at} is after the horizon, {}: never done", horizon.limit());
                let path = format!("spec.sweep.axes[{idx}]");
                self.diagnostics.push(Diagnostic::warning(object.place_of(&path), message).at(path));
            }
        }
    }

    /// Refuses to end partitions that nothing begins before.
    pub(super) fn check_heals(&mut self, head: &Head, actions: &[TimedAction]) {
        for (position, heal) in actions.iter().enumerate() {
            let Action::Heal(partition) = &heal.action else { continue };
            let begin = Action::Partition(partition.clone());
            if !actions[..position].iter().any(|earlier| earlier.action == begin) {
                let path = format!("spec.timeline[{}].heal", heal.entry.unwrap_or_default());
                self.entry_error(head, &path, format!("no partition of {partition} begins before"));
            }
        }
    }

    /// Looks at the failures that were asked for besides the timeline. One that the run does not come to is refused: who
    /// asks for it would take the result for what comes of it. A warning tells of a node or zone that nothing makes.
    pub(in crate::manifest::load) fn check_failures(&mut self, scenario: &Scenario, place: &Place) {
        let (horizon, present) = (scenario.horizon.limit(), Present::of(scenario));
        for failure in &self.options.failures {
            let absence = match &failure.action {
                Action::FailNode(name) => present.lost_node(name),
                Action::FailZone(name) => present.lost_zone(name),
                // What ends a failure needs no look of its own.
                _ => continue,
            };
            if failure.at > horizon {
                let message =
                    format!("{}: {} is after the horizon, {horizon}: never done", failure.action, failure.at);
                self.diagnostics.push(Diagnostic::error(place.clone(), message));
            }
            if let Some(absence) = absence {
                let message = format!("{}: {absence}", failure.action);
                self.diagnostics.push(Diagnostic::warning(place.clone(), message));
            }
        }
    }
}
