//! The program as its users see it: arguments, exit codes, what goes to stdout and what to stderr.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use assert_cmd::Command;
use serde::Deserialize;
use serde_json::Value;

use crate::{json_schema, scenarios};

const ONCE: &str = "scenarios/job-once.yaml";
const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: web}]}\n";

/// Runs `sim` in the root of the package.
fn sim(args: &[&str], stdin: &str) -> Output {
    let mut command = Command::cargo_bin("sim").expect("the binary is built");
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(args).write_stdin(stdin);
    command.output().expect("it runs")
}

#[track_caller]
fn check(args: &[&str], stdin: &str, code: i32) -> (String, String) {
    let output = sim(args, stdin);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is text");
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}{err}");
    (out, err)
}

/// Runs what must work, and gives its stdout.
#[track_caller]
fn ok(args: &[&str]) -> String {
    check(args, "", 0).0
}

/// Runs what must be refused, with this in its message.
#[track_caller]
fn refused(args: &[&str], stdin: &str, message: &str) {
    let (out, err) = check(args, stdin, 2);
    assert!(err.contains(message), "{err:?} lacks {message:?}");
    assert_eq!(out, "", "what is refused prints no result");
}

/// A folder of its own for a test.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("the folder can be made");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("the file can be written");
    }
    folder
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

#[test]
fn exit_codes_tell_success_unmet_expectations_and_bad_input_apart() {
    ok(&["run", ONCE]);
    let unmet =
        "apiVersion: sim/v1\nkind: Scenario\nspec: {expect: [{that: pods.size() == 1, message: one pod}]}\n";
    let (out, err) = check(&["run", "-"], unmet, 1);
    assert!(out.contains("FAILED  -:3:24: pods.size() == 1  (one pod)"), "{out}");
    assert!(out.contains("found 0 == 1") && out.contains("expect  0 of 1 holds"), "{out}");
    assert_eq!(err, "");
    refused(&["run", "-"], "kind: Pod\n", "apiVersion");
    refused(
        &["run", "-"],
        "apiVersion: v1\nkind: Pod\nspec: {containerz: []}\n",
        "did you mean `containers`?",
    );
    refused(&["fly"], "", "unrecognized subcommand");
}

#[test]
fn input_that_is_not_there_or_empty_is_refused() {
    refused(&["run", "no-such-file.yaml"], "", "no-such-file.yaml: cannot be opened");
    refused(&["run", "-"], "", "-:1:1: ");
    let folder = folder("empty", &[("notes.txt", "no manifest")]);
    refused(&["run", shown(&folder)], "", "no .yaml, .yml or .json file in it");
}

#[test]
fn input_is_read_from_stdin_folders_and_several_files() {
    let (out, _) = check(&["run", "-"], POD, 0);
    assert!(out.starts_with("1 pod: 1 Running\n"), "{out}");
    let other = POD.replace("web", "other");
    let folder = folder("several", &[("a.yaml", POD), ("b.yml", &other), ("notes.txt", ": [")]);
    assert!(ok(&["run", shown(&folder)]).starts_with("2 pods: 2 Running\n"));
    let (a, b) = (folder.join("a.yaml"), folder.join("b.yml"));
    assert!(ok(&["run", shown(&a), shown(&b)]).starts_with("2 pods: 2 Running\n"));
}

#[test]
fn results_come_as_json_and_yaml_with_the_version_of_their_format() {
    let json: Value = serde_json::from_str(&ok(&["run", ONCE, "-o", "json"])).expect("JSON");
    let yaml: Value = serde_yaml::from_str(&ok(&["run", ONCE, "-o", "yaml"])).expect("YAML");
    for result in [json, yaml] {
        assert_eq!(result["format"], "sim/result/v1");
        assert_eq!(result["jobs"][0]["condition"], "Complete");
        assert_eq!(result["jobs"][0]["attempts"][0]["exitCode"], 0);
        assert_eq!(result["ok"], true);
    }
}

