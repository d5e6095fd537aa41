//! Horizontal pod autoscalers: spec and status of `autoscaling/v2 HorizontalPodAutoscaler`.

use crate::engine::{SimDuration, SimTime};
use crate::model::ids::Kind;
use crate::model::meta::{LabelSelector, Name};
use crate::model::node::ConditionStatus;
use crate::model::object::Object;

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
    /// How fast it goes up, where the manifest says; with `scale_down` absent too it is the rule without `behavior`.
    pub scale_up: Option<ScalingRules>,
    /// How fast it goes down.
    pub scale_down: Option<ScalingRules>,
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
#[derive(Debug, Clone, PartialEq)]
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
        /// The kind of the object, as written.
        kind: Name,
        /// Its name.
        name: Name,
    },
    /// A number from outside of the cluster.
    External(MetricName),
}

/// The name of a metric, and which of its series are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricName {
    /// The name.
    pub name: Name,
    /// The labels of the series; `None` is all.
    pub selector: Option<LabelSelector>,
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
    /// How long a recommendation is remembered; `None` is upstream's default of the direction.
    pub stabilization_window: Option<SimDuration>,
    /// Which policy decides.
    pub select_policy: SelectPolicy,
    /// The policies.
    pub policies: Vec<ScalingPolicy>,
    /// The share of deviation that is borne [thousandths]; `None` is the controller's 0.1.
    pub tolerance: Option<i64>,
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

/// What came of an autoscaler.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HorizontalPodAutoscalerStatus {
    /// The replicas of the target as last seen.
    pub current_replicas: u32,
    /// The replicas that it asked for last.
    pub desired_replicas: u32,
    /// When it last scaled.
    pub last_scale_time: Option<SimTime>,
    /// What the metrics were, in the order of the spec.
    pub current_metrics: Vec<Option<MetricStatus>>,
    /// The generation of the spec that this status is about.
    pub observed_generation: Option<u64>,
    /// In the order of the API.
    pub conditions: Vec<AutoscalerCondition>,
}

/// What a metric was when last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricStatus {
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
