//! The images of one node, and its pulls: one at a time, in the order of asking.
//!
//! A pull takes a fixed time, and the time of its size at the pull rate unless the image is there by then, or the
//! pull fails.
//! Source: Kubernetes 1.28, pkg/kubelet/images, serialImagePuller and EnsureImageExists. Deviation: images are
//! never removed again, and all of an image is pulled though layers may be shared.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::component::{Timers, Turn};
use crate::engine::{SimDuration, SimTime};
use crate::event::{Command, Event, EventId, ProcessRef};
use crate::kubelet::catalogue::{Catalogue, ImageId};
use crate::model::ids::NodeId;
use crate::model::meta::Name;
use crate::model::node::NodeImage;
use crate::model::pod::PullPolicy;
use crate::model::program::PullFailure;
use crate::model::scenario::Timing;

/// The images on a node and the pulls that go on.
#[derive(Debug, Clone)]
pub(super) struct NodeImages {
    node: NodeId,
    present: BTreeSet<ImageId>,
    pulls: VecDeque<Pull>,
    /// How many pulls of an image have failed.
    n_failed: BTreeMap<ImageId, u32>,
    /// Ends the first pull.
    timer: Option<EventId>,
}

/// A pull that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pull {
    /// For which container.
    pub(super) process: ProcessRef,
    /// Of which image.
    pub(super) image: ImageId,
    /// When it was asked for.
    pub(super) asked: SimTime,
    /// When its turn came.
    pub(super) began: SimTime,
}

/// How a pull ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PullOutcome {
    /// The image is there.
    Present,
    /// It is not, for this reason.
    Failed(Name),
}

/// What has to be done for an image before a container of it can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: it is there.
    Nothing,
    /// It has to be pulled, or at least asked for in the registry.
    Pull,
    /// It is not there and must not be pulled.
    Missing,
}

impl NodeImages {
    /// The images that are on a node from the beginning.
    pub(super) fn new(node: NodeId, images: &[NodeImage], catalogue: &mut Catalogue) -> Self {
        let names = images.iter().flat_map(|image| &image.names);
        Self {
            node,
            present: names.map(|name| catalogue.image(name)).collect(),
            pulls: VecDeque::new(),
            n_failed: BTreeMap::new(),
            timer: None,
        }
    }

    /// What has to be done for an image.
    /// Source: Kubernetes 1.28, pkg/kubelet/images/image_manager.go, shouldPullImage.
    pub(super) fn need(&self, image: ImageId, policy: PullPolicy) -> Need {
        match policy {
            PullPolicy::Always => Need::Pull,
            PullPolicy::IfNotPresent | PullPolicy::Never if self.present.contains(&image) => Need::Nothing,
            PullPolicy::IfNotPresent => Need::Pull,
            PullPolicy::Never => Need::Missing,
        }
    }

    /// Begins a pull, or lets it wait for those asked for before. It ends with [`Event::PullDone`], or at once, with
    /// its outcome.
    pub(super) fn pull(
        &mut self,
        pull: Pull,
        catalogue: &Catalogue,
        turn: &mut Turn<'_>,
    ) -> Option<PullOutcome> {
        if self.pulls.is_empty() && self.duration(pull.image, catalogue, &turn.context.timing).is_zero() {
            return Some(self.conclude(pull.image, catalogue, turn));
        }
        self.pulls.push_back(pull);
        if self.pulls.len() == 1 {
            self.begin_next(catalogue, turn);
        }
        None
    }

    /// Ends the pull that goes on and begins the next; `None` where the event is out of date.
    pub(super) fn finish(
        &mut self,
        process: ProcessRef,
        catalogue: &Catalogue,
        turn: &mut Turn<'_>,
    ) -> Option<(Pull, PullOutcome)> {
        let pull = *self.pulls.front().filter(|pull| pull.process == process)?;
        self.pulls.pop_front();
        self.timer = None;
        let outcome = self.conclude(pull.image, catalogue, turn);
        self.begin_next(catalogue, turn);
        Some((pull, outcome))
    }

