//! The composition root: owns calendar, cluster, components and observer; the loop and the dispatch table.
//!
//! One step pops the earliest event, has exactly one component handle it, shows every change that came of it to
//! the observer at once, and then to all components in a fixed order. A [`Simulation`] can be cloned, so that a
//! run can be forked at any instant.

mod actions;
mod arrivals;
pub mod copies;
mod faults;
mod outages;
pub mod drain;
mod process;
mod start;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cluster::{Cluster, InvariantError};
use crate::component::{Component, Context, Observer, Turn, Watch};
use crate::controllers::cronjob::CronJobController;
use crate::controllers::daemon_set::DaemonSetController;
use crate::controllers::deployment::DeploymentController;
use crate::controllers::disruption::DisruptionController;
use crate::controllers::garbage_collector::GarbageCollector;
use crate::controllers::horizontal_pod_autoscaler::HorizontalPodAutoscalerController;
use crate::controllers::job::JobController;
use crate::controllers::node_lifecycle::NodeLifecycleController;
use crate::controllers::pod_gc::PodGcController;
use crate::controllers::replica_set::ReplicaSetController;
use crate::controllers::stateful_set::StatefulSetController;
use crate::controllers::taint_eviction::TaintEvictionController;
use crate::controllers::ttl::TtlController;
use crate::engine::{Calendar, SimTime, Streams};
use crate::event::{Change, Command, Creation, Event};
use crate::kubelet::{Kubelet, KubeletError};
use crate::metrics_server::MetricsServer;
use crate::model::horizontal_pod_autoscaler::AutoscalerConfig;
use crate::model::scenario::{ComponentName, NewObject, NodeScoring, Scenario};
use crate::model::wall_clock::WallClock;
use crate::scheduler::Scheduler;
use crate::scheduler::config::{SchedulerConfig, ScoringKind};
pub use crate::sim::actions::name_matches;
use crate::sim::drain::{Drain, Drains};
use crate::sim::faults::FaultProcess;
use crate::sim::process::Process;
use crate::traffic::{Traffic, TrafficError};

/// A run of a scenario, at some instant.
#[derive(Clone)]
pub struct Simulation<O> {
    scenario: Arc<Scenario>,
    context: Context,
    calendar: Calendar<Event>,
    cluster: Cluster,
    components: Components,
    observer: O,
    changes: Vec<Change>,
    n_events: u64,
    misses: Vec<String>,
    faults: Vec<FaultProcess>,
    is_started: bool,
}

/// The components of the simulated cluster, in the order in which they are shown changes.
#[derive(Clone)]
struct Components {
    kubelet: Kubelet,
    node_lifecycle: Process<NodeLifecycleController>,
    taint_eviction: Process<TaintEvictionController>,
    pod_gc: Process<PodGcController>,
    garbage_collector: Process<GarbageCollector>,
    deployment: Process<DeploymentController>,
    replica_set: Process<ReplicaSetController>,
    stateful_set: Process<StatefulSetController>,
    daemon_set: Process<DaemonSetController>,
    job: Process<JobController>,
    ttl: Process<TtlController>,
    cronjob: Process<CronJobController>,
    disruption: Process<DisruptionController>,
    drains: Drains,
    autoscaler: Process<HorizontalPodAutoscalerController>,
    metrics_server: MetricsServer,
    scheduler: Process<Scheduler>,
    traffic: Traffic,
    /// What the scenario has stopped.
    stopped: BTreeSet<ComponentName>,
}

