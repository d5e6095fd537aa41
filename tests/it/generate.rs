//! Worlds at random: nodes, programs, pods, Jobs, CronJobs and what happens to them, as documents.

mod deployments;
pub mod swf;
pub mod sets;
pub mod swarm;

use std::fmt;
use std::sync::Arc;

use cluster_sim::manifest::load::{self, Options};
use cluster_sim::manifest::source::Source;
use cluster_sim::model::scenario::Scenario;
use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use self::deployments::{deployment_patch, deployment_spec};

/// How many images there are: `img0`, `img1`, ….
const N_IMAGES: usize = 4;
/// The names of nodes that pods are pinned to and that fail; the last is never there.
const NODES: [&str; 4] = ["a-1", "a-2", "b-1", "ghost-1"];

/// A world: the spec of its Scenario and its objects.
#[derive(Clone)]
pub struct World {
    /// `spec` of the Scenario.
    pub spec: Value,
    /// All other documents.
    pub objects: Vec<Value>,
}

/// Whether programs draw lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chance {
    /// Every span is constant and every exit certain.
    None,
    /// Spans and exits are drawn.
    Some,
}

impl fmt::Debug for World {
    /// The documents as one YAML text, to play them by hand.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text_of(&self.documents()))
    }
}

impl World {
    /// The Scenario document and all others.
    pub fn documents(&self) -> Vec<Value> {
        let scenario = json!({
            "apiVersion": "sim/v1", "kind": "Scenario", "metadata": {"name": "world"}, "spec": self.spec,
        });
        [scenario].into_iter().chain(self.objects.iter().cloned()).collect()
    }

    /// The scenario that the documents give as one file.
    ///
    /// # Panics
    /// Where the reader refuses them: the generator makes none that it should refuse.
    pub fn scenario(&self) -> Arc<Scenario> {
        scenario_of(&[("world.yaml", &self.documents())])
    }
}

