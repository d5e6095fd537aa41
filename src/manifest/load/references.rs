//! What pods name and the simulator does not model: ConfigMaps, Secrets and claims. One that is not among the manifests is
//! taken as present, and the run says so.

use std::collections::BTreeSet;

use crate::manifest::source::{Object, ObjectKind};
use crate::manifest::tree::{Content, Tree};

/// A kind of object, and the fields by which pods name one: the key of a map, and the key in it.
type Reference = (&'static str, &'static str, &'static str);

const REFERENCES: [Reference; 8] = [
    ("configMapRef", "name", "configmap"),
    ("configMapKeyRef", "name", "configmap"),
    ("configMap", "name", "configmap"),
    ("secretRef", "name", "secret"),
    ("secretKeyRef", "name", "secret"),
    ("secret", "secretName", "secret"),
    ("secret", "name", "secret"),
    ("persistentVolumeClaim", "claimName", "persistentvolumeclaim"),
];
const DEFAULT_NAMESPACE: &str = "default";

/// The objects that pods name and that are not there, as `secret/password`.
pub(super) fn absent(objects: &[Object]) -> BTreeSet<String> {
    let is_kept =
        |object: &&Object| matches!(object.kind_name, "ConfigMap" | "Secret" | "PersistentVolumeClaim");
    let present: BTreeSet<(String, String)> = objects
        .iter()
        .filter(is_kept)
        .filter_map(|object| {
            let name = object.tree.at("metadata.name")?.text()?;
            Some((namespace(object), format!("{}/{name}", object.kind_name.to_lowercase())))
        })
        .collect();
    let mut absent = BTreeSet::new();
    for object in objects.iter().filter(|object| matches!(object.kind, ObjectKind::Cluster(_))) {
        let mut named = BTreeSet::new();
        names(&object.tree, &mut named);
        let namespace = namespace(object);
        absent.extend(named.into_iter().filter(|name| !present.contains(&(namespace.clone(), name.clone()))));
    }
    absent
}

/// What is said of them; `None` where there are none.
pub(super) fn assumption(absent: &BTreeSet<String>) -> Option<String> {
    const SHOWN_MAX: usize = 3;
    let (first, last) = (absent.first()?, absent.last()?);
    let names = match absent.len() {
        1 => format!("{first} is"),
        2..=SHOWN_MAX => format!("{} are", absent.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
        count => format!("{count} ConfigMaps, Secrets and claims ({first} … {last}) are"),
    };
    Some(format!("{names} not among the manifests: taken as present"))
}

fn namespace(object: &Object) -> String {
    object.tree.at("metadata.namespace").and_then(Tree::text).unwrap_or(DEFAULT_NAMESPACE).to_owned()
}

fn is_true(tree: &Tree) -> bool {
    matches!(&tree.content, Content::Scalar(scalar) if &*scalar.text == "true")
}

/// Collects what a tree names and needs.
fn names(tree: &Tree, out: &mut BTreeSet<String>) {
    match &tree.content {
        Content::Scalar(_) => {}
        Content::List(items) => items.iter().for_each(|item| names(item, out)),
        Content::Map(entries) => {
            for entry in entries {
                let is_optional = entry.value.get("optional").is_some_and(is_true);
                for (_, field, kind) in REFERENCES.iter().filter(|(key, ..)| *key == &*entry.key) {
                    let name = entry.value.get(field).and_then(Tree::text).filter(|_| !is_optional);
                    out.extend(name.map(|name| format!("{kind}/{name}")));
                }
                names(&entry.value, out);
            }
        }
    }
}
