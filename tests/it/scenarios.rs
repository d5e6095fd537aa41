//! The shipped scenarios: each runs, what it expects holds, and its timeline and its output are the recorded ones.
//!
//! `tests/golden/NAME.txt` is the timeline of `scenarios/NAME.yaml`: when, which object, what happened. Where CronJobs
//! are at work it is the ledger of their runs. `tests/golden/NAME.run.txt` is what `sim run` prints. After a change
//! that is meant, `UPDATE_GOLDEN=1 cargo test --test it scenarios` writes them anew.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assert_cmd::Command;
use cluster_sim::engine::SimDuration;
use cluster_sim::experiment::trial::{self, Trial};
use cluster_sim::manifest::load::{self, Options};
use cluster_sim::manifest::source::Source;
use cluster_sim::model::scenario::Scenario;
use cluster_sim::observe::trace::{TraceHead, TraceWriter};
use cluster_sim::report::summary::{self, RunSummary};
use serde_json::Value;

/// The shipped scenarios, as paths from the root of the package.
pub fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("scenarios")).expect("the scenarios are shipped");
    let names = entries.map(|entry| entry.expect("the folder can be listed").file_name());
    let mut files: Vec<PathBuf> = names.map(|name| Path::new("scenarios").join(name)).collect();
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A scenario that was played: its summary and its trace.
struct Played {
    summary: RunSummary,
    trace: Vec<Value>,
}

fn play(file: &Path) -> Played {
    let text = fs::read(root().join(file)).expect("the scenario can be read");
    let source = Source { name: file.display().to_string().into(), text };
    let loaded =
        load::load(&[source], &mut |_, name| Err(format!("{name}: not one file")), &Options::default());
    let scenario = Arc::new(loaded.unwrap_or_else(|errors| panic!("{errors}")).scenario);
    let mut trace = Vec::new();
    let trial: Trial<_> = trial::run(&scenario, None, trace_writer(&scenario, &mut trace), |_| {});
    trial.simulation.check_invariants().expect("the invariants hold at the end");
    let summary = summary::summarise(&trial, String::new());
    drop(trial);
    let lines = String::from_utf8(trace).expect("the trace is text");
    Played { summary, trace: changes(&lines) }
}

/// A writer of traces without a command that gives the same again.
pub fn trace_writer<'a>(scenario: &Scenario, out: &'a mut Vec<u8>) -> TraceWriter<&'a mut Vec<u8>> {
    TraceWriter::new(out, &TraceHead::of(scenario, String::new()))
}

/// The changes of a trace, conditions as short as the golden files have them: `Failed=True BackoffLimitExceeded`.
pub fn changes(trace: &str) -> Vec<Value> {
    let lines = trace.lines().skip(1).map(|line| serde_json::from_str(line).expect("a line is JSON"));
    let short = |mut line: Value| {
        let conditions = line.pointer_mut("/status/conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            let text = |key: &str| condition[key].as_str().expect("conditions have texts");
            *condition = format!("{}={} {}", text("type"), text("status"), text("reason")).into();
        }
        line
    };
    lines.map(short).collect()
}

/// When, which object, what happened: a line each, without what carries no meaning.
fn timeline(trace: &[Value]) -> String {
    let mut out = String::new();
    for line in trace {
        let at = SimDuration::from_secs_f64(line["t"].as_f64().expect("a time"));
        let object = line["object"].as_str().expect("an object").replace("/default/", "/");
        if let Some(what) = happening(line) {
            writeln!(out, "{:<8} {object:<32} {what}", at.to_string()).expect("a text can be written");
        }
    }
    out
}

/// What a change comes to, in a few words; nothing for what another line says as well.
fn happening(line: &Value) -> Option<String> {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    Some(match text("change") {
        "Created" => "created".to_owned(),
        "PodBound" => format!("bound to {}", text("node")),
        "PodUnschedulable" => format!("{}: {}", text("reason"), text("message")),
        "PodPhaseChanged" => format!("phase {}", text("to")),
        "PodReadyChanged" if line["ready"] == true => "ready".to_owned(),
        "PodReadyChanged" => "not ready".to_owned(),
        "PodDeletionRequested" => format!("asked to stop within {} s", line["graceSeconds"]),
        "ContainerChanged" => format!("{} {}", text("container"), container_state(&line["state"])),
        "StatusChanged" if line["object"].as_str().is_some_and(|object| object.starts_with("job/")) => {
            job_status(&line["status"])
        }
        "StatusChanged" => workload_status(&line["status"]),
        "Recorded" if text("type") == "Warning" => record(text("reason"), text("message")),
        "Recorded" | "PodAccepted" | "PodIpSet" | "NodeLeaseChanged" | "PodFinalizerRemoved" => return None,
        other => other.to_owned(),
    })
}

/// The counters and conditions of a workload, as they stand.
fn workload_status(status: &Value) -> String {
    let entries = status.as_object().into_iter().flatten();
    let entries: Vec<String> = entries.map(|(key, value)| format!("{key} {value}")).collect();
    if entries.is_empty() { "status changed".to_owned() } else { entries.join(", ") }
}

