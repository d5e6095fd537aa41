//! What the admission plugins of the API server do to a pod that is being created: default tolerations, priority.
//!
//! A pod template goes through the same, for all pods made of it come out alike.

use std::collections::BTreeMap;

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::wire::pod::{PodSpec, Toleration};
use crate::model::meta::Name;
use crate::model::pod as model;

/// How long a pod bears that its node is not ready or unreachable [s].
/// Source: Kubernetes 1.28, plugin/pkg/admission/defaulttolerationseconds, the flags' defaults.
const DEFAULT_TOLERATION_SECONDS: i64 = 300;

const NODE_TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// The priority of pods without a class where no class is the default.
const DEFAULT_PRIORITY: i32 = 0;

/// Has a pod leave a node that is not ready or unreachable after five minutes, unless it says otherwise.
///
/// Source: Kubernetes 1.28, plugin/pkg/admission/defaulttolerationseconds/admission.go, Admit.
pub fn add_default_tolerations(spec: &mut PodSpec) {
    for taint in NODE_TAINTS {
        let is_tolerated = spec.tolerations.iter().any(|toleration| {
            (toleration.key.is_empty() || &*toleration.key == taint)
                && (toleration.effect.is_empty() || &*toleration.effect == "NoExecute")
        });
        if !is_tolerated {
            spec.tolerations.push(Toleration {
                key: taint.into(),
                operator: "Exists".into(),
                value: Name::default(),
                effect: "NoExecute".into(),
                toleration_seconds: Some(DEFAULT_TOLERATION_SECONDS),
            });
        }
    }
}

/// Has a daemon pod bear what its node goes through.
///
/// Source: Kubernetes 1.28, pkg/controller/daemon/util/daemonset_util.go, AddOrUpdateDaemonPodTolerations.
pub fn add_daemon_tolerations(spec: &mut PodSpec) {
    let of_network = Some(("network-unavailable", "NoSchedule")).filter(|_| spec.host_network);
    let always = [
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    ];
    for (taint, effect) in always.into_iter().chain(of_network) {
        let toleration = Toleration {
            key: format!("node.kubernetes.io/{taint}").into(),
            operator: "Exists".into(),
            value: Name::default(),
            effect: effect.into(),
            toleration_seconds: None,
        };
        let same = |other: &&mut Toleration| {
            (&other.key, &other.effect, &other.operator, &other.value)
                == (&toleration.key, &toleration.effect, &toleration.operator, &toleration.value)
        };
        match spec.tolerations.iter_mut().find(same) {
            Some(present) => *present = toleration,
            None => spec.tolerations.push(toleration),
        }
    }
}

/// A class of pods of one priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorityClass {
    /// The name.
    pub name: Name,
    /// The priority; larger is more important.
    pub value: i32,
    /// Whether its pods may remove others; absent is `PreemptLowerPriority`.
    pub preemption_policy: Option<Name>,
    /// Whether pods that name no class are of this one.
    pub is_default: bool,
}

/// The priority classes of a cluster: those of the system, and the user's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorityClasses {
    by_name: BTreeMap<Name, PriorityClass>,
}

impl Default for PriorityClasses {
    fn default() -> Self {
        Self::new([])
    }
}

impl PriorityClasses {
    /// The classes of a cluster to which a user has added these.
    pub fn new(classes: impl IntoIterator<Item = PriorityClass>) -> Self {
        let system = SYSTEM_CLASSES.map(|(name, value)| PriorityClass {
            name: name.into(),
            value,
            preemption_policy: None,
            is_default: false,
        });
        let by_name = system.into_iter().chain(classes).map(|class| (class.name.clone(), class)).collect();
        Self { by_name }
    }

    /// These classes and more.
    pub fn with(mut self, classes: impl IntoIterator<Item = PriorityClass>) -> Self {
        self.by_name.extend(classes.into_iter().map(|class| (class.name.clone(), class)));
        self
    }

    /// The classes as far as the spec of a living pod tells: its own, which a pod that names none would get, too.
    pub fn of_living(spec: &model::PodSpec) -> Self {
        Self::new(spec.priority_class.as_ref().map(|name| PriorityClass {
            name: name.clone(),
            value: spec.priority,
            preemption_policy: Some(spec.preemption_policy.as_str().into()),
            is_default: true,
        }))
    }

    /// Gives a pod the priority of its class, or of the default class.
    ///
    /// Source: Kubernetes 1.28, plugin/pkg/admission/priority/admission.go, admitPod.
    pub fn admit(&self, spec: &mut PodSpec, path: &Path<'_>, errors: &mut FieldErrors) {
        let class = if spec.priority_class_name.is_empty() {
            self.default_class()
        } else {
            let class = self.by_name.get(&spec.priority_class_name);
            if class.is_none() {
                let detail = format!("no PriorityClass with name {} was found", spec.priority_class_name);
                errors.forbidden(&path.child("priorityClassName"), detail);
                return;
            }
            class
        };
        let computed = class.map_or(DEFAULT_PRIORITY, |class| class.value);
        if let Some(given) = spec.priority.filter(|given| *given != computed) {
            let detail = format!(
                "the integer value of priority ({given}) must not be provided in pod spec; priority admission \
                 controller computed {computed} from the given PriorityClass name"
            );
            errors.forbidden(&path.child("priority"), detail);
        }
        spec.priority = Some(computed);
        if let Some(class) = class {
            spec.priority_class_name = class.name.clone();
            admit_preemption_policy(class, spec, path, errors);
        }
    }

