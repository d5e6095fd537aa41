//! The load: what becomes of requests, how fast work goes, which way connections take.

use cluster_sim::engine::{SimDuration, SimTime};
use cluster_sim::experiment::trial::{self, Trial};
use cluster_sim::traffic::{ErrorKind, SourceResult, TrafficResults};
use serde_json::{Value, json};

use crate::generate::scenario_of;

/// Two nodes of 2 cores in zone `a` and one in zone `b`, and a horizon of 10 s.
pub fn spec(images: &Value, traffic: &Value) -> Value {
    json!({
        "horizon": "10s",
        "nodePools": [
            {"name": "a", "count": 2, "zone": "a", "capacity": {"cpu": "2", "memory": "8Gi"}},
            {"name": "b", "count": 1, "zone": "b", "capacity": {"cpu": "2", "memory": "8Gi"}}],
        "images": images,
        "traffic": traffic,
    })
}

/// A pod on a node whose containers run these images, with requests and limits.
pub fn pod(name: &str, node: &str, containers: &[(&str, Value)]) -> Value {
    let containers = containers.iter().enumerate().map(
        |(at, (image, resources))| json!({"name": format!("c{at}"), "image": image, "resources": resources}),
    );
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"nodeName": node, "containers": containers.collect::<Vec<_>>()}})
}

pub fn run(spec: &Value, objects: &[Value]) -> Trial<()> {
    run_until(spec, objects, None)
}

/// A run that may be ended early.
pub fn run_until(spec: &Value, objects: &[Value], until: Option<SimTime>) -> Trial<()> {
    let scenario =
        json!({"apiVersion": "sim/v1", "kind": "Scenario", "metadata": {"name": "load"}, "spec": spec});
    let documents: Vec<Value> = [scenario].into_iter().chain(objects.iter().cloned()).collect();
    let trial = trial::run(&scenario_of(&[("load.yaml", &documents)]), until, (), |_| {});
    trial.simulation.check_invariants().unwrap();
    trial
}

pub fn results(spec: &Value, objects: &[Value]) -> TrafficResults {
    run(spec, objects).traffic().unwrap()
}

pub fn errors(source: &SourceResult, kind: ErrorKind) -> u64 {
    source.errors[kind as usize]
}

fn span(text: &str) -> SimDuration {
    text.parse().unwrap()
}

/// A source of evenly spaced requests, with further fields.
pub fn source(to: &str, rate: &str, more: &Value) -> Value {
    let mut source = json!({"name": "clients", "to": to, "rate": rate, "arrivals": "constant", "from": "1s"});
    let fields = more.as_object().unwrap().clone();
    source.as_object_mut().unwrap().extend(fields);
    source
}

#[test]
fn a_request_takes_as_long_as_the_limit_of_its_container_makes_it() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "5ms"}]}});
    for (limit, expected) in [("2", "5ms"), ("1", "5ms"), ("500m", "10ms"), ("100m", "50ms")] {
        let traffic = json!([source("pod/web:80", "10/s", &json!({"until": "5s"}))]);
        let web = pod("web", "a-1", &[("web/1", json!({"limits": {"cpu": limit}}))]);
        let results = results(&spec(&images, &traffic), &[web]);
        let latency = &results.sources[0].latency;
        assert_eq!(
            (latency.count, latency.max, latency.p50),
            (40, span(expected), span(expected)),
            "{limit}"
        );
    }
}

#[test]
fn requests_in_work_at_once_share_the_limit_of_their_container() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "10ms"}]}});
    // Two requests at each whole second: both take twice as long.
    let traffic = json!([
        source("pod/web:80", "1/s", &json!({})),
        source("pod/web:80", "1/s", &json!({"name": "others"}))
    ]);
    let web = pod("web", "a-1", &[("web/1", json!({"limits": {"cpu": "1"}}))]);
    let results = results(&spec(&images, &traffic), &[web]);
    assert_eq!(results.sources.iter().map(|it| it.latency.max).collect::<Vec<_>>(), [span("20ms"); 2]);
}

