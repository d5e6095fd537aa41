//! What processes do: ports, files, logs; and what it takes to run: admission, images, latencies.

use super::*;

#[test]
fn the_second_listener_of_a_pod_fails_and_backs_off_and_the_first_is_untouched() {
    let server = || program(vec![listen(8080), Step::RunForever]);
    let mut bed = bed(vec![("one", server()), ("two", server())]);
    let pod = bed.pod("p", pod_of(&["one", "two"], RestartPolicy::Always));
    let expected = [
        "0s p/one Running",
        "0s p/two Running",
        "0s p Running",
        "0s p/two Error(1)",
        "0s p/two Running",
        "0s p/two Error(1)",
        "0s p/two CrashLoopBackOff",
    ];
    check(&mut bed, 5, &expected);
    let message = "listen tcp 0.0.0.0:8080: bind: address already in use";
    assert_eq!(bed.log(pod, ContainerRef::App(1)), [message]);
    bed.happen(Event::ProcessKilled(pod, MAIN, 137));
    let expected = ["5s p/one Error(137)", "5s p/one Running", "10s p/two Running", "10s p/two Error(1)"];
    bed.run_until(10);
    assert_eq!(bed.timeline()[..4], expected);
}

#[test]
fn a_port_is_free_again_when_its_owner_exits() {
    let server = |secs| program(vec![listen(8080), run(secs), exit(0)]);
    let mut bed = bed(vec![("one", server(5)), ("two", server(20))]);
    bed.pod("p", pod_of(&["one", "two"], RestartPolicy::OnFailure));
    let expected = [
        "0s p/one Running",
        "0s p/two Running",
        "0s p Running",
        "0s p/two Error(1)",
        "0s p/two Running",
        "0s p/two Error(1)",
        "0s p/two CrashLoopBackOff",
        "5s p/one Completed(0)",
        "10s p/two Running",
        "30s p/two Completed(0)",
        "30s p Succeeded",
    ];
    check(&mut bed, 100, &expected);
}

#[test]
fn two_pods_of_one_node_may_listen_on_the_same_port_unless_they_use_the_nodes_network() {
    let mut bed = bed(vec![("one", program(vec![listen(8080), Step::RunForever]))]);
    bed.pod("p", pod_of(&["one"], RestartPolicy::Always));
    bed.pod("q", pod_of(&["one"], RestartPolicy::Always));
    let expected = ["0s p/one Running", "0s p Running", "0s q/one Running", "0s q Running"];
    check(&mut bed, 5, &expected);
    let host = PodSpec { host_network: true, ..pod_of(&["one"], RestartPolicy::Never) };
    let first = bed.pod("r", host.clone());
    bed.pod("s", host);
    let expected = [
        "5s r/one Running",
        "5s r Running",
        "5s s/one Running",
        "5s s Running",
        "5s s/one Error(1)",
        "5s s Failed",
    ];
    check(&mut bed, 10, &expected);
    assert_eq!(bed.cluster.pod(first).unwrap().status.pod_ip.unwrap().to_string(), "10.0.0.1");
}

#[test]
fn localhost_reaches_only_the_containers_of_the_same_pod() {
    let server = program(vec![run(3), listen(9090), Step::RunForever]);
    let client = |host| program(vec![wait_for_port(host, 9090, Some(secs(10))), log("connected"), exit(0)]);
    let programs = vec![
        ("server", server),
        ("client", client(Host::Localhost)),
        ("visitor", client(Host::Pod("p".into()))),
    ];
    let mut bed = bed(programs);
    let own = bed.pod("p", pod_of(&["client", "server"], RestartPolicy::OnFailure));
    let stranger = bed.pod("q", pod_of(&["client"], RestartPolicy::Never));
    let visitor = bed.pod("r", pod_of(&["visitor"], RestartPolicy::Never));
    bed.run_until(20);
    let lines = bed.timeline();
    let ends: Vec<_> = lines.iter().filter(|line| line.contains('(')).collect();
    assert_eq!(ends, ["3s p/client Completed(0)", "3s r/visitor Completed(0)", "10s q/client Error(1)"]);
    assert_eq!(bed.log(own, MAIN), ["connected"]);
    assert_eq!(bed.log(visitor, MAIN), ["connected"]);
    assert_eq!(bed.log(stranger, MAIN), ["timed out waiting for localhost:9090"]);
}