    /// Source: Kubernetes 1.28, plugin/pkg/admission/priority/admission.go, getDefaultPriorityClass.
    fn default_class(&self) -> Option<&PriorityClass> {
        self.by_name.values().filter(|class| class.is_default).min_by_key(|class| class.value)
    }
}

/// The classes that every cluster has.
/// Source: Kubernetes 1.28, pkg/apis/scheduling/v1/helpers.go, systemPriorityClasses.
pub(in crate::manifest) const SYSTEM_CLASSES: [(&str, i32); 2] =
    [("system-node-critical", 2_000_001_000), ("system-cluster-critical", 2_000_000_000)];

fn admit_preemption_policy(
    class: &PriorityClass,
    spec: &mut PodSpec,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) {
    let Some(computed) = &class.preemption_policy else { return };
    if let Some(given) = spec.preemption_policy.as_ref().filter(|given| *given != computed) {
        let detail = format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission \
             controller computed {computed} from the given PriorityClass name"
        );
        errors.forbidden(&path.child("preemptionPolicy"), detail);
    }
    spec.preemption_policy = Some(computed.clone());
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::wire::decode_json as decode;

    #[test]
    fn a_pod_leaves_a_silent_node_after_five_minutes_unless_it_says_otherwise() {
        #[track_caller]
        fn check(tolerations: Value, expected: &[(&str, Option<i64>)]) {
            let mut spec: PodSpec = decode(&json!({"tolerations": tolerations})).unwrap();
            add_default_tolerations(&mut spec);
            let found: Vec<_> = spec.tolerations.iter().map(|t| (&*t.key, t.toleration_seconds)).collect();
            assert_eq!(found, expected);
        }
        let [not_ready, unreachable] = NODE_TAINTS;
        check(json!([]), &[(not_ready, Some(300)), (unreachable, Some(300))]);
        check(json!([{"operator": "Exists"}]), &[("", None)]);
        check(
            json!([{"key": not_ready, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}]),
            &[(not_ready, Some(5)), (unreachable, Some(300))],
        );
        check(
            json!([{"operator": "Exists", "effect": "NoSchedule"}]),
            &[("", None), (not_ready, Some(300)), (unreachable, Some(300))],
        );
    }

    fn class(name: &str, value: i32, is_default: bool) -> PriorityClass {
        PriorityClass { name: name.into(), value, preemption_policy: None, is_default }
    }

    #[test]
    fn the_priority_comes_from_the_class() {
        #[track_caller]
        fn check(spec: Value, classes: &[PriorityClass], expected: Result<i32, &str>) {
            let mut spec: PodSpec = decode(&spec).unwrap();
            let mut errors = FieldErrors::default();
            PriorityClasses::new(classes.to_vec()).admit(&mut spec, &Path::OBJECT, &mut errors);
            match expected {
                Ok(priority) => assert_eq!((spec.priority, errors.0), (Some(priority), vec![])),
                Err(message) => assert_eq!(errors.0[0].to_string(), message),
            }
        }
        let user = [class("high", 1000, false), class("b", 7, true), class("a", 9, true)];
        check(json!({}), &[], Ok(0));
        check(json!({}), &user, Ok(7));
        check(json!({"priorityClassName": "high"}), &user, Ok(1000));
        check(json!({"priorityClassName": "system-node-critical"}), &[], Ok(2_000_001_000));
        check(
            json!({"priorityClassName": "low"}),
            &user,
            Err("priorityClassName: Forbidden: no PriorityClass with name low was found"),
        );
        check(
            json!({"priority": 5}),
            &[],
            Err("priority: Forbidden: the integer value of priority (5) must not be provided in pod spec; \
                 priority admission controller computed 0 from the given PriorityClass name"),
        );
    }

    #[test]
    fn a_living_pod_tells_enough_to_change_it() {
        let living = PriorityClasses::of_living(&model::PodSpec {
            priority_class: Some("high".into()),
            priority: 1000,
            ..crate::manifest::convert::pod::pod_spec(&PodSpec {
                restart_policy: "Never".into(),
                termination_grace_period_seconds: Some(30),
                ..PodSpec::default()
            })
        });
        for name in ["", "high"] {
            let mut spec = PodSpec { priority_class_name: name.into(), ..PodSpec::default() };
            let mut errors = FieldErrors::default();
            living.admit(&mut spec, &Path::OBJECT, &mut errors);
            assert_eq!((spec.priority, errors.0), (Some(1000), vec![]));
        }
    }
}