/// An invariant of a run that does not hold: a bug of the simulator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimulationError {
    /// Of the cluster.
    #[error(transparent)]
    Cluster(#[from] InvariantError),
    /// Of the kubelets.
    #[error(transparent)]
    Kubelet(#[from] KubeletError),
    /// Of the load.
    #[error(transparent)]
    Traffic(#[from] TrafficError),
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was left to happen.
    Quiet,
    /// The horizon was reached.
    Horizon,
}

impl<O: Observer> Simulation<O> {
    /// A run of `scenario` before its first event.
    pub fn new(scenario: Arc<Scenario>, observer: O) -> Self {
        let streams = Streams::new(scenario.seed);
        let context = Context {
            profile: scenario.profile.clone(),
            timing: scenario.timing.clone(),
            streams: streams.clone(),
            clock: WallClock { start: scenario.start_time },
        };
        let components = Components::new(&scenario, &streams);
        let faults = faults::processes(&scenario, &streams);
        Self {
            scenario,
            context,
            calendar: Calendar::new(),
            cluster: Cluster::new(streams),
            components,
            observer,
            changes: Vec::new(),
            n_events: 0,
            misses: Vec::new(),
            faults,
            is_started: false,
        }
    }

    /// Runs to the end of the scenario.
    pub fn run(&mut self) -> Ending {
        self.run_until(self.scenario.horizon.limit())
    }

    /// Runs until no event is due at `limit` or before.
    pub fn run_until(&mut self, limit: SimTime) -> Ending {
        while self.step(limit) {}
        self.ending()
    }

    /// Why a run that can go no further goes no further.
    pub fn ending(&self) -> Ending {
        if self.calendar.is_empty() { Ending::Quiet } else { Ending::Horizon }
    }

    /// The entries of the timeline that met nothing or were refused, and why.
    pub fn misses(&self) -> &[String] {
        &self.misses
    }

    /// The drains of nodes and what they met.
    pub fn drains(&self) -> &[Drain] {
        self.components.drains.all()
    }

    /// Handles the next event, unless none is due at `limit` or before; returns whether there was one.
    pub fn step(&mut self, limit: SimTime) -> bool {
        if !self.is_started {
            self.is_started = true;
            self.begin();
        }
        let Some(due) = self.calendar.pop_until(limit) else { return false };
        self.n_events += 1;
        self.observer.begin(due.time, self.n_events, &due.event, &self.cluster);
        self.dispatch(due.event);
        self.broadcast();
        true
    }

    /// The present instant.
    pub fn now(&self) -> SimTime {
        self.calendar.now()
    }

    /// The cluster as it is now.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The kubelets, for logs.
    pub fn kubelet(&self) -> &Kubelet {
        &self.components.kubelet
    }

    /// The scheduler, for explanations.
    pub fn scheduler(&self) -> &Scheduler {
        &self.components.scheduler.component
    }

    /// The autoscaler controller, for explanations.
    pub fn autoscaler(&self) -> &HorizontalPodAutoscalerController {
        &self.components.autoscaler.component
    }

    /// The load.
    pub fn traffic(&self) -> &Traffic {
        &self.components.traffic
    }

    /// Facts of the run that never change.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The scenario that is run.
    pub fn scenario(&self) -> &Arc<Scenario> {
        &self.scenario
    }

    /// What was seen of the run so far.
    pub fn observer(&self) -> &O {
        &self.observer
    }

    /// Gives the observer back and ends the run.
    pub fn into_observer(self) -> O {
        self.observer
    }

    /// How many events were handled.
    pub fn n_events(&self) -> u64 {
        self.n_events
    }

    /// Checks what must hold of the cluster after every event.
    ///
    /// # Errors
    /// The first invariant that does not hold: a bug.
    pub fn check_invariants(&self) -> Result<(), SimulationError> {
        self.cluster.check_invariants()?;
        self.components.kubelet.check_invariants(&self.cluster)?;
        Ok(self.components.traffic.check_invariants(self.now())?)
    }

    /// Starts all components, creates the objects of the scenario and puts its timeline into the calendar.
    fn begin(&mut self) {
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        self.components.start_all(&mut watch);
        self.create_all();
        self.broadcast();
        let scenario = Arc::clone(&self.scenario);
        for (at, entry) in (0..).zip(&scenario.timeline) {
            let event = Event::ActionDue(at);
            self.calendar.schedule(entry.at, event.rank(), event);
        }
        self.await_arrival(0);
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        for (position, fault) in (0..).zip(&mut self.faults) {
            fault.await_next(position, &mut watch);
        }
    }

    /// Has what fails by chance fail, or return, and makes its next turn due.
    fn fault(&mut self, position: u32) {
        let fault = &mut self.faults[position as usize];
        let action = fault.turn();
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        fault.await_next(position, &mut watch);
        let at = self.now();
        if let Err(miss) = self.perform(&action) {
            self.misses.push(format!("by chance at {at}: {miss}"));
        }
    }

    fn create(&mut self, object: NewObject) {
        self.submit_creation(Creation::of(object));
    }

    fn submit_creation(&mut self, creation: Creation) {
        self.turn().write(Command::Create(Box::new(creation)));
    }

    /// A turn of nobody in particular.
    fn turn(&mut self) -> Turn<'_> {
        Turn::new(&self.context, &mut self.cluster, &mut self.calendar, &mut self.observer, &mut self.changes)
    }

    /// Has the one component that an event belongs to handle it.
    fn dispatch(&mut self, event: Event) {
        let components = &mut self.components;
        let turn = &mut Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.observer,
            &mut self.changes,
        );
        match event {
            Event::ActionDue(at) => self.act(at),
            Event::TraceDue(at) => self.arrive(at),
            Event::FaultDue(at) => self.fault(at),
            Event::NodeFailed(_)
            | Event::NodeRecovered(_)
            | Event::NodeShutdownBegun(_)
            | Event::ShutdownPhaseOver(_)
            | Event::KubeletStopped(_)
            | Event::KubeletStarted(_)
            | Event::ProcessKilled(..)
            | Event::StepDone(_)
            | Event::MemoryLimitReached(_)
            | Event::TermDone(_)
            | Event::HookDone(_)
            | Event::ProbeDue(_)
            | Event::MemoryDue(_)
            | Event::PullDone(_)
            | Event::PodSync(_)
            | Event::PodDeadlineReached(_)
            | Event::GraceOver(_) => components.kubelet.on_event(event, turn),
            Event::NodeMonitorDue
            | Event::NoExecuteTaintDue
            | Event::NodeTaintSync(_)
            | Event::BoundPodSync(_) => components.node_lifecycle.on_event(event, turn),
            Event::TaintedNodeSync(_) | Event::TaintedPodSync(_) | Event::TaintEvictionDue(_) => {
                components.taint_eviction.on_event(event, turn);
            }
            Event::PodGcDue => components.pod_gc.on_event(event, turn),
            Event::GarbageDue(_) => components.garbage_collector.on_event(event, turn),
            Event::ReplicaSetSync(_) => components.replica_set.on_event(event, turn),
            Event::StatefulSetSync(_) => components.stateful_set.on_event(event, turn),
            Event::DaemonSetSync(_) => components.daemon_set.on_event(event, turn),
            Event::DeploymentSync(_) => components.deployment.on_event(event, turn),
            Event::JobSync(_) | Event::OrphanPodSync(_) => components.job.on_event(event, turn),
            Event::JobExpired(_) => components.ttl.on_event(event, turn),
            Event::CronJobSync(_) => components.cronjob.on_event(event, turn),
            Event::DisruptionSync(_) => components.disruption.on_event(event, turn),
            Event::DrainDue(_) => components.drains.on_event(event, turn),
            Event::AutoscalerSync(_) => components.autoscaler.on_event(event, turn),
            Event::ScrapeDue => components.metrics_server.scrape(&components.traffic, turn),
            Event::RequestDue(_)
            | Event::RequestArrived(_)
            | Event::CpuDone(_)
            | Event::AnswerArrived(_)
            | Event::RequestTimeout(_)
            | Event::WarmUpOver => components.traffic.on_event(event, turn),
            Event::SchedulingCycle | Event::BackoffFlush | Event::UnschedulableFlush => {
                components.scheduler.on_event(event, turn);
            }
        }
    }

    /// Shows the changes of this step to all components.
    #[inline]
    fn broadcast(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        let mut watch = Watch::new(&self.context, &self.cluster, &mut self.calendar);
        for change in &self.changes {
            self.components.on_change(change, &mut watch);
        }
        self.changes.clear();
    }
}

