//! Tables of workloads, budgets, Services and autoscalers.
//!
//! Source: Kubernetes 1.28, pkg/printers/internalversion/printers.go.

use crate::model::ids::{Kind, ObjectId};
use crate::model::meta::ObjectMeta;
use crate::model::pod_disruption_budget::DisruptionLimit;
use crate::model::service::{ServiceAddress, ServicePort};
use crate::report::get::{Listing, autoscaler};
use crate::report::table::Table;

/// The table of objects of a kind that is neither node, pod, Job nor CronJob.
pub(super) fn table(listing: &Listing<'_>, kind: Kind, objects: &[ObjectId]) -> Table {
    let mut table = Table::new(&heads(kind));
    for object in objects {
        let Some(meta) = listing.cluster.meta(*object) else { continue };
        let Some(cells) = cells(listing, *object) else { continue };
        table.row(framed(listing, meta, cells));
    }
    table
}

/// The heads between the name and the age.
const fn inner_heads(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ReplicaSet => &["DESIRED", "CURRENT", "READY"],
        Kind::Deployment => &["READY", "UP-TO-DATE", "AVAILABLE"],
        Kind::StatefulSet => &["READY"],
        Kind::DaemonSet => &["DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE"],
        Kind::PodDisruptionBudget => &["MIN AVAILABLE", "MAX UNAVAILABLE", "ALLOWED DISRUPTIONS"],
        Kind::ResourceQuota => &["USED"],
        Kind::Service => &["TYPE", "CLUSTER-IP", "PORT(S)"],
        Kind::HorizontalPodAutoscaler => &["REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS"],
        Kind::Node | Kind::Pod | Kind::Job | Kind::CronJob => &[],
    }
}

fn heads(kind: Kind) -> Vec<&'static str> {
    [&["NAMESPACE", "NAME"], inner_heads(kind), &["AGE"]].concat()
}

fn framed(listing: &Listing<'_>, meta: &ObjectMeta, cells: Vec<String>) -> Vec<String> {
    let mut row = vec![Listing::namespace(meta), meta.name.to_string()];
    row.extend(cells);
    row.push(listing.age(meta));
    row
}

/// The cells between the name and the age.
fn cells(listing: &Listing<'_>, object: ObjectId) -> Option<Vec<String>> {
    let cluster = listing.cluster;
    Some(match object {
        ObjectId::ReplicaSet(id) => {
            let set = cluster.replica_set(id)?;
            texts(&[set.spec.replicas, set.status.replicas, set.status.ready_replicas])
        }
        ObjectId::Deployment(id) => {
            let it = cluster.deployment(id)?;
            let ready = format!("{}/{}", it.status.ready_replicas, it.spec.replicas);
            [vec![ready], texts(&[it.status.updated_replicas, it.status.available_replicas])].concat()
        }
        ObjectId::StatefulSet(id) => {
            let set = cluster.stateful_set(id)?;
            vec![format!("{}/{}", set.status.ready_replicas, set.spec.replicas)]
        }
        ObjectId::DaemonSet(id) => {
            let status = &cluster.daemon_set(id)?.status;
            texts(&[
                status.desired_number_scheduled,
                status.current_number_scheduled,
                status.number_ready,
                status.updated_number_scheduled,
                status.number_available,
            ])
        }
        ObjectId::PodDisruptionBudget(id) => {
            let budget = cluster.pod_disruption_budget(id)?;
            let none = || "N/A".to_owned();
            let (min, max) = match budget.spec.limit {
                Some(DisruptionLimit::MinAvailable(amount)) => (amount.to_string(), none()),
                Some(DisruptionLimit::MaxUnavailable(amount)) => (none(), amount.to_string()),
                None => (none(), none()),
            };
            vec![min, max, budget.status.disruptions_allowed.to_string()]
        }
        ObjectId::ResourceQuota(id) => {
            let quota = cluster.resource_quota(id)?;
            let used = quota.spec.hard.iter().map(|limit| {
                let used = cluster.quota_used(&quota.meta.namespace, limit.what);
                format!("{}: {}/{}", limit.name, limit.what.text(used), limit.what.text(limit.amount))
            });
            vec![used.collect::<Vec<_>>().join(", ")]
        }
        ObjectId::Service(id) => {
            let spec = &cluster.service(id)?.spec;
            let address = match spec.address {
                ServiceAddress::ClusterIp(Some(ip)) => ip.to_string(),
                ServiceAddress::ClusterIp(None) | ServiceAddress::Headless => "None".to_owned(),
            };
            let ports: Vec<String> = spec.ports.iter().map(port).collect();
            vec!["ClusterIP".to_owned(), address, ports.join(",")]
        }
        ObjectId::HorizontalPodAutoscaler(id) => {
            let it = cluster.horizontal_pod_autoscaler(id)?;
            let target = format!("{}/{}", it.spec.target.kind.as_str(), it.spec.target.name);
            let counts = [it.spec.min_replicas, it.spec.max_replicas, it.status.current_replicas];
            [vec![target, autoscaler::targets(&it.spec, &it.status)], texts(&counts)].concat()
        }
        ObjectId::Node(_) | ObjectId::Pod(_) | ObjectId::Job(_) | ObjectId::CronJob(_) => return None,
    })
}

fn port(port: &ServicePort) -> String {
    format!("{}/{}", port.port, port.protocol.as_str())
}

fn texts(counts: &[u32]) -> Vec<String> {
    counts.iter().map(ToString::to_string).collect()
}
