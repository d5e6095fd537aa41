//! Node pools, and the nodes of a scenario that has none.

use serde_json::{Map, Value, json};

use crate::manifest::admission::PriorityClasses;
use crate::manifest::convert::{self, ReadContext};
use crate::manifest::diagnostic::Mark;
use crate::manifest::load::collect::Collected;
use crate::manifest::load::{Head, Loader, Pool};
use crate::manifest::scenario::{NodePool, ScenarioSpec};
use crate::manifest::tree::Tree;
use crate::manifest::warnings::FieldWarnings;
use crate::model::ids::Kind;
use crate::model::node::{LABEL_HOSTNAME, LABEL_ZONE};
use crate::model::profile::Profile;
use crate::model::scenario::{NewObject, NewSpec, Scenario};

/// The most nodes that pools may have together.
const NODES_MAX: u64 = 100_000;
/// The nodes of a scenario that has none.
const DEFAULT_NODES: u32 = 3;
/// The pool that they are.
pub(super) const DEFAULT_POOL: &str = "node";

impl Loader<'_> {
    /// Adds the nodes of the pools; the default nodes where there is no node at all.
    pub(super) fn add_nodes(&mut self, head: &Head, profile: &Profile, collected: &mut Collected) {
        let total: u64 = head.spec.node_pools.iter().map(|pool| u64::from(pool.count)).sum();
        if total > NODES_MAX {
            let message = format!("{total} nodes: at most {NODES_MAX} are simulated");
            self.diagnostics
                .extend(head.object.as_ref().map(|object| object.error("spec.nodePools", message)));
            return;
        }
        for (idx, pool) in head.spec.node_pools.iter().enumerate() {
            self.add_pool(pool, idx, head, profile, collected);
        }
        if head.spec.node_pools.is_empty() && !collected.has_nodes() {
            let asked = self.options.pool_counts.iter().find(|(name, _)| name == DEFAULT_POOL);
            let pool = NodePool { count: asked.map_or(DEFAULT_NODES, |(_, count)| *count), ..default_pool() };
            collected.default_nodes = Some(pool.count);
            self.add_pool(&pool, 0, head, profile, collected);
        }
    }

    fn add_pool(
        &mut self,
        pool: &NodePool,
        idx: usize,
        head: &Head,
        profile: &Profile,
        collected: &mut Collected,
    ) {
        let path = format!("spec.nodePools[{idx}]");
        for number in 1..=pool.count {
            let outcome =
                node(pool, number, profile).and_then(|object| collected.insert(object, path.clone()));
            if let Err(message) = outcome {
                self.diagnostics.extend(head.object.as_ref().map(|object| object.error(&path, message)));
                return;
            }
        }
    }
}

/// The `number`-th node of a pool, as the API server accepts it.
fn node(pool: &NodePool, number: u32, profile: &Profile) -> Result<NewObject, String> {
    let tree = Tree::from_json(&node_manifest(pool, number), Mark::START);
    let context = ReadContext { profile, priority_classes: &PriorityClasses::default() };
    let accepted = convert::accept(Kind::Node, &tree, &context, &mut FieldWarnings::default());
    let mut object =
        accepted.map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    if let NewSpec::Node(spec) = &mut object.spec {
        spec.pool = Some(pool.name.as_str().into());
        spec.price_per_hour = pool.price_per_hour;
    }
    Ok(object)
}

/// The pools of a scenario.
pub(super) fn pools(spec: &ScenarioSpec, scenario: &Scenario) -> Vec<Pool> {
    let is_default = |object: &&NewObject| matches!(&object.spec, NewSpec::Node(node) if node.pool.as_deref() == Some(DEFAULT_POOL));
    let n_default = scenario.objects.iter().filter(is_default).count();
    if spec.node_pools.is_empty() && n_default > 0 {
        let count = u32::try_from(n_default).unwrap_or(u32::MAX);
        return vec![Pool { name: DEFAULT_POOL.to_owned(), count, price_per_hour: None }];
    }
    let pool = |pool: &NodePool| Pool {
        name: pool.name.clone(),
        count: pool.count,
        price_per_hour: pool.price_per_hour,
    };
    spec.node_pools.iter().map(pool).collect()
}

fn default_pool() -> NodePool {
    NodePool {
        name: DEFAULT_POOL.to_owned(),
        count: DEFAULT_NODES,
        capacity: [("cpu".to_owned(), json!("4")), ("memory".to_owned(), json!("16Gi"))].into(),
        allocatable: std::collections::BTreeMap::new(),
        zone: None,
        labels: std::collections::BTreeMap::new(),
        taints: Vec::new(),
        price_per_hour: None,
    }
}

/// The manifest of the `number`-th node of a pool.
fn node_manifest(pool: &NodePool, number: u32) -> Value {
    let name = format!("{}-{number}", pool.name);
    let mut labels: Map<String, Value> = Map::new();
    labels.insert(LABEL_HOSTNAME.into(), json!(name));
    if let Some(zone) = &pool.zone {
        labels.insert(LABEL_ZONE.into(), json!(zone));
    }
    labels.extend(pool.labels.iter().map(|(key, value)| (key.clone(), json!(value))));
    let mut status = json!({"capacity": pool.capacity});
    if !pool.allocatable.is_empty() {
        status["allocatable"] = json!(pool.allocatable);
    }
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": pool.taints},
        "status": status,
    })
}
