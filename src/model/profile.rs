//! Version profiles: what differs between Kubernetes versions, one entry each.
//!
//! Code asks the profile for a behaviour and never compares version numbers. The table was checked up to
//! Kubernetes 1.36; 1.37 is taken to behave like it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::engine::SimDuration;

/// A minor version of Kubernetes: `1.28` to `1.37`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion {
    minor: u8,
}

impl KubernetesVersion {
    /// The oldest version with a profile.
    pub const MIN: Self = Self { minor: 28 };
    /// The newest version with a profile.
    pub const MAX: Self = Self { minor: 37 };
    /// The version taken where none is named.
    pub const DEFAULT: Self = Self { minor: 35 };

    /// Version 1.`minor`; `None` outside the range of the profiles.
    pub const fn from_minor(minor: u8) -> Option<Self> {
        if minor < Self::MIN.minor || minor > Self::MAX.minor { None } else { Some(Self { minor }) }
    }

    /// The minor version number.
    pub const fn minor(self) -> u8 {
        self.minor
    }
}

/// A text that names no version with a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no profile for Kubernetes {0:?}: versions 1.28 to 1.37 are known")]
pub struct VersionError(String);

impl FromStr for KubernetesVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let version = text.strip_prefix('v').unwrap_or(text);
        version
            .strip_prefix("1.")
            .and_then(|minor| minor.parse().ok())
            .and_then(Self::from_minor)
            .ok_or_else(|| VersionError(text.to_owned()))
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.minor)
    }
}

/// A behaviour that some versions have and others have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Gate of the same name: init containers with restartPolicy Always run as sidecars.
    SidecarContainers,
    /// Gate: `podFailurePolicy`.
    JobPodFailurePolicy,
    /// Gate: the completion index is a label of the pod too.
    PodIndexLabel,
    /// Sidecars are stopped after the app containers, in reverse order, not together with them.
    SidecarTerminationOrder,
    /// Gate: `backoffLimitPerIndex`, `maxFailedIndexes`, action FailIndex.
    JobBackoffLimitPerIndex,
    /// Gate: `podReplacementPolicy` and `status.terminating`.
    JobPodReplacementPolicy,
    /// Gate: `successPolicy`.
    JobSuccessPolicy,
    /// Gate: `managedBy`.
    JobManagedBy,
    /// `status.ready` of Jobs (gate JobReadyPods, on since 1.24).
    JobReadyPods,
    /// Complete and Failed come after SuccessCriteriaMet and FailureTarget and wait for terminating pods, where
    /// podReplacementPolicy or managedBy is on; Complete has a reason.
    JobInterimConditions,
    /// A sync that deletes pods takes them off `status.ready` and adds them to `status.terminating` at once.
    JobReadyAfterDeletion,
    /// `status.active` is written as 0 while a replacement backs off, though other pods run (a bug).
    JobActiveZeroInBackoff,
    /// Where only failed pods are replaced, pods being deleted count as surplus (a bug).
    JobTerminatingIsSurplus,
    /// Suspending a Job clears its startTime, so that its deadline begins anew.
    JobSuspendClearsStartTime,
    /// `status.terminating` alone never causes a status write (a bug).
    JobTerminatingStale,
    /// CronJob history is cleaned up before the rest of a sync, not after it and only without errors.
    CronJobCleanupFirst,
    /// A CronJob takes a Job of its own that has the name of the next one for it, and does not try again for ever.
    CronJobAdoptsExisting,
    /// `status.lastSuccessfulTime` looks only at Complete Jobs.
    CronJobSuccessFromComplete,
    /// `status.lastSuccessfulTime` is written with the removal from `status.active`, not one sync later.
    CronJobSuccessAtOnce,
    /// Records of completed Jobs say `condition: Complete`, not `status: Complete`.
    CronJobSaysCondition,
    /// `TZ=` and `CRON_TZ=` in a schedule are refused by validation.
    CronJobTzRefused,
    /// Gate: each plugin of the scheduler says whether an event could help a pod that it refused.
    SchedulerQueueingHints,
    /// Gate: pods waiting in the scheduler's back-off queue are tried early when nothing else is to do.
    SchedulerPopFromBackoffQ,
    /// The hint functions of the scheduler's plugins are complete, and every aspect of a node's update is an event.
    SchedulerHintFunctions,
    /// A pod whose attempt went wrong, or met no node at all, waits for its back-off and not for an event.
    SchedulerErrorsBackOff,
    /// What the scheduler says of preemption ends in one full stop, not two.
    SchedulerSingleStop,
    /// Nodes left out because the pod's affinity names others count as refused, and a named node may be missing.
    SchedulerOtherNodesCount,
    /// The images of init containers count for the scheduler's ImageLocality.
    SchedulerInitImages,
    /// Pods without requests are not scored by NodeResourcesBalancedAllocation.
    SchedulerBestEffortUnbalanced,
    /// Preemption does not look at nodes that are too small for the pod even when empty.
    SchedulerSmallNodesHopeless,
    /// NodeResourcesBalancedAllocation scores by how the balance of a node changes, not by how it is then.
    SchedulerBalanceChange,
    /// The scheduler says "untolerated taint(s)" and names none.
    SchedulerTaintsUnnamed,
    /// The victims of preemption are listed by importance alone, not those with an exhausted budget first.
    SchedulerVictimsSorted,
    /// The plugin DynamicResources adds "no new claims to deallocate" to what preemption says.
    SchedulerDynamicResources,
}