/// The scenario that files of documents give.
///
/// # Panics
/// Where the reader refuses them.
pub fn scenario_of(files: &[(&str, &[Value])]) -> Arc<Scenario> {
    let source = |(name, documents): &(&str, &[Value])| Source {
        name: (*name).into(),
        text: text_of(documents).into(),
    };
    let sources: Vec<_> = files.iter().map(source).collect();
    let mut fetch = |_: &str, name: &str| Err(format!("{name}: not there"));
    match load::load(&sources, &mut fetch, &Options::default()) {
        Ok(loaded) => Arc::new(loaded.scenario),
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

/// JSON is YAML.
fn text_of(documents: &[Value]) -> String {
    documents.iter().map(|document| format!("---\n{document}\n")).collect()
}

/// An object of the fields that are there.
fn fields<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let given = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(given.collect::<Map<_, _>>())
}

/// A program that serves, and sources that ask pods whether they run it or not; with a Service before all pods.
fn load(chance: Chance) -> impl Strategy<Value = (Value, Value)> {
    let call = (0..3_usize, of(1..3_u32), 0..3_u16).prop_map(|(to, times, retries)| {
        let to = ["localhost:80", "pod/pod0:80", "all:80"][to];
        fields([
            ("to", Some(json!(to))),
            ("times", times.map(Value::from)),
            ("retries", Some(json!(retries))),
            ("timeout", Some(json!("3s"))),
        ])
    });
    let calls = weighted(0.4, vec(call, 1..3));
    let serve = (delay(chance), of((1..4_u32, of(0..4_u32))), calls, any::<bool>());
    let serve = serve.prop_map(|(cpu, room, calls, is_parallel)| {
        let (workers, queue) = room.unzip();
        fields([
            ("port", Some(json!(80))),
            ("cpu", Some(cpu)),
            ("workers", workers.map(Value::from)),
            ("queue", queue.flatten().map(Value::from)),
            ("calls", calls.map(Value::from)),
            ("order", is_parallel.then(|| json!("parallel"))),
        ])
    });
    let arrivals = if chance == Chance::None { "constant" } else { "poisson" };
    let source = (0..4_usize, 1..30_u32, of(1..4_u32)).prop_map(move |(to, rate, connections)| {
        let to = ["pod/pod0:80", "pod/pod1:80", "service/all:80", "pod/ghost:80"][to];
        fields([
            ("to", Some(json!(to))),
            ("rate", Some(json!(format!("{rate}/m")))),
            ("arrivals", Some(json!(arrivals))),
            ("until", Some(json!("10m"))),
            ("connections", connections.map(Value::from)),
        ])
    });
    (serve, vec(source, 1..4)).prop_map(|(serve, mut sources)| {
        for (at, source) in sources.iter_mut().enumerate() {
            source["name"] = json!(format!("source{at}"));
        }
        (json!([serve]), json!(sources))
    })
}

/// Any world.
pub fn worlds(chance: Chance) -> impl Strategy<Value = World> {
    let specs = (node_pools(), vec(image(chance), N_IMAGES), vec(timeline_entry(), 0..6), any::<u64>());
    let besides = (of("typical"), weighted(0.15, vec(fault(), 1..3).boxed()), weighted(0.4, load(chance)));
    let spec = (specs, besides).prop_map(move |((pools, images, timeline, seed), (timing, faults, load))| {
        let mut images: Map<_, _> =
            images.into_iter().enumerate().map(|(at, image)| (format!("img{at}"), image)).collect();
        let (serve, traffic) = load.unzip();
        if let Some(serve) = serve {
            images.insert("img3".to_owned(), json!({"serve": serve, "onTerm": {"after": "5s"}}));
        }
        fields([
            ("seed", Some(json!(seed >> 12))),
            ("horizon", Some(json!("2h"))),
            ("timing", timing.map(Value::from)),
            ("nodePools", Some(pools)),
            ("images", Some(Value::Object(images))),
            ("timeline", Some(json!(timeline))),
            ("traffic", traffic),
            ("faults", faults.map(Value::from)),
        ])
    });
    let objects = (
        vec(pod_spec(true), 0..5),
        vec(job_spec(), 0..4),
        vec(cronjob_spec(), 0..2),
        weighted(0.4, vec(deployment_spec(), 1..3)),
    );
    (spec, objects).prop_map(|(spec, (pods, jobs, cronjobs, deployments))| {
        let class = |name: &str, value: i32| {
            json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
                   "metadata": {"name": name}, "value": value})
        };
        let mut objects = vec![class("high", 1000), class("low", -10)];
        objects.push(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "all"},
            "spec": {"selector": {"app": "app0"}, "ports": [{"port": 80}]}}));
        objects.extend(named("v1", "Pod", "pod", pods));
        objects.extend(named("batch/v1", "Job", "job", jobs));
        objects.extend(named("batch/v1", "CronJob", "cron", cronjobs));
        objects.extend(named("apps/v1", "Deployment", "web", deployments.unwrap_or_default()));
        World { spec, objects }
    })
}

fn named(version: &str, kind: &str, name: &str, specs: Vec<Value>) -> impl Iterator<Item = Value> {
    specs.into_iter().enumerate().map(move |(at, spec)| {
        let labels = json!({"app": format!("app{}", at % 2)});
        json!({"apiVersion": version, "kind": kind,
               "metadata": {"name": format!("{name}{at}"), "labels": labels}, "spec": spec})
    })
}

/// Pool `a` of two nodes, and perhaps a pool `b` of one.
fn node_pools() -> impl Strategy<Value = Value> {
    let pool = |name: &'static str, count: u32| {
        let amounts = (1..5_u32, 1..5_u32, prop_oneof![Just(110_u32), 2..6_u32], of(1..3_u32));
        let taint = weighted(0.3, prop_oneof!["NoSchedule", "PreferNoSchedule", "NoExecute"].boxed());
        (amounts, of(prop_oneof!["z1", "z2"]), taint).prop_map(
            move |((cpu, memory, pods, gpus), zone, effect)| {
                let capacity = fields([
                    ("cpu", Some(json!(cpu))),
                    ("memory", Some(json!(format!("{memory}Gi")))),
                    ("pods", Some(json!(pods))),
                    ("example.com/gpu", gpus.map(Value::from)),
                ]);
                fields([
                    ("name", Some(json!(name))),
                    ("count", Some(json!(count))),
                    ("capacity", Some(capacity)),
                    ("zone", zone.map(Value::from)),
                    ("labels", Some(json!({"pool": name}))),
                    ("taints", effect.map(|effect| json!([{"key": "k", "value": "v", "effect": effect}]))),
                ])
            },
        )
    };
    (pool("a", 2), of(pool("b", 1))).prop_map(|(a, b)| json!([a].into_iter().chain(b).collect::<Vec<_>>()))
}

