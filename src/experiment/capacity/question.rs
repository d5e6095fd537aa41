//! The question with everything in it that a file or a command line leaves open.

use crate::engine::SimTime;
use crate::experiment::capacity::losses::zones;
use crate::experiment::capacity::outcome::Outcome;
use crate::experiment::capacity::search::{Reach, Size, Space};
use crate::experiment::sweep::{Settings, set_replicas};
use crate::manifest::load::{Loaded, Pool};
use crate::manifest::near_name::hint;
use crate::model::capacity::{Capacity, Loss, Range};
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::scenario::{NewObject, NewSpec, Scenario};
use crate::model::sweep::Vary;

/// The seeds of each size, where nothing is said.
pub const TRIALS_DEFAULT: usize = 20;
/// The share of trials in which all has to hold, where nothing is said.
pub const AT_LEAST_DEFAULT: f64 = 0.95;
/// The largest size is at least so much, where nothing is said.
const LARGEST_MIN: u32 = 10;
/// The most sizes that a question may have.
const SIZES_MAX: u64 = 100_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What is to be as small as it can.
    pub dimensions: Vec<Dimension>,
    /// The seeds of each size.
    pub n_trials: usize,
    /// The share of trials in which all has to hold.
    pub at_least: f64,
    /// What all has to hold without, too.
    pub survive: Vec<Loss>,
    /// When it is lost; empty is at the peaks.
    pub lost_at: Vec<SimTime>,
    /// Which sizes are tried.
    pub reach: Reach,
}

/// Something of which there are to be as few as can be.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// A pool, a workload or a parameter.
    pub vary: Vary,
    /// The smallest size.
    pub from: u32,
    /// The largest size.
    pub to: u32,
    /// How many the scenario has by itself; `None` for a parameter that is no whole number.
    pub own: Option<u32>,
    /// What one more costs per hour.
    pub price_per_hour: Option<f64>,
}

/// Why a question cannot be asked of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// There is nothing to be smaller.
    #[error("the scenario has no node pool: `--replicas` and `--param` ask for something else")]
    NoPools,
    /// Something is not there, and what may be meant.
    #[error("there is no {0}{1}")]
    Unknown(String, String),
    /// Something is named twice.
    #[error("{0} is named twice")]
    Twice(String),
    /// More than one thing that is no pool.
    #[error("pools, or one workload, or one parameter can be asked about at once")]
    Mixed,
    /// The smallest size is above the largest.
    #[error("{0}: the smallest size is above the largest")]
    Backwards(String),
    /// Some pools have a price and others none.
    #[error(
        "pool `{0}` has no `pricePerHour`, and others have: which combination is cheapest cannot be said"
    )]
    NoPrice(String),
    /// No node has a zone.
    #[error("`survive: zone`: no node has a zone")]
    NoZones,
    /// Something is to be lost when all is over.
    #[error("`lostAt`: {0} is not before the horizon, {1}")]
    LostTooLate(SimTime, SimTime),
    /// There are too many sizes.
    #[error("{0} sizes: at most {SIZES_MAX} can be asked about")]
    TooMany(u64),
}

impl Question {
    /// The question of a scenario.
    ///
    /// # Errors
    /// Why it cannot be asked.
    pub fn of(asked: &Capacity, loaded: &Loaded, reach: Reach) -> Result<Self, QuestionError> {
        let ranges = ranges(asked, loaded)?;
        let many = ranges.len() > 1;
        let dimensions = ranges.iter().map(|range| dimension(range, loaded, many));
        let dimensions: Vec<Dimension> = dimensions.collect::<Result<_, _>>()?;
        let priced = dimensions.iter().filter(|dimension| dimension.price_per_hour.is_some()).count();
        if let Some(free) = dimensions.iter().find(|it| it.price_per_hour.is_none() && priced > 0) {
            return Err(QuestionError::NoPrice(free.vary.label()));
        }
        let mut survive = asked.survive.clone();
        survive.sort_unstable();
        survive.dedup();
        if survive.contains(&Loss::Zone) && zones(&loaded.scenario).is_empty() {
            return Err(QuestionError::NoZones);
        }
        let mut lost_at = asked.lost_at.clone();
        lost_at.sort_unstable();
        lost_at.dedup();
        let horizon = loaded.scenario.horizon.limit();
        if let Some(late) = lost_at.last().filter(|last| **last >= horizon) {
            return Err(QuestionError::LostTooLate(*late, horizon));
        }
        let question = Self {
            dimensions,
            n_trials: asked.n_trials.unwrap_or(TRIALS_DEFAULT).max(1),
            at_least: asked.at_least.unwrap_or(AT_LEAST_DEFAULT),
            survive,
            lost_at,
            reach,
        };
        match question.space().n_sizes() {
            too_many if too_many > SIZES_MAX => Err(QuestionError::TooMany(too_many)),
            _ => Ok(question),
        }
    }

