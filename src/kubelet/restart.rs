//! Whether a container that does not run is to run again.

use crate::model::pod::RestartPolicy;

/// What is known of the last run of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// It never ran.
    None,
    /// It runs.
    Running,
    /// It ended with this exit code.
    Exited(i32),
    /// It was made and did not start, or nobody knows.
    Unknown,
}

/// Whether the container of a pod, being deleted or not, is to be started.
///
/// Source: Kubernetes 1.28, pkg/kubelet/container/helpers.go, ShouldContainerBeRestarted.
pub fn should_restart(history: History, policy: RestartPolicy, pod_is_deleted: bool) -> bool {
    match history {
        _ if pod_is_deleted => false,
        History::None | History::Unknown => true,
        History::Running => false,
        History::Exited(code) => match policy {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => code != 0,
            RestartPolicy::Never => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use History::{Exited, None, Running, Unknown};
    use RestartPolicy::{Always, Never, OnFailure};

    #[track_caller]
    fn check(history: History, expected: [(RestartPolicy, bool); 3]) {
        for (policy, restarts) in expected {
            assert_eq!(should_restart(history, policy, false), restarts, "{history:?} under {policy:?}");
            assert!(!should_restart(history, policy, true), "{history:?} in a pod being deleted");
        }
    }

    #[test]
    fn the_policy_decides_by_the_exit_code_and_only_once_the_container_has_exited() {
        check(None, [(Always, true), (OnFailure, true), (Never, true)]);
        check(Unknown, [(Always, true), (OnFailure, true), (Never, true)]);
        check(Running, [(Always, false), (OnFailure, false), (Never, false)]);
        check(Exited(0), [(Always, true), (OnFailure, false), (Never, false)]);
        check(Exited(1), [(Always, true), (OnFailure, true), (Never, false)]);
    }
}