fn span() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (1..90_u32).prop_map(|secs| json!(format!("{secs}s"))),
        1 => (1..900_u32).prop_map(|millis| json!(format!("{millis}ms"))),
        1 => (2..20_u32).prop_map(|mins| json!(format!("{mins}m"))),
    ]
}

fn delay(chance: Chance) -> BoxedStrategy<Value> {
    match chance {
        Chance::None => span().boxed(),
        Chance::Some => prop_oneof![
            3 => span(),
            1 => span().prop_map(|mean| json!({"exponential": mean})),
            1 => (1..9_u32, 9..60_u32).prop_map(|(min, max)| {
                json!({"uniform": {"min": format!("{min}s"), "max": format!("{max}s")}})
            }),
        ]
        .boxed(),
    }
}

fn exit(chance: Chance) -> BoxedStrategy<Value> {
    let certain = prop_oneof![3 => Just(json!(0)), 2 => (1..4_i32).prop_map(Value::from)];
    match chance {
        Chance::None => certain.boxed(),
        Chance::Some => prop_oneof![3 => certain, 1 => Just(json!({"0": 0.7, "1": 0.3}))].boxed(),
    }
}

fn step(chance: Chance) -> impl Strategy<Value = Value> {
    let port = || 80..83_u16;
    prop_oneof![
        2 => port().prop_map(|port| json!({"listen": port})),
        6 => delay(chance).prop_map(|delay| json!({"run": delay})),
        1 => Just(json!({"run": "forever"})),
        1 => (port(), of(span()))
            .prop_map(|(port, timeout)| json!({"waitFor": fields([("port", Some(json!(port))), ("timeout", timeout)])})),
        1 => (port(), of(span())).prop_map(|(port, timeout)| {
            json!({"waitFor": fields([("port", Some(json!(format!("pod0:{port}")))), ("timeout", timeout)])})
        }),
        1 => of(span()).prop_map(|timeout| {
            json!({"waitFor": fields([("file", Some(json!("/data/done"))), ("timeout", timeout)])})
        }),
        1 => port().prop_map(|port| json!({"connect": format!("localhost:{port}")})),
        1 => Just(json!({"write": "/data/done"})),
        1 => Just(json!({"log": "a line"})),
        2 => exit(chance).prop_map(|exit| json!({"exit": exit})),
    ]
}

fn image(chance: Chance) -> impl Strategy<Value = Value> {
    let steps = || vec(step(chance), 0..5);
    let life = prop_oneof![
        2 => steps().prop_map(|steps| ("steps", json!(steps))),
        1 => vec(steps(), 1..3).prop_map(|attempts| ("attempts", json!(attempts))),
    ];
    let memory = weighted(0.2, (1..200_u32, of(1..200_u32))).prop_map(|memory| {
        memory.map(|(base, growth)| {
            let growth = growth.map(|growth| json!(format!("{growth}Mi/m")));
            fields([("base", Some(json!(format!("{base}Mi")))), ("growth", growth)])
        })
    });
    let on_term = weighted(
        0.3,
        prop_oneof![
            Just(json!({"ignore": true})),
            (span(), 0..3_i32).prop_map(|(after, code)| json!({"after": after, "exitCode": code})),
        ],
    );
    let failure = weighted(0.05, (Just(json!("not found")), of(0..4_u32)));
    let pull = (failure, of(Just(json!("100M"))));
    let manners = (weighted(0.3, probe_answers()), weighted(0.2, hook_runs())).boxed();
    (life, memory, on_term, pull, weighted(0.2, delay(chance)), manners).prop_map(
        |((life, doing), memory, on_term, (failure, size), startup, (probes, hooks))| {
            let (failure, failures) = failure.unzip();
            let failures = failures.flatten().map(Value::from);
            fields([
                ("probes", probes),
                ("hooks", hooks),
                ("pullFailures", failures),
                (life, Some(doing)),
                ("memory", memory),
                ("onTerm", on_term),
                ("pullFailure", failure),
                ("pullSize", size),
                ("startup", startup),
            ])
        },
    )
}

