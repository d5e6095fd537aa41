//! What the binary says about bad input: every line, exactly, and exit code 2; never a panic, never a hang.

#![expect(clippy::disallowed_types, reason = "whether the binary hangs is a matter of the real clock")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// No bad input may keep a user waiting for longer, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Job with nothing wrong, with its spec to be written on from line 5.
const JOB: &str = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n";
/// A pod template with nothing wrong, of 5 lines.
const TEMPLATE: &str =
    "  template:\n    spec:\n      restartPolicy: Never\n      containers:\n      - {name: c, image: i}\n";
/// A Scenario with its spec to be written on from line 4.
const SCENARIO: &str = "apiVersion: sim/v1\nkind: Scenario\nspec:\n";

/// A folder of its own that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let serial = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("diagnostics-{}-{serial}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Plays an input that is called `in.yaml`.
fn sim(text: &[u8], args: &[&str]) -> Output {
    let folder = Folder::new();
    fs::write(folder.0.join("in.yaml"), text).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["run", "in.yaml"])
        .args(args)
        .current_dir(&folder.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut stderr, &mut text).map(|_| text)
    });
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("no answer within {PATIENCE:?}");
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let stderr = reader.join().unwrap().unwrap();
    Output { stderr, ..child.wait_with_output().unwrap() }
}

/// An input and all that is said about it.
#[track_caller]
fn check(text: impl AsRef<[u8]>, expected: &[&str]) {
    let output = sim(text.as_ref(), &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

fn job(spec: &str) -> String {
    format!("{JOB}{spec}{TEMPLATE}")
}

fn scenario(spec: &str) -> String {
    format!("{SCENARIO}{spec}")
}

#[test]
fn a_key_that_is_given_twice_is_said_once_to_be_so() {
    check(
        job("  backoffLimit: 1\n  backoffLimit: two\n"),
        &["in.yaml:6:3: spec.backoffLimit: duplicate key `backoffLimit`, first given on line 5"],
    );
    check(
        scenario("  seed: 1\n  seed: 2\n"),
        &["in.yaml:5:3: spec.seed: duplicate key `seed`, first given on line 4"],
    );
}

#[test]
fn a_job_whose_pods_always_restart_is_refused() {
    check(
        format!("{JOB}{}", TEMPLATE.replace("Never", "Always")),
        &[
            "in.yaml:7:22: spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
        ],
    );
}

#[test]
fn unknown_fields_come_with_the_names_that_were_meant() {
    check(
        format!("{JOB}  paralelism: 2\n{}", TEMPLATE.replace("containers", "containrs")),
        &[
            "in.yaml:5:3: spec.paralelism: unknown field `paralelism`; did you mean `parallelism`?",
            "in.yaml:7:5: spec.template.spec.containers: Required value",
            "in.yaml:9:7: spec.template.spec.containrs: unknown field `containrs`; did you mean `containers`?",
        ],
    );
}

#[test]
fn unknown_kinds_and_versions_come_with_the_ones_that_were_meant() {
    check(
        "apiVersion: batch/v1\nkind: Jobb\nmetadata: {name: j}\n---\n\
         apiVersion: batch/v2\nkind: Job\nmetadata: {name: j}\n---\n\
         kind: Job\n---\n\
         7\n",
        &[
            "in.yaml:2:7: kind: unknown kind `Jobb` in `batch/v1`; did you mean `Job`?",
            "in.yaml:5:13: apiVersion: there is no Job in `batch/v2`; did you mean `batch/v1`?",
            "in.yaml:9:1: apiVersion: Required value",
            "in.yaml:11:1: expected an object with `apiVersion` and `kind`, found the number `7`",
        ],
    );
}

#[test]
fn texts_that_are_no_yaml_are_refused_where_they_go_wrong() {
    let cases: [(&[u8], &str); 8] = [
        (b"", "in.yaml:1:1: nothing in it: expected a Kubernetes object"),
        (b"\n# nothing\n---\n", "in.yaml:1:1: nothing in it: expected a Kubernetes object"),
        (b"apiVersion: v1\nkind: \xff\xfe\n", "in.yaml:2:7: not UTF-8: found the byte 0xff"),
        (b"apiVersion: v1\nkind: Po\0d\n", "in.yaml:2:9: control characters are not allowed, found U+0000"),
        (
            b"kind: Pod\nspec:\n\ta: 1\n",
            "in.yaml:3:2: invalid YAML: tabs disallowed within this context (block indentation): indent with spaces",
        ),
        (b"{\"kind\": \"Pod\"}}", "in.yaml:1:16: invalid YAML: misplaced bracket"),
        (b"- a\n- b\n", "in.yaml:1:1: expected an object with `apiVersion` and `kind`, found a list"),
        (
            b"{a: 1",
            "in.yaml:2:1: invalid YAML: while parsing a flow mapping, did not find expected ',' or '}'",
        ),
    ];
    for (text, expected) in cases {
        check(text, &[expected]);
    }
}

#[test]
fn texts_made_to_exhaust_the_reader_are_refused_soon() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (name, before) in ('b'..='j').zip('a'..) {
        bomb += &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(","));
    }
    check(bomb, &["in.yaml:5:26: aliases stand for too much"]);
    check("[".repeat(200_000), &["in.yaml:1:256: nested deeper than 100 levels"]);
    check(
        job(&format!("  x: {}1{}\n", "{a: ".repeat(200), "}".repeat(200))),
        &["in.yaml:5:398: nested deeper than 100 levels"],
    );
    check(
        format!("a: [{}", "x, ".repeat(1_700_000)),
        &["in.yaml:1:1: more than 500000 commas in one document: write lists as lines, or the file as JSON"],
    );
    check("key: {\n".repeat(700_000), &["in.yaml:2:1: invalid YAML: invalid indentation"]);
}

