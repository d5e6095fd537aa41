//! All that a run is observed for at once.

use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::SimTime;
use crate::event::{Change, Event};
use crate::model::scenario::Scenario;
use crate::observe::attempts::JobLedger;
use crate::observe::cron_runs::CronHistory;
use crate::observe::digest::Digest;
use crate::observe::failures::FailureLog;
use crate::observe::records::RecordLog;
use crate::observe::scalings::ScalingLedger;
use crate::observe::tiers::Tiers;
use crate::observe::utilisation::Utilisation;

/// What was seen of a run.
#[derive(Clone, Default)]
pub struct RunObserver {
    /// The hash over all changes.
    pub digest: Digest,
    /// The records.
    pub records: RecordLog,
    /// The Jobs and their attempts.
    pub jobs: JobLedger,
    /// The CronJobs and their histories.
    pub cronjobs: CronHistory,
    /// The autoscalers and what they did.
    pub scalings: ScalingLedger,
    /// The failures of nodes and what became of their pods.
    pub failures: FailureLog,
    /// The nodes and what was requested of them.
    pub utilisation: Utilisation,
    /// The tiers of the workloads that last.
    pub tiers: Tiers,
    /// How many changes there were.
    pub n_changes: u64,
}

impl RunObserver {
    /// An observer of a run of this scenario.
    pub fn of(scenario: &Scenario) -> Self {
        let warm_up = SimTime::ZERO + scenario.warm_up;
        Self { utilisation: Utilisation::after(warm_up), tiers: Tiers::after(warm_up), ..Self::default() }
    }
}

impl Observer for RunObserver {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        self.cronjobs.see(now, change, cluster);
        self.scalings.see(now, change, cluster);
        self.failures.see(now, change, cluster);
        if let Change::Recorded(object, record) = change {
            self.records.add(now, *object, record, cluster);
            return;
        }
        self.n_changes += 1;
        self.digest.add(now, change, cluster);
        self.jobs.see(now, change, cluster);
        self.utilisation.see(now, change, cluster);
        self.tiers.see(now, change, cluster);
    }
}

/// Nobody looks.
impl Observer for () {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, _now: SimTime, _change: &Change, _cluster: &Cluster) {}

    fn wants_records(&self, _reason: &str) -> bool {
        false
    }
}

/// Two observers side by side.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn begin(&mut self, now: SimTime, seq: u64, event: &Event, cluster: &Cluster) {
        self.0.begin(now, seq, event, cluster);
        self.1.begin(now, seq, event, cluster);
    }

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        self.0.see(now, change, cluster);
        self.1.see(now, change, cluster);
    }

    fn wants_records(&self, reason: &str) -> bool {
        self.0.wants_records(reason) || self.1.wants_records(reason)
    }
}

impl<O: Observer> Observer for Option<O> {
    fn begin(&mut self, now: SimTime, seq: u64, event: &Event, cluster: &Cluster) {
        if let Some(observer) = self {
            observer.begin(now, seq, event, cluster);
        }
    }

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        if let Some(observer) = self {
            observer.see(now, change, cluster);
        }
    }

    fn wants_records(&self, reason: &str) -> bool {
        self.as_ref().is_some_and(|observer| observer.wants_records(reason))
    }
}
