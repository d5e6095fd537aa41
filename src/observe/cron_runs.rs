//! What is seen of CronJobs over time: their specs and the runs that were held back.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::event::Change;
use crate::model::cronjob::CronJobSpec;
use crate::model::ids::{CronJobId, ObjectId};
use crate::model::meta::Name;

/// The reason of the record that a run was held back.
pub const HELD_BACK: &str = "JobAlreadyActive";

/// The history of all CronJobs of a run.
#[derive(Debug, Clone, Default)]
pub struct CronHistory {
    living: BTreeMap<CronJobId, usize>,
    cronjobs: Vec<CronEntry>,
}

/// The history of one CronJob.
#[derive(Debug, Clone, PartialEq)]
pub struct CronEntry {
    /// The namespace.
    pub namespace: Name,
    /// The name.
    pub name: Name,
    /// When it was created.
    pub created: SimTime,
    /// When it was deleted.
    pub deleted: Option<SimTime>,
    /// Its specs and the instants from which they were valid.
    pub specs: Vec<(SimTime, Arc<CronJobSpec>)>,
    /// When a run was held back because the last was not over.
    pub held_back: Vec<SimTime>,
}

impl CronEntry {
    /// The spec that was valid at an instant; the first before its creation.
    pub fn spec_at(&self, at: SimTime) -> &Arc<CronJobSpec> {
        let later = self.specs.partition_point(|(from, _)| *from <= at);
        &self.specs[later.saturating_sub(1)].1
    }
}

impl CronHistory {
    /// All CronJobs, in order of creation.
    pub fn entries(&self) -> &[CronEntry] {
        &self.cronjobs
    }

    /// Takes note of a change that concerns CronJobs.
    pub fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        match change {
            Change::Created(ObjectId::CronJob(id)) => self.open(now, *id, cluster),
            Change::SpecChanged(ObjectId::CronJob(id), _) => {
                if let (Some(at), Some(cronjob)) = (self.living.get(id), cluster.cronjob(*id)) {
                    self.cronjobs[*at].specs.push((now, Arc::clone(&cronjob.spec)));
                }
            }
            Change::Deleted(ObjectId::CronJob(id), _) => {
                if let Some(at) = self.living.remove(id) {
                    self.cronjobs[at].deleted = Some(now);
                }
            }
            Change::Recorded(ObjectId::CronJob(id), record) if record.reason == HELD_BACK => {
                if let Some(at) = self.living.get(id) {
                    self.cronjobs[*at].held_back.push(now);
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, now: SimTime, id: CronJobId, cluster: &Cluster) {
        let Some(cronjob) = cluster.cronjob(id) else { return };
        self.living.insert(id, self.cronjobs.len());
        self.cronjobs.push(CronEntry {
            namespace: cronjob.meta.namespace.clone(),
            name: cronjob.meta.name.clone(),
            created: now,
            deleted: None,
            specs: vec![(now, Arc::clone(&cronjob.spec))],
            held_back: Vec::new(),
        });
    }
}