fn probe_answers() -> impl Strategy<Value = Value> {
    let window = || {
        of((0..60_u32, of(1..100_u32)).prop_map(|(from, span)| {
            let until = span.map(|span| json!(format!("{}s", from + span)));
            fields([("failFrom", Some(json!(format!("{from}s")))), ("failUntil", until)])
        }))
    };
    let answer = of((1..3000_u32).prop_map(|millis| json!(format!("{millis}ms"))));
    (answer, window(), window(), window()).prop_map(|(answer, startup, liveness, readiness)| {
        fields([("answer", answer), ("startup", startup), ("liveness", liveness), ("readiness", readiness)])
    })
}

fn hook_runs() -> impl Strategy<Value = Value> {
    let hook =
        || of((span(), any::<bool>()).prop_map(|(takes, fails)| json!({"takes": takes, "fails": fails})));
    (hook(), hook())
        .prop_map(|(post_start, pre_stop)| fields([("postStart", post_start), ("preStop", pre_stop)]))
}

fn probe(kind: &'static str) -> impl Strategy<Value = Value> {
    let action = prop_oneof![
        Just(json!({"exec": {"command": ["check"]}})),
        (80..83_u16).prop_map(|port| json!({"httpGet": {"port": port}})),
        (80..83_u16).prop_map(|port| json!({"tcpSocket": {"port": port}})),
        (80..83_u16).prop_map(|port| json!({"grpc": {"port": port}})),
    ];
    let numbers = (of(0..20_u32), of(1..15_u32), of(1..4_u32), of(1..4_u32), of(1..4_u32), of(1..40_u32));
    (action, numbers).prop_map(move |(mut probe, (delay, period, timeout, failures, successes, grace))| {
        let is_readiness = kind == "readinessProbe";
        for (field, number) in [
            ("initialDelaySeconds", delay),
            ("periodSeconds", period),
            ("timeoutSeconds", timeout),
            ("failureThreshold", failures),
            ("successThreshold", successes.filter(|_| is_readiness)),
            ("terminationGracePeriodSeconds", grace.filter(|_| !is_readiness)),
        ] {
            if let Some(number) = number {
                probe[field] = json!(number);
            }
        }
        probe
    })
}

/// Probes and hooks of a container that serves.
fn server_fields() -> BoxedStrategy<Vec<(&'static str, Value)>> {
    let hook =
        || prop_oneof![Just(json!({"exec": {"command": ["x"]}})), Just(json!({"sleep": {"seconds": 0}}))];
    let lifecycle = (of(hook()), of(hook()))
        .prop_map(|(post_start, pre_stop)| fields([("postStart", post_start), ("preStop", pre_stop)]));
    let some = |kind: &'static str| weighted(0.2, probe(kind)).boxed();
    (some("startupProbe"), some("livenessProbe"), some("readinessProbe"), weighted(0.15, lifecycle))
        .prop_map(|(startup, liveness, readiness, lifecycle)| {
            let named = [
                ("startupProbe", startup),
                ("livenessProbe", liveness),
                ("readinessProbe", readiness),
                ("lifecycle", lifecycle),
            ];
            named.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        })
        .boxed()
}

/// A container that may be probed and have hooks.
fn server(name: String) -> BoxedStrategy<Value> {
    let server = (container(name), server_fields()).prop_map(|(mut container, more)| {
        for (field, value) in more {
            container[field] = value;
        }
        container
    });
    server.boxed()
}

fn container(name: String) -> impl Strategy<Value = Value> {
    let requests = (of(1..30_u32), of(1..20_u32), weighted(0.1, 1..3_u32));
    let rest = (0..N_IMAGES + 1, weighted(0.2, 8080..8082_u16), any::<bool>(), weighted(0.3, 50..400_u32));
    // Pods may want the same port of a node, but not two containers of one pod.
    let offset = 10 * u16::from(name.as_bytes().last().copied().unwrap_or_default());
    (requests, rest).prop_map(move |((cpu, memory, gpus), (image, host_port, mounts, limit))| {
        let memory =
            memory.map(|memory| memory * 100).map(|memory| limit.map_or(memory, |limit| memory.min(limit)));
        let gpus = gpus.map(Value::from);
        let requests = fields([
            ("cpu", cpu.map(|cpu| json!(format!("{}m", cpu * 100)))),
            ("memory", memory.map(|memory| json!(format!("{memory}Mi")))),
            ("example.com/gpu", gpus.clone()),
        ]);
        let limits =
            fields([("memory", limit.map(|limit| json!(format!("{limit}Mi")))), ("example.com/gpu", gpus)]);
        fields([
            ("name", Some(json!(name))),
            ("image", Some(json!(format!("img{image}")))),
            ("resources", Some(json!({"requests": requests, "limits": limits}))),
            ("ports", host_port.map(|port| json!([{"containerPort": 80, "hostPort": port + offset}]))),
            ("volumeMounts", mounts.then(|| json!([{"name": "data", "mountPath": "/data"}]))),
        ])
    })
}