/// One line of the table: from which minor version to which a feature is on by default.
struct Entry {
    feature: Feature,
    /// The feature gate of upstream; `None` for a change without a gate.
    gate: Option<&'static str>,
    /// First minor version with the feature on.
    from: u8,
    /// Last minor version with the feature on.
    to: u8,
}

const ALWAYS: u8 = u8::MAX;

/// The table. A gate can be set by `featureGates` in versions that know it.
const TABLE: &[Entry] = &[
    Entry { feature: Feature::SidecarContainers, gate: Some("SidecarContainers"), from: 29, to: ALWAYS },
    Entry { feature: Feature::JobPodFailurePolicy, gate: Some("JobPodFailurePolicy"), from: 26, to: ALWAYS },
    Entry { feature: Feature::PodIndexLabel, gate: Some("PodIndexLabel"), from: 28, to: ALWAYS },
    Entry { feature: Feature::SidecarTerminationOrder, gate: None, from: 29, to: ALWAYS },
    Entry {
        feature: Feature::JobBackoffLimitPerIndex,
        gate: Some("JobBackoffLimitPerIndex"),
        from: 29,
        to: ALWAYS,
    },
    Entry {
        feature: Feature::JobPodReplacementPolicy,
        gate: Some("JobPodReplacementPolicy"),
        from: 29,
        to: ALWAYS,
    },
    Entry { feature: Feature::JobSuccessPolicy, gate: Some("JobSuccessPolicy"), from: 31, to: ALWAYS },
    Entry { feature: Feature::JobManagedBy, gate: Some("JobManagedBy"), from: 32, to: ALWAYS },
    Entry { feature: Feature::JobReadyPods, gate: Some("JobReadyPods"), from: 24, to: ALWAYS },
    Entry { feature: Feature::JobInterimConditions, gate: None, from: 31, to: ALWAYS },
    Entry { feature: Feature::JobReadyAfterDeletion, gate: None, from: 31, to: ALWAYS },
    Entry { feature: Feature::JobActiveZeroInBackoff, gate: None, from: 0, to: 36 },
    Entry { feature: Feature::JobTerminatingIsSurplus, gate: None, from: 0, to: 28 },
    Entry { feature: Feature::JobSuspendClearsStartTime, gate: None, from: 36, to: ALWAYS },
    Entry { feature: Feature::JobTerminatingStale, gate: None, from: 0, to: 28 },
    Entry { feature: Feature::CronJobCleanupFirst, gate: None, from: 29, to: ALWAYS },
    Entry { feature: Feature::CronJobAdoptsExisting, gate: None, from: 29, to: ALWAYS },
    Entry { feature: Feature::CronJobSuccessFromComplete, gate: None, from: 30, to: ALWAYS },
    Entry { feature: Feature::CronJobSuccessAtOnce, gate: None, from: 31, to: ALWAYS },
    Entry { feature: Feature::CronJobSaysCondition, gate: None, from: 31, to: ALWAYS },
    Entry { feature: Feature::CronJobTzRefused, gate: None, from: 29, to: ALWAYS },
    Entry {
        feature: Feature::SchedulerQueueingHints,
        gate: Some("SchedulerQueueingHints"),
        from: 32,
        to: ALWAYS,
    },
    Entry {
        feature: Feature::SchedulerPopFromBackoffQ,
        gate: Some("SchedulerPopFromBackoffQ"),
        from: 33,
        to: ALWAYS,
    },
    Entry { feature: Feature::SchedulerHintFunctions, gate: None, from: 32, to: ALWAYS },
    Entry { feature: Feature::SchedulerErrorsBackOff, gate: None, from: 29, to: ALWAYS },
    Entry { feature: Feature::SchedulerSingleStop, gate: None, from: 29, to: ALWAYS },
    Entry { feature: Feature::SchedulerOtherNodesCount, gate: None, from: 29, to: ALWAYS },
    Entry { feature: Feature::SchedulerVictimsSorted, gate: None, from: 31, to: ALWAYS },
    Entry { feature: Feature::SchedulerInitImages, gate: None, from: 30, to: ALWAYS },
    Entry { feature: Feature::SchedulerBestEffortUnbalanced, gate: None, from: 33, to: ALWAYS },
    Entry { feature: Feature::SchedulerSmallNodesHopeless, gate: None, from: 34, to: ALWAYS },
    Entry { feature: Feature::SchedulerBalanceChange, gate: None, from: 36, to: ALWAYS },
    Entry { feature: Feature::SchedulerTaintsUnnamed, gate: None, from: 34, to: ALWAYS },
    Entry { feature: Feature::SchedulerDynamicResources, gate: None, from: 34, to: 36 },
];

