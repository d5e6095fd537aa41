//! `successPolicy`: when a part of the indexes is enough.
//!
//! Source: Kubernetes 1.31, pkg/controller/job/success_policy.go.

use crate::model::job::{IndexSet, SuccessRule};

/// The position of the first rule that is met; there is none before the first success.
/// Source: success_policy.go, matchSuccessPolicy.
pub fn first_met(rules: &[SuccessRule], n_indexes: u32, succeeded: &IndexSet) -> Option<usize> {
    if succeeded.is_empty() {
        return None;
    }
    rules.iter().position(|rule| is_met(rule, n_indexes, succeeded))
}

fn is_met(rule: &SuccessRule, n_indexes: u32, succeeded: &IndexSet) -> bool {
    match (&rule.indexes, rule.count) {
        (Some(indexes), count) => {
            let listed = indexes.below(n_indexes);
            let n_succeeded = listed.count_common(succeeded);
            !listed.is_empty() && n_succeeded >= count.unwrap_or_else(|| listed.len())
        }
        (None, Some(count)) => succeeded.len() >= count,
        (None, None) => false,
    }
}
