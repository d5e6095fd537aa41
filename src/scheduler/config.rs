//! The settings of the scheduler, as its configuration file has them.

use crate::model::meta::Name;

/// The settings of the scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerConfig {
    /// Of how many nodes [percent] feasible ones are looked for; `None` is upstream's adaptive default.
    pub percentage_of_nodes_to_score: Option<u32>,
    /// How one of the nodes with the highest score is chosen.
    pub tie_break: TieBreak,
    /// How NodeResourcesFit scores.
    pub scoring: ScoringStrategy,
    /// The resources that NodeResourcesBalancedAllocation balances.
    pub balanced_resources: Vec<Name>,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            percentage_of_nodes_to_score: None,
            tie_break: TieBreak::default(),
            scoring: ScoringStrategy::default(),
            balanced_resources: vec!["cpu".into(), "memory".into()],
        }
    }
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

impl Default for ScoringStrategy {
    fn default() -> Self {
        let resources = vec![("cpu".into(), 1), ("memory".into(), 1)];
        Self { kind: ScoringKind::LeastAllocated, resources }
    }
}
