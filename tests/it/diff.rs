//! `sim diff`: where two runs part, what led to it, and what both came to.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

const LOSS: &str = "scenarios/node-loss.yaml";
const SCENARIO: &str = "apiVersion: sim/v1\nkind: Scenario\nmetadata: {name: d}\nspec:\n  params: {exit: 0}\n  \
    images:\n    work/1.0: {steps: [{run: 20s}, {exit: \"${exit}\"}]}\n---\napiVersion: batch/v1\nkind: Job\n\
    metadata: {name: j}\nspec:\n  backoffLimit: 1\n  template:\n    spec:\n      restartPolicy: Never\n      \
    containers: [{name: c, image: work/1.0}]\n";

fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        fs::write(folder.join(file), text).unwrap();
    }
    folder
}

#[track_caller]
fn sim_in(folder: &Path, args: &[&str], code: i32) -> (String, String) {
    let output = Command::cargo_bin("sim").unwrap().current_dir(folder).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}{err}");
    (out, err)
}

#[track_caller]
fn sim(args: &[&str], code: i32) -> (String, String) {
    sim_in(Path::new(env!("CARGO_MANIFEST_DIR")), args, code)
}

#[test]
fn a_run_does_not_differ_from_itself_nor_from_its_trace() {
    let (out, _) = sim(&["diff", LOSS], 0);
    assert!(out.starts_with("no difference: ") && out.contains("changes are the same\n"), "{out}");
    assert!(!out.contains('!'), "{out}");
    let trace = folder("diff-self", &[]).join("t.jsonl");
    let trace = trace.to_str().unwrap();
    sim(&["run", LOSS, "--trace", trace], 0);
    for pair in [[LOSS, trace], [trace, LOSS], [trace, trace]] {
        assert_eq!(sim(&["diff", pair[0], pair[1]], 0).0, out, "{pair:?}");
    }
}

#[test]
fn the_first_change_that_differs_is_shown_with_what_led_to_it() {
    let folder = folder("diff-first", &[("d.yaml", SCENARIO)]);
    let (out, _) = sim_in(&folder, &["diff", "d.yaml", "--set-b", "exit=3"], 1);
    let expected = [
        "A  sim run d.yaml --seed 1\n   20s  pod/default/j-",
        "ContainerChanged container=c finishedAt=20 startedAt=0 state={exitCode:0,terminated:Completed}\n   \
         caused by PodSync pod/default/j-",
        "B  sim run d.yaml --seed 1 --set exit=3\n   20s  pod/default/j-",
        "state={exitCode:3,terminated:Error}",
        "what led to it, on both sides\n  0s  ",
        "Complete: CompletionsReached after 21s, 1 succeeded, 0 failed  !  Failed: BackoffLimitExceeded after ",
        "outcomes differ (!)",
    ];
    for text in expected {
        assert!(out.contains(text), "{text}\n{out}");
    }
    let json = sim_in(&folder, &["diff", "d.yaml", "--set-b", "exit=3", "-o", "json"], 1).0;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["format"], &json["same"]), (&"sim/diff/v1".into(), &false.into()));
    let causes = json["causes"].as_array().unwrap();
    let bound = causes.iter().any(|cause| cause["what"].as_str().unwrap().starts_with("PodBound node="));
    assert!(bound && causes.is_sorted_by(|a, b| a["t"].as_f64() <= b["t"].as_f64()), "{json}");
}

#[test]
fn generated_names_that_differ_with_the_seed_are_no_difference() {
    let one_node = SCENARIO.replace(
        "  params",
        "  nodePools: [{name: only, count: 1, capacity: {cpu: 4, memory: 4Gi}}]\n  params",
    );
    let folder = folder("diff-seeds", &[("d.yaml", &one_node)]);
    let (out, _) = sim_in(&folder, &["diff", "d.yaml", "--seed", "1", "--seed", "2"], 0);
    assert!(out.starts_with("no difference: ") && out.contains("seed    1  !  2\n"), "{out}");
    let pods = |seed: &str| sim_in(&folder, &["get", "pods", "d.yaml", "--seed", seed], 0).0;
    assert_ne!(pods("1"), pods("2"), "the pods are called otherwise");
}

