//! Which pods preemption removes where, which pods may preempt, how many nodes are looked at.
//!
//! Not run are cases with filters that upstream's tests make up, and cases in which the gate PodDisruptionConditions
//! is off.

use cluster_sim::engine::SimTime;
use cluster_sim::model::ids::PodId;
use cluster_sim::scheduler::config::PreemptionCandidates;
use cluster_sim::scheduler::cycle::{Filters, Outcome, Refused, n_feasible_to_find};
use cluster_sim::scheduler::diagnosis::Tally;
use cluster_sim::scheduler::framework::{Code, Plugin};
use cluster_sim::scheduler::plugins::default_preemption::{self, Candidate, Preemption};
use cluster_sim::scheduler::queue::backoff;
use serde_json::{Value, json};

use super::super::golden_sched::objects::{list, text, texts};
use super::super::golden_sched::world::World;
use super::super::{Suite, files, same, yaml};
use super::manifest;

#[test]
fn preemption_chooses_nodes_and_victims_as_in_upstreams_tests() {
    let mut suite = Suite::new("scheduler_preemption");
    for path in files("tables/scheduler_preemption.yaml") {
        for case in list(&yaml(&path)["cases"]) {
            if is_made_up(&case["inputs"]) {
                suite.leave_out("made-up filters, or the gate PodDisruptionConditions is off");
            } else {
                suite.case(text(&case["id"]), run(case));
            }
        }
    }
    suite.finish();
}

/// Whether a case has filters that do not exist, or the old meaning of a terminating pod.
fn is_made_up(inputs: &Value) -> bool {
    let known = |name: &&str| Plugin::ALL.iter().any(|plugin| plugin.as_str() == *name);
    let has_fakes = !texts(&inputs["filter_plugins"]).iter().all(known);
    let ends = |pod: &Value| pod["deletionTimestamp"].is_string();
    let is_old = inputs["disruption_conditions"] == false && list(&inputs["existing_pods"]).any(ends);
    has_fakes || inputs["extra_filter_returns"] == "Unschedulable" || is_old
}

fn run(case: &Value) -> Result<(), String> {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    let number = |field: &str| inputs[field].as_u64().expect("a number");
    match text(&case["family"]) {
        "preemption_best_node" => check_best_node(inputs, expected),
        "preemption_dry_run" => check_dry_runs(inputs, expected),
        "preemption_eligible" => check_eligible(inputs, expected),
        "num_feasible_nodes" => {
            let percentage = inputs["profile_percentage"].as_u64().unwrap_or(number("global_percentage"));
            let percentage = Some(percentage as u32).filter(|percentage| *percentage > 0);
            let found = n_feasible_to_find(percentage, number("nodes") as usize);
            same(&Some(found as u64), &expected["num"].as_u64())
        }
        "queue_backoff" => {
            same(&Some(backoff(number("attempts") as u32).as_secs()), &expected["backoff_s"].as_u64())
        }
        other => panic!("no family: {other}"),
    }
}

/// The cluster of a case: equal nodes, pods with start times in nanoseconds.
fn world_of(inputs: &Value) -> World {
    let node = |name: &Value| {
        // Upstream's test gives its nodes this label.
        let metadata = json!({"name": name, "labels": {"hostname": name}});
        json!({"metadata": metadata, "status": {"allocatable": inputs["node_allocatable"]}})
    };
    let budget = |budget: &Value| {
        let disrupted = texts(&budget["disrupted_pods"]).into_iter();
        let disrupted: serde_json::Map<_, _> = disrupted.map(|name| (name.to_owned(), json!(""))).collect();
        json!({
            "metadata": {"namespace": "default"},
            "spec": {"selector": {"matchLabels": budget["selector"]}},
            "status": {"disruptionsAllowed": budget["disruptions_allowed"], "disruptedPods": disrupted},
        })
    };
    let mut world = World::new(&json!({
        "nodes": list(&inputs["nodes"]).map(node).collect::<Vec<_>>(),
        "pdbs": list(&inputs["pdbs"]).map(budget).collect::<Vec<_>>(),
    }));
    for pod in list(&inputs["existing_pods"]) {
        add_pod(&mut world, pod);
    }
    let number = |field: &str| inputs[field].as_u64().map(|number| number as usize);
    let defaults = world.config.preemption_candidates;
    world.config.preemption_candidates = PreemptionCandidates {
        percentage: number("min_candidate_nodes_percentage").unwrap_or(defaults.percentage),
        absolute: number("min_candidate_nodes_absolute").unwrap_or(defaults.absolute),
    };
    world
}

