//! Why runs of a CronJob were late, skipped or missed.

use crate::experiment::trial::Trial;
use crate::observe::story::Story;
use crate::report::cron_runs::{CronJobLedger, RunOutcome};
use crate::report::summary::cron_ledgers;
use crate::report::text::span;
use crate::report::why::{Cause, Why, chain};

/// Why the runs of the CronJob of the story are as they are.
pub fn why(trial: &Trial<Story>) -> Why {
    let story = &trial.simulation.observer().1;
    let subject = &story.subject;
    let mut causes = chain::causes(story, trial.simulation.scenario());
    let ledgers = cron_ledgers(trial);
    let is_it =
        |ledger: &&CronJobLedger| ledger.namespace == *subject.namespace && ledger.name == *subject.name;
    let Some(ledger) = ledgers.iter().rfind(is_it) else {
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
    for run in ledger.runs.iter().filter(|run| run.outcome != RunOutcome::Ran) {
        let late = run.late_by.map(|late| format!(" by {}", span(late))).unwrap_or_default();
        let reason = run.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let what = format!("the run of {} {}{late}{reason}", run.time, run.outcome.as_str());
        causes.push(Cause { at: span(run.scheduled), what });
    }
    Why { answer, causes, ..Why::default() }
}
