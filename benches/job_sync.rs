//! Syncs of Jobs: the decision alone, without the cluster that it is put into effect in.
//!
//! Goal: one million per second on one core for the usual Job.

use std::hint::black_box;
use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::controllers::job::backoff::BackoffRecord;
use cluster_sim::controllers::job::birth::{creation, pod_labels};
use cluster_sim::controllers::job::census::Expectations;
use cluster_sim::controllers::job::scale::Action;
use cluster_sim::controllers::job::scene::{Behaviour, Scene};
use cluster_sim::controllers::job::sync::{Memory, Outcome, plan};
use cluster_sim::engine::{SimTime, Streams};
use cluster_sim::event::{Command, Creation, StatusUpdate};
use cluster_sim::manifest::convert;
use cluster_sim::manifest::defaults;
use cluster_sim::manifest::wire;
use cluster_sim::model::ids::{JobId, ObjectId, PodId};
use cluster_sim::model::meta::Labels;
use cluster_sim::model::pod::Pod;
use cluster_sim::model::pod_status::{ContainerRef, ContainerState, Termination, TerminationReason};
use cluster_sim::model::profile::Profile;
use cluster_sim::model::scenario::{NewObject, NewSpec};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};

const NOW: SimTime = SimTime::from_secs(60);

/// A cluster with one Job and its pods.
struct Bench {
    cluster: Cluster,
    job: JobId,
    behaviour: Behaviour,
}

impl Bench {
    /// A Job whose first sync has created its pods, which all run.
    fn new(spec: Value) -> Self {
        let profile = Profile::default();
        let mut cluster = Cluster::new(Streams::new(1));
        let created = apply(&mut cluster, Command::Create(Box::new(Creation::of(new_job(spec, &profile)))));
        let Some(ObjectId::Job(job)) = created else { panic!("a Job was to be created") };
        let mut bench = Self { cluster, job, behaviour: Behaviour::of(&profile) };
        bench.sync_for_good();
        for (pod, _) in bench.pods().into_iter().map(|(id, pod)| (id, pod.node)).collect::<Vec<_>>() {
            let running = ContainerState::Running { started_at: NOW, is_started: true, is_ready: true };
            bench.set_container(pod, running);
        }
        bench.sync_for_good();
        bench
    }

    /// The same once its first pod has ended with this exit code.
    fn with_end(mut self, exit_code: i32) -> Self {
        let pod = self.pods()[0].0;
        let (reason, started_at, finished_at) = (TerminationReason::Completed, NOW, NOW);
        let end = Termination { exit_code, reason, started_at, finished_at };
        self.set_container(pod, ContainerState::Terminated(end));
        self
    }

    fn set_container(&mut self, pod: PodId, state: ContainerState) {
        apply(&mut self.cluster, Command::SetContainer(pod, ContainerRef::App(0), state));
    }

    fn scene(&self) -> Scene<'_> {
        Scene { job: &self.cluster.jobs()[self.job], now: NOW, behaviour: &self.behaviour }
    }

    fn pods(&self) -> Vec<(PodId, &Pod)> {
        self.cluster.pods_of(self.job).collect()
    }

    /// One whole sync up to the last write; returns the number of writes.
    fn sync(&self, pods: &[(PodId, &Pod)]) -> usize {
        let scene = self.scene();
        let plan =
            plan(&scene, pods, &Memory { record: BackoffRecord::default(), expectations: Expectations::MET });
        let n_done = match &plan.action {
            Action::Create(births) => births.len(),
            Action::Remove(victims) | Action::End(victims) => victims.len(),
            Action::Unmanaged | Action::Keep | Action::Wait(_) => 0,
        };
        let mut account = plan.account(&scene, &Outcome { n_done: n_done as u32, n_ready_deleted: 0 });
        let first = account.write.take();
        let settlement = account.settle(&scene, &[]);
        usize::from(first.is_some()) + usize::from(settlement.write.is_some())
    }

    /// A sync that is put into effect as far as pods are created and the status is written.
    fn sync_for_good(&mut self) {
        let (scene, pods) = (self.scene(), self.pods());
        let plan = plan(
            &scene,
            &pods,
            &Memory { record: BackoffRecord::default(), expectations: Expectations::MET },
        );
        let births = if let Action::Create(births) = &plan.action { births.clone() } else { Vec::new() };
        let labels = pod_labels(scene.job);
        let creations: Vec<_> =
            births.iter().map(|marks| creation(&scene, self.job, &labels, *marks)).collect();
        let account = plan.account(&scene, &Outcome { n_done: births.len() as u32, n_ready_deleted: 0 });
        let status = account.write.clone();
        for creation in creations {
            apply(&mut self.cluster, Command::Create(Box::new(creation)));
        }
        if let Some(status) = status {
            apply(&mut self.cluster, Command::UpdateStatus(Box::new(StatusUpdate::Job(self.job, status))));
        }
    }
}

fn apply(cluster: &mut Cluster, command: Command) -> Option<ObjectId> {
    cluster.apply(NOW, command, &mut Vec::new()).expect("the cluster takes the write")
}

fn new_job(mut spec: Value, profile: &Profile) -> NewObject {
    spec["template"] =
        json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "i"}]}});
    let mut job: wire::job::Job = wire::decode_json(&json!({"spec": spec})).expect("a Job");
    defaults::job(&mut job, profile);
    NewObject {
        namespace: "default".into(),
        name: "job".into(),
        labels: Labels::default(),
        annotations: Labels::default(),
        spec: NewSpec::Job(Arc::new(convert::job::job_spec(&job.spec))),
        manifest: Arc::default(),
    }
}

fn syncs(criterion: &mut Criterion) {
    let plain = || Bench::new(json!({"parallelism": 3, "completions": 10}));
    let indexed = || Bench::new(json!({"parallelism": 3, "completions": 10, "completionMode": "Indexed"}));
    let limited = || {
        Bench::new(json!({
            "parallelism": 3, "completions": 10, "completionMode": "Indexed", "backoffLimitPerIndex": 2,
        }))
    };
    let cases = [
        ("nothing to do", plain()),
        ("one pod succeeded", plain().with_end(0)),
        ("one pod failed", plain().with_end(1)),
        ("indexed, nothing to do", indexed()),
        ("indexed, one pod succeeded", indexed().with_end(0)),
        ("limits per index, one pod failed", limited().with_end(1)),
        ("work queue", Bench::new(json!({"parallelism": 3}))),
    ];
    let mut group = criterion.benchmark_group("job_sync");
    group.throughput(Throughput::Elements(1));
    for (name, bench) in &cases {
        let pods = bench.pods();
        group.bench_function(*name, |bencher| bencher.iter(|| bench.sync(black_box(&pods))));
    }
    group.finish();
}

criterion_group!(benches, syncs);
criterion_main!(benches);
