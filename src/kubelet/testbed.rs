//! A cluster with nothing but kubelets, and pods that name their node, for the tests of this component.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::component::{Component, Context, Observer, Turn, Watch};
use crate::engine::{Calendar, Distribution, SimDuration, SimTime, Streams};
use crate::event::{Change, Command, Creation, Event};
use crate::kubelet::{Kubelet, RunLog};
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::meta::{Labels, Name};
use crate::model::node::NodeSpec;
use crate::model::pod::{
    Container, ContainerResources, Derived, JobPod, PodSpec, PreemptionPolicy, PullPolicy, RestartPolicy,
};
use crate::model::pod_status::{ContainerRef, ContainerState};
use crate::model::probe::{Lifecycle, Probes};
use crate::model::profile::Profile;
use crate::model::program::{Program, Step};
use crate::model::resources::{Bytes, InitKind, Millicores, Resources};
use crate::model::scenario::{NewObject, NewSpec, Timing};
use crate::model::scheduling::Placement;
use crate::model::wall_clock::WallClock;

/// A container with a name and an image, and nothing else.
pub(super) fn container(name: &str, image: &str) -> Container {
    Container {
        name: name.into(),
        image: image.into(),
        pull_policy: PullPolicy::IfNotPresent,
        ports: Vec::new(),
        requests: ContainerResources::default(),
        limits: ContainerResources::default(),
        init_kind: InitKind::Ordinary,
        mounts: Vec::new(),
        probes: Probes::default(),
        lifecycle: Lifecycle::default(),
    }
}

/// A pod of these containers for `node-0`, otherwise as the API server would make it.
pub(super) fn pod_spec(containers: Vec<Container>) -> PodSpec {
    PodSpec {
        init_containers: Vec::new(),
        containers,
        restart_policy: RestartPolicy::Always,
        termination_grace: SimDuration::from_secs(30),
        active_deadline: None,
        node_name: Some("node-0".into()),
        scheduler_name: "default-scheduler".into(),
        priority: 0,
        priority_class: None,
        preemption_policy: PreemptionPolicy::PreemptLowerPriority,
        placement: Placement::default(),
        scheduling_gates: Vec::new(),
        host_network: false,
        overhead: Resources::default(),
        volumes: Vec::new(),
        derived: Derived::default(),
    }
}

/// The number of nodes.
const N_NODES: usize = 2;

/// A cluster, its kubelets and time.
pub(super) struct Testbed {
    /// The cluster.
    pub(super) cluster: Cluster,
    /// The kubelets.
    pub(super) kubelet: Kubelet,
    context: Context,
    calendar: Calendar<Event>,
    changes: Vec<Change>,
    journal: Journal,
    n_events: usize,
}

/// What happened, as lines of text.
#[derive(Default)]
struct Journal {
    lines: Vec<String>,
    tells_readiness: bool,
    records: Vec<String>,
}

impl Testbed {
    /// Two nodes with room for 4 cores, 8 GiB and 110 pods each, and these programs.
    pub(super) fn new(programs: Vec<(&str, Program)>, timing: Timing) -> Self {
        let streams = Streams::new(1);
        let programs: BTreeMap<Name, Program> =
            programs.into_iter().map(|(name, program)| (name.into(), program)).collect();
        let start = "2027-03-27T00:00:00Z";
        let clock = WallClock { start: crate::model::unix_time::UnixTime::parse_rfc3339(start).unwrap() };
        let mut bed = Self {
            cluster: Cluster::new(streams.clone()),
            kubelet: Kubelet::new(Arc::new(programs)),
            context: Context { profile: Profile::default(), timing, streams, clock },
            calendar: Calendar::new(),
            changes: Vec::new(),
            journal: Journal::default(),
            n_events: 0,
        };
        for n in 0..N_NODES {
            let allocatable =
                Resources { cpu: Millicores(4000), memory: Bytes(8 << 30), ..Resources::default() };
            let spec =
                NodeSpec { capacity: allocatable.clone(), allocatable, max_pods: 110, ..NodeSpec::default() };
            bed.create("", &format!("node-{n}"), NewSpec::Node(spec), None);
        }
        bed
    }