#[test]
fn a_connection_that_nobody_takes_is_refused() {
    let connect = |host| program(vec![Step::Connect(Endpoint { host, port: 80 }), exit(0)]);
    let programs = vec![
        ("own", connect(Host::Localhost)),
        ("other", connect(Host::Pod("p".into()))),
        ("nobody", connect(Host::Pod("x".into()))),
    ];
    let mut bed = bed(programs);
    let pod = bed.pod("p", pod_of(&["own", "other", "nobody"], RestartPolicy::Never));
    bed.run_until(1);
    let logs = [0, 1, 2].map(|at| bed.log(pod, ContainerRef::App(at)).concat());
    let expected = [
        "dial tcp 127.0.0.1:80: connect: connection refused",
        "dial tcp 10.244.0.2:80: connect: connection refused",
        "dial tcp: lookup x: no such host",
    ];
    assert_eq!(logs, expected);
}

#[test]
fn a_consumer_sees_the_file_that_a_producer_writes_to_their_volume() {
    let producer = program(vec![run(4), Step::Write("/out/done".into()), exit(0)]);
    let consumer = program(vec![wait_for_file("/in/done", None), log("seen"), exit(1)]);
    let mut bed = bed(vec![("producer", producer), ("consumer", consumer)]);
    let mut spec = pod_of(&["consumer", "producer"], RestartPolicy::OnFailure);
    spec.volumes = vec![Volume { name: "shared".into(), source: VolumeSource::EmptyDir }];
    let mount = |path: &str, read_only| VolumeMount { volume: "shared".into(), path: path.into(), read_only };
    spec.containers[0].mounts = vec![mount("/in", true)];
    spec.containers[1].mounts = vec![mount("/out", false)];
    let pod = bed.pod("p", spec);
    let expected = [
        "0s p/consumer Running",
        "0s p/producer Running",
        "0s p Running",
        "4s p/consumer Error(1)",
        "4s p/producer Completed(0)",
        "4s p/consumer Running",
        "4s p/consumer Error(1)",
        "4s p/consumer CrashLoopBackOff",
    ];
    check(&mut bed, 5, &expected);
    assert_eq!(bed.log(pod, MAIN), ["seen"]);
}

#[test]
fn files_outside_of_volumes_go_with_the_run_and_read_only_mounts_refuse_them() {
    let own = program(vec![wait_for_file("/tmp/x", Some(secs(1)))]);
    let writer = Program {
        attempts: vec![vec![Step::Write("/tmp/x".into()), exit(3)], own.attempts[0].clone()],
        ..own
    };
    let mut bed = bed(vec![("writer", writer), ("config", program(vec![Step::Write("/etc/x".into())]))]);
    let pod = bed.pod("p", pod_of(&["writer"], RestartPolicy::OnFailure));
    let mut spec = pod_of(&["config"], RestartPolicy::Never);
    spec.volumes = vec![Volume { name: "config".into(), source: VolumeSource::Present }];
    spec.containers[0].mounts =
        vec![VolumeMount { volume: "config".into(), path: "/etc".into(), read_only: true }];
    let reader = bed.pod("q", spec);
    bed.run_until(1);
    assert_eq!(bed.log(pod, MAIN), ["timed out waiting for /tmp/x"]);
    assert_eq!(bed.log(reader, MAIN), ["open /etc/x: read-only file system"]);
}

#[test]
fn logs_of_a_finished_pod_stay_until_its_object_is_deleted() {
    let mut bed = bed(vec![("app", program(vec![log("hello")]))]);
    let pod = bed.pod("p", pod_of(&["app"], RestartPolicy::Never));
    bed.run_until(100);
    assert_eq!(bed.log(pod, MAIN), ["hello"]);
    bed.write(Command::DeletePod(pod, None));
    assert!(bed.kubelet.logs(pod).is_none());
}

