//! One attempt to place one pod, compared with what is expected of it.

use std::collections::BTreeMap;

use cluster_sim::engine::SimTime;
use cluster_sim::model::ids::{NodeId, PodId};
use cluster_sim::scheduler::cycle::{Attempt, FitError, Outcome};
use cluster_sim::scheduler::explain::{Explanation, NodeScore, NodeVerdict, Refusal};
use cluster_sim::scheduler::framework::Plugin;
use cluster_sim::scheduler::plugins::default_preemption::{Candidate, Preemption};
use cluster_sim::scheduler::plugins::scheduling_gates;
use serde_json::Value;

use super::objects::{list, text, texts};
use super::world::World;
use super::{VOLUME_PLUGINS, same};

/// Runs a case of a single attempt.
pub fn run(case: &Value) -> Result<(), String> {
    let mut world = World::new(case);
    let id = world.add_incoming_pod(&case["pod"]);
    let expect = &case["expect"];
    if let Some(message) = scheduling_gates::pre_enqueue(world.pod(id)) {
        same(&text(&expect["result"]), &"gated")?;
        return same(&message.as_str(), &text(&expect["message"]));
    }
    let attempt = world.attempt(id, 0);
    let explanation = world.explain(id);
    check_order(&world, expect)?;
    check_skipped(&explanation, expect)?;
    compare(&world, &attempt, &explanation, expect)
}

/// Compares an attempt and what the scheduler thinks of all nodes with what is expected.
pub fn compare(
    world: &World,
    attempt: &Attempt,
    explanation: &Explanation,
    expect: &Value,
) -> Result<(), String> {
    let result = match &attempt.outcome {
        Outcome::Scheduled(_) => "scheduled",
        Outcome::Unschedulable(_) | Outcome::NoNodes => "unschedulable",
        Outcome::Error(_) => "error",
    };
    same(&result, &text(&expect["result"]))?;
    match &attempt.outcome {
        Outcome::Scheduled(choice) => {
            same(&world.name(choice.node), &text(&expect["node"]))?;
            let is_nominated = expect["notExamined"].is_array() && choice.n_feasible == 1;
            if !is_nominated {
                check_verdicts(world, explanation, expect)?;
            }
            check_scores(world, explanation, expect, is_nominated)
        }
        Outcome::Unschedulable(fit_error) => {
            check_rejection(explanation, expect)?;
            check_verdicts(world, explanation, expect)?;
            check_fit_error(world, fit_error, expect)
        }
        Outcome::NoNodes => same(&"no nodes available to schedule pods", &text(&expect["message"])),
        Outcome::Error(message) => same(&message.as_str(), &text(&expect["message"])),
    }
}

fn check_order(world: &World, expect: &Value) -> Result<(), String> {
    if !expect["nodeOrder"].is_array() {
        return Ok(());
    }
    let order: Vec<_> = world.snapshot.rows().map(|row| world.name(world.snapshot.node(row))).collect();
    same(&order, &texts(&expect["nodeOrder"]))
}

/// The plugins that skip a pod in PreFilter. NodeUnschedulable and the like skip earlier here, where no node can be
/// refused anyway.
fn check_skipped(explanation: &Explanation, expect: &Value) -> Result<(), String> {
    if !expect["skipFilter"].is_array() || explanation.rejection.is_some() {
        return Ok(());
    }
    let skipped = texts(&expect["skipFilter"]);
    for plugin in [
        Plugin::NodeAffinity,
        Plugin::NodePorts,
        Plugin::NodeResourcesFit,
        Plugin::PodTopologySpread,
        Plugin::InterPodAffinity,
    ] {
        let is_skipped = !explanation.filter_plugins.contains(&plugin);
        same(&is_skipped, &skipped.contains(&plugin.as_str()))
            .map_err(|error| format!("{} skipped: {error}", plugin.as_str()))?;
    }
    Ok(())
}

