//! Why an autoscaler has its size: its last decisions, from the metrics to the limits.

use crate::controllers::horizontal_pod_autoscaler::decision::{Cause as Ground, Decision, Verdict};
use crate::controllers::horizontal_pod_autoscaler::memory::StabilizedBy;
use crate::experiment::trial::Trial;
use crate::model::horizontal_pod_autoscaler::{HorizontalPodAutoscaler, MetricValue};
use crate::model::ids::{Kind, ObjectId};
use crate::model::quantity::Quantity;
use crate::observe::story::Story;
use crate::report::why::{Cause, Why, chain};

/// Why the autoscaler of the story is as it is.
pub fn why(trial: &Trial<Story>) -> Why {
    let simulation = &trial.simulation;
    let (seen, story) = simulation.observer();
    let mut causes = chain::causes(story, simulation.scenario());
    let subject = &story.subject;
    let scalings = seen
        .scalings
        .entries()
        .iter()
        .rfind(|entry| (&entry.namespace, &entry.name) == (&subject.namespace, &subject.name));
    let scalings = scalings.into_iter().flat_map(|entry| &entry.scalings).map(|scaling| {
        let what = format!("scaled from {} to {}: {}", scaling.from, scaling.to, scaling.reason);
        Cause::new(scaling.at, what)
    });
    let cluster = simulation.cluster();
    let found = cluster.find(Kind::HorizontalPodAutoscaler, &subject.namespace, &subject.name);
    let Some(ObjectId::HorizontalPodAutoscaler(id)) = found else {
        causes.extend(scalings);
        causes.sort_by_key(|cause| cause.instant);
        return Why { causes, ..Why::default() };
    };
    let autoscaler = &cluster.horizontal_pod_autoscalers()[id];
    let decisions: Vec<&Decision> = simulation.autoscaler().decisions(id).collect();
    for decision in &decisions {
        causes.push(Cause::new(decision.at, words(decision)));
    }
    causes.extend(scalings);
    causes.sort_by_key(|cause| cause.instant);
    Why { answer: answer(autoscaler, decisions.last().copied()), causes, ..Why::default() }
}

fn answer(autoscaler: &HorizontalPodAutoscaler, last: Option<&Decision>) -> Vec<String> {
    let (meta, spec, status) = (&autoscaler.meta, &autoscaler.spec, &autoscaler.status);
    let target = format!("{}/{}", spec.target.kind.as_str(), spec.target.name);
    let head = format!("HorizontalPodAutoscaler {}/{}  {target}", meta.namespace, meta.name);
    let Some(last) = last else {
        return vec![format!("{head} was not looked at yet: the first time is 15s after its creation")];
    };
    let size = match last.desired {
        Some(desired) => format!("{desired} replicas"),
        None => format!("{} replicas, unchanged", status.current_replicas),
    };
    let bounds = format!("min {}, max {}", spec.min_replicas, spec.max_replicas);
    let mut lines = vec![format!("{head}  {size} at {}  ({bounds})", last.at)];
    for condition in &status.conditions {
        let (kind, state) = (condition.kind.as_str(), condition.status.as_str());
        lines.push(format!("{kind}={state}: {}: {}", condition.reason, condition.message));
    }
    lines
}

/// `cpu resource utilization: 120% is 2.4 times the target, asks for 8; stabilised to 8; limited to 6: ScaleUpLimit`
fn words(decision: &Decision) -> String {
    let current = decision.current.unwrap_or_default();
    match decision.cause {
        Ground::NoTarget => return "the target was not found".to_owned(),
        Ground::Disabled => return "the target has no replicas: autoscaling is off".to_owned(),
        Ground::AboveMax => return format!("{current} replicas are above maxReplicas"),
        Ground::BelowMin => return format!("{current} replicas are below minReplicas"),
        Ground::Metrics => {}
    }
    let mut parts: Vec<String> = decision.verdicts.iter().map(verdict).collect();
    match (decision.recommended, decision.stabilized) {
        (Some(recommended), Some(stabilized)) => {
            if decision.verdicts.len() > 1 {
                parts.push(format!("the most is {recommended}"));
            }
            if let Some(by) = stabilized.by {
                let what = match by {
                    StabilizedBy::Lower => "a lower recommendation",
                    StabilizedBy::Higher => "a higher recommendation",
                };
                parts.push(format!("{what} of before makes it {}", stabilized.replicas));
            }
        }
        _ => parts.push("nothing is done".to_owned()),
    }
    if let (Some(limit), Some(desired)) = (decision.limited, decision.desired) {
        parts.push(format!("{} makes it {desired}", limit.words().0));
    }
    match decision.desired {
        Some(desired) if desired != current => parts.push(format!("from {current} to {desired}")),
        Some(_) => parts.push(format!("stays at {current}")),
        None => {}
    }
    parts.join("; ")
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Failed(message) => message.clone(),
        Verdict::Asked(asked) => {
            let proposal = &asked.proposal;
            let MetricValue { utilization, average_value, value } = proposal.current;
            let percent = utilization.map(|percent| format!("{percent}%"));
            let amount = value.or(average_value).map(|millis| Quantity::from_millis(millis).to_string());
            let now = percent.or(amount).unwrap_or_default();
            let (metric, ratio) = (&asked.metric, proposal.ratio);
            format!("{metric} {now} is {ratio:.2} times the target, asks for {}", proposal.replicas)
        }
    }
}