#[track_caller]
fn check_rejection(change: impl FnOnce(&mut PodSpec), expected: &str) {
    let mut bed = bed(Vec::new());
    let mut first = pod_of(&["app"], RestartPolicy::Always);
    first.containers[0].requests.amounts.cpu = Millicores(3000);
    bed.pod("first", first);
    bed.run_until(0);
    bed.timeline();
    let mut spec = pod_of(&["app"], RestartPolicy::Always);
    change(&mut spec);
    let pod = bed.pod("second", spec);
    check(&mut bed, 10, &["0s second Failed"]);
    let status = &bed.cluster.pod(pod).unwrap().status;
    let reason = status.reason.as_ref().unwrap();
    assert_eq!(format!("{reason}: {}", status.message.as_ref().unwrap()), expected);
}

#[test]
fn a_pod_that_its_node_cannot_take_fails_at_once() {
    check_rejection(
        |spec| spec.containers[0].requests.amounts.cpu = Millicores(2000),
        "OutOfcpu: Pod was rejected: Node didn't have enough resource: cpu, requested: 2000, used: 3000, \
         capacity: 4000",
    );
    check_rejection(
        |spec| spec.containers[0].requests.amounts.memory = Bytes(9 << 30),
        "OutOfmemory: Pod was rejected: Node didn't have enough resource: memory, requested: 9663676416, \
         used: 0, capacity: 8589934592",
    );
    check_rejection(
        |spec| spec.placement.node_selector = [("disk", "ssd")].into_iter().collect(),
        "NodeAffinity: Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node \
         affinity/selector",
    );
}