#[test]
fn the_trace_has_every_change_with_its_cause() {
    let path = folder("trace", &[]).join("trace.jsonl");
    ok(&["run", ONCE, "--trace", shown(&path)]);
    let text = fs::read_to_string(&path).expect("the trace is written");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (head, lines) = lines.split_first().expect("a head");
    let (end, lines) = lines.split_last().expect("an end");
    assert_eq!((&head["scenario"], &end["end"]["endedAt"]), (&"job-once".into(), &3600.0.into()));
    assert!(lines.is_sorted_by(|a, b| a["t"].as_f64() <= b["t"].as_f64()));
    let complete = lines.iter().find(|line| line["status"]["succeeded"] == 1).expect("the Job succeeds");
    assert_eq!(complete["cause"], "JobSync job/default/batch-job");
    assert_eq!(complete["t"], 13.0);
    refused(&["run", ONCE, "--trace", "/no/such/folder/t"], "", "/no/such/folder/t: cannot be created");
}

#[test]
fn a_run_can_be_ended_early() {
    let out = ok(&["run", ONCE, "--until", "5s"]);
    assert!(out.starts_with("Job default/batch-job  Running"), "{out}");
    assert!(out.contains("ended   at 5s: the horizon") && out.contains("--until 5s"), "{out}");
    assert!(out.contains("expect  0 of 0 hold, 5 not judged\n"), "{out}");
    refused(&["run", ONCE, "--until", "soon"], "", "--until");
}

#[test]
fn parameters_are_set_by_name() {
    let scenario = "apiVersion: sim/v1\nkind: Scenario\nspec:\n  params: {workers: 3}\n  nodePools: \
                    [{name: a, count: \"${workers}\", capacity: {cpu: 1, memory: 1Gi}}]\n  expect: \
                    [{that: nodes.size() == 3}]\n";
    check(&["run", "-"], scenario, 0);
    check(&["run", "-", "--set", "workers=4"], scenario, 1);
    refused(&["run", "-", "--set", "worker=4"], scenario, "worker");
    refused(&["run", "-", "--set", "workers"], scenario, "not NAME=VALUE");
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another_one() {
    let out = ok(&["run", ONCE, "--twice"]);
    assert_eq!(out, ok(&["run", ONCE]));
    assert_ne!(out.lines().last(), ok(&["run", ONCE, "--seed", "2"]).lines().last());
}

#[test]
fn check_counts_objects_and_warns() {
    assert_eq!(ok(&["check", ONCE]), "ok: 1 Job, 3 nodes, 0 warnings\n");
    let out = ok(&["check", "scenarios/port-conflict.yaml"]);
    assert!(out.contains("warning: spec.containers[1].ports[0]: duplicate port definition"), "{out}");
    assert!(out.contains("the second to listen on 8080/TCP fails"), "{out}");
    assert!(ok(&["check", "scenarios/cronjob.yaml"]).contains("use `batch/v1`"));
}

#[test]
fn get_lists_objects_as_kubectl_does() {
    let pods = ok(&["get", "pods", ONCE, "--at", "6s"]);
    assert!(pods.starts_with("NAME             READY  STATUS   RESTARTS  AGE\nbatch-job-"), "{pods}");
    assert!(pods.contains("1/1    Running  0         6s\n"), "{pods}");
    assert_eq!(ok(&["get", "po", ONCE, "--at", "6s"]), pods);
    assert!(ok(&["get", "pods", ONCE, "-o", "wide"]).contains("10.244."));
    let jobs = ok(&["get", "job", "batch-job", ONCE]);
    assert_eq!(
        jobs,
        "NAME       STATUS    COMPLETIONS  DURATION  AGE\nbatch-job  Complete  1/1          13s       1h\n"
    );
    assert!(ok(&["get", "nodes", ONCE]).lines().count() == 4);
    assert!(ok(&["get", "cj", "scenarios/cronjob.yaml", "--at", "1h"]).contains("0,15,30,45 * * * *"));
    assert_eq!(ok(&["get", "cronjobs", ONCE]), "No resources found.\n");
    for form in ["json", "yaml"] {
        let list: Value = serde_yaml::from_str(&ok(&["get", "jobs", ONCE, "-o", form])).expect("YAML");
        assert_eq!(list["items"][0]["status"]["succeeded"], 1, "{form}");
    }
    let endpoints = ok(&["get", "ep", "backend", "scenarios/zone-partition.yaml", "--at", "1m"]);
    let expected =
        "NAME     ENDPOINTS                        AGE\nbackend  10.244.0.2:9090,10.244.1.2:9090  1m\n";
    assert_eq!(endpoints, expected);
    let away = ok(&["get", "endpoints", "scenarios/kubelet-outage.yaml", "--at", "3m"]);
    assert_eq!(away, "NAME  ENDPOINTS  AGE\nweb              3m\n");
    let list = ok(&["get", "endpoints", "scenarios/kubelet-outage.yaml", "--at", "3m", "-o", "json"]);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list["items"][0]["subsets"][0]["notReadyAddresses"][0]["nodeName"], "edge-1");
    refused(
        &["get", "jobs", "batch-jab", ONCE],
        "",
        "no job \"batch-jab\" at this instant; did you mean `batch-job`?",
    );
}

