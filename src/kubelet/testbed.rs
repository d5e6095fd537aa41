//! A cluster with nothing but kubelets, and pods that name their node, for the tests of this component.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::component::{Component, Context, Observer, Turn, Watch};
use crate::engine::{Calendar, SimDuration, SimTime, Streams};
use crate::event::{Change, Command, Creation, Event};
use crate::kubelet::{Kubelet, RunLog};
use crate::model::ids::{Kind, NodeId, ObjectId, PodId};
use crate::model::meta::{Labels, Name};
use crate::model::node::NodeSpec;
use crate::model::pod::{
    Container, ContainerResources, Derived, PodSpec, PreemptionPolicy, Pod, PullPolicy, RestartPolicy,
};
use crate::model::pod_status::{ContainerRef, ContainerState};
use crate::model::profile::Profile;
use crate::model::program::Program;
use crate::model::resources::{Bytes, InitKind, Millicores, Resources};
use crate::model::scenario::{NewObject, NewSpec, Timing};
use crate::model::scheduling::Placement;
use crate::model::wall_clock::WallClock;

/// A container with a name and an image, and nothing else.
pub(super) fn container(name: &str, image: &str) -> Container {
    Container {
        name: name.into(),
        image: image.into(),
        pull_policy: PullPolicy::IfNotPresent,
        ports: Vec::new(),
        requests: ContainerResources::default(),
        limits: ContainerResources::default(),
        init_kind: InitKind::Ordinary,
        mounts: Vec::new(),
    }
}

/// A pod of these containers for `node-0`, otherwise as the API server would make it.
pub(super) fn pod_spec(containers: Vec<Container>) -> PodSpec {
    PodSpec {
        init_containers: Vec::new(),
        containers,
        restart_policy: RestartPolicy::Always,
        termination_grace: SimDuration::from_secs(30),
        active_deadline: None,
        node_name: Some("node-0".into()),
        scheduler_name: "default-scheduler".into(),
        priority: 0,
        priority_class: None,
        preemption_policy: PreemptionPolicy::PreemptLowerPriority,
        placement: Placement::default(),
        scheduling_gates: Vec::new(),
        host_network: false,
        overhead: Resources::default(),
        volumes: Vec::new(),
        derived: Derived::default(),
    }
}