#[test]
fn five_megabytes_of_noise_are_refused_soon() {
    let noise: Vec<u8> =
        (0..5 << 20_u32).map(|at: u32| at.wrapping_mul(7919).wrapping_add(at / 251) as u8).collect();
    check(noise, &["in.yaml:1:2: not UTF-8: found the byte 0xef"]);
    let lines: String = (0..330_000).map(|at| format!("key{at}: value{at}\n")).collect();
    check(lines, &["in.yaml:1:1: apiVersion: Required value", "in.yaml:1:1: kind: Required value"]);
}

#[test]
fn numbers_out_of_range_are_refused_by_the_bound_that_they_break() {
    check(
        job("  parallelism: 99999999999\n  backoffLimit: 99999999999999999999999\n  completions: many\n"),
        &[
            "in.yaml:5:16: spec.parallelism: expected an integer from -2147483648 to 2147483647, found `99999999999`",
            "in.yaml:6:17: spec.backoffLimit: expected an integer from -2147483648 to 2147483647, found \
             `99999999999999999999999`",
            "in.yaml:7:16: spec.completions: expected an integer, found the string `many`",
        ],
    );
    check(
        job("  parallelism: -1\n  completions: -2\n  backoffLimit: -3\n  activeDeadlineSeconds: -4\n"),
        &[
            "in.yaml:5:16: spec.parallelism: Invalid value: -1: must be greater than or equal to 0",
            "in.yaml:6:16: spec.completions: Invalid value: -2: must be greater than or equal to 0",
            "in.yaml:7:17: spec.backoffLimit: Invalid value: -3: must be greater than or equal to 0",
            "in.yaml:8:26: spec.activeDeadlineSeconds: Invalid value: -4: must be greater than or equal to 0",
        ],
    );
}

#[test]
fn bad_durations_and_values_of_a_scenario_are_all_refused_at_once() {
    check(
        scenario(
            "  nodePools: [{name: a, count: -1, capacity: {cpu: 4, memory: 1Gi}}]\n  images:\n    i:\n\
             \x20     startup: -3s\n      steps:\n      - {run: 5}\n      - {run: soon}\n",
        ),
        &[
            "in.yaml:4:32: spec.nodePools[0].count: expected an integer from 0 to 4294967295, found `-1`",
            "in.yaml:7:16: spec.images[i].startup: not a duration such as 90s, 1h30m, 250ms or 30d: \"-3s\"",
            "in.yaml:9:15: spec.images[i].steps[0].run: a span of time needs a unit, as in 5s, found 5",
            "in.yaml:10:15: spec.images[i].steps[1].run: expected `forever`, a span of time such as 90s, 1h30m or \
             250ms or a map, found the string `soon`",
        ],
    );
}

#[test]
fn bad_quantities_are_all_refused_at_once() {
    let resources =
        "- {name: c, image: i, resources: {requests: {cpu: 1.5.5, memory: 10Gb}, limits: {memory: 1e999}}}";
    let form = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    let at = "spec.template.spec.containers[0].resources";
    check(
        format!("{JOB}{}", TEMPLATE.replace("- {name: c, image: i}", resources)),
        &[
            &format!("in.yaml:9:57: {at}.requests[cpu]: {form}, found `1.5.5`"),
            &format!("in.yaml:9:72: {at}.requests[memory]: {form}, found `10Gb`"),
            &format!(
                "in.yaml:9:96: {at}.limits[memory]: quantity is larger than 9223372036854775807, found `1e999`"
            ),
        ],
    );
}