#[test]
fn logs_of_finished_pods_can_be_read() {
    let out = ok(&["logs", "job/batch-job", ONCE]);
    assert_eq!(out, "0s  reading orders\n12s  1742 orders booked\n");
    assert_eq!(ok(&["logs", "batch-job-*", ONCE, "--at", "5s"]), "0s  reading orders\n");
    let conflict = "scenarios/port-conflict.yaml";
    let out = ok(&["logs", "together", conflict, "--at", "1s", "-c", "admin"]);
    assert!(out.contains("address already in use"), "{out}");
    refused(&["logs", "no-such-pod", conflict], "", "no pod \"no-such-pod\"");
}

#[test]
fn a_namespace_narrows_down_what_is_shown() {
    let pod = |namespace: &str, image: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: {namespace}}}\nspec: {{restartPolicy: Never, \
             containers: [{{name: c, image: {image}}}]}}\n"
        )
    };
    let scenario = "apiVersion: sim/v1\nkind: Scenario\nspec:\n  images:\n    a: {steps: [{log: from a}, {exit: 3}]}\n    \
         b: {steps: [{log: from b}]}\n";
    let text = format!("{scenario}{}{}", pod("one", "a"), pod("two", "b"));
    let shown = |args: &[&str]| check(args, &text, 0).0;
    assert_eq!(shown(&["logs", "web", "-", "-n", "two"]), "0s  from b\n");
    assert_eq!(shown(&["logs", "web", "-", "-n", "one"]), "0s  from a\n");
    assert!(!shown(&["get", "pods", "-", "-n", "two"]).contains("Error"));
    assert!(!shown(&["events", "-", "-n", "two"]).contains("one/"));
    refused(
        &["logs", "thing/web", "-"],
        &text,
        "`sim logs` needs POD or KIND/NAME, as job/batch, found \"thing/web\"",
    );
    refused(
        &["why", "pod/web", "-"],
        &text,
        "the run has no pod default/web; there is one with `--namespace one`",
    );
    let why = shown(&["why", "pod/web", "-", "-n", "one"]);
    assert!(why.contains("Container c exited with 3 at 0s. It wrote last: \"from a\".\n"), "{why}");
}

#[test]
fn a_custom_resource_is_left_out_on_demand_and_a_typo_is_not() {
    let text =
        "{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: m}, spec: {}}\n---\n";
    let text = format!("{text}{POD}");
    refused(
        &["run", "-"],
        &text,
        "-:1:46: kind: `ServiceMonitor` is a custom resource and not modelled; `--allow-unmodelled` runs without it",
    );
    let (out, err) = check(&["run", "-", "--allow-unmodelled"], &text, 0);
    assert!(out.contains("not modelled: ServiceMonitor kind"), "{out}");
    assert!(err.contains("-:1:46: warning: ServiceMonitor kind: not modelled"), "{err}");
    let typo = "{apiVersion: v1, kind: Pdo}";
    refused(
        &["run", "-", "--allow-unmodelled"],
        typo,
        "-:1:24: kind: unknown kind `Pdo` in `v1`; did you mean `Pod`?",
    );
}