#[test]
fn host_ports_taints_and_the_number_of_pods_are_checked_too() {
    let mut bed = bed(Vec::new());
    let node = bed.node(0);
    let mut node_spec = bed.cluster.node(node).unwrap().spec.clone();
    node_spec.max_pods = 2;
    let labels = bed.cluster.node(node).unwrap().meta.labels.clone();
    bed.write(Command::UpdateNode(node, labels.clone(), Box::new(node_spec.clone())));
    let mut spec = pod_of(&["app"], RestartPolicy::Always);
    spec.containers[0].ports = vec![crate::model::pod::ContainerPort {
        name: None,
        container_port: 80,
        host_port: 80,
        host_ip: "0.0.0.0".into(),
        protocol: Protocol::Tcp,
    }];
    let wanted = HostPort { protocol: Protocol::Tcp, port: 80, ip: "0.0.0.0".into() };
    let first = bed.pod("first", spec.clone());
    assert_eq!(bed.cluster.pod(first).unwrap().spec.derived.host_ports, [wanted]);
    let second = bed.pod("second", spec);
    bed.run_until(0);
    bed.pod("third", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(0);
    let fourth = bed.pod("fourth", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(0);
    node_spec.max_pods = 110;
    node_spec.taints = vec![Taint { key: "gone".into(), value: "".into(), effect: TaintEffect::NoExecute }];
    bed.write(Command::UpdateNode(node, labels, Box::new(node_spec)));
    let fifth = bed.pod("fifth", pod_of(&["app"], RestartPolicy::Always));
    bed.run_until(0);
    let reason = |pod| bed.cluster.pod(pod).unwrap().status.reason.as_ref().unwrap().to_string();
    assert_eq!([second, fourth, fifth].map(reason), ["NodePorts", "OutOfpods", "TaintToleration"]);
}

#[test]
fn typical_latencies_add_up_on_the_way_to_running_and_back() {
    let timing = Timing { pull_rate: Some(100 << 20), ..Timing::typical() };
    let big = Program { pull_size: Some(Bytes(200 << 20)), ..program(vec![run(1), exit(0)]) };
    let mut bed = Testbed::new(vec![("big", big)], timing);
    bed.pod("p", pod_of(&["big"], RestartPolicy::Never));
    bed.pod("q", pod_of(&["big"], RestartPolicy::Never));
    let expected = [
        "3.22s p/big Running",
        "3.22s p Running",
        "3.72s q/big Running",
        "3.72s q Running",
        "4.72s p/big Completed(0)",
        "4.72s p Succeeded",
        "5.22s q/big Completed(0)",
        "5.22s q Succeeded",
    ];
    check(&mut bed, 100, &expected);
    assert!(bed.is_quiet());
    let pulled = "Pulled: Successfully pulled image \"big\" in 500ms (3s including waiting)";
    assert!(bed.records().contains(&pulled.to_owned()));
}

#[test]
fn a_pull_that_is_not_needed_any_more_makes_room_for_the_next() {
    let timing = Timing { pull_rate: Some(100 << 20), pull_base: secs(0), ..Timing::ideal() };
    let image = || Program { pull_size: Some(Bytes(1000 << 20)), ..Program::default_for(None) };
    let mut bed = Testbed::new(vec![("one", image()), ("two", image())], timing);
    let first = bed.pod("first", pod_of(&["one"], RestartPolicy::Never));
    bed.pod("second", pod_of(&["two"], RestartPolicy::Never));
    bed.run_until(4);
    bed.write(Command::DeletePod(first, None));
    bed.run_until(100);
    assert_eq!(bed.timeline()[3..], ["14s second/two Running", "14s second Running"]);
}

#[test]
fn a_pull_that_fails_is_tried_again_after_a_growing_wait() {
    let broken = Program {
        pull_failure: Some(PullFailure { error: "not found".into(), times: None }),
        ..Program::default_for(None)
    };
    let mut bed = bed(vec![("broken", broken)]);
    bed.pod("p", pod_of(&["broken", "app"], RestartPolicy::Always));
    let expected = [
        "0s p/broken ErrImagePull",
        "0s p/app Running",
        "0s p/broken ImagePullBackOff",
        "10s p/broken ErrImagePull",
        "10s p/broken ImagePullBackOff",
        "30s p/broken ErrImagePull",
        "30s p/broken ImagePullBackOff",
    ];
    check(&mut bed, 69, &expected);
    let records = bed.records();
    for text in [
        "Failed: Failed to pull image \"broken\": not found",
        "Failed: Error: ErrImagePull",
        "BackOff: Back-off pulling image \"broken\"",
    ] {
        assert_eq!(records.iter().filter(|record| *record == text).count(), 3, "{text}");
    }
}

#[test]
fn an_image_that_must_not_be_pulled_is_missing() {
    let mut bed = bed(Vec::new());
    let mut spec = pod_of(&["app"], RestartPolicy::Always);
    spec.containers[0].pull_policy = PullPolicy::Never;
    bed.pod("p", spec);
    check(&mut bed, 1000, &["0s p/app ErrImageNeverPull"]);
    assert!(bed.is_quiet());
}

#[test]
fn the_startup_of_a_slow_first_container_loses_it_the_port() {
    let startup = Some(Distribution::constant(secs(2)));
    let slow = Program { startup, ..program(vec![listen(80), Step::RunForever]) };
    let mut bed = bed(vec![("slow", slow), ("quick", program(vec![listen(80), Step::RunForever]))]);
    bed.pod("p", pod_of(&["slow", "quick"], RestartPolicy::Always));
    let expected = ["0s p/slow Running", "0s p/quick Running", "0s p Running", "2s p/slow Error(1)"];
    bed.run_until(2);
    assert_eq!(bed.timeline()[..4], expected);
}

#[test]
fn a_job_pod_costs_three_events() {
    let mut bed = bed(Vec::new());
    bed.pod("p", pod_of(&["app"], RestartPolicy::Never));
    bed.run_until(100);
    assert_eq!(bed.n_events(), 3);
}

#[test]
fn weights_decide_between_exit_codes() {
    let gamble = program(vec![Step::Exit(vec![(0, 0.5), (1, 0.5)])]);
    let mut bed = bed(vec![("gamble", gamble)]);
    let pods: Vec<_> =
        (0..100).map(|n| bed.pod(&format!("p{n}"), pod_of(&["gamble"], RestartPolicy::Never))).collect();
    bed.run_until(1);
    let failed =
        pods.iter().filter(|pod| bed.cluster.pod(**pod).unwrap().status.phase == Phase::Failed).count();
    assert!((30..70).contains(&failed), "{failed} of 100 failed");
}
