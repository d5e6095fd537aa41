//! What the controller remembers of an autoscaler, and what it makes of it: recommendations that hold back, and
//! scalings that policies count. A controller that starts anew has lost all of it.
//!
//! Source: Kubernetes 1.28, pkg/controller/podautoscaler/horizontal.go, stabilizeRecommendation,
//! stabilizeRecommendationWithBehaviors, storeScaleEvent, getReplicasChangePerPeriod.

use crate::engine::{SimDuration, SimTime};
use crate::model::horizontal_pod_autoscaler::{Behavior, ScalingRules};
use crate::model::meta::LabelSelector;

/// What the controller remembers of an autoscaler.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    /// What the metrics asked for, before any limit. One that is too old gives its place to a new one.
    pub recommendations: Vec<Recommendation>,
    /// The scalings upwards.
    pub scale_ups: ScaleEvents,
    /// The scalings downwards.
    pub scale_downs: ScaleEvents,
    /// The pods that it was last found to scale.
    pub selector: Option<LabelSelector>,
}

/// What the metrics asked for at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recommendation {
    /// The replicas.
    pub replicas: u32,
    /// When.
    pub at: SimTime,
}

/// Scalings in one direction. One that is older than all periods gives its place to a new one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScaleEvents(pub Vec<ScaleEvent>);

/// A scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleEvent {
    /// By how many replicas.
    pub change: u32,
    /// When.
    pub at: SimTime,
    /// Whether it was once older than the longest period.
    pub is_outdated: bool,
}

/// A recommendation after those that are remembered had their say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stabilized {
    /// The replicas.
    pub replicas: u32,
    /// What held it back; `None` where nothing did.
    pub by: Option<StabilizedBy>,
}

/// What held a recommendation back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StabilizedBy {
    /// A lower one of before.
    Lower,
    /// A higher one of before.
    Higher,
}

impl StabilizedBy {
    /// The reason of the condition AbleToScale, and its message.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Lower => (
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation",
            ),
            Self::Higher => (
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation",
            ),
        }
    }
}

impl Memory {
    /// Takes the present size for the first recommendation, where there is none yet.
    pub fn begin(&mut self, replicas: u32, now: SimTime) {
        if self.recommendations.is_empty() {
            self.recommendations.push(Recommendation { replicas, at: now });
        }
    }

    /// Remembers a recommendation and gives the highest one of the window, the ends included.
    pub fn stabilize(&mut self, replicas: u32, now: SimTime, window: SimDuration) -> Stabilized {
        let is_old = |it: &Recommendation| it.at + window < now;
        let recent = self.recommendations.iter().filter(|it| !is_old(it)).map(|it| it.replicas);
        let highest = recent.fold(replicas, u32::max);
        self.remember(Recommendation { replicas, at: now }, is_old);
        Stabilized { replicas: highest, by: (highest != replicas).then_some(StabilizedBy::Higher) }
    }

    /// Remembers a recommendation and brings `current` towards it as far as those of the windows allow: no higher than
    /// the lowest of one, no lower than the highest of the other. Of a window, only what is younger counts.
    pub fn stabilize_with_windows(
        &mut self,
        current: u32,
        replicas: u32,
        now: SimTime,
        windows: Windows,
    ) -> Stabilized {
        let (mut up, mut down) = (replicas, replicas);
        for it in &self.recommendations {
            if it.at + windows.up > now {
                up = up.min(it.replicas);
            }
            if it.at + windows.down > now {
                down = down.max(it.replicas);
            }
        }
        let stabilized = current.max(up).min(down);
        let longest = windows.up.max(windows.down);
        self.remember(Recommendation { replicas, at: now }, |it| it.at + longest < now);
        let by = if replicas >= current { StabilizedBy::Lower } else { StabilizedBy::Higher };
        Stabilized { replicas: stabilized, by: (stabilized != replicas).then_some(by) }
    }

    fn remember(&mut self, new: Recommendation, is_old: impl Fn(&Recommendation) -> bool) {
        match self.recommendations.iter().rposition(is_old) {
            Some(at) => self.recommendations[at] = new,
            None => self.recommendations.push(new),
        }
    }

    /// Remembers a scaling; without `behavior` nobody will ask for it.
    pub fn note_scaling(&mut self, from: u32, to: u32, now: SimTime, behavior: Option<&Behavior>) {
        let Some(behavior) = behavior else { return };
        if to > from {
            self.scale_ups.note(to - from, now, &behavior.scale_up);
        } else {
            self.scale_downs.note(from - to, now, &behavior.scale_down);
        }
    }
}

/// How far back recommendations count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// On the way up.
    pub up: SimDuration,
    /// On the way down.
    pub down: SimDuration,
}

impl ScaleEvents {
    /// By how many replicas the scalings younger than a period changed the size.
    pub fn change_within(&self, period: SimDuration, now: SimTime) -> u32 {
        let recent = self.0.iter().filter(|event| event.at + period > now).map(|event| event.change);
        recent.fold(0, u32::saturating_add)
    }

    fn note(&mut self, change: u32, now: SimTime, rules: &ScalingRules) {
        let longest = rules.policies.iter().map(|policy| policy.period).max().unwrap_or_default();
        for event in &mut self.0 {
            event.is_outdated |= event.at + longest < now;
        }
        let new = ScaleEvent { change, at: now, is_outdated: false };
        match self.0.iter().rposition(|event| event.is_outdated) {
            Some(at) => self.0[at] = new,
            None => self.0.push(new),
        }
    }
}