#[test]
fn containers_of_a_node_that_has_not_enough_share_it_by_their_requests() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "10ms"}]}});
    let source =
        |pod: &str| source(&format!("pod/{pod}:80"), "400/s", &json!({"name": pod, "timeout": "100s"}));
    let traffic = json!([source("small"), source("large"), source("idle")]);
    let requests = |cpu: &str| [("web/1", json!({"requests": {"cpu": cpu}}))];
    let mut spec = spec(&images, &traffic);
    spec["traffic"][2]["rate"] = json!("10/s");
    let pods = [
        pod("small", "a-1", &requests("300m")),
        pod("large", "a-1", &requests("900m")),
        pod("idle", "a-1", &requests("500m")),
    ];
    let results = results(&spec, &pods);
    // The third uses 0.1 of 2 cores, less than its share; of the rest one gets a quarter.
    // They work in nine of ten seconds.
    let used = |at: usize| results.containers[at].cpu * 10.0 / 9.0;
    assert!((used(2) - 475.0).abs() < 10.0, "{}", used(2));
    assert!((used(1) - 1425.0).abs() < 10.0, "{}", used(1));
    assert!((results.nodes[0].cpu * 10.0 / 9.0 - 2000.0).abs() < 10.0);
}

#[test]
fn a_full_queue_turns_requests_away_at_once() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "1s", "workers": 1, "queue": 1}]}});
    // Of four requests in a second one is in work and one waits.
    let traffic = json!([source("pod/web:80", "4/s", &json!({"until": "2s"}))]);
    let results = results(&spec(&images, &traffic), &[pod("web", "a-1", &[("web/1", json!({}))])]);
    let source = &results.sources[0];
    assert_eq!((source.offered, source.succeeded), (4, 2));
    assert_eq!(errors(source, ErrorKind::QueueFull), 2);
    assert_eq!(source.latency.max, span("1.75s"));
    assert_eq!(results.containers[0].ports[0].queue_max, 1);
}

#[test]
fn a_client_that_has_waited_too_long_gives_up_and_tries_again() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "1s", "workers": 1}]}});
    let traffic =
        json!([source("pod/web:80", "4/s", &json!({"until": "1.1s", "timeout": "500ms", "retries": 2}))]);
    let results = results(&spec(&images, &traffic), &[pod("web", "a-1", &[("web/1", json!({}))])]);
    let source = &results.sources[0];
    assert_eq!((source.offered, source.retried, errors(source, ErrorKind::Timeout)), (1, 2, 1));
    // The server works on all three attempts all the same.
    assert_eq!(results.containers[0].ports[0].succeeded, 3);
}

#[test]
fn requests_to_a_process_that_does_not_listen_yet_or_any_more_fail() {
    let images = json!({"web/1": {"startup": "2s", "serve": [{"port": 80, "cpu": "300ms"}]}});
    let traffic = json!([
        source("pod/web:80", "1/s", &json!({"from": "500ms", "until": "5s"})),
        source("pod/ghost:80", "1/s", &json!({"name": "lost", "until": "3s"})),
        source("pod/web:81", "1/s", &json!({"name": "closed", "until": "3s"}))
    ]);
    let mut spec = spec(&images, &traffic);
    // Requests at 0.5, 1.5, 2.5, 3.5 and 4.5 s; the process listens from 2 s on and is killed at 3.6 s.
    spec["timeline"] = json!([{"at": "3.6s", "kill": {"pod": "web"}}]);
    let results = results(&spec, &[pod("web", "a-1", &[("web/1", json!({}))])]);
    let source = &results.sources[0];
    assert_eq!((source.offered, source.succeeded), (5, 1));
    assert_eq!(errors(source, ErrorKind::ConnectionRefused), 3);
    assert_eq!(errors(source, ErrorKind::ConnectionReset), 1);
    assert_eq!(errors(&results.sources[1], ErrorKind::HostNotFound), 2);
    assert_eq!(errors(&results.sources[2], ErrorKind::ConnectionRefused), 2);
}

