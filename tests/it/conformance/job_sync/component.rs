//! The Job controller as a component, in a cluster of its own.

use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::component::{Component, Context, Observer, Turn, Watch};
use cluster_sim::controllers::job::JobController;
use cluster_sim::engine::{Calendar, SimDuration, SimTime, Streams};
use cluster_sim::event::{Change, Command, Creation, Event, StatusUpdate};
use cluster_sim::model::ids::{JobId, ObjectId};
use cluster_sim::model::job::{Job, JobStatus};
use cluster_sim::model::meta::{Labels, Propagation};
use cluster_sim::model::pod_status::PodReason;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::scenario::{NewObject, NewSpec, Timing};
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::model::wall_clock::WallClock;
use serde_json::Value;

use super::objects::job;

/// A cluster with the Job controller alone.
pub struct Bench {
    context: Context,
    cluster: Cluster,
    calendar: Calendar<Event>,
    changes: Vec<Change>,
    controller: JobController,
}

struct Nobody;

impl Observer for Nobody {
    fn begin(&mut self, _: SimTime, _: u64, _: &Event, _: &Cluster) {}

    fn see(&mut self, _: SimTime, _: &Change, _: &Cluster) {}
}

impl Bench {
    pub fn new(version: &str) -> Self {
        let profile = Profile::new(version.parse().expect("a version with a profile"));
        let (timing, streams) = (Timing::ideal(), Streams::new(1));
        let clock = WallClock { start: UnixTime::EPOCH };
        Self {
            context: Context { profile, timing, streams: streams.clone(), clock },
            cluster: Cluster::new(streams),
            calendar: Calendar::new(),
            changes: Vec::new(),
            controller: JobController::new(),
        }
    }

    pub fn create_job(&mut self, spec: &Value) -> JobId {
        let object = NewObject {
            namespace: "default".into(),
            name: "foobar".into(),
            labels: Labels::default(),
            annotations: Labels::default(),
            spec: NewSpec::Job(Arc::clone(&job(spec).spec)),
            manifest: Arc::default(),
        };
        self.write(Command::Create(Box::new(Creation::of(object))));
        self.cluster.jobs().ids().next().expect("the Job was created")
    }

    pub fn delete_job(&mut self, id: JobId) {
        self.write(Command::Delete(ObjectId::Job(id), Propagation::Background));
    }

    pub fn write_status(&mut self, id: JobId, status: JobStatus) {
        self.write(Command::UpdateStatus(Box::new(StatusUpdate::Job(id, status))));
    }

    /// Syncs a Job now, whether it is due or not.
    pub fn sync(&mut self, id: JobId) {
        self.handle(Event::JobSync(id));
    }

    /// Runs until nothing is left to happen.
    pub fn run(&mut self) {
        while let Some(due) = self.calendar.pop() {
            self.handle(due.event);
        }
    }

    /// A minute later all pods fail; returns when that is.
    pub fn fail_pods_later(&mut self) -> SimTime {
        let event = Event::ActionDue(0);
        let at = self.calendar.now() + SimDuration::from_secs(60);
        self.calendar.schedule(at, event.rank(), event);
        self.calendar.pop();
        for pod in self.cluster.pods().ids().collect::<Vec<_>>() {
            self.write(Command::FailPod(pod, PodReason::Evicted, "".into()));
        }
        at
    }

    /// When the next event is due.
    pub fn next_sync(&self) -> Option<SimTime> {
        self.calendar.peek_time()
    }

    pub fn n_pods(&self) -> usize {
        self.cluster.pods().len()
    }

    pub fn job(&self, id: JobId) -> &Job {
        &self.cluster.jobs()[id]
    }

    fn handle(&mut self, event: Event) {
        let (cluster, calendar) = (&mut self.cluster, &mut self.calendar);
        let mut nobody = Nobody;
        let mut turn = Turn::new(&self.context, cluster, calendar, &mut nobody, &mut self.changes);
        self.controller.on_event(event, &mut turn);
        self.broadcast();
    }

    fn write(&mut self, command: Command) {
        let now = self.calendar.now();
        self.cluster.apply(now, command, &mut self.changes).expect("the cluster takes the write");
        self.broadcast();
    }

    fn broadcast(&mut self) {
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        for change in std::mem::take(&mut self.changes) {
            self.controller.on_change(&change, &mut watch);
        }
    }
}