/// The scheduler with the scenario's settings.
fn scheduler(scenario: &Scenario) -> Scheduler {
    let mut config = SchedulerConfig {
        percentage_of_nodes_to_score: scenario.scheduler.percentage_of_nodes_to_score,
        ..SchedulerConfig::default()
    };
    config.scoring.kind = match scenario.scheduler.scoring {
        NodeScoring::LeastAllocated => ScoringKind::LeastAllocated,
        NodeScoring::MostAllocated => ScoringKind::MostAllocated,
    };
    let mut scheduler = Scheduler::new(config);
    scheduler.listers.namespaces = scenario.namespaces.clone();
    scheduler
}

impl Components {
    fn new(scenario: &Scenario, streams: &Streams) -> Self {
        Self {
            kubelet: Kubelet::new(Arc::clone(&scenario.programs)).with_settings(scenario.kubelet),
            node_lifecycle: Process::new(NodeLifecycleController::new),
            taint_eviction: Process::new(TaintEvictionController::new),
            pod_gc: Process::new(PodGcController::new),
            garbage_collector: Process::new(GarbageCollector::new),
            deployment: Process::new(DeploymentController::new),
            replica_set: Process::new(ReplicaSetController::new),
            stateful_set: Process::new(StatefulSetController::new),
            daemon_set: Process::new(DaemonSetController::new),
            job: Process::new(JobController::new),
            ttl: Process::new(TtlController::new),
            cronjob: Process::new(CronJobController::new),
            disruption: Process::new(DisruptionController::new),
            drains: Drains::default(),
            autoscaler: Process::new(|| {
                let series = Arc::clone(&scenario.metrics);
                HorizontalPodAutoscalerController::new(AutoscalerConfig::default(), series)
            }),
            metrics_server: MetricsServer::new(Arc::clone(&scenario.programs), scenario.last_autoscaler()),
            scheduler: Process::new(|| scheduler(scenario)),
            traffic: Traffic::new(Arc::clone(&scenario.traffic), scenario.warm_up, streams),
            stopped: BTreeSet::new(),
        }
    }

