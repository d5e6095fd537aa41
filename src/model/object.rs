//! The shape that all objects with a spec and a status share.

use std::sync::Arc;

use serde_json::Value;

use crate::model::meta::ObjectMeta;

/// An object whose controller works from a spec (`S`) and writes a status (`T`).
#[derive(Debug, Clone, PartialEq)]
pub struct Object<S, T> {
    /// Name, labels and the rest.
    pub meta: ObjectMeta,
    /// What it is given to do.
    pub spec: Arc<S>,
    /// What came of it.
    pub status: T,
    /// The manifest of the spec: the base of patches and of `-o yaml`.
    pub manifest: Arc<Value>,
}