#[test]
fn a_load_that_differs_without_a_change_of_the_cluster_is_a_difference() {
    let text = "apiVersion: sim/v1\nkind: Scenario\nmetadata: {name: load}\nspec:\n  horizon: 1m\n  nodePools: \
        [{name: only, count: 1, capacity: {cpu: 4, memory: 4Gi}}]\n  images: {web: {serve: [{port: 80, cpu: 5ms}]}}\n  \
        traffic: [{name: users, to: 'service/web:80', rate: 20/s}]\n---\napiVersion: v1\nkind: Pod\n\
        metadata: {name: web, labels: {app: web}}\nspec: {containers: [{name: web, image: web}]}\n---\n\
        apiVersion: v1\nkind: Service\nmetadata: {name: web}\n\
        spec: {selector: {app: web}, ports: [{port: 80}]}\n";
    let folder = folder("diff-load", &[("l.yaml", text)]);
    let (out, _) = sim_in(&folder, &["diff", "l.yaml", "--seed", "1", "--seed", "2"], 1);
    assert!(out.starts_with("no change differs, of ") && out.contains("traffic users "), "{out}");
}

#[test]
fn a_failure_on_one_side_is_named_among_what_was_played() {
    let (out, _) = sim(&["diff", "scenarios/job-once.yaml", "--fail-b", "node/node-1@5s"], 1);
    assert!(out.contains("timeline  -  !  5s: fail node node-1\n"), "{out}");
    assert!(out.contains("node/node-1  NodeLeaseChanged renewed=false"), "{out}");
    assert!(out.contains("caused by ActionDue timeline[0]") || out.contains("caused by NodeFailed"), "{out}");
}

#[test]
fn one_more_entry_of_the_timeline_makes_no_difference_of_those_after_it() {
    let (out, _) = sim(&["diff", LOSS, "--fail-b", "node/nobody@10s"], 1);
    assert!(
        out.starts_with("no change differs, of ") && out.contains("timeline  -  !  10s: fail node nobody"),
        "{out}"
    );
    assert!(out.lines().any(|line| line.starts_with("missed ") && line.contains("nobody")), "{out}");
    let (out, _) = sim(&["diff", LOSS, "--fail-b", "node/spare-1@19m"], 1);
    assert!(
        out.contains("first difference after") && out.contains("  19m  node/spare-1  NodeLeaseChanged"),
        "{out}"
    );
}

#[test]
fn input_that_cannot_be_compared_is_refused() {
    let folder =
        folder("diff-bad", &[("d.yaml", SCENARIO), ("cut.jsonl", "{\"format\":\"sim/trace/v0\"}\n")]);
    let rows: [(&[&str], &str); 4] = [
        (&["diff", "d.yaml", "none.yaml"], "none.yaml: cannot be opened"),
        (&["diff", "d.yaml", "cut.jsonl"], "cut.jsonl:1: not a trace that this sim reads"),
        (&["diff", "cut.jsonl"], "a trace is compared with another trace or a scenario"),
        (&["diff", "d.yaml", "--seed", "1", "--seed", "2", "--seed", "3"], "once for each side"),
    ];
    for (args, message) in rows {
        let (_, err) = sim_in(&folder, args, 2);
        assert!(err.contains(message), "{err:?} lacks {message:?}");
    }
    let whole = folder.join("t.jsonl");
    sim_in(&folder, &["run", "d.yaml", "--trace", "t.jsonl"], 0);
    let text = fs::read_to_string(&whole).unwrap();
    fs::write(&whole, &text[..text.len() - 20]).unwrap();
    let (_, err) = sim_in(&folder, &["diff", "d.yaml", "t.jsonl"], 2);
    assert!(err.contains("the trace is cut off in this line"), "{err}");
}
