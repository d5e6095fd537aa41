//! The question of `sim capacity`, read from the Scenario.

use serde_json::Value;

use crate::manifest::load::collect::Collected;
use crate::manifest::load::sweep::known;
use crate::manifest::load::{Head, Loader};
use crate::manifest::scenario::{self, read};
use crate::model::capacity::{Capacity, Loss, Range, parse_share};
use crate::model::ids::Kind;
use crate::model::sweep::Vary;

impl Loader<'_> {
    /// The question; an empty one where the scenario has none.
    pub(super) fn capacity(&mut self, head: &Head, collected: &Collected) -> Capacity {
        let Some(written) = &head.spec.capacity else { return Capacity::default() };
        let mut ranges = Vec::new();
        for (idx, size) in written.sizes.iter().enumerate() {
            let path = format!("spec.capacity.sizes[{idx}]");
            let outcome = range(size).and_then(|range| known(&range.vary, head, collected).map(|()| range));
            ranges.extend(self.told(head, &path, outcome));
        }
        let at_least = written.at_least.as_ref().map(|value| parse_share(&text(value)));
        let losses = written.survive.iter().flat_map(items).map(|item| Loss::parse(&text(item)));
        let survive: Result<Vec<Loss>, String> = losses.collect();
        Capacity {
            ranges,
            n_trials: written.trials.map(|trials| trials.get() as usize),
            at_least: at_least.and_then(|share| self.told(head, "spec.capacity.atLeast", share)),
            survive: self.told(head, "spec.capacity.survive", survive).unwrap_or_default(),
            lost_at: written.lost_at.iter().map(|span| read::instant(*span)).collect(),
        }
    }

    /// A part that was read; reports it where it is wrong.
    fn told<T>(&mut self, head: &Head, path: &str, part: Result<T, String>) -> Option<T> {
        part.map_err(|message| {
            self.diagnostics.extend(head.object.as_ref().map(|object| object.error(path, message)));
        })
        .ok()
    }
}

fn range(size: &scenario::SizeRange) -> Result<Range, String> {
    let given = [
        size.pool.as_deref().map(|pool| Vary::PoolCount(pool.into())),
        size.deployment.as_deref().map(|name| Vary::Replicas(Kind::Deployment, name.into())),
        size.statefulset.as_deref().map(|name| Vary::Replicas(Kind::StatefulSet, name.into())),
        size.replicaset.as_deref().map(|name| Vary::Replicas(Kind::ReplicaSet, name.into())),
        size.param.as_deref().map(|name| Vary::Param(name.into())),
    ];
    let mut given = given.into_iter().flatten();
    let (Some(vary), None) = (given.next(), given.next()) else {
        return Err("exactly one of pool, deployment, statefulset, replicaset and param is wanted".to_owned());
    };
    Ok(Range { vary, from: size.from, to: size.to })
}

/// The items of a list, or the one thing that stands in its place.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        other => std::slice::from_ref(other),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
