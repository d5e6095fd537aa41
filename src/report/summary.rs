//! The summary of a run: everything that `sim run` shows, as data.
//!
//! Text and JSON are two renderings of it. Times are seconds since the start of the scenario.

use serde::Serialize;

use crate::component::Observer;
use crate::engine::SimTime;
use crate::experiment::trial::Trial;
use crate::model::ids::{NodeId, ObjectId, PodId};
use crate::model::pod::Pod;
use crate::model::pod_status::ContainerStatus;
use crate::model::resources::InitKind;
use crate::model::scenario::Scenario;
use crate::observe::attempts::{Attempt, JobEntry};
use crate::observe::expectation::Judgement;
use crate::observe::object::{restarts, status_text};
use crate::observe::utilisation::NodeUtilisation;
use crate::report::cron_runs::{self, CronJobLedger, LedgerInput};
use crate::report::drains::{self, DrainRow};
use crate::report::failures::{self, FailureRow};
use crate::report::job_totals::{self, JobTotals};
use crate::report::outages::outages;
use crate::report::rollouts::{self, DeploymentRow, WorkloadRow};
use crate::report::scalings::{self, AutoscalerRow};
use crate::report::traffic::{self, TrafficSummary};
use crate::sim::{Ending, Simulation};

/// The version of the JSON format.
pub const FORMAT: &str = "sim/result/v1";

/// The most Jobs that are listed one by one.
pub const JOBS_MAX: usize = 10_000;

/// The summary of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// The version of this format.
    pub format: &'static str,
    /// The version of the program.
    pub sim_version: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// The answer, in one line per controller.
    pub verdict: Vec<String>,
    /// Whether all expectations hold.
    pub ok: bool,
    /// When the run ended [s].
    pub ended_at: f64,
    /// `quiet` or `horizon`.
    pub ended_by: &'static str,
    /// The Jobs, at most [`JOBS_MAX`] of them.
    pub jobs: Vec<JobRow>,
    /// Jobs beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_jobs: usize,
    /// What the Jobs came to, where they are many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_totals: Option<JobTotals>,
    /// The CronJobs.
    pub cron_jobs: Vec<CronJobLedger>,
    /// What controllers keep alive, at the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub workloads: Vec<WorkloadRow>,
    /// The Deployments and their roll-outs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<DeploymentRow>,
    /// The drains of nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drains: Vec<DrainRow>,
    /// The autoscalers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub autoscalers: Vec<AutoscalerRow>,
    /// The pods that are there at the end.
    pub pods: Vec<PodRow>,
    /// The failures of nodes and kubelets, and what became of their pods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureRow>,
    /// The nodes.
    pub nodes: Vec<NodeRow>,
    /// The load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traffic: Option<TrafficSummary>,
    /// The expectations.
    pub expectations: Vec<ExpectationRow>,
    /// How many of them were not judged, because the run was ended before (`--until`).
    #[serde(skip_serializing_if = "is_zero")]
    pub expectations_not_judged: usize,
    /// Entries of the timeline that met nothing or were refused, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misses: Vec<String>,
    /// What was assumed.
    pub assumptions: Vec<String>,
    /// How many events were handled.
    pub events: u64,
    /// The hash over all changes.
    pub digest: String,
    /// The command that gives the same again.
    pub reproduce: String,
}

/// What a Job came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRow {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The CronJob that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron_job: Option<String>,
    /// When it was created [s].
    pub created: f64,
    /// When it was over [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<f64>,
    /// From its creation to its end [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
    /// When it was deleted [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<f64>,
    /// Pods active at the end.
    pub active: u32,
    /// Pods or indexes that succeeded.
    pub succeeded: u32,
    /// Pods that failed.
    pub failed: u32,
    /// The limit of failures.
    pub backoff_limit: u32,
    /// When `activeDeadlineSeconds` is or was over [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<f64>,
    /// `Complete`, `Failed`, `Suspended` or `Running`.
    pub condition: String,
    /// One word on why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The runs of its containers.
    pub attempts: Vec<AttemptRow>,
    /// Runs beyond those listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_attempts: usize,
}

/// One run of a container of a Job's pod.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptRow {
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The completion index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// When it started [s].
    pub start: f64,
    /// When it ended [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<f64>,
    /// Its exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Which failure it is against the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<u32>,
    /// From its failure to the next try: the next start of its container where restarts count, of its index where there
    /// are such, or else of another pod [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_try_after: Option<f64>,
}

