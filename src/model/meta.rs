//! Object metadata: names, labels, owners, deletion; and label selectors.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::engine::{EntityKey, SimDuration, SimTime};
use crate::model::ids::ObjectId;

/// A name, shared by all who mention it.
pub type Name = Arc<str>;

/// The unique id of an object: unlike its name never given twice in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid {
    /// The creation serial over all kinds: the order of creation.
    pub serial: u64,
    /// The key of the object's random streams; a pure function of its names.
    pub key: EntityKey,
}

impl fmt::Display for Uid {
    /// The shape of an RFC 4122 version 4 id, made of the object's key and so equal in every run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, low) = (self.key.0, self.key.child(u64::MAX).0);
        let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0x0fff);
        write!(f, "{a:08x}-{b:04x}-4{c:03x}-8{:03x}-{:012x}", low >> 52, low & 0xffff_ffff_ffff)
    }
}

/// Labels or annotations, shared between objects made from one template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Labels(Arc<BTreeMap<Name, Name>>);

/// What every object has.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectMeta {
    /// The namespace; empty for nodes.
    pub namespace: Name,
    /// The name, unique in kind and namespace among the living.
    pub name: Name,
    /// The unique id.
    pub uid: Uid,
    /// The labels.
    pub labels: Labels,
    /// The annotations.
    pub annotations: Labels,
    /// When the object was created. The stored timestamp has whole seconds: [`SimTime::truncated_to_secs`].
    pub created: SimTime,
    /// 1 at creation, one more with each change of the spec.
    pub generation: u64,
    /// Set once deletion was asked for and has to wait.
    pub deletion: Option<Deletion>,
    /// The controller that owns the object.
    pub owner: Option<Owner>,
    /// For a Job of a CronJob: the instant that it was scheduled for.
    pub scheduled_for: Option<SimTime>,
}

/// A deletion that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When it was asked for.
    pub requested: SimTime,
    /// The grace period; `deletionTimestamp` is `requested + grace`.
    pub grace: SimDuration,
    /// What happens to the objects that this one owns.
    pub propagation: Propagation,
}

/// What deleting an owner does to what it owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// The owner goes at once, the owned are deleted after it.
    #[default]
    Background,
    /// The owned are deleted first, the owner goes when they are gone.
    Foreground,
    /// The owned stay and lose their owner.
    Orphan,
}

/// The controller reference of an owned object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The owner; it may be gone.
    pub object: ObjectId,
    /// Its name.
    pub name: Name,
    /// Its unique id.
    pub uid: Uid,
}

impl ObjectMeta {
    /// Whether deletion was asked for.
    pub const fn is_terminating(&self) -> bool {
        self.deletion.is_some()
    }

    /// `namespace/name`, or the name alone where there is no namespace.
    pub fn full_name(&self) -> String {
        if self.namespace.is_empty() {
            self.name.to_string()
        } else {
            format!("{}/{}", self.namespace, self.name)
        }
    }
}

impl Labels {
    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Name> {
        self.0.get(key)
    }

    /// All pairs, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &Name)> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all labels of another set are among these.
    pub fn has_all(&self, wanted: &Self) -> bool {
        // Pods share the labels of their template until somebody changes them.
        Arc::ptr_eq(&self.0, &wanted.0) || wanted.iter().all(|(key, value)| self.get(key) == Some(value))
    }

    /// These labels and one more; a present key gets the new value.
    pub fn with(&self, key: &str, value: &str) -> Self {
        let mut map = (*self.0).clone();
        map.insert(key.into(), value.into());
        Self(Arc::new(map))
    }
}

impl<K: Into<Name>, V: Into<Name>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(Arc::new(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect()))
    }
}

/// One requirement on a label, as in `matchExpressions`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LabelRequirement {
    /// The label's key.
    pub key: Name,
    /// The relation and its values.
    pub operator: LabelOperator,
}

/// The relation of a label to the values of a requirement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LabelOperator {
    /// Present with one of the values.
    In(Vec<Name>),
    /// Absent, or present with none of the values.
    NotIn(Vec<Name>),
    /// Present.
    Exists,
    /// Absent.
    DoesNotExist,
    /// Present and an integer greater than the value; node affinity only.
    Gt(i64),
    /// Present and an integer less than the value; node affinity only.
    Lt(i64),
}

/// A label selector; all requirements must hold, none means everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LabelSelector {
    /// `matchLabels` (as `In` with one value) and `matchExpressions`.
    pub requirements: Vec<LabelRequirement>,
}

impl LabelSelector {
    /// Whether the labels meet every requirement.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| requirement.is_met(labels.get(&requirement.key)))
    }
}

impl fmt::Display for LabelSelector {
    /// `app=web,tier in (a,b)`, as the API writes a selector into a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, LabelRequirement { key, operator }) in self.requirements.iter().enumerate() {
            f.write_str(if i > 0 { "," } else { "" })?;
            match operator {
                LabelOperator::In(values) if values.len() == 1 => write!(f, "{key}={}", values[0])?,
                LabelOperator::In(values) => write!(f, "{key} in ({})", values.join(","))?,
                LabelOperator::NotIn(values) => write!(f, "{key} notin ({})", values.join(","))?,
                LabelOperator::Exists => write!(f, "{key}")?,
                LabelOperator::DoesNotExist => write!(f, "!{key}")?,
                LabelOperator::Gt(bound) => write!(f, "{key}>{bound}")?,
                LabelOperator::Lt(bound) => write!(f, "{key}<{bound}")?,
            }
        }
        Ok(())
    }
}

impl LabelRequirement {
    /// Whether a label with this value, or its absence, meets the requirement.
    pub fn is_met(&self, value: Option<&Name>) -> bool {
        match &self.operator {
            LabelOperator::In(values) => value.is_some_and(|value| values.contains(value)),
            LabelOperator::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            LabelOperator::Exists => value.is_some(),
            LabelOperator::DoesNotExist => value.is_none(),
            LabelOperator::Gt(bound) => integer(value).is_some_and(|number| number > *bound),
            LabelOperator::Lt(bound) => integer(value).is_some_and(|number| number < *bound),
        }
    }
}

fn integer(value: Option<&Name>) -> Option<i64> {
    value?.parse().ok()
}
