//! Takes out of a manifest what the server put in and the simulator would put in again.

use serde_json::{Map, Value, json};

use crate::import::kubectl::items::pod_spec_pointer;

/// Is told of a path that goes, and why.
pub(super) type Note<'a> = dyn FnMut(&str, &str) + 'a;

/// The annotations that controllers read.
const ANNOTATIONS: [&str; 3] =
    ["deployment.kubernetes.io/", "batch.kubernetes.io/", "deprecated.daemonset.template.generation"];
/// The tolerations that admission adds to each pod, for 300 s.
const NODE_TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
/// Why a field goes that the simulated server sets.
const ANEW: &str = "given anew";
/// Why the volume with a service account's token goes.
const TOKEN: &str = "the token of the service account";
/// The beginning of the taints that the node lifecycle controller sets.
const LIFECYCLE_TAINTS: &str = "node.kubernetes.io/";
/// The beginning of the name of the volume with a service account's token.
const TOKEN_VOLUME: &str = "kube-api-access-";

/// Cleans a manifest of a kind; `note` is told of everything that goes, by its path.
pub(super) fn clean(kind: &str, manifest: &mut Value, note: &mut Note<'_>) {
    if let Some(meta) = manifest["metadata"].as_object_mut() {
        if meta.remove("generateName").is_some() {
            note("metadata.generateName", ANEW);
        }
        clean_annotations(meta, note);
    }
    match kind {
        "Service" => clean_service(manifest, note),
        "Node" => clean_node(manifest, note),
        _ => {}
    }
    let Some(pointer) = pod_spec_pointer(kind) else { return };
    let path = pointer[1..].replace('/', ".");
    let is_of_job = matches!(kind, "Job" | "CronJob");
    if let Some(spec) = manifest.pointer_mut(pointer).and_then(Value::as_object_mut) {
        let mut note = |what: &str, why: &str| note(&format!("{path}.{what}"), why);
        clean_pod(spec, is_of_job, &mut note);
    }
}

fn clean_annotations(meta: &mut Map<String, Value>, note: &mut Note<'_>) {
    let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    annotations.retain(|key, _| {
        let stays = ANNOTATIONS.iter().any(|known| key.starts_with(known));
        if !stays {
            note(&format!("metadata.annotations[{key}]"), "without effect here");
        }
        stays
    });
    if annotations.is_empty() {
        meta.remove("annotations");
    }
}

/// A Service gets an address of its own; that it is headless is kept.
fn clean_service(manifest: &mut Value, note: &mut Note<'_>) {
    let Some(spec) = manifest["spec"].as_object_mut() else { return };
    if spec.get("clusterIP").is_some_and(|ip| ip != "None") {
        spec.remove("clusterIP");
        note("spec.clusterIP", ANEW);
    }
    drop_defaults(spec, "spec.", &[("type", json!("ClusterIP"))], note);
    for port in items_mut(spec, "ports") {
        drop_defaults(port, "spec.ports[].", &[("protocol", json!("TCP"))], note);
    }
}

/// A node begins well; one that is not ready fails at the start, and the simulated controller taints it.
fn clean_node(manifest: &mut Value, note: &mut Note<'_>) {
    if let Some(status) = manifest["status"].as_object_mut()
        && status.remove("conditions").is_some()
    {
        note("status.conditions", "a node that is not ready fails at 0 s");
    }
    if let Some(spec) = manifest["spec"].as_object_mut() {
        let of_lifecycle =
            |taint: &Value| taint["key"].as_str().is_some_and(|key| key.starts_with(LIFECYCLE_TAINTS));
        drop_items(spec, "taints", of_lifecycle, || {
            note("spec.taints[]", "set by the node lifecycle controller")
        });
    }
}

