//! Horizontal pod autoscalers: spec and status of `autoscaling/v2 HorizontalPodAutoscaler`.

use crate::engine::{SimDuration, SimTime};
use crate::model::ids::Kind;
use crate::model::meta::{LabelSelector, Name};
use crate::model::node::ConditionStatus;
use crate::model::object::Object;
use crate::model::quantity::Quantity;

/// A horizontal pod autoscaler.
pub type HorizontalPodAutoscaler = Object<HorizontalPodAutoscalerSpec, HorizontalPodAutoscalerStatus>;

/// What an autoscaler is given to do, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct HorizontalPodAutoscalerSpec {
    /// What it scales.
    pub target: ScaleTarget,
    /// At least so many.
    pub min_replicas: u32,
    /// At most so many.
    pub max_replicas: u32,
    /// What it goes by.
    pub metrics: Vec<MetricSpec>,
    /// How fast it goes; `None` is the rule of old, which differs from the defaults of `behavior`.
    pub behavior: Option<Behavior>,
}

/// How fast an autoscaler goes in either direction, after defaulting.
#[derive(Debug, Clone, PartialEq)]
pub struct Behavior {
    /// Upwards.
    pub scale_up: ScalingRules,
    /// Downwards.
    pub scale_down: ScalingRules,
}

/// The object that is scaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaleTarget {
    /// Its group and version as written.
    pub api_version: Name,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
}

/// A metric and its target.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSpec {
    /// Where the numbers come from.
    pub source: MetricSource,
    /// What they should be.
    pub target: MetricTarget,
}

/// Where the numbers of a metric come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricSource {
    /// What the pods use of a resource.
    Resource(Name),
    /// What one container of each pod uses of a resource.
    ContainerResource {
        /// The resource.
        resource: Name,
        /// The container.
        container: Name,
    },
    /// A number that each pod has.
    Pods(MetricName),
    /// A number that another object has.
    Object {
        /// The metric.
        metric: MetricName,
        /// The object.
        described: DescribedObject,
    },
    /// A number from outside of the cluster.
    External(MetricName),
}

/// The object that has a metric; it need not be of a kind that lives in the simulated cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedObject {
    /// Its group and version, as written; may be empty.
    pub api_version: Name,
    /// Its kind, as written.
    pub kind: Name,
    /// Its name.
    pub name: Name,
}

/// The name of a metric, and which of its series are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricName {
    /// The name.
    pub name: Name,
    /// The labels of the series; `None` is all.
    pub selector: Option<LabelSelector>,
    /// The selector as Go shows it: `nil` where there is none.
    pub selector_text: Name,
}

/// What a metric should be [thousandths of its unit].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricTarget {
    /// A share of what the pods request [percent].
    Utilization(u32),
    /// The mean over the pods.
    AverageValue(i64),
    /// The number itself.
    Value(i64),
}

/// How fast an autoscaler goes in one direction.
#[derive(Debug, Clone, PartialEq)]
pub struct ScalingRules {
    /// How long a recommendation is remembered; `None` is the controller's default.
    pub stabilization_window: Option<SimDuration>,
    /// Which policy decides.
    pub select_policy: SelectPolicy,
    /// The policies.
    pub policies: Vec<ScalingPolicy>,
    /// The deviation from the target that is borne, as a share; `None` is the controller's default.
    pub tolerance: Option<Quantity>,
}

/// Which of several policies decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelectPolicy {
    /// The one that allows the most change.
    #[default]
    Max,
    /// The one that allows the least change.
    Min,
    /// No change at all.
    Disabled,
}

/// A limit of change within a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalingPolicy {
    /// The unit of the limit.
    pub kind: ScalingPolicyType,
    /// The limit.
    pub value: u32,
    /// The period.
    pub period: SimDuration,
}

/// The unit of a scaling policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalingPolicyType {
    /// Pods.
    Pods,
    /// A share of the pods.
    Percent,
}

/// How the autoscaler controller is set up.
/// Source: Kubernetes 1.28, pkg/controller/podautoscaler/config/v1alpha1/defaults.go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoscalerConfig {
    /// From one sync to the next: `--horizontal-pod-autoscaler-sync-period`.
    pub sync_period: SimDuration,
    /// How long a recommendation holds back a scale-down that no `behavior` says otherwise of.
    pub downscale_stabilization: SimDuration,
    /// Without `behavior`, a size at most grows by this factor at once, or to four.
    pub scale_up_factor: u32,
    /// The deviation from the target that is borne, as a share.
    pub tolerance: f64,
    /// How long after its start the cpu of a pod may be out of the ordinary.
    pub cpu_initialization: SimDuration,
    /// How long after its start a pod that is not ready counts as never having been.
    pub initial_readiness: SimDuration,
}

impl Default for AutoscalerConfig {
    fn default() -> Self {
        Self {
            sync_period: SimDuration::from_secs(15),
            downscale_stabilization: SimDuration::from_secs(300),
            scale_up_factor: 2,
            tolerance: 0.1,
            cpu_initialization: SimDuration::from_secs(300),
            initial_readiness: SimDuration::from_secs(30),
        }
    }
}

/// What came of an autoscaler.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HorizontalPodAutoscalerStatus {
    /// The replicas of the target as last seen.
    pub current_replicas: u32,
    /// The replicas that it asked for last.
    pub desired_replicas: u32,
    /// When it last scaled.
    pub last_scale_time: Option<SimTime>,
    /// What the metrics were, in the order of the spec; `None` for one that failed.
    pub current_metrics: Vec<Option<MetricStatus>>,
    /// The generation of the spec that this status is about.
    pub observed_generation: Option<u64>,
    /// In the order of the API.
    pub conditions: Vec<AutoscalerCondition>,
}

/// What a metric was when last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricStatus {
    /// Where the numbers came from.
    pub source: MetricSource,
    /// The numbers.
    pub current: MetricValue,
}

/// The numbers of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricValue {
    /// The share of the requests [percent], where the target is one.
    pub utilization: Option<u32>,
    /// The mean over the pods [thousandths], where there is one.
    pub average_value: Option<i64>,
    /// The number itself [thousandths], where the target is one.
    pub value: Option<i64>,
}

/// A condition of an autoscaler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoscalerCondition {
    /// Which.
    pub kind: AutoscalerConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// One word on why.
    pub reason: &'static str,
    /// In upstream's words.
    pub message: Name,
    /// The last transition.
    pub since: SimTime,
}

/// The conditions of an autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutoscalerConditionType {
    /// It can find and set the size of its target.
    AbleToScale,
    /// It has metrics to go by.
    ScalingActive,
    /// What the metrics ask for is cut off by a limit.
    ScalingLimited,
}

impl AutoscalerConditionType {
    /// The text in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AbleToScale => "AbleToScale",
            Self::ScalingActive => "ScalingActive",
            Self::ScalingLimited => "ScalingLimited",
        }
    }
}