/// The behaviour of one Kubernetes version, with feature gates set by the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The version.
    pub version: KubernetesVersion,
    gates: BTreeMap<&'static str, bool>,
}

/// A feature gate that no profile has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown feature gate {0:?}")]
pub struct GateError(pub String);

impl Profile {
    /// The defaults of a version.
    pub const fn new(version: KubernetesVersion) -> Self {
        Self { version, gates: BTreeMap::new() }
    }

    /// The same profile with one gate set.
    ///
    /// # Errors
    /// When no feature has a gate of this name.
    pub fn with_gate(mut self, gate: &str, is_on: bool) -> Result<Self, GateError> {
        let entry = TABLE.iter().find_map(|entry| entry.gate.filter(|name| *name == gate));
        self.gates.insert(entry.ok_or_else(|| GateError(gate.to_owned()))?, is_on);
        Ok(self)
    }

    /// Why the cluster lacks a feature, and how it would get it.
    pub fn reason_without(&self, feature: Feature) -> String {
        let Entry { gate, from, .. } = entry_of(feature);
        let version = self.version;
        match gate {
            None => format!("Kubernetes {version} does not have it"),
            Some(gate) if version.minor >= *from => format!("the feature gate {gate} is off"),
            Some(gate) => format!(
                "Kubernetes {version} has it only with the feature gate {gate}, which is on since 1.{from}"
            ),
        }
    }

    /// Whether the cluster has the feature.
    pub fn has(&self, feature: Feature) -> bool {
        let entry = entry_of(feature);
        let set = entry.gate.and_then(|gate| self.gates.get(gate).copied());
        set.unwrap_or_else(|| (entry.from..=entry.to).contains(&self.version.minor))
    }

    /// The gates set by the user, by name.
    pub fn gates(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.gates.iter().map(|(gate, is_on)| (*gate, *is_on))
    }

    /// The names of all gates, in the order of the table.
    pub fn known_gates() -> impl Iterator<Item = &'static str> {
        TABLE.iter().filter_map(|entry| entry.gate)
    }

    /// How long a node may be silent before it counts as unreachable.
    /// Source: kube-controller-manager --node-monitor-grace-period, 40 s up to 1.31 and 50 s since 1.32.
    pub const fn node_monitor_grace(&self) -> SimDuration {
        SimDuration::from_secs(if self.version.minor < 32 { 40 } else { 50 })
    }
}

fn entry_of(feature: Feature) -> &'static Entry {
    TABLE.iter().find(|entry| entry.feature == feature).expect("every feature is in the table")
}

impl Default for Profile {
    fn default() -> Self {
        Self::new(KubernetesVersion::DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_on_from_its_version_or_by_its_gate() {
        let old = Profile::new("1.28".parse().unwrap());
        assert!(!old.has(Feature::JobSuccessPolicy));
        assert!(Profile::default().has(Feature::JobSuccessPolicy));
        assert!(old.with_gate("JobSuccessPolicy", true).unwrap().has(Feature::JobSuccessPolicy));
    }

    #[test]
    fn versions_and_gates_without_a_profile_are_refused() {
        assert!("1.27".parse::<KubernetesVersion>().is_err());
        assert!("2.0".parse::<KubernetesVersion>().is_err());
        assert!(Profile::default().with_gate("NoSuchGate", true).is_err());
    }
}
