//! What is to happen and cannot: after the end of the run, or to nodes that nothing makes.

use crate::manifest::diagnostic::{Diagnostic, Place};
use crate::manifest::load::{Head, Loader};
use crate::manifest::near_name::hint;
use crate::manifest::scenario::read;
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::node::LABEL_ZONE;
use crate::model::scenario::{Action, Horizon, NewObject, Scenario};

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

    /// Looks at the failures that were asked for besides the timeline. One that the run does not come to is refused: who
    /// asks for it would take the result for what comes of it. A warning tells of a node or zone that nothing makes.
    pub(in crate::manifest::load) fn check_failures(&mut self, scenario: &Scenario, place: &Place) {
        let horizon = scenario.horizon.limit();
        for failure in &self.options.failures {
            let (Action::FailNode(name) | Action::FailZone(name)) = &failure.action else { continue };
            if failure.at > horizon {
                let message =
                    format!("{}: {} is after the horizon, {horizon}: never done", failure.action, failure.at);
                self.diagnostics.push(Diagnostic::error(place.clone(), message));
            }
            let known = match failure.action {
                Action::FailNode(_) => nodes(scenario).map(|node| &node.name).collect(),
                // A patch may put a node into any zone.
                _ if patches_nodes(scenario) => continue,
                _ => nodes(scenario).filter_map(|node| node.labels.get(LABEL_ZONE)).collect::<Vec<&Name>>(),
            };
            if !known.contains(&name) {
                let hint = hint(name, known.iter().map(|name| &***name));
                let message = format!("{}: the scenario has none of this name{hint}", failure.action);
                self.diagnostics.push(Diagnostic::warning(place.clone(), message));
            }
        }
    }
}

/// The nodes of the start, and those that the timeline applies.
fn nodes(scenario: &Scenario) -> impl Iterator<Item = &NewObject> {
    let applied = scenario.timeline.iter().flat_map(|entry| match &entry.action {
        Action::Apply(objects) => objects.as_slice(),
        _ => &[],
    });
    scenario.objects.iter().chain(applied).filter(|object| object.spec.kind() == Kind::Node)
}

fn patches_nodes(scenario: &Scenario) -> bool {
    let is_of_node =
        |action: &Action| matches!(action, Action::Patch { object, .. } if object.kind == Kind::Node);
    scenario.timeline.iter().any(|entry| is_of_node(&entry.action))
}
