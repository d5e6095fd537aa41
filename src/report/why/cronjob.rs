//! Why runs of a CronJob were late, skipped or missed.

use crate::controllers::cronjob::job_template::job_name;
use crate::engine::{SimDuration, SimTime};
use crate::experiment::trial::Trial;
use crate::model::ids::Kind;
use crate::observe::cron_runs::CronEntry;
use crate::observe::story::Story;
use crate::report::cron_runs::{CronJobLedger, RunOutcome, ScheduledRun};
use crate::report::outages::{Outage, outages};
use crate::report::summary::cron_ledgers;
use crate::report::text::span;
use crate::report::why::{Cause, LimitRow, Why, chain};

/// Why the runs of the CronJob of the story are as they are.
pub fn why(trial: &Trial<Story>) -> Why {
    let story = &trial.simulation.observer().1;
    let subject = &story.subject;
    let mut causes: Vec<Cause> = stops(trial).collect();
    causes.extend(chain::causes(story, trial.simulation.scenario()));
    let is_it = |(entry, _): &(&CronEntry, CronJobLedger)| {
        (&entry.namespace, &entry.name) == (&subject.namespace, &subject.name)
    };
    let Some((entry, ledger)) = ledgers(trial).into_iter().rfind(is_it) else {
        return Why { causes, ..Why::default() };
    };
    let n_runs = ledger.runs.len();
    let n_ordinary = ledger.runs.iter().filter(|run| run.outcome == RunOutcome::Ran).count();
    let mut answer = vec![format!(
        "CronJob {}/{}  {n_runs} runs scheduled, {n_ordinary} ran on time  (\"{}\")",
        ledger.namespace, ledger.name, ledger.schedule
    )];
    if n_runs == 0 {
        answer.push("No run was due in this time.".to_owned());
    }
    let mut limits = Vec::new();
    for alike in ledger.runs.chunk_by(|a, b| (a.outcome, &a.reason) == (b.outcome, &b.reason)) {
        if alike[0].outcome != RunOutcome::Ran {
            causes.push(runs_in_a_row(trial, alike));
            limits.extend(starting_deadline(trial, entry, &alike[0]));
        }
    }
    causes.sort_by_key(|cause| cause.instant);
    Why { answer, causes, limits, ..Why::default() }
}

/// Why a Job is not there that a CronJob would have made for a run; `None` where no CronJob had such a run.
pub fn why_no_job(trial: &Trial<Story>) -> Option<Why> {
    let subject = &trial.simulation.observer().1.subject;
    if subject.kind != Kind::Job {
        return None;
    }
    let ledgers = ledgers(trial);
    let (entry, run) = ledgers.iter().find_map(|(entry, ledger)| {
        let is_it = |run: &&ScheduledRun| job_name(&entry.name, run.time) == subject.name;
        let run = ledger.runs.iter().find(is_it)?;
        (entry.namespace == subject.namespace && run.outcome != RunOutcome::Ran).then_some((*entry, run))
    })?;
    let answer = format!("Job {}/{}  was never created: {}", subject.namespace, subject.name, words(run));
    let slot = instant(trial, run);
    let mut causes = vec![Cause::new(entry.created, format!("CronJob {} created", entry.name))];
    causes.extend(stops(trial).filter(|cause| cause.instant <= slot));
    causes.push(runs_in_a_row(trial, std::slice::from_ref(run)));
    let limits = starting_deadline(trial, entry, run).into_iter().collect();
    Some(Why { answer: vec![answer], causes, limits, ..Why::default() })
}

fn ledgers(trial: &Trial<Story>) -> Vec<(&CronEntry, CronJobLedger)> {
    trial.simulation.observer().0.cronjobs.entries().iter().zip(cron_ledgers(trial)).collect()
}

fn instant(trial: &Trial<Story>, run: &ScheduledRun) -> SimTime {
    trial.simulation.context().clock.instant(run.time).unwrap_or_default()
}

/// When the controller was stopped and came back.
fn stops(trial: &Trial<Story>) -> impl Iterator<Item = Cause> {
    let outages = outages(trial.simulation.scenario(), trial.end);
    let begun = outages.into_iter().filter(|outage| outage.from <= trial.end);
    begun.flat_map(|Outage { from, to, component }| {
        let stop = Cause::new(from, format!("{} stopped, by the timeline", component.as_str()));
        let back = (to < trial.end).then(|| Cause::new(to, format!("{} started again", component.as_str())));
        [Some(stop), back].into_iter().flatten()
    })
}

/// `the run of 2027-01-01T01:00:00Z missed: …`
fn runs_in_a_row(trial: &Trial<Story>, alike: &[ScheduledRun]) -> Cause {
    let (first, last) = (&alike[0], &alike[alike.len() - 1]);
    let what = match alike {
        [run] => words(run),
        _ => {
            let (from, to, n_runs) = (first.time, last.time, alike.len());
            format!("the {n_runs} runs from {from} to {to} {}{}", first.outcome.as_str(), reason(first))
        }
    };
    Cause::new(instant(trial, first), what)
}

fn words(run: &ScheduledRun) -> String {
    let late = run.late_by.map(|late| format!(" by {}", span(late))).unwrap_or_default();
    format!("the run of {} {}{late}{}", run.time, run.outcome.as_str(), reason(run))
}

fn reason(run: &ScheduledRun) -> String {
    run.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// The race of a run's deadline with the moment at which the controller could have started it.
fn starting_deadline(trial: &Trial<Story>, entry: &CronEntry, run: &ScheduledRun) -> Option<LimitRow> {
    let slot = instant(trial, run);
    let deadline = entry.spec_at(slot).starting_deadline?;
    let over = slot + deadline;
    let outages = outages(trial.simulation.scenario(), trial.end);
    let back = outages.iter().find(|outage| outage.contains(slot)).map(|outage| outage.to);
    let started = run.late_by.map(|late| slot + SimDuration::from_secs_f64(late));
    let outcome = match (started, back) {
        (Some(started), _) => format!("not over: the run started {} before", over.since(started)),
        (None, Some(back)) if over < back => {
            format!("over {} before the controller came back", back.since(over))
        }
        (None, _) => "not what held the run back".to_owned(),
    };
    let value = format!("{} ({})", deadline.as_secs(), run.time);
    Some(LimitRow { limit: "startingDeadlineSeconds", value, at: over.to_string(), outcome })
}
