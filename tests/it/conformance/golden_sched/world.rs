//! A cluster in the state that a case describes, and what the scheduler keeps of it.

use std::collections::BTreeMap;

use cluster_sim::cluster::Cluster;
use cluster_sim::engine::{SimDuration, SimTime, Streams};
use cluster_sim::event::{Change, Command, Creation, StatusUpdate};
use cluster_sim::model::ids::{NodeId, ObjectId, PodId};
use cluster_sim::model::pod::Pod;
use cluster_sim::model::pod_status::PodReason;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::scenario::{NewObject, NewSpec};
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::model::wall_clock::WallClock;
use cluster_sim::scheduler::config::{SchedulerConfig, TieBreak};
use cluster_sim::scheduler::cycle::{self, Attempt};
use cluster_sim::scheduler::explain::{self, Explanation, Scope};
use cluster_sim::scheduler::framework::CycleContext;
use cluster_sim::scheduler::listers::Listers;
use cluster_sim::scheduler::nominations::Nominations;
use cluster_sim::scheduler::snapshot::Snapshot;
use serde_json::Value;

use super::objects::{self, list, text};

/// A cluster and what the scheduler keeps of it.
pub struct World {
    pub cluster: Cluster,
    pub profile: Profile,
    pub config: SchedulerConfig,
    pub listers: Listers,
    pub snapshot: Snapshot,
    pub nominations: Nominations,
    pub clock: WallClock,
    pub now: SimTime,
    /// By index in the input.
    pub nodes: Vec<NodeId>,
    /// By `namespace/name`.
    pub pods: BTreeMap<String, PodId>,
}

/// The settings of a case.
pub fn config(case: &Value) -> SchedulerConfig {
    let percentage = case["percentageOfNodesToScore"].as_u64().unwrap_or(100);
    SchedulerConfig {
        percentage_of_nodes_to_score: Some(percentage as u32).filter(|percentage| *percentage > 0),
        tie_break: TieBreak::Oldest,
        ..SchedulerConfig::default()
    }
}

/// The civil time that a case begins at, and the instant of it: pods have started before.
pub fn clock() -> (WallClock, SimTime) {
    let time = |text| UnixTime::parse_rfc3339(text).expect("a time");
    let clock = WallClock { start: time("2023-12-01T00:00:00Z") };
    (clock, clock.instant(time("2024-01-01T00:00:00Z")).expect("it is later"))
}

impl World {
    /// The state that a case begins with.
    pub fn new(case: &Value) -> Self {
        let (clock, now) = clock();
        let of_ops = list(&case["ops"]).map(|op| &op["pod"]).filter(|pod| pod.is_object());
        let given = list(&case["pods"]).chain([&case["pod"]]).chain(of_ops);
        let mut world = Self {
            cluster: Cluster::new(Streams::new(1)),
            profile: super::profile(case),
            config: config(case),
            listers: objects::listers(case, given),
            snapshot: Snapshot::default(),
            nominations: Nominations::default(),
            clock,
            now,
            nodes: Vec::new(),
            pods: BTreeMap::new(),
        };
        world.add_budgets_and_services(case);
        list(&case["nodes"]).for_each(|node| {
            world.add_node(node);
        });
        list(&case["pods"]).for_each(|pod| {
            world.add_existing_pod(pod);
        });
        world
    }

    /// Has the cluster do a write, and the scheduler's memory follow.
    pub fn write(&mut self, command: Command) -> Option<ObjectId> {
        let mut changes = Vec::new();
        let created = self.cluster.apply(self.now, command, &mut changes).expect("the write is possible");
        for change in &changes {
            self.note(change);
        }
        created
    }

    /// What the scheduler does when it is shown a change, as far as its snapshot goes.
    fn note(&mut self, change: &Change) {
        let cluster = &self.cluster;
        match change {
            Change::Created(ObjectId::Node(id)) => self.snapshot.note_added(*id, cluster),
            Change::Created(ObjectId::Pod(id))
                if !cluster.pods()[*id].spec.placement.pod_affinity.is_empty() =>
            {
                self.snapshot.groups.note_affinity();
            }
            Change::NodeChanged(id, _) => self.snapshot.note_changed(*id, cluster),
            Change::NodeDeleted(id, _) => self.snapshot.note_removed(*id),
            Change::PodBound(pod, node) => {
                self.nominations.remove(*pod);
                self.snapshot.note_usage(*node);
            }
            Change::PodNominated(pod, node) => self.nominations.set(*pod, *node),
            Change::PodDeleted(pod, gone) => {
                self.nominations.remove(*pod);
                gone.node.iter().for_each(|node| self.snapshot.note_usage(*node));
            }
            Change::PodPhaseChanged(pod, ..) | Change::PodDeletionRequested(pod, _) => {
                if let Some(node) = cluster.pods()[*pod].node {
                    self.snapshot.note_pod(*pod, node);
                }
            }
            _ => {}
        }
    }

    fn create(&mut self, object: NewObject) -> ObjectId {
        self.write(Command::Create(Box::new(Creation::of(object)))).expect("an object is created")
    }