#[test]
fn nobody_answers_for_a_node_that_is_dead() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "300ms"}]}});
    let traffic = json!([source("pod/web:80", "1/s", &json!({"until": "5s", "timeout": "3s"}))]);
    let mut spec = spec(&images, &traffic);
    spec["timeline"] = json!([{"at": "2.1s", "fail": {"node": "a-1"}}]);
    let results = results(&spec, &[pod("web", "a-1", &[("web/1", json!({}))])]);
    let source = &results.sources[0];
    assert_eq!((source.offered, source.succeeded, errors(source, ErrorKind::Timeout)), (4, 1, 3));
}

#[test]
fn a_process_that_is_being_stopped_answers_what_it_has_until_it_ends() {
    let web = json!({"serve": [{"port": 80, "cpu": "1s"}], "onTerm": {"after": "2s"}});
    let traffic = json!([source("pod/web:80", "1/s", &json!({"until": "1.5s"}))]);
    for (after, answered) in [("2s", 1), ("100ms", 0)] {
        let mut images = json!({"web/1": web.clone()});
        images["web/1"]["onTerm"]["after"] = json!(after);
        let mut spec = spec(&images, &traffic);
        spec["timeline"] = json!([{"at": "1.5s", "delete": {"pod": "web"}}]);
        let results = results(&spec, &[pod("web", "a-1", &[("web/1", json!({}))])]);
        let source = &results.sources[0];
        assert_eq!((source.succeeded, errors(source, ErrorKind::ConnectionReset)), (answered, 1 - answered));
    }
}

#[test]
fn a_call_takes_longer_the_further_it_goes() {
    for (node, expected) in [("a-1", "40us"), ("a-2", "250us"), ("b-1", "750us")] {
        let images = json!({
            "web/1": {"serve": [{"port": 80, "cpu": "1ms", "calls": [{"to": "pod/back:90", "times": 2}]}]},
            "back/1": {"serve": [{"port": 90, "cpu": "2ms"}]}});
        let traffic = json!([source("pod/web:80", "1/s", &json!({}))]);
        let pods = [pod("web", "a-1", &[("web/1", json!({}))]), pod("back", node, &[("back/1", json!({}))])];
        let results = results(&spec(&images, &traffic), &pods);
        let expected = 5_000_000 + 4 * span(expected).as_nanos();
        assert_eq!(results.sources[0].latency.max.as_nanos(), expected, "to {node}");
    }
}

#[test]
fn containers_of_a_pod_call_each_other_over_loopback() {
    let images = json!({
        "web/1": {"serve": [{"port": 80, "cpu": "1ms", "order": "parallel",
            "calls": [{"to": "localhost:90"}, {"to": "localhost:90"}]}]},
        "back/1": {"serve": [{"port": 90, "cpu": "2ms"}]}});
    let traffic = json!([source("pod/web:80", "1/s", &json!({}))]);
    let web = pod("web", "a-1", &[("web/1", json!({})), ("back/1", json!({}))]);
    let results = results(&spec(&images, &traffic), &[web]);
    assert_eq!(results.sources[0].latency.max, span("3.03ms"));
}

#[test]
fn a_request_fails_when_a_call_that_it_needs_fails() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "1ms",
        "calls": [{"to": "localhost:90", "retries": 1}, {"to": "localhost:91"}]}]}});
    let traffic = json!([source("pod/web:80", "1/s", &json!({"until": "3s"}))]);
    let results = results(&spec(&images, &traffic), &[pod("web", "a-1", &[("web/1", json!({}))])]);
    assert_eq!(errors(&results.sources[0], ErrorKind::CallFailed), 2);
}