    /// The sizes that may be tried.
    pub fn space(&self) -> Space {
        let price = |dimension: &Dimension| {
            let price = dimension.price_per_hour.unwrap_or(1.0).max(0.0);
            (price * 1e6 + 0.5) as u64
        };
        Space {
            ranges: self.dimensions.iter().map(|dimension| (dimension.from, dimension.to)).collect(),
            prices: self.dimensions.iter().map(price).collect(),
        }
    }

    /// Whether so many of the trials are enough.
    pub fn is_enough(&self, n_held: usize) -> bool {
        n_held as f64 >= self.at_least * self.n_trials as f64 - 1e-9
    }

    /// Whether all holds in enough of the trials.
    pub fn holds(&self, outcomes: &[Outcome]) -> bool {
        self.is_enough(outcomes.iter().filter(|outcome| outcome.holds).count())
    }

    /// What of a size the reader puts in.
    pub fn settings(&self, size: &Size) -> Settings {
        let mut settings = Settings::default();
        for (dimension, count) in self.dimensions.iter().zip(size) {
            match &dimension.vary {
                Vary::Param(name) => settings.params.push((name.to_string(), count.to_string())),
                Vary::PoolCount(pool) => settings.pool_counts.push((pool.to_string(), *count)),
                Vary::Replicas(..) | Vary::NodeFailure(..) | Vary::ZoneFailure(..) => {}
            }
        }
        settings
    }

    /// Puts the rest of a size into a scenario that was read with its [`Question::settings`].
    pub fn adjust(&self, scenario: &mut Scenario, size: &Size) {
        for (dimension, count) in self.dimensions.iter().zip(size) {
            if let Vary::Replicas(kind, name) = &dimension.vary {
                set_replicas(scenario, *kind, name, *count);
            }
        }
    }
}

/// What is asked about: all pools, where nothing is.
fn ranges(asked: &Capacity, loaded: &Loaded) -> Result<Vec<Range>, QuestionError> {
    let all = |pool: &Pool| Range { vary: Vary::PoolCount(pool.name.as_str().into()), from: None, to: None };
    let ranges = match asked.ranges.as_slice() {
        [] => loaded.pools.iter().map(all).collect(),
        some => some.to_vec(),
    };
    for (position, range) in ranges.iter().enumerate() {
        if ranges[..position].iter().any(|other| other.vary == range.vary) {
            return Err(QuestionError::Twice(range.vary.label()));
        }
    }
    let is_pool = |range: &Range| matches!(range.vary, Vary::PoolCount(_));
    match ranges.len() {
        0 => Err(QuestionError::NoPools),
        1 => Ok(ranges),
        _ if ranges.iter().all(is_pool) => Ok(ranges),
        _ => Err(QuestionError::Mixed),
    }
}

fn dimension(range: &Range, loaded: &Loaded, has_others: bool) -> Result<Dimension, QuestionError> {
    let label = range.vary.label();
    let (own, price_per_hour) = match &range.vary {
        Vary::PoolCount(name) => {
            let known = loaded.pools.iter().map(|pool| pool.name.as_str());
            let pool = loaded.pools.iter().find(|pool| *pool.name == **name);
            let pool = pool.ok_or_else(|| QuestionError::Unknown(label.clone(), hint(name, known)))?;
            (Some(pool.count), pool.price_per_hour)
        }
        Vary::Replicas(kind, name) => {
            let (mut all, known) = (workloads(&loaded.scenario, *kind), workloads(&loaded.scenario, *kind));
            let own = all.find(|(own, _)| *own == name).map(|(_, replicas)| replicas);
            let unknown =
                || QuestionError::Unknown(label.clone(), hint(name, known.map(|(name, _)| &**name)));
            (Some(own.ok_or_else(unknown)?), None)
        }
        Vary::Param(_) => (None, None),
        Vary::NodeFailure(..) | Vary::ZoneFailure(..) => {
            return Err(QuestionError::Unknown(label, String::new()));
        }
    };
    let from = range.from.unwrap_or(u32::from(!has_others));
    let to = range.to.unwrap_or_else(|| own.unwrap_or(0).saturating_mul(4).max(LARGEST_MIN).max(from));
    if from > to {
        return Err(QuestionError::Backwards(label));
    }
    Ok(Dimension { vary: range.vary.clone(), from, to, own, price_per_hour })
}

/// The workloads of a kind that have replicas, and how many they have at the start.
fn workloads(scenario: &Scenario, kind: Kind) -> impl Iterator<Item = (&Name, u32)> {
    let is_own = move |object: &&NewObject| object.spec.kind() == kind && &*object.namespace == "default";
    scenario.objects.iter().filter(is_own).filter_map(|object| match &object.spec {
        NewSpec::Deployment(spec) => Some((&object.name, spec.replicas)),
        NewSpec::StatefulSet(spec) => Some((&object.name, spec.replicas)),
        NewSpec::ReplicaSet(spec) => Some((&object.name, spec.replicas)),
        _ => None,
    })
}
