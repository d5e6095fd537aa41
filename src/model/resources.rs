//! Amounts of resources: cpu, memory and everything else a node offers.

use std::fmt;
use std::ops::{AddAssign, SubAssign};

use crate::model::meta::Name;

/// An amount of cpu time per time [millicores].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millicores(pub i64);

/// An amount of memory or storage [bytes].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub i64);

impl fmt::Display for Millicores {
    /// `2`, `500m`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 % 1000 == 0 { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

impl fmt::Display for Bytes {
    /// With the largest binary unit that divides it: `16Gi`, `128974848`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 4] = [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
        let bytes = self.0;
        match UNITS.iter().find(|(_, shift)| bytes != 0 && bytes % (1_i64 << shift) == 0) {
            Some((unit, shift)) => write!(f, "{}{unit}", bytes >> shift),
            None => write!(f, "{bytes}"),
        }
    }
}

/// Amounts of every resource. A resource that is not mentioned is zero.
#[derive(Debug, Clone, Eq, Default)]
pub struct Resources {
    /// `cpu` [millicores]
    pub cpu: Millicores,
    /// `memory` [bytes]
    pub memory: Bytes,
    /// `ephemeral-storage` [bytes]
    pub ephemeral_storage: Bytes,
    /// Extended resources and huge pages by name, sorted, none zero unless written [units].
    pub extended: Vec<(Name, i64)>,
}

impl Resources {
    /// The amount of an extended resource [units].
    pub fn extended(&self, name: &str) -> i64 {
        self.find(name).map_or(0, |at| self.extended[at].1)
    }

    /// Whether nothing is asked for.
    pub fn is_zero(&self) -> bool {
        self.cpu.0 == 0
            && self.memory.0 == 0
            && self.ephemeral_storage.0 == 0
            && self.extended.iter().all(|(_, amount)| *amount == 0)
    }

    /// Whether every amount is at least that of `other`.
    pub fn covers(&self, other: &Self) -> bool {
        self.cpu >= other.cpu
            && self.memory >= other.memory
            && self.ephemeral_storage >= other.ephemeral_storage
            && other.extended.iter().all(|(name, amount)| self.extended(name) >= *amount)
    }

    /// Sets an extended resource.
    pub fn set_extended(&mut self, name: &Name, amount: i64) {
        match self.position(name) {
            Ok(at) => self.extended[at].1 = amount,
            Err(at) => self.extended.insert(at, (name.clone(), amount)),
        }
    }

    /// Raises each amount to that of `other` where it is larger.
    pub fn raise_to(&mut self, other: &Self) {
        self.cpu = self.cpu.max(other.cpu);
        self.memory = self.memory.max(other.memory);
        self.ephemeral_storage = self.ephemeral_storage.max(other.ephemeral_storage);
        for (name, amount) in &other.extended {
            let raised = self.extended(name).max(*amount);
            self.set_extended(name, raised);
        }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.position(name).ok()
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.extended.binary_search_by(|(other, _)| (**other).cmp(name))
    }
}

/// Equal are equal amounts: a resource that is mentioned with zero equals one that is not mentioned.
impl PartialEq for Resources {
    fn eq(&self, other: &Self) -> bool {
        let has_all_of = |one: &Self, other: &Self| {
            other.extended.iter().all(|(name, amount)| one.extended(name) == *amount)
        };
        self.cpu == other.cpu
            && self.memory == other.memory
            && self.ephemeral_storage == other.ephemeral_storage
            && has_all_of(self, other)
            && has_all_of(other, self)
    }
}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Self) {
        self.cpu.0 = self.cpu.0.saturating_add(other.cpu.0);
        self.memory.0 = self.memory.0.saturating_add(other.memory.0);
        self.ephemeral_storage.0 = self.ephemeral_storage.0.saturating_add(other.ephemeral_storage.0);
        for (name, amount) in &other.extended {
            let sum = self.extended(name).saturating_add(*amount);
            self.set_extended(name, sum);
        }
    }
}

impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Self) {
        self.cpu.0 -= other.cpu.0;
        self.memory.0 -= other.memory.0;
        self.ephemeral_storage.0 -= other.ephemeral_storage.0;
        for (name, amount) in &other.extended {
            let rest = self.extended(name) - amount;
            self.set_extended(name, rest);
        }
    }
}

/// The effective request of a pod, as the scheduler and the kubelet see it.
///
/// The larger of the sum over app containers and sidecars, and of each init container together with the
/// sidecars declared before it; plus the overhead.
/// Source: Kubernetes 1.28, pkg/api/v1/resource/helpers.go, PodRequests.
pub fn effective<'a>(
    init_containers: impl Iterator<Item = (&'a Resources, InitKind)>,
    containers: impl Iterator<Item = &'a Resources>,
    overhead: &Resources,
) -> Resources {
    let mut total = Resources::default();
    for amounts in containers {
        total += amounts;
    }
    let mut sidecars = Resources::default();
    let mut peak = Resources::default();
    for (amounts, kind) in init_containers {
        match kind {
            InitKind::Sidecar => {
                sidecars += amounts;
                peak.raise_to(&sidecars);
            }
            InitKind::Ordinary => {
                let mut with_sidecars = sidecars.clone();
                with_sidecars += amounts;
                peak.raise_to(&with_sidecars);
            }
        }
    }
    total += &sidecars;
    total.raise_to(&peak);
    total += overhead;
    total
}

/// Whether an init container ends before the next starts, or keeps running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitKind {
    /// Runs to its end.
    Ordinary,
    /// `restartPolicy: Always`: keeps running beside the app containers.
    Sidecar,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(amount: i64) -> Resources {
        Resources { cpu: Millicores(amount), ..Resources::default() }
    }

    #[track_caller]
    fn check(init: &[(i64, InitKind)], app: &[i64], expected: i64) {
        let init: Vec<_> = init.iter().map(|(amount, kind)| (cpu(*amount), *kind)).collect();
        let app: Vec<_> = app.iter().map(|amount| cpu(*amount)).collect();
        let total = effective(init.iter().map(|(r, kind)| (r, *kind)), app.iter(), &Resources::default());
        assert_eq!(total.cpu, Millicores(expected));
    }

    #[test]
    fn nothing_of_a_resource_equals_no_mention_of_it() {
        let gpus = |amount| Resources { extended: vec![("example.com/gpu".into(), amount)], ..cpu(100) };
        assert_eq!(gpus(0), cpu(100));
        assert_ne!(gpus(1), cpu(100));
        assert_ne!(cpu(100), gpus(1));
        let mut used = gpus(1);
        used -= &gpus(1);
        assert_eq!(used, Resources::default());
    }

    #[test]
    fn a_pod_requests_the_larger_of_its_start_up_peak_and_its_running_sum() {
        use InitKind::{Ordinary, Sidecar};
        check(&[], &[100, 200], 300);
        check(&[(500, Ordinary), (400, Ordinary)], &[100, 200], 500);
        check(&[(50, Sidecar)], &[100, 200], 350);
        check(&[(50, Sidecar), (400, Ordinary)], &[100, 200], 450);
        check(&[(400, Ordinary), (50, Sidecar)], &[100, 200], 400);
    }
}
