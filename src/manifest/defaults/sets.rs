//! StatefulSets and DaemonSets.
//!
//! Source: Kubernetes 1.28, pkg/apis/apps/v1/defaults.go.

use crate::manifest::defaults::{fill, pod_spec};
use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::daemon_set::{DaemonSet, RollingUpdateDaemonSet};
use crate::manifest::wire::stateful_set::{RollingUpdateStatefulSetStrategy, StatefulSet};

/// Fills in a StatefulSet. A rolling update that is asked for without more has no partition.
///
/// Source: Kubernetes 1.28, pkg/apis/apps/v1/defaults.go, SetDefaults_StatefulSet.
pub fn stateful_set(set: &mut StatefulSet) {
    let spec = &mut set.spec;
    fill(&mut spec.pod_management_policy, "OrderedReady");
    let strategy = &mut spec.update_strategy;
    if strategy.kind.is_empty() {
        strategy.kind = "RollingUpdate".into();
        strategy.rolling_update.get_or_insert_with(RollingUpdateStatefulSetStrategy::default);
    }
    if let Some(rolling) = strategy.rolling_update.as_mut().filter(|_| &*strategy.kind == "RollingUpdate") {
        rolling.partition.get_or_insert(0);
    }
    spec.replicas.get_or_insert(1);
    spec.revision_history_limit.get_or_insert(10);
    pod_spec(&mut spec.template.spec);
}

/// Fills in a DaemonSet.
///
/// Source: Kubernetes 1.28, pkg/apis/apps/v1/defaults.go, SetDefaults_DaemonSet.
pub fn daemon_set(set: &mut DaemonSet) {
    let spec = &mut set.spec;
    let strategy = &mut spec.update_strategy;
    fill(&mut strategy.kind, "RollingUpdate");
    if &*strategy.kind == "RollingUpdate" {
        let rolling = strategy.rolling_update.get_or_insert_with(RollingUpdateDaemonSet::default);
        rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
        rolling.max_surge.get_or_insert(IntOrString::Int(0));
    }
    spec.revision_history_limit.get_or_insert(10);
    pod_spec(&mut spec.template.spec);
}
