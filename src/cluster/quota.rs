//! What resource quotas refuse.
//!
//! What is used is counted when somebody asks: upstream's quota controller has written it to the status by then.

use crate::cluster::{Cluster, Refusal};
use crate::model::meta::Name;
use crate::model::pod::{Container, PodSpec};
use crate::model::resource_quota::{HardLimit, Quotable, ResourceQuota};
use crate::model::scenario::{NewObject, NewSpec};

impl Cluster {
    /// Lets an object in, unless it is a pod that a quota of its namespace has no room for.
    ///
    /// Deviation: a pod whose name is to be generated is called by the part that is given, without the random one.
    ///
    /// Source: Kubernetes 1.28, apiserver/pkg/admission/plugin/resourcequota/controller.go, CheckRequest.
    ///
    /// # Errors
    /// Why not, in upstream's words.
    pub(super) fn check_quotas(&self, object: &NewObject) -> Result<(), Refusal> {
        let NewSpec::Pod(spec) = &object.spec else { return Ok(()) };
        let quotas = self.resource_quotas.values();
        for quota in quotas.filter(|quota| quota.meta.namespace == object.namespace) {
            if let Some(why) = unsaid(quota, spec).or_else(|| self.exceeded(quota, spec)) {
                let text = format!("pods \"{}\" is forbidden: {why}", object.name);
                return Err(Refusal::Forbidden(text.into()));
            }
        }
        Ok(())
    }

    /// How much of what a limit is about the living pods of a namespace take.
    /// Source: Kubernetes 1.28, pkg/quota/v1/evaluator/core/pods.go, QuotaV1Pod.
    pub fn quota_used(&self, namespace: &Name, what: Quotable) -> i64 {
        let pods = self.pods.values().filter(|pod| pod.meta.namespace == *namespace);
        let counted = pods.filter(|pod| what == Quotable::PodObjects || !pod.status.phase.is_terminal());
        counted.map(|pod| what.taken_by(&pod.spec)).sum()
    }

    fn exceeded(&self, quota: &ResourceQuota, spec: &PodSpec) -> Option<String> {
        let of = |limit: &HardLimit, amount: i64| HardLimit { amount, ..limit.clone() };
        let used = |limit: &HardLimit| self.quota_used(&quota.meta.namespace, limit.what);
        let is_exceeded = |limit: &&HardLimit| {
            let wanted = limit.what.taken_by(spec);
            wanted > 0 && used(limit) + wanted > limit.amount
        };
        let limited: Vec<HardLimit> = quota.spec.hard.iter().filter(is_exceeded).cloned().collect();
        let text =
            |limits: Vec<HardLimit>| limits.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let requested = text(limited.iter().map(|limit| of(limit, limit.what.taken_by(spec))).collect());
        let used = text(limited.iter().map(|limit| of(limit, used(limit))).collect());
        let name = &quota.meta.name;
        (!limited.is_empty()).then(|| {
            let limited = text(limited);
            format!("exceeded quota: {name}, requested: {requested}, used: {used}, limited: {limited}")
        })
    }
}

/// What a pod has to say, and does not.
/// Source: Kubernetes 1.28, pkg/quota/v1/evaluator/core/pods.go, Constraints.
fn unsaid(quota: &ResourceQuota, spec: &PodSpec) -> Option<String> {
    let missing = quota.spec.hard.iter().filter_map(|limit| {
        let is_silent = |container: &&Container| !limit.what.is_said_by(container);
        let mut names: Vec<&str> = spec.all_containers().filter(is_silent).map(|it| &*it.name).collect();
        names.sort_unstable();
        (!names.is_empty()).then(|| format!("{} for: {}", limit.name, names.join(",")))
    });
    let missing: Vec<String> = missing.collect();
    let name = &quota.meta.name;
    (!missing.is_empty()).then(|| format!("failed quota: {name}: must specify {}", missing.join("; ")))
}
