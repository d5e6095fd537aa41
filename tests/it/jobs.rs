//! What Jobs do beyond what the comparisons with the real controllers show: newer versions, deletion, owners.

use cluster_sim::cluster::Cluster;
use cluster_sim::engine::SimTime;
use cluster_sim::event::Command;
use cluster_sim::model::ids::{CronJobId, JobId, ObjectId};
use cluster_sim::model::meta::Propagation;
use serde_json::{Value, json};

use crate::conformance::golden_job::scenario::Scenario;
use crate::conformance::golden_job::timeline::JobFacts;
use crate::conformance::golden_job::world::World;

/// A world with these Jobs, pods that do this and users who do that.
fn world(version: &str, jobs: Value, pods: Value, ops: Value) -> World {
    World::new(Scenario::read(&json!({
        "start": "2024-01-01T00:00:00Z",
        "kubernetesVersion": version,
        "horizon": 7200,
        "jobs": jobs,
        "pods": pods,
        "ops": ops,
    })))
}

fn one_job(spec: Value) -> Value {
    json!([{"name": "job", "createAt": 0, "spec": spec}])
}

fn patch(at: u64, spec: Value) -> Value {
    json!({"t": at, "op": "patchJob", "job": "job", "spec": spec})
}

fn secs(at: u64) -> SimTime {
    SimTime::from_secs(at)
}

/// The status that a Job had at an instant.
fn status_at(world: &World, at: u64) -> JobFacts {
    let mut steps = world.timeline().job_statuses["job"].iter().rev();
    steps
        .find(|(since, _)| *since <= secs(at))
        .map(|(_, status)| status.clone())
        .expect("the Job had a status")
}

/// The conditions of a Job that are True in the end, with their times [s].
fn conditions(world: &World) -> Vec<(String, u64)> {
    let (_, status) = world.timeline().job_statuses["job"].last().expect("the Job had a status");
    let held = status.conditions.iter().filter(|condition| condition.status == "True");
    held.map(|condition| (condition.kind.clone(), condition.since.as_secs())).collect()
}

fn pods_created_at(world: &World) -> Vec<u64> {
    world.timeline().pods_created.iter().map(|(at, _)| at.as_secs()).collect()
}

fn only_job(cluster: &Cluster) -> JobId {
    cluster.jobs().ids().next().expect("there is a Job")
}

#[test]
fn the_end_of_a_job_waits_for_terminating_pods_since_1_31() {
    let end = |version| {
        let spec = json!({"activeDeadlineSeconds": 10});
        let mut world =
            world(version, one_job(spec), json!({"default": {}, "terminationSeconds": 8}), json!([]));
        world.run_until(secs(100));
        conditions(&world)
    };
    let is = |kind: &str, at: u64| (kind.to_owned(), at);
    assert_eq!(end("1.28"), [is("Failed", 10)]);
    assert_eq!(end("1.30"), [is("Failed", 10)]);
    assert_eq!(end("1.31"), [is("FailureTarget", 10), is("Failed", 19)]);
    assert_eq!(end("1.35"), [is("FailureTarget", 10), is("Failed", 19)]);
}

#[test]
fn active_pods_are_shown_as_none_during_a_back_off_up_to_1_36() {
    let active = |version| {
        let spec = json!({"completions": 2, "parallelism": 2});
        let pods = json!({"default": {"duration": 60}, "byOrdinal": {"0": {"duration": 5, "exitCode": 1}}});
        let mut world = world(version, one_job(spec), pods, json!([]));
        world.run_until(secs(12));
        status_at(&world, 12).active
    };
    assert_eq!((active("1.28"), active("1.36")), (0, 0));
    assert_eq!(active("1.37"), 1);
}

#[test]
fn a_job_suspended_beyond_its_deadline_fails_when_resumed_up_to_1_35() {
    let end = |version| {
        let spec = json!({"activeDeadlineSeconds": 20});
        let ops = json!([patch(10, json!({"suspend": true})), patch(50, json!({"suspend": false}))]);
        let mut world = world(version, one_job(spec), json!({"default": {"duration": 15}}), ops);
        world.run_until(secs(200));
        (status_at(&world, 30).start_time.is_some(), conditions(&world).pop())
    };
    assert_eq!(end("1.35"), (true, Some(("Failed".to_owned(), 50))));
    assert_eq!(end("1.36"), (false, Some(("Complete".to_owned(), 66))));
}

