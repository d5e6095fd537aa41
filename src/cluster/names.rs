//! The names of living objects, and how often a name was used before.

use rustc_hash::FxHashMap;

use crate::model::ids::{Kind, ObjectId};
use crate::model::meta::Name;

/// Finds living objects by kind, namespace and name.
#[derive(Debug, Clone, Default)]
pub(super) struct NameTable {
    /// By kind, namespace and name: three look-ups that copy no text.
    living: FxHashMap<Kind, FxHashMap<Name, FxHashMap<Name, ObjectId>>>,
    incarnations: FxHashMap<(Kind, Name, Name), u64>,
}

impl NameTable {
    /// The living object of this name.
    pub(super) fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<ObjectId> {
        self.living.get(&kind)?.get(namespace)?.get(name).copied()
    }

    /// Gives a name to an object.
    pub(super) fn insert(&mut self, namespace: &Name, name: &Name, object: ObjectId) {
        let namespaces = self.living.entry(object.kind()).or_default();
        namespaces.entry(namespace.clone()).or_default().insert(name.clone(), object);
    }

    /// Frees a name.
    pub(super) fn remove(&mut self, kind: Kind, namespace: &Name, name: &Name) {
        let namespaces = self.living.get_mut(&kind);
        if let Some(names) = namespaces.and_then(|namespaces| namespaces.get_mut(namespace)) {
            names.remove(name);
        }
    }

    /// How often an object without an owner has had this name before; counts this one too.
    pub(super) fn next_incarnation(&mut self, kind: Kind, namespace: &Name, name: &Name) -> u64 {
        let count = self.incarnations.entry((kind, namespace.clone(), name.clone())).or_default();
        *count += 1;
        *count - 1
    }

    /// How many names are taken.
    pub(super) fn len(&self) -> usize {
        self.living.values().flat_map(FxHashMap::values).map(FxHashMap::len).sum()
    }
}
