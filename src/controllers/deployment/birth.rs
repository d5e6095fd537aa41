//! The ReplicaSet that a Deployment makes of its template.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::controllers::template_hash::template_hash;
use crate::event::Creation;
use crate::model::deployment::{Deployment, LABEL_POD_TEMPLATE_HASH};
use crate::model::ids::{DeploymentId, ObjectId};
use crate::model::meta::{LabelOperator, LabelRequirement, Labels, Name, Owner};
use crate::model::replica_set::ReplicaSetSpec;
use crate::model::scenario::{NewObject, NewSpec};

/// The creation of the ReplicaSet of a Deployment's template, of this size and with these annotations.
///
/// Source: Kubernetes 1.28, pkg/controller/deployment/sync.go, getNewReplicaSet.
pub fn creation(id: DeploymentId, deployment: &Deployment, replicas: u32, annotations: Labels) -> Creation {
    let spec = &deployment.spec;
    let hash = template_hash(spec.template.fingerprint, deployment.status.collision_count);
    let mut template = spec.template.clone();
    template.labels = template.labels.with(LABEL_POD_TEMPLATE_HASH, &hash);
    let mut selector = spec.selector.clone();
    selector.requirements.push(LabelRequirement {
        key: LABEL_POD_TEMPLATE_HASH.into(),
        operator: LabelOperator::In(vec![Name::from(&*hash)]),
    });
    let object = NewObject {
        namespace: deployment.meta.namespace.clone(),
        name: Name::from(format!("{}-{hash}", deployment.meta.name)),
        labels: template.labels.clone(),
        annotations,
        manifest: Arc::new(manifest(deployment, &hash)),
        spec: NewSpec::ReplicaSet(Arc::new(ReplicaSetSpec {
            replicas,
            min_ready: spec.min_ready,
            selector,
            template,
        })),
    };
    Creation { owner: Some(owner(id, deployment)), ..Creation::of(object) }
}

/// The Deployment as the owner of its sets.
pub fn owner(id: DeploymentId, deployment: &Deployment) -> Owner {
    let (name, uid) = (deployment.meta.name.clone(), deployment.meta.uid);
    Owner { object: ObjectId::Deployment(id), name, uid }
}

/// The manifest of the set, for `-o yaml` and patches.
fn manifest(deployment: &Deployment, hash: &str) -> Value {
    let written = &deployment.manifest["spec"];
    let (mut selector, mut template) = (written["selector"].clone(), written["template"].clone());
    if selector.is_object() {
        selector["matchLabels"][LABEL_POD_TEMPLATE_HASH] = json!(hash);
    }
    if template.is_object() {
        template["metadata"]["labels"][LABEL_POD_TEMPLATE_HASH] = json!(hash);
    }
    let mut spec = json!({"selector": selector, "template": template});
    if let Some(secs) = written.get("minReadySeconds") {
        spec["minReadySeconds"] = secs.clone();
    }
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": spec})
}
