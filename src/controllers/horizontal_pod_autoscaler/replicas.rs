//! How many replicas a metric asks for: pure arithmetic, in the order of upstream's operations where it decides.
//!
//! Utilisation is cut to whole percents and averages to thousandths before the ratio is taken. A ratio within the
//! tolerance changes nothing. Pods without a metric, and pods that are not ready, are taken to use what makes the
//! change smaller; where that would turn the direction, nothing changes.
//!
//! Source: Kubernetes 1.28, pkg/controller/podautoscaler/replica_calculator.go and metrics/utilization.go.

use std::collections::BTreeMap;

use crate::controllers::horizontal_pod_autoscaler::metrics::PodMetrics;
use crate::controllers::horizontal_pod_autoscaler::pods::{Groups, PodFacts, group};
use crate::engine::SimTime;
use crate::model::horizontal_pod_autoscaler::{AutoscalerConfig, MetricValue};
use crate::model::meta::Name;
use crate::model::profile::{Feature, Profile};

/// What a calculation is about besides the metric.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The pods of the scale target, in order of creation.
    pub pods: &'a [PodFacts],
    /// The present instant.
    pub now: SimTime,
    /// The setup of the controller.
    pub config: &'a AutoscalerConfig,
    /// The behaviour of the Kubernetes version.
    pub profile: &'a Profile,
    /// The deviation that is borne.
    pub tolerances: Tolerances,
}

/// The deviation from the target that is borne, as a share, by direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerances {
    /// Above the target.
    pub up: f64,
    /// Below the target.
    pub down: f64,
    /// How it is compared.
    pub rule: ToleranceRule,
}

/// How a ratio is compared with the tolerance; the two differ where a ratio lies on the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToleranceRule {
    /// The distance from 1 is at most the tolerance: with 0.1, exactly +10 % is outside and exactly -10 % inside.
    Distance,
    /// The ratio lies between 1 less and 1 plus the tolerance: with 0.1, both edges are inside.
    Band,
}

impl ToleranceRule {
    /// The rule of a version.
    pub fn of(profile: &Profile) -> Self {
        if profile.has(Feature::AutoscalerToleranceBand) { Self::Band } else { Self::Distance }
    }
}

impl Tolerances {
    /// Whether a ratio is near enough to 1.
    pub fn hold(self, ratio: f64) -> bool {
        match self.rule {
            ToleranceRule::Distance => {
                let tolerance = if ratio > 1.0 { self.up } else { self.down };
                libm::fabs(1.0 - ratio) <= tolerance
            }
            ToleranceRule::Band => 1.0 - self.down <= ratio && ratio <= 1.0 + self.up,
        }
    }
}

/// What a metric asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// The replicas.
    pub replicas: u32,
    /// The metric divided by its target, before pods without a metric or not ready were thought in.
    pub ratio: f64,
    /// What the metric was.
    pub current: MetricValue,
}

/// What the pods whose metrics count use together.
#[derive(Debug, Clone, Copy)]
struct Measure {
    ratio: f64,
    current: MetricValue,
}

/// The replicas for a share of the requests of a resource [percent].
///
/// # Errors
/// In upstream's words.
pub fn for_utilization(
    current: u32,
    target: u32,
    metrics: PodMetrics,
    (resource, container): (&str, Option<&Name>),
    scene: &Scene<'_>,
) -> Result<Proposal, String> {
    let (values, groups) = counted(metrics, Some(resource), scene)?;
    let mut requests = BTreeMap::new();
    for pod in scene.pods {
        requests.insert(&pod.name, pod.request(resource, container, scene.profile)?);
    }
    let measure = |values: &BTreeMap<Name, i64>| {
        let known = values.iter().filter_map(|(pod, value)| Some((*value, *requests.get(pod)?)));
        let (total, requested, n) =
            known.fold((0_i64, 0_i64, 0_i64), |(total, requested, n), (value, request)| {
                (total.saturating_add(value), requested.saturating_add(request), n + 1)
            });
        if requested == 0 {
            return Err("no metrics returned matched known pods".to_owned());
        }
        let percent = i128::from(total) * 100 / i128::from(requested);
        let utilization = u32::try_from(percent).unwrap_or(u32::MAX);
        let ratio = f64::from(utilization) / f64::from(target);
        let current =
            MetricValue { utilization: Some(utilization), average_value: Some(total / n), value: None };
        Ok(Measure { ratio, current })
    };
    let fallback = i64::from(target.max(100));
    let fill = |pod: &Name| requests.get(pod).map_or(0, |request| request * fallback / 100);
    from_pods(current, values, &groups, scene, measure, fill)
}

/// The replicas for a mean over the pods [thousandths] of a resource, or of another number (`None`).
///
/// # Errors
/// In upstream's words.
pub fn for_average(
    current: u32,
    target: i64,
    metrics: PodMetrics,
    resource: Option<&str>,
    scene: &Scene<'_>,
) -> Result<Proposal, String> {
    let (values, groups) = counted(metrics, resource, scene)?;
    let measure = |values: &BTreeMap<Name, i64>| {
        let total = values.values().fold(0_i64, |total, value| total.saturating_add(*value));
        let average = total / values.len() as i64;
        let ratio = average as f64 / target as f64;
        Ok(Measure { ratio, current: MetricValue { average_value: Some(average), ..MetricValue::default() } })
    };
    from_pods(current, values, &groups, scene, measure, |_| target)
}

