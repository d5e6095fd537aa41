//! Runs for other tools: traces for timeline viewers, metrics for Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

const LOSS: &str = "scenarios/node-loss.yaml";
const BACKOFF: &str = "scenarios/job-backoff.yaml";

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[track_caller]
fn sim(args: &[&str], code: i32) -> (String, String) {
    let mut command = Command::cargo_bin("sim").unwrap();
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}{err}");
    (out, err)
}

/// What a run writes to a file for this option.
fn export(name: &str, scenario: &str, option: &str, file: &str, more: &[&str]) -> String {
    let path = folder(name).join(file);
    let args = [&["run", scenario, option, path.to_str().unwrap()], more].concat();
    sim(&args, 0);
    fs::read_to_string(&path).unwrap()
}

fn timeline(name: &str, scenario: &str) -> Vec<Value> {
    let text = export(name, scenario, "--trace", "t.json", &[]);
    assert_eq!(text, export(name, scenario, "--trace", "t.perfetto", &["--trace-format", "perfetto"]));
    let trace: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(trace["otherData"]["format"], "sim/trace/v1");
    trace["traceEvents"].as_array().unwrap().clone()
}

#[test]
fn every_event_of_a_timeline_has_what_its_phase_asks_for() {
    for file in crate::scenarios::files().iter().filter(|file| !file.ends_with("layouts.yaml")) {
        let events = timeline("exports-shape", file.to_str().unwrap());
        for event in &events {
            let needed: &[&str] = match event["ph"].as_str().unwrap() {
                "M" => &["pid", "name", "args"],
                "X" => &["pid", "tid", "ts", "dur", "name"],
                "i" => &["pid", "tid", "ts", "name", "s"],
                "C" => &["pid", "ts", "name", "args"],
                other => panic!("phase {other}"),
            };
            for field in needed {
                assert!(!event[*field].is_null(), "{}: {event} has no {field}", file.display());
            }
            let args = event.get("args");
            assert!(args.is_none_or(Value::is_object), "{event}: arguments are an object, or left out");
            assert!(event["dur"].is_null() || event["dur"].as_f64().unwrap() >= 0.0, "{event}");
        }
    }
}

#[test]
fn slices_of_one_thread_never_overlap() {
    for file in [LOSS, BACKOFF, "scenarios/rolling-update.yaml", "scenarios/probes.yaml"] {
        let mut threads: BTreeMap<(u64, u64), Vec<(f64, f64)>> = BTreeMap::new();
        for event in timeline("exports-overlap", file).iter().filter(|event| event["ph"] == "X") {
            let number = |field: &str| event[field].as_f64().unwrap();
            let thread = (event["pid"].as_u64().unwrap(), event["tid"].as_u64().unwrap());
            threads.entry(thread).or_default().push((number("ts"), number("ts") + number("dur")));
        }
        assert!(threads.len() >= 2, "{file}: {} threads", threads.len());
        for (thread, slices) in threads {
            let is_apart = slices.is_sorted_by(|a, b| a.1 <= b.0 + 1e-6);
            assert!(is_apart, "{file}: {thread:?} {slices:?}");
        }
    }
}