fn check_rejection(explanation: &Explanation, expect: &Value) -> Result<(), String> {
    let expected = &expect["preFilter"];
    let Some(rejection) = &explanation.rejection else {
        return same(&expected.is_object(), &false).map_err(|error| format!("preFilter: {error}"));
    };
    let found = (rejection.code.as_str(), rejection.plugin.as_str(), rejection.reason.to_string());
    let reasons = texts(&expected["reasons"]).join(", ");
    same(&found, &(text(&expected["code"]), text(&expected["plugin"]), reasons))
}

fn check_verdicts(world: &World, explanation: &Explanation, expect: &Value) -> Result<(), String> {
    if explanation.rejection.is_some() {
        return Ok(());
    }
    let of = |wanted: fn(&NodeVerdict) -> bool| {
        let nodes = explanation.nodes.iter().filter(|(_, verdict)| wanted(verdict));
        world.names(&nodes.map(|(node, _)| *node).collect::<Vec<_>>())
    };
    same(&of(|verdict| matches!(verdict, NodeVerdict::Scored(_))), &texts(&expect["feasible"]))
        .map_err(|error| format!("feasible: {error}"))?;
    if expect["notExamined"].is_array() {
        same(&of(|verdict| *verdict == NodeVerdict::NotAskedFor), &texts(&expect["notExamined"]))
            .map_err(|error| format!("notExamined: {error}"))?;
    }
    let Some(rejected) = expect["rejected"].as_object() else { return Ok(()) };
    same(&of(|verdict| matches!(verdict, NodeVerdict::Refused(_))).len(), &rejected.len())
        .map_err(|error| format!("rejected: {error}"))?;
    for (node, verdict) in &explanation.nodes {
        if let NodeVerdict::Refused(refusal) = verdict {
            let name = world.name(*node);
            let expected =
                rejected.get(name).ok_or_else(|| format!("{name} is not expected to be refused"))?;
            check_refusal(world, refusal, expected).map_err(|error| format!("{name}: {error}"))?;
        }
    }
    Ok(())
}

fn check_refusal(world: &World, refusal: &Refusal, expected: &Value) -> Result<(), String> {
    let found = (refusal.code.as_str(), refusal.plugin.as_str(), refusal.words(&world.profile));
    let reasons: Vec<_> = texts(&expected["reasons"]).into_iter().map(str::to_owned).collect();
    same(&found, &(text(&expected["code"]), text(&expected["plugin"]), reasons))?;
    let also: Vec<_> = list(&expected["also"]).collect();
    if expected["also"].is_array() {
        same(&refusal.also.len(), &also.len()).map_err(|error| format!("also: {error}"))?;
        for (refusal, expected) in refusal.also.iter().zip(also) {
            check_refusal(world, refusal, expected).map_err(|error| format!("also: {error}"))?;
        }
    }
    Ok(())
}

