//! The kubelets: what happens to pods on their nodes.
