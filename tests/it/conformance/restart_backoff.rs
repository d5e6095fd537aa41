//! Restarts of containers and phases of pods: `tables/restart_backoff.yaml`, from upstream's unit tests and from
//! the exact model of its back-off.

mod crash_loop;
mod pods;

use cluster_sim::cluster::compute_phase;
use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::kubelet::{Backoff, BackoffPolicy, History, should_restart};
use cluster_sim::model::pod::RestartPolicy;
use serde_json::Value;

use super::{Suite, files, same, yaml};

type Outcome = Result<(), String>;

#[test]
fn restarts_and_phases_agree_with_the_kubelet() {
    let mut suite = Suite::new("restart_backoff");
    for table in files("tables/restart_backoff.yaml").iter().map(|path| yaml(path)) {
        for case in list(&table["cases"]) {
            suite.case(text(&case["id"]), outcome(case));
        }
    }
    suite.finish();
}

fn outcome(case: &Value) -> Outcome {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    match text(&case["family"]) {
        "backoff_next_sequence" => next_sequence(inputs, expected),
        "backoff_reset" => reset(inputs, expected),
        "backoff_high_water" => high_water(inputs, expected),
        "crash_loop_timeline" => crash_loop::outcome(inputs, expected),
        "should_restart" => restart(inputs, expected),
        "pod_phase" => phase(inputs, expected),
        family => Err(format!("a case of an unknown family: {family}")),
    }
}

/// The delay is read before each try is noted.
fn next_sequence(inputs: &Value, expected: &Value) -> Outcome {
    let policy = client_go_policy(inputs);
    let delays = list(&expected["delays_s"]);
    let mut backoff = Backoff::default();
    let mut found = Vec::new();
    for step in 0..delays.len() as u64 {
        found.push(backoff.wait());
        let now = SimTime::ZERO + span(&inputs["next_called_every_s"]).saturating_mul(step);
        backoff.grow(&policy, now, now);
    }
    same(&found, &delays.iter().map(span).collect())
}

fn reset(inputs: &Value, expected: &Value) -> Outcome {
    let policy = client_go_policy(inputs);
    let until = after_tries(inputs, &policy).until(&policy, instant(&inputs["query_event_s"]));
    same(&Some(instant(&inputs["query_now_s"]) < until), &expected["in_backoff"].as_bool())
}

fn high_water(inputs: &Value, expected: &Value) -> Outcome {
    let backoff = after_tries(inputs, &client_go_policy(inputs));
    same(&backoff.wait(), &span(&expected["delay_s"]))
}

fn after_tries(inputs: &Value, policy: &BackoffPolicy) -> Backoff {
    let mut backoff = Backoff::default();
    for now in list(&inputs["next_at_s"]).iter().map(instant) {
        backoff.grow(policy, now, now);
    }
    backoff
}

/// client-go forgets a wait after twice the longest one.
fn client_go_policy(inputs: &Value) -> BackoffPolicy {
    let max = span(&inputs["max_s"]);
    BackoffPolicy { initial: span(&inputs["initial_s"]), max, reset_after: max.saturating_mul(2) }
}

fn restart(inputs: &Value, expected: &Value) -> Outcome {
    let history = match text(&inputs["state"]) {
        "none" => History::None,
        "Running" => History::Running,
        "Unknown" | "Created" => History::Unknown,
        exited => {
            let code = exited.strip_prefix("Exited(").and_then(|rest| rest.strip_suffix(')'));
            let code = code.and_then(|code| code.parse().ok());
            History::Exited(code.ok_or_else(|| format!("an unknown state: {exited}"))?)
        }
    };
    let is_deleted = inputs["pod_deleting"].as_bool();
    let policies = match text(&inputs["restart_policy"]) {
        "any" => vec![RestartPolicy::Always, RestartPolicy::OnFailure, RestartPolicy::Never],
        policy => vec![restart_policy(policy)?],
    };
    policies.into_iter().try_for_each(|policy| {
        let restarts = is_deleted.map(|is_deleted| should_restart(history, policy, is_deleted));
        same(&restarts, &expected["restart"].as_bool())
    })
}

fn phase(inputs: &Value, expected: &Value) -> Outcome {
    let (spec, status) = pods::pod(inputs)?;
    let is_over = inputs["pod_is_terminal"].as_bool().ok_or("no `pod_is_terminal`")?;
    same(&compute_phase(&spec, &status, is_over).as_str(), &text(&expected["phase"]))
}

fn restart_policy(name: &str) -> Result<RestartPolicy, String> {
    match name {
        "Always" => Ok(RestartPolicy::Always),
        "OnFailure" => Ok(RestartPolicy::OnFailure),
        "Never" => Ok(RestartPolicy::Never),
        other => Err(format!("an unknown restart policy: {other}")),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text: {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("a list: {value}"))
}

fn span(value: &Value) -> SimDuration {
    SimDuration::from_secs_f64(value.as_f64().unwrap_or_else(|| panic!("a number of seconds: {value}")))
}

fn instant(value: &Value) -> SimTime {
    SimTime::ZERO + span(value)
}
