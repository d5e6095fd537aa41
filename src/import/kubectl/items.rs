//! The objects of a cluster, with what is known of them besides their manifests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::import::intake::Fault;
use crate::import::kubectl::clean;
use crate::manifest::api::Api;
use crate::manifest::prune::{Pruner, Why};
use crate::manifest::schema::Treatment;
use crate::manifest::tree::Tree;
use crate::model::profile::KubernetesVersion;
use crate::model::unix_time::UnixTime;

/// The kinds that are taken over.
const KINDS: [&str; 14] = [
    "Namespace",
    "PriorityClass",
    "Node",
    "ResourceQuota",
    "Service",
    "PodDisruptionBudget",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Job",
    "HorizontalPodAutoscaler",
    "Pod",
];
/// What is kept of a status.
const STATUS: [&str; 7] =
    ["phase", "conditions", "succeeded", "failed", "completedIndexes", "failedIndexes", "updateRevision"];

/// An object of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Its kind.
    pub(super) kind: &'static str,
    /// Its namespace; empty where it has none.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// Its uid.
    pub(super) uid: String,
    /// The controller that owns it.
    pub(super) owner: Option<OwnerRef>,
    /// Whether it is being deleted.
    pub(super) is_terminating: bool,
    /// What is kept of its status.
    pub(super) status: Value,
    /// Since when it is at work, as the server wrote it.
    pub(super) start_time: Option<UnixTime>,
    /// Its manifest, without what is left out.
    pub(super) manifest: Value,
}

/// A reference to a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnerRef {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) uid: String,
}

/// All that was read.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// The objects.
    pub(super) items: Vec<Item>,
    /// What Jobs had done before, as entries of `spec.progress`.
    pub(super) progress: Vec<Value>,
    /// What became of objects, with how often.
    pub(super) changes: BTreeMap<String, usize>,
    /// The fields that were left out: by reason and path, with how often.
    pub(super) dropped: BTreeMap<(String, String), usize>,
    /// The latest time in the input.
    pub(super) latest: Option<UnixTime>,
    /// The newest version of a kubelet.
    pub(super) version: Option<KubernetesVersion>,
    /// Kinds that are not taken over, with how often.
    others: BTreeMap<String, usize>,
    known: BTreeSet<(&'static str, String, String)>,
}

impl Item {
    /// `Pod default/web`
    pub(super) fn full_name(&self) -> String {
        let separator = if self.namespace.is_empty() { "" } else { "/" };
        format!("{} {}{separator}{}", self.kind, self.namespace, self.name)
    }

    /// The labels.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        self.manifest["metadata"]["labels"].get(key)?.as_str()
    }

    /// Whether a condition of the status is True.
    pub(super) fn has_condition(&self, kind: &str) -> bool {
        let conditions = self.status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
        conditions.iter().any(|it| it["type"] == kind && it["status"] == "True")
    }

    /// The spec of the pod that it is, or of those that it makes.
    pub(super) fn pod_spec(&self) -> Option<&Value> {
        self.manifest.pointer(pod_spec_pointer(self.kind)?)
    }
}

/// Where the spec of pods stands in a manifest of a kind.
pub(super) fn pod_spec_pointer(kind: &str) -> Option<&'static str> {
    match kind {
        "Pod" => Some("/spec"),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => Some("/spec/template/spec"),
        "CronJob" => Some("/spec/jobTemplate/spec/template/spec"),
        _ => None,
    }
}

