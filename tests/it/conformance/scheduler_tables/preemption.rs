//! Which pods preemption removes where, which pods may preempt, how many nodes are looked at.
//!
//! Some of upstream's cases add filters that its tests make up; they are made up here as well.

use cluster_sim::engine::SimTime;
use cluster_sim::model::ids::PodId;
use cluster_sim::scheduler::config::PreemptionCandidates;
use cluster_sim::scheduler::cycle::{Filters, Outcome, Refused, n_feasible_to_find};
use cluster_sim::scheduler::diagnosis::Tally;
use cluster_sim::scheduler::framework::{Code, Filter, Plugin, Reason};
use cluster_sim::scheduler::plugins::default_preemption::{self, Candidate, Preemption};
use cluster_sim::scheduler::queue::backoff;
use cluster_sim::scheduler::snapshot::{Row, Snapshot};
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
            suite.case(text(&case["id"]), run(case));
        }
    }
    suite.finish();
}

/// A filter that upstream's tests make up: it accepts these nodes.
#[derive(Debug)]
struct MadeUp(Vec<Row>);

impl Filter for MadeUp {
    fn filter(&self, _: &Snapshot, row: Row) -> Result<(), Code> {
        if self.0.contains(&row) { Ok(()) } else { Err(Code::Unschedulable) }
    }

    fn explain(&self, _: &Snapshot, _: Row, _: &mut Vec<Reason>) {}
}

/// The made-up filters of a case that has the pod of this name placed on these nodes.
fn made_up(inputs: &Value, pod: &str, nodes: &[(Row, &str)]) -> Vec<MadeUp> {
    let accepting = |accepts: &dyn Fn(&str) -> bool| {
        MadeUp(nodes.iter().filter(|(_, name)| accepts(name)).map(|(row, _)| *row).collect())
    };
    let named = texts(&inputs["filter_plugins"]).into_iter().filter_map(|name| match name {
        "TrueFilter" => Some(accepting(&|_| true)),
        "FalseFilter" => Some(accepting(&|_| false)),
        "MatchFilter" => Some(accepting(&|node| node == pod)),
        known => {
            assert!(Plugin::ALL.iter().any(|plugin| plugin.as_str() == known), "no filter: {known}");
            None
        }
    });
    let extra = match text(&inputs["extra_filter_returns"]) {
        "" | "Success" => None,
        "Unschedulable" => Some(accepting(&|_| false)),
        other => panic!("no such outcome of a filter: {other}"),
    };
    named.chain(extra).collect()
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
        let name_of = |row: &Row| (*row, &*cx.cluster.nodes()[snapshot.node(*row)].meta.name);
        let nodes: Vec<_> = rows.iter().map(name_of).collect();
        let extra = made_up(inputs, &cx.pod.meta.name, &nodes);
        // Under which plugin's name they refuse makes no difference.
        let extra = extra.into_iter().map(|filter| (Plugin::NodeName, Box::new(filter) as Box<dyn Filter>));
        filters.active.extend(extra);
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
    let has_conditions = inputs["disruption_conditions"] != false;
    world.profile =
        world.profile.with_gate("PodDisruptionConditions", has_conditions).expect("there is a gate");
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
