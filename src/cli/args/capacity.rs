//! The arguments of `sim capacity`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::args::{InputArgs, KindArg, ReportFormat};
use crate::engine::SimDuration;
use crate::model::capacity::{Loss, Range, parse_share};
use crate::model::ids::Kind;
use crate::model::sweep::Vary;

/// Arguments of `capacity`.
#[derive(Debug, clap::Args)]
pub(crate) struct CapacityArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Asks for the fewest nodes of a pool; of several pools for the cheapest combination. Default: all pools, or what
    /// `spec.capacity` asks.
    #[arg(long = "pool", value_name = "NAME[=MIN..MAX]", value_parser = parse_pool)]
    pub(crate) pools: Vec<Range>,
    /// Asks for the fewest replicas of a workload instead.
    #[arg(long, value_name = "KIND/NAME[=MIN..MAX]", value_parser = parse_replicas, conflicts_with = "pools")]
    pub(crate) replicas: Option<Range>,
    /// Asks for the smallest value of a parameter instead.
    #[arg(long, value_name = "NAME[=MIN..MAX]", value_parser = parse_param, conflicts_with_all = ["pools", "replicas"])]
    pub(crate) param: Option<Range>,
    /// The trials of each size, one seed each. Default: 20.
    #[arg(long, value_name = "N")]
    pub(crate) trials: Option<NonZeroUsize>,
    /// The share of trials in which all expectations have to hold. Default: 95%.
    #[arg(long, value_name = "P%", value_parser = parse_share)]
    pub(crate) at_least: Option<f64>,
    /// All has to hold, too, whichever node, two nodes or zone is lost; may be repeated.
    #[arg(long, value_name = "1|2|zone", value_parser = Loss::parse)]
    pub(crate) survive: Vec<Loss>,
    /// When it is lost, for ever; may be repeated. Default: at the peak of what pods request, and at that of the load.
    #[arg(long, value_name = "T")]
    pub(crate) lost_at: Vec<SimDuration>,
    /// Tries every size, where otherwise only what decides is tried.
    #[arg(long)]
    pub(crate) exhaustive: bool,
    /// Counts how many more copies of this workload's pod fit, as the scenario is.
    #[arg(
        long, value_name = "KIND/NAME", value_parser = parse_workload,
        conflicts_with_all = ["pools", "replicas", "param", "trials", "at_least", "survive", "lost_at", "exhaustive"]
    )]
    pub(crate) fit: Option<(Kind, String)>,
    /// With `--fit`: the instant. Default: the end.
    #[arg(long, value_name = "T", requires = "fit")]
    pub(crate) at: Option<SimDuration>,
    /// Writes a page with charts, and its data, into this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "fit")]
    pub(crate) report: Option<PathBuf>,
    /// The threads. Default: one per core; the results do not depend on it.
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<NonZeroUsize>,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) output: ReportFormat,
}

fn parse_pool(text: &str) -> Result<Range, String> {
    let (name, from, to) = parse_range(text)?;
    Ok(Range { vary: Vary::PoolCount(name.into()), from, to })
}

fn parse_param(text: &str) -> Result<Range, String> {
    let (name, from, to) = parse_range(text)?;
    Ok(Range { vary: Vary::Param(name.into()), from, to })
}

fn parse_replicas(text: &str) -> Result<Range, String> {
    let (workload, from, to) = parse_range(text)?;
    let (kind, name) = parse_workload(workload)?;
    Ok(Range { vary: Vary::Replicas(kind, name.as_str().into()), from, to })
}

fn parse_workload(text: &str) -> Result<(Kind, String), String> {
    let parsed = text.split_once('/').and_then(|(kind, name)| {
        let kind = KindArg::from_str(kind, true).ok()?;
        Some((kind.kind(), name.to_owned()))
    });
    parsed
        .filter(|(_, name)| !name.is_empty())
        .ok_or_else(|| format!("not KIND/NAME, as deployment/web: {text:?}"))
}

/// A name and the ends of a range, as far as they are given: `NAME`, `NAME=MIN..MAX`, `NAME=..MAX` or `NAME=MIN..`.
fn parse_range(text: &str) -> Result<(&str, Option<u32>, Option<u32>), String> {
    let Some((name, range)) = text.split_once('=') else { return Ok((text, None, None)) };
    let wanted = || format!("not MIN..MAX: {range:?}");
    let (from, to) = range.split_once("..").ok_or_else(wanted)?;
    let end = |text: &str| match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| wanted()),
    };
    Ok((name, end(from)?, end(to)?))
}

/// A range as it may be written.
pub(crate) fn range_words(range: &Range) -> String {
    let end = |end: Option<u32>| end.map(|count| count.to_string()).unwrap_or_default();
    let range_text = match (range.from, range.to) {
        (None, None) => String::new(),
        (from, to) => format!("={}..{}", end(from), end(to)),
    };
    match &range.vary {
        Vary::PoolCount(pool) => format!("--pool {pool}{range_text}"),
        Vary::Param(name) => format!("--param {name}{range_text}"),
        other => format!("--replicas {}{range_text}", other.label()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, Option<u32>, Option<u32>), &str>) {
        assert_eq!(parse_range(text).map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn a_range_may_be_open_at_either_end() {
        check("small", Ok(("small", None, None)));
        check("small=1..8", Ok(("small", Some(1), Some(8))));
        check("small=..8", Ok(("small", None, Some(8))));
        check("small=2..", Ok(("small", Some(2), None)));
        check("small=3", Err("not MIN..MAX: \"3\""));
        check("small=a..b", Err("not MIN..MAX: \"a..b\""));
    }

    #[test]
    fn what_is_asked_can_be_written_again() {
        for (text, parse) in [
            ("--pool small=1..8", parse_pool as fn(&str) -> Result<Range, String>),
            ("--replicas deployment/web=..9", parse_replicas),
            ("--param workers", parse_param),
        ] {
            let value = text.split_once(' ').unwrap().1;
            assert_eq!(range_words(&parse(value).unwrap()), text);
        }
    }
}