fn container_state(state: &Value) -> String {
    match (state["waiting"].as_str(), state["terminated"].as_str()) {
        (Some(reason), _) => format!("waiting: {reason}"),
        (None, Some(reason)) => format!("exits with {}: {reason}", state["exitCode"]),
        (None, None) => state.as_str().unwrap_or_default().to_owned(),
    }
}

fn job_status(status: &Value) -> String {
    let count = |key: &str| status[key].as_u64().unwrap_or(0);
    let conditions = status["conditions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let conditions: String = conditions.map(|condition| format!(", {}", condition.trim_end())).collect();
    let counts = ["active", "ready", "terminating", "succeeded", "failed"]
        .into_iter()
        .filter(|key| count(key) > 0)
        .map(|key| (key, count(key)));
    let counts: Vec<String> = counts.map(|(key, count)| format!("{count} {key}")).collect();
    let counts = if counts.is_empty() { "no pods".to_owned() } else { counts.join(", ") };
    format!("{counts}{conditions}")
}

/// A record without the uid that kubelets put behind the name of a pod.
fn record(reason: &str, message: &str) -> String {
    let message = message.split_once("_default(").map_or(message, |(head, _)| head);
    format!("{reason}: {message}")
}

/// Every run that was due.
fn ledger(summary: &RunSummary) -> String {
    let mut out = String::new();
    for run in summary.cron_jobs.iter().flat_map(|cronjob| &cronjob.runs) {
        let mut line = format!("{}  {}", run.time, run.outcome.as_str());
        let late = run.late_by.map(|secs| format!(" {secs} s after its time"));
        line += &late.unwrap_or_default();
        let end = run.result.as_ref().map(|result| format!(", {result}"));
        line += &end.unwrap_or_default();
        let why = run.reason.as_ref().map(|reason| format!(": {reason}"));
        line += &why.unwrap_or_default();
        writeln!(out, "{line}").expect("a text can be written");
    }
    out
}

/// Compares a text with a golden file, or writes that file anew.
fn compare(name: &str, found: &str) -> Result<(), String> {
    let path = root().join("tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        fs::write(&path, found).expect("the golden file can be written");
        return Ok(());
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    if golden == found {
        return Ok(());
    }
    let (mut old, mut new) = (golden.lines(), found.lines());
    for number in 1.. {
        let (old, new) = (old.next(), new.next());
        if old != new || old.is_none() {
            let show = |line: Option<&str>| line.unwrap_or("<end>").to_owned();
            return Err(format!("{name}:{number}:\n  golden {}\n  found  {}", show(old), show(new)));
        }
    }
    Ok(())
}

/// Whether a scenario is there to be compared with others, not to be played by itself.
fn has_variants(file: &Path) -> bool {
    let text = fs::read_to_string(root().join(file)).expect("the scenario can be read");
    text.lines().any(|line| line == "  variants:")
}

#[track_caller]
fn check_all(check: impl Fn(&Path, &str) -> Vec<String>) {
    let files = files();
    assert!(files.len() >= 12, "only {} scenarios", files.len());
    let mut faults = Vec::new();
    for file in files {
        let name = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
        faults.extend(check(&file, &name));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_the_scenarios_expect_holds_and_their_timelines_are_the_golden_ones() {
    check_all(|file, name| {
        if has_variants(file) {
            return Vec::new();
        }
        let played = play(file);
        let rows = &played.summary.expectations;
        let mut faults: Vec<String> = rows
            .iter()
            .filter(|row| !row.holds)
            .map(|row| format!("{}: {}: {}", row.place, row.that, row.found.clone().unwrap_or_default()))
            .collect();
        if rows.is_empty() {
            faults.push(format!("{name}: expects nothing"));
        }
        let is_cron = !played.summary.cron_jobs.is_empty();
        let text = if is_cron { ledger(&played.summary) } else { timeline(&played.trace) };
        faults.extend(compare(&format!("{name}.txt"), &text).err());
        faults
    });
}

#[test]
fn the_output_of_run_and_compare_is_the_golden_one() {
    check_all(|file, name| {
        let mut command = Command::cargo_bin("sim").expect("the binary is built");
        command.current_dir(root());
        let verb = if has_variants(file) {
            command.arg("compare").arg(file).args(["--trials", "3"]);
            "compare"
        } else {
            command.arg("run").arg(file);
            "run"
        };
        let output = command.output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("the output is text");
        let mut faults: Vec<String> =
            compare(&format!("{name}.{verb}.txt"), &text).err().into_iter().collect();
        if !output.status.success() {
            faults.push(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
        }
        faults
    });
}

#[test]
fn every_scenario_says_its_question_and_what_is_expected() {
    check_all(|file, name| {
        let text = fs::read_to_string(root().join(file)).expect("the scenario can be read");
        let comment: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        let has = |word: &str| comment.iter().any(|line| line.starts_with(&format!("# {word}: ")));
        let is_complete = has("Question") && has("Expected");
        (!is_complete)
            .then(|| format!("{name}: the comment lacks Question: or Expected:"))
            .into_iter()
            .collect()
    });
}
