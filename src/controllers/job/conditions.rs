//! The conditions of a Job as a list that keeps its order.

use crate::engine::SimTime;
use crate::model::job::{JobCondition, JobConditionType};
use crate::model::node::ConditionStatus;

/// A condition as it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionText<'a> {
    /// The type.
    pub kind: JobConditionType,
    /// True or False.
    pub status: ConditionStatus,
    /// One word on why.
    pub reason: &'a str,
    /// Why in words.
    pub message: &'a str,
}

/// Sets a condition in a list; a condition that is not there is never added as False. Returns whether the list
/// changed.
/// Source: Kubernetes 1.28, pkg/controller/job/job_controller.go, ensureJobConditionStatus.
pub fn set_condition(conditions: &mut Vec<JobCondition>, text: &ConditionText<'_>, now: SimTime) -> bool {
    let new = || JobCondition {
        kind: text.kind,
        status: text.status,
        since: now.truncated_to_secs(),
        reason: text.reason.into(),
        message: text.message.into(),
    };
    match conditions.iter_mut().find(|condition| condition.kind == text.kind) {
        Some(old) => {
            let is_same =
                old.status == text.status && *old.reason == *text.reason && *old.message == *text.message;
            if !is_same {
                *old = new();
            }
            !is_same
        }
        None if text.status == ConditionStatus::False => false,
        None => {
            conditions.push(new());
            true
        }
    }
}