    /// Gives a pull up.
    pub(super) fn cancel(&mut self, process: ProcessRef, catalogue: &Catalogue, turn: &mut Turn<'_>) {
        let is_first = self.pulls.front().is_some_and(|pull| pull.process == process);
        self.pulls.retain(|pull| pull.process != process);
        if is_first {
            self.stop_timer(turn);
            self.begin_next(catalogue, turn);
        }
    }

    /// Gives all pulls up: the node is down, or its kubelet begins anew.
    pub(super) fn cancel_all(&mut self, timers: &mut impl Timers) {
        self.pulls.clear();
        self.stop_timer(timers);
    }

    fn begin_next(&mut self, catalogue: &Catalogue, turn: &mut Turn<'_>) {
        let now = turn.now();
        let Some(first) = self.pulls.front_mut() else { return };
        first.began = now;
        let (image, event) = (first.image, Event::PullDone(first.process));
        let duration = self.duration(image, catalogue, &turn.context.timing);
        self.timer = Some(turn.set_timer_after(duration, event));
    }

    fn stop_timer(&mut self, timers: &mut impl Timers) {
        if let Some(timer) = self.timer.take() {
            timers.cancel(timer);
        }
    }

    fn conclude(&mut self, image: ImageId, catalogue: &Catalogue, turn: &mut Turn<'_>) -> PullOutcome {
        match self.failure(image, catalogue) {
            None => {
                if self.present.insert(image) {
                    self.report(image, catalogue, turn);
                }
                PullOutcome::Present
            }
            Some(error) => {
                *self.n_failed.entry(image).or_default() += 1;
                PullOutcome::Failed(error)
            }
        }
    }

    /// The status of the node names the image, where anything is known of its size: another one weighs nothing.
    ///
    /// Source: Kubernetes 1.28, pkg/kubelet/nodestatus/setters.go, Images. Deviation: the status names an image as soon as
    /// it is there, and all of them; the kubelet looks every 30 s, reports every 10 s, and names the 50 largest.
    fn report(&self, image: ImageId, catalogue: &Catalogue, turn: &mut Turn<'_>) {
        let size = catalogue.described(image).and_then(|program| program.pull_size);
        if let Some(size) = size.filter(|size| size.0 > 0)
            && turn.cluster().node(self.node).is_some()
        {
            let names = vec![catalogue.full_name(image).clone()];
            turn.write(Command::AddNodeImage(self.node, NodeImage { names, size }));
        }
    }

    /// The error that the next pull of an image ends with.
    fn failure(&self, image: ImageId, catalogue: &Catalogue) -> Option<Name> {
        let PullFailure { error, times } = catalogue.described(image)?.pull_failure.as_ref()?;
        let n_failed = self.n_failed.get(&image).copied().unwrap_or(0);
        times.is_none_or(|times| n_failed < times).then(|| error.clone())
    }

    fn duration(&self, image: ImageId, catalogue: &Catalogue, timing: &Timing) -> SimDuration {
        let is_short = self.present.contains(&image) || self.failure(image, catalogue).is_some();
        let size = catalogue.described(image).and_then(|program| program.pull_size);
        match (size, timing.pull_rate) {
            (Some(size), Some(rate)) if !is_short && rate > 0 => {
                let nanos = u128::from(size.0.unsigned_abs()) * 1_000_000_000 / u128::from(rate);
                timing.pull_base + SimDuration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
            _ => timing.pull_base,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::testbed::Testbed;

    #[track_caller]
    fn check(policy: PullPolicy, present: Need, absent: Need) {
        let mut catalogue = Catalogue::new(&BTreeMap::new(), SimDuration::ZERO);
        let here = NodeImage { names: vec!["here".into()], size: crate::model::resources::Bytes(1) };
        let node = Testbed::new(Vec::new(), Timing::ideal()).node(0);
        let images = NodeImages::new(node, &[here], &mut catalogue);
        assert_eq!(images.need(catalogue.image(&"here:latest".into()), policy), present);
        assert_eq!(images.need(catalogue.image(&"elsewhere".into()), policy), absent);
    }

    #[test]
    fn the_policy_and_the_presence_of_an_image_decide_on_a_pull() {
        check(PullPolicy::IfNotPresent, Need::Nothing, Need::Pull);
        check(PullPolicy::Always, Need::Pull, Need::Pull);
        check(PullPolicy::Never, Need::Nothing, Need::Missing);
    }
}
