//! Tables of the cluster at an instant, as kubectl prints them.

mod autoscaler;
pub mod endpoints;
mod workloads;

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::model::ids::{Kind, ObjectId};
use crate::model::job::Job;
use crate::model::meta::ObjectMeta;
use crate::model::node::{ConditionStatus, Node};
use crate::model::wall_clock::WallClock;
use crate::observe::records::LoggedRecord;
use crate::report::summary::pod_row;
use crate::report::table::Table;
use crate::report::text::span;

/// What is listed.
#[derive(Debug, Clone, Copy)]
pub struct Listing<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The instant, for ages.
    pub now: SimTime,
    /// The civil time.
    pub clock: WallClock,
    /// Whether all columns are shown.
    pub is_wide: bool,
}

/// The objects of a kind, in order of namespace and name; of one namespace and of one name where they are given.
pub fn objects(cluster: &Cluster, kind: Kind, namespace: Option<&str>, name: Option<&str>) -> Vec<ObjectId> {
    let mut named: Vec<(&ObjectMeta, ObjectId)> =
        cluster.objects(kind).into_iter().filter_map(|id| Some((cluster.meta(id)?, id))).collect();
    named.retain(|(meta, _)| name.is_none_or(|name| &*meta.name == name));
    let is_here = |meta: &ObjectMeta| namespace.is_none_or(|namespace| &*meta.namespace == namespace);
    named.retain(|(meta, _)| kind == Kind::Node || is_here(meta));
    named.sort_by(|(a, _), (b, _)| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    named.into_iter().map(|(_, id)| id).collect()
}

/// The table of some objects of one kind.
pub fn table(listing: &Listing<'_>, kind: Kind, objects: &[ObjectId]) -> String {
    if objects.is_empty() {
        return "No resources found.\n".to_owned();
    }
    let table = match kind {
        Kind::Pod => pods(listing, objects),
        Kind::Node => nodes(listing, objects),
        Kind::Job => jobs(listing, objects),
        Kind::CronJob => cronjobs(listing, objects),
        other => workloads::table(listing, other, objects),
    };
    table.without_empty_columns().to_string()
}

impl Listing<'_> {
    fn age(&self, meta: &ObjectMeta) -> String {
        span(self.now.since(meta.created).as_secs_f64().floor())
    }

    /// The namespace where it is worth a column.
    fn namespace(meta: &ObjectMeta) -> String {
        if &*meta.namespace == "default" { String::new() } else { meta.namespace.to_string() }
    }

    fn wide(&self, text: impl FnOnce() -> String) -> String {
        if self.is_wide { text() } else { String::new() }
    }
}

fn pods(listing: &Listing<'_>, objects: &[ObjectId]) -> Table {
    let heads = ["NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE"];
    let mut table = Table::new(&heads);
    for object in objects {
        let ObjectId::Pod(id) = object else { continue };
        let Some(pod) = listing.cluster.pod(*id) else { continue };
        let node = pod.node.map(|node| listing.cluster.name_of(ObjectId::Node(node)).to_string());
        let row = pod_row(pod, node, listing.now);
        let none = || "<none>".to_owned();
        table.row([
            Listing::namespace(&pod.meta),
            row.name,
            format!("{}/{}", row.ready, row.containers),
            row.status,
            row.restarts.to_string(),
            listing.age(&pod.meta),
            listing.wide(|| row.ip.unwrap_or_else(none)),
            listing.wide(|| row.node.unwrap_or_else(none)),
            listing.wide(|| pod.status.nominated_node.as_deref().map_or_else(none, str::to_owned)),
        ]);
    }
    table
}

fn nodes(listing: &Listing<'_>, objects: &[ObjectId]) -> Table {
    let mut table =
        Table::new(&["NAME", "STATUS", "AGE", "CPU", "REQUESTED", "MEMORY", "REQUESTED", "PODS", "TAINTS"]);
    for object in objects {
        let ObjectId::Node(id) = object else { continue };
        let Some(node) = listing.cluster.node(*id) else { continue };
        let usage = listing.cluster.usage(*id);
        use crate::observe::object::{bytes_text, cpu_text};
        table.row([
            node.meta.name.to_string(),
            node_status(node),
            listing.age(&node.meta),
            cpu_text(node.spec.allocatable.cpu.0),
            cpu_text(usage.requested.cpu.0),
            bytes_text(node.spec.allocatable.memory.0),
            bytes_text(usage.requested.memory.0),
            format!("{}/{}", usage.pods.len(), node.spec.max_pods),
            listing.wide(|| {
                let taints = node.spec.taints.iter().map(|taint| format!("{}:{:?}", taint.key, taint.effect));
                taints.collect::<Vec<_>>().join(",")
            }),
        ]);
    }
    table
}

