//! One pass over the pods of a Job: how many there are of each sort, and which are still to be counted.

use crate::controllers::job::backoff::{BackoffRecord, finish_time};
use crate::controllers::job::failure_policy;
use crate::controllers::job::scene::Scene;
use crate::engine::SimTime;
use crate::model::ids::PodId;
use crate::model::job::FailureAction;
use crate::model::meta::Uid;
use crate::model::pod::{JobPod, Pod};
use crate::model::pod_status::Phase;

/// The pods of a Job in order of creation.
pub type JobPods<'a> = [(PodId, &'a Pod)];

/// What the controller has asked for and not seen yet.
///
/// The simulator's components see every write at once, so that they pass [`Expectations::MET`]; the rules for
/// slower watches are kept all the same.
/// Source: Kubernetes 1.28, pkg/controller/controller_utils.go, ControllerExpectations, and
/// pkg/controller/job/tracking_utils.go, uidTrackingExpectations.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'a> {
    /// Whether all pods that it created and deleted have been seen.
    pub are_met: bool,
    /// The pods whose finalizer is on its way out.
    pub finalizer_removals: &'a [Uid],
}

impl Expectations<'_> {
    /// Everything asked for has been seen.
    pub const MET: Self = Self { are_met: true, finalizer_removals: &[] };
}

/// The pods of a Job, counted by sort.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Census {
    /// Neither ended nor being deleted.
    pub active: u32,
    /// Active and Ready.
    pub ready: u32,
    /// Being deleted, not ended.
    pub terminating: u32,
    /// Those that hold the finalizer, in order of creation.
    pub tracked: Vec<Tracked>,
}

/// A pod that holds the finalizer and so is not counted yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tracked {
    /// The pod.
    pub pod: PodId,
    /// Its unique id.
    pub uid: Uid,
    /// Its marks.
    pub marks: JobPod,
    /// Whether and how it has ended.
    pub standing: Standing,
    /// What its failure means, or would mean.
    pub on_failure: OnFailure,
    /// When it ended; where it has not, the best guess. Whole seconds.
    pub finished_at: SimTime,
    /// Whether the finalizer waits for the replacement of the pod.
    pub waits_for_replacement: bool,
}

/// Whether and how a pod has ended, as the Job controller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has not.
    Unfinished,
    /// It succeeded.
    Succeeded,
    /// It failed, or counts as failed because it is being deleted.
    Failed,
}

/// What the failure of a pod means by `podFailurePolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    /// It is counted.
    Counts,
    /// It is not counted.
    Ignored,
    /// It is counted and ends the index.
    FailsIndex,
}

impl Census {
    /// Counts the pods of a Job.
    pub fn take(scene: &Scene<'_>, pods: &JobPods<'_>, expectations: &Expectations<'_>) -> Self {
        let mut census = Self::default();
        for (id, pod) in pods {
            if is_active(pod) {
                census.active += 1;
                census.ready += u32::from(pod.status.conditions.is_ready());
            } else if is_terminating(pod) {
                census.terminating += 1;
            }
            let marks = pod.job.filter(|marks| marks.has_finalizer);
            if let Some(marks) = marks
                && !expectations.finalizer_removals.contains(&pod.meta.uid)
            {
                census.tracked.push(Tracked::new(scene, *id, pod, marks));
            }
        }
        census
    }

    /// The tracked pods that have just succeeded: valid and not on the list of the uncounted.
    pub fn new_successes<'a>(&'a self, scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Tracked> + Clone {
        let uncounted = &scene.job.status.uncounted.succeeded;
        self.valid(scene, Standing::Succeeded).filter(|pod| !uncounted.contains(&pod.uid))
    }

    /// The tracked pods that have just failed: valid and not on the list of the uncounted.
    pub fn new_failures<'a>(&'a self, scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Tracked> + Clone {
        let uncounted = &scene.job.status.uncounted.failed;
        self.valid(scene, Standing::Failed).filter(|pod| !uncounted.contains(&pod.uid))
    }

