//! How a new template replaces the old one, node by node.
//!
//! Deviation: nodes are taken in order of their names; upstream takes them in the order of a hash table.
//!
//! Source: Kubernetes 1.28, pkg/controller/daemon/update.go, rollingUpdate.

use crate::controllers::daemon_set::fit::Fit;
use crate::controllers::daemon_set::manage::{Moves, Place, Present};
use crate::model::amount::{CountOrPercent, Rounding};
use crate::model::ids::PodId;
use crate::model::pod::Pod;

/// The pod of the present template and the one of an older template on a node.
#[derive(Debug, Clone, Copy)]
enum Pair<'a> {
    Neither,
    New(&'a Pod),
    Old(PodId, &'a Pod),
    Both(&'a Pod, PodId),
    /// More than one of a kind: something else puts that in order.
    Many,
}

/// The pods to make and to remove now.
pub fn roll(
    present: Present<'_>,
    places: &[Place<'_>],
    max_surge: CountOrPercent,
    max_unavailable: CountOrPercent,
) -> Moves {
    let n_desired = places.iter().filter(|place| place.fit == Some(Fit::Runs)).count();
    let n_desired = u32::try_from(n_desired).unwrap_or(u32::MAX);
    let surge = max_surge.of(n_desired, Rounding::Up) as usize;
    let unavailable = max_unavailable.of(n_desired, Rounding::Up) as usize;
    // Nodes without a pod count where they are to have one.
    let counted = places.iter().filter(|place| place.fit == Some(Fit::Runs) || !place.pods.is_empty());
    let pairs: Vec<(&Place<'_>, Pair<'_>)> = counted.map(|place| (place, pair(present, place))).collect();
    match (surge, unavailable) {
        (0, 0) => replace(present, &pairs, 1),
        (0, unavailable) => replace(present, &pairs, unavailable),
        (surge, _) => overlap(present, &pairs, surge),
    }
}

/// Removes old pods first: those that are not available, and others up to the limit.
fn replace(present: Present<'_>, pairs: &[(&Place<'_>, Pair<'_>)], max_unavailable: usize) -> Moves {
    let mut n_unavailable = 0;
    let (mut allowed, mut candidates) = (Vec::new(), Vec::new());
    for (_, pair) in pairs {
        match pair {
            Pair::Neither | Pair::Both(..) | Pair::Many => n_unavailable += 1,
            Pair::New(new) => n_unavailable += usize::from(!present.is_available(new)),
            Pair::Old(id, old) if !present.is_available(old) => allowed.push(*id),
            Pair::Old(..) if n_unavailable >= max_unavailable => {}
            Pair::Old(id, _) => candidates.push(*id),
        }
    }
    candidates.truncate(max_unavailable.saturating_sub(n_unavailable));
    Moves { delete: [allowed, candidates].concat(), ..Moves::default() }
}

/// Makes new pods first; an old one goes when the new one beside it is available.
fn overlap(present: Present<'_>, pairs: &[(&Place<'_>, Pair<'_>)], max_surge: usize) -> Moves {
    let mut n_surging = 0;
    let (mut allowed, mut candidates, mut delete) = (Vec::new(), Vec::new(), Vec::new());
    for (place, pair) in pairs {
        match pair {
            Pair::Neither | Pair::New(_) => {}
            Pair::Many => n_surging += 1,
            Pair::Old(_, old) if !present.is_available(old) => allowed.push(place.node.clone()),
            Pair::Old(..) if n_surging >= max_surge => {}
            Pair::Old(..) => candidates.push(place.node.clone()),
            Pair::Both(new, _) if !present.is_available(new) => n_surging += 1,
            Pair::Both(_, old) => delete.push(*old),
        }
    }
    candidates.truncate(max_surge.saturating_sub(n_surging));
    Moves { create: [allowed, candidates].concat(), delete, ended: Vec::new() }
}

/// Source: update.go, findUpdatedPodsOnNode.
fn pair<'a>(present: Present<'_>, place: &Place<'a>) -> Pair<'a> {
    let mut pair = Pair::Neither;
    for (id, pod) in place.staying() {
        pair = match (pair, present.is_updated(pod)) {
            (Pair::Neither, true) => Pair::New(pod),
            (Pair::Neither, false) => Pair::Old(id, pod),
            (Pair::Old(old, _), true) => Pair::Both(pod, old),
            (Pair::New(new), false) => Pair::Both(new, id),
            (Pair::New(_) | Pair::Both(..), true)
            | (Pair::Old(..) | Pair::Both(..), false)
            | (Pair::Many, _) => {
                return Pair::Many;
            }
        };
    }
    pair
}
