//! Imports: a cluster as kubectl prints it, recorded workloads, and what becomes of bad input.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

use crate::docs::check_document;
use crate::generate::swf;

/// A fresh folder.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// What a command prints to stdout and stderr, and its exit code.
fn sim(folder: &Path, arguments: &[&str], stdin: &str) -> (String, String, Option<i32>) {
    let mut command = Command::cargo_bin("sim").unwrap();
    let outcome = command.current_dir(folder).args(arguments).write_stdin(stdin).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(outcome.stdout), text(outcome.stderr), outcome.status.code())
}

/// Runs what must work; gives stdout and stderr.
#[track_caller]
fn ok(folder: &Path, arguments: &[&str], stdin: &str) -> (String, String) {
    let (out, error, code) = sim(folder, arguments, stdin);
    assert_eq!(code, Some(0), "{arguments:?}\n{out}{error}");
    (out, error)
}

/// The cells of a kubectl table by their heads, without the first line.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect()
}

/// The names, phases and nodes of the pods of a scenario at an instant, by name.
fn pods(folder: &Path, file: &str, at: &str) -> Vec<[String; 3]> {
    let (list, _) = ok(folder, &["get", "pods", file, "--at", at, "-o", "json"], "");
    let list: Value = serde_json::from_str(&list).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pod = |pod: &Value| {
        [text(&pod["metadata"]["name"]), text(&pod["status"]["phase"]), text(&pod["spec"]["nodeName"])]
    };
    let mut pods: Vec<[String; 3]> = list["items"].as_array().unwrap().iter().map(pod).collect();
    pods.sort();
    pods
}

const CLUSTER: &str = include_str!("import/cluster.yaml");

/// The cluster of the fixture, imported.
fn cluster(name: &str) -> PathBuf {
    let folder = folder(name);
    fs::write(folder.join("kubectl.yaml"), CLUSTER).unwrap();
    let (out, notes) = ok(&folder, &["import", "kubectl", "kubectl.yaml", "-o", "cluster.yaml"], "");
    assert_eq!(out, "written cluster.yaml\n");
    fs::write(folder.join("notes.txt"), notes).unwrap();
    folder
}

#[test]
fn a_cluster_as_kubectl_prints_it_becomes_a_scenario_and_all_that_is_dropped_is_listed() {
    let folder = cluster("import-golden");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    check_document("tests/golden/import/cluster.yaml", &read("cluster.yaml"));
    check_document("tests/golden/import/cluster.notes.txt", &read("notes.txt"));
    // The same from standard input, in JSON, and twice.
    let (from_stdin, _) = ok(&folder, &["import", "kubectl", "-"], CLUSTER);
    let value: Value = serde_yaml::from_str(CLUSTER).unwrap();
    let json = serde_json::to_string_pretty(&value).unwrap();
    let (from_json, _) = ok(&folder, &["import", "kubectl", "-"], &json);
    assert_eq!(from_stdin, from_json);
    let without_head =
        |text: &str| text.split_once("metadata: ").unwrap().1.split_once('\n').unwrap().1.to_owned();
    assert_eq!(without_head(&from_stdin), without_head(&read("cluster.yaml")));
}

#[test]
fn running_pods_stay_where_they_are_and_their_controllers_keep_them() {
    let folder = cluster("import-run");
    let found = pods(&folder, "cluster.yaml", "5s");
    let found: Vec<(&str, &str, &str)> =
        found.iter().map(|[name, phase, node]| (name.as_str(), phase.as_str(), node.as_str())).collect();
    assert_eq!(
        found,
        [
            ("agent-4jz8t", "Running", "control-1"),
            ("agent-c9w2k", "Running", "worker-1"),
            ("agent-lm5rx", "Running", "worker-2"),
            ("agent-p7n6q", "Pending", "worker-3"),
            ("big", "Pending", ""),
            ("db-0", "Running", "worker-2"),
            ("db-1", "Running", "worker-1"),
            ("etcd-control-1", "Running", "control-1"),
            ("nightly-28575930-hw5nb", "Running", "worker-1"),
            ("shards-1-mq8z4", "Running", "worker-2"),
            ("shards-3-t2c6v", "Running", "worker-1"),
            ("web-7d9f6b5c84-9qv7d", "Running", "worker-2"),
            ("web-7d9f6b5c84-xk2lp", "Running", "worker-1"),
        ]
    );
    let (run, _) = ok(&folder, &["run", "cluster.yaml", "--until", "10m", "-o", "json"], "");
    let run: Value = serde_json::from_str(&run).unwrap();
    for workload in run["workloads"].as_array().unwrap() {
        assert_eq!(workload["created"], 0, "{workload}");
    }
    assert_eq!(run["misses"], Value::Null);
}

