//! What the manifest of an object becomes when a user patches it or applies another one.
//!
//! Manifests are kept as users write them; the API server keeps objects with their defaults. That makes a difference
//! where a default depends on other fields, and there the default that was filled in first stays.
//!
//! Deviation: the pull policy, whose default depends on the image, follows a new image.

use serde_json::{Map, Value, json};

use crate::model::ids::Kind;

/// A change of an object that exists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Revision<'a> {
    /// A JSON merge patch.
    Merge(&'a Value),
    /// A manifest that takes the place of the one before: `kubectl apply`.
    Apply(&'a Value),
}

impl Revision<'_> {
    /// The manifest after the change.
    pub fn revise(self, kind: Kind, old: &Value) -> Value {
        match self {
            Self::Merge(patch) => {
                let mut new = old.clone();
                keep_defaults(kind, &mut new, old);
                merge(&mut new, patch);
                new
            }
            Self::Apply(new) => {
                let mut new = new.clone();
                keep_defaults(kind, &mut new, old);
                new
            }
        }
    }
}

/// Writes out the defaults of the old manifest that a change of other fields must not alter: the one completion of a
/// Job that was given neither completions nor parallelism.
fn keep_defaults(kind: Kind, new: &mut Value, old: &Value) {
    let is_given = |manifest: &Value, field: &str| !manifest["spec"][field].is_null();
    let was_default = !is_given(old, "completions") && !is_given(old, "parallelism");
    if kind == Kind::Job && was_default && !is_given(new, "completions") && new["spec"].is_object() {
        new["spec"]["completions"] = json!(1);
    }
}

/// Applies a JSON merge patch: maps are merged, `null` removes, everything else replaces.
///
/// Source: RFC 7386, section 2.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let fields = target.as_object_mut().expect("the target has just been made a map");
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_keeps_the_one_completion_that_it_was_given_by_default() {
        #[track_caller]
        fn check(old: Value, revision: Revision<'_>, expected: Value) {
            assert_eq!(revision.revise(Kind::Job, &json!({"spec": old}))["spec"], expected);
        }
        let more = json!({"spec": {"parallelism": 5}});
        check(json!({}), Revision::Merge(&more), json!({"completions": 1, "parallelism": 5}));
        check(json!({}), Revision::Apply(&more), json!({"completions": 1, "parallelism": 5}));
        check(json!({"parallelism": 2}), Revision::Merge(&more), json!({"parallelism": 5}));
        check(json!({"completions": 3}), Revision::Apply(&more), json!({"parallelism": 5}));
        let node = Revision::Merge(&more).revise(Kind::Node, &json!({"spec": {}}));
        assert_eq!(node["spec"], json!({"parallelism": 5}));
    }

    #[test]
    fn a_merge_patch_follows_the_examples_of_its_rfc() {
        #[track_caller]
        fn check(target: Value, patch: Value, expected: Value) {
            let mut result = target;
            merge(&mut result, &patch);
            assert_eq!(result, expected);
        }
        check(json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"}));
        check(json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"}));
        check(json!({"a": "b"}), json!({"a": null}), json!({}));
        check(json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"}));
        check(json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"}));
        check(json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]}));
        check(json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}}));
        check(json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]}));
        check(json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"]));
        check(json!({"a": "b"}), json!(["c"]), json!(["c"]));
        check(json!({"a": "foo"}), json!(null), json!(null));
        check(json!({"a": "foo"}), json!("bar"), json!("bar"));
        check(json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1}));
        check(json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"}));
        check(json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}}));
    }
}
