//! One sync of an autoscaler: from its target, its metrics and what is remembered to a size.
//!
//! ```text
//! target ── not found ──────────────────────────────► AbleToScale=False
//!   │
//!   ├── 0 replicas, minReplicas > 0 ────────────────► ScalingActive=False, nothing more
//!   ├── above max, below min ───────────────────────► to the limit at once
//!   │
//! metrics ── none can be had, or one cannot and the others ask for less ──► ScalingActive=False
//!   │ the largest proposal
//! stabilised by recommendations of before
//!   │
//! limited by policies, min and max
//!   │
//! another size ─────────────────────────────────────► the scale of the target is updated
//! ```
//!
//! Source: Kubernetes 1.28, pkg/controller/podautoscaler/horizontal.go, reconcileAutoscaler.

use std::fmt;

use crate::controllers::horizontal_pod_autoscaler::decision::{Cause, Decision, Verdict};
use crate::controllers::horizontal_pod_autoscaler::limits::{self, Bounds, History, Limit, Step};
use crate::controllers::horizontal_pod_autoscaler::memory::{Memory, Windows};
use crate::controllers::horizontal_pod_autoscaler::metrics::MetricsApi;
use crate::controllers::horizontal_pod_autoscaler::pods::PodFacts;
use crate::controllers::horizontal_pod_autoscaler::proposal::{self, Failure, Scale};
use crate::controllers::horizontal_pod_autoscaler::replicas::{Scene, ToleranceRule, Tolerances};
use crate::engine::{SimDuration, SimTime};
use crate::model::horizontal_pod_autoscaler::{
    AutoscalerCondition, AutoscalerConditionType, AutoscalerConfig, HorizontalPodAutoscalerSpec,
    HorizontalPodAutoscalerStatus, MetricStatus,
};
use crate::model::meta::{LabelSelector, Name};
use crate::model::node::ConditionStatus;
use crate::model::profile::{Feature, Profile};
use crate::model::quantity::Quantity;
use crate::model::record::Severity;

/// The API server as one sync of one autoscaler uses it.
pub trait Api: MetricsApi {
    /// The scale of the target.
    ///
    /// # Errors
    /// When there is none, in the API server's words.
    fn scale(&self) -> Result<Scale, String>;

    /// The pods that a selector means, in order of creation.
    fn list_pods(&self, selector: &LabelSelector) -> Vec<PodFacts>;

    /// The autoscalers that were found to scale any of these pods, this one included, as Go shows them.
    fn autoscalers_of(&self, pods: &[PodFacts]) -> Vec<String>;

    /// Sets the replicas of the target.
    ///
    /// # Errors
    /// When the API server refuses that.
    fn set_replicas(&mut self, replicas: u32) -> Result<(), String>;

    /// Notes something about the autoscaler.
    fn record(&mut self, severity: Severity, reason: &'static str, message: fmt::Arguments<'_>);
}

/// An autoscaler as a sync sees it.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// What it is given to do.
    pub spec: &'a HorizontalPodAutoscalerSpec,
    /// What came of it so far.
    pub status: &'a HorizontalPodAutoscalerStatus,
}

/// When a sync happens, and by which rules.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The present instant.
    pub now: SimTime,
    /// The setup of the controller.
    pub config: &'a AutoscalerConfig,
    /// The behaviour of the Kubernetes version.
    pub profile: &'a Profile,
}

/// What a sync comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The status to write.
    pub status: HorizontalPodAutoscalerStatus,
    /// The error that upstream logs.
    pub error: Option<String>,
    /// Why.
    pub decision: Decision,
}

/// Syncs an autoscaler. The memory is changed, and the target through the API; the status is left to write.
pub fn sync(observed: &Observed<'_>, memory: &mut Memory, moment: &Moment<'_>, api: &mut dyn Api) -> Outcome {
    let mut sync = Sync {
        observed,
        moment,
        api,
        status: observed.status.clone(),
        decision: Decision::at(moment.now),
        error: None,
    };
    sync.run(memory);
    Outcome { status: sync.status, error: sync.error, decision: sync.decision }
}

