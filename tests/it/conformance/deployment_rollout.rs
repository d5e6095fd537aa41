//! The arithmetic of roll-outs and the ranking of pods to delete: `tables/deployment_rollout.yaml`, from upstream's unit
//! tests.

mod objects;
mod ranking;

use cluster_sim::controllers::deployment::history::surplus;
use cluster_sim::controllers::deployment::rollout::{
    Bounds, Shrink, bounds, fenceposts, has_old_pods, min_available, new_set_size, rolled_size, scaled,
    shrink_healthy, shrink_old, shrink_unhealthy,
};
use cluster_sim::controllers::deployment::sets::{Set, Sets};
use cluster_sim::controllers::deployment::status::{condition, is_complete, is_progressing, is_timed_out};
use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::model::deployment::{DeploymentConditionType, DeploymentStatus};
use cluster_sim::model::node::ConditionStatus;
use cluster_sim::model::pod_status::Phase;
use serde_json::Value;

use self::objects::{NewSet, amount, count, deployment, set, spec};
use super::{Suite, files, same, yaml};

type Outcome = Result<(), String>;

#[test]
fn roll_outs_and_rankings_agree_with_the_deployment_controller() {
    let mut suite = Suite::new("deployment_rollout");
    for table in files("tables/deployment_rollout.yaml").iter().map(|path| yaml(path)) {
        for case in list(&table["cases"]) {
            match ranking::not_modelled(&case["inputs"]) {
                Some(reason) => suite.leave_out(reason),
                None => suite.case(text(&case["id"]), outcome(case)),
            }
        }
    }
    suite.finish();
}

fn outcome(case: &Value) -> Outcome {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    match text(&case["family"]) {
        "resolve_fenceposts" => resolved(inputs, expected),
        "max_unavailable" => same_count(bounds(&spec(inputs)).unavailable, &expected["max_unavailable"]),
        "min_available" => same_count(min_available(&spec(inputs)), &expected["min_available"]),
        "new_rs_replicas" => {
            let n_total = list(&inputs["all_rs_spec"]).map(count).sum();
            let size = new_set_size(&spec(inputs), n_total, count(&inputs["new_rs_spec"]));
            same_count(size, &expected["new_rs_replicas"])
        }
        "deployment_complete" => complete(inputs, expected),
        "deployment_progressing" => {
            let progresses = is_progressing(&status(&inputs["old"]), &status(&inputs["new"]));
            same(&Some(progresses), &expected["progressing"].as_bool())
        }
        "deployment_timed_out" => timed_out(inputs, expected),
        "reconcile_new_rs" => {
            let (old, new) = (count(&inputs["old_rs_spec"]), count(&inputs["new_rs_spec"]));
            scaled_to(new, rolled_size(&spec(inputs), old + new, new), "new_rs_replicas", expected)
        }
        "reconcile_old_rs" => reconciled(inputs, expected),
        "cleanup_unhealthy" => {
            let mut old = old_sets(inputs);
            let shrunk = shrink_unhealthy(&mut old, count(&inputs["max_cleanup"]));
            same(&matches!(shrunk, Shrink::Done(_)), &true)?;
            same_count(count(&inputs["old_rs_spec"]) - old[0].1, &expected["cleaned"])
        }
        "scale_down_old" => {
            let mut old = old_sets(inputs);
            let before = old[0].1;
            let spare = count(&inputs["available_total"]).saturating_sub(min_available(&spec(inputs)));
            shrink_healthy(&mut old, spare);
            scaled_to(before, old[0].1, "old_rs_replicas", expected)
        }
        "proportional_scale" => in_proportion(inputs, expected),
        "history_cleanup" => history(inputs, expected),
        "recreate_old_pods_running" => old_pods(inputs, expected),
        "sort_active_pods_simple" => ranking::sorted(inputs, expected),
        "deletion_rank_equal" => ranking::equal(inputs, expected),
        "deletion_rank_less" => ranking::less(inputs, expected),
        family => Err(format!("a case of an unknown family: {family}")),
    }
}

fn same_count(found: u32, expected: &Value) -> Outcome {
    same(&Some(u64::from(found)), &expected.as_u64())
}

/// An amount that cannot be read is an error.
fn resolved(inputs: &Value, expected: &Value) -> Outcome {
    let amounts = (amount(&inputs["max_surge"]), amount(&inputs["max_unavailable"]));
    let (Some(surge), Some(unavailable)) = amounts else {
        return same(&Some(true), &expected["error"].as_bool());
    };
    let found = fenceposts(surge, unavailable, count(&inputs["desired"]));
    let wanted = Bounds { surge: count(&expected["surge"]), unavailable: count(&expected["unavailable"]) };
    same(&found, &wanted)
}

fn complete(inputs: &Value, expected: &Value) -> Outcome {
    let mut deployment = deployment(inputs);
    let spec = std::sync::Arc::make_mut(&mut deployment.spec);
    spec.replicas = count(&inputs["desired"]);
    let status = DeploymentStatus {
        replicas: count(&inputs["status_replicas"]),
        updated_replicas: count(&inputs["updated"]),
        available_replicas: count(&inputs["available"]),
        observed_generation: deployment.meta.generation,
        ..DeploymentStatus::default()
    };
    same(&Some(is_complete(&deployment, &status)), &expected["complete"].as_bool())
}

