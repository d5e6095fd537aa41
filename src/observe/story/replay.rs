//! A story told again from the trace of a run: the same moments that were seen of the run itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::engine::{SimDuration, SimTime};
use crate::model::job::{JobCondition, JobConditionType};
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;
use crate::model::pod_status::{Phase, Termination, TerminationReason, WaitingReason};
use crate::model::scenario::ObjectName;
use crate::observe::story::{AtWork, Fact, Story, is_kill};
use crate::observe::trace::reader::TraceLine;

/// Tells a story line by line.
pub struct Replay {
    /// The story so far.
    pub story: Story,
    /// What the last line about the object's status said.
    pub status: Map<String, Value>,
    /// The last phase of a pod, or the reason for it.
    pub phase: String,
    /// The state of each container of a pod.
    pub containers: BTreeMap<String, Value>,
    /// When the object was created last.
    pub created: SimTime,
    /// When it was gone.
    pub gone: Option<SimTime>,
    /// As the trace names the object.
    object: String,
    is_known: bool,
    /// The pods that it owns, or that it is, by object.
    pods: BTreeMap<String, TracedPod>,
    n_pods: u64,
    last_start: Option<(String, String, SimTime)>,
}

struct TracedPod {
    number: u64,
    name: Name,
    node: Option<String>,
}

/// Why a line cannot be told.
pub type ReplayError = String;

impl Replay {
    /// The empty story of an object.
    pub fn of(subject: ObjectName) -> Self {
        let separator = if subject.namespace.is_empty() { "" } else { "/" };
        let object = format!("{}/{}{separator}{}", subject.kind.resource(), subject.namespace, subject.name);
        Self {
            story: Story::of(subject),
            status: Map::new(),
            phase: String::new(),
            containers: BTreeMap::new(),
            created: SimTime::ZERO,
            gone: None,
            object,
            is_known: false,
            pods: BTreeMap::new(),
            n_pods: 0,
            last_start: None,
        }
    }

    /// Takes in the next line.
    ///
    /// # Errors
    /// When the line does not say what such a line says.
    pub fn take(&mut self, line: &TraceLine) -> Result<(), ReplayError> {
        let now = line.at();
        self.story.at_work = at_work(line)?;
        let is_own = self.is_known && line.object == self.object;
        match line.change.as_str() {
            "Created" => self.created(now, line),
            "NodeLeaseChanged" => {
                let is_up = line.details.get("renewed").and_then(Value::as_bool).ok_or("no `renewed`")?;
                self.node(now, line, |name| Fact::NodeLease(name, is_up));
            }
            "NodeReadyChanged" => {
                let status = word(line.text("ready"), &STATUSES, ConditionStatus::as_str)?;
                self.node(now, line, |name| Fact::NodeReady(name, status));
            }
            "PodBound" => {
                let node = line.text("node");
                if let Some(pod) = self.pods.get_mut(&line.object) {
                    pod.node = Some(node.to_owned());
                }
                self.pod(now, line, Fact::Bound(node.into()));
            }
            "PodNominated" if !line.text("node").is_empty() => {
                self.pod(now, line, Fact::Nominated(line.text("node").into()));
            }
            "PodUnschedulable" => self.pod(now, line, Fact::Unschedulable(line.text("message").into())),
            "ContainerChanged" => self.container(now, line)?,
            "PodPhaseChanged" => self.phase(now, line)?,
            "PodDisrupted" => self.pod(now, line, Fact::Disrupted(line.text("reason").into())),
            "PodDeletionRequested" => {
                let grace = line.details.get("graceSeconds").and_then(Value::as_u64);
                let grace = SimDuration::from_secs(grace.ok_or("no `graceSeconds`")?);
                self.pod(now, line, Fact::DeletionRequested(Some(grace)));
            }
            "PodDeleted" => {
                self.pod(now, line, Fact::Deleted);
                self.pods.remove(&line.object);
            }
            "SpecChanged" if is_own => self.story.tell(now, None, Fact::SpecChanged),
            "StatusChanged" if is_own => self.status(now, line)?,
            "DeletionRequested" if is_own => self.story.tell(now, None, Fact::DeletionRequested(None)),
            "Deleted" if is_own => self.story.tell(now, None, Fact::Deleted),
            "Recorded" if is_kill(line.text("reason"), line.text("message")) => {
                self.pod(now, line, Fact::Killed(line.text("message").into()));
            }
            "Recorded" if is_own && line.text("type") == "Warning" => {
                self.story.see_warning(now, line.text("reason"), line.text("message"));
            }
            _ => {}
        }
        if is_own && matches!(line.change.as_str(), "PodDeleted" | "NodeDeleted" | "Deleted") {
            self.gone = Some(now);
        }
        Ok(())
    }

