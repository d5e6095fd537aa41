//! The garbage collector: deletes what the deletion of an owner leaves behind.
//!
//! An owner deleted in the background is gone at once and its dependants are deleted after it. Deleted in the
//! foreground it waits until they are gone; deleted with `Orphan` it waits until they have lost it. It works on
//! owners and dependants of every kind.
//!
//! Source: Kubernetes 1.28, pkg/controller/garbagecollector/garbagecollector.go, attemptToDeleteItem,
//! processDeletingDependentsItem and attemptToOrphanWorker.

use std::collections::BTreeSet;

use crate::cluster::Cluster;
use crate::component::{Component, Retry, Turn, Watch, WorkQueue};
use crate::engine::SimDuration;
use crate::event::{Change, Command, Event};
use crate::model::ids::{Kind, ObjectId};
use crate::model::meta::{Owner, Propagation};

/// Waits after errors. Source: client-go/util/workqueue, DefaultControllerRateLimiter.
const RETRY: Retry = Retry { first: SimDuration::from_millis(5), longest: SimDuration::from_secs(1000) };

/// The garbage collector.
#[derive(Debug, Clone)]
pub struct GarbageCollector {
    queue: WorkQueue<ObjectId>,
}

/// What is to be done about the dependants of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    /// The owner is gone: its dependants go too.
    Done,
    /// The owner waits for its dependants.
    Waits(Propagation),
}

impl GarbageCollector {
    /// A collector that has just started.
    pub fn new() -> Self {
        Self { queue: WorkQueue::new(Event::GarbageDue, RETRY) }
    }

    /// Enqueues an owner that is going or gone.
    fn enqueue(&mut self, owner: ObjectId, watch: &mut Watch<'_>) {
        if deletion(owner, watch.cluster()).is_some() {
            self.queue.add(owner, watch);
        }
    }

    /// Enqueues the owner of a dependant that has gone, where it waits for its dependants.
    fn enqueue_waiting(&mut self, owner: Option<&Owner>, watch: &mut Watch<'_>) {
        if let Some(owner) = owner
            && watch.cluster().meta(owner.object).is_some()
        {
            self.enqueue(owner.object, watch);
        }
    }
}

fn deletion(owner: ObjectId, cluster: &Cluster) -> Option<Deletion> {
    match cluster.meta(owner) {
        None => Some(Deletion::Done),
        Some(meta) => meta.deletion.map(|deletion| Deletion::Waits(deletion.propagation)),
    }
}

/// Brings the deletion of an owner one step further.
fn collect(owner: ObjectId, turn: &mut Turn<'_>) {
    let Some(deletion) = deletion(owner, turn.cluster()) else { return };
    let dependants: Vec<ObjectId> = turn.cluster().dependants_of(owner).collect();
    for dependant in dependants {
        let command = match deletion {
            Deletion::Waits(Propagation::Orphan) => Some(Command::Orphan(dependant)),
            Deletion::Waits(Propagation::Foreground) => delete(dependant, Propagation::Foreground, turn),
            Deletion::Waits(Propagation::Background) | Deletion::Done => {
                delete(dependant, Propagation::Background, turn)
            }
        };
        if let Some(command) = command {
            turn.write(command);
        }
    }
    if matches!(deletion, Deletion::Waits(_))
        && turn.cluster().dependants_of(owner).next().is_none()
        && !matches!(owner, ObjectId::Pod(_) | ObjectId::Node(_))
    {
        turn.write(Command::Release(owner));
    }
}

/// The command that deletes a dependant; none where its deletion is under way.
fn delete(dependant: ObjectId, propagation: Propagation, turn: &Turn<'_>) -> Option<Command> {
    if turn.cluster().meta(dependant).is_none_or(|meta| meta.is_terminating()) {
        return None;
    }
    match dependant {
        ObjectId::Pod(id) => Some(Command::DeletePod(id, None)),
        ObjectId::Node(_) => None,
        other => Some(Command::Delete(other, propagation)),
    }
}

impl Default for GarbageCollector {
    fn default() -> Self {
        Self::new()
    }
}

impl Component for GarbageCollector {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let cluster = watch.cluster();
        let objects = Kind::ALL.into_iter().flat_map(|kind| cluster.objects(kind));
        let metas: Vec<_> = objects.filter_map(|id| Some((id, cluster.meta(id)?))).collect();
        let waits = |id: &ObjectId| !matches!(id, ObjectId::Pod(_) | ObjectId::Node(_));
        let going = metas.iter().filter(|(id, meta)| waits(id) && meta.is_terminating());
        let going = going.map(|(id, meta)| (meta.uid, *id));
        let owners = metas.iter().filter_map(|(_, meta)| meta.owner.as_ref());
        let gone = owners.filter(|owner| cluster.meta(owner.object).is_none());
        let gone = gone.map(|owner| (owner.uid, owner.object));
        let due: BTreeSet<_> = going.chain(gone).collect();
        for (_, owner) in due {
            self.queue.add(owner, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if let Event::GarbageDue(owner) = event
            && self.queue.take(owner, turn)
        {
            collect(owner, turn);
            if turn.cluster().meta(owner).is_none() {
                self.queue.remove(owner, turn);
            }
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::DeletionRequested(id, _) => self.enqueue(*id, watch),
            Change::Deleted(id, object) => {
                self.enqueue(*id, watch);
                self.enqueue_waiting(object.owner.as_ref(), watch);
            }
            Change::PodDeleted(_, pod) => self.enqueue_waiting(pod.owner.as_ref(), watch),
            _ => {}
        }
    }
}