fn init_container(name: String) -> impl Strategy<Value = Value> {
    (container(name).boxed(), any::<bool>(), server_fields()).prop_map(|(mut container, is_sidecar, more)| {
        if is_sidecar {
            container["restartPolicy"] = json!("Always");
            for (field, value) in more {
                container[field] = value;
            }
        }
        container.as_object_mut().unwrap().remove("ports");
        container
    })
}

/// `many` of them, one of a name.
fn numbered<S: Strategy<Value = Value>>(
    name: &'static str,
    many: std::ops::RangeInclusive<usize>,
    make: fn(String) -> S,
) -> impl Strategy<Value = Vec<Value>> {
    many.prop_flat_map(move |n| (0..n).map(|at| make(format!("{name}{at}"))).collect::<Vec<_>>())
}

fn pod_spec(may_be_always: bool) -> impl Strategy<Value = Value> {
    let policies =
        if may_be_always { vec!["Always", "OnFailure", "Never"] } else { vec!["OnFailure", "Never"] };
    let containers = (numbered("c", 1..=3, server), numbered("i", 0..=2, init_container));
    let place = (
        weighted(0.15, proptest::sample::select(NODES.to_vec())),
        weighted(0.15, Just(json!({"pool": "a"}))),
        weighted(0.5, Just(json!([{"operator": "Exists"}]))),
        (weighted(0.3, affinity()), weighted(0.25, pod_affinity()), weighted(0.3, spread())),
    );
    let rest = (
        proptest::sample::select(policies),
        of(prop_oneof!["high", "low"]),
        weighted(0.3, 0..40_u32),
        weighted(0.15, 5..200_u32),
        weighted(0.1, Just(true)),
    );
    (containers, place, rest).prop_map(
        |(
            (containers, init),
            (node, selector, tolerations, (affinity, pod_affinity, spread)),
            (policy, class, grace, deadline, host),
        )| {
            fields([
                ("containers", Some(json!(containers))),
                ("initContainers", Some(json!(init))),
                ("volumes", Some(json!([{"name": "data", "emptyDir": {}}]))),
                ("restartPolicy", Some(json!(policy))),
                ("nodeName", node.map(Value::from)),
                ("nodeSelector", selector),
                ("tolerations", tolerations),
                ("affinity", merged(affinity, pod_affinity)),
                ("topologySpreadConstraints", spread),
                ("priorityClassName", class.map(Value::from)),
                ("terminationGracePeriodSeconds", grace.map(Value::from)),
                ("activeDeadlineSeconds", deadline.map(Value::from)),
                // Host ports of a pod in the node's network must equal its container ports.
                (
                    "hostNetwork",
                    host.filter(|_| containers.iter().all(|c| c.get("ports").is_none())).map(Value::from),
                ),
            ])
        },
    )
}

/// Small pods that are particular about each other, for a world of nodes with room.
pub fn choosy_pods() -> impl Strategy<Value = Vec<Value>> {
    let spec = (weighted(0.7, spread()), weighted(0.4, pod_affinity())).prop_map(|(spread, affinity)| {
        fields([
            ("containers", Some(json!([{"name": "c", "image": "img0"}]))),
            ("tolerations", Some(json!([{"operator": "Exists"}]))),
            ("topologySpreadConstraints", spread),
            ("affinity", affinity),
        ])
    });
    vec(spec, 4..12).prop_map(|specs| named("v1", "Pod", "choosy", specs).collect())
}

/// The fields of both, where there are any.
fn merged(one: Option<Value>, other: Option<Value>) -> Option<Value> {
    let Some(mut all) = one else { return other };
    let others = other.iter().filter_map(Value::as_object).flatten();
    others.for_each(|(key, value)| all[key] = value.clone());
    Some(all)
}

/// A label whose values are domains; not all nodes have the second.
fn topology_key() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["kubernetes.io/hostname", "topology.kubernetes.io/zone", "pool"])
}

