//! How fast the next time of a cron schedule is found; the goal is a million per second on one core. And how long a
//! whole year of a minutely CronJob takes; the goal is a second or two.
//!
//! Each schedule is followed from one of its times to the next. The `cron` crate does the same in UTC where it can.
//! The year is listed, and played: 527,040 Jobs without pods are started, end after 5 s and are cleaned up again.

use std::hint::black_box;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use cluster_sim::cluster::Cluster;
use cluster_sim::component::{Component, Context, Observer, Timers, Turn, Watch};
use cluster_sim::controllers::cronjob::CronJobController;
use cluster_sim::controllers::cronjob::timetable::scheduled_runs;
use cluster_sim::engine::{Calendar, SimDuration, SimTime, Streams};
use cluster_sim::event::{Change, Command, Creation, Event, StatusUpdate};
use cluster_sim::manifest::admission::PriorityClasses;
use cluster_sim::manifest::convert::{ReadContext, accept};
use cluster_sim::manifest::diagnostic::Mark;
use cluster_sim::manifest::tree::Tree;
use cluster_sim::manifest::warnings::FieldWarnings;
use cluster_sim::model::cron_schedule::CronSchedule;
use cluster_sim::model::ids::{Kind, ObjectId};
use cluster_sim::model::job::{JobCondition, JobConditionType, JobStatus};
use cluster_sim::model::node::ConditionStatus;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::scenario::{NewObject, NewSpec, Timing};
use cluster_sim::model::unix_time::UnixTime;
use cluster_sim::model::wall_clock::WallClock;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;

const SCHEDULES: [&str; 10] = [
    "*/5 * * * *",
    "0 3 * * 1-5",
    "30 10,11,12 * * 1-5",
    "0 0 1 * *",
    "0 0 1 1 *",
    "0 0 29 2 *",
    "TZ=America/New_York */5 * * * *",
    "TZ=America/New_York 0 3 * * 1-5",
    "TZ=America/New_York 0 0 1 * *",
    "TZ=Australia/Lord_Howe 15 2 * * *",
];

const START: &str = "2024-01-01T00:00:00Z";

fn next_after(c: &mut Criterion) {
    let mut group = c.benchmark_group("next_after");
    let start = UnixTime::parse_rfc3339(START).expect("a timestamp");
    // All times within twenty years of the start, so that the changes of a zone's offset have their part.
    let end = start.checked_add_secs(20 * 365 * 86_400).expect("in range");
    for text in SCHEDULES {
        let schedule = CronSchedule::parse(text).expect("a schedule");
        let mut last = start;
        group.bench_function(text, |b| {
            b.iter(|| {
                let next = schedule.next_after(black_box(last)).expect("it runs for ever");
                last = if next < end { next } else { start };
                next
            });
        });
    }
    group.finish();
}

fn cron_crate(c: &mut Criterion) {
    let mut group = c.benchmark_group("cron_crate");
    let start: DateTime<Utc> = START.parse().expect("a timestamp");
    for text in ["0 */5 * * * *", "0 0 3 * * 2-6", "0 0 0 1 * *"] {
        let schedule = cron::Schedule::from_str(text).expect("a schedule");
        let mut last = start;
        group.bench_function(text, |b| {
            b.iter(|| {
                last = schedule.after(black_box(&last)).next().unwrap_or(start);
                last
            });
        });
    }
    group.finish();
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for text in ["*/5 * * * *", "TZ=America/New_York 0,30 3-17/2 * jan-mar mon-fri", "@every 1h30m"] {
        group.bench_function(text, |b| b.iter(|| CronSchedule::parse(black_box(text))));
    }
    group.finish();
}

fn year(c: &mut Criterion) {
    let mut group = c.benchmark_group("year");
    group.sample_size(10);
    let object = minutely();
    let NewSpec::CronJob(spec) = &object.spec else { panic!("the manifest is of a CronJob") };
    let time = |text| UnixTime::parse_rfc3339(text).expect("a timestamp");
    let (from, to) = (time(START), time("2025-01-01T00:00:00Z"));
    group.bench_function("listed", |b| {
        b.iter(|| scheduled_runs(spec, black_box(from), to).expect("a schedule").count());
    });
    group.bench_function("played", |b| {
        b.iter(|| {
            let n_jobs =
                play(object.clone(), WallClock { start: from }, SimTime::from_secs(366 * 86_400 + 1));
            assert_eq!(n_jobs, 366 * 24 * 60);
        });
    });
    group.finish();
}

fn minutely() -> NewObject {
    let manifest = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "minutely"},
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "main", "image": "any"}],
        }}}}},
    });
    let context = ReadContext { profile: &Profile::default(), priority_classes: &PriorityClasses::default() };
    let tree = Tree::from_json(&manifest, Mark::START);
    accept(Kind::CronJob, &tree, &context, &mut FieldWarnings::default()).expect("the manifest is good")
}

/// Counts the Jobs that are created.
struct JobCount(u64);

impl Observer for JobCount {
    fn begin(&mut self, _now: SimTime, _seq: u64, _event: &Event, _cluster: &Cluster) {}

    fn see(&mut self, _now: SimTime, change: &Change, _cluster: &Cluster) {
        self.0 += u64::from(matches!(change, Change::Created(ObjectId::Job(_))));
    }
}

/// Has the controller play one CronJob; its Jobs complete 5 s after they are created. Returns how many there were.
fn play(object: NewObject, clock: WallClock, horizon: SimTime) -> u64 {
    let (profile, timing, streams) = (Profile::default(), Timing::ideal(), Streams::new(1));
    let mut cluster = Cluster::new(streams.clone());
    let context = Context { profile, timing, streams, clock };
    let (mut calendar, mut count, mut changes) = (Calendar::new(), JobCount(0), Vec::new());
    let mut controller = CronJobController::new();
    let creation = Creation { object, generates_name: false, owner: None, job: None, scheduled_for: None };
    Turn::new(&context, &mut cluster, &mut calendar, &mut count, &mut changes)
        .write(Command::Create(Box::new(creation)));
    loop {
        for change in changes.drain(..) {
            let watch = &mut Watch::new(&context, &cluster, &mut calendar);
            controller.on_change(&change, watch);
            if let Change::Created(ObjectId::Job(id)) = change {
                watch.set_timer_after(SimDuration::from_secs(5), Event::JobSync(id));
            }
        }
        let Some(due) = calendar.pop().filter(|due| due.time <= horizon) else { return count.0 };
        let turn = &mut Turn::new(&context, &mut cluster, &mut calendar, &mut count, &mut changes);
        match due.event {
            Event::JobSync(id) => {
                turn.write(Command::UpdateStatus(Box::new(StatusUpdate::Job(id, complete(due.time)))))
            }
            event => controller.on_event(event, turn),
        }
    }
}

/// The status of a Job that has just completed.
fn complete(now: SimTime) -> JobStatus {
    let since = now.truncated_to_secs();
    let condition = JobCondition {
        kind: JobConditionType::Complete,
        status: ConditionStatus::True,
        since,
        reason: "".into(),
        message: "".into(),
    };
    JobStatus {
        succeeded: 1,
        completion_time: Some(since),
        conditions: vec![condition],
        ..JobStatus::default()
    }
}

criterion_group!(benches, next_after, cron_crate, parse, year);
criterion_main!(benches);
