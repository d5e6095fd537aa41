//! The timeline of a scenario, turned into actions.

mod late;
mod passing;

use std::sync::Arc;

use serde_json::json;

use crate::engine::{SimDuration, SimTime};
use crate::manifest::check::{Extent, Options};
use crate::manifest::load::collect::Collected;
use crate::manifest::load::{Head, Loader};
use crate::manifest::scenario::{Apply, Delete, Drain, Kill, Patch, Scale, TimelineEntry, read};
use crate::manifest::source::{Object, ObjectKind};
use crate::model::ids::Kind;
use crate::model::profile::Profile;
use crate::model::scenario::{Action, DrainOrder, Fault, FaultTarget, NewObject, ObjectName, TimedAction};

/// Means below this would fill a run with failures and nothing else.
const FAULT_MEAN_MIN: SimDuration = SimDuration::from_secs(1);

impl Loader<'_> {
    /// The actions of the timeline in order of time; entries at one instant keep their order.
    pub(super) fn timeline(
        &mut self,
        head: &Head,
        profile: &Profile,
        collected: &Collected,
    ) -> Vec<TimedAction> {
        let (mut actions, mut ends) = (Vec::new(), Vec::new());
        for (number, written) in (0..).zip(&head.spec.timeline) {
            let entry = Some(number);
            let path = format!("spec.timeline[{number}]");
            let at = read::instant(written.at);
            if n_actions(written) != 1 {
                let message = format!("exactly one action is wanted, found {}", n_actions(written));
                self.entry_error(head, &path, message);
            }
            if let Some(Apply { manifests }) = &written.apply {
                let action = Action::Apply(self.applied(manifests, &path, head, profile, collected));
                actions.push(TimedAction { entry, at, action });
            }
            let simple = [patch_actions(written), scale_actions(written), delete_actions(written)]
                .into_iter()
                .flatten();
            for (field, outcome) in simple {
                match outcome {
                    Ok(action) => {
                        if let ("patch", Action::Patch { object, .. }) = (field, &action) {
                            self.check_patch(head, &format!("{path}.patch.merge"), object.kind, profile);
                        }
                        actions.push(TimedAction { entry, at, action });
                    }
                    Err(message) => self.entry_error(head, &format!("{path}.{field}"), message),
                }
            }
            for (field, outcome) in passing::spells(written, head) {
                match outcome {
                    Ok(spell) => {
                        let (begin, end) = spell.actions(entry, at);
                        actions.push(begin);
                        ends.extend(end);
                    }
                    Err(message) => self.entry_error(head, &format!("{path}.{field}"), message),
                }
            }
            actions.extend(timed_actions(entry, written, at));
        }
        actions.extend(self.options.failures.iter().cloned());
        let ends: Vec<_> = ends.into_iter().filter_map(|end| end.unless_ended(&actions)).collect();
        actions.extend(ends);
        actions.sort_by_key(|action| (action.at, action.entry.unwrap_or(u32::MAX)));
        self.check_heals(head, &actions);
        actions
    }

    /// Holds a patch against the fields of the kind that it changes.
    fn check_patch(&mut self, head: &Head, path: &str, kind: Kind, profile: &Profile) {
        let Some((object, tree)) =
            head.object.as_ref().and_then(|object| Some((object, object.tree.at(path)?)))
        else {
            return;
        };
        let patch = Object {
            file: Arc::clone(&object.file),
            path: object.path_to(path),
            api_version: kind.api_version(),
            kind_name: kind.as_str(),
            kind: ObjectKind::Cluster(kind),
            tree: tree.clone(),
        };
        let options = Options { extent: Extent::Patch, ..self.check_options(profile) };
        self.api.check(&patch, &options, &mut self.diagnostics);
    }

    /// What fails by chance.
    pub(super) fn faults(&mut self, head: &Head) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (number, written) in head.spec.faults.iter().enumerate() {
            let path = format!("spec.faults[{number}]");
            let target = match (&written.nodes, &written.zone) {
                (Some(nodes), None) => FaultTarget::Nodes(nodes.as_str().into()),
                (None, Some(zone)) => FaultTarget::Zone(zone.as_str().into()),
                (None, None) | (Some(_), Some(_)) => {
                    self.entry_error(head, &path, "exactly one of nodes, zone is wanted".to_owned());
                    continue;
                }
            };
            for (field, span) in [("mtbf", written.mtbf), ("mttr", written.mttr)] {
                if span.0 < FAULT_MEAN_MIN {
                    self.entry_error(head, &format!("{path}.{field}"), "shorter than 1s".to_owned());
                }
            }
            faults.push(Fault { target, mtbf: written.mtbf.0, mttr: written.mttr.0 });
        }
        faults
    }

    fn entry_error(&mut self, head: &Head, path: &str, message: String) {
        self.diagnostics.extend(head.object.as_ref().map(|object| object.error(path, message)));
    }

    /// The objects of the files that an entry applies.
    fn applied(
        &mut self,
        files: &[String],
        path: &str,
        head: &Head,
        profile: &Profile,
        present: &Collected,
    ) -> Vec<NewObject> {
        let objects = files.iter().flat_map(|name| self.fetch_objects(head, name)).collect();
        let mut collected = Collected::default();
        collected.classes = present.classes.clone();
        self.accept_all(objects, head, profile, &mut collected);
        for (name, labels) in &collected.namespaces {
            if present.namespaces.get(name) != Some(labels) {
                let message = format!(
                    "Namespace {name:?} is not among the objects of the start, or has other labels there: the labels \
                     of a namespace do not change during a run"
                );
                self.entry_error(head, path, message);
            }
        }
        collected.into_objects()
    }
}

