//! Crash loops, played by a real kubelet on a cluster of one node.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster_sim::cluster::Cluster;
use cluster_sim::component::{Component, Context, Observer, Turn, Watch};
use cluster_sim::engine::{Calendar, Distribution, SimTime, Streams};
use cluster_sim::event::{Change, Command, Creation, Event};
use cluster_sim::kubelet::{BackoffPolicy, Kubelet};
use cluster_sim::model::ids::{Kind, ObjectId, PodId};
use cluster_sim::model::meta::{Labels, Name};
use cluster_sim::model::node::NodeSpec;
use cluster_sim::model::pod::PodSpec;
use cluster_sim::model::pod_status::ContainerState;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::program::{Program, Step};
use cluster_sim::model::scenario::{NewObject, NewSpec, Timing};
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::model::wall_clock::WallClock;
use serde_json::Value;

use super::{Outcome, instant, list, pods, restart_policy, same, span, text};

/// When the one container started and finished.
#[derive(Default)]
struct Loop {
    starts: Vec<SimTime>,
    finishes: Vec<SimTime>,
}

impl Observer for Loop {
    fn begin(&mut self, _: SimTime, _: u64, _: &Event, _: &Cluster) {}

    fn see(&mut self, _: SimTime, change: &Change, _: &Cluster) {
        match change {
            Change::ContainerChanged(_, _, ContainerState::Running { started_at, .. }) => {
                self.starts.push(*started_at);
            }
            Change::ContainerChanged(_, _, ContainerState::Terminated(end)) => {
                self.finishes.push(end.finished_at);
            }
            _ => {}
        }
    }
}

/// A case of the family `crash_loop_timeline`.
pub fn outcome(inputs: &Value, expected: &Value) -> Outcome {
    let policy = BackoffPolicy {
        initial: span(&inputs["backoff_initial_s"]),
        max: span(&inputs["backoff_max_s"]),
        reset_after: span(&inputs["reset_after_s"]),
    };
    let programs = BTreeMap::from([(Name::from("crash"), program(inputs))]);
    let spec = PodSpec {
        restart_policy: restart_policy(text(&inputs["restart_policy"]))?,
        ..pods::spec(vec![pods::container("main", "crash")])
    };
    let n_exits = inputs["exits_simulated"].as_u64().ok_or("no `exits_simulated`")? as usize;
    let (seen, cluster, pod) = play(Kubelet::new(Arc::new(programs)).with_backoff(policy), spec, n_exits);
    let instants = |name: &str| list(&expected[name]).iter().map(instant).collect::<Vec<_>>();
    same(&seen.starts, &instants("start_times_s"))?;
    same(&seen.finishes, &instants("finish_times_s"))?;
    let waits: Vec<_> =
        seen.starts[1..].iter().zip(&seen.finishes).map(|(start, finish)| start.since(*finish)).collect();
    same(&waits, &list(&expected["waits_s"]).iter().map(span).collect())?;
    let status = &cluster.pod(pod).ok_or("the pod is gone")?.status;
    let phase = Some(status.phase).filter(|phase| phase.is_terminal()).map(|phase| phase.as_str());
    same(&phase, &expected["final_phase"].as_str())?;
    same(&Some(u64::from(status.restart_count())), &expected["restart_count"].as_u64())
}

/// The n-th run lasts and exits as the n-th entries say, the last of each for ever after.
fn program(inputs: &Value) -> Program {
    let (runs, codes) = (list(&inputs["run_durations_s"]), list(&inputs["exit_codes"]));
    let entry = |entries: &'_ [Value], at: usize| entries[at.min(entries.len() - 1)].clone();
    let attempt = |at| {
        let code = entry(codes, at).as_i64().expect("an exit code is an integer") as i32;
        let duration = Distribution::constant(span(&entry(runs, at)));
        vec![Step::Run(duration), Step::Exit(vec![(code, 1.0)])]
    };
    let attempts = (0..runs.len().max(codes.len())).map(attempt).collect();
    Program { attempts, ..Program::default_for(None) }
}

/// Plays a pod up to its start after so many exits, or until nothing is left to happen.
fn play(mut kubelet: Kubelet, spec: PodSpec, n_exits: usize) -> (Loop, Cluster, PodId) {
    let streams = Streams::new(1);
    let clock = WallClock { start: UnixTime::EPOCH };
    let context =
        Context { profile: Profile::default(), timing: Timing::ideal(), streams: streams.clone(), clock };
    let (mut cluster, mut calendar) = (Cluster::new(streams), Calendar::new());
    let (mut seen, mut changes) = (Loop::default(), Vec::new());
    let node = NodeSpec { max_pods: 1, ..NodeSpec::default() };
    for (name, spec) in [("node", NewSpec::Node(node)), ("pod", NewSpec::Pod(Arc::new(spec.derive())))] {
        let mut turn = Turn::new(&context, &mut cluster, &mut calendar, &mut seen, &mut changes);
        turn.write(Command::Create(Box::new(Creation::of(object(name, spec)))));
    }
    loop {
        for change in std::mem::take(&mut changes) {
            kubelet.on_change(&change, &mut Watch::new(&context, &cluster, &mut calendar));
        }
        let Some(due) = calendar.pop().filter(|_| seen.starts.len() <= n_exits) else { break };
        let mut turn = Turn::new(&context, &mut cluster, &mut calendar, &mut seen, &mut changes);
        kubelet.on_event(due.event, &mut turn);
    }
    let pod = match cluster.find(Kind::Pod, "", "pod") {
        Some(ObjectId::Pod(id)) => id,
        other => unreachable!("{other:?} is not the pod that was made"),
    };
    (seen, cluster, pod)
}

fn object(name: &str, spec: NewSpec) -> NewObject {
    NewObject {
        namespace: "".into(),
        name: name.into(),
        labels: Labels::default(),
        annotations: Labels::default(),
        spec,
        manifest: Arc::new(Value::Null),
    }
}
