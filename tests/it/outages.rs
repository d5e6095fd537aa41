//! Outages of components and partitions of the network, in whole runs.

use cluster_sim::experiment::trial::{self, Trial};
use cluster_sim::model::ids::{Kind, ObjectId};
use cluster_sim::model::node::ConditionStatus;
use cluster_sim::traffic::ErrorKind;
use serde_json::{Value, json};

use crate::generate::scenario_of;
use crate::traffic::{self, errors, pod, results, source, spec};

/// Nodes a-1 and a-2, this timeline and these objects.
fn play(timeline: &Value, until: u64, objects: &[Value]) -> Trial<()> {
    let pools = json!([{"name": "a", "count": 2, "capacity": {"cpu": 4, "memory": "8Gi"}}]);
    let images = json!({"app/1": {"steps": [{"run": "forever"}]}, "crash/1": {"attempts": [
        [{"run": "30s"}, {"exit": 1}], [{"run": "forever"}]]}});
    let spec = json!({"nodePools": pools, "images": images, "timeline": timeline, "horizon": "1h"});
    let scenario =
        json!({"apiVersion": "sim/v1", "kind": "Scenario", "metadata": {"name": "s"}, "spec": spec});
    let documents: Vec<Value> = [scenario].into_iter().chain(objects.iter().cloned()).collect();
    let until = cluster_sim::engine::SimTime::from_secs(until);
    trial::run(&scenario_of(&[("s.yaml", &documents)]), Some(until), (), |_| {})
}

fn bare(name: &str, image: &str) -> Value {
    let spec = json!({"nodeName": "a-1", "containers": [{"name": "c", "image": image}]});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
}

fn deployment(replicas: u32) -> Value {
    let template = json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "app/1"}]}});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}})
}

fn n_pods(trial: &Trial<()>) -> usize {
    trial.simulation.cluster().objects(Kind::Pod).len()
}

/// How often the container of a pod was restarted, and whether the pod is Ready.
fn restarts(trial: &Trial<()>, name: &str) -> (u32, bool) {
    let mut pods = trial.simulation.cluster().pods().values();
    let pod = pods.find(|pod| &*pod.meta.name == name).expect("the pod is there");
    (pod.status.restart_count(), pod.status.conditions.is_ready())
}

#[test]
fn requests_to_an_api_server_that_is_away_are_refused_and_told() {
    let timeline = json!([
        {"at": "10s", "stop": {"component": "kube-apiserver", "for": "1m"}},
        {"at": "20s", "scale": {"deployment": "web", "replicas": 3}},
        {"at": "30s", "cordon": {"node": "a-1"}},
        {"at": "40s", "delete": {"pod": "p"}},
        {"at": "50s", "kill": {"pod": "p"}},
    ]);
    let trial = play(&timeline, 200, &[deployment(1), bare("p", "app/1")]);
    let refused =
        |at: u32| format!("spec.timeline[{at}] at {}s: the API server does not answer", at * 10 + 10);
    assert_eq!(trial.simulation.misses(), [1, 2, 3].map(refused));
    assert_eq!(n_pods(&trial), 2);
    assert_eq!(restarts(&trial, "p"), (1, true));
}

#[test]
fn controllers_that_were_stopped_themselves_stay_so_when_the_api_server_is_back() {
    let timeline = json!([
        {"at": "10s", "stop": {"component": "kube-controller-manager", "for": "2m"}},
        {"at": "20s", "stop": {"component": "kube-apiserver", "for": "40s"}},
        {"at": "70s", "scale": {"deployment": "web", "replicas": 3}},
    ]);
    assert_eq!(n_pods(&play(&timeline, 129, &[deployment(1)])), 1);
    assert_eq!(n_pods(&play(&timeline, 131, &[deployment(1)])), 3);
}

#[test]
fn controllers_do_not_come_up_before_the_api_server_does() {
    let timeline = json!([
        {"at": "10s", "stop": {"component": "kube-apiserver", "for": "90s"}},
        {"at": "20s", "stop": {"component": "kube-controller-manager", "for": "30s"}},
        {"at": "105s", "scale": {"deployment": "web", "replicas": 2}},
    ]);
    assert_eq!(n_pods(&play(&timeline, 110, &[deployment(1)])), 2);
}

#[test]
fn a_drain_gives_up_when_the_api_server_goes_away() {
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}}});
    let timeline = json!([
        {"at": "10s", "drain": {"node": "a-1"}}, {"at": "10s", "drain": {"node": "a-2"}},
        {"at": "1m", "stop": {"component": "kube-apiserver", "for": "1m"}},
    ]);
    let trial = play(&timeline, 300, &[deployment(2), budget]);
    let drains = trial.simulation.drains();
    let failed = cluster_sim::sim::drain::DrainState::Failed(cluster_sim::engine::SimTime::from_secs(60));
    assert!(drains.iter().filter(|drain| !drain.pods.is_empty()).all(|drain| drain.state == failed));
    assert!(drains.iter().any(|drain| !drain.pods.is_empty()));
}

