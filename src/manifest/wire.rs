//! API objects as manifests write them: field for field, before defaulting and validation.
//!
//! The types hold the fields that something is done with. What has no effect on behaviour is kept beside them as
//! [`Others`], for an update must see whether it changed; status fields that a server would empty are left out.
//! Text fields that Go keeps as plain strings are plain here too: empty is absent. That `null` counts as absent is
//! the doing of [`decode`](mod@crate::manifest::decode).

#![allow(missing_docs, reason = "types and fields are those of the Kubernetes API reference, name for name")]

pub mod amount;
pub mod cronjob;
pub mod daemon_set;
pub mod horizontal_pod_autoscaler;
pub mod deployment;
pub mod job;
pub mod meta;
pub mod node;
pub mod pod;
pub mod pod_disruption_budget;
pub mod priority;
pub mod stateful_set;
pub mod service;
pub mod quota;
pub mod replica_set;
pub mod probe;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::manifest::decode;
use crate::manifest::diagnostic::Mark;
use crate::manifest::field_error::{ErrorKind, FieldError};
use crate::manifest::tree::Tree;
use crate::model::meta::Name;
use crate::model::quantity::Quantity;

/// Labels, annotations and the like.
pub type StringMap = BTreeMap<Name, Name>;

/// Amounts by resource name.
pub type ResourceList = BTreeMap<Name, Quantity>;

/// The fields without effect on behaviour, as they were written.
pub type Others = BTreeMap<String, Value>;

/// Decodes an object.
///
/// # Errors
/// The first value of a wrong type or out of its range. The schema has found them all in objects that were read.
pub fn decode<T: DeserializeOwned>(tree: &Tree) -> Result<T, FieldError> {
    decode::decode(tree).map_err(|error| FieldError {
        path: error.path(),
        kind: ErrorKind::TypeInvalid,
        value: None,
        detail: error.message,
    })
}

/// Decodes an object that is no part of a text, such as the outcome of a patch.
///
/// # Errors
/// As [`decode`].
pub fn decode_json<T: DeserializeOwned>(value: &Value) -> Result<T, FieldError> {
    decode(&Tree::from_json(value, Mark::START))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::manifest::wire::pod::Pod;

    #[test]
    fn null_is_absent_everywhere() {
        let pod: Pod = decode_json(&json!({
            "metadata": {"name": "p", "labels": null},
            "spec": {"nodeName": null, "hostNetwork": null, "containers": [{"resources": null, "ports": null}]},
        }))
        .unwrap();
        let mut expected = Pod::default();
        expected.metadata.name = "p".into();
        expected.spec.containers.push(pod::Container::default());
        assert_eq!(pod, expected);
    }

    #[test]
    fn a_value_that_cannot_be_decoded_is_named() {
        let error =
            decode_json::<job::Job>(&json!({"spec": {"parallelism": 99_999_999_999_i64}})).unwrap_err();
        assert_eq!(error.path, "spec.parallelism");
        let error =
            decode_json::<node::Node>(&json!({"status": {"capacity": {"cpu": "1 core"}}})).unwrap_err();
        assert_eq!(error.path, "status.capacity[cpu]");
    }
}
