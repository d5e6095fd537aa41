//! One sync of the pure functions, with an API server that may refuse to touch pods.

use cluster_sim::controllers::job::accounting::{Account, Settlement};
use cluster_sim::controllers::job::backoff::BackoffRecord;
use cluster_sim::controllers::job::census::Expectations;
use cluster_sim::controllers::job::scale::Action;
use cluster_sim::controllers::job::scene::{Behaviour, Scene};
use cluster_sim::controllers::job::sync::{Memory, Outcome, plan};
use cluster_sim::engine::{Arena, SimTime};
use cluster_sim::model::job::{Job, JobStatus};
use cluster_sim::model::meta::Uid;
use cluster_sim::model::pod::{JobPod, Pod};

use super::objects::{NOW, listed};

/// Whether the API server does what it is asked about pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodApi {
    Works,
    Fails,
}

/// What one sync looks at.
pub struct Sync<'a> {
    pub job: &'a Job,
    pub pods: &'a Arena<Pod>,
    pub behaviour: Behaviour,
    pub record: BackoffRecord,
    pub expectations: Expectations<'a>,
    pub api: PodApi,
    /// Whether the API server takes the status.
    pub takes_status: bool,
    pub now: SimTime,
}

/// What one sync did.
#[derive(Debug, Default)]
pub struct Synced {
    /// The creations that were asked for.
    pub created: Vec<JobPod>,
    pub n_deleted: usize,
    /// The removals of finalizers that were asked for.
    pub n_finalizer_patches: usize,
    /// The statuses that were written.
    pub writes: Vec<JobStatus>,
    /// The status in the end, written or not.
    pub status: JobStatus,
    /// Whether the sync is to be done again, after a wait that grows with each error.
    pub has_failed: bool,
}

impl<'a> Sync<'a> {
    /// A sync whose pods can all be touched, of a Job without a past.
    pub fn of(job: &'a Job, pods: &'a Arena<Pod>, behaviour: Behaviour) -> Self {
        let (record, expectations) = (BackoffRecord::default(), Expectations::MET);
        let (api, takes_status, now) = (PodApi::Works, true, NOW);
        Self { job, pods, behaviour, record, expectations, api, takes_status, now }
    }

    /// Does it, as the component does.
    pub fn run(&self) -> Synced {
        let scene = Scene { job: self.job, now: self.now, behaviour: &self.behaviour };
        let memory = Memory { record: self.record, expectations: self.expectations };
        let plan = plan(&scene, &listed(self.pods), &memory);
        let mut synced = Synced { status: self.job.status.clone(), ..Synced::default() };
        let outcome = synced.act(&plan.action, self.api);
        let account = plan.account(&scene, &outcome);
        if self.takes_status {
            synced.conclude(account, &scene, self.api);
        } else {
            synced.refuse(account);
        }
        synced
    }
}

impl Synced {
    fn act(&mut self, action: &Action, api: PodApi) -> Outcome {
        let n_asked = match action {
            Action::Unmanaged | Action::Keep | Action::Wait(_) => 0,
            Action::Create(births) => {
                let first_batch = if api == PodApi::Fails { 1 } else { births.len() };
                self.created = births.iter().take(first_batch).copied().collect();
                self.created.len()
            }
            Action::Remove(victims) | Action::End(victims) => {
                self.n_deleted = victims.len();
                victims.len()
            }
        };
        let (Action::Remove(victims) | Action::End(victims)) = action else {
            return self.outcome(n_asked, 0, api);
        };
        if matches!(action, Action::Remove(_)) {
            self.n_finalizer_patches += victims.len();
        }
        self.outcome(n_asked, victims.iter().filter(|victim| victim.is_ready).count(), api)
    }

    fn outcome(&mut self, n_asked: usize, n_ready: usize, api: PodApi) -> Outcome {
        if api == PodApi::Fails && n_asked > 0 {
            self.has_failed = true;
            return Outcome::default();
        }
        Outcome { n_done: n_asked as u32, n_ready_deleted: n_ready as u32 }
    }

    /// Writes the status, removes finalizers, writes it again.
    pub fn conclude(&mut self, mut account: Account, scene: &Scene<'_>, api: PodApi) {
        self.write(account.write.take());
        self.n_finalizer_patches += account.released.len();
        let held: Vec<Uid> = match api {
            PodApi::Works => Vec::new(),
            PodApi::Fails => account.released.iter().map(|(_, uid)| *uid).collect(),
        };
        self.has_failed |= !held.is_empty();
        let Settlement { write, .. } = account.settle(scene, &held);
        self.write(write);
    }

    /// The first write of the status is refused: nothing follows it.
    pub fn refuse(&mut self, account: Account) {
        self.has_failed |= account.write.is_some();
        self.writes.extend(account.write);
    }

    fn write(&mut self, status: Option<JobStatus>) {
        if let Some(status) = status {
            self.status = status.clone();
            self.writes.push(status);
        }
    }
}
