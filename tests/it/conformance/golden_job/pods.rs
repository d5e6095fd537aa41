//! The pods of the golden files: scripts in place of kubelets and programs.
//!
//! A pod is bound as soon as it is created, runs and ends as its script says, and ends a while after its deletion is
//! asked for. There is one node.

use std::collections::BTreeMap;

use cluster_sim::component::{Component, Timers, Turn, Watch};
use cluster_sim::engine::SimTime;
use cluster_sim::event::{Change, Command, Event, ProcessRef};
use cluster_sim::model::ids::{JobId, NodeId, ObjectId, PodId};
use cluster_sim::model::pod_status::{
    ContainerRef, ContainerState, PodReason, Termination, TerminationReason,
};

use super::scenario::{Script, ScriptRun, Scripts};

const MAIN: ContainerRef = ContainerRef::App(0);

/// All pods and their scripts.
pub struct ScriptedPods {
    scripts: Scripts,
    node: NodeId,
    /// By creation ordinal.
    pods: Vec<PodId>,
    by_id: BTreeMap<PodId, Player>,
    jobs: Vec<JobId>,
    attempts: BTreeMap<(ObjectId, u32), usize>,
}

/// A pod that plays its script.
struct Player {
    script: Script,
    /// Counts the stages, so that a timer of an earlier one is out of date.
    stage: u32,
    run: usize,
    started_at: Option<SimTime>,
    /// Its kubelet does not answer.
    is_stuck: bool,
}

