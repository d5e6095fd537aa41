//! Resource quotas.
//!
//! Source: Kubernetes 1.28, pkg/apis/core/validation/validation.go, ValidateResourceQuota.

use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::validation::meta::{Scope, object_meta};
use crate::manifest::wire::quota::ResourceQuota;
use crate::model::resource_quota::Quotable;

/// Validates a resource quota. A limit of something that is not modelled is refused: nothing would hold it.
pub fn resource_quota(quota: &ResourceQuota, errors: &mut FieldErrors) {
    object_meta(&quota.metadata, Scope::Namespaced, &Path::OBJECT.child("metadata"), errors);
    let spec = Path::OBJECT.child("spec");
    let hard = spec.child("hard");
    for (name, amount) in &quota.spec.hard {
        let path = hard.key(name);
        if amount.is_negative() {
            errors.invalid(&path, &*amount.to_string(), "must be greater than or equal to 0");
        }
        if Quotable::of(name).is_none() {
            errors.invalid(&path, &**name, "not modelled: quotas limit pods, their requests and limits here");
        }
    }
}
