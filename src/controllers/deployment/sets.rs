//! The ReplicaSets of a Deployment, as one sync sees them.

use crate::controllers::deployment::revision::{DESIRED_REPLICAS, MAX_REPLICAS, REVISION};
use crate::model::deployment::DeploymentSpec;
use crate::model::ids::ReplicaSetId;
use crate::model::replica_set::ReplicaSet;

/// A ReplicaSet as it was when the sync looked at it, or as a write of the sync has left it.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// Its id.
    pub id: ReplicaSetId,
    /// What it was like.
    pub object: ReplicaSet,
    /// How often the sync had written it before: a copy that is out of date cannot be written.
    pub version: u32,
}

/// The sets of a Deployment by what they are to it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sets {
    /// The one with the present template.
    pub new: Option<Set>,
    /// All others.
    pub old: Vec<Set>,
}

impl Set {
    /// The size it was given.
    pub fn size(&self) -> u32 {
        self.object.spec.replicas
    }

    /// Whether it was given pods.
    pub fn is_active(&self) -> bool {
        self.size() > 0
    }

    /// Older sets come first; of those made in one second the one made first.
    pub fn age(&self) -> (crate::engine::SimTime, u64) {
        (self.object.meta.created.truncated_to_secs(), self.object.meta.uid.serial)
    }

    /// The revision that it is of.
    pub fn revision(&self) -> u64 {
        self.number(REVISION).unwrap_or(0)
    }

    /// The size of the Deployment when the set was given its own.
    pub fn desired_replicas(&self) -> Option<u32> {
        self.number(DESIRED_REPLICAS).and_then(|number| u32::try_from(number).ok())
    }

    /// The most pods that the Deployment might have then.
    pub fn max_replicas(&self) -> Option<u32> {
        self.number(MAX_REPLICAS).and_then(|number| u32::try_from(number).ok())
    }

    fn number(&self, annotation: &str) -> Option<u64> {
        self.object.meta.annotations.get(annotation)?.parse().ok()
    }
}

impl Sets {
    /// Tells the new set from the old ones: the oldest with the Deployment's template.
    ///
    /// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, FindNewReplicaSet,
    /// FindOldReplicaSets.
    pub fn tell(spec: &DeploymentSpec, list: &[Set]) -> Self {
        let alike = list.iter().filter(|set| is_of_template(set, spec));
        let new = alike.min_by_key(|set| set.age()).cloned();
        let is_new = |set: &Set| new.as_ref().is_some_and(|new| new.id == set.id);
        let old = list.iter().filter(|set| !is_new(set)).cloned().collect();
        Self { new, old }
    }

    /// All of them, the new one last.
    pub fn all(&self) -> impl Iterator<Item = &Set> {
        self.old.iter().chain(&self.new)
    }

    /// Those that were given pods.
    pub fn active(&self) -> impl Iterator<Item = &Set> {
        self.all().filter(|set| set.is_active())
    }

    /// The old ones that were given pods.
    pub fn active_old(&self) -> impl Iterator<Item = &Set> {
        self.old.iter().filter(|set| set.is_active())
    }

    /// The pods that all of them were given.
    pub fn n_wanted(&self) -> u32 {
        self.all().map(Set::size).sum()
    }

    /// The one set that takes part in scaling, where no roll-out is under way: the only active one, or the newest
    /// where none is.
    /// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, FindActiveOrLatest.
    pub fn active_or_latest(&self) -> Option<&Set> {
        let mut active = self.active();
        match (active.next(), active.next()) {
            (None, _) => self.new.as_ref().or_else(|| self.old.iter().max_by_key(|set| set.age())),
            (Some(only), None) => Some(only),
            (Some(_), Some(_)) => None,
        }
    }
}

/// Whether a set was made of the Deployment's present template.
/// Source: Kubernetes 1.28, pkg/controller/deployment/util/deployment_util.go, EqualIgnoreHash.
pub fn is_of_template(set: &Set, spec: &DeploymentSpec) -> bool {
    set.object.spec.template.fingerprint == spec.template.fingerprint
}