impl ScriptedPods {
    pub fn new(scripts: Scripts, node: NodeId) -> Self {
        let (pods, by_id, jobs, attempts) = (Vec::new(), BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { scripts, node, pods, by_id, jobs, attempts }
    }

    /// The pod of a creation ordinal, where it is still there.
    pub fn pod(&self, ordinal: usize, turn: &Turn<'_>) -> Option<PodId> {
        self.pods.get(ordinal).copied().filter(|pod| turn.cluster().pod(*pod).is_some())
    }

    /// The kubelet of a pod falls silent for ever.
    pub fn silence(&mut self, pod: PodId) {
        if let Some(player) = self.by_id.get_mut(&pod) {
            player.is_stuck = true;
        }
    }

    /// Ends a pod in place.
    pub fn fail(&mut self, pod: PodId, exit_code: i32, turn: &mut Turn<'_>) {
        self.end(pod, exit_code, turn);
    }

    /// The pod garbage collector marks a pod of a lost node and deletes it by force.
    pub fn lose(&mut self, pod: PodId, turn: &mut Turn<'_>) {
        self.silence(pod);
        turn.write(Command::FailPod(pod, PodReason::NodeLost, "".into()));
    }

    /// The script of a pod: by creation ordinal, by index and attempt, by ordinal of its Job, or the common one.
    fn cast(&mut self, pod: PodId, watch: &Watch<'_>) -> Script {
        let ordinal = self.pods.len();
        let pod = &watch.cluster().pods()[pod];
        let owner = pod.meta.owner.as_ref().map(|owner| owner.object);
        let index = pod.job.and_then(|marks| marks.completion_index);
        let attempt = index.zip(owner).map(|(index, owner)| {
            let count = self.attempts.entry((owner, index)).or_default();
            *count += 1;
            *count - 1
        });
        let by_index = index.and_then(|index| self.scripts.by_index.get(&index)).map(|scripts| {
            let attempt = attempt.unwrap_or(0).min(scripts.len() - 1);
            &scripts[attempt]
        });
        let job_ordinal = self.jobs.iter().position(|job| Some(ObjectId::Job(*job)) == owner);
        let by_job = || job_ordinal.and_then(|ordinal| self.scripts.by_job_ordinal.get(&ordinal));
        let script = self.scripts.by_ordinal.get(&ordinal).or(by_index).or_else(by_job);
        script.unwrap_or(&self.scripts.default).clone()
    }

    fn process(&self, pod: PodId) -> ProcessRef {
        ProcessRef { pod, container: MAIN, run: self.by_id[&pod].stage }
    }

    /// Binds a new pod and starts it, now or later.
    fn place(&mut self, pod: PodId, turn: &mut Turn<'_>) {
        turn.write(Command::BindPod(pod, self.node));
        let Some(latency) = self.by_id[&pod].script.start_latency else { return };
        if latency.is_zero() {
            self.start(pod, turn);
        } else {
            turn.set_timer_after(latency, Event::StepDone(self.process(pod)));
        }
    }

    fn start(&mut self, pod: PodId, turn: &mut Turn<'_>) {
        let now = turn.now();
        let player = self.by_id.get_mut(&pod).expect("a pod has a script");
        (player.stage, player.started_at) = (player.stage + 1, Some(now));
        let running = ContainerState::Running { started_at: now, is_started: true, is_ready: true };
        let duration = player.script.run(player.run).duration;
        turn.write(Command::AcceptPod(pod));
        turn.write(Command::SetContainer(pod, MAIN, running));
        if let Some(duration) = duration {
            turn.set_timer_after(duration, Event::StepDone(self.process(pod)));
        }
    }

    /// The container's process has ended by itself: the pod ends, or waits for the restart.
    fn exit(&mut self, pod: PodId, turn: &mut Turn<'_>) {
        let player = self.by_id.get_mut(&pod).expect("a pod has a script");
        let run = player.script.run(player.run);
        let is_deleted = turn.cluster().pods()[pod].meta.is_terminating();
        match run.restart_delay.filter(|_| run.exit_code != 0 && !is_deleted) {
            None => self.end(pod, run.exit_code, turn),
            Some(delay) => {
                (player.stage, player.run) = (player.stage + 1, player.run + 1);
                let started_at = player.started_at.take();
                turn.write(Command::SetContainer(
                    pod,
                    MAIN,
                    terminated(run.exit_code, started_at, turn.now()),
                ));
                turn.set_timer_after(delay, Event::StepDone(self.process(pod)));
            }
        }
    }

    /// The pod ends for good.
    fn end(&mut self, pod: PodId, exit_code: i32, turn: &mut Turn<'_>) {
        let player = self.by_id.get_mut(&pod).expect("a pod has a script");
        (player.stage, player.is_stuck) = (player.stage + 1, true);
        if player.script.is_disrupted {
            turn.write(Command::SetDisruptionTarget(pod, "".into(), "".into()));
        }
        let state = terminated(exit_code, player.started_at, turn.now());
        turn.write(Command::SetContainer(pod, MAIN, state));
        turn.write(Command::FinishPod(pod));
        turn.write(Command::ReleasePod(pod));
    }
}

impl Script {
    fn run(&self, at: usize) -> ScriptRun {
        self.runs[at.min(self.runs.len() - 1)]
    }
}

fn terminated(exit_code: i32, started_at: Option<SimTime>, now: SimTime) -> ContainerState {
    let reason = if exit_code == 0 { TerminationReason::Completed } else { TerminationReason::Error };
    let started_at = started_at.unwrap_or(now);
    ContainerState::Terminated(Termination { exit_code, reason, started_at, finished_at: now })
}

impl Component for ScriptedPods {
    fn start(&mut self, _: &mut Watch<'_>) {}

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        let pod = match event {
            Event::PodSync(pod) | Event::GraceOver(pod) => pod,
            Event::StepDone(process) if self.process(process.pod) == process => process.pod,
            _ => return,
        };
        let Some(player) = self.by_id.get(&pod).filter(|player| !player.is_stuck) else { return };
        let is_running = player.started_at.is_some();
        let exit_code = player.script.killed_exit_code;
        let Some(is_deleted) = turn.cluster().pod(pod).map(|pod| pod.meta.is_terminating()) else { return };
        match event {
            Event::PodSync(_) => self.place(pod, turn),
            Event::GraceOver(_) => self.end(pod, exit_code, turn),
            _ if is_running => self.exit(pod, turn),
            _ if !is_deleted => self.start(pod, turn),
            _ => {}
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::Job(job)) => self.jobs.push(*job),
            Change::Created(ObjectId::Pod(pod)) => {
                let script = self.cast(*pod, watch);
                let player = Player { script, stage: 0, run: 0, started_at: None, is_stuck: false };
                self.pods.push(*pod);
                self.by_id.insert(*pod, player);
                watch.set_timer(watch.now(), Event::PodSync(*pod));
            }
            Change::PodDeletionRequested(pod, grace) if !grace.is_zero() => {
                let termination = self.by_id[pod].script.termination;
                watch.set_timer_after(termination, Event::GraceOver(*pod));
            }
            _ => {}
        }
    }
}