/// Source: Kubernetes 1.28, pkg/printers/internalversion/printers.go, printNode.
fn node_status(node: &Node) -> String {
    let ready = if node.ready.status == ConditionStatus::True { "Ready" } else { "NotReady" };
    if node.spec.unschedulable { format!("{ready},SchedulingDisabled") } else { ready.to_owned() }
}

fn jobs(listing: &Listing<'_>, objects: &[ObjectId]) -> Table {
    let mut table = Table::new(&["NAMESPACE", "NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]);
    for object in objects {
        let ObjectId::Job(id) = object else { continue };
        let Some(job) = listing.cluster.job(*id) else { continue };
        table.row([
            Listing::namespace(&job.meta),
            job.meta.name.to_string(),
            job_status(job),
            completions(job),
            duration(job, listing.now),
            listing.age(&job.meta),
        ]);
    }
    table
}

fn job_status(job: &Job) -> String {
    use crate::model::job::JobConditionType;
    let shown = [
        JobConditionType::Complete,
        JobConditionType::Failed,
        JobConditionType::Suspended,
        JobConditionType::FailureTarget,
        JobConditionType::SuccessCriteriaMet,
    ];
    let condition = shown.into_iter().find(|kind| job.status.true_condition(*kind).is_some());
    match condition {
        _ if job.meta.is_terminating() => "Terminating".to_owned(),
        Some(kind) => kind.as_str().to_owned(),
        None => "Running".to_owned(),
    }
}

/// Source: Kubernetes 1.28, pkg/printers/internalversion/printers.go, printJob.
fn completions(job: &Job) -> String {
    match job.spec.completions {
        Some(wanted) => format!("{}/{wanted}", job.status.succeeded),
        None if job.spec.parallelism > 1 => format!("{}/1 of {}", job.status.succeeded, job.spec.parallelism),
        None => format!("{}/1", job.status.succeeded),
    }
}

fn duration(job: &Job, now: SimTime) -> String {
    let Some(start) = job.status.start_time else { return String::new() };
    let end = job.status.completion_time.unwrap_or(now);
    span(end.since(start).as_secs_f64())
}

fn cronjobs(listing: &Listing<'_>, objects: &[ObjectId]) -> Table {
    let heads = ["NAMESPACE", "NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST SCHEDULE", "AGE"];
    let mut table = Table::new(&heads);
    for object in objects {
        let ObjectId::CronJob(id) = object else { continue };
        let Some(cronjob) = listing.cluster.cronjob(*id) else { continue };
        let last = cronjob.status.last_schedule_time;
        table.row([
            Listing::namespace(&cronjob.meta),
            cronjob.meta.name.to_string(),
            cronjob.spec.schedule.to_string(),
            cronjob.spec.time_zone.as_deref().unwrap_or("<none>").to_owned(),
            if cronjob.spec.suspend { "True" } else { "False" }.to_owned(),
            cronjob.status.active.len().to_string(),
            last.map_or_else(|| "<none>".to_owned(), |at| span(listing.now.since(at).as_secs_f64().floor())),
            listing.age(&cronjob.meta),
        ]);
    }
    table
}

/// The table of records, by the time of the last of their kind.
pub fn records<'a>(records: impl Iterator<Item = &'a LoggedRecord>) -> String {
    let mut table =
        Table::new(&["LAST SEEN", "FIRST", "COUNT", "TYPE", "REASON", "OBJECT", "SOURCE", "MESSAGE"]);
    for entry in records {
        table.row([
            entry.last.to_string(),
            entry.first.to_string(),
            entry.count.to_string(),
            entry.record.severity.to_string(),
            entry.record.reason.to_owned(),
            format!("{}/{}", entry.kind.resource(), entry.name),
            entry.record.source.to_owned(),
            entry.record.message.clone(),
        ]);
    }
    if table.is_empty() { "No events found.\n".to_owned() } else { table.to_string() }
}