/// The replicas for a number that does not belong to the pods, from the pods that are ready; from none, as many as
/// the number is times the target. All numbers in thousandths.
///
/// # Errors
/// When the target has no pods, in upstream's words.
pub fn for_value(current: u32, target: i64, value: i64, scene: &Scene<'_>) -> Result<Proposal, String> {
    let ratio = value as f64 / target as f64;
    let replicas = if current == 0 {
        whole(ratio)
    } else if scene.tolerances.hold(ratio) {
        current
    } else if scene.pods.is_empty() {
        return Err(format!("unable to calculate ready pods: {NO_PODS}"));
    } else {
        let n_ready = scene.pods.iter().filter(|pod| pod.is_running_and_ready()).count();
        whole(ratio * n_ready as f64)
    };
    Ok(Proposal { replicas, ratio, current: MetricValue { value: Some(value), ..MetricValue::default() } })
}

/// The replicas for a number that does not belong to the pods but is shared among them. All numbers in thousandths.
pub fn for_value_per_pod(status_replicas: u32, target: i64, value: i64, tolerances: Tolerances) -> Proposal {
    let ratio = value as f64 / (target as f64 * f64::from(status_replicas));
    let replicas = if status_replicas == 0 && value == 0 || tolerances.hold(ratio) {
        status_replicas
    } else {
        whole(value as f64 / target as f64)
    };
    // Upstream divides by no pods and shows what is left of infinity: zero.
    let average =
        if status_replicas == 0 { 0 } else { libm::ceil(value as f64 / f64::from(status_replicas)) as i64 };
    let current = MetricValue { average_value: Some(average), ..MetricValue::default() };
    Proposal { replicas, ratio, current }
}

const NO_PODS: &str = "no pods returned by selector while calculating replica count";

/// The values of the pods that count, and how the pods are grouped.
fn counted(
    metrics: PodMetrics,
    resource: Option<&str>,
    scene: &Scene<'_>,
) -> Result<(BTreeMap<Name, i64>, Groups), String> {
    if scene.pods.is_empty() {
        return Err(NO_PODS.to_owned());
    }
    let groups = group(scene.pods, &metrics, resource, scene.now, scene.config);
    let is_counted = |pod: &Name| !groups.ignored.contains(pod) && !groups.unready.contains(pod);
    let counted = metrics.into_iter().filter(|(pod, _)| is_counted(pod));
    let values: BTreeMap<Name, i64> = counted.map(|(pod, metric)| (pod, metric.value)).collect();
    if values.is_empty() {
        return Err("did not receive metrics for targeted pods (pods might be unready)".to_owned());
    }
    Ok((values, groups))
}

/// The replicas for numbers of pods. `fill` is what a pod without a metric is taken to use on the way down.
fn from_pods(
    current: u32,
    mut values: BTreeMap<Name, i64>,
    groups: &Groups,
    scene: &Scene<'_>,
    measure: impl Fn(&BTreeMap<Name, i64>) -> Result<Measure, String>,
    fill: impl Fn(&Name) -> i64,
) -> Result<Proposal, String> {
    let seen = measure(&values)?;
    let propose = |replicas| Proposal { replicas, ratio: seen.ratio, current: seen.current };
    let goes_up_with_unready = !groups.unready.is_empty() && seen.ratio > 1.0;
    if !goes_up_with_unready && groups.missing.is_empty() {
        if scene.tolerances.hold(seen.ratio) {
            return Ok(propose(current));
        }
        return Ok(propose(whole(seen.ratio * f64::from(groups.n_ready))));
    }
    if seen.ratio < 1.0 {
        values.extend(groups.missing.iter().map(|pod| (pod.clone(), fill(pod))));
    } else if seen.ratio > 1.0 {
        values.extend(groups.missing.iter().map(|pod| (pod.clone(), 0)));
    }
    if goes_up_with_unready {
        values.extend(groups.unready.iter().map(|pod| (pod.clone(), 0)));
    }
    let ratio = measure(&values)?.ratio;
    let turns = (seen.ratio < 1.0 && ratio > 1.0) || (seen.ratio > 1.0 && ratio < 1.0);
    if scene.tolerances.hold(ratio) || turns {
        return Ok(propose(current));
    }
    let replicas = whole(ratio * values.len() as f64);
    let goes_against = (ratio < 1.0 && replicas > current) || (ratio > 1.0 && replicas < current);
    Ok(propose(if goes_against { current } else { replicas }))
}

/// Rounds up to a number of replicas.
fn whole(replicas: f64) -> u32 {
    libm::ceil(replicas).clamp(0.0, f64::from(i32::MAX)) as u32
}
