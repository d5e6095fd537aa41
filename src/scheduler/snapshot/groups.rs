//! The pods on the nodes, grouped by all that a selector or an affinity term can tell of them.
//!
//! Spread constraints and pod affinity ask how many pods of a kind run where. Pods of one template are alike in
//! everything that may be asked, so the question is put once to each group and not to each pod. The groups are
//! made when the first pod asks, and kept up to date from then on. A group without pods is forgotten.

use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

use crate::cluster::{Cluster, NodeUsage};
use crate::model::ids::{NodeId, PodId};
use crate::model::meta::{Labels, Name};
use crate::model::pod::Pod;
use crate::model::scheduling::PodAffinity;
use crate::scheduler::snapshot::Row;

/// The position of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(u32);

/// The pods on the nodes, grouped.
#[derive(Debug, Clone, Default)]
pub struct PodGroups {
    is_enabled: bool,
    is_wanted: bool,
    n_with_affinity: usize,
    groups: Vec<PodGroup>,
    free: Vec<GroupId>,
    ids: FxHashMap<GroupKey, GroupId>,
    residents: Vec<Vec<(PodId, GroupId)>>,
    changed: FxHashSet<PodId>,
}

/// Pods that are alike to every selector and affinity term.
#[derive(Debug, Clone)]
pub struct PodGroup {
    /// What they have in common.
    pub key: GroupKey,
    /// How many of them run where.
    pub rows: BTreeMap<Row, u32>,
}

/// What the pods of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupKey {
    /// The namespace.
    pub namespace: Name,
    /// The labels.
    pub labels: Labels,
    /// Whether they are being deleted.
    pub is_terminating: bool,
    /// What they themselves want to be near to.
    pub affinity: PodAffinity,
}

impl GroupKey {
    fn of(pod: &Pod) -> Self {
        Self {
            namespace: pod.meta.namespace.clone(),
            labels: pod.meta.labels.clone(),
            is_terminating: pod.meta.is_terminating(),
            affinity: pod.spec.placement.pod_affinity.clone(),
        }
    }
}

impl PodGroups {
    /// The groups that have pods.
    pub fn iter(&self) -> impl Iterator<Item = &PodGroup> {
        self.groups.iter().filter(|group| !group.rows.is_empty())
    }

    /// Whether some pod on a node wants to be near to others or far from them.
    pub const fn have_affinity(&self) -> bool {
        self.n_with_affinity > 0
    }

    /// Notes that a pod was created that wants to be near to others or far from them.
    pub const fn note_affinity(&mut self) {
        self.is_wanted = true;
    }

    /// Notes that labels or deletion of a pod changed.
    pub fn note_pod(&mut self, pod: PodId) {
        if self.is_enabled {
            self.changed.insert(pod);
        }
    }

    /// Makes the groups known, where a pod was noted that needs them.
    pub(super) fn enable_if_wanted(&mut self, nodes: &[NodeId], cluster: &Cluster) {
        if self.is_wanted {
            self.enable(nodes, cluster);
        }
    }

    /// Makes the groups known.
    pub(super) fn enable(&mut self, nodes: &[NodeId], cluster: &Cluster) {
        if !self.is_enabled {
            self.is_enabled = true;
            self.rebuild(nodes, cluster);
        }
    }

    /// Groups all pods anew.
    pub(super) fn rebuild(&mut self, nodes: &[NodeId], cluster: &Cluster) {
        if !self.is_enabled {
            return;
        }
        *self = Self { is_enabled: true, residents: vec![Vec::new(); nodes.len()], ..Self::default() };
        for (at, node) in nodes.iter().enumerate() {
            self.set_row(Row(at as u32), cluster.usage(*node), cluster);
        }
    }

    /// Forgets which pods were noted.
    pub(super) fn forget_notes(&mut self) {
        self.changed = FxHashSet::default();
    }

    /// Takes over which pods run on one node.
    pub(super) fn set_row(&mut self, row: Row, usage: &NodeUsage, cluster: &Cluster) {
        if !self.is_enabled {
            return;
        }
        let old = std::mem::take(&mut self.residents[row.index()]);
        let mut new = Vec::with_capacity(usage.pods.len());
        let mut old = old.into_iter().peekable();
        for id in usage.pods.iter().copied() {
            while let Some((_, group)) = old.next_if(|(other, _)| *other < id) {
                self.leave(group, row);
            }
            let kept = old.next_if(|(other, _)| *other == id).map(|(_, group)| group);
            let group = match kept {
                Some(group) if !self.changed.contains(&id) => group,
                other => {
                    let joined = self.join(GroupKey::of(&cluster.pods()[id]), row);
                    if let Some(group) = other {
                        self.leave(group, row);
                    }
                    joined
                }
            };
            new.push((id, group));
        }
        for (_, group) in old {
            self.leave(group, row);
        }
        self.residents[row.index()] = new;
    }

    fn join(&mut self, key: GroupKey, row: Row) -> GroupId {
        let id = match self.ids.get(&key) {
            Some(id) => *id,
            None => self.found(key),
        };
        *self.groups[id.0 as usize].rows.entry(row).or_default() += 1;
        id
    }

    fn found(&mut self, key: GroupKey) -> GroupId {
        self.n_with_affinity += usize::from(!key.affinity.is_empty());
        let group = PodGroup { key: key.clone(), rows: BTreeMap::new() };
        let id = match self.free.pop() {
            Some(id) => {
                self.groups[id.0 as usize] = group;
                id
            }
            None => {
                self.groups.push(group);
                GroupId(self.groups.len() as u32 - 1)
            }
        };
        self.ids.insert(key, id);
        id
    }

    fn leave(&mut self, id: GroupId, row: Row) {
        let group = &mut self.groups[id.0 as usize];
        if let Some(count) = group.rows.get_mut(&row) {
            *count -= 1;
            if *count == 0 {
                group.rows.remove(&row);
            }
        }
        if group.rows.is_empty() {
            self.n_with_affinity -= usize::from(!group.key.affinity.is_empty());
            self.ids.remove(&group.key);
            self.free.push(id);
        }
    }
}