/// A pod at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PodRow {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Containers that are ready.
    pub ready: usize,
    /// Containers.
    pub containers: usize,
    /// What kubectl shows as status.
    pub status: String,
    /// The phase.
    pub phase: &'static str,
    /// Restarts of all containers.
    pub restarts: u32,
    /// Since its creation [s].
    pub age: f64,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Why it is not placed, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A node over the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRow {
    /// The name.
    pub name: String,
    /// Allocatable cpu [millicores].
    pub cpu_allocatable: i64,
    /// Mean of the cpu requests [millicores].
    pub cpu_mean: f64,
    /// Peak of the cpu requests [millicores].
    pub cpu_peak: i64,
    /// Allocatable memory [bytes].
    pub memory_allocatable: i64,
    /// Mean of the memory requests [bytes].
    pub memory_mean: f64,
    /// Peak of the memory requests [bytes].
    pub memory_peak: i64,
    /// Peak of the pods that are not over.
    pub pods_peak: i64,
}

/// An expectation and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExpectationRow {
    /// The expression.
    pub that: String,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was judged [s].
    pub at: f64,
    /// Whether it holds.
    pub holds: bool,
    /// What was found instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// Where it stands.
    pub place: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// An instant in seconds.
pub fn seconds(at: SimTime) -> f64 {
    at.as_nanos() as f64 / 1e9
}

/// The summary of a run that has ended.
pub fn summarise<O: Observer>(trial: &Trial<O>, reproduce: String) -> RunSummary {
    let (simulation, end) = (&trial.simulation, trial.end);
    let seen = &simulation.observer().0;
    let scenario = simulation.scenario();
    let jobs: Vec<JobRow> = seen.jobs.jobs().iter().take(JOBS_MAX).map(job_row).collect();
    let cron_jobs = cron_ledgers(trial);
    let expectations = expectation_rows(trial);
    let drains: Vec<DrainRow> = simulation.drains().iter().map(drains::row).collect();
    let pods = pod_rows(simulation, end);
    let workloads = rollouts::workloads(simulation.cluster());
    let deployments: Vec<DeploymentRow> = seen.rollouts.entries().iter().map(rollouts::row).collect();
    let autoscalers = scalings::rows(&seen.scalings);
    let traffic = trial.traffic().map(|results| traffic::summarise(&results));
    let summary = RunSummary {
        format: FORMAT,
        sim_version: env!("CARGO_PKG_VERSION"),
        scenario: scenario.name.to_string(),
        verdict: Vec::new(),
        ok: expectations.iter().all(|row| row.holds),
        ended_at: seconds(end),
        ended_by: match trial.ending {
            Ending::Quiet => "quiet",
            Ending::Horizon => "horizon",
        },
        jobs,
        more_jobs: seen.jobs.jobs().len().saturating_sub(JOBS_MAX),
        job_totals: job_totals::totals(seen.jobs.jobs()),
        cron_jobs,
        workloads,
        deployments,
        drains,
        autoscalers,
        pods,
        failures: failures::rows(seen.failures.failures()),
        nodes: seen.utilisation.nodes().map(|node| node_row(node, end)).collect(),
        traffic,
        expectations_not_judged: scenario.expectations.len() - expectations.len(),
        expectations,
        misses: simulation.misses().to_vec(),
        assumptions: scenario.assumptions.clone(),
        events: simulation.n_events(),
        digest: trial.digest(),
        reproduce,
    };
    RunSummary { verdict: super::text::verdict(&summary), ..summary }
}

/// The ledgers of all CronJobs of a run.
pub fn cron_ledgers<O: Observer>(trial: &Trial<O>) -> Vec<CronJobLedger> {
    let simulation = &trial.simulation;
    let seen = &simulation.observer().0;
    let outages = outages(simulation.scenario(), trial.end);
    let (jobs, clock) = (seen.jobs.jobs(), simulation.context().clock);
    let input = LedgerInput { jobs, outages: &outages, end: trial.end, clock };
    seen.cronjobs.entries().iter().map(|entry| cron_runs::ledger(entry, &input)).collect()
}

fn job_row(entry: &JobEntry) -> JobRow {
    let finished = entry.finished();
    let suspended = entry.status.true_condition(crate::model::job::JobConditionType::Suspended);
    let shown = finished.or(suspended);
    JobRow {
        namespace: entry.namespace.to_string(),
        name: entry.name.to_string(),
        cron_job: entry.cronjob.as_deref().map(str::to_owned),
        created: seconds(entry.created),
        finished: finished.map(|condition| seconds(condition.since)),
        duration: finished.map(|condition| condition.since.since(entry.created).as_secs_f64()),
        deleted: entry.deleted.map(seconds),
        active: entry.status.active,
        succeeded: entry.status.succeeded,
        failed: entry.status.failed,
        backoff_limit: entry.backoff_limit,
        deadline: deadline(entry),
        condition: shown.map_or("Running", |condition| condition.kind.as_str()).to_owned(),
        reason: shown.map(|condition| condition.reason.to_string()).unwrap_or_default(),
        message: shown.map(|condition| condition.message.to_string()).unwrap_or_default(),
        attempts: entry.attempts.iter().map(|attempt| attempt_row(attempt, entry)).collect(),
        more_attempts: entry.n_more_attempts,
    }
}

