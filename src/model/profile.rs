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

/// The table: name, gate, first and last minor version with the feature on, and what it does. A gate can be set by
/// `featureGates` in versions that know it.
macro_rules! features {
    ($($name:ident: $gate:expr, $from:expr, $to:expr, $what:literal;)*) => {
        /// A behaviour that some versions have and others have not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Feature {
            $(#[doc = $what] $name,)*
        }

        const TABLE: &[Entry] =
            &[$(Entry { feature: Feature::$name, gate: $gate, from: $from, to: $to, what: $what }),*];
    };
}

/// One line of the table: from which minor version to which a feature is on by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The feature.
    pub feature: Feature,
    /// The feature gate of upstream; `None` for a change without a gate.
    pub gate: Option<&'static str>,
    /// First minor version with the feature on; 0 where it always was, [`u8::MAX`] where no version has it on by
    /// default.
    pub from: u8,
    /// Last minor version with the feature on; [`u8::MAX`] where it still is.
    pub to: u8,
    /// What it does; ends in `(a bug).` where it was mended later.
    pub what: &'static str,
}

const ALWAYS: u8 = u8::MAX;
/// No version has it on by default.
const NEVER: u8 = u8::MAX;

features! {
    SidecarContainers: Some("SidecarContainers"), 29, ALWAYS,
        "Init containers with restartPolicy Always run as sidecars.";
    JobPodFailurePolicy: Some("JobPodFailurePolicy"), 26, ALWAYS, "`podFailurePolicy`.";
    PodIndexLabel: Some("PodIndexLabel"), 28, ALWAYS, "The completion index is a label of the pod too.";
    PodDeletionCost: Some("PodDeletionCost"), 22, ALWAYS,
        "The annotation `controller.kubernetes.io/pod-deletion-cost` decides which pod a shrinking set deletes.";
    PodLifecycleSleepAction: Some("PodLifecycleSleepAction"), 30, ALWAYS, "`sleep` as a lifecycle hook.";
    PodLifecycleSleepActionAllowZero: Some("PodLifecycleSleepActionAllowZero"), 33, ALWAYS,
        "A `sleep` hook of 0 seconds.";
    SidecarTerminationOrder: None, 29, ALWAYS,
        "Sidecars are stopped after the app containers, in reverse order, not together with them.";
    JobBackoffLimitPerIndex: Some("JobBackoffLimitPerIndex"), 29, ALWAYS,
        "`backoffLimitPerIndex`, `maxFailedIndexes`, action FailIndex.";
    JobPodReplacementPolicy: Some("JobPodReplacementPolicy"), 29, ALWAYS,
        "`podReplacementPolicy` and `status.terminating`.";
    JobSuccessPolicy: Some("JobSuccessPolicy"), 31, ALWAYS, "`successPolicy`.";
    JobManagedBy: Some("JobManagedBy"), 32, ALWAYS, "`managedBy`.";
    JobReadyPods: Some("JobReadyPods"), 24, ALWAYS,
        "`status.ready` of Jobs (gate JobReadyPods, on since 1.24).";
    JobInterimConditions: None, 31, ALWAYS,
        "Complete and Failed come after SuccessCriteriaMet and FailureTarget and wait for terminating \
         pods, where podReplacementPolicy or managedBy is on; Complete has a reason.";
    JobReadyAfterDeletion: None, 31, ALWAYS,
        "A sync that deletes pods takes them off `status.ready` and adds them to `status.terminating` at \
         once.";
    JobActiveZeroInBackoff: None, 0, 36,
        "`status.active` is written as 0 while a replacement backs off, though other pods run (a bug).";
    JobTerminatingIsSurplus: None, 0, 28,
        "Where only failed pods are replaced, pods being deleted count as surplus (a bug).";
    JobSuspendClearsStartTime: None, 36, ALWAYS,
        "Suspending a Job clears its startTime, so that its deadline begins anew.";
    JobTerminatingStale: None, 0, 28, "`status.terminating` alone never causes a status write (a bug).";
    CronJobCleanupFirst: None, 29, ALWAYS,
        "CronJob history is cleaned up before the rest of a sync, not after it and only without errors.";
    CronJobAdoptsExisting: None, 29, ALWAYS,
        "A CronJob takes a Job of its own that has the name of the next one for it, and does not try \
         again for ever.";
    CronJobSuccessFromComplete: None, 30, ALWAYS, "`status.lastSuccessfulTime` looks only at Complete Jobs.";
    CronJobSuccessAtOnce: None, 31, ALWAYS,
        "`status.lastSuccessfulTime` is written with the removal from `status.active`, not one sync \
         later.";
    CronJobSaysCondition: None, 31, ALWAYS,
        "Records of completed Jobs say `condition: Complete`, not `status: Complete`.";
    CronJobTzRefused: None, 29, ALWAYS, "`TZ=` and `CRON_TZ=` in a schedule are refused by validation.";
    HPAContainerMetrics: Some("HPAContainerMetrics"), 27, ALWAYS, "Metrics of type ContainerResource.";
    HPAScaleToZero: Some("HPAScaleToZero"), NEVER, ALWAYS, "`minReplicas: 0` of autoscalers.";
    HPAConfigurableTolerance: Some("HPAConfigurableTolerance"), 35, ALWAYS,
        "`behavior.scaleUp.tolerance` and `behavior.scaleDown.tolerance` of autoscalers.";
    AutoscalerToleranceBand: None, 33, ALWAYS,
        "A metric exactly 10 % above its target is within an autoscaler's tolerance, as one 10 % below is.";
    AutoscalerSidecarRequests: None, 29, ALWAYS,
        "The requests of sidecars among the init containers count for utilisation.";
    AutoscalerMetricsOnFailure: None, 29, ALWAYS,
        "`status.currentMetrics` of an autoscaler is written also where a metric cannot be had.";
    PodDisruptionConditions: Some("PodDisruptionConditions"), 26, ALWAYS,
        "Pods that are evicted or preempted get the condition DisruptionTarget.";
    PodSchedulingReadiness: Some("PodSchedulingReadiness"), 27, ALWAYS, "`schedulingGates`.";
    MinDomainsInPodTopologySpread: Some("MinDomainsInPodTopologySpread"), 27, ALWAYS,
        "`minDomains` of topology spread constraints.";
    NodeInclusionPolicyInPodTopologySpread: Some("NodeInclusionPolicyInPodTopologySpread"), 26, ALWAYS,
        "`nodeAffinityPolicy` and `nodeTaintsPolicy` of topology spread constraints.";
    MatchLabelKeysInPodTopologySpread: Some("MatchLabelKeysInPodTopologySpread"), 27, ALWAYS,
        "`matchLabelKeys` of topology spread constraints.";
    MatchLabelKeysInPodAffinity: Some("MatchLabelKeysInPodAffinity"), 31, ALWAYS,
        "`matchLabelKeys` and `mismatchLabelKeys` of pod affinity.";
    SchedulerQueueingHints: Some("SchedulerQueueingHints"), 32, ALWAYS,
        "Each plugin of the scheduler says whether an event could help a pod that it refused.";
    SchedulerPopFromBackoffQ: Some("SchedulerPopFromBackoffQ"), 33, ALWAYS,
        "Pods waiting in the scheduler's back-off queue are tried early when nothing else is to do.";
    SchedulerHintFunctions: None, 32, ALWAYS,
        "The hint functions of the scheduler's plugins are complete, and every aspect of a node's update \
         is an event.";
    SchedulerErrorsBackOff: None, 29, ALWAYS,
        "A pod whose attempt went wrong, or met no node at all, waits for its back-off and not for an \
         event.";
    SchedulerSingleStop: None, 29, ALWAYS,
        "What the scheduler says of preemption ends in one full stop, not two.";
    SchedulerOtherNodesCount: None, 29, ALWAYS,
        "Nodes left out because the pod's affinity names others count as refused, and a named node may be \
         missing.";
    SchedulerVictimsSorted: None, 31, ALWAYS,
        "The victims of preemption are listed by importance alone, not those with an exhausted budget \
         first.";
    SchedulerInitImages: None, 30, ALWAYS,
        "The images of init containers count for the scheduler's ImageLocality.";
    SchedulerBestEffortUnbalanced: None, 33, ALWAYS,
        "Pods without requests are not scored by NodeResourcesBalancedAllocation.";
    SchedulerSmallNodesHopeless: None, 34, ALWAYS,
        "Preemption does not look at nodes that are too small for the pod even when empty.";
    SchedulerBalanceChange: None, 36, ALWAYS,
        "NodeResourcesBalancedAllocation scores by how the balance of a node changes, not by how it is \
         then.";
    SchedulerTaintsUnnamed: None, 34, ALWAYS, "The scheduler says \"untolerated taint(s)\" and names none.";
    SchedulerDynamicResources: None, 34, 36,
        "The plugin DynamicResources adds \"no new claims to deallocate\" to what preemption says.";
    NodeMonitorGraceLonger: None, 32, ALWAYS,
        "A silent node counts as unreachable after 50 s, not 40 s.";
}