fn add_pod(world: &mut World, pod: &Value) -> PodId {
    let mut manifest = manifest(pod);
    manifest["metadata"]["namespace"] = "default".into();
    let start = manifest["status"]["startTime"].take();
    if let Some(conditions) = manifest["status"]["conditions"].as_array_mut() {
        // The tables give the name of the constant.
        conditions.iter_mut().for_each(|condition| condition["reason"] = default_preemption::REASON.into());
    }
    let is_bound = !text(&manifest["spec"]["nodeName"]).is_empty();
    let id = if is_bound { world.add_existing_pod(&manifest) } else { world.add_incoming_pod(&manifest) };
    if let Some(nanos) = start.as_u64() {
        let now = std::mem::replace(&mut world.now, SimTime::from_nanos(nanos));
        world.write(cluster_sim::event::Command::AcceptPod(id));
        world.now = now;
    }
    id
}

fn check_best_node(inputs: &Value, expected: &Value) -> Result<(), String> {
    let mut world = world_of(inputs);
    let id = add_pod(&mut world, &inputs["pod"]);
    let Outcome::Unschedulable(fit_error) = world.attempt(id, 0).outcome else {
        return Err("the pod fits".to_owned());
    };
    let Preemption::Plan(plan) = fit_error.preemption else { return Err("no node helps".to_owned()) };
    let found = world.name(plan.best.node);
    let any_of = texts(&expected["any_of"]);
    if any_of.contains(&found) { Ok(()) } else { Err(format!("found {found}, expected one of {any_of:?}")) }
}

fn check_dry_runs(inputs: &Value, expected: &Value) -> Result<(), String> {
    let mut world = world_of(inputs);
    let plugins = texts(&inputs["filter_plugins"]);
    for (pod, expected) in list(&inputs["pods"]).zip(list(&expected["candidates_per_pod"])) {
        let id = add_pod(&mut world, pod);
        let (cx, snapshot, _) = world.context(id);
        let mut filters = Filters::prepare(&cx, snapshot, Vec::new()).expect("no plugin refuses all nodes");
        filters.active.retain(|(plugin, _)| plugins.contains(&plugin.as_str()));
        let rows: Vec<_> = snapshot.rows().collect();
        let mut tally = Tally::default();
        let found = default_preemption::find_candidates(&cx, snapshot, &mut filters, &rows, &mut tally);
        let found: Vec<_> = found.iter().map(|candidate| shown(&world, candidate)).collect();
        let expected: Vec<_> = list(expected).cloned().collect();
        if text(&inputs["note"]).starts_with("random start offset") {
            same(&found.len(), &expected.len())?;
        } else {
            same(&found, &expected)?;
        }
    }
    Ok(())
}

/// A candidate as the tables have it, with the victims by name.
fn shown(world: &World, candidate: &Candidate) -> Value {
    let victims = candidate.victims.iter().map(|victim| world.pod(*victim).meta.name.to_string());
    let mut victims: Vec<_> = victims.collect();
    victims.sort_unstable();
    json!({
        "node": world.name(candidate.node),
        "victims": victims,
        "pdb_violations": candidate.n_violations,
    })
}

fn check_eligible(inputs: &Value, expected: &Value) -> Result<(), String> {
    let mut world = world_of(inputs);
    let id = add_pod(&mut world, &inputs["pod"]);
    let (cx, snapshot, _) = world.context(id);
    let refused = inputs["nominated_node_status"].as_str().map(|_| Refused {
        row: snapshot.rows().next().expect("there is a node"),
        plugin: Plugin::NodeResourcesFit,
        code: Code::UnschedulableAndUnresolvable,
    });
    let refused: Vec<_> = refused.into_iter().collect();
    let outcome = default_preemption::check_eligible(&cx, snapshot, &refused);
    same(&outcome.is_ok(), &(expected["eligible"] == true))
}
