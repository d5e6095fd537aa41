//! The question of `sim capacity`: what is to be as small as it can, and when it is enough.

use std::fmt;

use crate::engine::SimTime;
use crate::model::sweep::Vary;

/// The question, as far as a scenario or a command line asks it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Capacity {
    /// What is to be as small as it can: node pools, or one workload, or one parameter.
    pub ranges: Vec<Range>,
    /// With how many seeds each size is tried.
    pub n_trials: Option<usize>,
    /// The share of trials in which all has to hold, above 0 and at most 1.
    pub at_least: Option<f64>,
    /// What all has to hold without, too.
    pub survive: Vec<Loss>,
    /// When it is lost; empty is at the peaks.
    pub lost_at: Vec<SimTime>,
}

/// The sizes of one thing that are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// A pool, a workload or a parameter.
    pub vary: Vary,
    /// The smallest.
    pub from: Option<u32>,
    /// The largest.
    pub to: Option<u32>,
}

/// A loss that has to be survived, wherever it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Of one node.
    OneNode,
    /// Of two nodes at once.
    TwoNodes,
    /// Of all nodes of a zone at once.
    Zone,
}

impl Loss {
    /// All, from the smallest to the largest.
    pub const ALL: [Self; 3] = [Self::OneNode, Self::TwoNodes, Self::Zone];

    /// The loss of this name: `1`, `2` or `zone`.
    ///
    /// # Errors
    /// What is wanted, where there is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "1" => Ok(Self::OneNode),
            "2" => Ok(Self::TwoNodes),
            "zone" => Ok(Self::Zone),
            _ => Err(format!("not 1, 2 or zone: {text:?}")),
        }
    }

    /// `1`, `2` or `zone`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneNode => "1",
            Self::TwoNodes => "2",
            Self::Zone => "zone",
        }
    }
}

impl fmt::Display for Loss {
    /// `-1 node`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OneNode => "-1 node",
            Self::TwoNodes => "-2 nodes",
            Self::Zone => "-1 zone",
        })
    }
}

/// A share of one, written as `95%` or `0.95`.
///
/// # Errors
/// What is wanted, where it is not above 0 and at most 1.
pub fn parse_share(text: &str) -> Result<f64, String> {
    let wanted = || format!("not a share above 0 and at most 100%, as 95% or 0.95: {text:?}");
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wanted());
    let share = match text.strip_suffix('%') {
        Some(percent) => number(percent)? / 100.0,
        None => number(text)?,
    };
    if share > 0.0 && share <= 1.0 { Ok(share) } else { Err(wanted()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<f64>) {
        assert_eq!(parse_share(text).ok(), expected, "{text}");
    }

    #[test]
    fn a_share_is_a_percentage_or_a_fraction() {
        check("95%", Some(0.95));
        check("0.95", Some(0.95));
        check("100%", Some(1.0));
        check("1", Some(1.0));
        check("95", None);
        check("0%", None);
        check("NaN", None);
        check("most", None);
    }

    #[test]
    fn a_loss_is_called_as_it_is_asked_for() {
        for loss in Loss::ALL {
            assert_eq!(Loss::parse(loss.name()), Ok(loss));
        }
        assert!(Loss::parse("3").is_err());
    }
}
