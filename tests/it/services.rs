//! Services: which pods answer, and which of them a connection gets.

use cluster_sim::traffic::{ErrorKind, TrafficResults};
use serde_json::{Value, json};

use crate::traffic::{errors, pod, results, source, spec};

fn service(spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
}

fn web() -> Value {
    service(&json!({"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}))
}

/// Pods behind the Service, one on each of the first two nodes.
fn pods() -> [Value; 2] {
    ["a-1", "a-2"].map(|node| pod(&format!("web-{node}"), node, &[("web/1", json!({}))]))
}

fn images() -> Value {
    json!({"web/1": {"serve": [{"port": 8080, "cpu": "1ms"}]}})
}

/// How many requests each container got.
fn arrived(results: &TrafficResults) -> Vec<u64> {
    results.containers.iter().map(|it| it.ports.iter().map(|port| port.arrived).sum()).collect()
}

#[test]
fn connections_go_to_each_pod_of_a_service_as_often_as_to_another() {
    for (mode, spread) in [("iptables", 60), ("ipvs", 0)] {
        let traffic = json!([source("service/web:80", "200/s", &json!({"until": "6s"}))]);
        let mut spec = spec(&images(), &traffic);
        spec["network"] = json!({"proxyMode": mode});
        let [one, other] = pods();
        let results = results(&spec, &[one, other, web()]);
        assert_eq!(results.sources[0].succeeded, 1000, "{mode}");
        let arrived = arrived(&results);
        assert_eq!(arrived.iter().sum::<u64>(), 1000, "{mode}");
        assert!(arrived[0].abs_diff(500) <= spread, "{mode}: {arrived:?}");
    }
}

#[test]
fn a_connection_that_is_kept_open_stays_with_its_pod_until_that_is_gone() {
    let more = json!({"until": "6s", "connections": 1});
    let traffic = json!([source("service/web:80", "10/s", &more)]);
    let mut spec = spec(&images(), &traffic);
    let [one, other] = pods();
    let objects = [one, other, web()];
    let before = results(&spec, &objects);
    let all_to_one = arrived(&before);
    assert_eq!((all_to_one.iter().sum::<u64>(), all_to_one.iter().max()), (50, Some(&50)));
    let first = if all_to_one[0] == 50 { "web-a-1" } else { "web-a-2" };
    spec["timeline"] = json!([{"at": "3.05s", "delete": {"pod": first}}]);
    let after = results(&spec, &objects);
    // One request finds that nobody listens any more; the next opens another connection.
    assert_eq!(errors(&after.sources[0], ErrorKind::ConnectionRefused), 1);
    assert_eq!(after.sources[0].succeeded, 49);
}

#[test]
fn a_pod_that_is_being_deleted_gets_no_new_connections_unless_there_is_no_other() {
    let mut images = images();
    images["web/1"]["onTerm"] = json!({"after": "2s"});
    let traffic = json!([source("service/web:80", "100/s", &json!({"until": "5s"}))]);
    let mut spec = spec(&images, &traffic);
    spec["timeline"] = json!([{"at": "2.005s", "delete": {"pod": "web-a-1"}}, {"at": "3.005s", "delete": {"pod": "web-a-2"}}]);
    let [one, other] = pods();
    let results = results(&spec, &[one, other, web()]);
    let source = &results.sources[0];
    // From 3.005 s on both are being deleted: web-a-1 is there until 4.005 s, web-a-2 until 5.005 s.
    assert_eq!((source.offered, source.succeeded), (400, 400));
    let tier = |pod: &str| results.tiers.iter().find(|tier| tier.workload == format!("pod/{pod}")).unwrap();
    let (first, second) = (tier("web-a-1").arrived, tier("web-a-2").arrived);
    // Both share the first second, then web-a-2 is alone, then both share another, then it is alone again.
    assert_eq!(first + second, 400);
    assert!(first.abs_diff(100) <= 40, "{first}");
}

#[test]
fn a_service_without_pods_refuses_connections_and_one_that_is_not_there_is_not_found() {
    let traffic = json!([
        source("service/web:80", "1/s", &json!({"until": "3s"})),
        source("service/ghost:80", "1/s", &json!({"name": "lost", "until": "3s"})),
        source("service/web:81", "1/s", &json!({"name": "closed", "until": "3s"}))
    ]);
    let results = results(&spec(&images(), &traffic), &[web()]);
    assert_eq!(errors(&results.sources[0], ErrorKind::ConnectionRefused), 2);
    assert_eq!(errors(&results.sources[1], ErrorKind::HostNotFound), 2);
    assert_eq!(errors(&results.sources[2], ErrorKind::HostNotFound), 2);
}

#[test]
fn ports_may_have_names_and_a_headless_service_has_none() {
    let named = json!({"selector": {"app": "web"},
        "ports": [{"name": "http", "port": 80, "targetPort": "www"}, {"name": "other", "port": 81}]});
    let mut one = pods()[0].clone();
    one["spec"]["containers"][0]["ports"] = json!([{"name": "www", "containerPort": 8080}]);
    for (to, spec_of_service, answered) in [
        ("service/web:http", named.clone(), 2),
        ("service/web:80", named.clone(), 2),
        ("service/web:other", named, 0),
        ("service/web:8080", json!({"selector": {"app": "web"}, "clusterIP": "None"}), 2),
        ("service/web", json!({"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "www"}]}), 2),
    ] {
        let traffic = json!([source(to, "1/s", &json!({"until": "3s"}))]);
        let results = results(&spec(&images(), &traffic), &[one.clone(), service(&spec_of_service)]);
        assert_eq!(results.sources[0].succeeded, answered, "{to}");
    }
}

#[test]
fn only_pods_that_the_selector_names_answer() {
    let traffic = json!([source("service/web:80", "10/s", &json!({"until": "3s"}))]);
    let [one, mut other] = pods();
    other["metadata"]["labels"]["app"] = json!("api");
    let results = results(&spec(&images(), &traffic), &[one, other, web()]);
    assert_eq!(arrived(&results), [20, 0]);
}
