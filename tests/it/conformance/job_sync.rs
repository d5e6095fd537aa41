//! `tables/job_sync.yaml`: upstream's unit tests of the Job and TTL controllers, row by row against the pure functions.

mod component;
mod driver;
mod objects;
mod rules;
mod syncs;

use serde_json::Value;

use super::{Suite, files, yaml};

type Outcome = Result<(), String>;

#[test]
fn syncs_of_jobs_agree_with_upstream() {
    let mut suite = Suite::new("job_sync");
    for table in files("tables/job_sync.yaml").iter().map(|path| yaml(path)) {
        for (section, content) in table["sections"].as_object().expect("a table has sections") {
            for case in content["cases"].as_array().expect("a section has cases") {
                let id = case["id"].as_str().expect("a case has an id");
                suite.case(id, outcome(section, &case["inputs"], &case["expected"]));
            }
        }
    }
    suite.finish();
}

fn outcome(section: &str, inputs: &Value, expected: &Value) -> Outcome {
    match section {
        "sync" => syncs::sync(inputs, expected),
        "active_deadline" => syncs::active_deadline(inputs, expected),
        "backoff_on_failure" => syncs::backoff_on_failure(inputs, expected),
        "backoff_never" => syncs::backoff_never(inputs, expected),
        "pod_failure_policy_sync" => syncs::pod_failure_policy(inputs, expected),
        "backoff_limit_per_index_sync" => syncs::backoff_limit_per_index(inputs, expected),
        "success_policy_sync" | "newer_sync" => syncs::newer(inputs, expected),
        "track_status" => syncs::track_status(inputs, expected),
        "whole_scenarios" => syncs::whole_scenario(inputs, expected),
        "new_finished_pods" => rules::new_finished_pods(inputs, expected),
        "requeue" => rules::requeue(inputs, expected),
        "independent_index_creation" => rules::independent_index_creation(inputs, expected),
        "ownership" => rules::ownership(inputs, expected),
        "ensure_condition" => rules::ensure_condition(inputs, expected),
        "backoff_record" => rules::backoff_record(inputs, expected),
        "pod_finish_time" => rules::pod_finish_time(inputs, expected),
        "backoff_remaining" => rules::backoff_remaining(inputs, expected),
        "succeeded_indexes" => rules::succeeded_indexes(inputs, expected),
        "index_failed" => rules::index_failed(inputs, expected),
        "failed_indexes" => rules::failed_indexes(inputs, expected),
        "delayed_deletion_per_index" => rules::delayed_deletion(inputs, expected),
        "new_index_failure_counts" => rules::new_index_failure_counts(inputs, expected),
        "interval_membership" => rules::interval_membership(inputs, expected),
        "first_pending_indexes" => rules::first_pending_indexes(inputs, expected),
        "duplicate_index_removal" => rules::duplicate_index_removal(inputs, expected),
        "pod_generate_name" => rules::pod_generate_name(inputs, expected),
        "index_failure_count_annotation" => rules::index_failure_count(inputs, expected),
        "pod_failure_policy_match" => rules::pod_failure_policy_match(inputs, expected),
        "is_finished" => rules::is_finished(inputs, expected),
        "ttl_after_finished" => rules::ttl_after_finished(inputs, expected),
        "success_policy_match" => rules::success_policy_match(inputs, expected),
        other => Err(format!("a section of an unknown kind: {other}")),
    }
}