/// An action, or what is wrong with it, by the field that asks for it.
type Outcome = (&'static str, Result<Action, String>);

fn patch_actions(entry: &TimelineEntry) -> Option<Outcome> {
    let patch = entry.patch.as_ref()?;
    let action =
        patch_target(patch).map(|object| Action::Patch { object, merge: Arc::new(patch.merge.clone()) });
    Some(("patch", action))
}

fn scale_actions(entry: &TimelineEntry) -> Option<Outcome> {
    let scale = entry.scale.as_ref()?;
    let merge = Arc::new(json!({"spec": {"replicas": scale.replicas}}));
    Some(("scale", scale_target(scale).map(|object| Action::Patch { object, merge })))
}

fn delete_actions(entry: &TimelineEntry) -> Option<Outcome> {
    let delete = entry.delete.as_ref()?;
    let propagation = read::propagation(delete.propagation);
    let grace = delete.grace_period.map(|span| span.0);
    Some(("delete", delete_target(delete).map(|object| Action::Delete { object, propagation, grace })))
}

/// The actions that cannot be wrong, with those that end them.
fn timed_actions(entry: Option<u32>, written: &TimelineEntry, at: SimTime) -> Vec<TimedAction> {
    let mut actions = Vec::new();
    let mut add = |at: SimTime, action: Action| actions.push(TimedAction { entry, at, action });
    if let Some(kill) = &written.kill {
        add(at, kill_action(kill));
    }
    if let Some(evict) = &written.evict {
        let pods = named(Kind::Pod, &evict.pod, evict.namespace.as_deref());
        add(at, Action::Evict { pods, grace: evict.grace_period.map(|span| span.0) });
    }
    if let Some(drain) = &written.drain {
        add(at, Action::Drain(drain_order(drain)));
    }
    for (target, is_unschedulable) in [(&written.cordon, true), (&written.uncordon, false)] {
        if let Some(target) = target {
            add(at, Action::Cordon { node: target.node.as_str().into(), is_unschedulable });
        }
    }
    actions
}

fn n_actions(entry: &TimelineEntry) -> usize {
    [
        entry.apply.is_some(),
        entry.patch.is_some(),
        entry.scale.is_some(),
        entry.delete.is_some(),
        entry.kill.is_some(),
        entry.evict.is_some(),
        entry.fail.is_some(),
        entry.recover.is_some(),
        entry.shutdown.is_some(),
        entry.partition.is_some(),
        entry.heal.is_some(),
        entry.cordon.is_some(),
        entry.uncordon.is_some(),
        entry.drain.is_some(),
        entry.stop.is_some(),
        entry.start.is_some(),
    ]
    .into_iter()
    .filter(|is_some| *is_some)
    .count()
}

fn drain_order(drain: &Drain) -> DrainOrder {
    DrainOrder {
        node: drain.node.as_str().into(),
        grace: drain.grace_period.map(|span| span.0),
        timeout: drain.timeout.map(|span| span.0),
        has_force: drain.force,
        deletes_empty_dir_data: drain.delete_empty_dir_data,
    }
}

fn kill_action(kill: &Kill) -> Action {
    Action::Kill {
        pods: named(Kind::Pod, &kill.pod, kill.namespace.as_deref()),
        container: kill.container.as_deref().map(Into::into),
        exit_code: read::kill_exit_code(kill),
    }
}

fn patch_target(patch: &Patch) -> Result<ObjectName, String> {
    let targets = [
        (Kind::Pod, &patch.pod),
        (Kind::Job, &patch.job),
        (Kind::CronJob, &patch.cronjob),
        (Kind::Node, &patch.node),
        (Kind::Deployment, &patch.deployment),
        (Kind::ReplicaSet, &patch.replicaset),
        (Kind::StatefulSet, &patch.statefulset),
        (Kind::DaemonSet, &patch.daemonset),
        (Kind::ResourceQuota, &patch.resourcequota),
        (Kind::Service, &patch.service),
        (Kind::PodDisruptionBudget, &patch.poddisruptionbudget),
        (Kind::HorizontalPodAutoscaler, &patch.horizontalpodautoscaler),
    ];
    single(&targets, patch.namespace.as_deref())
}

fn scale_target(scale: &Scale) -> Result<ObjectName, String> {
    let targets = [
        (Kind::Deployment, &scale.deployment),
        (Kind::ReplicaSet, &scale.replicaset),
        (Kind::StatefulSet, &scale.statefulset),
    ];
    single(&targets, scale.namespace.as_deref())
}

fn delete_target(delete: &Delete) -> Result<ObjectName, String> {
    let targets = [
        (Kind::Pod, &delete.pod),
        (Kind::Job, &delete.job),
        (Kind::CronJob, &delete.cronjob),
        (Kind::Node, &delete.node),
        (Kind::Deployment, &delete.deployment),
        (Kind::ReplicaSet, &delete.replicaset),
        (Kind::StatefulSet, &delete.statefulset),
        (Kind::DaemonSet, &delete.daemonset),
        (Kind::ResourceQuota, &delete.resourcequota),
        (Kind::Service, &delete.service),
        (Kind::PodDisruptionBudget, &delete.poddisruptionbudget),
        (Kind::HorizontalPodAutoscaler, &delete.horizontalpodautoscaler),
    ];
    single(&targets, delete.namespace.as_deref())
}

/// The one object that is named.
fn single(targets: &[(Kind, &Option<String>)], namespace: Option<&str>) -> Result<ObjectName, String> {
    let mut given = targets.iter().filter_map(|(kind, name)| Some((*kind, name.as_deref()?)));
    match (given.next(), given.next()) {
        (Some((kind, name)), None) => Ok(named(kind, name, namespace)),
        _ => {
            let kinds: Vec<&str> = targets.iter().map(|(kind, _)| kind.resource()).collect();
            Err(format!("exactly one of {} is wanted", kinds.join(", ")))
        }
    }
}

fn named(kind: Kind, name: &str, namespace: Option<&str>) -> ObjectName {
    let namespace = if kind.is_namespaced() { namespace.unwrap_or("default") } else { "" };
    ObjectName { kind, namespace: namespace.into(), name: name.into() }
}
