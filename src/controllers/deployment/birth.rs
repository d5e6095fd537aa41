//! The ReplicaSet that a Deployment makes of its template.

use std::sync::Arc;

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::event::Creation;
use crate::model::deployment::{Deployment, LABEL_POD_TEMPLATE_HASH};
use crate::model::ids::{DeploymentId, ObjectId};
use crate::model::meta::{LabelOperator, LabelRequirement, Labels, Name, Owner};
use crate::model::replica_set::ReplicaSetSpec;
use crate::model::scenario::{NewObject, NewSpec};

/// The characters of hashes in names: no vowels, so that no words come out.
/// Source: Kubernetes 1.28, apimachinery/pkg/util/rand, SafeEncodeString.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The hash of a template in names and labels; every collision gives another one.
///
/// Deviation: it is made of our own fingerprint of the template; upstream's is FNV over a dump of Go values.
pub fn template_hash(fingerprint: u64, collision_count: Option<u32>) -> String {
    let seed = collision_count.map_or(0, |count| u64::from(count) + 1);
    let hash = xxh3_64_with_seed(&fingerprint.to_le_bytes(), seed) as u32;
    let letter = |digit: u8| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]);
    hash.to_string().bytes().map(letter).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collision_gives_another_hash_without_vowels() {
        let hashes = [None, Some(0), Some(1)].map(|count| template_hash(7, count));
        assert_ne!(hashes[0], hashes[1]);
        assert_ne!(hashes[1], hashes[2]);
        assert!(hashes.iter().all(|hash| hash.bytes().all(|b| ALPHABET.contains(&b))), "{hashes:?}");
    }
}