fn label_selector() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => (0..2_u32).prop_map(|at| json!({"matchLabels": {"app": format!("app{at}")}})),
        1 => Just(json!({"matchExpressions": [{"key": "app", "operator": "Exists"}]})),
        1 => Just(json!({})),
    ]
}

fn pod_affinity() -> impl Strategy<Value = Value> {
    let term = (
        topology_key(),
        label_selector(),
        weighted(0.2, Just(json!({}))),
        weighted(0.2, Just(json!(["app"]))),
    );
    let term = term.prop_map(|(key, selector, namespaces, keys)| {
        let keys = keys.filter(|_| selector == json!({}));
        fields([
            ("topologyKey", Some(json!(key))),
            ("labelSelector", Some(selector)),
            ("namespaceSelector", namespaces),
            ("matchLabelKeys", keys),
        ])
    });
    let kinds = (prop_oneof!["podAffinity", "podAntiAffinity"], any::<bool>());
    (kinds, vec(term, 1..3), 1..100_u32).prop_map(|((kind, is_required), terms, weight)| {
        let weighted = |term: &Value| json!({"weight": weight, "podAffinityTerm": term});
        let affinity = if is_required {
            json!({"requiredDuringSchedulingIgnoredDuringExecution": terms})
        } else {
            let terms: Vec<_> = terms.iter().map(weighted).collect();
            json!({"preferredDuringSchedulingIgnoredDuringExecution": terms})
        };
        json!({kind: affinity})
    })
}

fn spread() -> impl Strategy<Value = Value> {
    let policies = (weighted(0.3, Just("Ignore")), weighted(0.3, Just("Honor")), weighted(0.3, 1..4_u32));
    let constraint = (1..3_u32, topology_key(), any::<bool>(), label_selector(), policies);
    let constraint =
        constraint.prop_map(|(skew, key, is_hard, selector, (affinity, taints, min_domains))| {
            let action = if is_hard { "DoNotSchedule" } else { "ScheduleAnyway" };
            fields([
                ("maxSkew", Some(json!(skew))),
                ("topologyKey", Some(json!(key))),
                ("whenUnsatisfiable", Some(json!(action))),
                ("labelSelector", Some(selector)),
                ("nodeAffinityPolicy", affinity.map(Value::from)),
                ("nodeTaintsPolicy", taints.map(Value::from)),
                ("minDomains", min_domains.filter(|_| is_hard).map(Value::from)),
            ])
        });
    vec(constraint, 1..3).prop_map(|mut constraints| {
        let pair =
            |constraint: &Value| (constraint["topologyKey"].clone(), constraint["whenUnsatisfiable"].clone());
        let mut seen = Vec::new();
        constraints.retain(|constraint| {
            let is_new = !seen.contains(&pair(constraint));
            seen.push(pair(constraint));
            is_new
        });
        json!(constraints)
    })
}

