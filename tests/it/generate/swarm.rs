//! Worlds in which chance decides what there is at all: each draws which features are on, and has much of those.
//!
//! Worlds with a little of everything seldom get deep into anything: what one feature does hides what another would.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::deployments::deployment_spec;
use super::sets::{budget, daemon_set, entry, stateful_set};
use super::{Chance, World, fault, fields, load, named, worlds};

/// Something that a world may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Feature {
    Pods,
    Jobs,
    CronJobs,
    Deployments,
    StatefulSets,
    DaemonSets,
    Autoscalers,
    Budgets,
    Load,
    Probes,
    Latencies,
    Zones,
    Faults,
    /// Nodes that fail and return.
    Failures,
    Drains,
    /// Changes and deletions of objects, and kills.
    Changes,
    Shutdowns,
    Outages,
    Partitions,
    /// Taints, affinities and what else makes pods choosy.
    Choosiness,
}

/// The features of a world.
#[derive(Debug, Clone, Copy)]
struct Features(u32);

impl Features {
    const fn has(self, feature: Feature) -> bool {
        self.0 & (1 << feature as u32) != 0
    }

    /// Whether the world may have an entry of the timeline.
    fn allow(self, entry: &Value) -> bool {
        let feature = match entry.as_object().into_iter().flatten().find(|(key, _)| *key != "at") {
            Some((key, _)) => match key.as_str() {
                "fail" | "recover" => Feature::Failures,
                "drain" | "evict" | "cordon" | "uncordon" => Feature::Drains,
                "shutdown" => Feature::Shutdowns,
                "stop" | "start" => Feature::Outages,
                "partition" => Feature::Partitions,
                _ => Feature::Changes,
            },
            None => return false,
        };
        let is_of_zone = entry["fail"]["zone"].is_string() || entry["partition"].is_object();
        self.has(feature) && (!is_of_zone || self.has(Feature::Zones))
    }

    fn allow_object(self, object: &Value) -> bool {
        match object["kind"].as_str() {
            Some("Pod") => self.has(Feature::Pods),
            Some("Job") => self.has(Feature::Jobs),
            Some("CronJob") => self.has(Feature::CronJobs),
            Some("Deployment") => self.has(Feature::Deployments),
            Some("StatefulSet") => self.has(Feature::StatefulSets),
            Some("DaemonSet") => self.has(Feature::DaemonSets),
            Some("HorizontalPodAutoscaler") => self.has(Feature::Autoscalers),
            Some("PodDisruptionBudget") => self.has(Feature::Budgets),
            _ => true,
        }
    }

    /// Leaves out of a world what it does not have.
    fn restrict(self, world: &mut World) {
        world.objects.retain(|object| self.allow_object(object));
        let spec = &mut world.spec;
        for (feature, field) in
            [(Feature::Load, "traffic"), (Feature::Faults, "faults"), (Feature::Latencies, "timing")]
        {
            if !self.has(feature) {
                remove(spec, field);
            }
        }
        if let Some(timeline) = spec["timeline"].as_array_mut() {
            timeline.retain(|entry| self.allow(entry));
        }
        if !self.has(Feature::Zones) {
            spec["nodePools"].as_array_mut().into_iter().flatten().for_each(|pool| remove(pool, "zone"));
        }
        if !self.has(Feature::Choosiness) {
            spec["nodePools"].as_array_mut().into_iter().flatten().for_each(|pool| remove(pool, "taints"));
        }
        for object in &mut world.objects {
            if !self.has(Feature::Probes) {
                for field in ["startupProbe", "livenessProbe", "readinessProbe", "lifecycle"] {
                    remove_everywhere(object, field);
                }
            }
            if !self.has(Feature::Choosiness) {
                for field in
                    ["affinity", "topologySpreadConstraints", "nodeSelector", "nodeName", "priorityClassName"]
                {
                    remove_everywhere(object, field);
                }
            }
        }
    }
}

fn remove(object: &mut Value, field: &str) {
    if let Some(object) = object.as_object_mut() {
        object.remove(field);
    }
}

fn remove_everywhere(value: &mut Value, field: &str) {
    remove(value, field);
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| remove_everywhere(value, field)),
        Value::Array(items) => items.iter_mut().for_each(|value| remove_everywhere(value, field)),
        _ => {}
    }
}

