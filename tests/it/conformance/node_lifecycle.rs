//! Tables of upstream's unit tests of node failures (`tables/node_lifecycle.yaml`), by family.

mod budgets;
mod crash;
mod evictions;
mod zones;

use serde_json::Value;

use super::{Suite, files, yaml};

#[test]
fn nodes_are_judged_as_upstream_judges_them() {
    let mut suite = Suite::new("node_lifecycle");
    for path in files("tables/node_lifecycle.yaml") {
        for case in yaml(&path)["cases"].as_array().expect("the table has cases") {
            let id = case["id"].as_str().expect("a case has an id");
            suite.case(id, outcome(case));
        }
    }
    suite.finish();
}

fn outcome(case: &Value) -> Result<(), String> {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    match case["family"].as_str().expect("a case has a family") {
        "zone_state" => zones::states(inputs, expected),
        "zone_rate" => zones::rate(inputs, expected),
        "master_disruption" => zones::master_disruption(inputs, expected),
        "condition_to_noschedule_taint" => zones::taint_of_condition(inputs, expected),
        "node_crash_timeline" => crash::timeline(inputs, expected),
        "min_toleration_seconds" => evictions::shortest_toleration(inputs, expected),
        "taint_eviction_pod_created" => evictions::pod_created(inputs, expected),
        "taint_eviction_pod_updated" => evictions::pod_updated(inputs, expected),
        "taint_eviction_node_created" => evictions::node_tainted(inputs, expected),
        "taint_eviction_node_updated" => evictions::node_tainted(inputs, expected),
        "pod_gc_terminated" => evictions::terminated(inputs, expected),
        "pod_gc_orphaned" => evictions::orphaned(inputs, expected),
        "pod_gc_out_of_service" => evictions::out_of_service(inputs, expected),
        "pod_gc_unscheduled_terminating" => evictions::unscheduled(inputs, expected),
        "eviction_api" => budgets::eviction(inputs, expected),
        "pdb_allowed" => budgets::disruptions_allowed(inputs, expected),
        other => Err(format!("the family {other} is not known")),
    }
}
