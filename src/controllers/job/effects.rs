//! Puts the decisions of a sync into effect: writes to the API server, in upstream's order, and notes about the Job.

use crate::cluster::Refusal;
use crate::component::{Timers, Turn};
use crate::controllers::job::accounting::Account;
use crate::controllers::job::backoff::BackoffRecord;
use crate::controllers::job::birth::{creation, pod_labels};
use crate::controllers::job::census::Expectations;
use crate::controllers::job::ownership::{Claim, claim};
use crate::controllers::job::scale::{Action, Victim};
use crate::controllers::job::scene::{Behaviour, Scene};
use crate::controllers::job::sync::{Memory, Note, Outcome, Plan, plan};
use crate::event::{Command, StatusUpdate};
use crate::model::ids::{JobId, ObjectId, PodId};
use crate::model::job::JobStatus;
use crate::model::meta::{Labels, Owner};
use crate::model::pod::JobPod;
use crate::model::record::Severity;

const SOURCE: &str = "job-controller";

/// One sync of a Job that is there.
pub(super) struct Effects<'s, 't> {
    /// The Job.
    pub job: JobId,
    /// The behaviour of the version.
    pub behaviour: Behaviour,
    /// The hands of the controller.
    pub turn: &'s mut Turn<'t>,
}

/// What became of an action on pods.
#[derive(Default)]
pub(super) struct Acted {
    /// What was done.
    pub outcome: Outcome,
    /// Whether something was refused.
    pub has_failed: bool,
}

impl Effects<'_, '_> {
    /// What the Job does about a pod; the pod has its owner, or none, afterwards.
    pub fn claim(&mut self, pod: PodId) -> Claim {
        let cluster = self.turn.cluster();
        let job = &cluster.jobs()[self.job];
        let claim = cluster.pod(pod).map_or(Claim::None, |pod| claim(self.job, job, &pod.meta));
        match claim {
            Claim::Adopt => {
                let (object, name, uid) = (ObjectId::Job(self.job), job.meta.name.clone(), job.meta.uid);
                self.turn.write(Command::Adopt(ObjectId::Pod(pod), Owner { object, name, uid }));
            }
            Claim::Release => self.turn.write(Command::Orphan(ObjectId::Pod(pod))),
            Claim::Own | Claim::None => {}
        }
        claim
    }

    /// Decides what to do with the pods.
    pub fn plan(&self, record: BackoffRecord) -> Plan {
        let pods: Vec<_> = self.turn.cluster().pods_of(self.job).collect();
        plan(&self.scene(), &pods, &Memory { record, expectations: Expectations::MET })
    }

    /// Does it.
    pub fn act(&mut self, action: &Action) -> Acted {
        const DELETE: fn(PodId) -> Command = |pod| Command::DeletePod(pod, None);
        match action {
            Action::Unmanaged | Action::Keep | Action::Wait(_) => Acted::default(),
            Action::Create(births) => self.create_pods(births),
            Action::Remove(victims) => self.delete_pods(victims, &[Command::RemoveFinalizer, DELETE]),
            Action::End(victims) => self.delete_pods(victims, &[DELETE]),
        }
    }

    /// The account of what the Job has after an action.
    pub fn account(&self, plan: Plan, acted: &Acted) -> Account {
        plan.account(&self.scene(), &acted.outcome)
    }

    /// Writes the status, removes finalizers, writes the status again; gives the back-off record to keep.
    ///
    /// # Errors
    /// When a write is refused: the sync is to be done again.
    pub fn settle(&mut self, mut account: Account) -> (Option<BackoffRecord>, Result<(), Refusal>) {
        self.note(std::mem::take(&mut account.notes));
        if let Err(refusal) = self.write_status(account.write.take()) {
            return (None, Err(refusal));
        }
        let record = account.record;
        let mut held = Vec::new();
        let mut outcome = Ok(());
        for (pod, uid) in &account.released {
            if let Err(refusal) = self.turn.submit(Command::RemoveFinalizer(*pod)) {
                held.push(*uid);
                outcome = Err(refusal);
            }
        }
        let settlement = account.settle(&self.scene(), &held);
        let written = self.write_status(settlement.write);
        if written.is_ok() {
            self.note(settlement.notes);
        }
        (record, written.and(outcome))
    }