#[test]
fn a_kubelet_that_is_back_in_time_leaves_no_trace_but_the_restarts_that_were_due() {
    let timeline = json!([{"at": "10s", "stop": {"component": "kubelet", "node": "a-1", "for": "40s"}}]);
    let objects = [bare("p", "app/1"), bare("q", "crash/1")];
    assert_eq!(restarts(&play(&timeline, 49, &objects), "q"), (0, true));
    let trial = play(&timeline, 51, &objects);
    assert_eq!((restarts(&trial, "p"), restarts(&trial, "q")), ((0, true), (1, true)));
    let node = trial.simulation.cluster().find_node("a-1").expect("the node is there");
    assert_eq!(trial.simulation.cluster().nodes()[node].ready.status, ConditionStatus::True);
}

#[test]
fn the_time_of_an_outage_ends_no_later_one() {
    let fails = [
        (json!({"fail": {"node": "a-1", "for": "10m"}}), json!({"recover": {"node": "a-1"}})),
        (json!({"fail": {"zone": "z", "for": "10m"}}), json!({"recover": {"zone": "z"}})),
        (
            json!({"stop": {"component": "kubelet", "node": "a-1", "for": "10m"}}),
            json!({"start": {"component": "kubelet", "node": "a-1"}}),
        ),
    ];
    for (begin, end) in fails {
        let at = |at: &str, entry: &Value| {
            let mut entry = entry.clone();
            entry["at"] = json!(at);
            entry
        };
        let zone = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "b",
            "labels": {"topology.kubernetes.io/zone": "z"}}, "status": {"capacity": {"cpu": 4, "memory": "8Gi"}}});
        let status = |until: u64, timeline: Value| {
            let trial = play(&timeline, until, std::slice::from_ref(&zone));
            let name = if begin["fail"]["zone"].is_null() { "a-1" } else { "b" };
            let node = trial.simulation.cluster().find_node(name).expect("the node is there");
            trial.simulation.cluster().nodes()[node].ready.status
        };
        let (first, over, again) = (at("10s", &begin), at("5m", &end), at("8m", &begin));
        assert_eq!(status(700, json!([first])), ConditionStatus::True, "{begin}");
        assert_eq!(status(450, json!([first, over])), ConditionStatus::True, "{begin}");
        assert_eq!(status(700, json!([first, over, again])), ConditionStatus::Unknown, "{begin}");
        assert_eq!(status(1100, json!([first, over, again])), ConditionStatus::True, "{begin}");
    }
}

#[test]
fn endpoints_stay_as_they_were_while_no_controller_keeps_them_up_to_date() {
    let (mut spec, objects) = behind_a_service("1s");
    spec["timeline"] = json!([{"at": "10s", "delete": {"pod": "web-a-1"}}]);
    assert_eq!(errors(&results(&spec, &objects).sources[0], ErrorKind::ConnectionRefused), 0);
    spec["timeline"] = without_controllers();
    let refused = errors(&results(&spec, &objects).sources[0], ErrorKind::ConnectionRefused);
    assert!((200..300).contains(&refused), "half of 500 requests, not {refused}");
}

#[test]
fn a_client_that_begins_while_endpoints_are_frozen_gets_those_that_were_known() {
    let (mut spec, objects) = behind_a_service("11s");
    spec["timeline"] = without_controllers();
    let refused = errors(&results(&spec, &objects).sources[0], ErrorKind::ConnectionRefused);
    assert!((150..250).contains(&refused), "half of 400 requests, not {refused}");
}

#[test]
fn the_endpoints_that_are_listed_are_those_by_which_connections_go() {
    let (mut spec, objects) = behind_a_service("1s");
    spec["timeline"] = without_controllers();
    let names = |secs: u64| -> Vec<String> {
        let trial = traffic::run_until(&spec, &objects, Some(cluster_sim::engine::SimTime::from_secs(secs)));
        let cluster = trial.simulation.cluster();
        let service = cluster.find(Kind::Service, "default", "web");
        let Some(ObjectId::Service(service)) = service else { panic!("the Service is there") };
        let subsets = trial.simulation.traffic().endpoints(service, cluster).expect("it has endpoints");
        subsets.iter().flat_map(|subset| &subset.ready).map(|address| address.name.to_string()).collect()
    };
    assert_eq!(names(12), ["web-a-1", "web-a-2"]);
    assert_eq!(names(16), ["web-a-2"]);
}

