//! Sweeps: the grid, results that survive kills, shards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::thread;

use assert_cmd::Command;

const SCENARIO: &str = r#"
apiVersion: sim/v1
kind: Scenario
metadata: {name: grid}
spec:
  params: {workers: 1, mean: 20s}
  nodePools:
    - {name: small, count: 3, capacity: {cpu: "1", memory: 4Gi}, pricePerHour: 0.5}
  images:
    work/1.0: {steps: [{run: {exponential: "${mean}"}}]}
  sweep:
    axes:
      - {param: workers, values: [1, 2, 3]}
      - {pool: small, from: 1, to: 3, step: 1}
    trials: 4
  expect:
    - {that: 'jobs["j"].status.succeeded == 6'}
---
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  completions: 6
  parallelism: ${workers}
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: work/1.0, resources: {requests: {cpu: "1"}}}]
"#;

/// A fresh folder with the scenario in it.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("grid.yaml"), SCENARIO).unwrap();
    folder
}

/// What a command prints to stdout and stderr, and its exit code.
fn sim(folder: &Path, arguments: &[&str]) -> (String, String, Option<i32>) {
    let outcome = Command::cargo_bin("sim").unwrap().current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(outcome.stdout), text(outcome.stderr), outcome.status.code())
}

fn whole(folder: &Path, out: &str) -> String {
    let (_, error, code) = sim(folder, &["sweep", "grid.yaml", "--out", out]);
    assert_eq!((error.as_str(), code), ("", Some(0)));
    fs::read_to_string(folder.join(out)).unwrap()
}

#[test]
fn a_grid_has_a_row_for_each_run_in_order() {
    let folder = folder("sweep-grid");
    let csv = whole(&folder, "r.csv");
    let rows: Vec<&str> = csv.lines().collect();
    assert!(rows[0].starts_with("run,workers,pool/small,trial,seed,ok,"), "{}", rows[0]);
    assert!(rows[0].contains("end of the last Job [s]") && rows[0].contains("cost [cost/h]"), "{}", rows[0]);
    assert_eq!(rows.len(), 1 + 36);
    assert!(rows[1].starts_with("0,1,1,0,1,true,") && rows[36].starts_with("35,3,3,3,4,true,"), "{csv}");
    assert!(!folder.join("r.csv.journal").exists());
    // More workers than nodes are no faster; more of both are.
    let end = |row: &str| {
        row.split(',').nth(column(rows[0], "end of the last Job [s]")).unwrap().parse::<f64>().unwrap()
    };
    assert!((end(rows[1]) - end(rows[1 + 3 * 4])).abs() < 10.0, "{csv}");
    assert!(end(rows[1 + 8 * 4]) < end(rows[1]), "{csv}");
}

fn column(head: &str, name: &str) -> usize {
    head.split(',').position(|cell| cell == name).unwrap()
}

#[test]
fn the_results_do_not_depend_on_workers_or_shards() {
    let folder = folder("sweep-shards");
    let expected = whole(&folder, "whole.jsonl");
    sim(&folder, &["sweep", "grid.yaml", "--out", "one.jsonl", "--workers", "1"]);
    assert_eq!(fs::read_to_string(folder.join("one.jsonl")).unwrap(), expected);
    for shard in ["1/3", "3/3", "2/3"] {
        let out = format!("s{}.jsonl", &shard[..1]);
        assert_eq!(sim(&folder, &["sweep", "grid.yaml", "--out", &out, "--shard", shard]).2, Some(0));
    }
    let merge = ["merge", "s3.jsonl", "s1.jsonl", "s2.jsonl", "--out", "merged.jsonl"];
    assert_eq!(sim(&folder, &merge).2, Some(0));
    assert_eq!(fs::read_to_string(folder.join("merged.jsonl")).unwrap(), expected);
    let (_, error, code) = sim(&folder, &["merge", "s1.jsonl", "s3.jsonl", "--out", "part.jsonl"]);
    assert_eq!((error.trim(), code), ("12 of 36 runs are missing: 1, 4, 7, 10, 13, …", Some(2)));
}

