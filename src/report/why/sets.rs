//! Why a StatefulSet, a DaemonSet or a disruption budget is as it is: what it waits for, and whom it keeps waiting.

use crate::cluster::Cluster;
use crate::controllers::daemon_set::fit::{Fit, fit};
use crate::experiment::trial::Trial;
use crate::model::daemon_set::DaemonSet;
use crate::model::ids::{DaemonSetId, ObjectId, StatefulSetId};
use crate::model::meta::ObjectMeta;
use crate::model::pod::Pod;
use crate::model::pod_disruption_budget::PodDisruptionBudget;
use crate::model::scheduling::TaintEffect;
use crate::model::stateful_set::{PodManagementPolicy, StatefulSet, StatefulSetUpdate};
use crate::observe::object::status_text;
use crate::observe::story::Story;
use crate::report::why::{Cause, NodeVerdictRow, Why, chain};

/// Why the set or budget of the story is as it is.
pub fn why(trial: &Trial<Story>) -> Why {
    let simulation = &trial.simulation;
    let (seen, story) = simulation.observer();
    let subject = &story.subject;
    let mut causes = chain::causes(story, simulation.scenario());
    let notes = seen.records.entries().iter().filter(|entry| {
        (entry.kind, &entry.namespace, &entry.name) == (subject.kind, &subject.namespace, &subject.name)
    });
    let notes = notes.filter(|entry| !matches!(entry.record.reason, "SuccessfulCreate" | "SuccessfulDelete"));
    for entry in notes {
        let times = if entry.count > 1 { format!("  ({} times)", entry.count) } else { String::new() };
        let what = format!("{}: {}{times}", entry.record.reason, entry.record.message);
        causes.push(Cause::new(entry.first, what));
    }
    let cluster = simulation.cluster();
    let (answer, nodes) = match cluster.find(subject.kind, &subject.namespace, &subject.name) {
        Some(ObjectId::StatefulSet(id)) => (stateful_set(id, cluster), Vec::new()),
        Some(ObjectId::DaemonSet(id)) => daemon_set(id, cluster),
        Some(ObjectId::PodDisruptionBudget(id)) => {
            let budget = &cluster.pod_disruption_budgets()[id];
            causes.extend(blocked(trial, &budget.meta));
            (disruption_budget(budget, cluster), Vec::new())
        }
        _ => (Vec::new(), Vec::new()),
    };
    causes.sort_by_key(|cause| cause.instant);
    Why { answer, causes, nodes, ..Why::default() }
}

fn stateful_set(id: StatefulSetId, cluster: &Cluster) -> Vec<String> {
    let set = &cluster.stateful_sets()[id];
    let (spec, status) = (&set.spec, &set.status);
    let head = format!("StatefulSet {}", set.meta.full_name());
    let counts = format!("{} updated, {} available", status.updated_replicas, status.available_replicas);
    let mut lines = vec![format!("{head}  {} of {} ready  ({counts})", status.ready_replicas, spec.replicas)];
    let pods: Vec<&Pod> = cluster.pods_of(id).map(|(_, pod)| pod).collect();
    lines.extend(waits_for(set, &pods));
    if status.current_revision != status.update_revision {
        let (from, to) = (&status.current_revision, &status.update_revision);
        lines.push(format!("The update from {from} to {to} is not complete.{}", update_rule(set)));
    }
    lines
}

/// The first pod that the others wait for, where they come one by one.
fn waits_for(set: &StatefulSet, pods: &[&Pod]) -> Option<String> {
    let spec = &set.spec;
    let ordinals = spec.start_ordinal..spec.start_ordinal.saturating_add(spec.replicas);
    let mut names = ordinals.map(|ordinal| format!("{}-{ordinal}", set.meta.name));
    let named = |name: &str| pods.iter().find(|pod| *pod.meta.name == *name);
    let is_fine = |pod: &Pod| pod.status.conditions.is_ready() && !pod.meta.is_terminating();
    let first = names.find(|name| named(name).is_none_or(|pod| !is_fine(pod)))?;
    let state = named(&first).map_or_else(|| "not there".to_owned(), |pod| status_text(pod));
    let rest = match spec.pod_management {
        PodManagementPolicy::OrderedReady => {
            ": the pods after it, scaling down and updates wait until it is ready"
        }
        PodManagementPolicy::Parallel => "; the others do not wait for it",
    };
    Some(format!("Pod {first} is {state} and not ready{rest}."))
}