    fn created(&mut self, now: SimTime, line: &TraceLine) {
        let is_own = line.object == self.object;
        if is_own {
            self.is_known = true;
            (self.created, self.gone) = (now, None);
            self.story.n_conditions = 0;
            self.status.clear();
            self.containers.clear();
            self.phase = Phase::Pending.as_str().to_owned();
        } else if !self.is_known || line.text("owner") != self.object {
            return;
        }
        if line.object.starts_with("pod/") {
            let name = Name::from(line.object.rsplit('/').next().unwrap_or_default());
            let node = Some(line.text("node").to_owned()).filter(|node| !node.is_empty());
            self.n_pods += 1;
            let pod = TracedPod { number: self.n_pods, name: name.clone(), node };
            self.pods.insert(line.object.clone(), pod);
            self.story.tell(now, Some(name), Fact::Created);
        } else if is_own {
            self.story.tell(now, None, Fact::Created);
        }
    }

    fn node(&mut self, now: SimTime, line: &TraceLine, fact: impl Fn(Name) -> Fact) {
        let name = Name::from(line.object.trim_start_matches("node/"));
        if self.is_known && line.object == self.object {
            self.story.tell(now, None, fact(name.clone()));
        }
        let there = self.pods.values().filter(|pod| pod.node.as_deref() == Some(&*name));
        let mut pods: Vec<(u64, Name)> = there.map(|pod| (pod.number, pod.name.clone())).collect();
        pods.sort_unstable();
        for (_, pod) in pods {
            self.story.tell(now, Some(pod), fact(name.clone()));
        }
    }

    fn pod(&mut self, now: SimTime, line: &TraceLine, fact: Fact) {
        if let Some(pod) = self.pods.get(&line.object) {
            let name = pod.name.clone();
            self.story.tell(now, Some(name), fact);
        }
    }

    fn container(&mut self, now: SimTime, line: &TraceLine) -> Result<(), ReplayError> {
        let name = Name::from(line.text("container"));
        let state = line.details.get("state").ok_or("no `state`")?;
        if line.object == self.object {
            self.containers.insert(name.to_string(), state.clone());
        }
        let fact = if let Some(reason) = state["waiting"].as_str() {
            Fact::Waiting(name, word(reason, &WAITING_REASONS, WaitingReason::as_str)?)
        } else if let Some(reason) = state["terminated"].as_str() {
            let code = state["exitCode"].as_i64().and_then(|code| i32::try_from(code).ok());
            let end = Termination {
                exit_code: code.ok_or("no `exitCode`")?,
                reason: word(reason, &TERMINATION_REASONS, TerminationReason::as_str)?,
                started_at: instant(line.details.get("startedAt"))?,
                finished_at: instant(line.details.get("finishedAt"))?,
            };
            Fact::Ended(name, end)
        } else {
            let started_at = instant(line.details.get("startedAt"))?;
            let start = Some((line.object.clone(), name.to_string(), started_at));
            if std::mem::replace(&mut self.last_start, start.clone()) == start || started_at != now {
                return Ok(());
            }
            Fact::Started(name)
        };
        self.pod(now, line, fact);
        Ok(())
    }

