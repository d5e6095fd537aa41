//! What a sync of a StatefulSet does: a pure function of the set, its pods, its revisions and now.
//!
//! ```text
//! replicas   from the first ordinal up: make what is missing or has ended; one by one, wait for each to be available
//! condemned  beyond the last ordinal, from the highest down: delete; one by one, wait for each to be gone
//! update     from the last ordinal down to the partition: delete the first of another revision; wait for the healthy
//! ```
//!
//! Source: Kubernetes 1.28, pkg/controller/statefulset/stateful_set_control.go, updateStatefulSet.

use crate::engine::SimTime;
use crate::model::ids::PodId;
use crate::model::meta::Name;
use crate::model::pod::Pod;
use crate::model::pod_status::Phase;
use crate::model::revision::{LABEL_REVISION, Revision};
use crate::model::stateful_set::{PodManagementPolicy, StatefulSet, StatefulSetStatus, StatefulSetUpdate};

/// What a sync works from.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The set.
    pub set: &'a StatefulSet,
    /// Its pods.
    pub pods: &'a [(PodId, &'a Pod)],
    /// The revision that an update starts from.
    pub current: &'a Revision,
    /// The revision that an update leads to.
    pub update: &'a Revision,
    /// Now.
    pub now: SimTime,
}

/// What a sync does, in this order.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The writes of pods.
    pub steps: Vec<Step>,
    /// The status to write after them; its revisions are left to the caller.
    pub status: StatefulSetStatus,
}

/// A write of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Makes the pod of an ordinal.
    Create(Birth),
    /// Deletes a pod that has ended, and makes it again.
    Recreate(PodId, Birth),
    /// Deletes a pod.
    Delete(PodId),
}

/// A pod to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birth {
    /// Its ordinal.
    pub ordinal: u32,
    /// Of which revision.
    pub revision: Which,
}

/// One of the two revisions of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that an update starts from.
    Current,
    /// The one that it leads to.
    Update,
}

/// Whether a sync goes on after a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    GoOn,
    Stop,
}

