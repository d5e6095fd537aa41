//! A grid of runs: what varies, and over which values.

use crate::engine::{SimDuration, SimTime};
use crate::model::ids::Kind;
use crate::model::meta::Name;

/// A grid of runs. Its points are all combinations of the values of its axes, the last axis running fastest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sweep {
    /// What varies.
    pub axes: Vec<Axis>,
    /// How many seeds each point is run with; zero is one.
    pub n_trials: usize,
}

/// Something that varies.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What.
    pub vary: Vary,
    /// Its values, as they are written.
    pub values: Vec<AxisValue>,
}

/// What an axis varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vary {
    /// A parameter.
    Param(Name),
    /// The number of nodes of a pool.
    PoolCount(Name),
    /// The replicas of a workload at the start.
    Replicas(Kind, Name),
    /// When a node stops dead, and for how long.
    NodeFailure(Name, Option<SimDuration>),
    /// When a zone stops dead, and for how long.
    ZoneFailure(Name, Option<SimDuration>),
}

/// A value of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AxisValue {
    /// Of a parameter: any text.
    Text(String),
    /// A number of nodes or replicas.
    Count(u32),
    /// An instant.
    At(SimTime),
}

impl Vary {
    /// The name of the axis, as a column has it: `workers`, `pool/small`, `deployment/web`, `failNode/small-1`.
    pub fn label(&self) -> String {
        match self {
            Self::Param(name) => name.to_string(),
            Self::PoolCount(pool) => format!("pool/{pool}"),
            Self::Replicas(kind, name) => format!("{}/{name}", kind.resource()),
            Self::NodeFailure(node, _) => format!("failNode/{node}"),
            Self::ZoneFailure(zone, _) => format!("failZone/{zone}"),
        }
    }
}

impl std::fmt::Display for AxisValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Count(count) => write!(f, "{count}"),
            Self::At(at) => write!(f, "{at}"),
        }
    }
}

impl Sweep {
    /// The number of points.
    pub fn n_points(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// The number of runs.
    pub fn n_runs(&self) -> usize {
        self.n_points() * self.n_trials.max(1)
    }

    /// The values of a point, one of each axis.
    ///
    /// # Panics
    /// Where there is no such point.
    pub fn point(&self, number: usize) -> Vec<&AxisValue> {
        assert!(number < self.n_points(), "a point of the grid");
        let mut rest = number;
        let mut values: Vec<&AxisValue> = Vec::new();
        for axis in self.axes.iter().rev() {
            values.push(&axis.values[rest % axis.values.len()]);
            rest /= axis.values.len();
        }
        values.reverse();
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_are_all_combinations_and_the_last_axis_runs_fastest() {
        let axis = |name: &str, counts: &[u32]| Axis {
            vary: Vary::PoolCount(name.into()),
            values: counts.iter().map(|count| AxisValue::Count(*count)).collect(),
        };
        let sweep = Sweep { axes: vec![axis("a", &[1, 2]), axis("b", &[3, 4, 5])], n_trials: 2 };
        assert_eq!((sweep.n_points(), sweep.n_runs()), (6, 12));
        let texts =
            |number| sweep.point(number).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let points: Vec<String> = (0..6).map(texts).collect();
        assert_eq!(points, ["1 3", "1 4", "1 5", "2 3", "2 4", "2 5"]);
        assert_eq!(Sweep::default().n_runs(), 1);
    }
}
