//! How fast the next time of a cron schedule is found; the goal is a million per second on one core.
//!
//! Each schedule is followed from one of its times to the next. The `cron` crate does the same in UTC where it can.

use std::hint::black_box;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use cluster_sim::model::cron_schedule::CronSchedule;
use cluster_sim::model::unix_time::UnixTime;
use criterion::{Criterion, criterion_group, criterion_main};

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

criterion_group!(benches, next_after, cron_crate, parse);
criterion_main!(benches);
