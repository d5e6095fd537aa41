//! What can be seen of a run: read from a file, or written down while the library plays.

use std::collections::BTreeMap;

use serde_json::Value;

/// Milliseconds since the start of the scenario; timestamps may lie before it.
pub type Millis = i64;

/// All that is compared.
#[derive(Debug, Default, PartialEq)]
pub struct Timeline {
    /// The sizes that each replica set was given, from its creation on.
    pub sizes: BTreeMap<String, Vec<(Millis, u64)>>,
    pub sets_deleted: Vec<(Millis, String)>,
    /// When, of which image, and for which StatefulSet, DaemonSet or node.
    pub pods_created: Vec<(Millis, String, String)>,
    pub pods_asked_to_go: Vec<Millis>,
    pub pods_gone: Vec<Millis>,
    /// The ordinals of the pods that went or were asked to.
    pub victims: Vec<(Millis, usize)>,
    /// The counts of each object's status, whenever it was written.
    pub counts: BTreeMap<String, Vec<(Millis, Counts)>>,
    /// The conditions of each object's status, whenever it was written.
    pub conditions: BTreeMap<String, Vec<(Millis, Vec<Condition>)>>,
    /// What was noted about objects, but for pods created and deleted.
    pub records: Vec<(Millis, Record)>,
    /// The answers to evictions, in order.
    pub evictions: Vec<(Millis, String)>,
    names: SetNames,
    /// The revisions that each object's status has named, in order of appearance: their hashes differ from upstream's.
    revisions: BTreeMap<String, Vec<String>>,
}

/// Counts of a status, by the names of the files.
pub type Counts = BTreeMap<String, String>;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    pub kind: String,
    pub status: String,
    pub reason: String,
    pub since: Millis,
    /// Of Deployments only.
    pub updated: Option<Millis>,
}

/// Something noted about an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    pub object: String,
    pub severity: String,
    pub reason: String,
    pub message: String,
}

/// The names by which replica sets are told: the hashes of templates differ from upstream's, so a set is known by its
/// Deployment, its image and how many there were before it.
#[derive(Debug, Default, PartialEq)]
pub struct SetNames {
    by_name: BTreeMap<String, String>,
    n_alike: BTreeMap<String, usize>,
}

impl SetNames {
    /// Names a set that has just been created.
    pub fn insert(&mut self, name: &str, deployment: Option<&str>, image: &str) -> String {
        let base = match deployment {
            Some(deployment) => format!("{deployment}[{image}]"),
            None => name.to_owned(),
        };
        let n_alike = self.n_alike.entry(base.clone()).or_default();
        *n_alike += 1;
        let known_as = format!("{base}#{n_alike}");
        self.by_name.insert(name.to_owned(), known_as.clone());
        known_as
    }

    /// The name by which a set is known; other objects keep theirs.
    pub fn get(&self, name: &str) -> String {
        self.by_name.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// A text with the names of sets replaced, longer names first.
    pub fn mask(&self, text: &str) -> String {
        let mut names: Vec<_> = self.by_name.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.into_iter().fold(text.to_owned(), |text, (name, known_as)| {
            let words = text.split(' ').map(|word| {
                let bare = word.trim_matches('"');
                if bare == name { word.replace(bare, known_as) } else { word.to_owned() }
            });
            words.collect::<Vec<_>>().join(" ")
        })
    }
}

const COUNTS: &[(&str, &[&str])] = &[
    ("ReplicaSet", &["replicas", "labeled", "ready", "available"]),
    ("Deployment", &["replicas", "updated", "ready", "available", "unavailable", "revision"]),
    (
        "StatefulSet",
        &["replicas", "ready", "current", "updated", "available", "currentRevision", "updateRevision"],
    ),
    ("DaemonSet", &["desired", "current", "misscheduled", "ready", "updated", "available", "unavailable"]),
    ("PodDisruptionBudget", &["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"]),
];

impl Timeline {
    /// Reads the timeline of a file.
    pub fn read(records: &Value) -> Self {
        let mut timeline = Self::default();
        for record in records.as_array().into_iter().flatten() {
            timeline.read_record(record);
        }
        timeline
    }