#[test]
fn the_environment_of_an_array_job_names_the_shard() {
    let folder = folder("sweep-auto");
    let run = |out: &str, shard: &str, environment: &[(&str, &str)]| {
        let mut command = Command::cargo_bin("sim").unwrap();
        command.current_dir(&folder).args(["sweep", "grid.yaml", "--out", out, "--shard", shard]);
        command.envs(environment.iter().copied());
        let outcome = command.output().unwrap();
        String::from_utf8(outcome.stderr).unwrap()
    };
    let slurm =
        [("SLURM_ARRAY_TASK_ID", "5"), ("SLURM_ARRAY_TASK_MIN", "4"), ("SLURM_ARRAY_TASK_COUNT", "3")];
    assert_eq!(run("slurm.jsonl", "auto", &slurm), "");
    assert_eq!(run("indexed.jsonl", "auto/3", &[("JOB_COMPLETION_INDEX", "1")]), "");
    assert_eq!(run("second.jsonl", "2/3", &[]), "");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(read("slurm.jsonl"), read("second.jsonl"));
    assert_eq!(read("indexed.jsonl"), read("second.jsonl"));
    assert!(run("x.jsonl", "auto", &[("JOB_COMPLETION_INDEX", "1")]).contains("--shard auto/N"));
    assert!(run("x.jsonl", "auto", &[]).contains("neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX"));
}

