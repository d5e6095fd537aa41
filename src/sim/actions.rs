//! What the timeline does to the cluster: the hands of a user, and of fate.
//!
//! An action that meets nothing, or that the API server would refuse, changes nothing and is kept as a miss, which
//! the results show.

use std::sync::Arc;

use crate::cluster::{Cluster, Refusal};
use crate::component::{Observer, Timers, Turn};
use crate::engine::SimDuration;
use crate::event::{Command, Creation, Event, SpecUpdate};
use crate::manifest::admission::PriorityClasses;
use crate::manifest::convert::{self, JobProgress, ReadContext};
use crate::manifest::patch::Revision;
use crate::model::ids::{Kind, NodeId, ObjectId, PodId};
use crate::model::meta::{Name, Propagation};
use crate::model::node::{LABEL_ZONE, NodeSpec};
use crate::model::pod::PodSpec;
use crate::model::pod_status::ContainerRef;
use crate::model::scenario::{Action, NewObject, NewSpec, ObjectName};
use crate::observe::object::ObjectWriter;
use crate::sim::Simulation;
use crate::sim::outages::NO_API_SERVER;

impl<O: Observer> Simulation<O> {
    /// Does one entry of the timeline.
    pub(super) fn act(&mut self, position: u32) {
        let scenario = Arc::clone(&self.scenario);
        let entry = &scenario.timeline[position as usize];
        if let Err(miss) = self.perform(&entry.action) {
            let place = entry.entry.map_or_else(String::new, |entry| format!("spec.timeline[{entry}] "));
            self.misses.push(format!("{place}at {}: {miss}", entry.at));
        }
    }

    /// Does something to the cluster.
    ///
    /// # Errors
    /// Why it met nothing, or was refused.
    pub(super) fn perform(&mut self, action: &Action) -> Result<(), String> {
        if action.asks_api_server() && self.components.lack_api_server() {
            return Err(NO_API_SERVER.to_owned());
        }
        let turn = &mut Turn::new(
            &self.context,
            &mut self.cluster,
            &mut self.calendar,
            &mut self.observer,
            &mut self.changes,
        );
        match action {
            Action::StopComponent(component) => {
                self.components.stop(*component, turn);
                Ok(())
            }
            Action::StartComponent(component) => {
                self.components.start(*component, turn);
                Ok(())
            }
            Action::Apply(objects) => apply_all(objects, turn),
            Action::Patch { object, merge } => patch(object, merge, turn),
            Action::Delete { object, propagation, grace } => delete(object, *propagation, *grace, turn),
            Action::Kill { pods, container, exit_code } => kill(pods, container.as_ref(), *exit_code, turn),
            Action::Evict { pods, grace } => evict(pods, *grace, turn),
            Action::Drain(order) => self.components.drains.begin(order, turn),
            Action::FailNode(node) => schedule_for_node(node, Event::NodeFailed, turn),
            Action::RecoverNode(node) => schedule_for_node(node, Event::NodeRecovered, turn),
            Action::ShutDownNode(node) => schedule_for_node(node, Event::NodeShutdownBegun, turn),
            Action::StopKubelet(node) => schedule_for_node(node, Event::KubeletStopped, turn),
            Action::StartKubelet(node) => schedule_for_node(node, Event::KubeletStarted, turn),
            Action::Cordon { node, is_unschedulable } => cordon(node, *is_unschedulable, turn),
            Action::FailZone(zone) => schedule_for_zone(zone, Event::NodeFailed, turn),
            Action::RecoverZone(zone) => schedule_for_zone(zone, Event::NodeRecovered, turn),
            Action::Partition(partition) => {
                for zone in &partition.zones {
                    nodes_of(zone, turn.cluster())?;
                }
                self.components.traffic.cut(partition.clone());
                Ok(())
            }
            Action::Heal(partition) => {
                self.components.traffic.heal(partition);
                Ok(())
            }
        }
    }
}

fn apply_all(objects: &[NewObject], turn: &mut Turn<'_>) -> Result<(), String> {
    let misses: Vec<String> = objects.iter().filter_map(|object| apply(object, turn).err()).collect();
    if misses.is_empty() { Ok(()) } else { Err(misses.join("; ")) }
}

/// Whether a name matches a pattern that may end in `*`.
pub fn name_matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == pattern,
    }
}

/// Creates an object, or gives the one of this name another spec.
fn apply(object: &NewObject, turn: &mut Turn<'_>) -> Result<(), String> {
    let kind = object.spec.kind();
    match turn.cluster().find(kind, &object.namespace, &object.name) {
        Some(id) => revise(id, kind, Revision::Apply(&object.manifest), turn),
        None => {
            let creation = Creation::of(object.clone());
            submit(Command::Create(Box::new(creation)), turn)
        }
    }
}