    fn read_record(&mut self, record: &Value) {
        let (at, text) = (millis(&record["t"]), |key: &str| record[key].as_str().unwrap_or_default());
        let ordinal = || record["pod"].as_u64().map(|ordinal| ordinal as usize);
        match text("kind") {
            "rsCreated" => {
                let size = record["replicas"].as_u64().expect("a size is a number");
                let deployment = record["deployment"].as_str();
                self.see_set(at, text("rs"), deployment, text("image"), size);
            }
            "rsScaled" => self.see_size(at, text("rs"), record["to"].as_u64().expect("a size is a number")),
            "rsDeleted" => self.sets_deleted.push((at, self.names.get(text("rs")))),
            "podCreated" => {
                let (owner, node) = (text("owner"), text("node"));
                self.see_pod(at, text("image"), owner, node);
            }
            "podDeleteRequested" => {
                self.pods_asked_to_go.push(at);
                self.victims.extend(ordinal().map(|ordinal| (at, ordinal)));
            }
            "podDeleted" => self.pods_gone.push(at),
            "status" => self.read_status(at, record),
            "event" => {
                let [severity, reason, message] = ["type", "reason", "message"].map(text);
                self.see_record(at, (text("object"), text("name")), [severity, reason, message]);
            }
            "evict" => {
                let code = record["code"].as_u64().unwrap_or(0);
                let (message, cause, retry) = (text("message"), text("cause"), record["retryAfter"].as_u64());
                self.see_eviction(at, code, message, cause, retry.unwrap_or(0));
            }
            _ => {}
        }
    }

    fn read_status(&mut self, at: Millis, record: &Value) {
        let kind = record["object"].as_str().expect("a status is of a kind");
        let (_, keys) = COUNTS.iter().find(|(of, _)| *of == kind).expect("the counts of a kind are known");
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let counts = keys.iter().map(|key| ((*key).to_owned(), shown(&record[*key]))).collect();
        let conditions = record["conditions"].as_array().into_iter().flatten();
        let conditions = conditions.chain(record.get("condition")).map(|condition| Condition {
            kind: shown(&condition["type"]),
            status: shown(&condition["status"]),
            reason: shown(&condition["reason"]),
            since: millis(&condition["t"]),
            updated: condition.get("updateT").map(millis),
        });
        self.see_status(
            at,
            kind,
            record["name"].as_str().expect("an object has a name"),
            counts,
            conditions.collect(),
        );
    }

    pub fn see_set(&mut self, at: Millis, name: &str, deployment: Option<&str>, image: &str, size: u64) {
        let known_as = self.names.insert(name, deployment, image);
        self.sizes.insert(known_as, vec![(at, size)]);
    }

    pub fn see_size(&mut self, at: Millis, name: &str, size: u64) {
        self.sizes.entry(self.names.get(name)).or_default().push((at, size));
    }

    pub fn see_set_deleted(&mut self, at: Millis, name: &str) {
        self.sets_deleted.push((at, self.names.get(name)));
    }

    /// The pods of replica sets are alike; those of others go by their owner and node.
    pub fn see_pod(&mut self, at: Millis, image: &str, owner: &str, node: &str) {
        let is_of_set = self.names.by_name.contains_key(owner);
        let place = if is_of_set { String::new() } else { format!("{owner}@{node}") };
        self.pods_created.push((at, image.to_owned(), place));
    }

    pub fn see_status(
        &mut self,
        at: Millis,
        kind: &str,
        name: &str,
        counts: Counts,
        conditions: Vec<Condition>,
    ) {
        let object = format!("{kind} {}", self.names.get(name));
        let counts = self.with_known_revisions(&object, counts);
        self.counts.entry(object.clone()).or_default().push((at, counts));
        self.conditions.entry(object).or_default().push((at, conditions));
    }

    /// The counts with the names of revisions replaced.
    fn with_known_revisions(&mut self, object: &str, mut counts: Counts) -> Counts {
        let known = self.revisions.entry(object.to_owned()).or_default();
        for key in ["currentRevision", "updateRevision"] {
            let Some(name) = counts.get_mut(key) else { continue };
            let position = known.iter().position(|other| other == name).unwrap_or_else(|| {
                known.push(name.clone());
                known.len() - 1
            });
            *name = format!("#{position}");
        }
        counts
    }

    /// Takes down the answer to an eviction; the name of a pod that is not found holds a hash.
    pub fn see_eviction(&mut self, at: Millis, code: u64, message: &str, cause: &str, retry_after: u64) {
        let message = if code == 404 { "" } else { message };
        self.evictions.push((at, format!("{code}|{message}|{cause}|{retry_after}")));
    }

    /// Takes down a record; what a refused creation says hangs on the quota's name, which the files do not have.
    pub fn see_record(
        &mut self,
        at: Millis,
        (kind, name): (&str, &str),
        [severity, reason, message]: [&str; 3],
    ) {
        if matches!(reason, "SuccessfulCreate" | "SuccessfulDelete") {
            return;
        }
        // A refused creation tells the quota's name, a failed daemon pod its own; the files have others.
        let message = if matches!(reason, "FailedCreate" | "FailedDaemonPod") { "" } else { message };
        let record = Record {
            object: format!("{kind} {}", self.names.get(name)),
            severity: severity.to_owned(),
            reason: reason.to_owned(),
            message: self.names.mask(message),
        };
        self.records.push((at, record));
    }
}

/// The seconds of a file as milliseconds.
pub fn millis(value: &Value) -> Millis {
    (value.as_f64().expect("a time in seconds") * 1000.0).round() as Millis
}
