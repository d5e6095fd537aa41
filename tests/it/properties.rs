//! Worlds at random: what must hold of every one of them after every event, and of two that differ in what should
//! not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::component::Observer;
use cluster_sim::controllers::deployment::rollout::surge_limit;
use cluster_sim::engine::SimTime;
use cluster_sim::event::{Change, Event};
use cluster_sim::model::deployment::Deployment;
use cluster_sim::model::ids::{DeploymentId, NodeId, ObjectId, PodId};
use cluster_sim::model::job::{Job, JobStatus};
use cluster_sim::model::meta::Uid;
use cluster_sim::model::node::ConditionStatus;
use cluster_sim::model::pod::Pod;
use cluster_sim::model::pod_status::{ContainerState, Phase, WaitingReason};
use cluster_sim::model::replica_set::ReplicaSet;
use cluster_sim::model::scenario::Scenario;
use cluster_sim::observe::run::RunObserver;
use cluster_sim::sim::{Ending, Simulation};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::generate::{Chance, World, scenario_of, worlds};

/// No world is played for longer than this, so that none takes all the time of the tests [events].
pub const EVENTS_MAX: u64 = 4_000;

/// The settings of all tests here; `PROPTEST_CASES` asks for more.
#[expect(clippy::disallowed_methods, reason = "how many worlds are tried is up to the environment")]
pub fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(cases), failure_persistence: None, ..ProptestConfig::default() }
}

/// What only the order of the changes can tell, and what it told.
#[derive(Debug, Clone, Default)]
pub struct Laws {
    now: SimTime,
    bound: BTreeMap<Uid, NodeId>,
    ended: BTreeMap<Uid, Phase>,
    jobs: BTreeMap<Uid, JobStatus>,
    /// What it told.
    pub broken: Vec<String>,
}

impl Laws {
    fn pod_changed(&mut self, change: &Change, id: PodId, cluster: &Cluster) {
        let Some(pod) = cluster.pod(id) else { return };
        let uid = pod.meta.uid;
        match change {
            Change::PodBound(_, node) if self.bound.insert(uid, *node).is_some() => {
                self.break_with(format!("pod {} was bound twice", pod.meta.name));
            }
            Change::PodPhaseChanged(_, from, to) => {
                let is_legal = match from {
                    Phase::Pending => *to != Phase::Pending,
                    Phase::Running => to.is_terminal(),
                    Phase::Succeeded | Phase::Failed => false,
                };
                if !is_legal {
                    self.break_with(format!("pod {} went from {from:?} to {to:?}", pod.meta.name));
                }
                if to.is_terminal() && self.ended.insert(uid, *to).is_some() {
                    self.break_with(format!("pod {} ended twice", pod.meta.name));
                }
            }
            Change::ContainerChanged(_, _, ContainerState::Running { .. }) => {
                if pod.status.start_time.is_none() || pod.status.pod_ip.is_none() {
                    self.break_with(format!("a container of pod {} runs nowhere", pod.meta.name));
                }
                if self.ended.contains_key(&uid) {
                    self.break_with(format!("a container of pod {} runs after the pod's end", pod.meta.name));
                }
            }
            _ => {}
        }
    }

    fn job_changed(&mut self, job: &Job) {
        let name = &job.meta.name;
        let now = &job.status;
        let before = self.jobs.insert(job.meta.uid, now.clone()).unwrap_or_default();
        if now.succeeded < before.succeeded || now.failed < before.failed {
            self.break_with(format!("Job {name} counts fewer: {before:?} became {now:?}"));
        }
        if before.finished().map(|end| end.kind) != now.finished().map(|end| end.kind)
            && before.finished().is_some()
        {
            self.break_with(format!("Job {name} finished twice: {before:?} became {now:?}"));
        }
        if job.spec.completions.is_some_and(|wanted| now.succeeded > wanted.max(job.spec.parallelism)) {
            self.break_with(format!("Job {name} has more successes than it could have: {now:?}"));
        }
    }