    /// Creates the budgets and Services of a case, and has the scheduler read them.
    fn add_budgets_and_services(&mut self, case: &Value) {
        for (at, service) in list(&case["services"]).enumerate() {
            self.create(objects::service(service, at));
        }
        for (at, budget) in list(&case["pdbs"]).enumerate() {
            let created = self.create(objects::budget(budget, at));
            let ObjectId::PodDisruptionBudget(id) = created else { panic!("a budget is created") };
            let status = objects::budget_status(budget);
            self.write(Command::UpdateStatus(Box::new(StatusUpdate::PodDisruptionBudget(id, status))));
        }
        self.listers.refresh(&self.cluster);
    }

    pub fn add_node(&mut self, manifest: &Value) -> NodeId {
        let ObjectId::Node(id) = self.create(objects::node(manifest)) else { panic!("a node is created") };
        self.nodes.push(id);
        id
    }

    pub fn update_node(&mut self, manifest: &Value) {
        let node = objects::node(manifest);
        let id = self.cluster.find_node(&node.name).expect("the node is there");
        let NewSpec::Node(spec) = node.spec else { panic!("a node has a node's spec") };
        self.write(Command::UpdateNode(id, node.labels, Box::new(spec)));
    }

    pub fn add_pod(&mut self, manifest: &Value) -> PodId {
        let pod = objects::pod(manifest);
        let key = format!("{}/{}", pod.namespace, pod.name);
        let ObjectId::Pod(id) = self.create(pod) else { panic!("a pod is created") };
        self.pods.insert(key, id);
        id
    }

    /// A pod to place; one that names its node is not bound, as the framework sees it.
    pub fn add_incoming_pod(&mut self, manifest: &Value) -> PodId {
        let mut unbound = manifest.clone();
        unbound["spec"]["nodeName"].take();
        let id = self.add_pod(&unbound);
        let pod = objects::pod(manifest);
        let NewSpec::Pod(spec) = pod.spec else { panic!("a pod has a pod's spec") };
        self.write(Command::UpdatePod(id, pod.labels, spec));
        self.add_status(id, manifest);
        id
    }

    /// A pod that has a history.
    pub fn add_existing_pod(&mut self, manifest: &Value) -> PodId {
        let id = self.add_pod(manifest);
        self.add_status(id, manifest);
        id
    }

    /// Gives a pod its history.
    fn add_status(&mut self, id: PodId, manifest: &Value) {
        let (status, now) = (&manifest["status"], self.now);
        if let Some(start) = status["startTime"].as_str() {
            let start = UnixTime::parse_rfc3339(start).expect("a time");
            self.now = self.clock.instant(start).expect("pods start after the epoch of the run");
            self.write(Command::AcceptPod(id));
            self.now = now;
        }
        if matches!(text(&status["phase"]), "Succeeded" | "Failed") {
            self.write(Command::FailPod(id, PodReason::Evicted, "".into()));
        }
        if !manifest["metadata"]["deletionTimestamp"].is_null() {
            self.write(Command::DeletePod(id, Some(SimDuration::from_secs(30))));
        }
        for condition in list(&status["conditions"]).filter(|c| c["type"] == "DisruptionTarget") {
            let reason = text(&condition["reason"]).into();
            self.write(Command::SetDisruptionTarget(id, reason, "".into()));
        }
        if let Some(name) = status["nominatedNodeName"].as_str() {
            let node = self.cluster.find_node(name);
            self.write(Command::NominateNode(id, node));
        }
    }

    pub fn pod(&self, id: PodId) -> &Pod {
        &self.cluster.pods()[id]
    }

    /// The name of a node.
    pub fn name(&self, node: NodeId) -> &str {
        &self.cluster.nodes()[node].meta.name
    }

    /// The names of nodes, by index in the input.
    pub fn names(&self, nodes: &[NodeId]) -> Vec<&str> {
        self.nodes.iter().filter(|node| nodes.contains(node)).map(|node| self.name(*node)).collect()
    }

    /// Tries to place a pod.
    pub fn attempt(&mut self, id: PodId, start: usize) -> Attempt {
        let (cx, snapshot, nominations) = self.context(id);
        let rivals = nominations.rivals(cx.pod, cx.cluster, snapshot);
        cycle::attempt(&cx, snapshot, rivals, start, &Streams::new(1))
    }

    /// What the scheduler thinks of all nodes.
    pub fn explain(&mut self, id: PodId) -> Explanation {
        let (cx, snapshot, nominations) = self.context(id);
        let rivals = nominations.rivals(cx.pod, cx.cluster, snapshot);
        explain::explain_on(&cx, snapshot, rivals, Scope::AllNodes)
    }

    /// What plugins are run with.
    pub fn context(&mut self, id: PodId) -> (CycleContext<'_>, &mut Snapshot, &Nominations) {
        self.snapshot.refresh(&self.cluster);
        let cx = CycleContext {
            cluster: &self.cluster,
            profile: &self.profile,
            config: &self.config,
            listers: &self.listers,
            pod: &self.cluster.pods()[id],
        };
        (cx, &mut self.snapshot, &self.nominations)
    }
}
