//! The section on Jobs: their ledger, and a ladder of attempts for each that tried more than once.

use crate::report::chart::ladder::{self, Ladder, Outcome, Rung};
use crate::report::chart::palette::Hue;
use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head, Tone};
use crate::report::page::{Figure, Part, Section};
use crate::report::run_page::{Chapter, counted};
use crate::report::summary::{AttemptRow, JobRow, RunSummary};
use crate::report::text::span;

/// More ladders are not drawn.
const LADDERS_MAX: usize = 8;
/// More attempts of one Job are not drawn.
const RUNGS_MAX: usize = 40;

/// The section on Jobs; `None` where there is none.
pub(super) fn chapter(summary: &RunSummary) -> Option<Chapter> {
    if summary.jobs.is_empty() {
        return None;
    }
    // The Jobs of CronJobs stand in their ledgers.
    let own: Vec<&JobRow> =
        summary.jobs.iter().filter(|job| job.cron_job.is_none() || job.failed > 0).collect();
    let data = vec![job_data(&summary.jobs), attempt_data(&summary.jobs)];
    if own.is_empty() {
        return Some(Chapter { section: None, data });
    }
    let tried: Vec<&JobRow> = summary.jobs.iter().filter(|job| is_worth_a_ladder(job)).collect();
    let mut parts = vec![Part::Table(ledger(&own))];
    for (at, job) in tried.iter().take(LADDERS_MAX).enumerate() {
        parts.push(Part::Heading(format!("Attempts of {}/{}", job.namespace, job.name)));
        let ladder = ladder_of(job, summary.ended_at);
        let figure = Figure::new(&format!("attempts-{}", at + 1), caption(job), |screen| {
            ladder::draw(&ladder, screen)
        });
        parts.push(Part::Figure(figure.with_data("attempts")));
    }
    if tried.len() > LADDERS_MAX {
        let text = format!(
            "Shown: {LADDERS_MAX} of {} Jobs that tried more than once; the data has all.",
            tried.len()
        );
        parts.push(Part::Text(text));
    }
    Some(Chapter {
        section: Some(Section {
            id: "jobs",
            title: "Jobs and their attempts".to_owned(),
            lead: "What each Job came to, and every run of its containers: gaps are back-off, the dashed line is the deadline."
                .to_owned(),
            parts,
        }),
        data,
    })
}

fn is_worth_a_ladder(job: &JobRow) -> bool {
    job.attempts.len() > 1 && (job.cron_job.is_none() || job.failed > 0)
}

fn ledger(jobs: &[&JobRow]) -> DataTable {
    let heads = vec![
        Head::text("Job"),
        Head::text("Result"),
        Head::text("Reason"),
        Head::number("Created"),
        Head::number("Took"),
        Head::number("Succeeded"),
        Head::number("Failed"),
        Head::number("Back-off limit"),
        Head::number("Attempts"),
        Head::number("Deleted"),
    ];
    let mut table = DataTable::new("Jobs", heads).with_data("jobs");
    let time = |secs: Option<f64>| secs.map_or_else(Cell::none, |secs| Cell::number(span(secs), secs));
    for job in jobs {
        let tone = match &*job.condition {
            "Complete" => Tone::Good,
            "Failed" => Tone::Bad,
            _ => Tone::Plain,
        };
        let attempts = job.attempts.len() + job.more_attempts;
        table.row([
            Cell::text(format!("{}/{}", job.namespace, job.name)),
            Cell::text(&*job.condition).toned(tone),
            Cell::text(&*job.reason),
            time(Some(job.created)),
            time(job.duration),
            Cell::count(job.succeeded),
            Cell::count(job.failed),
            limit(job.backoff_limit),
            Cell::number(attempts.to_string(), attempts as f64),
            time(job.deleted),
        ]);
    }
    table.without_empty_columns()
}

fn limit(limit: u32) -> Cell {
    let text = if limit == i32::MAX.unsigned_abs() { "none".to_owned() } else { limit.to_string() };
    Cell::number(text, f64::from(limit))
}

fn caption(job: &JobRow) -> String {
    let shown = job.attempts.len().min(RUNGS_MAX);
    let all = job.attempts.len() + job.more_attempts;
    let cut = if shown < all { format!(" Shown: {shown} of {all}.") } else { String::new() };
    format!("{} of Job {}, in order of their start.{cut}", counted(all, "attempt", "attempts"), job.name)
}

