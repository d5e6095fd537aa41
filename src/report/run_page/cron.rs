//! The section on CronJobs: their ledgers, and the hours of the week in which runs were not on time.

use chrono::{Datelike, Timelike};
use chrono_tz::Tz;

use crate::report::chart::heat::{self, Hour, Week};
use crate::report::cron_runs::{CronJobLedger, RunOutcome, ScheduledRun};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head, Tone};
use crate::report::page::{Figure, Part, Section};
use crate::report::run_page::{Chapter, counted};
use crate::report::summary::RunSummary;
use crate::report::text::span;

/// The section on CronJobs; `None` where there is none.
pub(super) fn chapter(summary: &RunSummary) -> Option<Chapter> {
    if summary.cron_jobs.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    for (at, ledger) in summary.cron_jobs.iter().enumerate() {
        let zone = ledger.time_zone.as_ref().map(|zone| format!(" {zone}")).unwrap_or_default();
        parts.push(Part::Heading(format!(
            "{}/{}  “{}”{zone}",
            ledger.namespace, ledger.name, ledger.schedule
        )));
        if !ledger.runs.is_empty() {
            let week = week(ledger);
            let figure = Figure::new(&format!("week-{}", at + 1), caption(ledger), |screen| {
                heat::draw_week(&week, screen)
            });
            parts.push(Part::Figure(figure.with_data("cronjob_runs")));
        }
        parts.push(Part::Table(table(ledger)));
    }
    Some(Chapter {
        section: Some(Section {
            id: "cronjobs",
            title: "CronJobs: every scheduled run".to_owned(),
            lead: "Which runs started on time, and which were late, skipped or missed, and why.".to_owned(),
            parts,
        }),
        data: vec![data(&summary.cron_jobs)],
    })
}

fn is_off(run: &ScheduledRun) -> bool {
    run.outcome != RunOutcome::Ran
}

fn caption(ledger: &CronJobLedger) -> String {
    let n_off = ledger.runs.iter().filter(|run| is_off(run)).count();
    let zone = ledger.time_zone.as_deref().unwrap_or("UTC");
    format!(
        "{} by hour and weekday ({zone}): the number of runs that were due; where some were not on time, how many of how \
         many ({n_off} in all).",
        counted(ledger.runs.len(), "run", "runs")
    )
}

/// The runs by hour and weekday, in the time zone of the schedule.
fn week(ledger: &CronJobLedger) -> Week {
    let zone = ledger.time_zone.as_deref().and_then(|zone| zone.parse::<Tz>().ok()).unwrap_or(Tz::UTC);
    let mut cells = [[Hour::default(); 24]; 7];
    for run in &ledger.runs {
        let time = run.time.to_utc().with_timezone(&zone);
        let cell = &mut cells[time.weekday().num_days_from_monday() as usize][time.hour() as usize];
        cell.n_due += 1;
        cell.n_off += u32::from(is_off(run));
    }
    Week { title: format!("Runs of CronJob {} by hour and weekday", ledger.name), cells }
}

/// All runs, those that were not on time first.
fn table(ledger: &CronJobLedger) -> DataTable {
    let heads = vec![
        Head::number("Scheduled"),
        Head::number("At"),
        Head::text("Outcome"),
        Head::number("Late by"),
        Head::text("Job"),
        Head::text("Result"),
        Head::text("Why"),
    ];
    let mut table =
        DataTable::new("Scheduled runs, those not on time first", heads).with_data("cronjob_runs");
    let (off, on_time): (Vec<_>, Vec<_>) = ledger.runs.iter().partition(|run| is_off(run));
    for run in off.into_iter().chain(on_time) {
        let tone = match run.outcome {
            RunOutcome::Ran => Tone::Good,
            RunOutcome::Late | RunOutcome::Skipped | RunOutcome::Missed => Tone::Bad,
        };
        let late = run.late_by.filter(|_| is_off(run));
        table.row([
            Cell::number(run.time.to_string(), run.scheduled),
            Cell::number(span(run.scheduled), run.scheduled),
            Cell::text(run.outcome.as_str()).toned(tone),
            late.map_or_else(Cell::none, |late| Cell::number(span(late), late)),
            Cell::text(run.job.clone().unwrap_or_default()),
            Cell::text(run.result.clone().unwrap_or_default()),
            Cell::text(run.reason.clone().unwrap_or_default()),
        ]);
    }
    table.without_empty_columns()
}

fn data(ledgers: &[CronJobLedger]) -> Dataset {
    let columns = [
        ("namespace", "the namespace"),
        ("cronjob", "the CronJob"),
        ("scheduled_at", "the instant that the run was scheduled for (RFC 3339)"),
        ("scheduled_s", "the same"),
        ("outcome", "ran, late, skipped or missed"),
        ("started_s", "when its Job was created"),
        ("late_by_s", "how late that was"),
        ("job", "the Job"),
        ("result", "what the Job came to"),
        ("reason", "why it was late or did not start"),
    ];
    let mut data = Dataset::new("cronjob_runs", "a scheduled run", &columns);
    for ledger in ledgers {
        for run in &ledger.runs {
            data.row([
                Value::from(&ledger.namespace),
                Value::from(&ledger.name),
                run.time.to_string().into(),
                run.scheduled.into(),
                run.outcome.as_str().into(),
                run.started.into(),
                run.late_by.into(),
                run.job.clone().into(),
                run.result.clone().into(),
                run.reason.clone().into(),
            ]);
        }
    }
    data
}