    /// Creates a pod in the namespace `default`.
    pub(super) fn pod(&mut self, name: &str, spec: PodSpec) -> PodId {
        self.create_pod(name, spec, None)
    }

    /// Creates a pod with the finalizer of a Job.
    pub(super) fn job_pod(&mut self, name: &str, spec: PodSpec) -> PodId {
        self.create_pod(name, spec, Some(JobPod { has_finalizer: true, ..JobPod::default() }))
    }

    fn create_pod(&mut self, name: &str, spec: PodSpec, job: Option<JobPod>) -> PodId {
        match self.create("default", name, NewSpec::Pod(Arc::new(spec.derive())), job) {
            ObjectId::Pod(id) => id,
            other => unreachable!("{other:?} is no pod"),
        }
    }

    /// Plays everything up to an instant [s], that instant included.
    pub(super) fn run_until(&mut self, secs: u64) {
        let end = SimTime::from_secs(secs);
        while let Some(due) = self.calendar.pop_until(end) {
            self.n_events += 1;
            self.turn(|kubelet, turn| kubelet.on_event(due.event, turn));
            self.cluster.check_invariants().unwrap();
            self.kubelet.check_invariants(&self.cluster).unwrap();
        }
        self.calendar.schedule(end, Event::PodGcDue.rank(), Event::PodGcDue);
        self.calendar.pop();
    }

    /// Has the cluster do a write now.
    pub(super) fn write(&mut self, command: Command) {
        self.turn(|_, turn| turn.write(command));
    }

    /// Makes an event due now.
    pub(super) fn happen(&mut self, event: Event) {
        self.calendar.schedule(self.calendar.now(), event.rank(), event);
    }

    /// Stops the kubelets and starts them again with an empty memory.
    pub(super) fn restart_kubelets(&mut self) {
        self.kubelet.start(&mut Watch::new(&self.context, &self.cluster, &mut self.calendar));
    }

    /// Kubelets reach the API server again.
    pub(super) fn find_api_server(&mut self) {
        self.turn(|kubelet, turn| kubelet.find_api_server(turn));
    }

    /// Has the timeline tell when pods become ready and cease to be.
    pub(super) const fn tell_readiness(&mut self) {
        self.journal.tells_readiness = true;
    }

    /// What happened since the last look, a line each: `10s pod/app=Terminated(1)` and so on.
    pub(super) fn timeline(&mut self) -> Vec<String> {
        std::mem::take(&mut self.journal.lines)
    }

    /// The records since the last look: reason and message.
    pub(super) fn records(&mut self) -> Vec<String> {
        std::mem::take(&mut self.journal.records)
    }

    /// How many events were handled.
    pub(super) const fn n_events(&self) -> usize {
        self.n_events
    }

    /// Whether nothing is left to happen.
    pub(super) fn is_quiet(&self) -> bool {
        self.calendar.is_empty()
    }

    /// The log of the present run of a container, a line each.
    pub(super) fn log(&self, pod: PodId, container: ContainerRef) -> Vec<String> {
        let log = self.kubelet.logs(pod).and_then(|logs| logs.container(container));
        log.map_or_else(Vec::new, |log| texts(&log.current))
    }

    /// The n-th node.
    pub(super) fn node(&self, n: usize) -> NodeId {
        self.cluster.find_node(&format!("node-{n}")).unwrap()
    }

    /// Whether the kubelets have nothing to do with any pod and hold nothing for one.
    pub(super) fn is_empty(&self) -> bool {
        let kubelet = &self.kubelet;
        let hold_nothing = |node| kubelet.shared.machines.n_pods(node) == 0;
        kubelet.workers.is_empty()
            && kubelet.shared.network.is_empty()
            && self.cluster.nodes().ids().all(hold_nothing)
    }