#[test]
fn jobs_go_on_from_what_they_had_done() {
    let folder = cluster("import-jobs");
    let (job, _) = ok(&folder, &["get", "job", "shards", "cluster.yaml", "--at", "5s", "-o", "json"], "");
    let job: Value = serde_json::from_str(&job).unwrap();
    let status = &job["items"][0]["status"];
    assert_eq!(
        (&status["succeeded"], &status["failed"], &status["active"], &status["completedIndexes"]),
        (&2.into(), &1.into(), &2.into(), &"0,2".into())
    );
    let (run, _) = ok(&folder, &["run", "cluster.yaml", "--until", "10m", "-o", "json"], "");
    let run: Value = serde_json::from_str(&run).unwrap();
    let jobs = run["jobs"].as_array().unwrap();
    let of = |name: &str| jobs.iter().find(|job| job["name"] == name).unwrap();
    let (shards, nightly) = (of("shards"), of("nightly-28575930"));
    assert_eq!((&shards["condition"], &shards["succeeded"]), (&"Complete".into(), &6.into()));
    let attempts = shards["attempts"].as_array().unwrap();
    let mut indexes: Vec<_> = attempts.iter().filter_map(|it| it["index"].as_u64()).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, [1, 3, 4, 5]);
    assert_eq!((&nightly["condition"], &nightly["cronJob"]), (&"Complete".into(), &"nightly".into()));
    let ran = &run["cronJobs"][0]["runs"][0];
    assert_eq!((&ran["scheduled"], &ran["outcome"]), (&149.0.into(), &"ran".into()));
}

#[test]
fn what_sim_prints_of_a_cluster_can_be_imported_again() {
    let folder = cluster("import-again");
    let mut documents = String::new();
    for kind in ["nodes", "pods", "deployments", "replicasets", "statefulsets", "daemonsets", "services"] {
        let (text, _) = ok(&folder, &["get", kind, "cluster.yaml", "--at", "1m", "-o", "yaml"], "");
        documents += &format!("---\n{text}");
    }
    let (again, notes) = ok(&folder, &["import", "kubectl", "-"], &documents);
    fs::write(folder.join("again.yaml"), again).unwrap();
    // The Jobs were not printed: without them their pods stand alone, and no more are made.
    let of_job = |name: &str| name.starts_with("shards") || name.starts_with("nightly");
    let others = |file: &str| {
        let mut pods = pods(&folder, file, "5s");
        pods.retain(|[name, ..]| !of_job(name));
        pods
    };
    assert_eq!(others("again.yaml"), others("cluster.yaml"), "{notes}");
}

#[test]
fn an_object_that_cannot_be_read_is_named_or_skipped() {
    let folder = folder("import-bad-object");
    let text = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    namespace: a\n- apiVersion: v1\n  \
                kind: Pod\n  metadata:\n    name: p\n  spec:\n    containers:\n    - image: i\n      name: c\nkind: List\n";
    let (out, error, code) = sim(&folder, &["import", "kubectl", "-", "-o", "x.yaml"], text);
    assert_eq!((out.as_str(), code), ("", Some(2)));
    assert!(error.starts_with("-:3:3: expected an object with a name"), "{error}");
    assert!(!folder.join("x.yaml").exists());
    let (_, error) = ok(&folder, &["import", "kubectl", "-", "-o", "x.yaml", "--skip-bad-rows"], text);
    assert!(
        error.contains("skipped: 1 that cannot be read") && error.contains("-:3:3: warning: skipped"),
        "{error}"
    );
    ok(&folder, &["check", "x.yaml"], "");
    let (_, error, code) = sim(&folder, &["import", "kubectl", "-"], "a: [1\n");
    assert!(error.starts_with("-:") && code == Some(2), "{error}");
    let (_, error, code) = sim(&folder, &["import", "kubectl", "-"], "");
    assert_eq!((error.trim(), code), ("-: no object in it", Some(2)));
    let (_, error, code) = sim(&folder, &["import", "kubectl", "nowhere.yaml"], "");
    assert!(error.starts_with("nowhere.yaml: cannot be opened") && code == Some(2), "{error}");
}

