//! A small world around the controllers of the library: scripted pods, one node, a user, and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fake_jobs::FakeJobRunner;
use super::pods::ScriptedPods;
use super::scenario::{Act, Scenario, cronjob_spec, job_spec, merge};
use super::timeline::{
    CronJobFacts, JobCreated, JobFacts, PodCreated, RecordFacts, Timeline, mask_generated_names,
};
use cluster_sim::cluster::Cluster;
use cluster_sim::component::{Component, Context, Observer, Turn, Watch};
use cluster_sim::controllers::cronjob::CronJobController;
use cluster_sim::controllers::cronjob::job_template::SCHEDULED_TIMESTAMP;
use cluster_sim::controllers::garbage_collector::GarbageCollector;
use cluster_sim::controllers::job::JobController;
use cluster_sim::controllers::ttl::TtlController;
use cluster_sim::engine::SimDuration;
use cluster_sim::engine::{Calendar, SimTime, Streams};
use cluster_sim::event::{Change, Command, Creation, Event, SpecUpdate};
use cluster_sim::model::ids::{CronJobId, JobId, Kind, NodeId, ObjectId};
use cluster_sim::model::meta::{Labels, Propagation};
use cluster_sim::model::node::NodeSpec;
use cluster_sim::model::pod_status::Phase;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::resources::Resources;
use cluster_sim::model::scenario::{NewObject, NewSpec, Timing};
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::model::wall_clock::WallClock;
use serde_json::Value;

const NAMESPACE: &str = "default";

/// The controllers, which stop and start together.
struct Controllers {
    /// Absent where a stand-in runs the Jobs, which no outage stops.
    jobs: Option<JobController>,
    ttl: TtlController,
    cronjobs: CronJobController,
}

/// A scenario being played.
pub struct World {
    context: Context,
    cluster: Cluster,
    calendar: Calendar<Event>,
    changes: Vec<Change>,
    recorder: Recorder,
    pods: ScriptedPods,
    garbage_collector: GarbageCollector,
    fake_jobs: Option<FakeJobRunner>,
    controllers: Option<Controllers>,
    acts: Vec<(SimTime, Act)>,
    /// The specs as the API server has stored them, and the restart policies: the base of patches.
    manifests: BTreeMap<(Kind, String), (Value, String)>,
    horizon: SimTime,
}

/// Takes down what can be seen.
#[derive(Default)]
struct Recorder {
    timeline: Timeline,
    /// The files have no statuses of Jobs that a stand-in runs.
    are_jobs_fake: bool,
}

impl World {
    /// Makes a world with one node and nothing in it.
    pub fn new(scenario: Scenario) -> Self {
        let context = context(scenario.profile, scenario.start);
        let mut cluster = Cluster::new(context.streams.clone());
        let node = add_node(&mut cluster);
        let mut world = Self {
            context,
            cluster,
            calendar: Calendar::new(),
            changes: Vec::new(),
            recorder: Recorder { are_jobs_fake: scenario.fake_jobs.is_some(), ..Recorder::default() },
            pods: ScriptedPods::new(scenario.scripts, node),
            garbage_collector: GarbageCollector::new(),
            fake_jobs: scenario.fake_jobs.map(FakeJobRunner::new),
            controllers: None,
            acts: scenario.acts,
            manifests: BTreeMap::new(),
            horizon: scenario.horizon,
        };
        world.start_controllers();
        for (position, (at, _)) in (0..).zip(&world.acts) {
            let event = Event::ActionDue(position);
            world.calendar.schedule(*at, event.rank(), event);
        }
        world
    }

    /// Plays to the horizon or until nothing is left to happen; gives what was seen.
    pub fn run(mut self) -> Timeline {
        self.run_until(self.horizon);
        self.recorder.timeline
    }

