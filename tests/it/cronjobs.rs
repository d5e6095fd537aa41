//! What CronJobs do, case by case, with Jobs that have no pods.

use cluster_sim::controllers::cronjob::timetable::{TimetableError, scheduled_runs};
use cluster_sim::engine::SimTime;
use cluster_sim::model::time_zone::ZoneError;
use cluster_sim::model::unix_time::UnixTime;
use serde_json::{Value, json};

use crate::conformance::golden_job::scenario::Scenario;
use crate::conformance::golden_job::timeline::Timeline;
use crate::conformance::golden_job::world::World;
use crate::objects::cronjob_spec;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Plays one CronJob, created at the start, whose Jobs all take `job_secs`; further fields of the scenario go on top.
fn play(version: &str, spec: Value, job_secs: u64, horizon: u64, more: Value) -> Timeline {
    let mut scenario = json!({
        "start": "2024-01-01T00:00:00Z",
        "kubernetesVersion": version,
        "horizon": horizon,
        "cronJobs": [{"name": "cj", "createAt": 0, "spec": spec}],
        "fakeJobs": {"default": {"duration": job_secs}},
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        scenario[field] = value.clone();
    }
    World::new(Scenario::read(&scenario)).run()
}

/// When the Jobs of CronJobs were created and for which times [s].
fn starts(timeline: &Timeline) -> Vec<(f64, f64)> {
    let seconds = |time: SimTime| time.as_nanos() as f64 / 1e9;
    let jobs = timeline.jobs_created.iter();
    jobs.filter_map(|(at, job)| Some((seconds(*at), seconds(job.scheduled_for?)))).collect()
}

/// The reasons of the records that are more than the run of the mill.
fn reasons(timeline: &Timeline) -> Vec<&str> {
    let usual = ["SuccessfulCreate", "SawCompletedJob", "SuccessfulDelete"];
    let reasons = timeline.records.iter().map(|(_, record)| record.reason.as_str());
    reasons.filter(|reason| !usual.contains(reason)).collect()
}

/// The messages of the records with this reason.
fn messages(timeline: &Timeline, reason: &str) -> Vec<String> {
    let records = timeline.records.iter().filter(|(_, record)| record.reason == reason);
    records.map(|(_, record)| record.message.clone()).collect()
}

/// Observed: an hourly CronJob with Forbid whose Job has come to take 3 h runs in hour 1, skips 2 and 3, runs in 4, skips
/// 5 and 6, runs in 7, and so on (https://github.com/kubernetes/enhancements/pull/1145). Simulated: the same hours,
/// each 0.1 s late.
#[test]
fn an_hourly_cronjob_with_forbid_whose_job_takes_three_hours_runs_in_every_third_hour() {
    let spec = json!({"schedule": "0 * * * *", "concurrencyPolicy": "Forbid"});
    let timeline = play("1.35", spec, 3 * HOUR, 14 * HOUR, json!({}));
    let hours = [1.0, 4.0, 7.0, 10.0, 13.0];
    assert_eq!(starts(&timeline), hours.map(|hour| (hour * 3600.0 + 0.1, hour * 3600.0)));
    assert_eq!(reasons(&timeline), ["JobAlreadyActive"; 8]);
}

#[test]
fn what_a_running_job_holds_up_starts_as_soon_as_it_ends() {
    let spec = json!({"schedule": "0 * * * *", "concurrencyPolicy": "Forbid"});
    let timeline = play("1.35", spec, 3 * HOUR + 600, 8 * HOUR, json!({}));
    assert_eq!(starts(&timeline), [(3600.1, 3600.0), (15_000.1, 14_400.0), (26_400.1, 25_200.0)]);
}

#[test]
fn a_hundred_missed_starts_are_few_and_one_more_is_many() {
    for (n_missed, warnings) in [(100, 0), (101, 1)] {
        // The controller is back between two starts.
        let down = json!({"controllerDown": [[90, 90 + n_missed * 60]]});
        let horizon = 100 + n_missed * 60;
        let timeline = play("1.35", json!({"schedule": "* * * * *"}), 5, horizon, down);
        assert_eq!(starts(&timeline).len(), 2, "the latest of the missed starts is made up for");
        assert_eq!(reasons(&timeline), vec!["TooManyMissedTimes"; warnings]);
    }
}

#[test]
fn a_deadline_of_nothing_never_starts_a_job() {
    let spec = json!({"schedule": "* * * * *", "startingDeadlineSeconds": 0});
    let timeline = play("1.35", spec, 5, DAY, json!({}));
    assert_eq!((starts(&timeline), timeline.records.len()), (Vec::new(), 0));
}

#[test]
fn a_late_start_counts_as_missed_when_the_estimate_passes_it_by() {
    // Thursday 12:30 is served; the next starts are Friday 10:30, 11:30 and 12:30, and the controller is back on
    // Saturday noon. The first interval is an hour, so the search begins an hour or two before that.
    let spec = json!({"schedule": "30 10,11,12 * * 1-5"});
    let start = json!({
        "start": "2016-05-19T12:00:00Z",
        "controllerDown": [[DAY / 2, 2 * DAY]],
    });
    let timeline = play("1.35", spec, 5, 5 * DAY, start);
    let monday = (4 * DAY - 3 * HOUR / 2) as f64;
    let starts = starts(&timeline);
    assert_eq!(starts[0], (1800.1, 1800.0));
    assert_eq!(starts[1], (monday + 0.1, monday));
}

#[test]
fn a_schedule_changed_to_nonsense_is_complained_about_and_a_good_one_goes_on() {
    let ops = json!({"ops": [
        {"t": 90, "op": "patchCronJob", "cronJob": "cj", "spec": {"schedule": "nonsense"}},
        {"t": 200, "op": "patchCronJob", "cronJob": "cj", "spec": {"schedule": "*/2 * * * *"}},
    ]});
    let timeline = play("1.35", json!({"schedule": "* * * * *"}), 5, 400, ops);
    // The timer of the old schedule is still there, and what it finds cannot be read either.
    assert_eq!(reasons(&timeline), ["UnParseableCronJobSchedule", "UnparseableSchedule"]);
    assert_eq!(
        messages(&timeline, "UnParseableCronJobSchedule"),
        ["unparseable schedule for cronjob: nonsense"]
    );
    assert_eq!(
        messages(&timeline, "UnparseableSchedule"),
        ["unparseable schedule: \"nonsense\" : expected exactly 5 fields, found 1: [nonsense]"]
    );
    assert_eq!(starts(&timeline), [(60.1, 60.0), (240.1, 240.0), (360.1, 360.0)]);
}

#[test]
fn a_schedule_without_any_time_is_noted_once() {
    let timeline = play("1.35", json!({"schedule": "0 0 31 2 *"}), 5, 10 * DAY, json!({}));
    assert_eq!(
        messages(&timeline, "InvalidSchedule"),
        ["invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second"]
    );
    assert_eq!(timeline.records.len(), 1);
}

#[test]
fn a_suspended_cronjob_makes_up_for_the_latest_start_when_it_goes_on() {
    let ops = json!({"ops": [
        {"t": 90, "op": "patchCronJob", "cronJob": "cj", "spec": {"suspend": true}},
        {"t": 400, "op": "patchCronJob", "cronJob": "cj", "spec": {"suspend": false}},
    ]});
    let timeline = play("1.35", json!({"schedule": "* * * * *"}), 5, 430, ops);
    assert_eq!(starts(&timeline), [(60.1, 60.0), (400.0, 360.0), (420.1, 420.0)]);
}

#[test]
fn starts_of_one_minute_share_a_job_and_only_old_versions_try_for_ever() {
    let spec = json!({"schedule": "@every 30s"});
    let old = play("1.28", spec.clone(), 5, 185, json!({}));
    assert_eq!(starts(&old), [(30.1, 30.0), (60.1, 60.0), (131.055, 120.0)]);
    let new = play("1.29", spec, 5, 185, json!({}));
    assert_eq!(starts(&new), [(30.1, 30.0), (60.1, 60.0), (120.1, 120.0), (180.1, 180.0)]);
    // The Job of 60 is taken for that of 90, and its end is seen once more.
    let completed = messages(&new, "SawCompletedJob");
    let n_seen = completed.iter().filter(|message| message.contains("cj-28401121")).count();
    assert_eq!(n_seen, 2);
}

#[test]
fn a_job_of_somebody_else_with_the_name_stops_new_versions_and_delays_old_ones() {
    let played = |version| {
        let more = json!({
            "fakeJobs": null,
            "jobs": [{"name": "cj-28401121", "createAt": 0, "spec": {}}],
            "pods": {"default": {"duration": 5}},
        });
        play(version, json!({"schedule": "* * * * *"}), 5, 200, more)
    };
    // The thirteenth retry comes before the next minute, the fourteenth after it.
    assert_eq!(starts(&played("1.28")), [(142.015, 120.0), (180.1, 180.0)]);
    // Nothing wakes the CronJob up any more.
    assert_eq!(starts(&played("1.35")), []);
}

/// When the status tells of the first success, in writes since the Job was started; and what was said of its end.
fn first_success(version: &str, limit: u32) -> (Option<usize>, String) {
    let spec = json!({"schedule": "* * * * *", "successfulJobsHistoryLimit": limit});
    let timeline = play(version, spec, 5, 100, json!({}));
    let statuses = &timeline.cronjob_statuses["cj"];
    let since_start = statuses.iter().position(|(_, status)| status.last_successful_time.is_some());
    (since_start, messages(&timeline, "SawCompletedJob").join("; "))
}

#[test]
fn versions_differ_in_when_they_note_a_success_and_how_they_say_it() {
    let status = "Saw completed job: cj-28401121, status: Complete".to_owned();
    let condition = "Saw completed job: cj-28401121, condition: Complete".to_owned();
    assert_eq!(first_success("1.28", 3), (Some(2), status.clone()));
    assert_eq!(first_success("1.30", 3), (Some(2), status.clone()));
    assert_eq!(first_success("1.31", 3), (Some(1), condition));
    // Without a history 1.28 deletes the Job before it has looked at it again, and later versions before the first
    // look.
    assert_eq!(first_success("1.28", 0), (None, status));
    assert_eq!(first_success("1.29", 0), (Some(1), String::new()));
}

#[test]
fn whole_weeks_shift_every_time_and_change_nothing_else() {
    let spec =
        json!({"schedule": "*/7 3,4 * * 1-5", "timeZone": "Europe/Rome", "concurrencyPolicy": "Forbid"});
    let played = |start: &str| {
        play(
            "1.35",
            spec.clone(),
            500,
            6 * DAY,
            json!({"start": start, "controllerDown": [[2 * DAY, 3 * DAY]]}),
        )
    };
    let (winter, later) = (played("2024-01-02T10:00:00Z"), played("2024-02-13T10:00:00Z"));
    assert!(starts(&winter).len() > 20);
    assert_eq!(starts(&winter), starts(&later));
    assert_eq!(reasons(&winter), reasons(&later));
    let deleted = |timeline: &Timeline| timeline.jobs_deleted.iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(deleted(&winter), deleted(&later));
}

#[track_caller]
fn check_runs(schedule: &str, zone: &str, (from, to): (&str, &str), runs: &[&str]) {
    let spec = cronjob_spec(&json!({"schedule": schedule, "timeZone": zone}));
    let time = |text| UnixTime::parse_rfc3339(text).expect("a timestamp");
    let found: Vec<String> = scheduled_runs(&spec, time(from), time(to))
        .expect("a schedule")
        .map(|time| time.to_string())
        .collect();
    assert_eq!(found, runs);
}

#[test]
fn all_times_of_a_period_are_listed_with_the_nights_on_which_clocks_change() {
    let spring = ("2024-03-09T12:00:00Z", "2024-03-11T12:00:00Z");
    check_runs("30 2 * * *", "America/New_York", spring, &["2024-03-11T06:30:00Z"]);
    let autumn = ("2024-11-03T00:00:00Z", "2024-11-04T06:30:00Z");
    let doubled = ["2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z", "2024-11-04T06:30:00Z"];
    check_runs("30 1 * * *", "America/New_York", autumn, &doubled);
    let hour = ("2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z");
    check_runs("@every 25m", "UTC", hour, &["2024-01-01T00:25:00Z", "2024-01-01T00:50:00Z"]);
    check_runs("0 0 31 2 *", "UTC", hour, &[]);
}

#[test]
fn a_cronjob_of_nowhere_has_no_times() {
    let spec = cronjob_spec(&json!({"schedule": "@daily", "timeZone": "Nowhere/Bad"}));
    let error = scheduled_runs(&spec, UnixTime::EPOCH, UnixTime::EPOCH).unwrap_err();
    let fault = ZoneError::Unknown("Nowhere/Bad".to_owned());
    assert_eq!(error, TimetableError::UnknownTimeZone { name: "Nowhere/Bad".to_owned(), fault });
    assert_eq!(error.to_string(), "invalid timeZone: \"Nowhere/Bad\": unknown time zone Nowhere/Bad");
}
