//! The records of a run, as `kubectl get events` lists them: equal ones once, with their number.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::cluster::Cluster;
use crate::engine::SimTime;
use crate::model::ids::{Kind, ObjectId};
use crate::model::meta::Name;
use crate::model::record::Record;

/// All records of a run.
#[derive(Debug, Clone, Default)]
pub struct RecordLog {
    entries: Vec<LoggedRecord>,
    positions: FxHashMap<u64, usize>,
}

/// Equal records about one object.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedRecord {
    /// The kind of the object.
    pub kind: Kind,
    /// The namespace of the object; empty for nodes.
    pub namespace: Name,
    /// The name of the object.
    pub name: Name,
    /// What was noted.
    pub record: Record,
    /// When it was noted first.
    pub first: SimTime,
    /// When it was noted last.
    pub last: SimTime,
    /// How often.
    pub count: u32,
}

impl RecordLog {
    /// Adds a record about an object that is alive.
    pub fn add(&mut self, now: SimTime, object: ObjectId, record: &Record, cluster: &Cluster) {
        let Some(meta) = cluster.meta(object) else { return };
        let key = [record.reason, &record.message, record.source]
            .iter()
            .fold(meta.uid.serial, |key, text| xxh3_64_with_seed(text.as_bytes(), key));
        if let Some(at) = self.positions.get(&key) {
            let entry = &mut self.entries[*at];
            entry.last = now;
            entry.count += 1;
            return;
        }
        self.positions.insert(key, self.entries.len());
        self.entries.push(LoggedRecord {
            kind: object.kind(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            record: record.clone(),
            first: now,
            last: now,
            count: 1,
        });
    }

    /// All records, by the time of the first of their kind.
    pub fn entries(&self) -> &[LoggedRecord] {
        &self.entries
    }
}