    /// What a roll-out wants of all sets that it has made stays within the surge, once its controller has seen the spec.
    /// A set whose Deployment was deleted with `Orphan` comes with its size to another one that selects it.
    fn deployment_changed(&mut self, id: DeploymentId, deployment: &Deployment, cluster: &Cluster) {
        let (spec, name) = (&deployment.spec, &deployment.meta.name);
        let is_seen = deployment.status.observed_generation == deployment.meta.generation;
        let is_own = |set: &ReplicaSet| set.meta.name.starts_with(&format!("{name}-"));
        let own = cluster.replica_sets_of(id).filter(|(_, set)| is_own(set));
        let n_wanted: u32 = own.map(|(_, set)| set.spec.replicas).sum();
        if is_seen && !spec.paused && n_wanted > surge_limit(spec) {
            self.break_with(format!("Deployment {name} wants {n_wanted} of {} pods", surge_limit(spec)));
        }
    }

    fn break_with(&mut self, what: String) {
        self.broken.push(format!("at {}: {what}", self.now));
    }
}

impl Observer for Laws {
    fn begin(&mut self, now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {
        if now < self.now {
            self.break_with(format!("the clock went back to {now}"));
        }
        self.now = now;
    }

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        if now != self.now && self.now != SimTime::ZERO {
            self.break_with(format!("a change at {now}"));
        }
        match change {
            Change::PodBound(id, _) | Change::PodPhaseChanged(id, ..) | Change::ContainerChanged(id, ..) => {
                self.pod_changed(change, *id, cluster)
            }
            Change::StatusChanged(ObjectId::Deployment(id)) => {
                if let Some(deployment) = cluster.deployment(*id) {
                    self.deployment_changed(*id, deployment, cluster);
                }
            }
            Change::StatusChanged(ObjectId::Job(id)) => {
                if let Some(job) = cluster.job(*id) {
                    self.job_changed(job);
                }
            }
            _ => {}
        }
    }
}

type Watched = Simulation<(RunObserver, Laws)>;

fn watched(scenario: &Arc<Scenario>) -> Watched {
    Simulation::new(Arc::clone(scenario), Default::default())
}

/// When a scenario ends at the latest.
pub fn end_of(scenario: &Scenario) -> SimTime {
    match scenario.horizon {
        cluster_sim::model::scenario::Horizon::At(at) | cluster_sim::model::scenario::Horizon::Quiet(at) => {
            at
        }
    }
}

/// Plays a world with all laws held against it after every event.
fn play_by_the_laws(world: &World) -> Result<(), TestCaseError> {
    let scenario = world.scenario();
    let limit = end_of(&scenario);
    let mut simulation = watched(&scenario);
    while simulation.n_events() < EVENTS_MAX && simulation.step(limit) {
        prop_assert!(simulation.now() <= limit, "an event after the horizon");
        let held = simulation.check_invariants();
        prop_assert!(held.is_ok(), "at {}: {}", simulation.now(), held.unwrap_err());
        let broken = &simulation.observer().1.broken;
        prop_assert!(broken.is_empty(), "{broken:#?}");
    }
    let is_quiet = !simulation.step(limit) && simulation.ending() == Ending::Quiet;
    let faults = if is_quiet { faults_of_quiet(simulation.cluster()) } else { Vec::new() };
    prop_assert!(faults.is_empty(), "{faults:#?}");
    Ok(())
}