    /// Keeps the finalizer of pods until they are replaced.
    pub fn keep<'a>(&mut self, pods: impl Iterator<Item = &'a Tracked>) {
        for waiting in pods {
            let pod = self.tracked.iter_mut().find(|pod| pod.uid == waiting.uid);
            pod.expect("the pods to replace are tracked").waits_for_replacement = true;
        }
    }

    /// The back-off record once the new ends are known.
    pub fn record_after(&self, scene: &Scene<'_>, record: BackoffRecord) -> BackoffRecord {
        let successes = self.new_successes(scene).map(|pod| pod.finished_at);
        let failures = self.new_failures(scene).map(|pod| pod.finished_at);
        record.after(successes, failures)
    }

    /// The tracked pods of one standing that the Job can count.
    fn valid<'a>(
        &'a self,
        scene: &'a Scene<'_>,
        standing: Standing,
    ) -> impl Iterator<Item = &'a Tracked> + Clone {
        self.tracked.iter().filter(move |pod| pod.standing == standing && pod.is_countable(scene))
    }
}

impl Tracked {
    fn new(scene: &Scene<'_>, id: PodId, pod: &Pod, marks: JobPod) -> Self {
        let standing = standing(scene, pod);
        let finished_at = if standing == Standing::Unfinished { pod.meta.created } else { finish_time(pod) };
        Self {
            pod: id,
            uid: pod.meta.uid,
            marks,
            standing,
            on_failure: on_failure(scene, pod),
            finished_at,
            waits_for_replacement: false,
        }
    }

    /// Whether the Job counts this pod when it ends: always, unless its index is missing or too large.
    /// Source: Kubernetes 1.28, pkg/controller/job/job_controller.go, getValidPodsWithFilter.
    pub fn is_countable(&self, scene: &Scene<'_>) -> bool {
        !scene.is_indexed() || self.index_below(scene.n_indexes()).is_some()
    }

    /// The completion index, where it is below `limit`.
    pub fn index_below(&self, limit: u32) -> Option<u32> {
        self.marks.completion_index.filter(|index| *index < limit)
    }

    /// How many pods of the index failed before this one.
    /// Source: Kubernetes 1.28, pkg/controller/job/indexed_job_utils.go, getIndexAbsoluteFailureCount.
    pub fn n_failures_before(&self) -> u32 {
        self.marks.index_failure_count.unwrap_or(0) + self.marks.index_ignored_failure_count
    }

    /// The marks of the pod that takes this one's place.
    /// Source: indexed_job_utils.go, getNewIndexFailureCounts.
    pub fn marks_of_replacement(&self) -> JobPod {
        let failures = self.marks.index_failure_count.unwrap_or(0);
        let ignored = self.marks.index_ignored_failure_count;
        let is_ignored = self.on_failure == OnFailure::Ignored;
        JobPod {
            has_finalizer: true,
            completion_index: self.marks.completion_index,
            index_failure_count: Some(failures + u32::from(!is_ignored)),
            index_ignored_failure_count: ignored + u32::from(is_ignored),
        }
    }
}

/// Whether a pod has neither ended nor is being deleted.
/// Source: Kubernetes 1.28, pkg/controller/controller_utils.go, IsPodActive.
pub fn is_active(pod: &Pod) -> bool {
    !pod.status.phase.is_terminal() && !pod.meta.is_terminating()
}

/// Whether a pod is being deleted and has not ended.
/// Source: Kubernetes 1.28, pkg/controller/controller_utils.go, IsPodTerminating.
pub fn is_terminating(pod: &Pod) -> bool {
    !pod.status.phase.is_terminal() && pod.meta.is_terminating()
}

/// Whether and how a pod has ended. A pod being deleted has failed, unless the Job replaces only failed pods.
/// Source: Kubernetes 1.28, pkg/controller/job/job_controller.go, isPodFailed.
pub fn standing(scene: &Scene<'_>, pod: &Pod) -> Standing {
    match pod.status.phase {
        Phase::Succeeded => Standing::Succeeded,
        Phase::Failed => Standing::Failed,
        Phase::Pending | Phase::Running => {
            let is_given_up = pod.meta.is_terminating() && !scene.replaces_only_failed();
            if is_given_up { Standing::Failed } else { Standing::Unfinished }
        }
    }
}

fn on_failure(scene: &Scene<'_>, pod: &Pod) -> OnFailure {
    let Some(rules) = scene.failure_policy() else { return OnFailure::Counts };
    let has_limit_per_index = scene.behaviour.has_limit_per_index;
    match failure_policy::first_match(rules, pod, has_limit_per_index).map(|found| found.action) {
        Some(FailureAction::Ignore) => OnFailure::Ignored,
        Some(FailureAction::FailIndex) => OnFailure::FailsIndex,
        Some(FailureAction::FailJob | FailureAction::Count) | None => OnFailure::Counts,
    }
}
