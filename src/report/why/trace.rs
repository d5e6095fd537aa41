//! Why an object is as it is, told from a trace.
//!
//! The chain of causes is the one that the run itself would tell. What needs the run played again, the race of limits
//! and the comparison of nodes, is left to the command that the trace names.

use std::io::BufRead;

use serde_json::Value;

use crate::engine::SimTime;
use crate::model::ids::Kind;
use crate::model::job::JobStatus;
use crate::model::scenario::ObjectName;
use crate::observe::story::replay::{Replay, job_condition};
use crate::observe::trace::TraceHead;
use crate::observe::trace::reader::{TraceError, TraceReader};
use crate::report::why::{UnknownObject, Why, chain};

/// Why a trace does not tell why.
#[derive(Debug, thiserror::Error)]
pub enum TraceWhyError {
    /// It is none, or broken.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// It has no such object.
    #[error(transparent)]
    Unknown(#[from] UnknownObject),
}

/// Why an object is as it is at an instant, or at the end.
///
/// # Errors
/// When the trace is broken, or has no such object.
pub fn why<R: BufRead>(
    subject: ObjectName,
    mut trace: TraceReader<R>,
    until: Option<SimTime>,
) -> Result<Why, TraceWhyError> {
    let mut replay = Replay::of(subject.clone());
    let mut names = Vec::new();
    let resource = format!("{}/", subject.kind.resource());
    while let Some(line) = trace.next() {
        let line = line?;
        if until.is_some_and(|until| line.at() > until) {
            continue;
        }
        if let Some(object) = line.object.strip_prefix(&resource).filter(|_| line.change == "Created") {
            let (namespace, name) = object.rsplit_once('/').unwrap_or(("", object));
            names.push((namespace.into(), name.into()));
        }
        replay.take(&line).map_err(|message| trace.error(message))?;
    }
    if !replay.story.has_begun() {
        return Err(UnknownObject::among(&names, subject).into());
    }
    let head = &trace.head;
    let timeline = |entry: usize| head.timeline.get(entry).map(|entry| entry.action.clone());
    let causes = chain::told(&replay.story, &timeline);
    let mut answer = answer(&replay).map_err(|message| trace.error(message))?;
    answer.push(more(&subject, head));
    Ok(Why { answer, causes, ..Why::default() })
}

/// What the object is, as far as the trace tells.
fn answer(replay: &Replay) -> Result<Vec<String>, String> {
    let subject = &replay.story.subject;
    let separator = if subject.namespace.is_empty() { "" } else { "/" };
    let name = format!("{} {}{separator}{}", subject.kind.as_str(), subject.namespace, subject.name);
    let mut lines = match subject.kind {
        Kind::Job => {
            let count = |field: &str| {
                let count = replay.status.get(field).and_then(Value::as_u64).unwrap_or_default();
                u32::try_from(count).unwrap_or(u32::MAX)
            };
            let conditions = replay.status.get("conditions").and_then(Value::as_array);
            let conditions =
                conditions.into_iter().flatten().map(job_condition).collect::<Result<Vec<_>, _>>()?;
            let status = JobStatus {
                active: count("active"),
                succeeded: count("succeeded"),
                failed: count("failed"),
                conditions,
                ..JobStatus::default()
            };
            super::job::what_it_came_to(&name, replay.created, &status)
        }
        Kind::Pod => {
            let waiting = replay.containers.iter().filter_map(|(container, state)| {
                Some(format!("Container {container} waits: {}.", state["waiting"].as_str()?))
            });
            [format!("{name}  {}", replay.phase)].into_iter().chain(waiting).collect()
        }
        _ => {
            let plain = replay.status.iter().filter(|(_, value)| !value.is_array());
            let status: Vec<String> = plain.map(|(field, value)| format!("{value} {field}")).collect();
            vec![format!("{name}  {}", status.join(", ")).trim_end().to_owned()]
        }
    };
    lines.extend(replay.gone.map(|at| format!("It is gone since {at}.")));
    lines.retain(|line| !line.is_empty());
    Ok(lines)
}

/// The command that tells more.
fn more(subject: &ObjectName, head: &TraceHead) -> String {
    let input = head.reproduce.strip_prefix("sim run ").unwrap_or(&head.reproduce);
    let namespace = match &*subject.namespace {
        "" | "default" => String::new(),
        namespace => format!(" -n {namespace}"),
    };
    let (kind, name) = (subject.kind.resource(), &subject.name);
    format!("From a trace; limits and nodes are compared by: sim why {kind}/{name} {input}{namespace}")
}
