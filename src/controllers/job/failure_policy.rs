//! `podFailurePolicy`: what the failure of a pod means. The first rule that matches decides.
//!
//! Source: Kubernetes 1.28, pkg/controller/job/pod_failure_policy.go.

use crate::model::job::{FailureAction, FailureRequirement, FailureRule};
use crate::model::meta::Name;
use crate::model::node::ConditionStatus;
use crate::model::pod::Pod;

/// The rule of a policy that a pod matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleMatch<'a> {
    /// What follows.
    pub action: FailureAction,
    /// The position of the rule.
    pub rule_idx: usize,
    /// What matched.
    pub cause: MatchCause<'a>,
}

/// What of a pod matched a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchCause<'a> {
    /// A container ended with this code.
    ExitCode {
        /// The container.
        container: &'a Name,
        /// The code.
        code: i32,
    },
    /// The pod has a condition of this type.
    Condition(&'a Name),
}

/// The first rule that a pod matches; actions that need `backoffLimitPerIndex` are passed over without it.
/// Source: pod_failure_policy.go, matchPodFailurePolicy.
pub fn first_match<'a>(
    rules: &'a [FailureRule],
    pod: &'a Pod,
    has_limit_per_index: bool,
) -> Option<RuleMatch<'a>> {
    rules.iter().enumerate().find_map(|(rule_idx, rule)| {
        let is_known = rule.action != FailureAction::FailIndex || has_limit_per_index;
        let cause = matching_cause(&rule.requirement, pod).filter(|_| is_known)?;
        Some(RuleMatch { action: rule.action, rule_idx, cause })
    })
}

fn matching_cause<'a>(requirement: &'a FailureRequirement, pod: &'a Pod) -> Option<MatchCause<'a>> {
    match requirement {
        FailureRequirement::ExitCodes { container, is_in, values } => {
            let is_listed = |code: i32| code != 0 && values.contains(&code) == *is_in;
            exit_codes(pod).find_map(|(name, code)| {
                let is_meant = container.as_ref().is_none_or(|wanted| wanted == name);
                (is_meant && is_listed(code)).then_some(MatchCause::ExitCode { container: name, code })
            })
        }
        FailureRequirement::Conditions(patterns) => {
            let mut conditions = pod.status.conditions.iter();
            conditions.find_map(|(kind, condition)| pattern_for(patterns, kind, condition.status))
        }
    }
}

/// The codes of the containers that have ended, app containers first.
fn exit_codes(pod: &Pod) -> impl Iterator<Item = (&Name, i32)> {
    let apps = pod.spec.containers.iter().zip(&pod.status.containers);
    let inits = pod.spec.init_containers.iter().zip(&pod.status.init_containers);
    apps.chain(inits).filter_map(|(spec, status)| Some((&spec.name, status.termination()?.exit_code)))
}

fn pattern_for<'a>(
    patterns: &'a [(Name, ConditionStatus)],
    kind: &str,
    status: ConditionStatus,
) -> Option<MatchCause<'a>> {
    let pattern =
        patterns.iter().find(|(wanted, wanted_status)| **wanted == *kind && *wanted_status == status);
    pattern.map(|(kind, _)| MatchCause::Condition(kind))
}

impl RuleMatch<'_> {
    /// The message of a Job that fails by this match.
    pub fn message(&self, pod: &Pod) -> String {
        let (namespace, name, rule) = (&pod.meta.namespace, &pod.meta.name, self.rule_idx);
        match &self.cause {
            MatchCause::ExitCode { container, code } => format!(
                "Container {container} for pod {namespace}/{name} failed with exit code {code} \
                 matching FailJob rule at index {rule}"
            ),
            MatchCause::Condition(kind) => {
                format!("Pod {namespace}/{name} has condition {kind} matching FailJob rule at index {rule}")
            }
        }
    }
}