/// When the active deadline of a Job that has started is over.
fn deadline(entry: &JobEntry) -> Option<f64> {
    let started = entry.status.start_time?;
    entry.active_deadline.map(|deadline| seconds(started + deadline))
}

fn attempt_row(attempt: &Attempt, entry: &JobEntry) -> AttemptRow {
    let is_next = |other: &&Attempt| match attempt.index {
        _ if entry.counts_restarts => (&other.pod, &other.container) == (&attempt.pod, &attempt.container),
        Some(_) => other.index == attempt.index && other.pod != attempt.pod,
        None => other.pod != attempt.pod,
    };
    let next = attempt.end.filter(|end| end.exit_code != 0).and_then(|end| {
        let later = entry.attempts.partition_point(|other| other.start < end.at);
        let next = entry.attempts[later..].iter().find(is_next)?;
        Some(next.start.since(end.at).as_secs_f64())
    });
    AttemptRow {
        pod: attempt.pod.to_string(),
        container: attempt.container.to_string(),
        index: attempt.index,
        node: attempt.node.as_deref().map(str::to_owned),
        start: seconds(attempt.start),
        end: attempt.end.map(|end| seconds(end.at)),
        exit_code: attempt.end.map(|end| end.exit_code),
        counted: attempt.counted,
        next_try_after: next,
    }
}

fn pod_rows<O: Observer>(simulation: &Simulation<O>, end: SimTime) -> Vec<PodRow> {
    let cluster = simulation.cluster();
    let mut pods: Vec<(PodId, &Pod)> = cluster.pods().iter().collect();
    pods.sort_by_key(|(_, pod)| pod.meta.uid.serial);
    let node_name = |node: NodeId| cluster.name_of(ObjectId::Node(node)).to_string();
    pods.into_iter().map(|(_, pod)| pod_row(pod, pod.node.map(node_name), end)).collect()
}

/// What is shown of a pod.
pub fn pod_row(pod: &Pod, node: Option<String>, now: SimTime) -> PodRow {
    let unplaced = pod.status.conditions.scheduled.as_ref().filter(|_| pod.node.is_none());
    let message =
        unplaced.and_then(|condition| condition.message.clone()).or_else(|| pod.status.message.clone());
    PodRow {
        namespace: pod.meta.namespace.to_string(),
        name: pod.meta.name.to_string(),
        ready: lasting_containers(pod).filter(|container| container.is_ready()).count(),
        containers: lasting_containers(pod).count(),
        status: status_text(pod),
        phase: pod.status.phase.as_str(),
        restarts: restarts(pod),
        age: now.since(pod.meta.created).as_secs_f64(),
        ip: pod.status.pod_ip.map(|ip| ip.to_string()),
        node,
        message: message.map(|text| text.to_string()),
    }
}

/// The containers that count as ready or not: app containers and sidecars.
/// Source: Kubernetes 1.29, pkg/printers/internalversion/printers.go, printPod.
fn lasting_containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let init = pod.spec.init_containers.iter().zip(&pod.status.init_containers);
    let sidecars = init.filter(|(container, _)| container.init_kind == InitKind::Sidecar);
    sidecars.map(|(_, status)| status).chain(&pod.status.containers)
}

fn node_row(node: &NodeUtilisation, end: SimTime) -> NodeRow {
    NodeRow {
        name: node.node.to_string(),
        cpu_allocatable: node.cpu_allocatable,
        cpu_mean: node.cpu.mean(node.end(end)),
        cpu_peak: node.cpu.peak(),
        memory_allocatable: node.memory_allocatable,
        memory_mean: node.memory.mean(node.end(end)),
        memory_peak: node.memory.peak(),
        pods_peak: node.pods.peak(),
    }
}

/// The expectations that were judged, in the order of the scenario.
pub fn expectation_rows<O: Observer>(trial: &Trial<O>) -> Vec<ExpectationRow> {
    let scenario = trial.simulation.scenario();
    trial.judgements.iter().map(|judgement| expectation_row(scenario, judgement)).collect()
}

fn expectation_row(scenario: &Scenario, judgement: &Judgement) -> ExpectationRow {
    let expectation = &scenario.expectations[judgement.position];
    ExpectationRow {
        that: expectation.that.clone(),
        message: expectation.message.clone(),
        at: seconds(judgement.at),
        holds: judgement.holds,
        found: judgement.found.clone(),
        place: expectation.place.clone(),
    }
}
