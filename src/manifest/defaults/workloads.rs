//! Deployments and ReplicaSets.
//!
//! Source: Kubernetes 1.28, pkg/apis/apps/v1/defaults.go.

use crate::manifest::defaults::{fill, pod_spec};
use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::deployment::{Deployment, RollingUpdateDeployment};
use crate::manifest::wire::replica_set::ReplicaSet;

/// Fills in a ReplicaSet.
///
/// Source: Kubernetes 1.28, pkg/apis/apps/v1/defaults.go, SetDefaults_ReplicaSet.
pub fn replica_set(set: &mut ReplicaSet) {
    set.spec.replicas.get_or_insert(1);
    pod_spec(&mut set.spec.template.spec);
}

/// Fills in a Deployment.
///
/// Source: Kubernetes 1.28, pkg/apis/apps/v1/defaults.go, SetDefaults_Deployment.
pub fn deployment(deployment: &mut Deployment) {
    let spec = &mut deployment.spec;
    spec.replicas.get_or_insert(1);
    fill(&mut spec.strategy.kind, "RollingUpdate");
    if &*spec.strategy.kind == "RollingUpdate" {
        let quarter = || IntOrString::Text("25%".into());
        let rolling = spec.strategy.rolling_update.get_or_insert_with(RollingUpdateDeployment::default);
        rolling.max_unavailable.get_or_insert_with(quarter);
        rolling.max_surge.get_or_insert_with(quarter);
    }
    spec.revision_history_limit.get_or_insert(10);
    spec.progress_deadline_seconds.get_or_insert(600);
    pod_spec(&mut spec.template.spec);
}
