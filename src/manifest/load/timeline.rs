//! The timeline of a scenario, turned into actions.

use std::sync::Arc;

use crate::engine::SimTime;
use crate::manifest::load::collect::Collected;
use crate::manifest::load::{Head, Loader};
use crate::manifest::scenario::{Apply, Delete, Fail, Kill, Patch, Stop, TimelineEntry, read};
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::profile::Profile;
use crate::model::scenario::{Action, NewObject, ObjectName, TimedAction};

impl Loader<'_> {
    /// The actions of the timeline in order of time; entries at one instant keep their order.
    pub(super) fn timeline(
        &mut self,
        head: &Head,
        profile: &Profile,
        collected: &Collected,
    ) -> Vec<TimedAction> {
        let mut actions = Vec::new();
        for (idx, entry) in head.spec.timeline.iter().enumerate() {
            let path = format!("spec.timeline[{idx}]");
            self.entry(entry, &path, head, profile, collected, &mut actions);
        }
        actions.sort_by_key(|action| action.at);
        actions
    }

    fn entry(
        &mut self,
        entry: &TimelineEntry,
        path: &str,
        head: &Head,
        profile: &Profile,
        collected: &Collected,
        actions: &mut Vec<TimedAction>,
    ) {
        let at = read::instant(entry.at);
        let before = actions.len();
        let mut add = |at: SimTime, action: Action| actions.push(TimedAction { at, action });
        if let Some(Apply { manifests }) = &entry.apply {
            add(at, Action::Apply(self.applied(manifests, head, profile, collected)));
        }
        if let Some(patch) = &entry.patch {
            match patch_target(patch) {
                Ok(object) => add(at, Action::Patch { object, merge: Arc::new(patch.merge.clone()) }),
                Err(message) => self.entry_error(head, &format!("{path}.patch"), message),
            }
        }
        if let Some(delete) = &entry.delete {
            match delete_target(delete) {
                Ok(object) => {
                    let propagation = read::propagation(delete.propagation);
                    add(
                        at,
                        Action::Delete { object, propagation, grace: delete.grace_period.map(|span| span.0) },
                    );
                }
                Err(message) => self.entry_error(head, &format!("{path}.delete"), message),
            }
        }
        entry.kill.iter().for_each(|kill| add(at, kill_action(kill)));
        if let Some(Fail { node, r#for }) = &entry.fail {
            let node: Name = node.as_str().into();
            add(at, Action::FailNode(node.clone()));
            r#for.iter().for_each(|span| add(at + span.0, Action::RecoverNode(node.clone())));
        }
        entry.recover.iter().for_each(|target| add(at, Action::RecoverNode(target.node.as_str().into())));
        for (target, is_unschedulable) in [(&entry.cordon, true), (&entry.uncordon, false)] {
            let action = |node: &str| Action::Cordon { node: node.into(), is_unschedulable };
            target.iter().for_each(|target| add(at, action(&target.node)));
        }
        if let Some(Stop { component, r#for }) = &entry.stop {
            let component = read::component(*component);
            add(at, Action::StopComponent(component));
            r#for.iter().for_each(|span| add(at + span.0, Action::StartComponent(component)));
        }
        entry
            .start
            .iter()
            .for_each(|target| add(at, Action::StartComponent(read::component(target.component))));
        if n_actions(entry) != 1 && actions.len() >= before {
            self.entry_error(head, path, format!("exactly one action is wanted, found {}", n_actions(entry)));
        }
    }

    fn entry_error(&mut self, head: &Head, path: &str, message: String) {
        self.diagnostics.extend(head.object.as_ref().map(|object| object.error(path, message)));
    }

    /// The objects of the files that an entry applies.
    fn applied(
        &mut self,
        files: &[String],
        head: &Head,
        profile: &Profile,
        present: &Collected,
    ) -> Vec<NewObject> {
        let objects = files.iter().flat_map(|name| self.fetch_objects(head, name)).collect();
        let mut collected = Collected::default();
        collected.classes = present.classes.clone();
        self.accept_all(objects, head, profile, &mut collected);
        collected.into_objects()
    }
}

fn n_actions(entry: &TimelineEntry) -> usize {
    [
        entry.apply.is_some(),
        entry.patch.is_some(),
        entry.delete.is_some(),
        entry.kill.is_some(),
        entry.fail.is_some(),
        entry.recover.is_some(),
        entry.cordon.is_some(),
        entry.uncordon.is_some(),
        entry.stop.is_some(),
        entry.start.is_some(),
    ]
    .into_iter()
    .filter(|is_some| *is_some)
    .count()
}

fn kill_action(kill: &Kill) -> Action {
    Action::Kill {
        pods: named(Kind::Pod, &kill.pod, kill.namespace.as_deref()),
        container: kill.container.as_deref().map(Into::into),
        exit_code: read::kill_exit_code(kill),
    }
}

fn patch_target(patch: &Patch) -> Result<ObjectName, String> {
    let targets = [(Kind::Job, &patch.job), (Kind::CronJob, &patch.cronjob), (Kind::Node, &patch.node)];
    single(&targets, patch.namespace.as_deref())
}

fn delete_target(delete: &Delete) -> Result<ObjectName, String> {
    let targets = [
        (Kind::Pod, &delete.pod),
        (Kind::Job, &delete.job),
        (Kind::CronJob, &delete.cronjob),
        (Kind::Node, &delete.node),
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
    let namespace = if kind == Kind::Node { "" } else { namespace.unwrap_or("default") };
    ObjectName { kind, namespace: namespace.into(), name: name.into() }
}