#[test]
fn bad_schedules_and_unknown_zones_are_refused_at_once() {
    check(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec:\n  schedule: '61 * * * *'\n  \
         timeZone: Mars/Olympus\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          \
         restartPolicy: Never\n          containers: [{name: c, image: i}]\n",
        &[
            "in.yaml:5:13: spec.schedule: Invalid value: \"61 * * * *\": end of range (61) above maximum (59): 61",
            "in.yaml:6:13: spec.timeZone: Invalid value: \"Mars/Olympus\": unknown time zone Mars/Olympus",
        ],
    );
}

#[test]
fn what_may_be_given_once_is_refused_twice() {
    check(
        job("") + "---\n" + &job(""),
        &["in.yaml:13:18: metadata.name: Job \"j\" is defined already at in.yaml:3:18"],
    );
    check(
        scenario("  seed: 1\n") + "---\n" + &scenario("  seed: 2\n"),
        &["in.yaml:2:7: kind: there is another Scenario: one at a time is played; `sim test` plays them all"],
    );
}

#[test]
fn an_unknown_parameter_is_named() {
    check(
        scenario("  params: {wait: 2s}\n  images: {i: {steps: [{log: \"${wiat}\"}]}}\n"),
        &["in.yaml:5:30: unknown parameter `wiat`; did you mean `wait`?"],
    );
}

#[test]
fn files_that_a_scenario_names_and_that_are_not_there_are_all_named() {
    check(
        scenario("  manifests: [nosuch.yaml, other.yaml]\n  trace: {pods: nosuch.csv}\n"),
        &[
            "in.yaml:4:3: spec.manifests: nosuch.yaml: cannot be opened: No such file or directory (os error 2)",
            "in.yaml:4:3: spec.manifests: other.yaml: cannot be opened: No such file or directory (os error 2)",
            "in.yaml:5:17: spec.trace.pods: nosuch.csv: cannot be opened: No such file or directory (os error 2)",
        ],
    );
}

