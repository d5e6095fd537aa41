//! The metrics server: what pods use, asked of the kubelets every 15 s.
//!
//! The kubelets count the cpu time of containers; what a container uses is the difference of two counts by the time
//! between them. So a container has no metrics before it was counted twice, except that its start counts as the first
//! where that was 10 to 15 s ago. A pod has metrics once all of its containers that run have. Kubelets that do not
//! answer, and pods that are gone, are forgotten at once.
//!
//! Nothing is asked for while no autoscaler is there or to come, so that runs without one can fall quiet.
//!
//! Deviation: a kubelet's counts are of the moment when it is asked; cAdvisor's are up to 10-15 s old.
//! Source: metrics-server 0.7, pkg/storage/pod.go (Store, GetMetrics), cmd/metrics-server/app/options
//! (`--metric-resolution`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::component::{CpuMeter, Timers, Turn, Watch};
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Command, Event, ProcessRef};
use crate::model::ids::{ObjectId, PodId};
use crate::model::meta::Name;
use crate::model::metrics::{ContainerSample, PodSample};
use crate::model::pod::Pod;
use crate::model::pod_status::{ContainerRef, ContainerState};
use crate::model::program::Program;
use crate::model::resources::{Bytes, Millicores};

/// From one round to the next.
const RESOLUTION: SimDuration = SimDuration::from_secs(15);
/// How long a container must have run for its start to count as a first count.
const FRESH_MIN: SimDuration = SimDuration::from_secs(10);

/// The metrics server.
#[derive(Debug, Clone)]
pub struct MetricsServer {
    programs: Arc<BTreeMap<Name, Program>>,
    /// The last instant at which an autoscaler may still come.
    expects_until: Option<SimTime>,
    is_armed: bool,
    last: BTreeMap<PodId, BTreeMap<ContainerRef, Count>>,
    previous: BTreeMap<PodId, BTreeMap<ContainerRef, Count>>,
}

/// The count of one container.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Count {
    at: SimTime,
    started: SimTime,
    /// The cpu time since the start [ns of one cpu].
    cpu: f64,
    memory: Bytes,
}

impl MetricsServer {
    /// A metrics server for these programs. Autoscalers may come until `expects_until`, whether there is one or not.
    pub fn new(programs: Arc<BTreeMap<Name, Program>>, expects_until: Option<SimTime>) -> Self {
        Self { programs, expects_until, is_armed: false, last: BTreeMap::new(), previous: BTreeMap::new() }
    }

    /// Begins to ask, where an autoscaler is to come.
    pub fn start(&mut self, watch: &mut Watch<'_>) {
        if self.expects_until.is_some() {
            self.arm(watch);
        }
    }

    /// Begins to ask when there is an autoscaler.
    pub fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        if matches!(change, Change::Created(ObjectId::HorizontalPodAutoscaler(_))) {
            self.arm(watch);
        }
    }

    /// Rounds are at whole multiples of the resolution.
    fn arm(&mut self, timers: &mut impl Timers) {
        if !self.is_armed {
            self.is_armed = true;
            let resolution = RESOLUTION.as_nanos();
            let next = (timers.now().as_nanos() / resolution + 1) * resolution;
            timers.set_timer(SimTime::from_nanos(next), Event::ScrapeDue);
        }
    }

    /// Asks all kubelets; `meter` knows the cpu time that requests took.
    pub fn scrape(&mut self, meter: &dyn CpuMeter, turn: &mut Turn<'_>) {
        self.is_armed = false;
        let now = turn.now();
        let mut counts = BTreeMap::new();
        for (id, pod) in turn.cluster().pods().iter() {
            let node = pod.node.and_then(|node| turn.cluster().node(node));
            if node.is_some_and(|node| node.signs.is_renewed()) {
                let of_pod = self.count_pod(id, pod, meter, now);
                if !of_pod.is_empty() {
                    counts.insert(id, of_pod);
                }
            }
        }
        self.store(counts);
        turn.write(Command::PublishMetrics(self.samples()));
        let is_expected = self.expects_until.is_some_and(|until| now < until);
        if is_expected || !turn.cluster().horizontal_pod_autoscalers().is_empty() {
            self.arm(turn);
        }
    }

    fn count_pod(
        &self,
        id: PodId,
        pod: &Pod,
        meter: &dyn CpuMeter,
        now: SimTime,
    ) -> BTreeMap<ContainerRef, Count> {
        let (init, app) = (&pod.status.init_containers, &pod.status.containers);
        let init = (0..).map(ContainerRef::Init).zip(init);
        let all = init.chain((0..).map(ContainerRef::App).zip(app));
        let running = all.filter_map(|(container, status)| match status.state {
            ContainerState::Running { started_at, .. } => Some((container, started_at, status.restart_count)),
            ContainerState::Waiting(_) | ContainerState::Terminated(_) => None,
        });
        running
            .map(|(container, started, run)| {
                let process = ProcessRef { pod: id, container, run };
                let spec = pod.spec.container(container);
                let program = self.programs.get(&spec.image);
                let limit = spec.limits.has_cpu.then_some(spec.limits.amounts.cpu);
                let own = program.map_or(0.0, |program| program.cpu_time(started, now, limit));
                let memory = program.map_or(Bytes(0), |program| program.memory_at(now.since(started)));
                let cpu = own + meter.cpu_time(process, now);
                (container, Count { at: now, started, cpu, memory })
            })
            .collect()
    }

    /// Keeps the new counts and, of those before, what they are compared with.
    fn store(&mut self, counts: BTreeMap<PodId, BTreeMap<ContainerRef, Count>>) {
        let mut previous: BTreeMap<PodId, BTreeMap<ContainerRef, Count>> = BTreeMap::new();
        for (pod, containers) in &counts {
            for (container, count) in containers {
                let age = count.at.since(count.started);
                let before = if age < RESOLUTION && age >= FRESH_MIN {
                    Some(Count { at: count.started, cpu: 0.0, ..*count })
                } else {
                    let last = self.last.get(pod).and_then(|containers| containers.get(container));
                    last.filter(|last| count.started < last.at).copied()
                };
                if let Some(before) = before {
                    previous.entry(*pod).or_default().insert(*container, before);
                }
            }
        }
        self.last = counts;
        self.previous = previous;
    }

    /// What is known of all pods, in the order of their ids.
    fn samples(&self) -> Vec<PodSample> {
        let samples = self.last.iter().filter_map(|(pod, containers)| {
            let previous = self.previous.get(pod)?;
            let mut sample = PodSample {
                pod: *pod,
                timestamp: SimTime::MAX,
                window: SimDuration::ZERO,
                containers: Vec::with_capacity(containers.len()),
            };
            for (container, last) in containers {
                let before = previous.get(container)?;
                let window = last.at.since(before.at);
                // The API has nanocores, which are rounded up to millicores when asked for.
                let cores = (last.cpu - before.cpu).max(0.0) / window.as_nanos() as f64;
                let nanocores = libm::round(cores * 1e9);
                let cpu = Millicores(libm::ceil(nanocores / 1e6) as i64);
                sample.containers.push(ContainerSample { container: *container, cpu, memory: last.memory });
                if last.at < sample.timestamp {
                    (sample.timestamp, sample.window) = (last.at, window);
                }
            }
            Some(sample)
        });
        samples.collect()
    }
}
