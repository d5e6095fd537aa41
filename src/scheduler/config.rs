//! The settings of the scheduler, as its configuration file has them.
//!
//! Source: Kubernetes 1.28, pkg/scheduler/apis/config, KubeSchedulerConfiguration and the plugins' arguments.

use crate::model::meta::Name;
use crate::model::scheduling::{NodeSelectorTerm, PreferredNodeTerm};

/// The settings of the scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerConfig {
    /// Of how many nodes [percent] feasible ones are looked for; `None` is upstream's adaptive default.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// How one of the nodes with the highest score is chosen.
    pub tie_break: TieBreak,
    /// How NodeResourcesFit scores.
    pub scoring: ScoringStrategy,
    /// Extended resources that NodeResourcesFit does not look at.
    pub ignored_resources: Vec<Name>,
    /// The same for all extended resources of these domains.
    pub ignored_resource_groups: Vec<Name>,
    /// The resources that NodeResourcesBalancedAllocation balances.
    pub balanced_resources: Vec<Name>,
    /// Node affinity that every pod has besides its own.
    pub added_affinity: AddedAffinity,
    /// What a required affinity term of a pod that is there is worth to a pod that it matches.
    pub hard_pod_affinity_weight: i64,
    /// Whether preferred terms of the pods that are there matter to a pod without any.
    pub existing_preferences: ExistingPreferences,
    /// On how many nodes preemption runs dry.
    pub preemption_candidates: PreemptionCandidates,
}

/// How one of the nodes with the highest score is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TieBreak {
    /// Uniformly at random, by the pod's own stream of the seed. Upstream draws as well.
    #[default]
    Random,
    /// The node that was created first; for comparisons with recorded runs.
    Oldest,
}

/// How NodeResourcesFit scores nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoringStrategy {
    /// The shape of the score.
    pub kind: ScoringKind,
    /// The resources that count, each with its weight.
    pub resources: Vec<(Name, i64)>,
}

/// The shape of NodeResourcesFit's score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScoringKind {
    /// More room is better.
    LeastAllocated,
    /// Less room is better.
    MostAllocated,
    /// By points of (utilisation [percent], score 0..=10), straight lines between them.
    RequestedToCapacityRatio(Vec<(i64, i64)>),
}

/// Node affinity that the scheduler gives to every pod.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AddedAffinity {
    /// Any of the terms must match; `None` where there is none.
    pub required: Option<Vec<NodeSelectorTerm>>,
    /// Preferred terms.
    pub preferred: Vec<PreferredNodeTerm>,
}

/// Whether preferred terms of the pods that are there matter to a pod without any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExistingPreferences {
    /// They do.
    #[default]
    Count,
    /// They do not.
    Ignored,
}

/// For how many candidates preemption looks at least, before it chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreemptionCandidates {
    /// Of the nodes where it could help [percent].
    pub percentage: usize,
    /// In any case so many.
    pub absolute: usize,
}

/// A setting that the scheduler would not start with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No resource is scored.
    #[error("`scoringStrategy.resources` names no resource")]
    NoResources,
    /// A weight is out of range.
    #[error("`weight` of resource {0} is not in 1..=100: {1}")]
    Weight(Name, i64),
    /// The points of a shape do not ascend, or are out of range.
    #[error("`shape` is not a list of points with utilization ascending in 0..=100 and score in 0..=10")]
    Shape,
    /// More than all nodes.
    #[error("`percentageOfNodesToScore` is not in 0..=100: {0}")]
    Percentage(u32),
    /// A weight is out of range.
    #[error("`hardPodAffinityWeight` is not in 0..=100: {0}")]
    HardPodAffinityWeight(i64),
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            percentage_of_nodes_to_score: None,
            tie_break: TieBreak::default(),
            scoring: ScoringStrategy::default(),
            ignored_resources: Vec::new(),
            ignored_resource_groups: Vec::new(),
            balanced_resources: vec!["cpu".into(), "memory".into()],
            added_affinity: AddedAffinity::default(),
            hard_pod_affinity_weight: 1,
            existing_preferences: ExistingPreferences::default(),
            preemption_candidates: PreemptionCandidates { percentage: 10, absolute: 100 },
        }
    }
}

impl Default for ScoringStrategy {
    fn default() -> Self {
        let resources = vec![("cpu".into(), 1), ("memory".into(), 1)];
        Self { kind: ScoringKind::LeastAllocated, resources }
    }
}

impl SchedulerConfig {
    /// Checks the settings.
    /// Source: Kubernetes 1.28, pkg/scheduler/apis/config/validation.
    ///
    /// # Errors
    /// The first that the scheduler would not start with.
    pub fn check(&self) -> Result<(), ConfigError> {
        let percentage = self.percentage_of_nodes_to_score.unwrap_or(0);
        if percentage > 100 {
            return Err(ConfigError::Percentage(percentage));
        }
        if !(0..=100).contains(&self.hard_pod_affinity_weight) {
            return Err(ConfigError::HardPodAffinityWeight(self.hard_pod_affinity_weight));
        }
        if self.scoring.resources.is_empty() {
            return Err(ConfigError::NoResources);
        }
        let is_out = |(_, weight): &&(Name, i64)| !(1..=100).contains(weight);
        if let Some((name, weight)) = self.scoring.resources.iter().find(is_out) {
            return Err(ConfigError::Weight(name.clone(), *weight));
        }
        match &self.scoring.kind {
            ScoringKind::LeastAllocated | ScoringKind::MostAllocated => Ok(()),
            ScoringKind::RequestedToCapacityRatio(shape) => check_shape(shape),
        }
    }
}

fn check_shape(shape: &[(i64, i64)]) -> Result<(), ConfigError> {
    let is_in =
        |(utilization, score): &(i64, i64)| (0..=100).contains(utilization) && (0..=10).contains(score);
    let ascends = shape.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if !shape.is_empty() && shape.iter().all(is_in) && ascends { Ok(()) } else { Err(ConfigError::Shape) }
}