fn affinity() -> impl Strategy<Value = Value> {
    let term =
        |pool: &str| json!({"matchExpressions": [{"key": "pool", "operator": "In", "values": [pool]}]});
    prop_oneof![
        Just(json!({"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term("b")]}}})),
        Just(json!({"nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "preference": term("a")}]}})),
    ]
}

fn job_spec() -> impl Strategy<Value = Value> {
    let counts = (of(0..6_u32), of(0..5_u32), of(0..4_u32), any::<bool>());
    let rest = (
        weighted(0.15, Just(true)),
        weighted(0.2, 10..600_u32),
        weighted(0.3, 0..120_u32),
        of(prop_oneof!["Failed", "TerminatingOrFailed"]),
    );
    (counts, rest, pod_spec(false)).prop_map(
        |((completions, parallelism, limit, is_indexed), (suspend, deadline, ttl, replacement), pod)| {
            let is_indexed = is_indexed && completions.is_some();
            fields([
                ("completions", completions.map(Value::from)),
                ("parallelism", parallelism.map(Value::from)),
                ("backoffLimit", limit.map(Value::from)),
                ("completionMode", is_indexed.then(|| json!("Indexed"))),
                ("suspend", suspend.map(Value::from)),
                ("activeDeadlineSeconds", deadline.map(Value::from)),
                ("ttlSecondsAfterFinished", ttl.map(Value::from)),
                ("podReplacementPolicy", replacement.map(Value::from)),
                ("template", Some(json!({"metadata": {"labels": {"app": "app0"}}, "spec": pod}))),
            ])
        },
    )
}

fn cronjob_spec() -> impl Strategy<Value = Value> {
    let when = (
        prop_oneof![
            "\\* \\* \\* \\* \\*",
            "\\*/7 \\* \\* \\* \\*",
            "30 \\* \\* \\* 1-5",
            "0 \\* \\* \\* \\*"
        ],
        of(prop_oneof!["Allow", "Forbid", "Replace"]),
        of(10..100_u32),
    );
    let rest = (of(0..3_u32), of(0..3_u32), weighted(0.1, Just(true)), weighted(0.3, Just("Asia/Tokyo")));
    (when, rest, job_spec()).prop_map(
        |((schedule, policy, deadline), (succeeded, failed, suspend, zone), job)| {
            fields([
                ("schedule", Some(json!(schedule))),
                ("concurrencyPolicy", policy.map(Value::from)),
                ("startingDeadlineSeconds", deadline.map(Value::from)),
                ("successfulJobsHistoryLimit", succeeded.map(Value::from)),
                ("failedJobsHistoryLimit", failed.map(Value::from)),
                ("suspend", suspend.map(Value::from)),
                ("timeZone", zone.map(Value::from)),
                ("jobTemplate", Some(json!({"spec": job}))),
            ])
        },
    )
}

fn fault() -> impl Strategy<Value = Value> {
    let target = prop_oneof![
        prop_oneof!["a-\\*", "b-1"].prop_map(|nodes| ("nodes", nodes)),
        prop_oneof!["z1", "z2"].prop_map(|zone| ("zone", zone)),
    ];
    let mean = || (1..60_u32).prop_map(|mins| json!(format!("{mins}m")));
    (target, mean(), mean()).prop_map(|((field, target), mtbf, mttr)| {
        fields([(field, Some(json!(target))), ("mtbf", Some(mtbf)), ("mttr", Some(mttr))])
    })
}

fn timeline_entry() -> impl Strategy<Value = Value> {
    let pods = || prop_oneof!["pod0", "pod1", "job0-\\*", "job1-\\*"];
    let node = || proptest::sample::select(NODES[..3].to_vec());
    let components = || prop_oneof!["kube-scheduler", "kube-controller-manager"];
    let how = || prop_oneof!["Background", "Foreground", "Orphan"];
    let action = prop_oneof![
        pods().prop_map(|pod| json!({"kill": {"pod": pod}})),
        (pods(), of(span())).prop_map(
            |(pod, grace)| json!({"delete": fields([("pod", Some(json!(pod))), ("gracePeriod", grace)])})
        ),
        how().prop_map(|how| json!({"delete": {"job": "job0", "propagation": how}})),
        how().prop_map(|how| json!({"delete": {"cronjob": "cron0", "propagation": how}})),
        node().prop_map(|node| json!({"delete": {"node": node}})),
        (node(), of(span()))
            .prop_map(|(node, span)| json!({"fail": fields([("node", Some(json!(node))), ("for", span)])})),
        (prop_oneof!["z1", "z2"], of(span()))
            .prop_map(|(zone, span)| json!({"fail": fields([("zone", Some(json!(zone))), ("for", span)])})),
        node().prop_map(|node| json!({"recover": {"node": node}})),
        node().prop_map(|node| json!({"cordon": {"node": node}})),
        node().prop_map(|node| json!({"uncordon": {"node": node}})),
        (components(), span())
            .prop_map(|(component, span)| json!({"stop": {"component": component, "for": span}})),
        any::<bool>().prop_map(|on| json!({"patch": {"job": "job0", "merge": {"spec": {"suspend": on}}}})),
        (0..5_u32).prop_map(|n| json!({"patch": {"job": "job1", "merge": {"spec": {"parallelism": n}}}})),
        any::<bool>()
            .prop_map(|on| json!({"patch": {"cronjob": "cron0", "merge": {"spec": {"suspend": on}}}})),
        deployment_patch().prop_map(|spec| json!({"patch": {"deployment": "web0", "merge": {"spec": spec}}})),
        how().prop_map(|how| json!({"delete": {"deployment": "web1", "propagation": how}})),
    ];
    (span(), action).prop_map(|(at, mut entry)| {
        entry["at"] = at;
        entry
    })
}