fn update_rule(set: &StatefulSet) -> String {
    match set.spec.update_strategy {
        StatefulSetUpdate::OnDelete => " Old pods stay until somebody deletes them (OnDelete).".to_owned(),
        StatefulSetUpdate::RollingUpdate { partition: Some(partition) } if partition > 0 => {
            format!(" Ordinals below the partition {partition} keep the old template.")
        }
        StatefulSetUpdate::RollingUpdate { .. } => String::new(),
    }
}

fn daemon_set(id: DaemonSetId, cluster: &Cluster) -> (Vec<String>, Vec<NodeVerdictRow>) {
    let set = &cluster.daemon_sets()[id];
    let status = &set.status;
    let head = format!("DaemonSet {}", set.meta.full_name());
    let counts = format!(
        "{} updated, {} available, {} misscheduled",
        status.updated_number_scheduled, status.number_available, status.number_misscheduled
    );
    let (ready, desired) = (status.number_ready, status.desired_number_scheduled);
    let answer = vec![format!("{head}  {ready} of {desired} ready  ({counts})")];
    let mut nodes: Vec<_> = cluster.nodes().iter().collect();
    nodes.sort_by_key(|(_, node)| node.meta.uid);
    let rows = nodes.into_iter().map(|(node_id, node)| {
        let pods = cluster.pods_of(id).filter(|(_, pod)| pod.node == Some(node_id));
        let pods: Vec<String> =
            pods.map(|(_, pod)| format!("{} {}", pod.meta.name, status_text(pod))).collect();
        NodeVerdictRow {
            node: node.meta.name.to_string(),
            refused_by: refusal(set, node),
            verdict: if pods.is_empty() { "no pod".to_owned() } else { pods.join(", ") },
            scores: None,
        }
    });
    (answer, rows.collect())
}

/// What keeps the pods of a set off a node.
fn refusal(set: &DaemonSet, node: &crate::model::node::Node) -> String {
    let taints = &node.spec.taints;
    match fit(&set.spec, &node.meta.name, &node.meta.labels, taints) {
        Fit::Runs => return String::new(),
        Fit::Stays | Fit::Leaves => {}
    }
    let tolerations = &set.spec.template.spec.placement.tolerations;
    let mut repelling = taints.iter().filter(|taint| taint.effect != TaintEffect::PreferNoSchedule);
    let taint = repelling.find(|taint| !tolerations.iter().any(|it| it.tolerates(taint)));
    taint.map_or_else(|| "node selector or affinity".to_owned(), |taint| format!("taint {}", taint.key))
}

fn disruption_budget(budget: &PodDisruptionBudget, cluster: &Cluster) -> Vec<String> {
    let status = &budget.status;
    let (healthy, needed, expected) = (status.current_healthy, status.desired_healthy, status.expected_pods);
    let mut lines = vec![format!(
        "PodDisruptionBudget {}  {} may go  ({healthy} healthy, {needed} needed, {expected} expected)",
        budget.meta.full_name(),
        status.disruptions_allowed
    )];
    let fault = status.condition.as_ref().filter(|condition| !condition.message.is_empty());
    lines.extend(fault.map(|condition| format!("{}: {}", condition.reason, condition.message)));
    let guarded = cluster.pods().values().filter(|pod| budget.guards(&pod.meta.namespace, &pod.meta.labels));
    let mut unhealthy: Vec<&Pod> =
        guarded.filter(|pod| !pod.status.conditions.is_ready() || pod.meta.is_terminating()).collect();
    unhealthy.sort_by_key(|pod| pod.meta.uid);
    let named: Vec<String> =
        unhealthy.iter().map(|pod| format!("{} ({})", pod.meta.name, status_text(pod))).collect();
    if !named.is_empty() {
        lines.push(format!("Not healthy: {}.", named.join(", ")));
    }
    lines
}

/// The drains that this budget kept waiting.
fn blocked(trial: &Trial<Story>, budget: &ObjectMeta) -> Vec<Cause> {
    let name = budget.full_name();
    let mut causes = Vec::new();
    for drain in trial.simulation.drains() {
        for pod in &drain.pods {
            let Some(blocked) = pod.blocked.as_ref().filter(|blocked| blocked.budget == name) else {
                continue;
            };
            let until = pod.evicted.map_or_else(|| "and still does".to_owned(), |at| format!("until {at}"));
            let what = format!(
                "keeps pod {} from the drain of {} {until}, {} refusals: {}",
                pod.name, drain.order.node, blocked.n_refusals, blocked.cause
            );
            causes.push(Cause::new(blocked.since, what));
        }
    }
    causes
}