    /// Plays until nothing is due at `limit` or before.
    pub fn run_until(&mut self, limit: SimTime) {
        while let Some(due) = self.calendar.pop_until(limit) {
            self.dispatch(due.event);
            self.broadcast();
            self.cluster.check_invariants().expect("the invariants of the cluster hold");
        }
    }

    /// What was seen so far.
    pub fn timeline(&self) -> &Timeline {
        &self.recorder.timeline
    }

    /// The cluster as it is now.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Does a write from outside at the instant of the last event.
    pub fn write_from_outside(&mut self, command: Command) {
        self.write(command);
        self.broadcast();
    }

    fn dispatch(&mut self, event: Event) {
        if let Event::ActionDue(position) = event {
            return self.act(position as usize);
        }
        let turn = &mut Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.recorder,
            &mut self.changes,
        );
        match (event, &mut self.controllers, &mut self.fake_jobs) {
            (Event::StepDone(_) | Event::GraceOver(_) | Event::PodSync(_), _, _) => {
                self.pods.on_event(event, turn);
            }
            (Event::GarbageDue(_), _, _) => self.garbage_collector.on_event(event, turn),
            (Event::JobSync(_), _, Some(fake)) => fake.on_event(event, turn),
            (Event::JobSync(_) | Event::OrphanPodSync(_), Some(controllers), _) => {
                if let Some(jobs) = &mut controllers.jobs {
                    jobs.on_event(event, turn);
                }
            }
            (Event::JobExpired(_), Some(controllers), _) => controllers.ttl.on_event(event, turn),
            (Event::CronJobSync(_), Some(controllers), _) => controllers.cronjobs.on_event(event, turn),
            _ => {}
        }
    }

    fn broadcast(&mut self) {
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        for change in std::mem::take(&mut self.changes) {
            self.pods.on_change(&change, &mut watch);
            self.garbage_collector.on_change(&change, &mut watch);
            if let Some(fake) = &mut self.fake_jobs {
                fake.on_change(&change, &mut watch);
            }
            if let Some(controllers) = &mut self.controllers {
                if let Some(jobs) = &mut controllers.jobs {
                    jobs.on_change(&change, &mut watch);
                }
                controllers.ttl.on_change(&change, &mut watch);
                controllers.cronjobs.on_change(&change, &mut watch);
            }
        }
    }

    fn start_controllers(&mut self) {
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        let mut controllers = Controllers {
            jobs: self.fake_jobs.is_none().then(JobController::new),
            ttl: TtlController::new(),
            cronjobs: CronJobController::new(),
        };
        if let Some(jobs) = &mut controllers.jobs {
            jobs.start(&mut watch);
        }
        controllers.ttl.start(&mut watch);
        controllers.cronjobs.start(&mut watch);
        self.controllers = Some(controllers);
    }

    /// Does something from outside. What meets nothing has no effect.
    fn act(&mut self, position: usize) {
        match self.acts[position].1.clone() {
            Act::CreateJob { name, restart_policy, spec } => {
                let model = job_spec(&spec, &restart_policy, &self.context.profile);
                self.create(&name, NewSpec::Job(Arc::new(model)));
                self.manifests.insert((Kind::Job, name), (spec, restart_policy));
            }
            Act::CreateCronJob { name, restart_policy, spec, job_spec } => {
                let model = cronjob_spec(&spec, &job_spec, &restart_policy, &self.context.profile);
                self.create(&name, NewSpec::CronJob(Arc::new(model)));
                let manifest = serde_json::json!({"spec": spec, "jobSpec": job_spec});
                self.manifests.insert((Kind::CronJob, name), (manifest, restart_policy));
            }
            Act::PatchJob { name, merge: patch } => self.patch_job(&name, &patch),
            Act::PatchCronJob { name, merge: patch } => self.patch_cronjob(&name, &patch),
            Act::DeleteJob { name, propagation } => {
                if let Some(job) = self.job(&name) {
                    self.write(Command::Delete(ObjectId::Job(job), propagation));
                }
            }
            Act::DeleteCronJob { name } => {
                if let Some(cronjob) = self.cronjob(&name) {
                    self.write(Command::Delete(ObjectId::CronJob(cronjob), Propagation::Background));
                }
            }
            Act::ControllersDown => self.controllers = None,
            Act::ControllersUp => self.start_controllers(),
            on_pod @ (Act::DeletePod { .. }
            | Act::ForceDeletePod { .. }
            | Act::EvictPod { .. }
            | Act::LosePod { .. }
            | Act::FailPod { .. }) => self.act_on_pod(&on_pod),
        }
    }

    fn act_on_pod(&mut self, act: &Act) {
        let turn = &mut Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.recorder,
            &mut self.changes,
        );
        let (Act::DeletePod { pod: ordinal, .. }
        | Act::ForceDeletePod { pod: ordinal }
        | Act::EvictPod { pod: ordinal }
        | Act::LosePod { pod: ordinal }
        | Act::FailPod { pod: ordinal, .. }) = *act
        else {
            return;
        };
        let Some(pod) = self.pods.pod(ordinal, turn) else { return };
        let is_terminal = turn.cluster().pods()[pod].status.phase.is_terminal();
        let disrupt = || Command::SetDisruptionTarget(pod, "".into(), "".into());
        match *act {
            Act::DeletePod { is_stuck, .. } => {
                if is_stuck {
                    self.pods.silence(pod);
                }
                turn.write(Command::DeletePod(pod, None));
            }
            Act::ForceDeletePod { .. } => turn.write(Command::DeletePod(pod, Some(SimDuration::ZERO))),
            Act::EvictPod { .. } => {
                turn.write(disrupt());
                turn.write(Command::DeletePod(pod, None));
            }
            Act::LosePod { .. } => {
                if !is_terminal {
                    turn.write(disrupt());
                    self.pods.lose(pod, turn);
                }
                turn.write(Command::DeletePod(pod, Some(SimDuration::ZERO)));
            }
            Act::FailPod { is_disrupted, exit_code, .. } if !is_terminal => {
                if is_disrupted {
                    turn.write(disrupt());
                }
                self.pods.fail(pod, exit_code, turn);
            }
            _ => {}
        }
    }

    fn patch_job(&mut self, name: &str, patch: &Value) {
        let Some(job) = self.job(name) else { return };
        let stored = self.manifests.get_mut(&(Kind::Job, name.to_owned())).expect("a living Job has a spec");
        merge(&mut stored.0, patch);
        let spec = job_spec(&stored.0, &stored.1, &self.context.profile);
        self.write(Command::UpdateSpec(SpecUpdate::Job(job, Arc::new(spec)), Arc::new(Value::Null)));
    }

    fn patch_cronjob(&mut self, name: &str, patch: &Value) {
        let Some(cronjob) = self.cronjob(name) else { return };
        let key = (Kind::CronJob, name.to_owned());
        let stored = self.manifests.get_mut(&key).expect("a living CronJob has a spec");
        merge(&mut stored.0["spec"], patch);
        let (manifest, restart_policy) = &*stored;
        let spec =
            cronjob_spec(&manifest["spec"], &manifest["jobSpec"], restart_policy, &self.context.profile);
        self.write(Command::UpdateSpec(SpecUpdate::CronJob(cronjob, Arc::new(spec)), Arc::new(Value::Null)));
    }

    fn job(&self, name: &str) -> Option<JobId> {
        match self.cluster.find(Kind::Job, NAMESPACE, name)? {
            ObjectId::Job(id) => Some(id),
            _ => None,
        }
    }

    fn cronjob(&self, name: &str) -> Option<CronJobId> {
        match self.cluster.find(Kind::CronJob, NAMESPACE, name)? {
            ObjectId::CronJob(id) => Some(id),
            _ => None,
        }
    }

    fn create(&mut self, name: &str, spec: NewSpec) {
        self.write(Command::Create(Box::new(Creation::of(new_object(NAMESPACE, name, spec)))));
    }

    fn write(&mut self, command: Command) {
        let mut turn = Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.recorder,
            &mut self.changes,
        );
        turn.write(command);
    }
}

