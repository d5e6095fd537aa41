//! Fields that the version in use does not have yet, or whose gate is off.
//!
//! Deviation: the API server drops such fields without a word, and the Job runs as if nobody had written them. A user
//! of the simulator wrote them for what they do, so they are refused here.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::wire::job::JobSpec;
use crate::manifest::wire::pod::{Affinity, Container, PodSpec, TopologySpreadConstraint};
use crate::model::profile::{Feature, Profile};

/// Refuses fields of a pod that the profile lacks.
pub fn pod_spec(spec: &PodSpec, profile: &Profile, path: &Path<'_>, errors: &mut FieldErrors) {
    let containers = path.child("initContainers");
    for (idx, container) in spec.init_containers.iter().enumerate() {
        if container.restart_policy.is_some() {
            let path = containers.index(idx);
            gated(Feature::SidecarContainers, profile, &path.child("restartPolicy"), errors);
        }
    }
    sleep_hooks(&spec.init_containers, profile, &containers, errors);
    sleep_hooks(&spec.containers, profile, &path.child("containers"), errors);
    if !spec.scheduling_gates.is_empty() {
        gated(Feature::PodSchedulingReadiness, profile, &path.child("schedulingGates"), errors);
    }
    if let Some(affinity) = &spec.affinity {
        pod_affinity(affinity, profile, &path.child("affinity"), errors);
    }
    let constraints = path.child("topologySpreadConstraints");
    for (idx, constraint) in spec.topology_spread_constraints.iter().enumerate() {
        spread_constraint(constraint, profile, &constraints.index(idx), errors);
    }
}

fn pod_affinity(affinity: &Affinity, profile: &Profile, path: &Path<'_>, errors: &mut FieldErrors) {
    for (field, pods) in
        [("podAffinity", &affinity.pod_affinity), ("podAntiAffinity", &affinity.pod_anti_affinity)]
    {
        let required = pods.iter().flat_map(|pods| &pods.required);
        let preferred =
            pods.iter().flat_map(|pods| &pods.preferred).map(|weighted| &weighted.pod_affinity_term);
        let mut terms = required.chain(preferred);
        if terms.any(|term| !term.match_label_keys.is_empty() || !term.mismatch_label_keys.is_empty()) {
            gated(Feature::MatchLabelKeysInPodAffinity, profile, &path.child(field), errors);
        }
    }
}

fn spread_constraint(
    constraint: &TopologySpreadConstraint,
    profile: &Profile,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    let inclusion = Feature::NodeInclusionPolicyInPodTopologySpread;
    for (field, is_set, feature) in [
        ("minDomains", constraint.min_domains.is_some(), Feature::MinDomainsInPodTopologySpread),
        ("nodeAffinityPolicy", constraint.node_affinity_policy.is_some(), inclusion),
        ("nodeTaintsPolicy", constraint.node_taints_policy.is_some(), inclusion),
        (
            "matchLabelKeys",
            !constraint.match_label_keys.is_empty(),
            Feature::MatchLabelKeysInPodTopologySpread,
        ),
    ] {
        if is_set {
            gated(feature, profile, &path.child(field), errors);
        }
    }
}

/// Refuses `sleep` hooks where the profile lacks them.
fn sleep_hooks(containers: &[Container], profile: &Profile, path: &Path<'_>, errors: &mut FieldErrors) {
    for (idx, container) in containers.iter().enumerate() {
        let path = path.index(idx);
        let Some(lifecycle) = &container.lifecycle else { continue };
        let path = path.child("lifecycle");
        for (field, hook) in [("postStart", &lifecycle.post_start), ("preStop", &lifecycle.pre_stop)] {
            let path = path.child(field);
            let path = path.child("sleep");
            match hook.as_ref().and_then(|hook| hook.sleep.as_ref()) {
                Some(sleep) if profile.has(Feature::PodLifecycleSleepAction) && sleep.seconds == 0 => {
                    gated(Feature::PodLifecycleSleepActionAllowZero, profile, &path.child("seconds"), errors);
                }
                Some(_) => gated(Feature::PodLifecycleSleepAction, profile, &path, errors),
                None => {}
            }
        }
    }
}

/// Refuses fields of a Job that the profile lacks.
pub fn job_spec(spec: &JobSpec, profile: &Profile, path: &Path<'_>, errors: &mut FieldErrors) {
    for (field, is_set, feature) in [
        ("backoffLimitPerIndex", spec.backoff_limit_per_index.is_some(), Feature::JobBackoffLimitPerIndex),
        ("maxFailedIndexes", spec.max_failed_indexes.is_some(), Feature::JobBackoffLimitPerIndex),
        ("podReplacementPolicy", spec.pod_replacement_policy.is_some(), Feature::JobPodReplacementPolicy),
        ("successPolicy", spec.success_policy.is_some(), Feature::JobSuccessPolicy),
        ("managedBy", spec.managed_by.is_some(), Feature::JobManagedBy),
    ] {
        if is_set {
            gated(feature, profile, &path.child(field), errors);
        }
    }
    let template = path.child("template");
    pod_spec(&spec.template.spec, profile, &template.child("spec"), errors);
}

fn gated(feature: Feature, profile: &Profile, path: &Path<'_>, errors: &mut FieldErrors) {
    if !profile.has(feature) {
        errors.forbidden(path, profile.reason_without(feature));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    #[track_caller]
    fn check(spec: Value, profile: &Profile, expected: &[&str]) {
        let mut errors = FieldErrors::default();
        job_spec(&decode(&spec).unwrap(), profile, &Path::OBJECT.child("spec"), &mut errors);
        let lines: Vec<_> = errors.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_field_that_the_version_lacks_is_refused_with_the_way_to_get_it() {
        let old = Profile::new("1.28".parse().unwrap());
        let spec = json!({"successPolicy": {}, "maxFailedIndexes": 1,
                          "template": {"spec": {"initContainers": [{"restartPolicy": "Always"}]}}});
        check(spec.clone(), &Profile::default(), &[]);
        check(
            spec,
            &old.clone().with_gate("JobBackoffLimitPerIndex", true).unwrap(),
            &[
                "spec.successPolicy: Forbidden: Kubernetes 1.28 has it only with the feature gate JobSuccessPolicy, \
                 which is on since 1.31",
                "spec.template.spec.initContainers[0].restartPolicy: Forbidden: Kubernetes 1.28 has it only with the \
                 feature gate SidecarContainers, which is on since 1.29",
            ],
        );
        let constraint = json!({"minDomains": 2, "nodeTaintsPolicy": "Honor", "matchLabelKeys": ["rev"]});
        let term = json!({"mismatchLabelKeys": ["tenant"]});
        let affinity = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}});
        let spec = json!({"schedulingGates": [{"name": "g"}], "affinity": affinity,
                          "topologySpreadConstraints": [constraint]});
        check(
            json!({"template": {"spec": spec}}),
            &old.with_gate("MinDomainsInPodTopologySpread", false).unwrap(),
            &[
                "spec.template.spec.affinity.podAntiAffinity: Forbidden: Kubernetes 1.28 has it only with the feature \
                 gate MatchLabelKeysInPodAffinity, which is on since 1.31",
                "spec.template.spec.topologySpreadConstraints[0].minDomains: Forbidden: the feature gate \
                 MinDomainsInPodTopologySpread is off",
            ],
        );
        check(
            json!({"managedBy": "a/b"}),
            &Profile::default().with_gate("JobManagedBy", false).unwrap(),
            &["spec.managedBy: Forbidden: the feature gate JobManagedBy is off"],
        );
    }
}