#[test]
fn what_pods_name_and_is_not_there_is_said_to_be_assumed() {
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: i, \
         env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}], \
         envFrom: [{configMapRef: {name: maybe, optional: true}}, {configMapRef: {name: there}}]}], \
         volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}}";
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: there}}";
    let (out, _) = check(&["run", "-"], &format!("{pod}\n---\n{map}\n"), 0);
    let line = "        persistentvolumeclaim/data, secret/s are not among the manifests: taken as present\n";
    assert!(out.contains(line), "{out}");
}

#[test]
fn the_next_try_of_an_index_is_its_own() {
    let text = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {completions: 3, parallelism: 2, \
         completionMode: Indexed, backoffLimitPerIndex: 1, \
         template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}\n---\n\
         {apiVersion: sim/v1, kind: Scenario, spec: {images: {i: {steps: [{run: 5s}]}}, \
         timeline: [{at: 2s, kill: {pod: j-0-*, exitCode: 1}}]}}\n";
    let (out, _) = check(&["run", "-", "-o", "json"], text, 0);
    let run: Value = serde_json::from_str(&out).expect("it is JSON");
    let attempts = run["jobs"][0]["attempts"].as_array().expect("there are attempts");
    let waits: Vec<_> =
        attempts.iter().map(|attempt| (&attempt["index"], &attempt["nextTryAfter"])).collect();
    let (none, ten) = (Value::Null, Value::from(10.0));
    let [zero, one, two] = [0, 1, 2].map(Value::from);
    assert_eq!(waits, [(&zero, &ten), (&one, &none), (&two, &none), (&zero, &none)]);
}

#[test]
fn events_can_be_listed_for_one_object() {
    let file = "scenarios/job-deadline.yaml";
    let all = ok(&["events", file]);
    let of_job = ok(&["events", file, "--for", "job/batch-job"]);
    assert!(of_job.contains("DeadlineExceeded") && !of_job.contains("pod/batch-job"), "{of_job}");
    assert!(all.lines().count() > of_job.lines().count());
    assert_eq!(ok(&["events", file, "--for", "jobs/batch-job"]), of_job);
    assert_eq!(ok(&["events", file, "--for", "node/nobody"]), "No events found.\n");
    refused(&["events", file, "--for", "batch-job"], "", "KIND/NAME");
}

#[test]
fn the_schema_accepts_the_shipped_scenarios_and_refuses_a_typo() {
    let schema: Value = serde_json::from_str(&ok(&["schema"])).expect("the schema is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for file in scenarios::files() {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).expect("a file");
        let first = serde_yaml::Deserializer::from_str(&text).next().expect("a document");
        let mut scenario = Value::deserialize(first).expect("YAML");
        assert_eq!(scenario["kind"], "Scenario", "{}", file.display());
        assert_eq!(json_schema::validate(&schema, &scenario), Ok(()), "{}", file.display());
        scenario["spec"]["horizont"] = "1h".into();
        assert!(json_schema::validate(&schema, &scenario).is_err());
    }
}

#[test]
fn every_command_helps_with_an_example() {
    for command in ["run", "check", "get", "logs", "events", "schema", "completions", "man"] {
        assert!(ok(&[command, "--help"]).contains("Example: sim "), "{command}");
    }
    assert!(ok(&["--help"]).contains("Exit codes"));
    assert!(ok(&["--version"]).starts_with("sim 0."));
    assert!(ok(&["man"]).starts_with(".ie"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(ok(&["completions", shell]).contains("sim"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("sim"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["events", "scenarios/cronjob.yaml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("stderr is piped").read_to_string(&mut err).expect("the errors are text");
    let status = child.wait().expect("it ends");
    assert!(status.success() && err.lines().all(|line| line.contains("warning: ")), "{status} {err}");
}
