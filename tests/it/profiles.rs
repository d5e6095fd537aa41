//! Version profiles: what two versions do differently is what the table says, and the document says it too.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;

use cluster_sim::experiment::trial;
use cluster_sim::report::profiles::document;

use crate::recorded::load;

const JOBS: &str = r#"
apiVersion: sim/v1
kind: Scenario
metadata: {name: versions}
spec:
  kubernetesVersion: "VERSION"
  images: {good: {steps: [{run: 5s}, {exit: 0}]}, bad: {steps: [{run: 5s}, {exit: 1}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: good}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: good}]}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: bad}
spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: c, image: bad}]}}}
"#;

/// The conditions of the Jobs, as text.
fn conditions(version: &str) -> BTreeSet<String> {
    let trial = trial::run(&load(&JOBS.replace("VERSION", version)), None, (), |_| {});
    let jobs = trial.simulation.cluster().jobs().values();
    let lines = jobs.flat_map(|job| {
        let conditions = job.status.conditions.iter();
        conditions.map(|c| format!("{} {} {} {}", job.meta.name, c.kind.as_str(), c.reason, c.since))
    });
    lines.collect()
}

#[test]
fn versions_differ_in_how_they_announce_the_end_of_a_job_and_in_nothing_else() {
    let (old, new) = (conditions("1.28"), conditions("1.35"));
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
    // JobInterimConditions: the end is announced first, and Complete has a reason.
    assert_eq!(only(&old, &new), ["good Complete  6s"]);
    assert_eq!(
        only(&new, &old),
        [
            "bad FailureTarget BackoffLimitExceeded 6s",
            "good Complete CompletionsReached 6s",
            "good SuccessCriteriaMet CompletionsReached 6s",
        ]
    );
}

#[test]
fn the_document_on_profiles_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profiles.md");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, document()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), document(), "UPDATE_GOLDEN=1 writes it anew");
}