fn status(counts: &Value) -> DeploymentStatus {
    DeploymentStatus {
        replicas: count(&counts["replicas"]),
        updated_replicas: count(&counts["updated"]),
        ready_replicas: count(&counts["ready"]),
        available_replicas: count(&counts["available"]),
        ..DeploymentStatus::default()
    }
}

fn timed_out(inputs: &Value, expected: &Value) -> Outcome {
    let mut deployment = deployment(inputs);
    let deadline = inputs["deadline_s"].as_u64().filter(|secs| *secs != i32::MAX as u64);
    std::sync::Arc::make_mut(&mut deployment.spec).progress_deadline = deadline.map(SimDuration::from_secs);
    let at = |value: &Value| SimTime::from_secs(value.as_u64().expect("a time in seconds"));
    let kind = DeploymentConditionType::Progressing;
    let progress = condition(kind, ConditionStatus::True, "", "", at(&inputs["last_update_s"]));
    let status = DeploymentStatus { conditions: vec![progress], ..DeploymentStatus::default() };
    let found = is_timed_out(&deployment, &status, at(&inputs["now_s"]));
    same(&Some(found), &expected["timed_out"].as_bool())
}

fn scaled_to(before: u32, after: u32, field: &str, expected: &Value) -> Outcome {
    same(&Some(before != after), &expected["scaled"].as_bool())?;
    if expected[field].is_null() { Ok(()) } else { same_count(after, &expected[field]) }
}

/// The one old set, with its size.
fn old_sets(inputs: &Value) -> Vec<(Set, u32)> {
    let size = count(&inputs["old_rs_spec"]);
    let n_available = inputs["old_rs_available"].as_u64().map_or(size, |n| n as u32);
    vec![(set(&NewSet { size, n_available, ..NewSet::default() }), size)]
}

fn reconciled(inputs: &Value, expected: &Value) -> Outcome {
    let new = NewSet {
        size: count(&inputs["new_rs_spec"]),
        n_available: count(&inputs["new_rs_available"]),
        created_hour: 1,
        ..NewSet::default()
    };
    let old = old_sets(inputs).into_iter().map(|(set, _)| set).collect();
    let sets = Sets { new: Some(set(&new)), old };
    let before = count(&inputs["old_rs_spec"]);
    let after = shrink_old(&spec(inputs), &sets).last().map_or(before, |(_, size)| *size);
    scaled_to(before, after, "old_rs_replicas", expected)
}

/// Every set carries the size and the surge that the Deployment had when it was last scaled.
fn in_proportion(inputs: &Value, expected: &Value) -> Outcome {
    let made = |written: &Value| {
        let name = text(&written["name"]);
        let own = inputs["desired_annotations"].get(name);
        let desired = own.map_or_else(|| count(&inputs["old_replicas"]), count);
        let size = count(&written["replicas"]);
        let n_available = inputs["new_rs_available"].as_u64().map_or(size, |n| n as u32);
        let created_hour = written["created_hour"].as_u64().unwrap_or(0);
        let sizes = Some((desired, desired + count(&inputs["old_max_surge"])));
        set(&NewSet { size, n_available, created_hour, sizes })
    };
    let new = inputs.get("new_rs").filter(|new| !new.is_null()).map(&made);
    let sets = Sets { new, old: list(&inputs["old_rss"]).map(&made).collect() };
    let steps = scaled(&spec(inputs), &sets, count(&inputs["old_replicas"]));
    let after = |set: &Set| {
        let own = steps.iter().find(|(changed, _)| changed.age() == set.age());
        own.map_or_else(|| set.size(), |(_, size)| *size)
    };
    let wanted = expected["new_rs"].as_u64().map(|size| size as u32);
    same(&sets.new.as_ref().map(after), &wanted)?;
    let old: Vec<u32> = sets.old.iter().map(after).collect();
    same(&old, &list(&expected["old_rss"]).map(count).collect())
}

fn history(inputs: &Value, expected: &Value) -> Outcome {
    let old: Vec<Set> = (0..)
        .zip(list(&inputs["old_rss"]))
        .map(|(hour, written)| {
            let mut set = set(&NewSet {
                size: count(&written["spec"]),
                n_available: count(&written["status"]),
                created_hour: hour,
                ..NewSet::default()
            });
            set.object.status.replicas = count(&written["status"]);
            if written["deleting"] == true {
                objects::delete(&mut set);
            }
            set
        })
        .collect();
    let limit = Some(count(&inputs["limit"])).filter(|limit| *limit != i32::MAX as u32);
    same(&Some(surplus(&old, limit).len() as u64), &expected["deletions"].as_u64())
}

/// A pod without a phase has not ended.
fn old_pods(inputs: &Value, expected: &Value) -> Outcome {
    let n_counted = list(&inputs["old_rss"]).map(|set| count(&set["status_replicas"])).sum();
    let by_set = inputs["pods_by_rs_uid"].as_object().into_iter().flatten();
    let phases = by_set.flat_map(|(_, phases)| list(phases)).map(|phase| match text(phase) {
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        "Running" | "Unknown" => Phase::Running,
        _ => Phase::Pending,
    });
    same(&Some(has_old_pods(n_counted, phases)), &expected["old_pods_running"].as_bool())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
