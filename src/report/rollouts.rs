//! Deployments and their roll-outs, and what other controllers keep alive, as rows and as text.

use serde::Serialize;

use crate::cluster::Cluster;
use crate::model::ids::{Kind, ObjectId};
use crate::model::meta::ObjectMeta;
use crate::observe::rollouts::{DeploymentEntry, Rollout};
use crate::report::summary::seconds;
use crate::report::table::Table;
use crate::report::text::span;

/// A Deployment at the end, and its roll-outs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentRow {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The pods wanted.
    pub replicas: u32,
    /// Pods of the present template.
    pub updated: u32,
    /// Pods that are available.
    pub available: u32,
    /// When it was deleted [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<f64>,
    /// The roll-outs, oldest first.
    pub rollouts: Vec<RolloutRow>,
}

/// A roll-out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutRow {
    /// The revision.
    pub revision: String,
    /// The ReplicaSet that it replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The ReplicaSet that it makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// When it started [s].
    pub started: f64,
    /// When it was complete [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed: Option<f64>,
    /// When its progress deadline was exceeded [s].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timed_out: Option<f64>,
    /// The fewest pods that were available.
    pub worst_available: u32,
    /// The most pods that were wanted at one time.
    pub most_wanted: u32,
}

/// What a controller keeps alive, at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadRow {
    /// The kind.
    pub kind: &'static str,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The pods wanted.
    pub desired: u32,
    /// The pods that are there.
    pub current: u32,
    /// Those that are ready.
    pub ready: u32,
    /// Those of the present template.
    pub up_to_date: u32,
    /// Those that are available.
    pub available: u32,
    /// Pods ever made.
    pub created: u32,
}

/// The row of a Deployment.
pub fn row(entry: &DeploymentEntry) -> DeploymentRow {
    DeploymentRow {
        namespace: entry.namespace.to_string(),
        name: entry.name.to_string(),
        replicas: entry.replicas,
        updated: entry.status.updated_replicas,
        available: entry.status.available_replicas,
        deleted: entry.deleted.map(seconds),
        rollouts: entry.rollouts.iter().map(rollout_row).collect(),
    }
}

fn rollout_row(rollout: &Rollout) -> RolloutRow {
    RolloutRow {
        revision: rollout.revision.as_deref().unwrap_or("-").to_owned(),
        from: rollout.from.as_deref().map(str::to_owned),
        to: rollout.to.as_deref().map(str::to_owned),
        started: seconds(rollout.started),
        completed: rollout.completed.map(seconds),
        timed_out: rollout.timed_out.map(seconds),
        worst_available: rollout.worst_available,
        most_wanted: rollout.most_wanted,
    }
}

/// What controllers keep alive at the end, in order of creation: ReplicaSets only where they have no Deployment.
pub fn workloads(cluster: &Cluster) -> Vec<WorkloadRow> {
    let kinds = [Kind::ReplicaSet, Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet];
    let objects = kinds.into_iter().flat_map(|kind| cluster.objects(kind));
    let named = objects.filter_map(|object| Some((cluster.meta(object)?, object)));
    let is_own =
        |meta: &ObjectMeta| meta.owner.as_ref().is_none_or(|owner| owner.object.kind() != Kind::Deployment);
    let mut rows: Vec<_> = named
        .filter(|(meta, _)| is_own(meta))
        .filter_map(|(meta, object)| Some((meta.uid, workload(cluster, meta, object)?)))
        .collect();
    rows.sort_by_key(|(uid, _)| *uid);
    rows.into_iter().map(|(_, row)| row).collect()
}

