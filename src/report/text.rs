//! The summary of a run as text: the answer first, then the ledgers.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::engine::SimDuration;
use crate::report::cron_runs::{CronJobLedger, RunOutcome, ScheduledRun};
use crate::report::drains;
use crate::report::failures;
use crate::report::job_totals;
use crate::report::rollouts;
use crate::report::scalings::{self, AutoscalerRow};
use crate::report::summary::{AttemptRow, ExpectationRow, JobRow, NodeRow, PodRow, RunSummary};
use crate::report::table::Table;
use crate::report::traffic;

/// Longer lists are cut, with a line that says so.
pub const ROWS_MAX: usize = 40;

/// The whole text of `sim run`.
pub fn run(summary: &RunSummary) -> String {
    let mut out = String::new();
    for line in &summary.verdict {
        line_of(&mut out, line);
    }
    match &summary.job_totals {
        Some(totals) => section(&mut out, job_totals::table(totals)),
        None => jobs(&mut out, &summary.jobs),
    }
    for ledger in &summary.cron_jobs {
        cron_ledger(&mut out, ledger);
    }
    section(&mut out, rollouts::workload_table(&summary.workloads));
    section(&mut out, rollouts::rollout_table(&summary.deployments));
    section(&mut out, drains::table(&summary.drains));
    for autoscaler in &summary.autoscalers {
        scalings(&mut out, autoscaler, summary.autoscalers.len() > 1);
    }
    pods(&mut out, &summary.pods);
    section(&mut out, failures::table(&summary.failures, ROWS_MAX));
    nodes(&mut out, &summary.nodes);
    if let Some(load) = &summary.traffic {
        for table in traffic::tables(load) {
            section(&mut out, table);
        }
    }
    expectations(&mut out, summary);
    closing(&mut out, summary);
    out
}