    fn phase(&mut self, now: SimTime, line: &TraceLine) -> Result<(), ReplayError> {
        let phase = word(line.text("to"), &PHASES, Phase::as_str)?;
        let reason = Some(line.text("reason").to_owned()).filter(|reason| !reason.is_empty());
        if line.object == self.object {
            self.phase = reason.clone().unwrap_or_else(|| phase.as_str().to_owned());
        }
        if phase.is_terminal() {
            let why = reason.map(|reason| (reason, Name::from(line.text("message"))));
            self.pod(now, line, Fact::Over(phase, why));
        }
        Ok(())
    }

    fn status(&mut self, now: SimTime, line: &TraceLine) -> Result<(), ReplayError> {
        let Some(Value::Object(status)) = line.details.get("status") else { return Ok(()) };
        self.status = status.clone();
        if !self.object.starts_with("job/") {
            return Ok(());
        }
        let conditions = status.get("conditions").and_then(Value::as_array).ok_or("no `conditions`")?;
        for condition in conditions.iter().skip(self.story.n_conditions) {
            self.story.tell(now, None, Fact::Condition(job_condition(condition)?));
        }
        self.story.n_conditions = conditions.len();
        Ok(())
    }
}

/// The condition of a Job, as a status has it.
///
/// # Errors
/// When something of it is missing or unknown.
pub fn job_condition(condition: &Value) -> Result<JobCondition, ReplayError> {
    let text = |field: &str| condition[field].as_str().unwrap_or_default();
    Ok(JobCondition {
        kind: word(text("type"), &JOB_CONDITIONS, JobConditionType::as_str)?,
        status: word(text("status"), &STATUSES, ConditionStatus::as_str)?,
        since: instant(condition.get("since"))?,
        reason: text("reason").into(),
        message: text("message").into(),
    })
}

fn at_work(line: &TraceLine) -> Result<AtWork, ReplayError> {
    if let Some(name) = &line.component {
        let known = AtWork::COMPONENTS.into_iter().find(|known| known == name);
        return known.map(AtWork::Component).ok_or_else(|| format!("unknown component {name:?}"));
    }
    let entry = line.timeline_entry().and_then(|entry| u32::try_from(entry).ok());
    Ok(entry.map_or(AtWork::Start, AtWork::Timeline))
}

const STATUSES: [ConditionStatus; 3] =
    [ConditionStatus::True, ConditionStatus::False, ConditionStatus::Unknown];
const PHASES: [Phase; 4] = [Phase::Pending, Phase::Running, Phase::Succeeded, Phase::Failed];
const WAITING_REASONS: [WaitingReason; 6] = [
    WaitingReason::ContainerCreating,
    WaitingReason::PodInitializing,
    WaitingReason::CrashLoopBackOff,
    WaitingReason::ErrImagePull,
    WaitingReason::ImagePullBackOff,
    WaitingReason::ErrImageNeverPull,
];
const TERMINATION_REASONS: [TerminationReason; 5] = [
    TerminationReason::Completed,
    TerminationReason::Error,
    TerminationReason::OomKilled,
    TerminationReason::Unknown,
    TerminationReason::ContainerStatusUnknown,
];
const JOB_CONDITIONS: [JobConditionType; 5] = [
    JobConditionType::Suspended,
    JobConditionType::SuccessCriteriaMet,
    JobConditionType::FailureTarget,
    JobConditionType::Complete,
    JobConditionType::Failed,
];

/// The word of this text.
fn word<T: Copy>(text: &str, all: &[T], as_str: impl Fn(T) -> &'static str) -> Result<T, ReplayError> {
    let found = all.iter().copied().find(|word| as_str(*word) == text);
    found.ok_or_else(|| format!("unknown word {text:?}"))
}

fn instant(seconds: Option<&Value>) -> Result<SimTime, ReplayError> {
    let seconds = seconds.and_then(Value::as_f64).ok_or("an instant is missing")?;
    Ok(SimTime::ZERO + SimDuration::from_secs_f64(seconds))
}
