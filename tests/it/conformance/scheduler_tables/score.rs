//! Verdicts and scores of single plugins.
//!
//! What a plugin makes of a selector that it cannot read is no question here: the API server refuses the pod.

use cluster_sim::manifest::field_error::{FieldErrors, Path};
use cluster_sim::manifest::{validation, wire};
use cluster_sim::model::profile::Profile;
use cluster_sim::model::scenario::NewSpec;
use cluster_sim::scheduler::config::{
    AddedAffinity, ConfigError, ExistingPreferences, SchedulerConfig, ScoringKind, ScoringStrategy,
};
use cluster_sim::scheduler::framework::{Code, Filter, PreFilter, Score};
use cluster_sim::scheduler::plugins::{FILTERS, SCORES};
use cluster_sim::scheduler::snapshot::Row;
use serde_json::{Value, json};

use super::super::golden_sched::objects::{self, list, text, texts};
use super::super::golden_sched::world::World;
use super::super::{Suite, files, same, yaml};
use super::manifest;

#[test]
fn plugins_judge_and_score_as_in_upstreams_tests() {
    let mut suite = Suite::new("scheduler_score");
    for path in files("tables/scheduler_score.yaml") {
        let table = yaml(&path);
        let namespaces = &table["meta"]["namespaces_for_InterPodAffinity"];
        for case in list(&table["cases"]) {
            let is_invalid = case["expected"]["invalid_input"] == true;
            let is_stopped = is_invalid && is_refused(&case["inputs"]["pod"]["spec"]["affinity"]);
            suite.case(text(&case["id"]), if is_stopped { Ok(()) } else { run(case, namespaces) });
        }
    }
    suite.finish();
}

/// Whether the API server refuses pods with this affinity.
fn is_refused(affinity: &Value) -> bool {
    let mut errors = FieldErrors::default();
    if affinity.is_object() {
        let affinity = wire::decode_json(affinity).expect("an affinity");
        validation::topology::affinity(&affinity, &Path::OBJECT, &mut errors);
    }
    !errors.is_empty()
}

fn run(case: &Value, namespaces: &Value) -> Result<(), String> {
    let (inputs, expected) = (&case["inputs"], &case["expected"]);
    let config = config(text(&case["plugin"]), &inputs["args"]);
    if expected["config_error"] == true || expected["error_code"].is_string() {
        return match config.check() {
            Err(ConfigError::Weight(..) | ConfigError::NoResources) => Ok(()),
            other => Err(format!("the settings are taken: {other:?}")),
        };
    }
    let mut world = World::new(&world_of(inputs, namespaces));
    world.config = config;
    world.profile = profile(&inputs["args"]);
    let pod = world.add_incoming_pod(&with_namespace(&manifest(&inputs["pod"])));
    let (cx, snapshot, _) = world.context(pod);
    let is_plugin = |name: &str| name == text(&case["plugin"]);
    if text(&case["kind"]) == "filter" {
        let entry = FILTERS.iter().find(|entry| is_plugin(entry.plugin.as_str())).expect("a filter plugin");
        let outcome = (entry.pre_filter)(&cx, snapshot);
        return check_filter(&mut world, outcome, expected);
    }
    let entry = SCORES.iter().find(|entry| is_plugin(entry.plugin.as_str())).expect("a score plugin");
    let n_scored = list(&inputs["nodes"]).count() as u32;
    let rows: Vec<_> = (0..n_scored).map(Row).collect();
    match (entry.pre_score)(&cx, snapshot, &rows) {
        None => same(&"Skip", &text(&expected["prescore"]["code"])),
        Some(plugin) => check_scores(&world, &*plugin, &rows, expected),
    }
}

/// The settings of a plugin.
fn config(plugin: &str, args: &Value) -> SchedulerConfig {
    let default = SchedulerConfig::default();
    let weighted =
        |resource: &Value| (text(&resource["name"]).into(), resource["weight"].as_i64().expect("a weight"));
    let point = |point: &Value| {
        let number = |field: &str| point[field].as_i64().expect("a number");
        (number("utilization"), number("score"))
    };
    let kind = match text(&args["strategy"]) {
        "MostAllocated" => ScoringKind::MostAllocated,
        "RequestedToCapacityRatio" => {
            ScoringKind::RequestedToCapacityRatio(list(&args["shape"]).map(point).collect())
        }
        _ => ScoringKind::LeastAllocated,
    };
    let has_resources = args.get("resources").is_some();
    let is_balanced = plugin == "NodeResourcesBalancedAllocation" && has_resources;
    let names = |field: &str| texts(&args[field]).into_iter().map(Into::into).collect();
    let preferences = match &args["ignorePreferredTermsOfExistingPods"] {
        Value::Bool(true) => ExistingPreferences::Ignored,
        _ => ExistingPreferences::Count,
    };
    SchedulerConfig {
        scoring: if has_resources {
            ScoringStrategy { kind, resources: list(&args["resources"]).map(weighted).collect() }
        } else {
            default.scoring
        },
        balanced_resources: if is_balanced {
            list(&args["resources"]).map(|resource| text(&resource["name"]).into()).collect()
        } else {
            default.balanced_resources
        },
        ignored_resources: names("ignoredResources"),
        ignored_resource_groups: names("ignoredResourceGroups"),
        added_affinity: added_affinity(&args["addedAffinity"]),
        hard_pod_affinity_weight: args["hardPodAffinityWeight"].as_i64().unwrap_or(1),
        existing_preferences: preferences,
        ..default
    }
}

