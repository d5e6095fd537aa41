//! Deployments, ReplicaSets and pods of the table.

use std::sync::Arc;

use cluster_sim::controllers::deployment::revision::{DESIRED_REPLICAS, MAX_REPLICAS};
use cluster_sim::controllers::deployment::sets::Set;
use cluster_sim::engine::{Arena, EntityKey, SimDuration, SimTime};
use cluster_sim::manifest::admission::PriorityClasses;
use cluster_sim::manifest::convert::{ReadContext, accept};
use cluster_sim::manifest::diagnostic::Mark;
use cluster_sim::manifest::tree::Tree;
use cluster_sim::manifest::warnings::FieldWarnings;
use cluster_sim::model::amount::CountOrPercent;
use cluster_sim::model::deployment::{Deployment, DeploymentSpec, DeploymentStatus, DeploymentStrategy};
use cluster_sim::model::ids::Kind;
use cluster_sim::model::meta::{Deletion, Labels, ObjectMeta, Propagation, Uid};
use cluster_sim::model::object::Object;
use cluster_sim::model::profile::Profile;
use cluster_sim::model::replica_set::{ReplicaSetSpec, ReplicaSetStatus};
use cluster_sim::model::scenario::NewSpec;
use serde_json::{Value, json};

/// A ReplicaSet to be made.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewSet {
    pub size: u32,
    pub n_available: u32,
    pub created_hour: u64,
    /// The annotations on the size of the Deployment: wanted, and at most.
    pub sizes: Option<(u32, u32)>,
}

/// A count; absent is none.
pub fn count(value: &Value) -> u32 {
    value.as_u64().unwrap_or(0) as u32
}

/// A number of pods, or a share; `None` where it is neither.
pub fn amount(value: &Value) -> Option<CountOrPercent> {
    match value.as_str() {
        Some(text) => text.strip_suffix('%')?.parse().ok().map(CountOrPercent::Percent),
        None => Some(CountOrPercent::Count(count(value))),
    }
}

/// The spec of the Deployment of a case.
pub fn spec(inputs: &Value) -> DeploymentSpec {
    let strategy = if inputs["strategy"] == "Recreate" {
        DeploymentStrategy::Recreate
    } else {
        let amount = |field: &str| amount(&inputs[field]).expect("an amount");
        DeploymentStrategy::RollingUpdate {
            max_surge: amount("max_surge"),
            max_unavailable: amount("max_unavailable"),
        }
    };
    DeploymentSpec { replicas: count(&inputs["replicas"]), strategy, ..plain_spec() }
}

/// The Deployment of a case.
pub fn deployment(inputs: &Value) -> Deployment {
    let object_spec = Arc::new(spec(inputs));
    Object {
        meta: meta("web", 0),
        spec: object_spec,
        status: DeploymentStatus::default(),
        manifest: Arc::default(),
    }
}

fn plain_spec() -> DeploymentSpec {
    let manifest = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
                "containers": [{"name": "main", "image": "web:1"}]}},
        },
    });
    let (profile, classes) = (Profile::default(), PriorityClasses::default());
    let context = ReadContext { profile: &profile, priority_classes: &classes };
    let tree = Tree::from_json(&manifest, Mark::START);
    let accepted = accept(Kind::Deployment, &tree, &context, &mut FieldWarnings::default());
    match accepted.expect("the manifest is valid").spec {
        NewSpec::Deployment(spec) => Arc::unwrap_or_clone(spec),
        other => panic!("a Deployment was read, not {other:?}"),
    }
}

/// A ReplicaSet.
pub fn set(new: &NewSet) -> Set {
    let DeploymentSpec { selector, template, .. } = plain_spec();
    let spec = ReplicaSetSpec { replicas: new.size, min_ready: SimDuration::ZERO, selector, template };
    let mut meta = meta("web-1", new.created_hour);
    if let Some((desired, max)) = new.sizes {
        let sizes = [(DESIRED_REPLICAS, desired.to_string()), (MAX_REPLICAS, max.to_string())];
        meta.annotations = sizes.into_iter().collect();
    }
    let status = ReplicaSetStatus {
        replicas: new.size,
        available_replicas: new.n_available,
        observed_generation: meta.generation,
        ..ReplicaSetStatus::default()
    };
    let object = Object { meta, spec: Arc::new(spec), status, manifest: Arc::default() };
    let id = Arena::new().insert_with(|_| object.clone());
    Set { id, object, version: 0 }
}

/// Marks a set as being deleted.
pub fn delete(set: &mut Set) {
    let (requested, grace) = (SimTime::ZERO, SimDuration::ZERO);
    set.object.meta.deletion = Some(Deletion { requested, grace, propagation: Propagation::Background });
}

/// Metadata of an object that was created at this hour.
pub fn meta(name: &str, hour: u64) -> ObjectMeta {
    ObjectMeta {
        namespace: "default".into(),
        name: name.into(),
        uid: Uid { serial: hour, key: EntityKey::of(&[name]) },
        labels: Labels::default(),
        annotations: Labels::default(),
        created: SimTime::from_secs(3600 * hour),
        generation: 1,
        deletion: None,
        owner: None,
        scheduled_for: None,
    }
}