#[test]
fn a_timeline_has_nodes_as_processes_pods_as_threads_and_failures_as_instants() {
    let events = timeline("exports-loss", LOSS);
    let names = |what: &str| -> BTreeSet<String> {
        let named = events.iter().filter(|event| event["name"] == what);
        named.map(|event| event["args"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let (processes, threads) = (names("process_name"), names("thread_name"));
    assert!(processes.contains("not on a node") && processes.len() >= 3, "{processes:?}");
    assert!(threads.iter().any(|name| name.starts_with("default/")), "{threads:?}");
    assert!(threads.iter().any(|name| name.contains(" · ")), "{threads:?}");
    let has =
        |phase: &str, name: &str| events.iter().any(|event| event["ph"] == phase && event["name"] == name);
    assert!(has("i", "node down") && has("i", "NotReady") && has("X", "down") && has("X", "running"));
    assert!(has("C", "cpu requested [cores]") && has("X", "run 1"));
    let crashes = timeline("exports-loss", BACKOFF);
    let runs = crashes.iter().filter(|event| event["name"] == "run 3").count();
    let waits = crashes.iter().any(|event| event["ph"] == "X" && event["name"] == "CrashLoopBackOff");
    let ends = crashes.iter().any(|event| event["ph"] == "i" && event["name"] == "Error: exit code 1");
    assert!(runs > 0 && waits && ends);
}

/// The samples of a metrics text, with what its lines must be.
fn samples(text: &str) -> BTreeMap<String, (f64, f64)> {
    let body = text.strip_suffix("# EOF\n").expect("the text ends with its end");
    let (mut family, mut is_counter, mut families) = (String::new(), false, BTreeSet::new());
    let mut samples = BTreeMap::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            (family, is_counter) = (name.to_owned(), kind == "counter");
            assert!(families.insert(family.clone()), "{family} comes twice");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.starts_with(&format!("{family} ")), "{line}");
        } else {
            let (name, rest) = line.split_once('{').unwrap();
            assert_eq!(name, if is_counter { format!("{family}_total") } else { family.clone() });
            let (labels, rest) = rest.rsplit_once("} ").unwrap();
            let (value, at) = rest.split_once(' ').unwrap();
            let sample = (value.parse().unwrap(), at.parse().unwrap());
            samples.insert(format!("{name}{{{labels}}}"), sample);
        }
    }
    samples
}

#[test]
fn metrics_tell_the_state_at_the_end_under_the_names_of_kube_state_metrics() {
    let samples = samples(&export("exports-metrics", BACKOFF, "--metrics", "m.txt", &[]));
    let check = |metric: &str, value: f64| {
        assert_eq!(samples.get(metric).map(|sample| sample.0), Some(value), "{metric}");
    };
    let job = "namespace=\"default\",job_name=\"batch-job-never\"";
    check(&format!("kube_job_status_failed{{{job},reason=\"BackoffLimitExceeded\"}}"), 7.0);
    check(&format!("kube_job_failed{{{job},condition=\"true\"}}"), 1.0);
    check("kube_node_status_allocatable{node=\"node-1\",resource=\"cpu\",unit=\"core\"}", 4.0);
    check("kube_node_status_condition{node=\"node-1\",condition=\"Ready\",status=\"true\"}", 1.0);
    let (mut n_pods, mut n_phases) = (0, 0.0);
    for (metric, (value, _)) in &samples {
        n_pods += usize::from(metric.starts_with("kube_pod_info{"));
        n_phases += if metric.starts_with("kube_pod_status_phase{") { *value } else { 0.0 };
    }
    assert_eq!((n_pods as f64, n_pods), (n_phases, 7), "every pod is in one phase");
    let start = 1_798_761_600.0;
    assert!(samples.values().all(|(_, at)| (at - start - 666.0).abs() < 1.0), "the end is at 11m6s");
}

#[test]
fn metrics_can_be_sampled_over_the_run() {
    let text = export("exports-sampled", BACKOFF, "--metrics", "m.txt", &["--metrics-interval", "2m"]);
    let metric = "kube_job_status_failed{namespace=\"default\",job_name=\"batch-job-never\",reason=\"\"}";
    let values: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(metric)).collect();
    let expected = [" 0 1798761600", " 4 1798761720", " 5 1798761840", " 6 1798761960"];
    assert_eq!(&values[..4], expected, "at 0s, 2m, 4m and 6m");
    let (_, err) = sim(&["run", BACKOFF, "--metrics", "/no/such/folder/m"], 2);
    assert!(err.contains("/no/such/folder/m: cannot be written"), "{err}");
    let (_, err) = sim(&["run", BACKOFF, "--metrics", "m", "--metrics-interval", "0s"], 2);
    assert!(err.contains("longer than nothing"), "{err}");
}