#[test]
fn calls_that_go_round_in_a_circle_come_to_an_end() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "1ms", "calls": [{"to": "localhost:80"}]}]}});
    let traffic = json!([source("pod/web:80", "1/s", &json!({"until": "3s"}))]);
    let results = results(&spec(&images, &traffic), &[pod("web", "a-1", &[("web/1", json!({}))])]);
    assert_eq!(errors(&results.sources[0], ErrorKind::CallFailed), 2);
    assert_eq!(results.containers[0].ports[0].arrived, 66);
}

#[test]
fn the_same_request_asks_for_the_same_cpu_time_wherever_it_runs() {
    let images = json!({
        "web/1": {"serve": [{"port": 80, "cpu": {"exponential": "1ms"}, "calls": [{"to": "localhost:90"}]}]},
        "web/2": {"serve": [{"port": 80, "cpu": {"exponential": "1ms"}, "calls": [{"to": "pod/back:90"}]}]},
        "back/1": {"serve": [{"port": 90, "cpu": {"exponential": "2ms"}}]}});
    let traffic = json!([source("pod/web:80", "20/s", &json!({}))]);
    let one = [pod("web", "a-1", &[("web/1", json!({})), ("back/1", json!({}))])];
    let two = [pod("web", "a-1", &[("web/2", json!({}))]), pod("back", "a-2", &[("back/1", json!({}))])];
    let [one, two] = [&one[..], &two[..]].map(|pods| results(&spec(&images, &traffic), pods));
    let further = 180 * 2 * (250_000 - 15_000);
    assert_eq!(two.sources[0].latency.sum - one.sources[0].latency.sum, further);
}

#[test]
fn the_warm_up_is_left_out() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "5ms"}]}});
    let traffic = json!([source("pod/web:80", "10/s", &json!({"until": "10s"}))]);
    let mut spec = spec(&images, &traffic);
    spec["warmUp"] = json!("6s");
    let results = results(&spec, &[pod("web", "a-1", &[("web/1", json!({"limits": {"cpu": "1"}}))])]);
    assert_eq!((results.from, results.sources[0].offered), (SimTime::from_secs(6), 40));
    assert_eq!(results.containers[0].ports[0].arrived, 40);
    assert!((results.containers[0].cpu - 50.0).abs() < 1e-6, "{}", results.containers[0].cpu);
}

#[test]
fn expectations_and_the_digest_take_in_what_came_of_the_load() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "5ms"}]}});
    let digest = |rate: &str| {
        let traffic = json!([source("pod/web:80", rate, &json!({"until": "3s"}))]);
        let mut spec = spec(&images, &traffic);
        spec["expect"] = json!([
            {"that": "traffic['clients'].latency.p99 == duration('5ms')"},
            {"that": "traffic['clients'].errors == 0 && traffic['clients'].throughput > 9.0"},
            {"that": "tiers['pod/web/c0'].queueMax == 0 && tiers['pod/web/c0'].pods == 1"},
            {"that": "traffic['clients'].latency.p50 > duration('6ms')"}]);
        let trial = run(&spec, &[pod("web", "a-1", &[("web/1", json!({}))])]);
        let holds: Vec<bool> = trial.judgements.iter().map(|it| it.holds).collect();
        assert_eq!(holds, [true, true, true, false]);
        assert_eq!(trial.judgements[3].found.as_deref(), Some("found 5ms > 6ms"));
        trial.digest()
    };
    assert_eq!(digest("10/s"), digest("10/s"));
    assert_ne!(digest("10/s"), digest("11/s"));
}

#[test]
fn a_run_of_requests_falls_quiet_when_the_last_is_answered() {
    let images = json!({"web/1": {"serve": [{"port": 80, "cpu": "5ms"}]}});
    let traffic = json!([source("pod/web:80", "10/s", &json!({"until": "2s"}))]);
    let mut spec = spec(&images, &traffic);
    spec.as_object_mut().unwrap().remove("horizon");
    let trial = run(&spec, &[pod("web", "a-1", &[("web/1", json!({}))])]);
    assert_eq!(trial.end, SimTime::ZERO + span("1.905s"));
}
