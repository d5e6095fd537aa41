//! Objects without what the simulator makes nothing of, for whoever writes manifests out of what a server printed.

use serde_json::{Map, Value};

use crate::manifest::check::changes_nothing;
use crate::manifest::schema::{Schema, Shape, Treatment};
use crate::manifest::tree::{Content, Tree};

/// Why a field was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It would change the result and is not modelled.
    Unmodelled,
    /// The API does not have it.
    Unknown,
    /// It has no effect on behaviour.
    NoEffect,
    /// The API server or a controller sets it.
    ServerOwned,
}

/// Looks at the fields that are left out.
pub trait Pruner {
    /// Whether a field without effect stays all the same; its path has no indices.
    fn keeps(&self, path: &str) -> bool;

    /// Takes note of a field that was left out; its path has no indices.
    fn drop(&mut self, path: &str, why: Why);
}

/// The tree without what is not modelled.
pub(super) fn prune(schema: &Schema, tree: &Tree, shape: &Shape, pruner: &mut impl Pruner) -> Value {
    Pruning { schema, pruner, path: String::new() }.prune(tree, shape)
}

struct Pruning<'a, P> {
    schema: &'a Schema,
    pruner: &'a mut P,
    /// The path of what is being pruned, without indices.
    path: String,
}

impl<'a, P: Pruner> Pruning<'a, P> {
    fn prune(&mut self, tree: &Tree, shape: &'a Shape) -> Value {
        match (self.schema.resolve(shape), &tree.content) {
            (Shape::Object(object), Content::Map(entries)) => {
                let mut fields = Map::new();
                for entry in entries.iter().filter(|entry| !entry.value.is_null()) {
                    let n_path = self.push(&entry.key);
                    let kept = match object.field(&entry.key) {
                        Some(field) => self.field(&entry.value, &field.shape, field.treatment),
                        None if object.others.is_some() => Some(entry.value.to_json()),
                        None => {
                            self.pruner.drop(&self.path, Why::Unknown);
                            None
                        }
                    };
                    self.path.truncate(n_path);
                    fields.extend(kept.map(|value| (entry.key.to_string(), value)));
                }
                Value::Object(fields)
            }
            (Shape::List(item), Content::List(items)) => {
                let n_path = self.path.len();
                self.path.push_str("[]");
                let items = items.iter().map(|tree| self.prune(tree, item)).collect();
                self.path.truncate(n_path);
                Value::Array(items)
            }
            _ => tree.to_json(),
        }
    }

    fn field(&mut self, tree: &Tree, shape: &'a Shape, treatment: Treatment) -> Option<Value> {
        let why = match treatment {
            Treatment::Modelled => return Some(self.prune(tree, shape)),
            Treatment::NoEffect if self.pruner.keeps(&self.path) => return Some(tree.to_json()),
            Treatment::NoEffect => Why::NoEffect,
            Treatment::ServerOwned => Why::ServerOwned,
            Treatment::Unmodelled { except } if changes_nothing(tree, except) => Why::NoEffect,
            Treatment::Unmodelled { .. } => Why::Unmodelled,
        };
        self.pruner.drop(&self.path, why);
        None
    }

    /// Adds a key to the path; gives the length to cut it back to.
    fn push(&mut self, key: &str) -> usize {
        let n_path = self.path.len();
        if n_path > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        n_path
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::api::Api;
    use crate::manifest::diagnostic::Mark;

    #[derive(Default)]
    struct Notes(Vec<(String, Why)>);

    impl Pruner for Notes {
        fn keeps(&self, path: &str) -> bool {
            path == "spec.volumes[].configMap"
        }

        fn drop(&mut self, path: &str, why: Why) {
            self.0.push((path.to_owned(), why));
        }
    }

    #[test]
    fn only_what_is_modelled_stays_and_the_rest_is_named() {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "p", "uid": "u", "resourceVersion": "1"},
            "spec": {
                "containers": [{"name": "c", "image": "i", "env": [{"name": "A"}], "imagee": "x"}],
                "runtimeClassName": "gvisor", "readinessGates": [],
                "volumes": [{"name": "v", "configMap": {"name": "m"}}, {"name": "w", "nfs": {"path": "/", "server": "s"}}],
            },
            "status": {"phase": "Running"},
        });
        let api = Api::load();
        let row = api.kind("v1", "Pod").unwrap();
        let mut notes = Notes::default();
        let pruned = api.prune(row, &Tree::from_json(&pod, Mark::START), &mut notes);
        assert_eq!(
            pruned,
            json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
                "spec": {
                    "containers": [{"name": "c", "image": "i"}],
                    "volumes": [{"name": "v", "configMap": {"name": "m"}}, {"name": "w"}],
                },
            })
        );
        notes.0.sort();
        let notes: Vec<_> = notes.0.iter().map(|(path, why)| (path.as_str(), *why)).collect();
        assert_eq!(
            notes,
            [
                ("metadata.resourceVersion", Why::ServerOwned),
                ("metadata.uid", Why::ServerOwned),
                ("spec.containers[].env", Why::NoEffect),
                ("spec.containers[].imagee", Why::Unknown),
                ("spec.readinessGates", Why::NoEffect),
                ("spec.runtimeClassName", Why::Unmodelled),
                ("spec.volumes[].nfs", Why::Unmodelled),
                ("status", Why::ServerOwned),
            ]
        );
    }
}