fn line_of(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

fn section(out: &mut String, table: Table) {
    let table = table.without_empty_columns();
    if !table.is_empty() {
        out.push('\n');
        out.push_str(&table.to_string());
    }
}

/// The answer, in one line per controller, or one line on the pods where there is no controller.
pub fn verdict(summary: &RunSummary) -> Vec<String> {
    let (jobs, pods) = (&summary.jobs, &summary.pods);
    let n_listed = if summary.job_totals.is_some() { 0 } else { ROWS_MAX };
    let own = jobs.iter().filter(|job| job.cron_job.is_none()).take(n_listed).map(job_verdict);
    let others = summary.workloads.iter().filter(|row| row.kind != "Deployment");
    let many = summary.job_totals.iter().map(job_totals::verdict);
    let mut lines: Vec<String> = many
        .chain(own)
        .chain(summary.cron_jobs.iter().map(cron_verdict))
        .chain(summary.deployments.iter().take(ROWS_MAX).map(rollouts::verdict))
        .chain(others.take(ROWS_MAX).map(rollouts::workload_verdict))
        .chain(summary.autoscalers.iter().map(scalings::verdict))
        .chain(summary.drains.iter().map(drains::verdict))
        .chain(summary.traffic.iter().flat_map(traffic::verdict))
        .collect();
    if lines.is_empty() && !pods.is_empty() {
        lines.push(pods_verdict(pods));
    }
    if lines.is_empty() {
        lines.push("Nothing ran: the scenario has no pod, Job or CronJob.".to_owned());
    }
    lines
}

fn job_verdict(job: &JobRow) -> String {
    let head = format!("Job {}/{}  {}", job.namespace, job.name, job.condition);
    let reason = if job.condition == "Failed" { format!(": {}", job.reason) } else { String::new() };
    let after = job.duration.map(|secs| format!(" after {}", span(secs))).unwrap_or_default();
    let failed = match job.failed {
        0 => String::new(),
        count => format!(", {count} failed"),
    };
    let limit = format!("backoffLimit {}", job.backoff_limit);
    format!("{head}{reason}{after}  ({} succeeded{failed}, {limit})", job.succeeded)
}

fn cron_verdict(ledger: &CronJobLedger) -> String {
    let counts = outcome_counts(&ledger.runs);
    let parts: Vec<String> =
        counts.iter().map(|(outcome, count)| format!("{count} {}", outcome.as_str())).collect();
    let zone = ledger.time_zone.as_ref().map(|zone| format!(" {zone}")).unwrap_or_default();
    let text = if parts.is_empty() { "none".to_owned() } else { parts.join(", ") };
    let head = format!("CronJob {}/{}", ledger.namespace, ledger.name);
    format!("{head}  {} runs scheduled: {text}  (\"{}\"{zone})", ledger.runs.len(), ledger.schedule)
}

fn outcome_counts(runs: &[ScheduledRun]) -> BTreeMap<RunOutcome, usize> {
    let mut counts = BTreeMap::new();
    for run in runs {
        *counts.entry(run.outcome).or_default() += 1;
    }
    counts
}

fn pods_verdict(pods: &[PodRow]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in pods {
        *counts.entry(&pod.status).or_default() += 1;
    }
    let parts: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let noun = if pods.len() == 1 { "pod" } else { "pods" };
    format!("{} {noun}: {}", pods.len(), parts.join(", "))
}

fn jobs(out: &mut String, jobs: &[JobRow]) {
    let own: Vec<&JobRow> = jobs.iter().filter(|job| job.cron_job.is_none()).collect();
    if own.len() > 1 {
        section(out, job_table(&own));
    }
    for job in &own {
        attempts(out, job, own.len() > 1);
    }
}

fn job_table(jobs: &[&JobRow]) -> Table {
    let heads =
        ["JOB", "CREATED", "ACTIVE", "SUCCEEDED", "FAILED", "CONDITION", "REASON", "DURATION", "ATTEMPTS"];
    let mut table = Table::new(&heads);
    for job in jobs {
        table.row([
            job.name.clone(),
            span(job.created),
            job.active.to_string(),
            job.succeeded.to_string(),
            job.failed.to_string(),
            job.condition.clone(),
            job.reason.clone(),
            job.duration.map(span).unwrap_or_default(),
            (job.attempts.len() + job.more_attempts).to_string(),
        ]);
    }
    table
}

fn attempts(out: &mut String, job: &JobRow, is_named: bool) {
    let has_many_containers =
        job.attempts.iter().any(|attempt| attempt.container != job.attempts[0].container);
    let mut table = Table::new(&[
        "ATTEMPT",
        "POD",
        "CONTAINER",
        "INDEX",
        "NODE",
        "START",
        "END",
        "EXIT",
        "COUNTED",
        "NEXT TRY",
    ]);
    for (number, attempt) in (1..).zip(&job.attempts).take(ROWS_MAX) {
        table.row(attempt_cells(number, attempt, job, has_many_containers));
    }
    if table.is_empty() {
        return;
    }
    if is_named {
        line_of(out, &format!("\nJob {}/{}", job.namespace, job.name));
        out.push_str(&table.without_empty_columns().to_string());
    } else {
        section(out, table);
    }
    let hidden = (job.attempts.len() + job.more_attempts).saturating_sub(ROWS_MAX);
    if hidden > 0 {
        line_of(out, &format!("… and {hidden} more attempts (-o json lists them)"));
    }
}

fn attempt_cells(number: usize, attempt: &AttemptRow, job: &JobRow, has_container: bool) -> [String; 10] {
    [
        number.to_string(),
        attempt.pod.clone(),
        if has_container { attempt.container.clone() } else { String::new() },
        attempt.index.map(|index| index.to_string()).unwrap_or_default(),
        attempt.node.clone().unwrap_or_default(),
        span(attempt.start),
        attempt.end.map_or_else(|| "-".to_owned(), span),
        attempt.exit_code.map_or_else(|| "-".to_owned(), |code| code.to_string()),
        attempt.counted.map(|count| counted(count, job.backoff_limit)).unwrap_or_default(),
        attempt.next_try_after.map(|secs| format!("+{}", span(secs))).unwrap_or_default(),
    ]
}

fn counted(count: u32, limit: u32) -> String {
    if limit == i32::MAX.unsigned_abs() { count.to_string() } else { format!("{count} of {limit}") }
}

fn cron_ledger(out: &mut String, ledger: &CronJobLedger) {
    let shows_all = ledger.runs.len() <= ROWS_MAX;
    let is_shown = |run: &&ScheduledRun| shows_all || run.outcome != RunOutcome::Ran;
    let shown: Vec<&ScheduledRun> = ledger.runs.iter().filter(is_shown).collect();
    let mut table = Table::new(&["SCHEDULED", "AT", "OUTCOME", "STARTED", "LATE BY", "JOB", "RESULT", "WHY"]);
    for run in shown.iter().take(ROWS_MAX) {
        table.row([
            run.time.to_string(),
            span(run.scheduled),
            run.outcome.as_str().to_owned(),
            run.started.map(span).unwrap_or_default(),
            run.late_by.map(span).unwrap_or_default(),
            run.job.clone().unwrap_or_default(),
            run.result.clone().unwrap_or_default(),
            run.reason.clone().unwrap_or_default(),
        ]);
    }
    section(out, table);
    let (n_ran, n_shown) = (ledger.runs.len() - shown.len(), shown.len().min(ROWS_MAX));
    if !shows_all {
        let cut = shown.len() - n_shown;
        let more = if cut > 0 { format!(" and {cut} others") } else { String::new() };
        line_of(out, &format!("… and {n_ran} runs on time{more} (-o json lists all)"));
    }
}

/// The sizes that an autoscaler set.
fn scalings(out: &mut String, autoscaler: &AutoscalerRow, is_named: bool) {
    let mut table = Table::new(&["AT", "FROM", "TO", "REASON"]);
    for scaling in autoscaler.scalings.iter().take(ROWS_MAX) {
        let (from, to) = (scaling.from.to_string(), scaling.to.to_string());
        table.row([span(scaling.at), from, to, scaling.reason.clone()]);
    }
    if is_named && !table.is_empty() {
        line_of(out, &format!("\nHorizontalPodAutoscaler {}/{}", autoscaler.namespace, autoscaler.name));
        out.push_str(&table.to_string());
    } else {
        section(out, table);
    }
    let hidden = autoscaler.scalings.len().saturating_sub(ROWS_MAX);
    if hidden > 0 {
        line_of(out, &format!("… and {hidden} more scalings (-o json lists all)"));
    }
}

fn pods(out: &mut String, pods: &[PodRow]) {
    let many_namespaces = pods.iter().any(|pod| pod.namespace != "default");
    let mut table = Table::new(&["NAMESPACE", "POD", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]);
    for pod in pods.iter().take(ROWS_MAX) {
        table.row([
            if many_namespaces { pod.namespace.clone() } else { String::new() },
            pod.name.clone(),
            format!("{}/{}", pod.ready, pod.containers),
            pod.status.clone(),
            pod.restarts.to_string(),
            span(pod.age.floor()),
            pod.ip.clone().unwrap_or_else(|| "<none>".to_owned()),
            pod.node.clone().unwrap_or_else(|| "<none>".to_owned()),
        ]);
    }
    section(out, table);
    pod_messages(out, &pods[..pods.len().min(ROWS_MAX)]);
    if pods.len() > ROWS_MAX {
        line_of(out, &format!("… and {} more pods (`sim get pods` lists all)", pods.len() - ROWS_MAX));
    }
}

/// Why pods are not placed or failed, each reason once.
fn pod_messages(out: &mut String, pods: &[PodRow]) {
    let mut rest: Vec<&PodRow> = pods.iter().filter(|pod| pod.message.is_some()).collect();
    if !rest.is_empty() {
        line_of(out, "");
    }
    while let Some(first) = rest.first().copied() {
        let is_like = |pod: &PodRow| (&pod.status, &pod.message) == (&first.status, &first.message);
        let (alike, others): (Vec<&PodRow>, Vec<&PodRow>) = rest.into_iter().partition(|pod| is_like(pod));
        let names: Vec<&str> = alike.iter().map(|pod| pod.name.as_str()).collect();
        let message = first.message.as_deref().unwrap_or_default().trim_end();
        line_of(out, &format!("{}  {}: {message}", first.status, names.join(", ")));
        rest = others;
    }
}

fn nodes(out: &mut String, nodes: &[NodeRow]) {
    let heads = ["NODE", "CPU", "CPU MEAN", "CPU PEAK", "MEMORY", "MEMORY MEAN", "MEMORY PEAK", "PODS PEAK"];
    let mut table = Table::new(&heads);
    let has_cpu = nodes.iter().any(|node| node.cpu_peak > 0);
    let has_memory = nodes.iter().any(|node| node.memory_peak > 0);
    for node in nodes.iter().take(ROWS_MAX) {
        table.row([
            node.name.clone(),
            crate::observe::object::cpu_text(node.cpu_allocatable),
            percent(node.cpu_mean, node.cpu_allocatable, has_cpu),
            percent(node.cpu_peak as f64, node.cpu_allocatable, has_cpu),
            crate::observe::object::bytes_text(node.memory_allocatable),
            percent(node.memory_mean, node.memory_allocatable, has_memory),
            percent(node.memory_peak as f64, node.memory_allocatable, has_memory),
            node.pods_peak.to_string(),
        ]);
    }
    section(out, table);
    if nodes.len() > ROWS_MAX {
        line_of(out, &format!("… and {} more nodes (-o json lists all)", nodes.len() - ROWS_MAX));
    }
}

/// A share of a node; nothing where no pod requests any of the resource.
fn percent(part: f64, whole: i64, is_requested: bool) -> String {
    match whole {
        _ if !is_requested => String::new(),
        0 => "-".to_owned(),
        whole => format!("{:.0}%", 100.0 * part / whole as f64),
    }
}

fn expectations(out: &mut String, summary: &RunSummary) {
    let rows = &summary.expectations;
    out.push('\n');
    for row in rows.iter().filter(|row| !row.holds) {
        let [what, found] = failure_lines(row);
        line_of(out, &format!("FAILED  {what}"));
        line_of(out, &format!("        {found}"));
    }
    let n_left = summary.expectations_not_judged;
    if rows.len() + n_left > 0 {
        let n_holding = rows.iter().filter(|row| row.holds).count();
        let verb = if rows.len() == 1 { "holds" } else { "hold" };
        let left = if n_left > 0 { format!(", {n_left} not judged") } else { String::new() };
        line_of(out, &format!("expect  {n_holding} of {} {verb}{left}", rows.len()));
    }
}

/// What was expected, and what was found instead.
pub fn failure_lines(row: &ExpectationRow) -> [String; 2] {
    let message = row.message.as_ref().map(|text| format!("  ({text})")).unwrap_or_default();
    let what = format!("{}: {}{message}", row.place, one_line(&row.that));
    let found = row.found.as_deref().unwrap_or("false");
    [what, format!("at {}: {found}", span(row.at))]
}

/// An expression on one line.
pub fn one_line(that: &str) -> String {
    that.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn closing(out: &mut String, summary: &RunSummary) {
    let why = if summary.ended_by == "quiet" { "nothing left to happen" } else { "the horizon" };
    line_of(out, &format!("ended   at {}: {why}", span(summary.ended_at)));
    for miss in &summary.misses {
        line_of(out, &format!("missed  {miss}"));
    }
    for (at, assumption) in summary.assumptions.iter().enumerate() {
        let head = if at == 0 { "assumed" } else { "       " };
        line_of(out, &format!("{head} {assumption}"));
    }
    line_of(out, &format!("again   {}   (sim {})", summary.reproduce, summary.sim_version));
    let _ = writeln!(out, "events={} digest={}", summary.events, summary.digest);
}

/// Seconds in the short form, for people: from 1 s on to the millisecond.
pub fn span(secs: f64) -> String {
    SimDuration::from_secs_f64(secs).for_people().to_string()
}
