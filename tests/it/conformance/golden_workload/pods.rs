//! The pods of the golden files: scripts in place of scheduler, kubelets and programs.
//!
//! A pod is bound as soon as it is created, to the nodes in turn; it runs, becomes ready and ends as its script says,
//! and goes a while after its deletion is asked for.

use std::collections::BTreeMap;

use cluster_sim::component::{Timers, Turn, Watch};
use cluster_sim::engine::SimDuration;
use cluster_sim::event::{Change, Command, Event, ProcessRef};
use cluster_sim::model::ids::{NodeId, ObjectId, PodId};
use cluster_sim::model::meta::Owner;
use cluster_sim::model::pod::Pod;
use cluster_sim::model::pod_status::{
    ContainerRef, ContainerState, Phase, PodReason, Termination, TerminationReason,
};

use super::scenario::{PodRef, Script, Scripts};

const MAIN: ContainerRef = ContainerRef::App(0);

/// All pods and their scripts.
pub struct ScriptedPods {
    scripts: Scripts,
    n_nodes: usize,
    /// By creation ordinal.
    pods: Vec<PodId>,
    players: BTreeMap<PodId, Player>,
    n_incarnations: BTreeMap<String, usize>,
    /// How many pods each DaemonSet has had on each node.
    n_daemon_pods: BTreeMap<String, usize>,
}

/// A pod that plays its script.
struct Player {
    script: Script,
    /// Counts the stages, so that a timer of an earlier one is out of date.
    stage: u32,
    next: Next,
    n_crashes: usize,
    /// Its kubelet does not answer.
    is_stuck: bool,
}

/// What a pod's timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Start,
    Ready,
    Crash,
    Fail,
    Reject,
    /// The pod garbage collector comes.
    Collect,
}

impl ScriptedPods {
    pub fn new(scripts: Scripts, n_nodes: usize) -> Self {
        Self {
            scripts,
            n_nodes,
            pods: Vec::new(),
            players: BTreeMap::new(),
            n_incarnations: BTreeMap::new(),
            n_daemon_pods: BTreeMap::new(),
        }
    }

    /// The pod of an operation, where it is still there.
    pub fn find(&self, pod: &PodRef, turn: &Turn<'_>) -> Option<PodId> {
        let cluster = turn.cluster();
        match pod {
            PodRef::Ordinal(ordinal) => {
                self.pods.get(*ordinal).copied().filter(|pod| cluster.pod(*pod).is_some())
            }
            PodRef::Name(name) => self
                .pods
                .iter()
                .rev()
                .copied()
                .find(|pod| cluster.pod(*pod).is_some_and(|pod| *pod.meta.name == **name)),
        }
    }

    /// The pods of a node are collected after a while: it is no more.
    pub fn collect(&mut self, node: NodeId, after: SimDuration, turn: &mut Turn<'_>) {
        let pods = turn.cluster().pods().iter();
        let mut pods: Vec<PodId> = pods.filter(|(_, pod)| pod.node == Some(node)).map(|(id, _)| id).collect();
        pods.sort_by_key(|id| turn.cluster().pods()[*id].meta.uid);
        for pod in pods {
            self.wait(pod, after, Next::Collect, turn);
        }
    }

    /// The pods of a node that are there, in order of creation.
    pub fn on_node(&self, name: &str, turn: &Turn<'_>) -> Vec<PodId> {
        let node = turn.cluster().find_node(name);
        let is_there = |pod: &PodId| turn.cluster().pod(*pod).is_some_and(|pod| pod.node == node);
        self.pods.iter().copied().filter(is_there).collect()
    }

    /// The kubelet of a pod falls silent for ever.
    pub fn silence(&mut self, pod: PodId) {
        if let Some(player) = self.players.get_mut(&pod) {
            player.is_stuck = true;
        }
    }

    /// The first script that there is for a pod.
    fn cast(&mut self, pod: PodId, watch: &Watch<'_>) -> Script {
        let pod = &watch.cluster().pods()[pod];
        let ordinal = self.pods.len();
        let node = wanted_node(pod).unwrap_or_else(|| format!("node-{}", ordinal % self.n_nodes.max(1)));
        let name = self.name_in_files(pod, &node);
        let incarnation = self.n_incarnations.entry(name.clone()).or_default();
        *incarnation += 1;
        let by_name = self
            .scripts
            .by_name
            .get(&name)
            .map(|scripts| &scripts[(*incarnation - 1).min(scripts.len() - 1)]);
        let scripts = &self.scripts;
        let script = scripts
            .by_ordinal
            .get(&ordinal)
            .or(by_name)
            .or_else(|| scripts.by_node.get(&node))
            .or_else(|| scripts.by_image.get(&*pod.spec.containers[0].image))
            .unwrap_or(&scripts.default);
        Script { node: script.node.clone().or(Some(node)), ..script.clone() }
    }

