//! The history of a set's template, as StatefulSets and DaemonSets keep it.

use crate::controllers::template_hash::template_hash;
use crate::model::meta::Name;
use crate::model::pod::PodTemplate;
use crate::model::revision::Revision;

/// The revision of a template under this number.
///
/// Source: Kubernetes 1.28, pkg/controller/history/controller_history.go, NewControllerRevision and
/// ControllerRevisionName.
pub fn revision(
    set_name: &str,
    template: &PodTemplate,
    collision_count: Option<u32>,
    number: u64,
) -> Revision {
    let hash = template_hash(template.fingerprint, collision_count);
    Revision {
        name: Name::from(format!("{set_name}-{hash}")),
        hash: hash.into(),
        number,
        template: template.clone(),
    }
}

/// The history with the revision of this template at its end: the newest of those with this template gets the next
/// number, unless it is the last already; where there is none, one is made.
///
/// Source: Kubernetes 1.28, pkg/controller/statefulset/stateful_set_control.go, getStatefulSetRevisions;
/// pkg/controller/daemon/update.go, constructHistory.
pub fn with_latest(
    mut history: Vec<Revision>,
    set_name: &str,
    template: &PodTemplate,
    collision_count: Option<u32>,
) -> Vec<Revision> {
    let next = history.last().map_or(1, |last| last.number + 1);
    let is_same = |revision: &Revision| revision.template.fingerprint == template.fingerprint;
    match history.iter().rposition(is_same) {
        Some(position) if position + 1 == history.len() => {}
        Some(position) => {
            let mut again = history.remove(position);
            again.number = next;
            history.push(again);
        }
        None => history.push(revision(set_name, template, collision_count, next)),
    }
    history
}

/// The history without the oldest `n_excess` of the revisions that are of no use any more.
///
/// Source: Kubernetes 1.28, pkg/controller/statefulset/stateful_set_control.go, truncateHistory;
/// pkg/controller/daemon/update.go, cleanupHistory.
pub fn truncated(
    mut history: Vec<Revision>,
    mut n_excess: usize,
    is_live: impl Fn(&Revision) -> bool,
) -> Vec<Revision> {
    history.retain(|revision| {
        let goes = n_excess > 0 && !is_live(revision);
        n_excess -= usize::from(goes);
        !goes
    });
    history
}
