//! Who owns what: which pods and Jobs stay, and what lets the simulated controllers take them for their own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::controllers::template_hash::template_hash;
use crate::import::kubectl::items::{Inventory, Item};
use crate::manifest::admission::{PriorityClass, PriorityClasses};
use crate::manifest::convert::{self, ReadContext};
use crate::manifest::defaults::job_labels;
use crate::manifest::diagnostic::Mark;
use crate::manifest::tree::Tree;
use crate::manifest::warnings::FieldWarnings;
use crate::model::ids::Kind;
use crate::model::profile::Profile;
use crate::model::revision::LABEL_REVISION;
use crate::model::scenario::NewSpec;

/// The annotation of a DaemonSet, and the label of its pods, with the number of the template.
const TEMPLATE_GENERATION: [&str; 2] =
    ["deprecated.daemonset.template.generation", "pod-template-generation"];

impl Inventory {
    /// Leaves out what is over, and lets controllers keep what they own.
    pub(super) fn resolve_owners(&mut self) {
        self.leave_out_what_is_over();
        self.place_pods();
        self.drop_unknown_classes();
        self.resolve_jobs();
        self.resolve_revisions();
    }

    /// Drops the items for which there is a reason to.
    fn retain(&mut self, reason: impl Fn(&Item) -> Option<String>) {
        let mut reasons = Vec::new();
        self.items.retain(|item| {
            let reason = reason(item);
            reasons.extend(reason.clone());
            reason.is_none()
        });
        for reason in reasons {
            self.note(reason);
        }
    }

    fn leave_out_what_is_over(&mut self) {
        self.retain(|item| match item.kind {
            "Pod" if item.is_terminating => Some("Pod: left out, it is being deleted".to_owned()),
            "Pod" if item.status["phase"] == "Succeeded" || item.status["phase"] == "Failed" => {
                Some("Pod: left out, it is over".to_owned())
            }
            "Job" if item.has_condition("Complete") || item.has_condition("Failed") => {
                Some("Job: left out, it is over".to_owned())
            }
            _ if item.is_terminating => Some(format!("{}: left out, it is being deleted", item.kind)),
            _ => None,
        });
    }

    /// Leaves pods where they are, as far as that can be told.
    fn place_pods(&mut self) {
        let of_kind = |kind: &'static str| self.items.iter().filter(move |item| item.kind == kind);
        let nodes: BTreeSet<String> = of_kind("Node").map(|node| node.name.clone()).collect();
        let uids: BTreeSet<String> = self.items.iter().map(|item| item.uid.clone()).collect();
        let deployments: Vec<Item> = of_kind("Deployment").cloned().collect();
        let is_remade = |pod: &Item| {
            let is_of_set = pod.owner.as_ref().is_some_and(|owner| owner.kind == "ReplicaSet");
            is_of_set && deployments.iter().any(|deployment| selects(deployment, pod))
        };
        let has_owner = |pod: &Item| pod.owner.as_ref().is_none_or(|owner| uids.contains(&owner.uid));
        self.retain(|item| {
            let node = item.manifest["spec"]["nodeName"].as_str().filter(|_| item.kind == "Pod")?;
            let is_lost = !nodes.is_empty() && !nodes.contains(node);
            is_lost.then(|| "Pod: left out, its node is not in the input".to_owned())
        });
        self.retain(|item| {
            let goes = item.kind == "Pod" && !has_owner(item) && is_remade(item);
            goes.then(|| {
                "Pod: left out, its Deployment makes it anew, for its ReplicaSet is not in the input"
                    .to_owned()
            })
        });
        let mut notes = Vec::new();
        for pod in self.items.iter_mut().filter(|item| item.kind == "Pod") {
            let owner = pod.owner.as_ref().filter(|_| !has_owner(pod)).filter(|owner| owner.kind != "Node");
            notes.extend(
                owner.map(|owner| format!("Pod: stands alone, its {} is not in the input", owner.kind)),
            );
            if nodes.is_empty()
                && let Some(spec) = pod.manifest["spec"].as_object_mut()
                && spec.remove("nodeName").is_some()
            {
                notes.push("Pod: placed anew, no node is in the input".to_owned());
            }
        }
        for note in notes {
            self.note(note);
        }
    }

