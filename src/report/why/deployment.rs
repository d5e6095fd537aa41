//! Why a Deployment is as it is: its roll-outs step by step, and the race against the progress deadline.

use crate::engine::SimTime;
use crate::experiment::trial::Trial;
use crate::model::deployment::{Deployment, DeploymentConditionType};
use crate::model::ids::{Kind, ObjectId};
use crate::model::node::ConditionStatus;
use crate::model::scenario::ObjectName;
use crate::observe::records::LoggedRecord;
use crate::observe::rollouts::Rollout;
use crate::observe::story::Story;
use crate::report::rollouts::{row, verdict};
use crate::report::why::chain;
use crate::report::why::{Cause, LimitRow, Why};

/// Why the Deployment of the story is as it is.
pub fn why(trial: &Trial<Story>) -> Why {
    let (seen, story) = trial.simulation.observer();
    let subject = &story.subject;
    let mut causes = chain::causes(story, trial.simulation.scenario());
    let records = seen.records.entries().iter().filter(|entry| is_about(entry, subject));
    causes.extend(records.map(|entry| Cause::new(entry.first, told(entry))));
    causes.sort_by_key(|cause| cause.instant);
    let is_it = |name: &str, namespace: &str| name == &*subject.name && namespace == &*subject.namespace;
    let entry = seen.rollouts.entries().iter().rfind(|entry| is_it(&entry.name, &entry.namespace));
    let Some(entry) = entry else { return Why { causes, ..Why::default() } };
    let cluster = trial.simulation.cluster();
    let found = cluster.find(Kind::Deployment, &subject.namespace, &subject.name);
    let deployment = match found {
        Some(ObjectId::Deployment(id)) => cluster.deployment(id),
        _ => None,
    };
    let mut answer = vec![verdict(&row(entry))];
    let conditions = deployment.into_iter().flat_map(|deployment| &deployment.status.conditions);
    answer.extend(conditions.map(|condition| {
        let holds = match condition.status {
            ConditionStatus::True => "",
            ConditionStatus::False => "not ",
            ConditionStatus::Unknown => "perhaps ",
        };
        let (kind, since) = (condition.kind.as_str(), condition.since);
        format!("{holds}{kind} since {since}: {}: {}", condition.reason, condition.message)
    }));
    let limits = deployment.and_then(|deployment| deadline(deployment, entry.rollout(), trial.end));
    Why { answer, causes, limits: limits.into_iter().collect(), ..Why::default() }
}

fn is_about(entry: &LoggedRecord, subject: &ObjectName) -> bool {
    entry.kind == Kind::Deployment && entry.name == subject.name && entry.namespace == subject.namespace
}

fn told(entry: &LoggedRecord) -> String {
    let times = if entry.count > 1 { format!("  ({} times)", entry.count) } else { String::new() };
    format!("{}: {}{times}", entry.record.reason, entry.record.message)
}

/// The race of the last roll-out against `progressDeadlineSeconds`: every bit of progress begins it anew.
fn deadline(deployment: &Deployment, rollout: &Rollout, now: SimTime) -> Option<LimitRow> {
    let span = deployment.spec.progress_deadline?;
    let mut conditions = deployment.status.conditions.iter();
    let progress = conditions.find(|condition| condition.kind == DeploymentConditionType::Progressing)?;
    let due = progress.updated + span;
    let (at, outcome) = match (rollout.completed, rollout.timed_out) {
        (Some(done), Some(at)) => {
            (at.to_string(), format!("fired, and the roll-out was complete at {done} all the same"))
        }
        (Some(done), None) => {
            let spare = due.since(done);
            (due.to_string(), format!("did not fire: {spare} were left when the roll-out was complete"))
        }
        (None, Some(at)) => (at.to_string(), "fired; the roll-out goes on all the same".to_owned()),
        (None, None) if deployment.spec.paused => {
            (String::new(), "waits while the roll-out is paused".to_owned())
        }
        (None, None) => {
            let outcome = format!("fires in {}, unless there is progress before", due.since(now));
            (due.to_string(), outcome)
        }
    };
    let value = span.as_secs().to_string();
    Some(LimitRow { limit: "progressDeadlineSeconds", value, at, outcome })
}