fn context(profile: Profile, start: UnixTime) -> Context {
    let (timing, streams, clock) = (Timing::ideal(), Streams::new(1), WallClock { start });
    Context { profile, timing, streams, clock }
}

fn new_object(namespace: &str, name: &str, spec: NewSpec) -> NewObject {
    NewObject {
        namespace: namespace.into(),
        name: name.into(),
        labels: Labels::default(),
        annotations: Labels::default(),
        spec,
        manifest: Arc::new(Value::Null),
    }
}

fn add_node(cluster: &mut Cluster) -> NodeId {
    let amounts = Resources::default();
    let spec = NodeSpec { capacity: amounts.clone(), allocatable: amounts, ..NodeSpec::default() };
    let creation = Creation::of(new_object("", "node", NewSpec::Node(spec)));
    let created = cluster.apply(SimTime::ZERO, Command::Create(Box::new(creation)), &mut Vec::new());
    match created {
        Ok(Some(ObjectId::Node(node))) => node,
        other => panic!("a node was to be created, not {other:?}"),
    }
}

impl Observer for Recorder {
    fn begin(&mut self, _: SimTime, _: u64, _: &Event, _: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        let timeline = &mut self.timeline;
        match change {
            Change::Created(ObjectId::Pod(pod)) => {
                let pod = &cluster.pods()[*pod];
                let marks = pod.job.unwrap_or_default();
                let job = pod.meta.owner.as_ref().map_or(String::new(), |owner| owner.name.to_string());
                timeline.pods_created.push((
                    now,
                    PodCreated {
                        job,
                        index: marks.completion_index,
                        failure_count: marks.index_failure_count,
                        ignored_failure_count: marks.index_ignored_failure_count,
                    },
                ));
            }
            Change::Created(ObjectId::Job(id)) => {
                let job = &cluster.jobs()[*id];
                let timestamp = job.meta.annotations.get(SCHEDULED_TIMESTAMP);
                let created = JobCreated {
                    job: job.meta.name.to_string(),
                    scheduled_for: job.meta.scheduled_for,
                    scheduled_timestamp: timestamp.map(|timestamp| timestamp.to_string()),
                };
                timeline.jobs_created.push((now, created));
            }
            Change::PodPhaseChanged(_, _, phase @ (Phase::Succeeded | Phase::Failed)) => {
                timeline.pods_finished.push((now, phase.as_str()));
            }
            Change::PodDeleted(..) => timeline.n_pods_deleted += 1,
            Change::StatusChanged(ObjectId::Job(id)) if !self.are_jobs_fake => {
                let job = &cluster.jobs()[*id];
                timeline.see_status(now, &job.meta.name, JobFacts::of(&job.status));
            }
            Change::StatusChanged(ObjectId::CronJob(id)) => {
                let cronjob = &cluster.cronjobs()[*id];
                let status = &cronjob.status;
                let facts = CronJobFacts {
                    last_schedule_time: status.last_schedule_time,
                    last_successful_time: status.last_successful_time,
                    active: status.active.iter().map(|job| job.name.to_string()).collect(),
                };
                timeline.see_cronjob_status(now, &cronjob.meta.name, facts);
            }
            Change::Deleted(_, owner) => {
                timeline.jobs_deleted.push((now, owner.name.to_string()));
            }
            Change::Recorded(object, record) => timeline.records.push((
                now,
                RecordFacts {
                    object: format!("{}/{}", object.kind().as_str(), cluster.name_of(*object)),
                    severity: record.severity.to_string(),
                    reason: record.reason.to_owned(),
                    message: mask_generated_names(&record.message),
                },
            )),
            _ => {}
        }
    }
}