    /// Lets Jobs keep their living pods, and what they had done before.
    fn resolve_jobs(&mut self) {
        let owners = self.items.iter().filter(|item| item.kind == "Pod").filter_map(|pod| pod.owner.as_ref());
        let with_pods: BTreeSet<String> = owners.map(|owner| owner.uid.clone()).collect();
        let cronjobs = self.items.iter().filter(|item| item.kind == "CronJob");
        let cronjobs: BTreeMap<String, String> =
            cronjobs.map(|item| (item.uid.clone(), item.name.clone())).collect();
        let (mut notes, mut progress) = (Vec::new(), Vec::new());
        let latest = self.latest;
        for job in self.items.iter_mut().filter(|item| item.kind == "Job") {
            let cronjob = job.owner.as_ref().and_then(|owner| cronjobs.get(&owner.uid));
            progress.extend(progress_of(job, cronjob));
            let is_generated = job.manifest["spec"]["manualSelector"] != json!(true);
            if is_generated && with_pods.contains(&job.uid) {
                job.manifest["spec"]["manualSelector"] = json!(true);
                notes.push("Job: keeps its pods by spec.manualSelector");
            } else if is_generated {
                forget_generated_labels(&mut job.manifest["spec"]);
                notes.push("Job: has no living pod, and gets its selector anew");
            }
            let elapsed = latest.zip(job.start_time).map(|(now, start)| now.secs() - start.secs());
            let deadline = &mut job.manifest["spec"]["activeDeadlineSeconds"];
            if let (Some(secs), Some(elapsed)) = (deadline.as_i64(), elapsed) {
                *deadline = json!((secs - elapsed).max(0));
                notes.push("Job: what was left of spec.activeDeadlineSeconds");
            }
            if deadline.is_null()
                && let Some(spec) = job.manifest["spec"].as_object_mut()
            {
                spec.remove("activeDeadlineSeconds");
            }
        }
        self.progress = progress;
        for note in notes {
            self.note(note);
        }
    }

    /// Gives the pods of StatefulSets and DaemonSets the simulator's name of the revision that they are of.
    fn resolve_revisions(&mut self) {
        let classes = PriorityClasses::new(self.classes());
        let sets = self.items.iter().filter(|item| matches!(item.kind, "StatefulSet" | "DaemonSet"));
        let sets: BTreeMap<String, Revised> =
            sets.filter_map(|set| Some((set.uid.clone(), Revised::of(set, &classes)?))).collect();
        let mut notes = Vec::new();
        for pod in self.items.iter_mut().filter(|item| item.kind == "Pod") {
            let Some(set) = pod.owner.as_ref().and_then(|owner| sets.get(&owner.uid)) else { continue };
            if pod.label(LABEL_REVISION).is_none() {
                continue;
            }
            if set.is_present(pod) {
                pod.manifest["metadata"]["labels"][LABEL_REVISION] = json!(set.hash);
                notes
                    .push("Pod: the label controller-revision-hash is the simulator's for the same revision");
            } else {
                notes.push("Pod: of an older revision, its set rolls it out from the start");
            }
        }
        for note in notes {
            self.note(note);
        }
    }

    /// The priority classes of the input.
    fn classes(&self) -> Vec<PriorityClass> {
        let classes = self.items.iter().filter(|item| item.kind == "PriorityClass");
        let read =
            |item: &Item| convert::accept_priority_class(&Tree::from_json(&item.manifest, Mark::START)).ok();
        classes.filter_map(read).collect()
    }

