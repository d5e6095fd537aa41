//! The tables of upstream's own tests: filter verdicts and scores of single plugins, and preemption.

mod preemption;
mod score;

use serde_json::{Value, json};

/// An object of a table as a manifest: name, namespace, labels and deletion stand at its top.
fn manifest(object: &Value) -> Value {
    let mut metadata = json!({});
    for field in ["name", "namespace", "labels", "annotations", "deletionTimestamp", "uid"] {
        if !object[field].is_null() {
            metadata[field] = object[field].clone();
        }
    }
    json!({
        "metadata": metadata,
        "spec": if object["spec"].is_object() { object["spec"].clone() } else { json!({}) },
        "status": if object["status"].is_object() { object["status"].clone() } else { json!({}) },
    })
}