fn update(id: ObjectId, object: &NewObject, turn: &mut Turn<'_>) -> Result<(), String> {
    match (id, &object.spec) {
        (ObjectId::Node(id), NewSpec::Node(spec)) => {
            // Its images are known by its kubelet alone, its price and pool by the scenario.
            let Some(node) = turn.cluster().node(id) else { return Err(Refusal::NotFound.to_string()) };
            let NodeSpec { images, price_per_hour, pool, .. } = node.spec.clone();
            let spec = NodeSpec { images, price_per_hour, pool, ..spec.clone() };
            return submit(Command::UpdateNode(id, object.labels.clone(), Box::new(spec)), turn);
        }
        (ObjectId::Pod(id), NewSpec::Pod(spec)) => {
            return submit(Command::UpdatePod(id, object.labels.clone(), Arc::clone(spec)), turn);
        }
        _ => {}
    }
    let update = SpecUpdate::of(id, &object.spec).ok_or("the object of this name has another kind")?;
    submit(Command::UpdateMeta(id, object.labels.clone(), object.annotations.clone()), turn)?;
    submit(Command::UpdateSpec(update, Arc::clone(&object.manifest)), turn)
}

fn submit(command: Command, turn: &mut Turn<'_>) -> Result<(), String> {
    turn.submit(command).map(|_| ()).map_err(|refusal| refusal.to_string())
}

/// Changes an object by a JSON merge patch.
fn patch(object: &ObjectName, merge: &serde_json::Value, turn: &mut Turn<'_>) -> Result<(), String> {
    let id = find(object, turn)?;
    revise(id, object.kind, Revision::Merge(merge), turn)
}

/// Changes an object, judged as the API server judges an update.
fn revise(id: ObjectId, kind: Kind, revision: Revision<'_>, turn: &mut Turn<'_>) -> Result<(), String> {
    let writer = ObjectWriter { cluster: turn.cluster(), clock: turn.context.clock };
    let mut old = writer.object(id).ok_or("the object is gone")?;
    // How a node is, is for its kubelet and the controllers to say: nobody judges it with the change.
    if let (Kind::Node, Some(status)) = (kind, old["status"].as_object_mut()) {
        status.remove("conditions");
    }
    let name = turn.cluster().meta(id).map_or_else(String::new, |meta| meta.full_name());
    let priority_classes = &pod_spec(id, turn).map(PriorityClasses::of_living).unwrap_or_default();
    let context = ReadContext { profile: &turn.context.profile, priority_classes };
    let revised = convert::accept_update(kind, &old, revision, progress(id, turn), &context);
    let revised = revised.map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        format!("{} {name} is refused: {}", kind.resource(), errors.join("; "))
    })?;
    update(id, &revised, turn)
}

/// The spec of the pod that an object is, or of those that it makes.
fn pod_spec<'a>(id: ObjectId, turn: &'a Turn<'_>) -> Option<&'a PodSpec> {
    let cluster = turn.cluster();
    match id {
        ObjectId::Pod(id) => cluster.pod(id).map(|pod| &*pod.spec),
        ObjectId::ReplicaSet(id) => cluster.replica_set(id).map(|it| &*it.spec.template.spec),
        ObjectId::Deployment(id) => cluster.deployment(id).map(|it| &*it.spec.template.spec),
        ObjectId::StatefulSet(id) => cluster.stateful_set(id).map(|it| &*it.spec.template.spec),
        ObjectId::DaemonSet(id) => cluster.daemon_set(id).map(|it| &*it.spec.template.spec),
        ObjectId::Job(id) => cluster.job(id).map(|it| &*it.spec.template.spec),
        ObjectId::CronJob(id) => cluster.cronjob(id).map(|it| &*it.spec.job_template.spec.template.spec),
        ObjectId::Node(_)
        | ObjectId::ResourceQuota(_)
        | ObjectId::Service(_)
        | ObjectId::PodDisruptionBudget(_)
        | ObjectId::HorizontalPodAutoscaler(_) => None,
    }
}

/// What became of a Job so far, as far as it decides what may change.
fn progress(id: ObjectId, turn: &Turn<'_>) -> JobProgress {
    let job = match id {
        ObjectId::Job(id) => turn.cluster().job(id),
        _ => None,
    };
    job.map_or_else(JobProgress::default, |job| JobProgress {
        has_started: job.status.start_time.is_some(),
        n_active: job.status.active,
    })
}

fn delete(
    object: &ObjectName,
    propagation: Propagation,
    grace: Option<SimDuration>,
    turn: &mut Turn<'_>,
) -> Result<(), String> {
    if object.kind == Kind::Pod {
        for pod in pods(object, turn)? {
            turn.write(Command::DeletePod(pod, grace));
        }
        return Ok(());
    }
    match find(object, turn)? {
        ObjectId::Node(id) => turn.write(Command::DeleteNode(id)),
        ObjectId::Pod(id) => turn.write(Command::DeletePod(id, grace)),
        other => turn.write(Command::Delete(other, propagation)),
    }
    Ok(())
}