impl Inventory {
    /// Takes an object, or takes note that its kind is left out.
    ///
    /// # Errors
    /// What makes it no object.
    pub(super) fn take(&mut self, tree: &Tree, api: &Api) -> Result<(), Fault> {
        let fault = |field: &str, message: &str| {
            let mark = tree.mark_at(field);
            Fault { column: mark.column, message: format!("{message} (line {} of the text)", mark.line) }
        };
        let text = |field: &str| {
            let value = tree.get(field).and_then(Tree::text);
            value.ok_or_else(|| fault(field, &format!("expected an object with `{field}`")))
        };
        let (api_version, kind) = (text("apiVersion")?, text("kind")?);
        let row = api.kind(api_version, kind).ok().filter(|row| KINDS.contains(&row.name));
        let Some(row) = row.filter(|row| row.treatment == Treatment::Modelled) else {
            *self
                .others
                .entry(format!("{kind} ({api_version}), a kind that is not modelled"))
                .or_default() += 1;
            return Ok(());
        };
        let name = tree.get("metadata").and_then(|meta| meta.get("name")).and_then(Tree::text);
        let name = name.ok_or_else(|| fault("metadata.name", "expected an object with a name"))?;
        let mut notes = DropNotes { kind: row.name, dropped: &mut self.dropped };
        let mut manifest = api.prune(row, tree, &mut notes);
        clean::clean(row.name, &mut manifest, &mut |path, why| notes.note(path, why));
        let whole = tree.to_json();
        self.see_times(&whole);
        self.see_version(&whole);
        let meta = &whole["metadata"];
        let item = Item {
            kind: row.name,
            namespace: meta["namespace"].as_str().unwrap_or_default().to_owned(),
            name: name.to_owned(),
            uid: meta["uid"].as_str().unwrap_or_default().to_owned(),
            owner: owner(meta),
            is_terminating: meta.get("deletionTimestamp").is_some(),
            start_time: whole["status"]["startTime"]
                .as_str()
                .and_then(|text| UnixTime::parse_rfc3339(text).ok()),
            status: STATUS.iter().filter_map(|key| Some((*key, whole["status"].get(key)?.clone()))).collect(),
            manifest,
        };
        if !self.known.insert((item.kind, item.namespace.clone(), item.name.clone())) {
            return Err(fault("metadata.name", &format!("{} is there twice", item.full_name())));
        }
        self.items.push(item);
        Ok(())
    }

    /// Counts a change that concerns one object.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        *self.changes.entry(what.into()).or_default() += 1;
    }

    /// Why objects were left out as they were read, once for each.
    pub(super) fn left_out(&self) -> Vec<String> {
        self.others.iter().flat_map(|(why, count)| std::iter::repeat_n(why.clone(), *count)).collect()
    }

    /// Keeps the latest time stamp anywhere in an object.
    fn see_times(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => fields.values().for_each(|value| self.see_times(value)),
            Value::Array(items) => items.iter().for_each(|value| self.see_times(value)),
            Value::String(text) if text.len() >= 20 && text.len() <= 35 && text.as_bytes()[10] == b'T' => {
                self.latest = self.latest.max(UnixTime::parse_rfc3339(text).ok());
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Keeps the newest version of a kubelet, as far as its minor version is known.
    fn see_version(&mut self, whole: &Value) {
        let Some(text) = whole["status"]["nodeInfo"]["kubeletVersion"].as_str() else { return };
        let mut parts = text.trim_start_matches('v').split('.');
        let (Some(major), Some(minor)) = (parts.next(), parts.next()) else { return };
        self.version = self.version.max(format!("{major}.{minor}").parse().ok());
    }
}

/// The reference to the controller.
fn owner(meta: &Value) -> Option<OwnerRef> {
    let owners = meta["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == json!(true))?;
    let text = |key: &str| owner[key].as_str().unwrap_or_default().to_owned();
    Some(OwnerRef { kind: text("kind"), name: text("name"), uid: text("uid") })
}

/// Counts what is dropped of objects of a kind.
struct DropNotes<'a> {
    kind: &'static str,
    dropped: &'a mut BTreeMap<(String, String), usize>,
}

impl DropNotes<'_> {
    /// Fields that many kinds have are counted together, and so are those of pods and of their templates.
    fn note(&mut self, path: &str, why: &str) {
        let pod_spec = pod_spec_pointer(self.kind).map(|pointer| pointer[1..].replace('/', "."));
        let of_pod = pod_spec.and_then(|prefix| path.strip_prefix(&prefix).map(str::to_owned));
        let path = match of_pod {
            Some(rest) => format!("pod spec{rest}"),
            None if path.starts_with("metadata.") || path == "status" => path.to_owned(),
            None => format!("{} {path}", self.kind),
        };
        *self.dropped.entry((why.to_owned(), path)).or_default() += 1;
    }
}

impl Pruner for DropNotes<'_> {
    /// The sources of volumes stay: a volume without one would be an emptyDir. Claims are what mounts refer to.
    fn keeps(&self, path: &str) -> bool {
        let of_volume = path.rsplit_once('.').is_some_and(|(parent, _)| parent.ends_with("pec.volumes[]"));
        of_volume || path == "spec.volumeClaimTemplates"
    }

    fn drop(&mut self, path: &str, why: Why) {
        let why = match why {
            Why::Unmodelled => "not modelled, and would change the result",
            Why::Unknown => "unknown to the API",
            Why::NoEffect => "without effect here",
            Why::ServerOwned => "set by the server",
        };
        self.note(path, why);
    }
}