/// The behaviour of one Kubernetes version, with feature gates set by the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The version.
    pub version: KubernetesVersion,
    gates: BTreeMap<&'static str, bool>,
    exceptions: BTreeMap<Feature, bool>,
}

/// A feature gate that no profile has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown feature gate {0:?}")]
pub struct GateError(pub String);

impl Profile {
    /// The defaults of a version.
    pub const fn new(version: KubernetesVersion) -> Self {
        Self { version, gates: BTreeMap::new(), exceptions: BTreeMap::new() }
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

    /// The same profile with one feature on or off, whatever version and gates say: for telling what comes of it alone.
    pub fn with_feature(mut self, feature: Feature, is_on: bool) -> Self {
        self.exceptions.insert(feature, is_on);
        self
    }

    /// Why the cluster lacks a feature, and how it would get it.
    pub fn reason_without(&self, feature: Feature) -> String {
        let Entry { gate, from, .. } = entry_of(feature);
        let version = self.version;
        match gate {
            None => format!("Kubernetes {version} does not have it"),
            Some(gate) if *from == NEVER => {
                format!("Kubernetes {version} has it only with the feature gate {gate}")
            }
            Some(gate) if version.minor >= *from => format!("the feature gate {gate} is off"),
            Some(gate) => format!(
                "Kubernetes {version} has it only with the feature gate {gate}, which is on since 1.{from}"
            ),
        }
    }

    /// Whether the cluster has the feature.
    pub fn has(&self, feature: Feature) -> bool {
        let entry = entry_of(feature);
        let exception = self.exceptions.get(&feature).copied();
        let set = exception.or_else(|| self.gates.get(entry.gate?).copied());
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

    /// The whole table.
    pub const fn table() -> &'static [Entry] {
        TABLE
    }

    /// How long a node may be silent before it counts as unreachable.
    /// Source: kube-controller-manager --node-monitor-grace-period, 40 s up to 1.31 and 50 s since 1.32.
    pub fn node_monitor_grace(&self) -> SimDuration {
        SimDuration::from_secs(if self.has(Feature::NodeMonitorGraceLonger) { 50 } else { 40 })
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