fn kill(
    object: &ObjectName,
    container: Option<&Name>,
    exit_code: i32,
    turn: &mut Turn<'_>,
) -> Result<(), String> {
    let mut n_killed = 0;
    for id in pods(object, turn)? {
        let Some(pod) = turn.cluster().pod(id) else { continue };
        let containers = (0..).map(ContainerRef::App).zip(&pod.spec.containers);
        let meant: Vec<ContainerRef> = containers
            .filter(|(_, spec)| container.is_none_or(|name| spec.name == *name))
            .map(|(container, _)| container)
            .collect();
        n_killed += meant.len();
        for container in meant {
            turn.set_timer_after(SimDuration::ZERO, Event::ProcessKilled(id, container, exit_code));
        }
    }
    if n_killed == 0 { Err(format!("{object} has no such container")) } else { Ok(()) }
}

fn schedule_for_node(name: &Name, event: fn(NodeId) -> Event, turn: &mut Turn<'_>) -> Result<(), String> {
    let node = turn.cluster().find_node(name).ok_or_else(|| format!("there is no node {name}"))?;
    turn.set_timer_after(SimDuration::ZERO, event(node));
    Ok(())
}

fn schedule_for_zone(zone: &Name, event: fn(NodeId) -> Event, turn: &mut Turn<'_>) -> Result<(), String> {
    for node in nodes_of(zone, turn.cluster())? {
        turn.set_timer_after(SimDuration::ZERO, event(node));
    }
    Ok(())
}

/// The nodes of a zone, in order of creation.
fn nodes_of(zone: &Name, cluster: &Cluster) -> Result<Vec<NodeId>, String> {
    let nodes = cluster.nodes().iter();
    let mut nodes: Vec<_> =
        nodes.filter(|(_, node)| node.meta.labels.get(LABEL_ZONE) == Some(zone)).collect();
    nodes.sort_by_key(|(_, node)| node.meta.uid.serial);
    let nodes: Vec<NodeId> = nodes.into_iter().map(|(id, _)| id).collect();
    if nodes.is_empty() { Err(format!("there is no node in zone {zone}")) } else { Ok(nodes) }
}

fn cordon(name: &Name, is_unschedulable: bool, turn: &mut Turn<'_>) -> Result<(), String> {
    let id = turn.cluster().find_node(name).ok_or_else(|| format!("there is no node {name}"))?;
    set_unschedulable(id, is_unschedulable, turn);
    Ok(())
}

/// Marks a node unschedulable, or schedulable again.
pub(super) fn set_unschedulable(id: NodeId, is_unschedulable: bool, turn: &mut Turn<'_>) {
    let node = &turn.cluster().nodes()[id];
    let (labels, mut spec) = (node.meta.labels.clone(), node.spec.clone());
    spec.unschedulable = is_unschedulable;
    turn.write(Command::UpdateNode(id, labels, Box::new(spec)));
}

/// Asks for the eviction of pods; what is refused is not asked for again.
fn evict(object: &ObjectName, grace: Option<SimDuration>, turn: &mut Turn<'_>) -> Result<(), String> {
    let mut refusals = Vec::new();
    for pod in pods(object, turn)? {
        let name = turn.cluster().name_of(ObjectId::Pod(pod));
        if let Err(refusal) = turn.submit(Command::EvictPod(pod, grace)) {
            refusals.push(format!("pod {name}: {}", refusal_text(refusal, turn)));
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(refusals.join("; ")) }
}

fn refusal_text(refusal: Refusal, turn: &Turn<'_>) -> String {
    let Refusal::NotEvicted(refusal) = refusal else { return refusal.to_string() };
    let budget = refusal.budget().map(|id| turn.cluster().name_of(ObjectId::PodDisruptionBudget(id)));
    let cause = budget.and_then(|budget| refusal.cause(&budget));
    cause.map_or_else(|| refusal.message().to_owned(), |cause| format!("{} {cause}", refusal.message()))
}

fn find(object: &ObjectName, turn: &Turn<'_>) -> Result<ObjectId, String> {
    turn.cluster().find(object.kind, &object.namespace, &object.name).ok_or_else(|| missing(object))
}

/// The pods that a name or pattern means, in order of creation.
fn pods(object: &ObjectName, turn: &Turn<'_>) -> Result<Vec<PodId>, String> {
    let is_meant = |pod: &crate::model::pod::Pod| {
        pod.meta.namespace == object.namespace && name_matches(&object.name, &pod.meta.name)
    };
    let mut pods: Vec<_> = turn.cluster().pods().iter().filter(|(_, pod)| is_meant(pod)).collect();
    pods.sort_by_key(|(_, pod)| pod.meta.uid.serial);
    if pods.is_empty() { Err(missing(object)) } else { Ok(pods.into_iter().map(|(id, _)| id).collect()) }
}

fn missing(object: &ObjectName) -> String {
    format!("there is no {object}")
}