struct Sync<'a> {
    observed: &'a Observed<'a>,
    moment: &'a Moment<'a>,
    api: &'a mut dyn Api,
    status: HorizontalPodAutoscalerStatus,
    decision: Decision,
    error: Option<String>,
}

/// What the metrics say together.
#[derive(Default)]
struct Said {
    /// The largest number of replicas and the metric that asks for it; `None` where that must not be followed.
    largest: Option<(u32, String)>,
    statuses: Vec<Option<MetricStatus>>,
    /// What is wrong.
    error: Option<String>,
}

/// The size that the metrics ask for.
struct Wish {
    replicas: u32,
    metric: String,
    statuses: Vec<Option<MetricStatus>>,
}

impl Sync<'_> {
    fn run(&mut self, memory: &mut Memory) {
        let spec = self.observed.spec;
        let scale = match self.api.scale() {
            Ok(scale) => scale,
            Err(error) => return self.fail_to_get_scale(&error),
        };
        self.condition(
            AutoscalerConditionType::AbleToScale,
            ConditionStatus::True,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        );
        let (current, now) = (scale.spec_replicas, self.moment.now);
        memory.begin(current, now);
        self.decision.current = Some(current);
        let (desired, reason, statuses) = if current == 0 && spec.min_replicas != 0 {
            self.decision.cause = Cause::Disabled;
            self.condition(
                AutoscalerConditionType::ScalingActive,
                ConditionStatus::False,
                "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero",
            );
            (current, String::new(), Vec::new())
        } else if current > spec.max_replicas {
            self.decision.cause = Cause::AboveMax;
            (spec.max_replicas, "Current number of replicas above Spec.MaxReplicas".to_owned(), Vec::new())
        } else if current < spec.min_replicas {
            self.decision.cause = Cause::BelowMin;
            (spec.min_replicas, "Current number of replicas below Spec.MinReplicas".to_owned(), Vec::new())
        } else {
            self.decision.cause = Cause::Metrics;
            let Some(wish) = self.wish(&scale, memory) else { return };
            let reason = match wish.replicas {
                wanted if wanted > current => format!("{} above target", wish.metric),
                wanted if wanted < current => "All metrics below target".to_owned(),
                _ => String::new(),
            };
            (self.normalize(current, wish.replicas, memory), reason, wish.statuses)
        };
        self.decision.desired = Some(desired);
        self.rescale(current, desired, &reason, statuses, memory);
    }

    fn fail_to_get_scale(&mut self, error: &str) {
        self.api.record(Severity::Warning, "FailedGetScale", format_args!("{error}"));
        let message = format!("the HPA controller was unable to get the target's current scale: {error}");
        self.condition(
            AutoscalerConditionType::AbleToScale,
            ConditionStatus::False,
            "FailedGetScale",
            &message,
        );
        self.decision.cause = Cause::NoTarget;
        self.error = Some(format!("failed to query scale subresource for {}: {error}", self.reference()));
    }

    /// `Deployment/default/web`
    fn reference(&self) -> String {
        let target = &self.observed.spec.target;
        format!("{}/{}/{}", target.kind.as_str(), self.observed.namespace, target.name)
    }

    /// What the metrics ask for; nothing where that is not known well enough, after saying so.
    fn wish(&mut self, scale: &Scale, memory: &mut Memory) -> Option<Wish> {
        let Said { largest, statuses, error } = match self.select_pods(scale, memory) {
            Ok(pods) => self.ask_metrics(scale, &pods),
            Err(error) => Said { error: Some(error), ..Said::default() },
        };
        let Some((replicas, metric)) = largest else {
            let error = error.unwrap_or_default();
            self.status.current_replicas = scale.spec_replicas;
            if self.moment.profile.has(Feature::AutoscalerMetricsOnFailure) {
                self.status.current_metrics = statuses;
            }
            self.api.record(Severity::Warning, "FailedComputeMetricsReplicas", format_args!("{error}"));
            self.error = Some(format!(
                "failed to compute desired number of replicas based on listed metrics for {}: {error}",
                self.reference()
            ));
            return None;
        };
        self.error = error;
        Some(Wish { replicas, metric, statuses })
    }

    /// The pods of the target, unless another autoscaler scales them too.
    ///
    /// Source: Kubernetes 1.28, pkg/controller/podautoscaler/horizontal.go, validateAndParseSelector.
    fn select_pods(&mut self, scale: &Scale, memory: &mut Memory) -> Result<Vec<PodFacts>, String> {
        memory.selector = Some(scale.selector.clone());
        let pods = self.api.list_pods(&scale.selector);
        let autoscalers = self.api.autoscalers_of(&pods);
        if autoscalers.len() <= 1 {
            return Ok(pods);
        }
        let message = format!(
            "pods by selector {} are controlled by multiple HPAs: [{}]",
            scale.selector,
            autoscalers.join(" ")
        );
        self.api.record(Severity::Warning, "AmbiguousSelector", format_args!("{message}"));
        self.condition(
            AutoscalerConditionType::ScalingActive,
            ConditionStatus::False,
            "AmbiguousSelector",
            &message,
        );
        Err(message)
    }

    /// What the metrics say. Where a metric cannot be had, the others may still ask for as much or more.
    /// Source: Kubernetes 1.28, pkg/controller/podautoscaler/horizontal.go, computeReplicasForMetrics.
    fn ask_metrics(&mut self, scale: &Scale, pods: &[PodFacts]) -> Said {
        let Moment { now, config, profile } = *self.moment;
        let scene =
            Scene { pods, now, config, profile, tolerances: tolerances(self.observed.spec, self.moment) };
        let specs = &self.observed.spec.metrics;
        let mut largest: Option<(u32, String)> = None;
        let mut failures: Vec<Failure> = Vec::new();
        let mut statuses = Vec::with_capacity(specs.len());
        for spec in specs {
            match proposal::ask(spec, scale, self.observed.namespace, &*self.api, &scene) {
                Ok(asked) => {
                    let source = spec.source.clone();
                    statuses.push(Some(MetricStatus { source, current: asked.proposal.current }));
                    self.decision.verdicts.push(Verdict::Asked(asked.clone()));
                    let replicas = asked.proposal.replicas;
                    if largest.as_ref().is_none_or(|(most, _)| *most == 0 || replicas > *most) {
                        largest = Some((replicas, asked.metric));
                    }
                }
                Err(failure) => {
                    self.api.record(Severity::Warning, failure.reason, format_args!("{}", failure.message));
                    statuses.push(None);
                    self.decision.verdicts.push(Verdict::Failed(failure.message.clone()));
                    failures.push(failure);
                }
            }
        }
        let first = failures.first();
        let error = first.map(|first| {
            let (n_invalid, n) = (failures.len(), specs.len());
            format!("invalid metrics ({n_invalid} invalid out of {n}), first error is: {}", first.error)
        });
        let asks_for_less = largest.as_ref().is_none_or(|(most, _)| *most < scale.spec_replicas);
        let active = AutoscalerConditionType::ScalingActive;
        if let Some(first) = first.filter(|_| failures.len() == specs.len() || asks_for_less) {
            let message = format!("the HPA was unable to compute the replica count: {}", first.message);
            self.condition(active, ConditionStatus::False, first.reason, &message);
            return Said { largest: None, statuses, error };
        }
        let metric = largest.as_ref().map_or("", |(_, metric)| metric);
        let message = format!("the HPA was able to successfully calculate a replica count from {metric}");
        self.condition(active, ConditionStatus::True, "ValidMetricFound", &message);
        Said { largest, statuses, error }
    }

    /// A size that the metrics ask for, after the recommendations of before and the limits.
    fn normalize(&mut self, current: u32, wanted: u32, memory: &mut Memory) -> u32 {
        let Moment { now, config, .. } = *self.moment;
        let spec = self.observed.spec;
        let bounds = Bounds { min: spec.min_replicas, max: spec.max_replicas };
        let (stabilized, limited) = match &spec.behavior {
            None => {
                let stabilized = memory.stabilize(wanted, now, config.downscale_stabilization);
                let step = Step { current, desired: stabilized.replicas };
                (stabilized, limits::limit(step, bounds, config.scale_up_factor))
            }
            Some(behavior) => {
                let down = behavior.scale_down.stabilization_window;
                let windows = Windows {
                    up: behavior.scale_up.stabilization_window.unwrap_or(SimDuration::ZERO),
                    down: down.unwrap_or(config.downscale_stabilization),
                };
                let stabilized = memory.stabilize_with_windows(current, wanted, now, windows);
                let step = Step { current, desired: stabilized.replicas };
                let history = History { ups: &memory.scale_ups, downs: &memory.scale_downs, now };
                (stabilized, limits::limit_with_behavior(step, bounds, behavior, &history))
            }
        };
        self.decision.recommended = Some(wanted);
        self.decision.stabilized = Some(stabilized);
        self.decision.limited = limited.by;
        let (reason, message) = stabilized.by.map_or(
            ("ReadyForNewScale", "recommended size matches current size"),
            super::memory::StabilizedBy::words,
        );
        self.condition(AutoscalerConditionType::AbleToScale, ConditionStatus::True, reason, message);
        let (reason, message) = limited
            .by
            .map_or(("DesiredWithinRange", "the desired count is within the acceptable range"), Limit::words);
        let status = if limited.by.is_some() { ConditionStatus::True } else { ConditionStatus::False };
        self.condition(AutoscalerConditionType::ScalingLimited, status, reason, message);
        limited.replicas
    }

    /// Brings the target to another size, where it is one, and notes what came of the sync.
    fn rescale(
        &mut self,
        current: u32,
        desired: u32,
        reason: &str,
        statuses: Vec<Option<MetricStatus>>,
        memory: &mut Memory,
    ) {
        let able = AutoscalerConditionType::AbleToScale;
        self.status.current_replicas = current;
        if desired != current {
            if let Err(error) = self.api.set_replicas(desired) {
                self.api.record(
                    Severity::Warning,
                    "FailedRescale",
                    format_args!("New size: {desired}; reason: {reason}; error: {error}"),
                );
                let message = format!("the HPA controller was unable to update the target scale: {error}");
                self.condition(able, ConditionStatus::False, "FailedUpdateScale", &message);
                if self.moment.profile.has(Feature::AutoscalerMetricsOnFailure) {
                    self.status.current_metrics = statuses;
                }
                self.error = Some(format!("failed to rescale {}: {error}", self.reference()));
                return;
            }
            let message = format!("the HPA controller was able to update the target scale to {desired}");
            self.condition(able, ConditionStatus::True, "SucceededRescale", &message);
            self.api.record(
                Severity::Normal,
                "SuccessfulRescale",
                format_args!("New size: {desired}; reason: {reason}"),
            );
            memory.note_scaling(current, desired, self.moment.now, self.observed.spec.behavior.as_ref());
            self.status.last_scale_time = Some(self.moment.now);
        }
        self.status.desired_replicas = desired;
        self.status.current_metrics = statuses;
    }

    fn condition(
        &mut self,
        kind: AutoscalerConditionType,
        status: ConditionStatus,
        reason: &'static str,
        message: &str,
    ) {
        let conditions = &mut self.status.conditions;
        let since = self.moment.now;
        match conditions.iter_mut().find(|condition| condition.kind == kind) {
            Some(condition) => {
                if condition.status != status {
                    condition.since = since;
                }
                (condition.status, condition.reason) = (status, reason);
                if &*condition.message != message {
                    condition.message = message.into();
                }
            }
            None => {
                conditions.push(AutoscalerCondition { kind, status, reason, message: message.into(), since })
            }
        }
    }
}

/// The deviation that an autoscaler bears.
fn tolerances(spec: &HorizontalPodAutoscalerSpec, moment: &Moment<'_>) -> Tolerances {
    let default = moment.config.tolerance;
    let of = |own: Option<Quantity>| own.map_or(default, Quantity::approximate);
    let behavior = spec.behavior.as_ref();
    Tolerances {
        up: of(behavior.and_then(|behavior| behavior.scale_up.tolerance)),
        down: of(behavior.and_then(|behavior| behavior.scale_down.tolerance)),
        rule: ToleranceRule::of(moment.profile),
    }
}

/// The name of an autoscaler as Go shows it in a list.
pub fn shown_in_list(namespace: &Name, name: &Name) -> String {
    format!("{{{name} {namespace}}}")
}