/// What nobody will ever do anything about, though somebody should.
pub fn faults_of_quiet(cluster: &Cluster) -> Vec<String> {
    let mut faults = Vec::new();
    for (_, pod) in cluster.pods().iter() {
        let name = &pod.meta.name;
        let is_alive = |node| cluster.node(node).is_some_and(|node| node.signs.is_renewed());
        match pod.node {
            _ if pod.status.phase.is_terminal() => {}
            None if pod.meta.is_terminating() => {
                faults.push(format!("pod {name} is being deleted by nobody"))
            }
            None if pod.spec.node_name.is_some() => {}
            None => faults.extend(fault_of_unbound(pod)),
            Some(node) if is_alive(node) => faults.extend(fault_of_bound(pod)),
            Some(_) => {}
        }
    }
    for (id, set) in cluster.replica_sets().iter() {
        let owner = set.meta.owner.as_ref();
        if owner.is_some_and(|owner| cluster.meta(owner.object).is_none()) {
            faults.push(format!("ReplicaSet {} has lost its Deployment and is still there", set.meta.name));
        }
        let n_active = cluster.pods_of(id).filter(|(_, pod)| pod.is_active()).count();
        if n_active != set.spec.replicas as usize {
            faults.push(format!("ReplicaSet {} has {n_active} of {} pods", set.meta.name, set.spec.replicas));
        }
    }
    for (id, job) in cluster.jobs().iter() {
        let is_active = |pod: &Pod| !pod.status.phase.is_terminal() && !pod.meta.is_terminating();
        let active = cluster.pods_of(id).filter(|(_, pod)| is_active(pod)).count();
        if job.status.active as usize != active {
            faults.push(format!("Job {} says {} active of {active}", job.meta.name, job.status.active));
        }
        if job.status.finished().is_some() && active > 0 {
            faults.push(format!("Job {} is over and has {active} active pods", job.meta.name));
        }
        if !job.status.uncounted.succeeded.is_empty() || !job.status.uncounted.failed.is_empty() {
            faults.push(format!("Job {} has pods that it never counts", job.meta.name));
        }
    }
    faults
}

fn fault_of_unbound(pod: &Pod) -> Option<String> {
    let condition = pod.status.conditions.scheduled.as_ref();
    let says_why = condition.is_some_and(|c| c.status == ConditionStatus::False && c.message.is_some());
    (!says_why).then(|| format!("pod {} waits for a node and does not say why", pod.meta.name))
}

fn fault_of_bound(pod: &Pod) -> Option<String> {
    let containers = pod.status.init_containers.iter().chain(&pod.status.containers);
    let waits = |reason| containers.clone().any(|c| c.state == ContainerState::Waiting(reason));
    let is_stuck = pod.meta.is_terminating()
        || waits(WaitingReason::ContainerCreating)
        || waits(WaitingReason::CrashLoopBackOff)
        || waits(WaitingReason::ImagePullBackOff)
        || containers.clone().all(|c| !c.is_running());
    is_stuck.then(|| format!("pod {} is forgotten: {:?}", pod.meta.name, pod.status))
}

fn digest_of(scenario: &Arc<Scenario>) -> String {
    let mut simulation = watched(scenario);
    play_on(&mut simulation, EVENTS_MAX);
    simulation.observer().0.digest.hex()
}

fn play_on(simulation: &mut Watched, n_events: u64) {
    let limit = end_of(simulation.scenario());
    while simulation.n_events() < n_events && simulation.step(limit) {}
}