/// What goes wrong with more than one node.
fn disturbance() -> impl Strategy<Value = Value> {
    let node = || prop_oneof![Just("a-1"), Just("a-2"), Just("b-1")];
    let span = || (1..900_u32).prop_map(|secs| json!(format!("{secs}s")));
    let components = prop_oneof!["kube-apiserver", "kube-scheduler", "kube-controller-manager"];
    let zones = prop_oneof![Just(json!(["z1"])), Just(json!(["z1", "z2"]))];
    let action = prop_oneof![
        (node(), of(100..900_u32)).prop_map(|(node, secs)| {
            let span = secs.map(|secs| json!(format!("{secs}s")));
            json!({"shutdown": fields([("node", Some(json!(node))), ("for", span)])})
        }),
        (components, span())
            .prop_map(|(component, span)| json!({"stop": {"component": component, "for": span}})),
        (node(), of(span())).prop_map(|(node, span)| {
            let component = Some(json!("kubelet"));
            json!({"stop": fields([("component", component), ("node", Some(json!(node))), ("for", span)])})
        }),
        node().prop_map(|node| json!({"start": {"component": "kubelet", "node": node}})),
        (zones, span()).prop_map(|(zones, span)| json!({"partition": {"zones": zones, "for": span}})),
        (node(), span()).prop_map(|(node, span)| json!({"fail": {"node": node, "for": span}})),
        (0..6_u32).prop_map(|n| json!({"scale": {"deployment": "web0", "replicas": n}})),
    ];
    (1..900_u32, action).prop_map(|(at, mut entry)| {
        entry["at"] = json!(format!("{at}s"));
        entry
    })
}

fn autoscaler(kind: &'static str, name: &'static str) -> impl Strategy<Value = Value> {
    let metric = prop_oneof![
        (10..90_u32).prop_map(|percent| {
            json!({"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": percent}}})
        }),
        (10..300_u32).prop_map(|millis| {
            json!({"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "AverageValue", "averageValue": format!("{millis}m")}}})
        }),
    ];
    (metric, 1..3_u32, 3..8_u32, of(0..120_u32)).prop_map(move |(metric, min, max, window)| {
        let behavior = window.map(|secs| json!({"scaleDown": {"stabilizationWindowSeconds": secs}}));
        let target = json!({"apiVersion": "apps/v1", "kind": kind, "name": name});
        let spec = fields([
            ("scaleTargetRef", Some(target)),
            ("minReplicas", Some(json!(min))),
            ("maxReplicas", Some(json!(max))),
            ("metrics", Some(json!([metric]))),
            ("behavior", behavior),
        ]);
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name}, "spec": spec})
    })
}

/// Any world with features drawn by lot.
pub fn swarm() -> impl Strategy<Value = World> {
    let objects = (
        vec(deployment_spec(), 1..3),
        stateful_set(),
        daemon_set(),
        (budget("first"), of(budget("second"))),
        (autoscaler("Deployment", "web0"), autoscaler("StatefulSet", "db")),
    );
    let spec = (
        load(Chance::Some),
        vec(fault(), 1..3),
        vec(disturbance(), 0..6),
        vec(entry(), 0..6),
        (0..60_u32, 0..60_u32),
        vec(of(10..400_u32), 4),
    );
    (any::<u32>(), worlds(Chance::Some).boxed(), objects, spec).prop_map(
        |(features, mut world, objects, (load, faults, disturbances, entries, graces, cpus))| {
            let (deployments, stateful, daemon, (first, second), autoscalers) = objects;
            world.objects.retain(|object| object["kind"] != "Deployment");
            world.objects.extend(named("apps/v1", "Deployment", "web", deployments));
            world.objects.extend([stateful, daemon, first, autoscalers.0, autoscalers.1]);
            world.objects.extend(second);
            let spec = &mut world.spec;
            spec["images"]["img3"] = json!({"serve": load.0, "onTerm": {"after": "5s"}});
            (spec["traffic"], spec["faults"]) = (load.1, json!(faults));
            for (at, cpu) in cpus.into_iter().enumerate() {
                if let Some(millis) = cpu {
                    spec["images"][format!("img{at}")]["cpu"] = json!(format!("{millis}m"));
                }
            }
            let (one, other) = graces;
            spec["kubelet"] = json!({"shutdownGracePeriod": format!("{}s", one.max(other)),
                "shutdownGracePeriodCriticalPods": format!("{}s", one.min(other))});
            let timeline = spec["timeline"].as_array_mut().expect("a world has a timeline");
            timeline.extend(entries);
            timeline.extend(disturbances);
            Features(features).restrict(&mut world);
            world
        },
    )
}