    /// A class that pods name and that is not in the input cannot be known: such pods would be refused.
    fn drop_unknown_classes(&mut self) {
        let system = ["system-node-critical", "system-cluster-critical"];
        let known: BTreeSet<String> = self
            .classes()
            .iter()
            .map(|class| class.name.to_string())
            .chain(system.map(str::to_owned))
            .collect();
        let mut notes = Vec::new();
        for item in &mut self.items {
            let Some(pointer) = super::items::pod_spec_pointer(item.kind) else { continue };
            let Some(spec) = item.manifest.pointer_mut(pointer).and_then(Value::as_object_mut) else {
                continue;
            };
            let is_missing = |class: &Value| class.as_str().is_some_and(|class| !known.contains(class));
            if spec.get("priorityClassName").is_some_and(is_missing) {
                spec.remove("priorityClassName");
                notes.push(format!("{}: without its priority class, which is not in the input", item.kind));
            }
        }
        for note in notes {
            self.note(note);
        }
    }
}

/// What a Job had done before, as an entry of `spec.progress`.
fn progress_of(job: &Item, cronjob: Option<&String>) -> Option<Value> {
    let mut entry = json!({"job": job.name, "namespace": job.namespace});
    for key in ["succeeded", "failed", "completedIndexes", "failedIndexes"] {
        let value = &job.status[key];
        if !value.is_null() && *value != json!(0) && *value != json!("") {
            entry[key] = value.clone();
        }
    }
    if let Some(cronjob) = cronjob {
        entry["cronjob"] = json!(cronjob);
    }
    (entry.as_object().is_some_and(|fields| fields.len() > 2)).then_some(entry)
}

/// Takes the selector that was generated for a Job off it, and the labels that go with it.
fn forget_generated_labels(spec: &mut Value) {
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("selector");
    }
    if let Some(labels) = spec.pointer_mut("/template/metadata/labels").and_then(Value::as_object_mut) {
        labels.retain(|label, _| !job_labels::ALL.contains(&label.as_str()));
    }
}

/// Whether the labels that a Deployment selects are on a pod.
fn selects(deployment: &Item, pod: &Item) -> bool {
    let wanted = deployment.manifest["spec"]["selector"]["matchLabels"].as_object();
    let has = |(key, value): (&String, &Value)| pod.label(key) == value.as_str();
    deployment.namespace == pod.namespace && wanted.is_some_and(|wanted| wanted.iter().all(has))
}

/// A set with revisions.
struct Revised {
    /// The value of the label of the pods of its present revision, as the simulator writes it.
    hash: String,
    /// The label that tells the pods of its present revision in the input, and its value.
    present: (&'static str, String),
}

impl Revised {
    /// `None` where it cannot be told which pods are of the present revision.
    fn of(set: &Item, classes: &PriorityClasses) -> Option<Self> {
        let kind = if set.kind == "StatefulSet" { Kind::StatefulSet } else { Kind::DaemonSet };
        let tree = Tree::from_json(&set.manifest, Mark::START);
        let context = ReadContext { profile: &Profile::default(), priority_classes: classes };
        let object = convert::accept(kind, &tree, &context, &mut FieldWarnings::default()).ok()?;
        let fingerprint = object.spec.template()?.fingerprint;
        let hash = template_hash(fingerprint, None);
        match object.spec {
            NewSpec::StatefulSet(_) => {
                let revision = set.status["updateRevision"].as_str()?.to_owned();
                Some(Self { hash: format!("{}-{hash}", set.name), present: (LABEL_REVISION, revision) })
            }
            _ => {
                let [annotation, label] = TEMPLATE_GENERATION;
                let generation = set.manifest["metadata"]["annotations"][annotation].as_str()?.to_owned();
                Some(Self { hash, present: (label, generation) })
            }
        }
    }

    fn is_present(&self, pod: &Item) -> bool {
        pod.label(self.present.0) == Some(&self.present.1)
    }
}
