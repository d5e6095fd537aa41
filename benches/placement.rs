//! Placing pods on a cluster in use: one attempt of the scheduler and the binding, at a steady 60 % of the cpu.
//!
//! `adaptive` looks for as many feasible nodes as the scheduler does by default, `every_node` at all of them. With
//! `spread` all pods are spread over zones and hosts among those of their app, with `apart` they rather keep away from
//! hosts with pods of their app.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::engine::{SimDuration, SimTime, Streams};
use cluster_sim::event::{Change, Command, Creation};
use cluster_sim::model::ids::{ObjectId, PodId};
use cluster_sim::model::meta::Labels;
use cluster_sim::model::node::{LABEL_HOSTNAME, LABEL_ZONE, NodeSpec};
use cluster_sim::model::pod::PodSpec;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::resources::{Bytes, Millicores, Resources};
use cluster_sim::model::scenario::{NewObject, NewSpec};
use cluster_sim::scheduler::config::SchedulerConfig;
use cluster_sim::scheduler::cycle::{self, Outcome};
use cluster_sim::scheduler::framework::CycleContext;
use cluster_sim::scheduler::listers::Listers;
use cluster_sim::scheduler::snapshot::Snapshot;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Cpu [millicores] and memory [MiB] of pods, each with its weight.
const SHAPES: [(i64, i64, u32); 12] = [
    (100, 128, 20),
    (100, 256, 10),
    (250, 256, 14),
    (250, 512, 12),
    (500, 512, 10),
    (500, 1024, 10),
    (1000, 1024, 6),
    (1000, 4096, 6),
    (2000, 2048, 4),
    (2000, 8192, 4),
    (4000, 8192, 3),
    (8000, 16384, 1),
];

/// The apps among which pods are told apart.
const N_APPS: u64 = 20;
/// The zones of the nodes.
const N_ZONES: usize = 3;

/// What pods want of each other.
#[derive(Clone, Copy)]
enum Wish {
    Nothing,
    Spread,
    Apart,
}

struct World {
    cluster: Cluster,
    snapshot: Snapshot,
    profile: Profile,
    config: SchedulerConfig,
    listers: Listers,
    streams: Streams,
    specs: Vec<Arc<PodSpec>>,
    next_start: usize,
    n_created: u64,
    running: VecDeque<PodId>,
    changes: Vec<Change>,
}

impl World {
    fn new(n_nodes: usize, wish: Wish) -> Self {
        let streams = Streams::new(42);
        let mut world = Self {
            cluster: Cluster::new(streams.clone()),
            snapshot: Snapshot::default(),
            profile: Profile::default(),
            config: SchedulerConfig::default(),
            listers: Listers::default(),
            streams,
            specs: specs(wish),
            next_start: 0,
            n_created: 0,
            running: VecDeque::new(),
            changes: Vec::new(),
        };
        let offered = amounts(32_000, 131_072);
        for at in 0..n_nodes {
            let spec = NodeSpec {
                capacity: offered.clone(),
                allocatable: offered.clone(),
                max_pods: 110,
                ..NodeSpec::default()
            };
            let (name, zone) = (format!("node-{at}"), format!("zone-{}", at % N_ZONES));
            let labels = Labels::from_iter([(LABEL_HOSTNAME, name.as_str()), (LABEL_ZONE, zone.as_str())]);
            world.create(&name, labels, NewSpec::Node(spec));
        }
        world.snapshot = Snapshot::of(&world.cluster);
        if matches!(wish, Wish::Apart) {
            world.snapshot.groups.note_affinity();
        }
        let mean = SHAPES.iter().map(|(cpu, _, weight)| cpu * i64::from(*weight)).sum::<i64>() / 100;
        for _ in 0..(n_nodes as i64 * 32_000 * 6 / 10 / mean) {
            world.place();
        }
        world
    }

    fn create(&mut self, name: &str, labels: Labels, spec: NewSpec) -> ObjectId {
        let object = NewObject {
            namespace: "default".into(),
            name: name.into(),
            labels,
            annotations: Labels::default(),
            spec,
            manifest: Arc::new(serde_json::Value::Null),
        };
        let command = Command::Create(Box::new(Creation::of(object)));
        let created = self.cluster.apply(SimTime::ZERO, command, &mut self.changes);
        created.expect("the name is new").expect("an object is created")
    }