#[test]
fn a_sync_that_deletes_pods_says_so_in_its_own_status_since_1_31() {
    let after_suspension = |version| {
        let ops = json!([patch(10, json!({"suspend": true}))]);
        let pods = json!({"default": {}, "terminationSeconds": 5});
        let mut world = world(version, one_job(json!({"completions": 2, "parallelism": 2})), pods, ops);
        world.run_until(secs(10));
        let status = status_at(&world, 10);
        (status.active, status.ready, status.terminating)
    };
    assert_eq!(after_suspension("1.30"), (0, Some(2), Some(0)));
    assert_eq!(after_suspension("1.31"), (0, Some(0), Some(2)));
}

#[test]
fn a_job_of_another_controller_is_left_alone_since_1_32() {
    let n_pods = |version| {
        let spec = json!({"managedBy": "example.com/other"});
        let mut world = world(version, one_job(spec), json!({"default": {}}), json!([]));
        world.run_until(secs(10));
        world.cluster().pods().len()
    };
    assert_eq!((n_pods("1.31"), n_pods("1.32")), (1, 0));
}

#[test]
fn pods_of_a_job_deleted_with_orphan_run_on_without_owner_and_finalizer() {
    let mut world = world("1.35", one_job(json!({})), json!({"default": {"duration": 30}}), json!([]));
    world.run_until(secs(10));
    let job = only_job(world.cluster());
    world.write_from_outside(Command::Delete(ObjectId::Job(job), Propagation::Orphan));
    world.run_until(secs(100));
    assert_eq!(world.cluster().jobs().len(), 0);
    let pod = world.cluster().pods().values().next().expect("the pod stays");
    assert!(pod.meta.owner.is_none() && !pod.has_finalizer());
    assert_eq!(pod.status.phase.as_str(), "Succeeded");
}

#[test]
fn a_job_with_a_selector_of_its_own_adopts_the_pods_that_another_left() {
    let selector = json!({"matchLabels": {"app": "batch"}});
    let spec = json!({"manualSelector": true, "selector": selector, "template": {"metadata": {"labels": {"app": "batch"}}}});
    let jobs = json!([
        {"name": "job", "createAt": 0, "spec": spec},
        {"name": "heir", "createAt": 20, "spec": spec},
    ]);
    let mut world = world("1.35", jobs, json!({"default": {"duration": 30}}), json!([]));
    world.run_until(secs(10));
    let job = only_job(world.cluster());
    world.write_from_outside(Command::Delete(ObjectId::Job(job), Propagation::Orphan));
    world.run_until(secs(25));
    let heir = only_job(world.cluster());
    assert_eq!(world.cluster().pods_of(heir).count(), 1);
    world.run_until(secs(100));
    assert_eq!(pods_created_at(&world), [0], "the heir makes no pod of its own");
    assert_eq!(world.cluster().jobs()[heir].status.succeeded, 1);
}

#[test]
fn a_cronjob_deleted_in_the_foreground_goes_after_its_jobs_and_they_after_their_pods() {
    let mut world = World::new(Scenario::read(&json!({
        "start": "2024-01-01T00:00:00Z",
        "horizon": 7200,
        "cronJobs": [{"name": "cj", "createAt": 0, "spec": {"schedule": "* * * * *"}, "jobSpec": {}}],
        "pods": {"default": {}, "terminationSeconds": 10},
    })));
    world.run_until(secs(70));
    let cronjob: CronJobId = world.cluster().cronjobs().ids().next().expect("the CronJob is there");
    world.write_from_outside(Command::Delete(ObjectId::CronJob(cronjob), Propagation::Foreground));
    world.run_until(secs(71));
    let left = |world: &World| {
        let cluster = world.cluster();
        (cluster.pods().len(), cluster.jobs().len(), cluster.cronjobs().len())
    };
    assert_eq!(left(&world), (1, 1, 1));
    world.run_until(secs(200));
    assert_eq!(left(&world), (0, 0, 0));
    let deleted: Vec<_> = world.timeline().jobs_deleted.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(deleted, ["cj-28401121", "cj"]);
}

#[test]
fn a_pod_whose_job_went_while_the_controllers_were_down_is_freed_when_they_are_back() {
    let scenario = json!({
        "start": "2024-01-01T00:00:00Z",
        "horizon": 7200,
        "jobs": one_job(json!({})),
        "pods": {"default": {}, "terminationSeconds": 5},
        "ops": [{"t": 20, "op": "deleteJob", "job": "job"}],
        "controllerDown": [[10, 60]],
    });
    let mut world = World::new(Scenario::read(&scenario));
    world.run_until(secs(50));
    assert_eq!(world.cluster().pods().len(), 1, "the finalizer holds the pod");
    world.run_until(secs(60));
    assert_eq!(world.cluster().pods().len(), 0);
}