fn ladder_of(job: &JobRow, end: f64) -> Ladder {
    let attempts = &job.attempts[..job.attempts.len().min(RUNGS_MAX)];
    let is_one_by_one = attempts.windows(2).all(|pair| pair[0].end.is_some_and(|end| end <= pair[1].start));
    let last = attempts.iter().map(|attempt| attempt.end.unwrap_or(end)).fold(0.0, f64::max);
    let mut lines = Vec::new();
    let reach = job.finished.unwrap_or(0.0).max(last);
    // A deadline far ahead would press all attempts together.
    if let Some(deadline) = job.deadline.filter(|deadline| *deadline <= reach * 1.5) {
        lines.push((deadline, format!("deadline at {}", span(deadline)), Hue::Orange));
    }
    if let Some(finished) = job.finished {
        let reason = if job.condition == "Failed" { format!(": {}", job.reason) } else { String::new() };
        let words = format!("{}{reason} at {}", job.condition, span(finished));
        let hue = if job.condition == "Failed" { Hue::Vermillion } else { Hue::Green };
        lines.push((finished, words, hue));
    }
    let until = lines.iter().map(|line| line.0).fold(last, f64::max);
    let rung = |(number, attempt): (usize, &AttemptRow)| rung(number, attempt, job, is_one_by_one);
    Ladder {
        title: format!("Attempts of Job {} over time", job.name),
        from: job.created,
        until,
        rungs: (1..).zip(attempts).map(rung).collect(),
        lines,
    }
}

fn rung(number: usize, attempt: &AttemptRow, job: &JobRow, is_one_by_one: bool) -> Rung {
    let outcome = match attempt.exit_code {
        Some(0) => Outcome::Succeeded,
        Some(_) => Outcome::Failed,
        None => Outcome::Open,
    };
    let exit = attempt.exit_code.map(|code| format!("exit {code}")).unwrap_or_default();
    let count = attempt.counted.map(|count| match job.backoff_limit {
        limit if limit == i32::MAX.unsigned_abs() => format!(", failure {count}"),
        limit => format!(", failure {count} of {limit}"),
    });
    let index = attempt.index.map(|index| format!(" [{index}]")).unwrap_or_default();
    let wait = attempt.next_try_after.filter(|wait| is_one_by_one && *wait > 0.0);
    Rung {
        label: format!("{number}  {}{index}", attempt.pod),
        from: attempt.start,
        until: attempt.end,
        outcome,
        note: format!("{exit}{}", count.unwrap_or_default()),
        wait: wait.map(|wait| (wait, format!("+{}", span(wait)))),
    }
}

fn job_data(jobs: &[JobRow]) -> Dataset {
    let columns = [
        ("namespace", "the namespace"),
        ("job", "the Job"),
        ("cronjob", "the CronJob that made it"),
        ("condition", "Complete, Failed, Suspended or Running"),
        ("reason", "one word on why"),
        ("created_s", "when it was created"),
        ("finished_s", "when it was over"),
        ("duration_s", "from its creation to its end"),
        ("deadline_s", "when activeDeadlineSeconds is or was over"),
        ("deleted_s", "when it was deleted"),
        ("active_pods", "pods active at the end"),
        ("succeeded_pods", "pods or indexes that succeeded"),
        ("failed_pods", "pods that failed"),
        ("backoff_limit", "the limit of failures"),
        ("attempts", "runs of its containers"),
    ];
    let mut data = Dataset::new("jobs", "a Job", &columns);
    for job in jobs {
        let attempts = (job.attempts.len() + job.more_attempts) as u64;
        data.row([
            Value::from(&job.namespace),
            Value::from(&job.name),
            job.cron_job.clone().into(),
            (&job.condition).into(),
            (&job.reason).into(),
            job.created.into(),
            job.finished.into(),
            job.duration.into(),
            job.deadline.into(),
            job.deleted.into(),
            job.active.into(),
            job.succeeded.into(),
            job.failed.into(),
            job.backoff_limit.into(),
            attempts.into(),
        ]);
    }
    data
}

fn attempt_data(jobs: &[JobRow]) -> Dataset {
    let columns = [
        ("namespace", "the namespace"),
        ("job", "the Job"),
        ("attempt", "its number, from 1"),
        ("pod", "the pod"),
        ("container", "the container"),
        ("index", "the completion index"),
        ("node", "the node"),
        ("start_s", "when it started"),
        ("end_s", "when it ended"),
        ("exit_code", "with this exit code"),
        ("counted", "which failure it is against the limit"),
        ("next_try_after_s", "from its failure to the next start of the Job"),
    ];
    let mut data = Dataset::new("attempts", "a run of a container of a Job's pod", &columns);
    for job in jobs {
        for (number, attempt) in (1_u64..).zip(&job.attempts) {
            data.row([
                Value::from(&job.namespace),
                Value::from(&job.name),
                number.into(),
                (&attempt.pod).into(),
                (&attempt.container).into(),
                attempt.index.into(),
                attempt.node.clone().into(),
                attempt.start.into(),
                attempt.end.into(),
                attempt.exit_code.into(),
                attempt.counted.into(),
                attempt.next_try_after.into(),
            ]);
        }
    }
    data
}