    fn start_all(&mut self, watch: &mut Watch<'_>) {
        self.kubelet.start(watch);
        self.node_lifecycle.start(watch);
        self.taint_eviction.start(watch);
        self.pod_gc.start(watch);
        self.garbage_collector.start(watch);
        self.deployment.start(watch);
        self.replica_set.start(watch);
        self.stateful_set.start(watch);
        self.daemon_set.start(watch);
        self.job.start(watch);
        self.ttl.start(watch);
        self.cronjob.start(watch);
        self.disruption.start(watch);
        self.autoscaler.start(watch);
        self.metrics_server.start(watch);
        self.scheduler.start(watch);
        self.traffic.start(watch);
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        self.kubelet.on_change(change, watch);
        self.node_lifecycle.on_change(change, watch);
        self.taint_eviction.on_change(change, watch);
        self.pod_gc.on_change(change, watch);
        self.garbage_collector.on_change(change, watch);
        self.deployment.on_change(change, watch);
        self.replica_set.on_change(change, watch);
        self.stateful_set.on_change(change, watch);
        self.daemon_set.on_change(change, watch);
        self.job.on_change(change, watch);
        self.ttl.on_change(change, watch);
        self.cronjob.on_change(change, watch);
        self.disruption.on_change(change, watch);
        self.drains.on_change(change, watch);
        self.autoscaler.on_change(change, watch);
        self.metrics_server.on_change(change, watch);
        self.scheduler.on_change(change, watch);
        self.traffic.on_change(change, watch);
    }
}