fn check_scores(
    world: &World,
    explanation: &Explanation,
    expect: &Value,
    is_nominated: bool,
) -> Result<(), String> {
    let Some(scores) = expect["scores"].as_object() else { return Ok(()) };
    let plugins = texts(&expect["scorePlugins"]);
    let modelled = |at: &usize| !VOLUME_PLUGINS.contains(&plugins[*at]);
    let columns: Vec<_> = (0..plugins.len()).filter(modelled).collect();
    let expected: Vec<_> = columns.iter().map(|at| plugins[*at]).collect();
    if !is_nominated {
        let found: Vec<_> = explanation.score_plugins.iter().map(|plugin| plugin.as_str()).collect();
        same(&found, &expected).map_err(|error| format!("scorePlugins: {error}"))?;
        same(&world.names(&explanation.best), &texts(&expect["argmax"]))
            .map_err(|error| format!("argmax: {error}"))?;
    }
    for (node, verdict) in &explanation.nodes {
        let (name, NodeVerdict::Scored(score)) = (world.name(*node), verdict) else { continue };
        let Some(expected) = scores.get(name).filter(|_| !is_nominated) else { continue };
        check_score(score, expected, &columns, plugins.len()).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// `[[raw…], [weighted…], total]`, or in sequences `[weighted…, total]`.
fn check_score(score: &NodeScore, expected: &Value, columns: &[usize], n: usize) -> Result<(), String> {
    let numbers = |value: &Value| list(value).map(|number| number.as_i64().expect("a score")).collect();
    let at_columns = |all: Vec<i64>| columns.iter().map(|at| all[*at]).collect::<Vec<_>>();
    let (weighted, total): (Vec<i64>, i64) = if expected[0].is_array() {
        same(&score.raw, &at_columns(numbers(&expected[0]))).map_err(|error| format!("raw: {error}"))?;
        (numbers(&expected[1]), expected[2].as_i64().expect("a total"))
    } else {
        let all: Vec<i64> = numbers(expected);
        (all[..n].to_vec(), all[n])
    };
    same(&score.weighted, &at_columns(weighted)).map_err(|error| format!("weighted: {error}"))?;
    same(&score.total, &total).map_err(|error| format!("total: {error}"))
}

fn check_fit_error(world: &World, fit_error: &FitError, expect: &Value) -> Result<(), String> {
    let mut rejectors: Vec<_> = fit_error.rejectors.iter().map(Plugin::as_str).collect();
    rejectors.sort_unstable();
    same(&rejectors, &texts(&expect["unschedulablePlugins"]))
        .map_err(|error| format!("unschedulablePlugins: {error}"))?;
    same(&fit_error.filter_message.as_str(), &text(&expect["messageBeforePreemption"]))?;
    check_preemption(world, &fit_error.preemption, &expect["preemption"])
        .map_err(|error| format!("preemption: {error}"))?;
    same(&fit_error.message(&world.profile).as_str(), &text(&expect["message"]))
}

fn check_preemption(world: &World, found: &Preemption, expect: &Value) -> Result<(), String> {
    let (code, mode) = match found {
        Preemption::Plan(_) => ("Success", "Override"),
        Preemption::Failed(_) => ("Unschedulable", "Override"),
        Preemption::NotEligible(_) => ("Unschedulable", "keep"),
    };
    same(&(code, mode), &(text(&expect["code"]), text(&expect["mode"])))?;
    let Preemption::Plan(plan) = found else {
        return same(&format!("preemption: {}", found.message()).as_str(), &text(&expect["message"]));
    };
    let mut candidates: Vec<_> = plan.candidates.iter().collect();
    candidates.sort_by_key(|candidate| index(world, candidate.node));
    same(&candidates.len(), &list(&expect["candidates"]).count())?;
    for (found, expected) in candidates.into_iter().zip(list(&expect["candidates"])) {
        check_candidate(world, found, expected)?;
    }
    same(&world.names(&plan.tie), &texts(&expect["tie"])).map_err(|error| format!("tie: {error}"))?;
    same(&world.name(plan.best.node), &text(&expect["node"]))?;
    same(&pod_names(world, &plan.best.victims), &owned(&expect["victims"]))?;
    Ok(())
}

fn check_candidate(world: &World, found: &Candidate, expected: &Value) -> Result<(), String> {
    let number = |field: &str| expected[field].as_i64().expect("a number");
    same(&world.name(found.node), &text(&expected["node"]))?;
    same(&pod_names(world, &found.victims), &owned(&expected["victims"]))?;
    let numbers = (found.n_violations as i64, i64::from(found.highest_priority), found.sum_of_priorities);
    let expected_numbers = (number("pdbViolations"), number("highestPriority"), number("sumPriorities"));
    same(&numbers, &expected_numbers)?;
    // A missing start time is now in the recorded runs, and later than all others here.
    if found.earliest_start == SimTime::MAX {
        return Ok(());
    }
    same(&world.clock.rfc3339(found.earliest_start).as_str(), &text(&expected["earliestStart"]))
}

fn index(world: &World, node: NodeId) -> Option<usize> {
    world.nodes.iter().position(|other| *other == node)
}

/// `namespace/name` of pods.
pub fn pod_names(world: &World, pods: &[PodId]) -> Vec<String> {
    let names: BTreeMap<_, _> = world.pods.iter().map(|(name, id)| (*id, name.clone())).collect();
    pods.iter().map(|id| names[id].clone()).collect()
}

fn owned(value: &Value) -> Vec<String> {
    texts(value).into_iter().map(str::to_owned).collect()
}