#[test]
fn a_bad_expectation_is_refused_before_the_run() {
    let output = sim(scenario("  expect:\n  - that: jobs.j.succeeded ==\n").as_bytes(), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("in.yaml:5:11: spec.expect[0].that: not a CEL expression: "), "{said}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_field_that_is_not_modelled_is_refused_or_a_counted_warning() {
    let probe = "- name: c\n        image: i\n        livenessProbe: {httpGet: {host: other, port: 80}}";
    let text = format!("{JOB}{}", TEMPLATE.replace("- {name: c, image: i}", probe));
    let path = "spec.template.spec.containers[0].livenessProbe.httpGet.host";
    check(
        &text,
        &[&format!(
            "in.yaml:11:35: {path}: not modelled, and would change the result; `--allow-unmodelled` runs without it"
        )],
    );
    let output = sim(text.as_bytes(), &["--allow-unmodelled"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("in.yaml:11:35: warning: ") && said.contains("httpGet.host: not modelled"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(0));
    let result = String::from_utf8(output.stdout).unwrap();
    assert!(result.contains("not modelled"), "{result}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = Folder::new();
    let output = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(["run", "nosuch.yaml"])
        .current_dir(&folder.0)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "nosuch.yaml: cannot be opened: No such file or directory (os error 2)\n");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn mistakes_in_the_form_of_a_scenario_hide_no_others() {
    check(
        format!(
            "{SCENARIO}  images: {{i: {{setps: []}}}}\n  expect:\n    - {{that: 'nodes.size() >', mesage: m}}\n    \
             - {{that: 'node == 3'}}\n  timeline:\n    - {{at: 1m}}\n    - {{at: 1m, heal: {{zones: [a]}}}}\n  \
             nodePools: [{{name: small, count: 1, capacity: {{cpu: 1, memory: 1Gi}}}}]\n  \
             capacity: {{sizes: [{{pool: smal}}]}}\n"
        ),
        &[
            "in.yaml:4:16: spec.images[i].setps: unknown field `setps`; did you mean `steps`?",
            "in.yaml:6:14: spec.expect[0].that: not a CEL expression: Syntax error: mismatched input '<EOF>' \
             expecting expression",
            "in.yaml:6:32: spec.expect[0].mesage: unknown field `mesage`; did you mean `message`?",
            "in.yaml:7:14: spec.expect[1].that: unknown variable \"node\": known are autoscalers, budgets, cronjobs, \
             daemonsets, deployments, jobs, logs, nodes, pods, quotas, records, replicasets, services, statefulsets, t, \
             tiers, traffic",
            "in.yaml:9:7: spec.timeline[0]: exactly one action is wanted, found 0",
            "in.yaml:10:16: spec.timeline[1].heal: no partition of zone a begins before",
            "in.yaml:12:22: spec.capacity.sizes[0]: there is no pool/smal; did you mean `small`?",
        ],
    );
}

#[test]
fn what_may_be_right_is_not_blamed_on_a_mistake_elsewhere() {
    let autoscaler = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec:\n  \
        scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}\n  maxReplicas: 3\n  metrics:\n    \
        - {type: External, external: {metric: {name: queue}, target: {type: Value, value: 3}}}\n";
    check(
        format!(
            "{SCENARIO}  nodePools: [{{name: a, cuont: 1, capacity: {{cpu: 1, memory: 1Gi}}}}]\n  \
             metrics: [{{name: queue, serise: []}}]\n  sweep: {{axes: [{{pool: a, values: [1]}}]}}\n{autoscaler}"
        ),
        &[
            "in.yaml:4:15: spec.nodePools[0].count: Required value",
            "in.yaml:4:25: spec.nodePools[0].cuont: unknown field `cuont`; did you mean `count`?",
            "in.yaml:5:13: spec.metrics[0].series: Required value",
            "in.yaml:5:27: spec.metrics[0].serise: unknown field `serise`; did you mean `series`?",
        ],
    );
}

#[test]
fn what_the_run_does_not_come_to_is_not_passed_over() {
    let text = format!(
        "{SCENARIO}  horizon: 1m\n  timeline: [{{at: 2m, fail: {{node: node-1}}}}]\n  expect:\n    \
         - {{at: 2h, that: nodes.size() == 9}}\n    - {{at: 1m, that: nodes.size() == 3}}\n"
    );
    check(
        text,
        &[
            "in.yaml:5:19: warning: spec.timeline[0].at: 2m is after the horizon, 1m: never done",
            "in.yaml:7:12: spec.expect[0].at: 2h is after the horizon, 1m: never judged",
        ],
    );
    check(
        format!(
            "{SCENARIO}  horizon: 1h\n  seed: -1\n  sweep:\n    axes:\n      \
             - {{failNode: node-1, values: [1h, 61m]}}\n      - {{failNode: node-2, from: 0s, to: 1h, step: 30m}}\n"
        ),
        &[
            "in.yaml:5:9: spec.seed: expected an integer from 0 to 18446744073709551615, found `-1`",
            "in.yaml:8:9: warning: spec.sweep.axes[0]: 1h1m is after the horizon, 1h: never done",
        ],
    );
    check(
        format!(
            "{SCENARIO}  timeline:\n    - {{at: 1m, heal: {{zones: [b, a]}}}}\n    \
             - {{at: 2m, partition: {{zones: [a, b]}}}}\n    - {{at: 3m, heal: {{zones: [a]}}}}\n"
        ),
        &[
            "in.yaml:5:16: spec.timeline[0].heal: no partition of zones a, b begins before",
            "in.yaml:7:16: spec.timeline[2].heal: no partition of zone a begins before",
        ],
    );
}

#[test]
fn a_patch_with_an_unknown_field_is_refused_before_the_run() {
    let text = format!(
        "{SCENARIO}  timeline:\n  - {{at: 1s, patch: {{job: j, merge: {{spec: {{backofLimit: 3}}}}}}}}\n  \
         - {{at: 1s, patch: {{job: j, merge: 5}}}}\n  - {{at: 1s, patch: {{job: j, merge: {{spec: {{suspend: 1}}}}}}}}\n\
         ---\n{}",
        job("")
    );
    check(
        text,
        &[
            "in.yaml:5:45: spec.timeline[0].patch.merge.spec.backofLimit: unknown field `backofLimit`; did you mean \
             `backoffLimit`?",
            "in.yaml:6:37: spec.timeline[1].patch.merge: expected a map, found the number `5`",
            "in.yaml:7:54: spec.timeline[2].patch.merge.spec.suspend: expected true or false, found the number `1`",
        ],
    );
}

#[test]
fn names_that_lead_nowhere_are_noticed() {
    let manifests = "\
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: pods, namespace: shop}
spec: {selector: {app: web}, clusterIP: None}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: web:2}]}
";
    let spec = "  horizon: 1s
  params: {replicas: 3}
  images:
    nginx: {}
    web:1: {attempts: [{run: forever, exit: 3}, [{exit: 1}, {log: x}]]}
    web:2: {serve: [{port: 80, cpu: 1ms, calls: [{to: 'localhost:81'}, {to: 'web:81'}, {to: 'db:5432'}]}]}
  traffic:
  - {name: a, to: 'service/web:80', rate: 1/s}
  - {name: b, to: 'service/web.shop:https', rate: 1/s}
  - {name: c, to: 'service/pods.shop', rate: 1/s}
  timeline:
  - {at: 1s, fail: {node: node-9}}
  - {at: 1s, scale: {deployment: webb, namespace: shop, replicas: 2}}
  - {at: 1s, partition: {zones: [a]}}
  - {at: 1s, stop: {component: kubelet, node: node-8, for: 1s}}
  - {at: 1s, recover: {node: node-7}}
  - {at: 1s, recover: {zone: b}}
  - {at: 1s, start: {component: kubelet, node: node-6}}
  faults: [{nodes: 'big-*', mtbf: 1h, mttr: 1m}]
  expect: [{that: 'false'}]
";
    let output = sim(format!("{SCENARIO}{spec}{manifests}").as_bytes(), &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = [
        "5:22: warning: spec.params.replicas: nothing stands as `${replicas}`: it changes nothing",
        "7:5: warning: spec.images[nginx]: no container runs this image",
        "8:5: warning: spec.images[web:1]: no container runs this image",
        "8:45: warning: spec.images[web:1].attempts[0].exit: is never reached: the step before it does not end, or exits",
        "8:61: warning: spec.images[web:1].attempts[1][1]: is never reached: the step before it does not end, or exits",
        "9:55: warning: spec.images[web:2].serve[0].calls[0].to: no container of its pods listens on port 81",
        "9:77: warning: spec.images[web:2].serve[0].calls[1].to: service shop/web has no port 81; it has 80 (http)",
        "9:93: warning: spec.images[web:2].serve[0].calls[2].to: there is no service shop/db",
        "11:19: warning: spec.traffic[0].to: there is no service default/web; there is one in namespace shop",
        "12:19: warning: spec.traffic[1].to: service shop/web has no port `https`; it has 80 (http)",
        "13:19: warning: spec.traffic[2].to: service shop/pods has no ports: it must give a number",
        "15:5: warning: spec.timeline[0]: there is no node node-9; did you mean `node-1`?",
        "16:5: warning: spec.timeline[1]: there is no deployment shop/webb; did you mean `web`?",
        "17:5: warning: spec.timeline[2]: there is no node in zone a",
        "18:5: warning: spec.timeline[3]: there is no node node-8; did you mean `node-1`?",
        "19:5: warning: spec.timeline[4]: there is no node node-7; did you mean `node-1`?",
        "20:5: warning: spec.timeline[5]: there is no node in zone b",
        "21:5: warning: spec.timeline[6]: there is no node node-6; did you mean `node-1`?",
        "22:20: warning: spec.faults[0].nodes: there is no node big-*",
    ];
    let expected: String = expected.iter().map(|line| format!("in.yaml:{line}\n")).collect();
    assert_eq!(said, expected);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_failure_that_can_never_be_is_not_passed_over() {
    let text = format!(
        "{SCENARIO}  horizon: 1m\n  nodePools:\n    \
         - {{name: edge, count: 2, zone: east, capacity: {{cpu: 1, memory: 1Gi}}}}\n"
    );
    let check = |args: &[&str], said: &str, code: i32| {
        let output = sim(text.as_bytes(), args);
        assert_eq!(String::from_utf8(output.stderr).unwrap(), said, "{args:?}");
        assert_eq!(output.status.code(), Some(code), "{args:?}");
    };
    check(&["--fail", "node/edge-1@1m", "--fail", "zone/east@2s..2h"], "", 0);
    let late = "in.yaml:1:1: fail zone east: 2m is after the horizon, 1m: never done\n";
    check(&["--fail", "zone/east@2m..3m"], late, 2);
    let unknown = "in.yaml:1:1: warning: fail node edeg-1: there is no node edeg-1; did you mean `edge-1`?\n";
    check(&["--fail", "node/edeg-1@5s"], unknown, 0);
    let unknown = "in.yaml:1:1: warning: fail zone west-2: there is no node in zone west-2\n";
    check(&["--fail", "zone/west-2@5s"], unknown, 0);
    let early = "warning: `--fail node/edge-1@30s` is after `--until`: never done\n";
    check(&["--fail", "node/edge-1@30s", "--until", "10s"], early, 0);
}