#[test]
fn a_workload_of_eighteen_thousand_jobs_runs_to_its_end() {
    let folder = folder("import-nasa");
    fs::write(folder.join("nasa.swf"), swf::nasa_like(1)).unwrap();
    let (out, notes) = ok(&folder, &["import", "swf", "nasa.swf", "-o", "nasa.yaml"], "");
    assert_eq!(out, "written nasa.jobs.csv\nwritten nasa.yaml\n");
    assert!(notes.starts_with("18239 rows read, 18239 jobs imported\n"), "{notes}");
    // Half a day of it suffices here; the whole takes a release build seconds.
    let (run, _) = ok(&folder, &["run", "nasa.yaml", "--until", "12h"], "");
    let first = run.lines().next().unwrap();
    assert!(first.contains(" Jobs: ") && first.contains(" Complete, "), "{first}");
    assert!(run.lines().count() < 110, "a summary, not a list:\n{run}");
    assert!(run.contains("\nwaited for a start  "), "{run}");
    let (json, _) = ok(&folder, &["run", "nasa.yaml", "--until", "12h", "-o", "json"], "");
    let json: Value = serde_json::from_str(&json).unwrap();
    let totals = &json["jobTotals"];
    let conditions: u64 = totals["conditions"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(totals["jobs"].as_u64(), Some(conditions));
    assert_eq!(json["jobs"].as_array().unwrap().len() as u64, conditions);
}

#[test]
fn a_workload_with_bad_lines_imports_nothing_or_the_rest() {
    let folder = folder("import-swf-bad");
    let text = format!("{}not a job\n", swf::lcg_like(1, 50));
    fs::write(folder.join("l.swf"), &text).unwrap();
    let (out, error, code) = sim(&folder, &["import", "swf", "l.swf", "-o", "l.yaml"], "");
    assert_eq!((out.as_str(), code), ("", Some(2)));
    let line = text.lines().count();
    assert_eq!(error.trim(), format!("l.swf:{line}:1: expected 18 fields, found 3"));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing was written");
    let (_, error) = ok(&folder, &["import", "swf", "l.swf", "-o", "l.yaml", "--skip-bad-rows"], "");
    assert!(error.contains("51 rows read, 50 jobs imported\n") && error.contains("skipped: 1 "), "{error}");
    let (run, _) = ok(&folder, &["run", "l.yaml"], "");
    assert!(run.starts_with("50 Jobs: "), "{run}");
    let (_, error, code) = sim(&folder, &["import", "swf", "l.swf", "--skip-bad-rows"], "");
    assert!(error.trim().ends_with("l.jobs.csv: -o FILE says where they go") && code == Some(2), "{error}");
    let (_, error, code) = sim(&folder, &["import", "swf", "l.swf", "--nodes", "3"], "");
    assert!(error.contains("not COUNT:CPUS or COUNT:CPUS:MEMORY") && code == Some(2), "{error}");
}

#[test]
fn pods_of_tables_arrive_and_run_as_they_were_recorded() {
    let folder = folder("import-tables");
    let table =
        "id,cores,gib,begin,finish\njob_1,2,4,1700000000,1700000030\njob_2,0.5,1,1700000010,1700000020\n";
    fs::write(folder.join("t.csv"), table).unwrap();
    let columns = "name=id,cpu=cores:cores,memory=gib:GiB,start=begin,end=finish";
    let arguments = ["import", "csv", "t.csv", "--columns", columns, "--nodes", "1:4:16Gi", "-o", "t.yaml"];
    ok(&folder, &arguments, "");
    let (pods, _) = ok(&folder, &["get", "pods", "t.yaml", "--at", "15s"], "");
    let shown: Vec<_> = rows(&pods).iter().map(|row| format!("{} {} {}", row[0], row[2], row[4])).collect();
    assert_eq!(shown, ["job-1 Running 15s", "job-2 Running 5s"]);
    let nodes = "sn,cpu_milli,memory_mib,gpu,model\nn-0,64000,262144,2,P100\nn-1,64000,262144,2,T4\n";
    let pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n\
                p-0,1000,1024,1,500,T4|V100,LS,Succeeded,100,160,100\np-1,1000,1024,2,1000,,LS,Running,101,161,101\n\
                p-2,1000,1024,2,1000,,LS,Failed,102,150,130\n";
    fs::write(folder.join("nodes.csv"), nodes).unwrap();
    fs::write(folder.join("pods.csv"), pods).unwrap();
    ok(&folder, &["import", "openb", "nodes.csv", "pods.csv", "-o", "o.yaml"], "");
    let (pods, _) = ok(&folder, &["get", "pods", "o.yaml", "--at", "10s", "-o", "wide"], "");
    let placed: Vec<_> = rows(&pods).iter().map(|row| format!("{} {}", row[0], row[row.len() - 2])).collect();
    // The T4 node has half a card in use, so both whole cards are on the other one, and nobody has two more.
    assert_eq!(placed, ["p-0 n-1", "p-1 n-0", "p-2 <none>"]);
}

#[test]
fn minute_counts_become_load_on_services() {
    let folder = folder("import-azure");
    let minutes: Vec<String> = (1..=3).map(|minute| minute.to_string()).collect();
    let text = format!(
        "HashOwner,HashApp,HashFunction,Trigger,{}\no,a,aaaa1111bbbb,http,60,120,60\no,a,cccc,timer,1,1,1\n",
        minutes.join(",")
    );
    fs::write(folder.join("day.csv"), text).unwrap();
    let (out, _) = ok(&folder, &["import", "azure", "day.csv", "--top", "1", "-o", "day.yaml"], "");
    assert_eq!(out, "written day.f-aaaa1111.csv\nwritten day.others.csv\nwritten day.yaml\n");
    let (run, _) = ok(&folder, &["run", "day.yaml", "-o", "json"], "");
    let run: Value = serde_json::from_str(&run).unwrap();
    let sources = run["traffic"]["sources"].as_array().unwrap();
    let of_function = sources.iter().find(|source| source["name"] == "f-aaaa1111").unwrap();
    let sent = of_function["offered"].as_u64();
    assert!(sent.is_some_and(|sent| (180..300).contains(&sent)), "{sent:?} of about 240");
}

#[test]
fn mistakes_in_a_trace_and_in_progress_have_their_places() {
    let folder = folder("import-mistakes");
    let check = |spec: &str, trace: &str, message: &str| {
        let job = "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec: {completions: 3, template: {spec: \
                   {restartPolicy: Never, containers: [{name: c, image: i}]}}}\n";
        let scenario = format!("apiVersion: sim/v1\nkind: Scenario\nspec:\n  {spec}\n{job}");
        fs::write(folder.join("s.yaml"), scenario).unwrap();
        fs::write(folder.join("t.csv"), trace).unwrap();
        let (_, error, code) = sim(&folder, &["check", "s.yaml"], "");
        assert_eq!((error.trim(), code), (message, Some(2)), "{spec}");
    };
    let head = "arrival_s,cpu_m,mem_MiB,duration_s";
    check(
        "trace: {jobs: t.csv}",
        &format!("{head},name\n0,1,1,1,a\n0,1,1,1,a\n"),
        "t.csv:3:9: the name a is taken",
    );
    check(
        "trace: {pods: t.csv}",
        &format!("{head},pods\n"),
        "t.csv:1:36: unknown column \"pods\"; did you mean `pods`?",
    );
    check("trace: {}", "", "s.yaml:4:3: spec.trace: exactly one of `pods` and `jobs` is wanted");
    let ttl = "s.yaml:4:49: spec.trace.ttlSecondsAfterFinished: only Jobs of a trace have a `ttlSecondsAfterFinished`";
    check("trace: {pods: t.csv, ttlSecondsAfterFinished: 1}", head, ttl);
    check("progress: [{job: k}]", "", "s.yaml:4:20: spec.progress[0].job: there is no Job default/k");
    check(
        "progress: [{job: j, succeeded: 3}]",
        "",
        "s.yaml:4:34: spec.progress[0].succeeded: the Job would be complete",
    );
    check(
        "progress: [{job: j, completedIndexes: \"1\"}]",
        "",
        "s.yaml:4:41: spec.progress[0].completedIndexes: the Job is not Indexed",
    );
    check(
        "progress: [{job: j}, {job: j}]",
        "",
        "s.yaml:4:30: spec.progress[1].job: there is another entry for this Job",
    );
    check(
        "progress: [{job: j, cronjob: c}]",
        "",
        "s.yaml:4:32: spec.progress[0].cronjob: there is no CronJob default/c",
    );
}