#[test]
fn a_sweep_that_was_killed_twenty_times_ends_as_one_that_was_not() {
    let folder = folder("sweep-killed");
    let expected = whole(&folder, "whole.jsonl");
    let journal = folder.join("killed.jsonl.journal");
    let n_lines = || fs::read_to_string(&journal).map_or(0, |text| text.lines().count());
    for kill in 0..20 {
        let mut process = Process::new(assert_cmd::cargo::cargo_bin("sim"))
            .current_dir(&folder)
            .args(["sweep", "grid.yaml", "--out", "killed.jsonl", "--workers", "2"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let before = n_lines();
        while n_lines() < before + 1 + kill % 2 && process.try_wait().unwrap().is_none() {
            thread::yield_now();
        }
        process.kill().unwrap();
        process.wait().unwrap();
        if kill % 4 == 1 && journal.exists() {
            // A write that was cut in the middle.
            let mut text = fs::read_to_string(&journal).unwrap();
            text.push_str("{\"run\":3,\"poi");
            fs::write(&journal, text).unwrap();
        }
    }
    assert_eq!(whole(&folder, "killed.jsonl"), expected);
}

#[test]
fn a_full_disk_is_an_error_and_what_was_run_is_kept() {
    let folder = folder("sweep-full");
    let expected = whole(&folder, "whole.jsonl");
    // A journal of at most 4 KiB: the rows in it are kept, the one that was cut off is run again.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" sweep grid.yaml --out r.jsonl --workers 2";
    let sim_path = assert_cmd::cargo::cargo_bin("sim");
    let outcome =
        Process::new("sh").current_dir(&folder).args(["-c", limited]).arg(&sim_path).output().unwrap();
    let error = String::from_utf8(outcome.stderr).unwrap();
    let message =
        "r.jsonl.journal: cannot be written; the same command goes on from what is in it: File too large";
    assert!(error.starts_with(message) && outcome.status.code() == Some(2), "{error}");
    assert!(!folder.join("r.jsonl").exists());
    let journal = fs::read_to_string(folder.join("r.jsonl.journal")).unwrap();
    let n_kept = journal.matches('\n').count() - 1;
    assert!((1..36).contains(&n_kept), "{n_kept}");
    assert_eq!(whole(&folder, "r.jsonl"), expected);
    assert!(!folder.join("r.jsonl.journal").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn results_that_cannot_be_written_leave_the_journal_or_say_so_at_once() {
    use std::os::unix::fs::symlink;
    let folder = folder("sweep-unwritable");
    let expected = whole(&folder, "whole.jsonl");
    // No room for the results: the runs are in the journal, and the next command only writes them.
    symlink("/dev/full", folder.join("b.jsonl.new")).unwrap();
    let (_, error, code) = sim(&folder, &["sweep", "grid.yaml", "--out", "b.jsonl"]);
    let message = "b.jsonl: cannot be written: No space left on device";
    assert!(error.starts_with(message) && code == Some(2), "{error}");
    assert!(!folder.join("b.jsonl").exists() && !folder.join("b.jsonl.new").exists());
    let journal = fs::read_to_string(folder.join("b.jsonl.journal")).unwrap();
    assert_eq!(journal.lines().count(), 37);
    assert_eq!(whole(&folder, "b.jsonl"), expected);
    // No folder, and one that nobody can write to.
    for out in ["nowhere/c.jsonl", "/proc/c.jsonl"] {
        let (_, error, code) = sim(&folder, &["sweep", "grid.yaml", "--out", out]);
        let message = format!("{out}.journal: cannot be written");
        assert!(error.starts_with(&message) && code == Some(2), "{error}");
    }
}

#[test]
fn a_half_written_shard_is_refused_by_its_line_and_nothing_is_merged() {
    let folder = folder("sweep-half");
    for shard in ["1/2", "2/2"] {
        let out = format!("s{}.jsonl", &shard[..1]);
        assert_eq!(sim(&folder, &["sweep", "grid.yaml", "--out", &out, "--shard", shard]).2, Some(0));
    }
    let text = fs::read_to_string(folder.join("s2.jsonl")).unwrap();
    let merge = ["merge", "s1.jsonl", "s2.jsonl", "--out", "m.jsonl", "--report", "page"];
    let check = |text: &str, message: &str| {
        fs::write(folder.join("s2.jsonl"), text).unwrap();
        let (out, error, code) = sim(&folder, &merge);
        assert!(error.starts_with(message) && code == Some(2) && out.is_empty(), "{error}");
        assert!(!folder.join("m.jsonl").exists() && !folder.join("page").exists());
    };
    check(&text[..text.len() - 20], "s2.jsonl:19: not a run of a sweep");
    check(&text[..text.trim_end().rfind('\n').unwrap() + 1], "1 of 36 runs are missing: 35");
    check(&text[..30], "s2.jsonl:1: not the head of a sweep");
    check("", "s2.jsonl: is empty");
}

#[test]
fn the_ready_made_indexed_job_passes_the_check_and_is_played_also_when_a_node_is_lost() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let job = "docs/sweeps/indexed-job.yaml";
    let (out, error, code) = sim(&root, &["check", job]);
    assert_eq!((out.as_str(), error.as_str(), code), ("ok: 1 Job, 3 nodes, 0 warnings\n", "", Some(0)));
    let (out, _, _) = sim(&root, &["run", job]);
    assert!(out.starts_with("Job default/sweep  Complete after 11s  (8 succeeded, "), "{out}");
    let (out, _, _) = sim(&root, &["run", job, "--fail", "node/node-2@5s..20m"]);
    assert!(out.starts_with("Job default/sweep  Complete after ") && out.contains("(8 succeeded, "), "{out}");
    assert!(!out.contains("Complete after 11s"), "{out}");
}

#[test]
fn results_of_another_sweep_are_not_touched() {
    let folder = folder("sweep-other");
    let first = whole(&folder, "r.jsonl");
    assert_eq!(whole(&folder, "r.jsonl"), first);
    fs::write(folder.join("grid.yaml"), SCENARIO.replace("trials: 4", "trials: 5")).unwrap();
    let (_, error, code) = sim(&folder, &["sweep", "grid.yaml", "--out", "r.jsonl"]);
    assert_eq!(
        (error.trim(), code),
        ("r.jsonl: belongs to another scenario or grid; move it away to sweep anew", Some(2))
    );
    assert_eq!(fs::read_to_string(folder.join("r.jsonl")).unwrap(), first);
    let (_, error, code) = sim(&folder, &["sweep", "grid.yaml", "--out", "nowhere/r.csv"]);
    assert!(error.starts_with("nowhere/r.csv.journal: cannot be written") && code == Some(2), "{error}");
    let (_, error, code) = sim(&folder, &["sweep", "grid.yaml", "--out", "/dev/full", "--shard", "1/2"]);
    assert_eq!((error.trim(), code), ("the results of a shard are .jsonl, for `sim merge`", Some(2)));
}

#[test]
fn mistakes_in_a_grid_have_their_places() {
    let folder = folder("sweep-mistakes");
    let check = |axis: &str, message: &str| {
        fs::write(folder.join("grid.yaml"), SCENARIO.replace("{param: workers, values: [1, 2, 3]}", axis))
            .unwrap();
        let (_, error, code) = sim(&folder, &["check", "grid.yaml"]);
        let expected = format!("grid.yaml:13:9: spec.sweep.axes[0]: {message}");
        assert_eq!((error.trim(), code), (expected.as_str(), Some(2)));
    };
    check("{param: worker, values: [1]}", "there is no worker; did you mean `workers`?");
    check("{pool: big, values: [1]}", "there is no pool/big");
    check("{failNode: small-1, values: [1]}", "not a duration such as 90s, 1h30m, 250ms or 30d: \"1\"");
    check("{failNode: small-4, values: [1s]}", "there is no failNode/small-4; did you mean `small-1`?");
    check("{param: workers, from: 1, to: 3}", "either `values`, or `from`, `to` and `step`, are wanted");
    check("{param: workers, from: 1, to: 3, step: 0}", "`from` must not be above `to`, nor `step` zero");
    check(
        "{values: [1]}",
        "exactly one of param, pool, deployment, statefulset, replicaset, failNode and failZone is wanted",
    );
}