fn workload(cluster: &Cluster, meta: &ObjectMeta, object: ObjectId) -> Option<WorkloadRow> {
    let ([desired, current, ready, up_to_date, available], created) = match object {
        ObjectId::ReplicaSet(id) => {
            let set = cluster.replica_set(id)?;
            let it = &set.status;
            let updated = it.fully_labeled_replicas;
            let counts = [set.spec.replicas, it.replicas, it.ready_replicas, updated, it.available_replicas];
            (counts, cluster.n_ever_of(id))
        }
        ObjectId::Deployment(id) => {
            let deployment = cluster.deployment(id)?;
            let it = &deployment.status;
            let (wanted, updated) = (deployment.spec.replicas, it.updated_replicas);
            let counts = [wanted, it.replicas, it.ready_replicas, updated, it.available_replicas];
            (counts, cluster.replica_sets_of(id).map(|(set, _)| cluster.n_ever_of(set)).sum())
        }
        ObjectId::StatefulSet(id) => {
            let set = cluster.stateful_set(id)?;
            let it = &set.status;
            let updated = it.updated_replicas;
            let counts = [set.spec.replicas, it.replicas, it.ready_replicas, updated, it.available_replicas];
            (counts, cluster.n_ever_of(id))
        }
        ObjectId::DaemonSet(id) => {
            let it = &cluster.daemon_set(id)?.status;
            let (wanted, current) = (it.desired_number_scheduled, it.current_number_scheduled);
            let counts = [wanted, current, it.number_ready, it.updated_number_scheduled, it.number_available];
            (counts, cluster.n_ever_of(id))
        }
        _ => return None,
    };
    let (kind, namespace, name) = (object.kind().as_str(), meta.namespace.to_string(), meta.name.to_string());
    Some(WorkloadRow { kind, namespace, name, desired, current, ready, up_to_date, available, created })
}

/// The answer in one line: `Deployment default/web  revision 2 complete after 40s  (4 of 4 available)`.
pub fn verdict(deployment: &DeploymentRow) -> String {
    let head = format!("Deployment {}/{}", deployment.namespace, deployment.name);
    if let Some(deleted) = deployment.deleted {
        return format!("{head}  deleted after {}", span(deleted));
    }
    let available = format!("{} of {} available", deployment.available, deployment.replicas);
    let Some(last) = deployment.rollouts.last() else { return format!("{head}  ({available})") };
    let outcome = match (last.completed, last.timed_out) {
        (Some(at), _) => format!("complete after {}", span(at - last.started)),
        (None, Some(at)) => format!("ProgressDeadlineExceeded after {}", span(at - last.started)),
        (None, None) => format!("not complete since {}", span(last.started)),
    };
    let updated = match last.completed {
        Some(_) => String::new(),
        None => format!("{} of {} updated, ", deployment.updated, deployment.replicas),
    };
    format!("{head}  revision {} {outcome}  ({updated}{available})", last.revision)
}

/// The answer of what has no Deployment: `ReplicaSet default/web  3 of 3 available  (3 pods made)`.
pub fn workload_verdict(row: &WorkloadRow) -> String {
    let head = format!("{} {}/{}", row.kind, row.namespace, row.name);
    format!("{head}  {} of {} available  ({} pods made)", row.available, row.desired, row.created)
}

/// The table of what controllers keep alive.
pub fn workload_table(rows: &[WorkloadRow]) -> Table {
    let heads = ["WORKLOAD", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "PODS MADE"];
    let mut table = Table::new(&heads);
    for row in rows {
        let counts = [row.desired, row.current, row.ready, row.up_to_date, row.available, row.created];
        let counts = counts.iter().map(ToString::to_string);
        let name = format!("{}/{}", row.kind.to_lowercase(), row.name);
        table.cells([name].into_iter().chain(counts).collect());
    }
    table
}

/// The table of all roll-outs.
pub fn rollout_table(deployments: &[DeploymentRow]) -> Table {
    let heads =
        ["DEPLOYMENT", "REVISION", "FROM", "TO", "START", "COMPLETE", "TOOK", "WORST AVAILABLE", "MOST PODS"];
    let mut table = Table::new(&heads);
    for deployment in deployments {
        for rollout in &deployment.rollouts {
            let complete = match (rollout.completed, rollout.timed_out) {
                (Some(at), _) => span(at),
                (None, Some(at)) => format!("deadline at {}", span(at)),
                (None, None) => "-".to_owned(),
            };
            table.row([
                deployment.name.clone(),
                rollout.revision.clone(),
                rollout.from.clone().unwrap_or_default(),
                rollout.to.clone().unwrap_or_default(),
                span(rollout.started),
                complete,
                rollout.completed.map_or_else(String::new, |at| span(at - rollout.started)),
                rollout.from.as_ref().map_or_else(String::new, |_| rollout.worst_available.to_string()),
                rollout.most_wanted.to_string(),
            ]);
        }
    }
    table
}