    /// The behaviour of another version of Kubernetes.
    pub(super) fn set_profile(&mut self, profile: Profile) {
        self.context.profile = profile;
    }

    fn create(&mut self, namespace: &str, name: &str, spec: NewSpec, job: Option<JobPod>) -> ObjectId {
        let object = NewObject {
            namespace: namespace.into(),
            name: name.into(),
            labels: Labels::default(),
            annotations: Labels::default(),
            spec,
            manifest: Arc::new(Value::Null),
        };
        let kind = object.spec.kind();
        self.write(Command::Create(Box::new(Creation { job, ..Creation::of(object) })));
        self.cluster.find(kind, namespace, name).unwrap()
    }

    fn turn(&mut self, act: impl FnOnce(&mut Kubelet, &mut Turn<'_>)) {
        let mut turn = Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.journal,
            &mut self.changes,
        );
        act(&mut self.kubelet, &mut turn);
        for change in std::mem::take(&mut self.changes) {
            let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
            self.kubelet.on_change(&change, &mut watch);
        }
    }
}

impl Journal {
    /// Whether a line says of a container what the last line about it says: it runs, only its readiness changes.
    fn is_last_of_its_container(&self, line: &str) -> bool {
        let container = line.split(' ').next().unwrap_or_default();
        let mut others = self.lines.iter().rev().filter_map(|other| Some(other.split_once(' ')?.1));
        others.find(|other| other.split(' ').next() == Some(container)) == Some(line)
    }
}

impl Observer for Journal {
    fn begin(&mut self, _: SimTime, _: u64, _: &Event, _: &Cluster) {}

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        let name = |pod: &PodId| cluster.name_of(ObjectId::Pod(*pod));
        let line = match change {
            Change::ContainerChanged(pod, container, state) => {
                let spec = &cluster.pod(*pod).expect("a pod whose container changes is there").spec;
                format!("{}/{} {}", name(pod), spec.container(*container).name, state_text(state))
            }
            Change::PodPhaseChanged(pod, _, phase) => format!("{} {}", name(pod), phase.as_str()),
            Change::PodReadyChanged(pod, is_ready) if self.tells_readiness => {
                format!("{} {}", name(pod), if *is_ready { "ready" } else { "not ready" })
            }
            Change::PodDeleted(_, deleted) => format!("{} gone", deleted.name),
            Change::Recorded(_, record) => {
                return self.records.push(format!("{}: {}", record.reason, record.message));
            }
            _ => return,
        };
        if let Change::ContainerChanged(_, _, ContainerState::Running { started_at, .. }) = change
            && (*started_at != now || self.is_last_of_its_container(&line))
        {
            return;
        }
        self.lines.push(format!("{now} {line}"));
    }
}

fn state_text(state: &ContainerState) -> String {
    match state {
        ContainerState::Waiting(reason) => reason.as_str().to_owned(),
        ContainerState::Running { .. } => "Running".to_owned(),
        ContainerState::Terminated(end) => format!("{}({})", end.reason.as_str(), end.exit_code),
    }
}

/// The lines of a run.
pub(super) fn texts(run: &RunLog) -> Vec<String> {
    run.lines.iter().map(|line| line.text.to_string()).collect()
}

/// The ids of two pods.
pub(super) fn pod_ids() -> [PodId; 2] {
    let mut bed = Testbed::new(Vec::new(), Timing::ideal());
    ["one", "other"].map(|name| bed.pod(name, pod_spec(vec![container("main", "app")])))
}

/// A program of these steps.
pub(super) fn program(steps: Vec<Step>) -> Program {
    Program { attempts: vec![steps], ..Program::default_for(None) }
}

/// Runs for so long [s].
pub(super) fn run(secs: u64) -> Step {
    Step::Run(Distribution::constant(SimDuration::from_secs(secs)))
}

/// Exits with this code.
pub(super) fn exit(code: i32) -> Step {
    Step::Exit(vec![(code, 1.0)])
}
