//! What is there when a run begins.

use std::sync::Arc;

use crate::component::Observer;
use crate::event::{Command, Creation, StatusUpdate};
use crate::model::cronjob::JobReference;
use crate::model::ids::{Kind, ObjectId};
use crate::model::meta::Owner;
use crate::model::scenario::{JobProgress, NewObject, Scenario};
use crate::sim::Simulation;

impl<O: Observer> Simulation<O> {
    /// Creates the objects of the scenario, Jobs of CronJobs after these, and writes down what Jobs had done before.
    pub(super) fn create_all(&mut self) {
        let scenario = Arc::clone(&self.scenario);
        let (later, first): (Vec<_>, Vec<_>) = scenario
            .objects
            .iter()
            .partition(|object| progress(&scenario, object).is_some_and(|it| it.cronjob.is_some()));
        for object in first.into_iter().chain(later) {
            let progress = progress(&scenario, object);
            let owner = progress.and_then(|progress| self.cronjob_of(progress));
            self.submit_creation(Creation { owner, ..Creation::of(object.clone()) });
            if let Some(progress) = progress {
                self.write_progress(progress);
            }
        }
    }

    fn cronjob_of(&self, progress: &JobProgress) -> Option<Owner> {
        let object = self.cluster.find(Kind::CronJob, &progress.namespace, progress.cronjob.as_ref()?)?;
        let meta = self.cluster.meta(object)?;
        Some(Owner { object, name: meta.name.clone(), uid: meta.uid })
    }

    fn write_progress(&mut self, progress: &JobProgress) {
        let Some(ObjectId::Job(id)) = self.cluster.find(Kind::Job, &progress.namespace, &progress.job) else {
            return;
        };
        let mut updates = vec![StatusUpdate::Job(id, progress.status.clone())];
        let meta = &self.cluster.jobs()[id].meta;
        if let Some(Owner { object: ObjectId::CronJob(cronjob), .. }) = &meta.owner {
            let mut status = self.cluster.cronjobs()[*cronjob].status.clone();
            status.active.push(JobReference { id, name: meta.name.clone(), uid: meta.uid });
            updates.push(StatusUpdate::CronJob(*cronjob, status));
        }
        for update in updates {
            self.turn().write(Command::UpdateStatus(Box::new(update)));
        }
    }
}

/// What an object had done before the start, where it is a Job of which that is said.
fn progress<'a>(scenario: &'a Scenario, object: &NewObject) -> Option<&'a JobProgress> {
    let is_meant = |it: &&JobProgress| it.namespace == object.namespace && it.job == object.name;
    scenario.progress.iter().find(is_meant).filter(|_| object.spec.kind() == Kind::Job)
}