fn added_affinity(affinity: &Value) -> AddedAffinity {
    let pod = json!({"spec": {"affinity": {"nodeAffinity": affinity}}, "metadata": {}});
    let NewSpec::Pod(spec) = objects::pod(&pod).spec else { panic!("a pod has a pod's spec") };
    let placement = spec.placement.clone();
    AddedAffinity { required: placement.required_nodes, preferred: placement.preferred_nodes }
}

fn profile(args: &Value) -> Profile {
    let profile = Profile::new("1.28".parse().expect("there is a profile"));
    let gates = [
        ("SidecarContainers", args["enableSidecarContainers"] == true),
        ("MatchLabelKeysInPodTopologySpread", args["enable_match_label_keys"] != false),
    ];
    gates
        .into_iter()
        .fold(profile, |profile, (gate, is_on)| profile.with_gate(gate, is_on).expect("there is a gate"))
}

/// The cluster of a case. Objects without a name get one; pods without a node run on the only one where the plugin
/// looks at a single node.
fn world_of(inputs: &Value, namespaces: &Value) -> Value {
    let named = |object: &Value, name: String| {
        let mut manifest = with_namespace(&manifest(object));
        if text(&manifest["metadata"]["name"]).is_empty() {
            manifest["metadata"]["name"] = name.into();
        }
        manifest
    };
    let nodes = list(&inputs["nodes"]).chain(list(&inputs["filtered_out_nodes"])).enumerate();
    let nodes: Vec<_> = nodes.map(|(at, node)| named(node, format!("node-{at}"))).collect();
    let pods = list(&inputs["existing_pods"]).enumerate().map(|(at, pod)| {
        let mut pod = named(pod, format!("pod-{at}"));
        if let ([node], true) = (nodes.as_slice(), text(&pod["spec"]["nodeName"]).is_empty()) {
            pod["spec"]["nodeName"] = node["metadata"]["name"].clone();
        }
        pod
    });
    let namespaces = list(namespaces).map(|namespace| json!({"metadata": namespace}));
    let services = list(&inputs["objects"]).map(|service| json!({"metadata": {}, "spec": service["spec"]}));
    json!({
        "nodes": nodes,
        "pods": pods.collect::<Vec<_>>(),
        "namespaces": namespaces.collect::<Vec<_>>(),
        "services": services.collect::<Vec<_>>(),
    })
}

/// An absent namespace is one of its own in the tables.
fn with_namespace(manifest: &Value) -> Value {
    let mut manifest = manifest.clone();
    if manifest["metadata"]["namespace"].is_null() {
        manifest["metadata"]["namespace"] = "".into();
    }
    manifest
}

fn check_filter(world: &mut World, outcome: PreFilter, expected: &Value) -> Result<(), String> {
    let filter = match outcome {
        PreFilter::Skip => {
            let code = text(&expected["prefilter"]["code"]);
            // Plugins skip here also where no node can be refused.
            let is_success = text(&expected["status"]["code"]) == "Success";
            return if code == "Skip" || is_success || all_succeed(expected) {
                Ok(())
            } else {
                Err(format!("skipped, expected {expected}"))
            };
        }
        PreFilter::Reject(code, _) => return same(&code.as_str(), &text(&expected["prefilter"]["code"])),
        PreFilter::FilterOnly(names, filter) => {
            let names: Vec<_> = names.iter().map(|name| &**name).collect();
            same(&names, &texts(&expected["prefilter_nodes"]))?;
            filter
        }
        PreFilter::Filter(filter) => filter,
    };
    if let Some(prefilter) = expected["prefilter"]["code"].as_str() {
        same(&"Success", &prefilter)?;
    }
    if expected["status_by_node"].is_array() {
        for status in list(&expected["status_by_node"]) {
            let node = world.cluster.find_node(text(&status["name"])).expect("the node is there");
            let row = world.snapshot.row(node).expect("the node is in the snapshot");
            same(&code(&*filter, world, row), &text(&status["code"]))
                .map_err(|error| format!("{}: {error}", text(&status["name"])))?;
        }
        return Ok(());
    }
    let status = &expected["status"];
    same(&code(&*filter, world, Row(0)), &text(&status["code"]))?;
    let mut reasons = Vec::new();
    filter.explain(&world.snapshot, Row(0), &mut reasons);
    let words: Vec<_> = reasons.iter().map(ToString::to_string).collect();
    if status["reasons"].is_array() {
        same(&words.iter().map(String::as_str).collect(), &texts(&status["reasons"]))?;
    }
    let short = list(&expected["insufficient"]).map(|entry| match text(&entry["resource"]) {
        "pods" => "Too many pods".to_owned(),
        other => format!("Insufficient {other}"),
    });
    if expected["insufficient"].is_array() { same(&words, &short.collect()) } else { Ok(()) }
}

fn all_succeed(expected: &Value) -> bool {
    let mut statuses = list(&expected["status_by_node"]).peekable();
    statuses.peek().is_some() && statuses.all(|status| status["code"] == "Success")
}

fn code(filter: &dyn Filter, world: &World, row: Row) -> &'static str {
    filter.filter(&world.snapshot, row).map_or_else(Code::as_str, |()| "Success")
}

/// Compares the scores, which stand in the order of the nodes.
fn check_scores(world: &World, plugin: &dyn Score, rows: &[Row], expected: &Value) -> Result<(), String> {
    let mut scores = Vec::new();
    plugin.score(&world.snapshot, rows, &mut scores);
    plugin.normalize(&world.snapshot, rows, &mut scores);
    let expected: Vec<_> = list(&expected["scores"]).map(|entry| entry["score"].as_i64()).collect();
    same(&scores.into_iter().map(Some).collect(), &expected)
}
