//! The ledger of a period of CronJobs: days at a glance, and every run that is not ordinary.

use std::fmt::Write;
use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};

use crate::engine::SimTime;
use crate::experiment::cron_period::Played;
use crate::model::cron_schedule::CronSchedule;
use crate::model::time_zone::load_zone;
use crate::model::unix_time::UnixTime;
use crate::report::cron_runs::{CronJobLedger, LedgerInput, RunOutcome, ScheduledRun, ledger};
use crate::report::outages::outages;
use crate::report::table::Table;
use crate::report::text::span;

/// The ledger of one CronJob over a period.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodLedger {
    /// The runs.
    #[serde(flatten)]
    pub ledger: CronJobLedger,
    /// The days on which a run was due, or would have been but for a change of the clocks, by the calendar of its time zone.
    pub days: Vec<Day>,
}

/// What a day came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// The date.
    #[serde(serialize_with = "as_text")]
    pub date: NaiveDate,
    /// Runs on time.
    pub ran: usize,
    /// Runs that started late.
    pub late: usize,
    /// Runs that were held back.
    pub skipped: usize,
    /// Runs that were lost.
    pub missed: usize,
    /// Runs at a time of day that a run had before on this day, because the clocks went back.
    pub doubled: usize,
    /// How much the clocks went forward (positive) or back on this day [s].
    pub clock_change: i32,
    /// The times of day of the schedule that the clocks went past when they went forward.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