    /// Creates a pod, places and binds it.
    fn place(&mut self) {
        self.n_created += 1;
        let spec = self.specs[draw_shape(self.n_created)].clone();
        let app = format!("app-{}", self.n_created % N_APPS);
        let labels = Labels::from_iter([("app", app.as_str())]);
        let ObjectId::Pod(id) = self.create(&format!("pod-{}", self.n_created), labels, NewSpec::Pod(spec))
        else {
            unreachable!("a pod is created");
        };
        let outcome = self.attempt(id);
        let Outcome::Scheduled(choice) = outcome else { panic!("there is room: {outcome:?}") };
        self.write(Command::BindPod(id, choice.node));
        self.snapshot.note_usage(choice.node);
        self.running.push_back(id);
    }

    fn attempt(&mut self, id: PodId) -> Outcome {
        self.snapshot.refresh(&self.cluster);
        let cx = CycleContext {
            cluster: &self.cluster,
            profile: &self.profile,
            config: &self.config,
            listers: &self.listers,
            pod: &self.cluster.pods()[id],
        };
        let attempt = cycle::attempt(&cx, &mut self.snapshot, Vec::new(), self.next_start, &self.streams);
        self.next_start = attempt.next_start;
        attempt.outcome
    }

    /// Ends the pod that runs for the longest time.
    fn end_oldest(&mut self) {
        if let Some(id) = self.running.pop_front() {
            let node = self.cluster.pods()[id].node.expect("it was bound");
            self.write(Command::DeletePod(id, Some(SimDuration::ZERO)));
            self.snapshot.note_usage(node);
        }
    }

    fn write(&mut self, command: Command) {
        self.cluster.apply(SimTime::ZERO, command, &mut self.changes).expect("the write is possible");
        self.changes.clear();
    }
}

/// A shape by weight, by a multiplicative hash of the pod's number.
fn draw_shape(number: u64) -> usize {
    let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let mut rest = ((hash * 100) >> 32) as u32;
    for (at, (_, _, weight)) in SHAPES.iter().enumerate() {
        match rest.checked_sub(*weight) {
            Some(less) => rest = less,
            None => return at,
        }
    }
    unreachable!("the weights sum up to 100")
}

fn amounts(cpu: i64, mebibytes: i64) -> Resources {
    Resources { cpu: Millicores(cpu), memory: Bytes(mebibytes << 20), ..Resources::default() }
}

fn specs(wish: Wish) -> Vec<Arc<PodSpec>> {
    let of = |(cpu, memory, _): &(i64, i64, u32)| Arc::new(spec(amounts(*cpu, *memory), wish));
    SHAPES.iter().map(of).collect()
}

fn spec(requests: Resources, wish: Wish) -> PodSpec {
    let mut manifest = serde_json::json!({
        "metadata": {},
        "spec": {"containers": [{"name": "main", "image": "app:1", "resources": {"requests": {
            "cpu": format!("{}m", requests.cpu.0), "memory": requests.memory.0.to_string(),
        }}}]},
    });
    let constraint = |key: &str, action: &str| {
        serde_json::json!({
            "maxSkew": 5, "topologyKey": key, "whenUnsatisfiable": action,
            "labelSelector": {"matchLabels": {}}, "matchLabelKeys": ["app"],
        })
    };
    match wish {
        Wish::Nothing => {}
        Wish::Spread => {
            manifest["spec"]["topologySpreadConstraints"] = serde_json::json!([
                constraint(LABEL_ZONE, "DoNotSchedule"),
                constraint(LABEL_HOSTNAME, "ScheduleAnyway"),
            ]);
        }
        Wish::Apart => {
            let term = serde_json::json!({
                "topologyKey": LABEL_HOSTNAME, "labelSelector": {}, "matchLabelKeys": ["app"],
            });
            manifest["spec"]["affinity"]["podAntiAffinity"] = serde_json::json!({
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}],
            });
        }
    }
    let mut pod: cluster_sim::manifest::wire::pod::Pod = serde_json::from_value(manifest).expect("a pod");
    cluster_sim::manifest::defaults::pod(&mut pod);
    cluster_sim::manifest::convert::pod::pod_spec(&pod.spec)
}

fn placement(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("placement");
    group.throughput(Throughput::Elements(1));
    let all: &[usize] = &[100, 1_000, 10_000];
    for (name, percentage, wish, sizes) in [
        ("adaptive", None, Wish::Nothing, all),
        ("every_node", Some(100), Wish::Nothing, all),
        ("spread", None, Wish::Spread, &all[..2]),
        ("apart", None, Wish::Apart, &all[..2]),
    ] {
        for n_nodes in sizes.iter().copied() {
            let mut world = World::new(n_nodes, wish);
            world.config.percentage_of_nodes_to_score = percentage;
            group.bench_function(format!("{name}/{n_nodes}"), |bencher| {
                bencher.iter(|| {
                    world.place();
                    world.end_oldest();
                    black_box(world.next_start)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, placement);
criterion_main!(benches);
