//! Why an object is as it is: the chain of causes from the first one, and what decided.
//!
//! Pure reasoning on what was seen of a run; where it helps, the run is forked to see what comes next.

mod autoscaler;
mod chain;
mod cronjob;
mod deployment;
mod job;
mod placement;
mod pod;
mod sets;
pub mod trace;

use std::fmt;

use serde::Serialize;

use crate::engine::SimTime;
use crate::experiment::trial::Trial;
use crate::manifest::near_name::nearest;
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::scenario::ObjectName;
use crate::observe::story::Story;
use crate::report::table::Table;

/// Longer chains are cut in the middle, with a line that says so.
const LINES_MAX: usize = 60;

/// Why an object is as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// The answer, in a line or a few.
    pub answer: Vec<String>,
    /// What led to it, oldest first.
    pub causes: Vec<Cause>,
    /// For a Job, a CronJob or a Deployment: its limits, and how the race between them went.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitRow>,
    /// For a pod: what the scheduler says of each node. For a DaemonSet: what keeps its pods off each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<NodeVerdictRow>,
}

/// One link of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// When, to put causes in order.
    #[serde(skip)]
    pub instant: SimTime,
    /// When.
    pub at: String,
    /// What happened, in words.
    pub what: String,
}

impl Cause {
    fn new(at: SimTime, what: impl Into<String>) -> Self {
        Self { instant: at, at: at.to_string(), what: what.into() }
    }

    /// When, for people.
    fn shown_at(&self) -> String {
        if self.instant == SimTime::MAX { self.at.clone() } else { shown(self.instant) }
    }
}

/// A limit of a Job or of a run of a CronJob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitRow {
    /// The field.
    pub limit: &'static str,
    /// Its value.
    pub value: String,
    /// When it fired or would have.
    pub at: String,
    /// Whether and by how much it won or lost.
    pub outcome: String,
}

/// What the scheduler says of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeVerdictRow {
    /// The node.
    pub node: String,
    /// The plugin that refuses it; empty where none does.
    pub refused_by: String,
    /// Why, or how its score compares.
    pub verdict: String,
    /// What each plugin gives it, weighted, and their sum; none where the node is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scores: Option<Scores>,
}

/// The scores of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scores {
    /// By plugin, normalised and weighted.
    pub plugins: Vec<(&'static str, i64)>,
    /// The sum.
    pub total: i64,
}

/// An object that never was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownObject {
    /// What was asked for.
    pub asked: ObjectName,
    /// A name that is near.
    pub near: Option<String>,
    /// Another namespace that has one of this name.
    pub elsewhere: Option<String>,
}

impl fmt::Display for UnknownObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the run has no {}", self.asked)?;
        match (&self.elsewhere, &self.near) {
            (Some(namespace), _) => write!(f, "; there is one with `--namespace {namespace}`"),
            (None, Some(near)) => write!(f, "; did you mean {near:?}?"),
            (None, None) => Ok(()),
        }
    }
}

/// Why the subject of the story is as it is at the end of the trial.
///
/// # Errors
/// When no object of this name was there, nor should have been.
pub fn why(trial: &Trial<Story>) -> Result<Why, UnknownObject> {
    let story = &trial.simulation.observer().1;
    if !story.has_begun() {
        return cronjob::why_no_job(trial).ok_or_else(|| unknown(trial, &story.subject));
    }
    Ok(match story.subject.kind {
        Kind::Pod => pod::why(trial),
        Kind::Job => job::why(trial),
        Kind::CronJob => cronjob::why(trial),
        Kind::Deployment => deployment::why(trial),
        Kind::HorizontalPodAutoscaler => autoscaler::why(trial),
        Kind::StatefulSet | Kind::DaemonSet | Kind::PodDisruptionBudget => sets::why(trial),
        _ => Why { causes: chain::causes(story, trial.simulation.scenario()), ..Why::default() },
    })
}

fn unknown(trial: &Trial<Story>, asked: &ObjectName) -> UnknownObject {
    let cluster = trial.simulation.cluster();
    let known: Vec<(Name, Name)> = match asked.kind {
        Kind::Job => {
            let entries = trial.simulation.observer().0.jobs.jobs();
            entries.iter().map(|entry| (entry.namespace.clone(), entry.name.clone())).collect()
        }
        kind => {
            let objects = cluster.objects(kind).into_iter().filter_map(|id| cluster.meta(id));
            objects.map(|meta| (meta.namespace.clone(), meta.name.clone())).collect()
        }
    };
    UnknownObject::among(&known, asked.clone())
}

impl UnknownObject {
    /// None of some objects, which go by their namespaces and names.
    fn among(known: &[(Name, Name)], asked: ObjectName) -> Self {
        let elsewhere = known.iter().find(|(_, name)| *name == asked.name);
        let here = known.iter().filter(|(namespace, _)| *namespace == asked.namespace);
        let near = near_name(&asked.name, here.map(|(_, name)| name.to_string()).collect());
        let elsewhere = elsewhere.map(|(namespace, _)| namespace.to_string());
        Self { asked, near, elsewhere }
    }
}

/// An instant, for people.
fn shown(at: SimTime) -> String {
    at.since(SimTime::ZERO).for_people().to_string()
}

/// Of some names the nearest to one, or one that begins with it.
fn near_name(asked: &str, mut names: Vec<String>) -> Option<String> {
    names.sort_unstable();
    let beginning = || names.iter().find(|name| name.starts_with(asked)).map(String::as_str);
    let near = nearest(asked, names.iter().map(String::as_str)).or_else(beginning);
    near.map(str::to_owned)
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.answer {
            writeln!(f, "{line}")?;
        }
        if !self.causes.is_empty() {
            writeln!(f, "\nwhat led to it")?;
            write_causes(f, &self.causes)?;
        }
        let mut limits = Table::new(&["LIMIT", "VALUE", "AT", "OUTCOME"]);
        for row in &self.limits {
            limits.row([row.limit.to_owned(), row.value.clone(), row.at.clone(), row.outcome.clone()]);
        }
        if !limits.is_empty() {
            write!(f, "\n{}", limits.without_empty_columns())?;
        }
        placement::write_nodes(f, &self.nodes)
    }
}

/// The first and the last ones, where there are many; the same again and again is one line.
fn write_causes(f: &mut fmt::Formatter<'_>, causes: &[Cause]) -> fmt::Result {
    let alike: Vec<&[Cause]> = causes.chunk_by(|one, next| one.what == next.what).collect();
    let lines: Vec<(String, String)> = alike.iter().filter_map(|causes| line(causes)).collect();
    let width = lines.iter().map(|(at, _)| at.len()).max().unwrap_or(0);
    let n_hidden = lines.len().saturating_sub(LINES_MAX);
    let hidden = LINES_MAX / 3..LINES_MAX / 3 + n_hidden;
    for (position, (at, what)) in lines.iter().enumerate() {
        if n_hidden > 0 && position == hidden.start {
            writeln!(f, "  … {n_hidden} more (-o json lists all)")?;
        }
        if !hidden.contains(&position) {
            writeln!(f, "  {at:<width$}  {what}")?;
        }
    }
    Ok(())
}

/// When something happened, and what; of the same several times the first time, how often, and until when.
fn line(alike: &[Cause]) -> Option<(String, String)> {
    let (first, last) = (alike.first()?, alike.last()?);
    let what = match alike.len() {
        1 => first.what.clone(),
        count => format!("{} ({count} times until {})", first.what, last.shown_at()),
    };
    Some((first.shown_at(), what))
}