/// The times of all changes, with what changed but not how it is called.
#[derive(Debug, Clone, Default, PartialEq)]
struct Times(Vec<(SimTime, &'static str)>);

impl Observer for Times {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, _cluster: &Cluster) {
        self.0.push((now, change.name()));
    }
}

fn times_of(scenario: &Arc<Scenario>) -> Times {
    let limit = end_of(scenario);
    let mut simulation = Simulation::new(Arc::clone(scenario), Times::default());
    while simulation.n_events() < EVENTS_MAX && simulation.step(limit) {}
    simulation.into_observer()
}

/// When an attempt started, and when it ended.
type Run = (SimTime, Option<SimTime>);

/// What became of a Job, with the times of its attempts and without their nodes.
fn course_of_job(scenario: &Arc<Scenario>, name: &str) -> Option<(JobStatus, Vec<Run>)> {
    let mut simulation = watched(scenario);
    play_on(&mut simulation, u64::MAX);
    let jobs = simulation.observer().0.jobs.jobs();
    let job = jobs.iter().find(|job| &*job.name == name && &*job.namespace == "default")?;
    let mut status = job.status.clone();
    status.uncounted = Default::default();
    Some((status, job.attempts.iter().map(|run| (run.start, run.end.map(|end| end.at))).collect()))
}

/// A Job that runs `image` on nodes with room for everything.
fn roomy_world(namespace: &str, jobs: &[(&str, &str, u32, u32)], images: Value) -> World {
    let job = |(name, image, completions, parallelism): &(&str, &str, u32, u32)| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace},
               "spec": {"completions": completions, "parallelism": parallelism, "template": {"spec": {
                   "restartPolicy": "Never", "containers": [{"name": "c", "image": image}]}}}})
    };
    let pools = json!([{"name": "a", "count": 3, "capacity": {"cpu": 64, "memory": "256Gi"}}]);
    World { spec: json!({"nodePools": pools, "images": images}), objects: jobs.iter().map(job).collect() }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn every_world_keeps_the_laws_after_every_event(world in worlds(Chance::Some)) {
        play_by_the_laws(&world)?;
    }
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn neither_order_nor_names_of_files_nor_where_they_are_cut_matter(
        world in worlds(Chance::Some),
        order in any::<proptest::sample::Index>(),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut documents = world.documents();
        documents.rotate_left(order.index(world.documents().len()));
        documents.reverse();
        let (first, second) = documents.split_at(cut.index(documents.len()));
        let files = [("z/other.yaml", second), ("another name.yaml", first)];
        let files: Vec<_> = files.into_iter().filter(|(_, documents)| !documents.is_empty()).collect();
        prop_assert_eq!(digest_of(&world.scenario()), digest_of(&scenario_of(&files)));
    }

    #[test]
    fn a_simulation_and_its_clone_go_the_same_way(world in worlds(Chance::Some), n_events in 1..500_u64) {
        let mut simulation = watched(&world.scenario());
        play_on(&mut simulation, n_events);
        let mut clone = simulation.clone();
        play_on(&mut simulation, EVENTS_MAX);
        play_on(&mut clone, EVENTS_MAX);
        let (one, other) = (simulation.observer(), clone.observer());
        prop_assert_eq!(one.0.digest.hex(), other.0.digest.hex());
        prop_assert_eq!(digest_of(&world.scenario()), one.0.digest.hex());
    }

    #[test]
    fn whole_weeks_make_no_difference(world in worlds(Chance::None), n_weeks in 1..200_i64) {
        let started = |at: &str| {
            let mut world = world.clone();
            world.spec["startTime"] = json!(at);
            world.scenario()
        };
        let (one, other) = (started("2027-01-01T00:00:00Z"), started(&weeks_after_new_year_2027(n_weeks)));
        prop_assert_eq!(times_of(&one), times_of(&other));
    }

    #[test]
    fn a_job_elsewhere_that_takes_nothing_away_changes_nothing(
        (completions, parallelism) in (1..9_u32, 1..9_u32),
        (own, other) in (1..200_u32, 1..200_u32),
        code in 0..2_i32,
    ) {
        let images = json!({
            "own": {"steps": [{"run": {"exponential": format!("{own}s")}}, {"exit": {"0": 0.8, "1": 0.2}}]},
            "other": {"steps": [{"run": format!("{other}s")}, {"exit": code}]},
        });
        let alone = roomy_world("default", &[("own", "own", completions, parallelism)], images.clone());
        let mut both = alone.clone();
        both.objects.extend(roomy_world("elsewhere", &[("other", "other", 5, 2)], images).objects);
        let course = course_of_job(&alone.scenario(), "own");
        prop_assert!(course.is_some());
        prop_assert_eq!(course, course_of_job(&both.scenario(), "own"));
    }

    #[test]
    fn a_faster_process_never_makes_a_job_without_failures_finish_later(
        (completions, parallelism) in (1..9_u32, 1..9_u32),
        (one, other) in (0..200_000_u32, 0..200_000_u32),
    ) {
        let end_with = |millis: u32| {
            let images = json!({"i": {"steps": [{"run": format!("{millis}ms")}, {"exit": 0}]}});
            let world = roomy_world("default", &[("job", "i", completions, parallelism)], images);
            course_of_job(&world.scenario(), "job").and_then(|(status, _)| status.completion_time)
        };
        let (faster, slower) = (end_with(one.min(other)), end_with(one.max(other)));
        prop_assert!(faster.is_some() && slower.is_some());
        prop_assert!(faster <= slower, "{faster:?} {slower:?}");
    }
}

/// An instant as RFC 3339.
fn weeks_after_new_year_2027(n_weeks: i64) -> String {
    let secs = 1_798_761_600 + n_weeks * 7 * 24 * 3600;
    chrono::DateTime::from_timestamp(secs, 0).unwrap().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