/// The pods of a set as a sync goes through them.
struct Pass<'a> {
    scene: Scene<'a>,
    /// By ordinal, from the first; `None` where there is none, or none any more.
    replicas: Vec<Option<(PodId, &'a Pod)>>,
    /// Beyond the ordinals, the highest first.
    condemned: Vec<(PodId, &'a Pod)>,
    steps: Vec<Step>,
}

/// What a sync does.
pub fn plan(scene: Scene<'_>) -> Plan {
    let mut pass = Pass::new(scene);
    if scene.set.meta.is_terminating() {
        return pass.end();
    }
    if pass.process_replicas() == Progress::Stop || pass.process_condemned() == Progress::Stop {
        return pass.end();
    }
    pass.roll()
}

/// The ordinal in the name of a pod of the set; `None` where its name is not of the set's making.
/// Source: Kubernetes 1.28, pkg/controller/statefulset/stateful_set_utils.go, getParentNameAndOrdinal.
pub fn ordinal(set_name: &str, pod_name: &str) -> Option<u32> {
    let digits = pod_name.strip_prefix(set_name)?.strip_prefix('-')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

impl<'a> Pass<'a> {
    fn new(scene: Scene<'a>) -> Self {
        let spec = &scene.set.spec;
        let mut replicas = vec![None; spec.replicas as usize];
        let mut condemned = Vec::new();
        for (id, pod) in scene.pods.iter().copied() {
            let Some(ordinal) = ordinal(&scene.set.meta.name, &pod.meta.name) else { continue };
            let index = ordinal.checked_sub(spec.start_ordinal);
            match index.and_then(|index| replicas.get_mut(index as usize)) {
                Some(place) => *place = Some((id, pod)),
                None => condemned.push((ordinal, (id, pod))),
            }
        }
        condemned.sort_by_key(|(ordinal, _)| std::cmp::Reverse(*ordinal));
        let condemned = condemned.into_iter().map(|(_, pod)| pod).collect();
        Self { scene, replicas, condemned, steps: Vec::new() }
    }

    fn is_one_by_one(&self) -> bool {
        self.scene.set.spec.pod_management == PodManagementPolicy::OrderedReady
    }

    fn is_available(&self, pod: &Pod) -> bool {
        is_running_and_ready(pod) && pod.is_available(self.scene.set.spec.min_ready, self.scene.now)
    }

    /// Source: stateful_set_control.go, processReplica.
    fn process_replicas(&mut self) -> Progress {
        for index in 0..self.replicas.len() {
            if self.process_replica(index) == Progress::Stop && self.is_one_by_one() {
                return Progress::Stop;
            }
        }
        Progress::GoOn
    }

    fn process_replica(&mut self, index: usize) -> Progress {
        let birth = self.birth(index);
        match self.replicas[index] {
            Some((id, pod)) if pod.status.phase.is_terminal() && !pod.meta.is_terminating() => {
                self.replicas[index] = None;
                self.steps.push(Step::Recreate(id, birth));
                Progress::Stop
            }
            None => {
                self.steps.push(Step::Create(birth));
                Progress::Stop
            }
            Some((_, pod)) if pod.meta.is_terminating() || !self.is_available(pod) => Progress::Stop,
            Some(_) => Progress::GoOn,
        }
    }

    /// Source: stateful_set_control.go, newVersionedStatefulSetPod and isCurrentRevisionNeeded.
    fn birth(&self, index: usize) -> Birth {
        let set = self.scene.set;
        let index = u32::try_from(index).expect("replicas are counted in 32 bits");
        let n_current = match set.spec.update_strategy {
            StatefulSetUpdate::OnDelete => 0,
            StatefulSetUpdate::RollingUpdate { partition } => {
                partition.unwrap_or(set.status.current_replicas)
            }
        };
        let revision = if index < n_current { Which::Current } else { Which::Update };
        Birth { ordinal: set.spec.start_ordinal.saturating_add(index), revision }
    }

    /// Source: stateful_set_control.go, processCondemned.
    fn process_condemned(&mut self) -> Progress {
        let is_unhealthy = |(_, pod): &&(PodId, &Pod)| !is_healthy(pod);
        // All replicas are healthy where pods go one by one, so the first unhealthy pod is the lowest condemned one.
        let first_unhealthy = self.condemned.iter().rev().find(is_unhealthy).map(|(id, _)| *id);
        for (id, pod) in self.condemned.clone() {
            if self.is_one_by_one() {
                let may_go = self.is_available(pod) || first_unhealthy == Some(id);
                if !pod.meta.is_terminating() && may_go {
                    self.steps.push(Step::Delete(id));
                }
                return Progress::Stop;
            }
            if !pod.meta.is_terminating() {
                self.steps.push(Step::Delete(id));
            }
        }
        Progress::GoOn
    }

    /// Deletes the highest pod of another revision, once those above it are healthy.
    fn roll(self) -> Plan {
        let partition = match self.scene.set.spec.update_strategy {
            StatefulSetUpdate::OnDelete => return self.end(),
            StatefulSetUpdate::RollingUpdate { partition } => partition.unwrap_or(0) as usize,
        };
        let targets: Vec<_> = self.replicas.iter().skip(partition).rev().copied().collect();
        for target in targets {
            // A pod that was only just made is of the right revision, and not healthy yet.
            let Some((id, pod)) = target else { return self.end() };
            if !is_of(pod, &self.scene.update.name) && !pod.meta.is_terminating() {
                return self.end_with_update_of(id);
            }
            if !is_healthy(pod) {
                return self.end();
            }
        }
        self.end()
    }

    fn end_with_update_of(mut self, id: PodId) -> Plan {
        self.steps.push(Step::Delete(id));
        let mut status = self.count();
        status.current_replicas = status.current_replicas.saturating_sub(1);
        Plan { status: self.completed(status), steps: self.steps }
    }

    fn end(self) -> Plan {
        let status = self.count();
        Plan { status: self.completed(status), steps: self.steps }
    }

    /// The status that follows from the pods as they were before the steps; those made by them do not count yet.
    /// Source: stateful_set_control.go, updateStatus and computeReplicaStatus.
    fn count(&self) -> StatefulSetStatus {
        let Scene { set, current, update, .. } = self.scene;
        let mut status = StatefulSetStatus {
            current_revision: current.name.clone(),
            update_revision: update.name.clone(),
            observed_generation: set.meta.generation,
            collision_count: Some(set.status.collision_count.unwrap_or(0)),
            ..StatefulSetStatus::default()
        };
        for (_, pod) in self.replicas.iter().flatten().chain(&self.condemned) {
            let is_staying = !pod.meta.is_terminating();
            status.replicas += 1;
            status.ready_replicas += u32::from(is_running_and_ready(pod));
            status.available_replicas += u32::from(self.is_available(pod));
            status.current_replicas += u32::from(is_staying && is_of(pod, &current.name));
            status.updated_replicas += u32::from(is_staying && is_of(pod, &update.name));
        }
        status
    }

    /// Ends an update where all pods that are there are of its revision and ready, even if the last one is to come.
    /// Source: stateful_set_utils.go, completeRollingUpdate.
    fn completed(&self, mut status: StatefulSetStatus) -> StatefulSetStatus {
        let rolls = matches!(self.scene.set.spec.update_strategy, StatefulSetUpdate::RollingUpdate { .. });
        if rolls && status.updated_replicas == status.replicas && status.ready_replicas == status.replicas {
            status.current_replicas = status.updated_replicas;
            status.current_revision = status.update_revision.clone();
        }
        status
    }
}

fn is_of(pod: &Pod, revision: &Name) -> bool {
    pod.meta.labels.get(LABEL_REVISION) == Some(revision)
}

fn is_running_and_ready(pod: &Pod) -> bool {
    pod.status.phase == Phase::Running && pod.status.conditions.is_ready()
}

fn is_healthy(pod: &Pod) -> bool {
    is_running_and_ready(pod) && !pod.meta.is_terminating()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ordinal_stands_behind_the_name_of_the_set() {
        #[track_caller]
        fn check(set: &str, pod: &str, expected: Option<u32>) {
            assert_eq!(ordinal(set, pod), expected);
        }
        check("web", "web-0", Some(0));
        check("web", "web-12", Some(12));
        check("web", "web-a-1", None);
        check("web", "web-", None);
        check("web", "web-+1", None);
        check("web", "other-1", None);
        check("web-1", "web-1-1", Some(1));
    }
}