/// Two pods behind a Service, and 100 requests a second to it from an instant to 20s.
fn behind_a_service(from: &str) -> (Value, [Value; 3]) {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}});
    let images = json!({"web/1": {"serve": [{"port": 8080, "cpu": "1ms"}]}});
    let pods = ["a-1", "a-2"].map(|node| pod(&format!("web-{node}"), node, &[("web/1", json!({}))]));
    let [one, other] = pods;
    let clients = source("service/web:80", "100/s", &json!({"from": from, "until": "20s"}));
    let mut spec = spec(&images, &json!([clients]));
    spec["horizon"] = json!("30s");
    (spec, [one, other, service])
}

/// One of the two pods goes while there is no controller.
fn without_controllers() -> Value {
    json!([
        {"at": "9s", "stop": {"component": "kube-controller-manager", "for": "6s"}},
        {"at": "10s", "delete": {"pod": "web-a-1"}},
    ])
}

#[test]
fn a_pod_of_a_node_that_is_out_of_service_is_made_again_at_once() {
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
        "spec": {"serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "c", "image": "app/1"}]}}}});
    let taint =
        json!([{"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}]);
    let patch = json!({"node": "a-1", "merge": {"spec": {"taints": taint}}});
    let timeline = json!([
        {"at": "0s", "cordon": {"node": "a-2"}},
        {"at": "10s", "fail": {"node": "a-1"}},
        {"at": "11s", "uncordon": {"node": "a-2"}},
        {"at": "3m", "patch": patch},
    ]);
    let node_of_pod = |secs| {
        let trial = play(&timeline, secs, std::slice::from_ref(&set));
        assert_eq!(trial.simulation.misses().len(), 0, "{:?}", trial.simulation.misses());
        let cluster = trial.simulation.cluster();
        let pod = cluster.pods().values().next().expect("there is a pod");
        (cluster.name_of(pod.node.expect("it is bound").into()).to_string(), pod.meta.is_terminating())
    };
    assert_eq!(node_of_pod(179), ("a-1".to_owned(), false));
    assert_eq!(node_of_pod(220), ("a-2".to_owned(), false));
}

/// The calls that failed, and the requests that were answered, of a client of `front`, in zone z1, which calls `back`, in
/// zone z2.
fn cut_off(timeline: &Value) -> (u64, u64) {
    let calls = json!([{"to": "pod/back:80", "timeout": "1s"}]);
    let images = json!({
        "front/1": {"serve": [{"port": 80, "cpu": "1ms", "calls": calls}]},
        "back/1": {"serve": [{"port": 80, "cpu": "1ms"}]},
    });
    let objects =
        [pod("front", "a-1", &[("front/1", json!({}))]), pod("back", "b-1", &[("back/1", json!({}))])];
    let mut spec = spec(&images, &json!([source("pod/front:80", "10/s", &json!({"until": "20s"}))]));
    let pool = |name: &str, zone: &str| {
        json!({"name": name, "count": 1, "zone": zone,
        "capacity": {"cpu": 4, "memory": "8Gi"}})
    };
    spec["nodePools"] = json!([pool("a", "z1"), pool("b", "z2"), pool("c", "z3")]);
    spec["horizon"] = json!("30s");
    spec["timeline"] = timeline.clone();
    let results = results(&spec, &objects);
    (errors(&results.sources[0], ErrorKind::CallFailed), results.sources[0].succeeded)
}

#[test]
fn calls_between_zones_that_are_cut_off_from_each_other_time_out() {
    for zones in [json!(["z1", "z2"]), json!(["z1"]), json!(["z2"]), json!(["z1", "z2", "z3"])] {
        let (failed, succeeded) = cut_off(&for_10_of_20_seconds(&zones));
        assert_eq!((failed, failed + succeeded), (100, 190), "{zones}");
    }
    for zones in [json!(["z3"]), json!(["z1", "z3"])] {
        assert_eq!(cut_off(&for_10_of_20_seconds(&zones)).0, 0, "{zones}");
    }
}

fn for_10_of_20_seconds(zones: &Value) -> Value {
    json!([{"at": "5.05s", "partition": {"zones": zones, "for": "10s"}}])
}

#[test]
fn a_partition_can_be_healed_before_its_time() {
    let begin = json!({"at": "5.05s", "partition": {"zones": ["z1", "z2"], "for": "10s"}});
    let for_ever = json!({"at": "5.05s", "partition": {"zones": ["z1", "z2"]}});
    let heal = |at: &str| json!({"at": at, "heal": {"zones": ["z2", "z1"]}});
    assert_eq!(cut_off(&json!([begin, heal("8.05s")])), (30, 160));
    assert_eq!(cut_off(&json!([for_ever, heal("15.05s")])), (100, 90));
    assert_eq!(cut_off(&json!([for_ever])).0, 149);
}