fn clean_pod(spec: &mut Map<String, Value>, is_of_job: bool, note: &mut Note<'_>) {
    for field in ["priority", "preemptionPolicy"] {
        if spec.remove(field).is_some() {
            note(field, "given by the priority class");
        }
    }
    clean_tolerations(spec, note);
    clean_volumes(spec, note);
    let defaults = [
        ("schedulerName", json!("default-scheduler")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("restartPolicy", json!("Always")),
    ];
    let n_defaults = if is_of_job { 2 } else { 3 };
    drop_defaults(spec, "", &defaults[..n_defaults], note);
    for containers in ["containers", "initContainers"] {
        for container in items_mut(spec, containers) {
            clean_container(container, &format!("{containers}[]."), note);
        }
    }
}

fn clean_container(container: &mut Map<String, Value>, path: &str, note: &mut Note<'_>) {
    drop_items(
        container,
        "volumeMounts",
        |mount| is_token(&mount["name"]),
        || {
            note(&format!("{path}volumeMounts[]"), TOKEN);
        },
    );
    for port in items_mut(container, "ports") {
        drop_defaults(port, &format!("{path}ports[]."), &[("protocol", json!("TCP"))], note);
    }
    let defaults = [
        ("failureThreshold", json!(3)),
        ("periodSeconds", json!(10)),
        ("successThreshold", json!(1)),
        ("timeoutSeconds", json!(1)),
    ];
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(name).and_then(Value::as_object_mut) else { continue };
        drop_defaults(probe, &format!("{path}{name}."), &defaults, note);
        if let Some(get) = probe.get_mut("httpGet").and_then(Value::as_object_mut) {
            drop_defaults(get, &format!("{path}{name}.httpGet."), &[("scheme", json!("HTTP"))], note);
        }
    }
    if container.get("resources").is_some_and(|resources| *resources == json!({})) {
        container.remove("resources");
    }
}

fn clean_tolerations(spec: &mut Map<String, Value>, note: &mut Note<'_>) {
    let is_added = |toleration: &Value| {
        let of_node = NODE_TAINTS.iter().any(|taint| toleration["key"] == *taint);
        of_node && toleration["effect"] == "NoExecute" && toleration["tolerationSeconds"] == 300
    };
    drop_items(spec, "tolerations", is_added, || {
        note("tolerations[]", "added by admission, and will be again")
    });
}

/// A volume whose source is not modelled is taken as present, as a claim is.
fn clean_volumes(spec: &mut Map<String, Value>, note: &mut Note<'_>) {
    drop_items(
        spec,
        "volumes",
        |volume| is_token(&volume["name"]),
        || {
            note("volumes[]", TOKEN);
        },
    );
    for volume in items_mut(spec, "volumes") {
        if volume.len() == 1 {
            let name = volume["name"].clone();
            volume.insert("persistentVolumeClaim".to_owned(), json!({"claimName": name}));
            note("volumes[]", "of a source that is not modelled, and taken as present");
        }
    }
}

fn is_token(name: &Value) -> bool {
    name.as_str().is_some_and(|name| name.starts_with(TOKEN_VOLUME))
}

/// The maps of a list.
fn items_mut<'a>(
    fields: &'a mut Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let items = fields.get_mut(key).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Takes items out of a list, and the list where it is empty then.
fn drop_items(
    fields: &mut Map<String, Value>,
    key: &str,
    goes: impl Fn(&Value) -> bool,
    mut note: impl FnMut(),
) {
    let Some(items) = fields.get_mut(key).and_then(Value::as_array_mut) else { return };
    items.retain(|item| {
        let goes = goes(item);
        if goes {
            note();
        }
        !goes
    });
    if items.is_empty() {
        fields.remove(key);
    }
}

/// Takes out fields that have their default.
fn drop_defaults(
    fields: &mut Map<String, Value>,
    path: &str,
    defaults: &[(&str, Value)],
    note: &mut Note<'_>,
) {
    for (key, default) in defaults {
        if fields.get(*key) == Some(default) {
            fields.remove(*key);
            note(&format!("{path}{key}"), "the default");
        }
    }
}
