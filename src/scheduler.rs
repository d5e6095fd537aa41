//! The kube-scheduler with its default profile.
