//! The status of a budget: a pure function of the budget, the pods that it guards, what it counts on, and now.

use std::collections::BTreeMap;

use crate::controllers::disruption::expected::Expected;
use crate::engine::{SimDuration, SimTime};
use crate::model::meta::{LabelOperator, LabelSelector, Name};
use crate::model::pod::Pod;
use crate::model::pod_disruption_budget::{PodDisruptionBudget, PodDisruptionBudgetStatus, SYNC_FAILED};
use crate::model::record::Severity;

/// A pod whose eviction was allowed counts as gone for so long at the most, unless it is being deleted.
/// Source: disruption.go, DeletionTimeout.
pub const DELETION_TIMEOUT: SimDuration = SimDuration::from_secs(120);

/// What a sync does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The status to write; `None` where the present one is right.
    pub status: Option<PodDisruptionBudgetStatus>,
    /// When the budget has to be looked at again.
    pub recheck: Option<SimTime>,
    /// What is noted about the budget.
    pub notes: Vec<Note>,
}

/// Something worth a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether it tells of trouble.
    pub severity: Severity,
    /// One word on why.
    pub reason: &'static str,
    /// In upstream's words.
    pub message: String,
}

/// The pods whose eviction was allowed and whose deletion is still to come.
struct Disrupted {
    pods: BTreeMap<Name, SimTime>,
    recheck: Option<SimTime>,
    overdue: Vec<Name>,
}

/// What a sync of a budget does; `expected` is what it counts on, or why that cannot be told.
pub fn plan(
    budget: &PodDisruptionBudget,
    pods: &[&Pod],
    expected: Result<Expected, String>,
    now: SimTime,
) -> Plan {
    let mut notes = Vec::new();
    if pods.is_empty() {
        notes.push(Note::normal("NoPods", "No matching pods found".to_owned()));
    }
    let expected = match expected {
        Ok(expected) => expected,
        Err(fault) => {
            let message = format!("Failed to calculate the number of expected pods: {fault}");
            notes.push(Note::warning("CalculateExpectedPodCountFailed", message));
            let status = Some(fail_safe(budget, fault, now)).filter(|status| *status != budget.status);
            return Plan { status, recheck: None, notes };
        }
    };
    if expected.n_unmanaged > 0 {
        notes.push(Note::warning("UnmanagedPods", unmanaged_text(budget.spec.selector.as_ref())));
    }
    let disrupted = disrupted(budget, pods, now);
    notes.extend(disrupted.overdue.iter().map(|_| {
        let name = budget.meta.full_name();
        let message = format!("Pod was expected by PDB {name} to be deleted but it wasn't");
        Note::warning("NotDeleted", message)
    }));
    let current_healthy = n_healthy(pods, &disrupted.pods, now);
    let status = new_status(budget, expected, current_healthy, disrupted.pods);
    let status = (status != budget.status || !status.has_right_condition()).then(|| {
        // Each write makes the condition anew, also where its status stays.
        let mut status = PodDisruptionBudgetStatus { condition: None, ..status };
        status.update_condition(now);
        status
    });
    Plan { status, recheck: disrupted.recheck, notes }
}

/// Source: disruption.go, updatePdbStatus.
fn new_status(
    budget: &PodDisruptionBudget,
    expected: Expected,
    current_healthy: u32,
    disrupted_pods: BTreeMap<Name, SimTime>,
) -> PodDisruptionBudgetStatus {
    PodDisruptionBudgetStatus {
        disruptions_allowed: allowed(expected, current_healthy),
        current_healthy,
        desired_healthy: expected.desired_healthy,
        expected_pods: expected.pods,
        disrupted_pods,
        observed_generation: budget.meta.generation,
        condition: budget.status.condition.clone(),
    }
}

/// How many of the healthy pods may go. A budget that guards no pod yet is on the safe side when the first one appears.
/// Source: disruption.go, updatePdbStatus.
pub const fn allowed(expected: Expected, current_healthy: u32) -> u32 {
    if expected.pods == 0 { 0 } else { current_healthy.saturating_sub(expected.desired_healthy) }
}

/// Nothing may be evicted while the status cannot be told. Source: disruption.go, failSafe.
fn fail_safe(budget: &PodDisruptionBudget, fault: String, now: SimTime) -> PodDisruptionBudgetStatus {
    let mut status = PodDisruptionBudgetStatus { disruptions_allowed: 0, ..budget.status.clone() };
    status.set_condition(false, SYNC_FAILED, fault.into(), now);
    status
}

/// A timeout that is over to the instant is over: upstream's clock has always gone on by a little.
/// Source: disruption.go, buildDisruptedPodMap.
fn disrupted(budget: &PodDisruptionBudget, pods: &[&Pod], now: SimTime) -> Disrupted {
    let mut disrupted = Disrupted { pods: BTreeMap::new(), recheck: None, overdue: Vec::new() };
    for pod in pods.iter().filter(|pod| !pod.meta.is_terminating()) {
        let name = &pod.meta.name;
        let Some(since) = budget.status.disrupted_pods.get(name) else { continue };
        let timeout = *since + DELETION_TIMEOUT;
        if timeout <= now {
            disrupted.overdue.push(name.clone());
            continue;
        }
        disrupted.recheck = Some(disrupted.recheck.map_or(timeout, |earlier| earlier.min(timeout)));
        disrupted.pods.insert(name.clone(), *since);
    }
    disrupted
}

/// Source: disruption.go, countHealthyPods.
fn n_healthy(pods: &[&Pod], disrupted: &BTreeMap<Name, SimTime>, now: SimTime) -> u32 {
    let is_leaving = |pod: &Pod| {
        let since = disrupted.get(&pod.meta.name);
        pod.meta.is_terminating() || since.is_some_and(|since| *since + DELETION_TIMEOUT > now)
    };
    let healthy = pods.iter().filter(|pod| !is_leaving(pod) && pod.status.conditions.is_ready());
    u32::try_from(healthy.count()).unwrap_or(u32::MAX)
}

fn unmanaged_text(selector: Option<&LabelSelector>) -> String {
    format!(
        "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the \
         status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for \
         these pods please set \".spec.minAvailable\" field of the PDB to an integer value.",
        selector_text(selector)
    )
}

/// A selector as Go prints it; a requirement with one value is taken for a label.
fn selector_text(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return "nil".to_owned() };
    let mut labels = String::new();
    let mut expressions = String::new();
    for requirement in &selector.requirements {
        let (operator, values): (&str, &[Name]) = match &requirement.operator {
            LabelOperator::In(values) => {
                if let [value] = values.as_slice() {
                    labels.push_str(&format!("{}: {value},", requirement.key));
                    continue;
                }
                ("In", values)
            }
            LabelOperator::NotIn(values) => ("NotIn", values),
            LabelOperator::Exists => ("Exists", &[]),
            LabelOperator::DoesNotExist => ("DoesNotExist", &[]),
            LabelOperator::Gt(_) | LabelOperator::Lt(_) => continue,
        };
        let values: Vec<&str> = values.iter().map(|value| &**value).collect();
        expressions.push_str(&format!(
            "LabelSelectorRequirement{{Key:{},Operator:{operator},Values:[{}],}},",
            requirement.key,
            values.join(" ")
        ));
    }
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},\
         MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}

impl Note {
    fn normal(reason: &'static str, message: String) -> Self {
        Self { severity: Severity::Normal, reason, message }
    }

    fn warning(reason: &'static str, message: String) -> Self {
        Self { severity: Severity::Warning, reason, message }
    }
}
