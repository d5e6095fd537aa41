//! Timelines of the CronJob controller: those of `golden-job/*.json` in which Jobs have no pods (`fakeJobs`). The
//! real controller of Kubernetes 1.28 made them under a fake clock.

use std::fmt::Debug;

use serde_json::Value;

use super::{Suite, json_files};
use crate::cronjob_world::{JobChange, Note, Status, Timeline, World};

#[test]
fn cronjob_timelines_agree_with_the_real_controller() {
    let mut suite = Suite::new("golden-cronjob");
    for golden in json_files("golden-job") {
        if golden["scenario"]["kind"] == "cronjob" && !golden["scenario"]["fakeJobs"].is_null() {
            suite.case(text(&golden["scenario"]["name"]), outcome(&golden));
        }
    }
    suite.finish();
}

/// Plays a scenario and compares what came of it.
fn outcome(golden: &Value) -> Result<(), String> {
    let mut world = World::new(&golden["scenario"], "1.28");
    world.run()?;
    compare(world.timeline, expected(&golden["timeline"]))
}

/// Compares two timelines. The order within one instant counts for statuses alone.
fn compare(mut found: Timeline, mut expected: Timeline) -> Result<(), String> {
    for timeline in [&mut found, &mut expected] {
        timeline.jobs.sort();
        timeline.records.sort();
    }
    same_list("jobs", &found.jobs, &expected.jobs)?;
    same_list("events", &found.records, &expected.records)?;
    same_list("statuses", &found.statuses, &expected.statuses)
}

fn same_list<T: PartialEq + Debug>(kind: &str, found: &[T], expected: &[T]) -> Result<(), String> {
    let n_max = found.len().max(expected.len());
    match (0..n_max).find(|&i| found.get(i) != expected.get(i)) {
        None => Ok(()),
        Some(i) => Err(format!("{kind} {i}: found {:?}, expected {:?}", found.get(i), expected.get(i))),
    }
}

/// The timeline of a file.
fn expected(records: &Value) -> Timeline {
    let mut timeline = Timeline::default();
    for record in list(records) {
        let at = millis(&record["t"]).expect("every record has its time");
        let field = |name: &str| text(&record[name]).to_owned();
        match text(&record["kind"]) {
            "jobCreated" => {
                let time = millis(&record["scheduledTime"]).expect("a Job of a CronJob is made for a time");
                let created = JobChange::Created(field("job"), time, field("scheduledTimestamp"));
                timeline.jobs.push((at, created));
            }
            "jobDeleted" => timeline.jobs.push((at, JobChange::Deleted(field("job")))),
            "event" => timeline.records.push((
                at,
                Note { severity: field("type"), reason: field("reason"), message: field("message") },
            )),
            "cronStatus" => timeline.statuses.push((
                at,
                Status {
                    cronjob: field("cronJob"),
                    active: list(&record["active"]).map(|name| text(name).to_owned()).collect(),
                    last_schedule_time: millis(&record["lastScheduleTime"]),
                    last_successful_time: millis(&record["lastSuccessfulTime"]),
                },
            )),
            _ => {}
        }
    }
    timeline
}

fn millis(seconds: &Value) -> Option<i64> {
    seconds.as_f64().map(|seconds| (seconds * 1000.0).round() as i64)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text: {value}"))
}
