//! Generated pods and disturbances: whatever happens, the invariants hold, and nothing is left when all pods
//! are gone.

use proptest::prelude::*;

use super::*;
use crate::model::ids::PodId;

/// Something that happens to the pods or nodes.
#[derive(Debug, Clone, Copy)]
enum Disturbance {
    Delete { pod: usize, grace: Option<u64> },
    Kill { pod: usize, container: u16 },
    Fail(usize),
    Recover(usize),
    RestartKubelets,
}

/// A pod, by the programs of its containers.
#[derive(Debug, Clone)]
struct Draft {
    init: Vec<(usize, bool)>,
    app: Vec<usize>,
    policy: RestartPolicy,
    deadline: Option<u64>,
    uses_host_network: bool,
}

const IMAGES: [&str; 8] = ["ends", "fails", "server", "client", "writer", "reader", "stubborn", "broken"];

fn programs() -> Vec<(&'static str, Program)> {
    let stubborn = Program { on_term: TermResponse::Ignore, ..Program::default_for(None) };
    let broken = Program {
        pull_failure: Some(PullFailure { error: "no such image".into(), times: None }),
        ..Program::default_for(None)
    };
    vec![
        ("ends", program(vec![run(3), log("done"), exit(0)])),
        ("fails", program(vec![run(2), exit(1)])),
        ("server", program(vec![run(1), listen(80), run(20), exit(0)])),
        ("client", program(vec![wait_for_port(Host::Localhost, 80, Some(secs(5))), exit(0)])),
        ("writer", program(vec![run(4), Step::Write("/shared/x".into()), exit(0)])),
        ("reader", program(vec![wait_for_file("/shared/x", None), log("seen")])),
        ("stubborn", stubborn),
        ("broken", broken),
    ]
}

fn spec(draft: &Draft, node: usize) -> PodSpec {
    let mount = VolumeMount { volume: "shared".into(), path: "/shared".into(), read_only: false };
    let container = |image: usize, n: usize, init_kind| Container {
        mounts: vec![mount.clone()],
        init_kind,
        ..container(&format!("c{n}"), IMAGES[image])
    };
    let init = draft.init.iter().enumerate().map(|(n, (image, is_sidecar))| {
        container(*image, n, if *is_sidecar { InitKind::Sidecar } else { InitKind::Ordinary })
    });
    let app = draft.app.iter().enumerate().map(|(n, image)| container(*image, 10 + n, InitKind::Ordinary));
    PodSpec {
        init_containers: init.collect(),
        restart_policy: draft.policy,
        active_deadline: draft.deadline.map(secs),
        host_network: draft.uses_host_network,
        node_name: Some(format!("node-{node}").into()),
        volumes: vec![Volume { name: "shared".into(), source: VolumeSource::EmptyDir }],
        ..pod_spec(app.collect())
    }
}

fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    use RestartPolicy::{Always, Never, OnFailure};
    let image = 0..IMAGES.len();
    let draft = (
        prop::collection::vec((image.clone(), any::<bool>()), 0..3),
        prop::collection::vec(image, 1..4),
        prop::sample::select(vec![Always, OnFailure, Never]),
        prop::option::weighted(0.2, 1..60u64),
        prop::bool::weighted(0.2),
    );
    let draft = draft.prop_map(|(init, app, policy, deadline, uses_host_network)| Draft {
        init,
        app,
        policy,
        deadline,
        uses_host_network,
    });
    prop::collection::vec(draft, 1..6)
}

fn disturbances() -> impl Strategy<Value = Vec<(u64, Disturbance)>> {
    let what = prop_oneof![
        (0..6usize, prop::option::of(0..20u64)).prop_map(|(pod, grace)| Disturbance::Delete { pod, grace }),
        (0..6usize, 0..3u16).prop_map(|(pod, container)| Disturbance::Kill { pod, container }),
        (0..2usize).prop_map(Disturbance::Fail),
        (0..2usize).prop_map(Disturbance::Recover),
        Just(Disturbance::RestartKubelets),
    ];
    prop::collection::vec((0..120u64, what), 0..12)
}

/// Plays the pods and what disturbs them, and deletes them all in the end. Returns the timeline.
fn play(drafts: &[Draft], disturbances: &[(u64, Disturbance)], timing: Timing) -> Vec<String> {
    let mut bed = Testbed::new(programs(), timing);
    let pods: Vec<PodId> =
        drafts.iter().enumerate().map(|(n, draft)| bed.pod(&format!("p{n}"), spec(draft, n % 2))).collect();
    for (at, disturbance) in disturbances {
        bed.run_until(*at);
        disturb(&mut bed, &pods, *disturbance);
    }
    bed.run_until(200);
    for node in 0..2 {
        bed.happen(Event::NodeRecovered(bed.node(node)));
    }
    bed.run_until(201);
    for pod in &pods {
        if bed.cluster.pod(*pod).is_some() {
            bed.write(Command::DeletePod(*pod, None));
        }
    }
    bed.run_until(1000);
    assert!(bed.is_quiet(), "something is left to happen");
    assert!(bed.is_empty(), "something is left behind");
    bed.timeline()
}

fn disturb(bed: &mut Testbed, pods: &[PodId], disturbance: Disturbance) {
    match disturbance {
        Disturbance::Delete { pod, grace } => {
            if let Some(pod) = pods.get(pod).filter(|pod| bed.cluster.pod(**pod).is_some()) {
                bed.write(Command::DeletePod(*pod, grace.map(secs)));
            }
        }
        Disturbance::Kill { pod, container } => {
            if let Some(pod) = pods.get(pod) {
                bed.happen(Event::ProcessKilled(*pod, ContainerRef::App(container), 137));
            }
        }
        Disturbance::Fail(node) => bed.happen(Event::NodeFailed(bed.node(node))),
        Disturbance::Recover(node) => bed.happen(Event::NodeRecovered(bed.node(node))),
        Disturbance::RestartKubelets => bed.restart_kubelets(),
    }
}

proptest! {
    #[test]
    fn pods_come_and_go_without_a_trace(drafts in drafts(), mut disturbances in disturbances()) {
        disturbances.sort_by_key(|(at, _)| *at);
        for timing in [Timing::ideal(), Timing::typical()] {
            let first = play(&drafts, &disturbances, timing.clone());
            prop_assert_eq!(first, play(&drafts, &disturbances, timing));
        }
    }
}
