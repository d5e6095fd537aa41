//! The built binary gives the same text in every process, folder and environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Chance in every program, faults, a CronJob in a zone with daylight saving time, typical latencies.
const WORLD: &str = r#"
apiVersion: sim/v1
kind: Scenario
metadata: {name: world}
spec:
  seed: 7
  horizon: 3h
  timing: typical
  startTime: "2027-03-28T00:30:00Z"
  nodePools:
  - {name: a, count: 3, capacity: {cpu: 2, memory: 4Gi}, zone: z1}
  - {name: b, count: 2, capacity: {cpu: 4, memory: 8Gi}, zone: z2, taints: [{key: k, effect: PreferNoSchedule}]}
  images:
    work: {pullSize: 200M, startup: 1s, steps: [{run: {lognormal: {p50: 20s, p99: 3m}}}, {exit: {0: 0.7, 3: 0.3}}]}
    leak: {memory: {base: 50Mi, growth: 20Mi/m}, steps: [{log: begins}, {listen: 80}, {run: forever}]}
  timeline:
  - {at: 5m, fail: {node: a-1, for: 10m}}
  - {at: 20m, kill: {pod: "work-*"}}
  - {at: 30m, stop: {component: kube-controller-manager, for: 12m}}
  - {at: 1h, cordon: {node: b-1}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: work}
spec:
  completions: 30
  parallelism: 8
  backoffLimit: 40
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: work, resources: {requests: {cpu: 700m}}}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: often}
spec:
  schedule: "*/10 * * * *"
  timeZone: Europe/Berlin
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers: [{name: c, image: work}]
---
apiVersion: v1
kind: Pod
metadata: {name: leaky}
spec:
  containers: [{name: c, image: leak, resources: {limits: {memory: 200Mi}}}]
"#;

/// Nothing but a manifest.
const BARE: &str = r#"
{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "bare"},
 "spec": {"template": {"spec": {"restartPolicy": "OnFailure", "containers": [{"name": "c", "image": "i"}]}}}}
"#;

/// A folder of inputs that is removed at the end.
struct Inputs(PathBuf);

impl Inputs {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("elsewhere/other")).unwrap();
        fs::write(folder.join("world.yaml"), WORLD).unwrap();
        fs::write(folder.join("bare.json"), BARE).unwrap();
        Self(folder)
    }
}

impl Drop for Inputs {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Runs the binary in a folder with nothing in its environment but `env`.
fn sim(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(args)
        .current_dir(folder)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(!output.stdout.is_empty(), "{args:?} wrote nothing");
    output
}

#[track_caller]
fn check(name: &str, args: &[&str]) {
    let inputs = Inputs::new(name);
    let first = sim(&inputs.0, args, &[]).stdout;
    let environments: [&[(&str, &str)]; 4] = [
        &[],
        &[("LANG", "de_DE.UTF-8"), ("LC_ALL", "tr_TR.UTF-8"), ("TZ", "Asia/Kathmandu"), ("HOME", "/nowhere")],
        &[
            ("LC_ALL", "C"),
            ("TZ", "America/St_Johns"),
            ("COLUMNS", "20"),
            ("TERM", "xterm"),
            ("RUST_LOG", "trace"),
        ],
        &[("SOURCE_DATE_EPOCH", "1"), ("RUST_BACKTRACE", "1"), ("USER", "somebody"), ("NOISE", "x")],
    ];
    for env in environments {
        let again = sim(&inputs.0, args, env).stdout;
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&first), "{args:?} with {env:?}");
    }
}

#[test]
fn a_world_of_chance_runs_the_same_in_every_process_and_environment() {
    check("run", &["run", "world.yaml"]);
    check("run-json", &["run", "world.yaml", "bare.json", "-o", "json"]);
    check("run-seed", &["run", "world.yaml", "--seed", "99", "--twice"]);
}

#[test]
fn a_bare_manifest_runs_the_same_in_every_process_and_environment() {
    check("bare", &["run", "bare.json"]);
}

#[test]
fn every_other_view_is_the_same_in_every_process_and_environment() {
    check("get", &["get", "pods", "world.yaml", "--at", "47m", "-o", "wide"]);
    check("get-yaml", &["get", "jobs", "world.yaml", "-o", "yaml"]);
    check("logs", &["logs", "leaky", "world.yaml"]);
    check("events", &["events", "world.yaml"]);
    check("schema", &["schema"]);
}

#[test]
fn the_working_directory_shows_only_in_the_command_that_reproduces_the_run() {
    let inputs = Inputs::new("folders");
    let without_command = |output: Output| -> Vec<String> {
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.starts_with("again ")).map(str::to_owned).collect()
    };
    let near = without_command(sim(&inputs.0, &["run", "world.yaml"], &[]));
    let far = without_command(sim(&inputs.0.join("elsewhere/other"), &["run", "../../world.yaml"], &[]));
    let absolute = inputs.0.join("world.yaml");
    let absolute = without_command(sim(Path::new("/"), &["run", absolute.to_str().unwrap()], &[]));
    assert_eq!(near, far);
    assert_eq!(near, absolute);
}

#[test]
fn the_trace_of_every_change_is_the_same_in_two_processes() {
    let inputs = Inputs::new("trace");
    for name in ["one", "two"] {
        sim(&inputs.0, &["run", "world.yaml", "--trace", name], &[("TZ", name)]);
    }
    let [one, two] = ["one", "two"].map(|name| fs::read_to_string(inputs.0.join(name)).unwrap());
    assert!(one.lines().count() > 500, "{} changes only", one.lines().count());
    assert_eq!(one, two);
}