fn as_text<S: Serializer>(date: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

/// The ledgers of all CronJobs of a period. What Jobs came to is left out where they were played without pods.
pub fn ledgers(played: &Played) -> Vec<PeriodLedger> {
    let Played { simulation, has_pods } = played;
    let seen = simulation.observer();
    let scenario = simulation.scenario();
    let end = scenario.horizon.limit();
    let outages = outages(scenario, end);
    let clock = simulation.context().clock;
    let input = LedgerInput { jobs: seen.jobs.jobs(), outages: &outages, end, clock };
    let ledgers = seen.cronjobs.entries().iter().map(|entry| {
        let mut ledger = ledger(entry, &input);
        if !has_pods {
            ledger.runs.iter_mut().for_each(|run| run.result = None);
        }
        let days = days(&ledger, &(clock.at(SimTime::ZERO)..clock.at(end)));
        PeriodLedger { ledger, days }
    });
    ledgers.collect()
}

fn zone(ledger: &CronJobLedger) -> Tz {
    ledger.time_zone.as_deref().and_then(|name| load_zone(name).ok()).unwrap_or(Tz::UTC)
}

/// A scheduled time on the clocks of the zone.
fn local(run: &ScheduledRun, zone: Tz) -> DateTime<Tz> {
    run.time.to_utc().with_timezone(&zone)
}

fn days(ledger: &CronJobLedger, period: &Range<UnixTime>) -> Vec<Day> {
    let zone = zone(ledger);
    let mut days = days_with_runs(ledger, zone);
    let date = |time: UnixTime| time.to_utc().with_timezone(&zone).date_naive();
    let (first, last) = (date(period.start), date(period.end));
    let all = first.iter_days().take_while(|day| *day <= last);
    for date in all.filter(|day| clock_change(*day, zone) > 0) {
        let left_out = left_out(&ledger.schedule, date, zone, period);
        match days.binary_search_by_key(&date, |day| day.date) {
            Ok(at) => days[at].left_out = left_out,
            Err(_) if left_out.is_empty() => {}
            Err(at) => {
                let clock_change = clock_change(date, zone);
                days.insert(at, Day { date, clock_change, left_out, ..Day::default() });
            }
        }
    }
    days
}

/// The times of day of a schedule that the clocks of a zone do not show on a day, as far as they go forward within a period. A
/// schedule that has a zone in it, or counts from the last run, has none.
fn left_out(schedule: &str, date: NaiveDate, zone: Tz, period: &Range<UnixTime>) -> Vec<String> {
    if schedule.contains("TZ") || schedule.contains("@every") {
        return Vec::new();
    }
    let Ok(schedule) = CronSchedule::with_zone(schedule, Some(Tz::UTC)) else { return Vec::new() };
    let midnight = date.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc();
    let times =
        std::iter::successors(schedule.next_after(before(midnight)), |time| schedule.next_after(*time));
    times
        .map(|time| time.to_utc().naive_utc())
        .take_while(|time| time.date() == date)
        .filter(|time| zone.offset_from_local_datetime(time).earliest().is_none())
        .filter(|time| period.contains(&by_old_clocks(time, zone)))
        .map(|time| time.format("%H:%M").to_string())
        .collect()
}

/// The instant at which the clocks would have shown a time of day, had they not changed on that day.
fn by_old_clocks(time: &NaiveDateTime, zone: Tz) -> UnixTime {
    let day_before = *time - chrono::Duration::days(1);
    let offset = zone.offset_from_utc_datetime(&day_before).fix();
    (*time - offset).and_utc().into()
}

fn before(time: DateTime<Utc>) -> UnixTime {
    (time - chrono::Duration::seconds(1)).into()
}

fn days_with_runs(ledger: &CronJobLedger, zone: Tz) -> Vec<Day> {
    let mut days: Vec<Day> = Vec::new();
    for run in &ledger.runs {
        let time = local(run, zone);
        let date = time.date_naive();
        if days.last().is_none_or(|day| day.date != date) {
            days.push(Day { date, clock_change: clock_change(date, zone), ..Day::default() });
        }
        let Some(day) = days.last_mut() else { continue };
        match run.outcome {
            RunOutcome::Ran => day.ran += 1,
            RunOutcome::Late => day.late += 1,
            RunOutcome::Skipped => day.skipped += 1,
            RunOutcome::Missed => day.missed += 1,
        }
        day.doubled += usize::from(is_doubled(&time, day.clock_change));
    }
    days
}

/// How much the clocks change between the midnights of a day [s].
fn clock_change(date: NaiveDate, zone: Tz) -> i32 {
    let offset = |date: NaiveDate| {
        let noon = date.and_hms_opt(12, 0, 0)?;
        Some(zone.offset_from_utc_datetime(&noon).fix().local_minus_utc())
    };
    match (date.pred_opt().and_then(offset), offset(date)) {
        (Some(before), Some(after)) => after - before,
        _ => 0,
    }
}

/// Whether the clock has shown this time of day before: it is within the hour that the clocks go through twice.
fn is_doubled(time: &DateTime<Tz>, clock_change: i32) -> bool {
    if clock_change >= 0 {
        return false;
    }
    let earlier = *time + chrono::Duration::seconds(i64::from(clock_change));
    earlier.offset().fix() != time.offset().fix() && earlier.naive_local() == time.naive_local()
}

impl Day {
    fn is_like(&self, other: &Self) -> bool {
        Self { date: other.date, ..self.clone() } == *other
    }

    fn text(&self) -> String {
        let counts =
            [(self.ran, "ran"), (self.late, "late"), (self.skipped, "skipped"), (self.missed, "missed")];
        let mut parts: Vec<String> = counts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        if parts.is_empty() {
            parts.push("none".to_owned());
        }
        if self.doubled > 0 {
            parts.push(format!("of these {} doubled", self.doubled));
        }
        let change = span(f64::from(self.clock_change.abs()));
        match self.clock_change {
            0 => {}
            1.. => parts.push(format!("clocks went forward by {change}")),
            _ => parts.push(format!("clocks went back by {change}")),
        }
        match self.left_out.as_slice() {
            [] => {}
            [time] => parts.push(format!("there was no {time}")),
            [first, .., last] => {
                parts.push(format!("there was no {first} to {last} ({} times)", self.left_out.len()));
            }
        }
        parts.join(", ")
    }
}

/// The ledgers as text: per day how many, equal days in one line, and every run that is not ordinary.
pub fn text(ledgers: &[PeriodLedger]) -> String {
    let mut out = String::new();
    for (position, period) in ledgers.iter().enumerate() {
        if position > 0 {
            out.push('\n');
        }
        one(&mut out, period);
    }
    if out.is_empty() { "No CronJobs.\n".to_owned() } else { out }
}

fn one(out: &mut String, period: &PeriodLedger) {
    let ledger = &period.ledger;
    let zone = ledger.time_zone.as_deref().unwrap_or("UTC");
    let _ = writeln!(
        out,
        "CronJob {}/{}  {} runs scheduled  (\"{}\" {zone})",
        ledger.namespace,
        ledger.name,
        ledger.runs.len(),
        ledger.schedule
    );
    let mut days = Table::new(&["DAYS", "RUNS EACH"]);
    let mut rest = &period.days[..];
    while let Some(first) = rest.first() {
        let n_alike = rest.iter().take_while(|day| day.is_like(first)).count();
        let (alike, later) = rest.split_at(n_alike);
        let last = alike[n_alike - 1].date;
        let dates = if n_alike == 1 {
            first.date.to_string()
        } else {
            format!("{} … {last} ({n_alike} days)", first.date)
        };
        days.row([dates, first.text()]);
        rest = later;
    }
    let zone = self::zone(ledger);
    let mut runs = Table::new(&["SCHEDULED", "OUTCOME", "LATE BY", "WHY"]);
    for run in ledger.runs.iter().filter(|run| run.outcome != RunOutcome::Ran) {
        let time = local(run, zone).to_rfc3339();
        let late = run.late_by.map(span).unwrap_or_default();
        let why = run.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        runs.row([time, run.outcome.as_str().to_owned(), late, why]);
    }
    for table in [days, runs].into_iter().filter(|table| !table.is_empty()) {
        let _ = write!(out, "\n{}", table.without_empty_columns());
    }
}

/// Every run of every CronJob as comma-separated values.
pub fn csv(ledgers: &[PeriodLedger]) -> String {
    let mut out = "namespace,name,scheduled,outcome,started,late_by,job,reason\n".to_owned();
    for PeriodLedger { ledger, .. } in ledgers {
        for run in &ledger.runs {
            let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
            let reason = run.reason.as_ref().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(
                out,
                "{},{},{},{},{},{},{},\"{}\"",
                ledger.namespace,
                ledger.name,
                run.time,
                run.outcome.as_str(),
                number(run.started),
                number(run.late_by),
                run.job.as_deref().unwrap_or_default(),
                reason.replace('"', "\"\"")
            );
        }
    }
    out
}