    fn scene(&self) -> Scene<'_> {
        Scene { job: &self.turn.cluster().jobs()[self.job], now: self.turn.now(), behaviour: &self.behaviour }
    }

    /// Creates pods in batches of 1, 2, 4 and so on; after a batch with an error the rest is left for the retry.
    /// Source: job_controller.go, manageJob; controller_utils.go, SlowStartInitialBatchSize.
    fn create_pods(&mut self, births: &[JobPod]) -> Acted {
        let labels = pod_labels(self.scene().job);
        let mut acted = Acted::default();
        let mut rest = births;
        let mut batch_size = 1;
        while !rest.is_empty() && !acted.has_failed {
            let (batch, later) = rest.split_at(rest.len().min(batch_size));
            for marks in batch {
                match self.create_pod(*marks, &labels) {
                    Ok(()) => acted.outcome.n_done += 1,
                    Err(_) => acted.has_failed = true,
                }
            }
            rest = later;
            batch_size *= 2;
        }
        acted
    }

    fn create_pod(&mut self, marks: JobPod, labels: &Labels) -> Result<(), Refusal> {
        let creation = creation(&self.scene(), self.job, labels, marks);
        let created = self.turn.submit(Command::Create(Box::new(creation)));
        match &created {
            Ok(pod) => self.record(Severity::Normal, "SuccessfulCreate", |turn| {
                let name = pod.map(|pod| turn.cluster().name_of(pod)).unwrap_or_default();
                format!("Created pod: {name}")
            }),
            Err(refusal) => {
                self.record(Severity::Warning, "FailedCreate", |_| format!("Error creating: {refusal}"));
            }
        }
        created.map(|_| ())
    }

    /// Deletes pods, each by these writes; a pod that is gone already counts as deleted.
    /// Source: job_controller.go, deleteActivePods and deleteJobPods.
    fn delete_pods(&mut self, victims: &[Victim], writes: &[fn(PodId) -> Command]) -> Acted {
        let mut acted = Acted::default();
        for victim in victims {
            let name = self.turn.cluster().name_of(ObjectId::Pod(victim.pod));
            let mut writes = writes.iter().map(|write| write(victim.pod));
            match writes.try_for_each(|write| self.turn.submit(write).map(|_| ())) {
                Ok(()) | Err(Refusal::NotFound) => {
                    self.record(Severity::Normal, "SuccessfulDelete", |_| format!("Deleted pod: {name}"));
                    acted.outcome.n_done += 1;
                    acted.outcome.n_ready_deleted += u32::from(victim.is_ready);
                }
                Err(refusal) => {
                    self.record(Severity::Warning, "FailedDelete", |_| format!("Error deleting: {refusal}"));
                    acted.has_failed = true;
                }
            }
        }
        acted
    }

    fn write_status(&mut self, status: Option<JobStatus>) -> Result<(), Refusal> {
        match status {
            Some(status) => self
                .turn
                .submit(Command::UpdateStatus(Box::new(StatusUpdate::Job(self.job, status))))
                .map(|_| ()),
            None => Ok(()),
        }
    }

    fn note(&mut self, notes: Vec<Note>) {
        for note in notes {
            self.record(note.severity, note.reason, |_| note.message);
        }
    }

    /// Notes something about the Job, where somebody reads it.
    fn record(
        &mut self,
        severity: Severity,
        reason: &'static str,
        message: impl FnOnce(&Turn<'_>) -> String,
    ) {
        if self.turn.wants_records(reason) {
            let message = message(self.turn);
            self.turn.record(ObjectId::Job(self.job), severity, reason, message, SOURCE);
        }
    }
}