    /// The name of a pod in the files: those of DaemonSets are counted by node.
    fn name_in_files(&mut self, pod: &Pod, node: &str) -> String {
        match &pod.meta.owner {
            Some(Owner { object: ObjectId::DaemonSet(_), name, .. }) => {
                let n_before = self.n_daemon_pods.entry(format!("{name}-{node}")).or_default();
                *n_before += 1;
                format!("{name}-{node}-{}", *n_before - 1)
            }
            _ => pod.meta.name.to_string(),
        }
    }

    /// Takes note of new pods and of those that are to go.
    pub fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::Pod(pod)) => {
                let script = self.cast(*pod, watch);
                let player = Player { script, stage: 0, next: Next::Start, n_crashes: 0, is_stuck: false };
                self.pods.push(*pod);
                self.players.insert(*pod, player);
                watch.set_timer(watch.now(), Event::PodSync(*pod));
            }
            Change::PodDeletionRequested(pod, grace) if !grace.is_zero() => {
                let termination = self.players[pod].script.termination;
                watch.set_timer_after(termination, Event::GraceOver(*pod));
            }
            _ => {}
        }
    }

    /// Goes on with a script.
    pub fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::PodSync(pod) => self.place(pod, turn),
            Event::GraceOver(pod) if !self.players[&pod].is_stuck && turn.cluster().pod(pod).is_some() => {
                turn.write(Command::ReleasePod(pod));
            }
            Event::StepDone(process) if self.is_present(process, turn) => self.go_on(process.pod, turn),
            _ => {}
        }
    }

    /// Whether a timer is not out of date, and the pod still does something: one that is to go does not.
    fn is_present(&self, process: ProcessRef, turn: &Turn<'_>) -> bool {
        let player = &self.players[&process.pod];
        let is_due = player.stage == process.run && !player.is_stuck;
        let pod = turn.cluster().pod(process.pod);
        is_due && pod.is_some_and(|pod| pod.is_active() || player.next == Next::Collect)
    }

    fn place(&mut self, pod: PodId, turn: &mut Turn<'_>) {
        let script = self.players[&pod].script.clone();
        if script.is_unschedulable || turn.cluster().pod(pod).is_none() {
            return;
        }
        if turn.cluster().pods()[pod].node.is_none() {
            let name = script.node.expect("a script has a node");
            let node = turn.cluster().find_node(&name).expect("the nodes of the scenario are there");
            turn.write(Command::BindPod(pod, node));
        }
        match (script.reject_after, script.start_latency) {
            (Some(wait), _) => self.wait(pod, wait, Next::Reject, turn),
            (None, Some(wait)) => self.wait(pod, wait, Next::Start, turn),
            (None, None) => {}
        }
    }

    /// Goes on after a while, or at once.
    fn wait(&mut self, pod: PodId, wait: SimDuration, next: Next, turn: &mut Turn<'_>) {
        let player = self.players.get_mut(&pod).expect("a pod has a script");
        (player.stage, player.next) = (player.stage + 1, next);
        let run = player.stage;
        if wait.is_zero() {
            self.go_on(pod, turn);
        } else {
            turn.set_timer_after(wait, Event::StepDone(ProcessRef { pod, container: MAIN, run }));
        }
    }

    fn go_on(&mut self, pod: PodId, turn: &mut Turn<'_>) {
        match self.players[&pod].next {
            Next::Start => self.start(pod, turn),
            Next::Ready => self.set_ready(pod, true, turn),
            Next::Crash => {
                let player = &self.players[&pod];
                let (_, down) = player.script.crashes[player.n_crashes];
                self.crash(pod, down, turn);
            }
            Next::Fail => self.fail(pod, turn),
            Next::Collect => turn.write(Command::DeletePod(pod, Some(SimDuration::ZERO))),
            Next::Reject => {
                turn.write(Command::AcceptPod(pod));
                turn.write(Command::FailPod(pod, PodReason::OutOf("cpu".into()), "".into()));
            }
        }
    }

    fn start(&mut self, pod: PodId, turn: &mut Turn<'_>) {
        turn.write(Command::AcceptPod(pod));
        let running = ContainerState::Running { started_at: turn.now(), is_started: true, is_ready: false };
        turn.write(Command::SetContainer(pod, MAIN, running));
        let player = &self.players[&pod];
        let crash = player.script.crashes.get(player.n_crashes).map(|(after, _)| *after);
        let (ready, fails) = (player.script.ready_delay, player.script.fail_after);
        let first_end = match (crash, fails) {
            (Some(crash), Some(fails)) if crash < fails => Some((crash, Next::Crash)),
            (_, Some(fails)) => Some((fails, Next::Fail)),
            (crash, None) => crash.map(|crash| (crash, Next::Crash)),
        };
        match (ready, first_end) {
            (Some(ready), Some((end, _))) if ready <= end => self.wait(pod, ready, Next::Ready, turn),
            (_, Some((end, next))) => self.wait(pod, end, next, turn),
            (Some(ready), None) => self.wait(pod, ready, Next::Ready, turn),
            (None, None) => {}
        }
    }

    /// The probe's answer, after which the rest of the script goes on.
    fn set_ready(&mut self, pod: PodId, is_ready: bool, turn: &mut Turn<'_>) {
        self.answer(pod, is_ready, turn);
        let player = &self.players[&pod];
        let waited = player.script.ready_delay.unwrap_or_default();
        let left =
            |end: SimDuration| SimDuration::from_nanos(end.as_nanos().saturating_sub(waited.as_nanos()));
        let crash = player.script.crashes.get(player.n_crashes).map(|(after, _)| *after);
        match (crash, player.script.fail_after) {
            (Some(crash), Some(fails)) if crash < fails => self.wait(pod, left(crash), Next::Crash, turn),
            (_, Some(fails)) => self.wait(pod, left(fails), Next::Fail, turn),
            (Some(crash), None) => self.wait(pod, left(crash), Next::Crash, turn),
            (None, None) => {}
        }
    }

    /// What the readiness probe of a running container answers.
    pub fn answer(&self, pod: PodId, is_ready: bool, turn: &mut Turn<'_>) {
        let state = turn.cluster().pods()[pod].status.containers[0].state.clone();
        if let ContainerState::Running { started_at, is_started, .. } = state {
            let state = ContainerState::Running { started_at, is_started, is_ready };
            turn.write(Command::SetContainer(pod, MAIN, state));
        }
    }

    /// A user has the container go down: it comes back after a while, and nothing makes it ready again.
    pub fn crash_by_hand(&mut self, pod: PodId, down: SimDuration, turn: &mut Turn<'_>) {
        self.players.get_mut(&pod).expect("a pod has a script").script.ready_delay = None;
        self.crash(pod, down, turn);
    }

    /// The container goes down and comes back after a while.
    fn crash(&mut self, pod: PodId, down: SimDuration, turn: &mut Turn<'_>) {
        let state = &turn.cluster().pods()[pod].status.containers[0].state;
        let &ContainerState::Running { started_at, .. } = state else { return };
        let end = Termination {
            exit_code: 1,
            reason: TerminationReason::Error,
            started_at,
            finished_at: turn.now(),
        };
        turn.write(Command::SetContainer(pod, MAIN, ContainerState::Terminated(end)));
        self.players.get_mut(&pod).expect("a pod has a script").n_crashes += 1;
        self.wait(pod, down, Next::Start, turn);
    }

    /// Ends a pod in place.
    pub fn fail(&mut self, pod: PodId, turn: &mut Turn<'_>) {
        if turn.cluster().pods()[pod].status.phase == Phase::Pending {
            turn.write(Command::AcceptPod(pod));
        }
        turn.write(Command::FailPod(pod, PodReason::Evicted, "".into()));
        // The kubelet of a pod that is to go has nothing more to wait for.
        turn.write(Command::ReleasePod(pod));
    }
}

/// The node that a pod is for, by its affinity to a node's name.
fn wanted_node(pod: &Pod) -> Option<String> {
    let terms = pod.spec.placement.required_nodes.as_ref()?;
    let field = terms.first()?.fields.first()?;
    match &field.operator {
        cluster_sim::model::meta::LabelOperator::In(names) => names.first().map(ToString::to_string),
        _ => None,
    }
}
