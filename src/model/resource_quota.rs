//! Resource quotas: spec of `v1 ResourceQuota`, as far as it is about pods.

use std::fmt;

use crate::model::meta::Name;
use crate::model::object::Object;
use crate::model::pod::{Container, ContainerResources, PodSpec};
use crate::model::resources::{Resources, effective};

/// A resource quota. What is used follows from the pods, so that it has no status of its own.
pub type ResourceQuota = Object<ResourceQuotaSpec, ResourceQuotaStatus>;

/// What a quota limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceQuotaSpec {
    /// The limits, by the names that they are written under and in order of these.
    pub hard: Vec<HardLimit>,
}

/// A quota has no status: what is used follows from the pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResourceQuotaStatus;

/// One limit of a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardLimit {
    /// The name as written: `cpu` and `requests.cpu` are the same.
    pub name: Name,
    /// What is limited.
    pub what: Quotable,
    /// How much there may be at once [pods, millicores or bytes].
    pub amount: i64,
}

/// What quotas limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotable {
    /// Pods that have not ended.
    Pods,
    /// Pods, whether they have ended or not.
    PodObjects,
    /// Requested cpu [millicores].
    RequestsCpu,
    /// Requested memory [bytes].
    RequestsMemory,
    /// The limits of cpu [millicores].
    LimitsCpu,
    /// The limits of memory [bytes].
    LimitsMemory,
}

impl Quotable {
    /// What is limited under a name of `spec.hard`; `None` where that is nothing about pods.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "pods" => Self::Pods,
            "count/pods" => Self::PodObjects,
            "cpu" | "requests.cpu" => Self::RequestsCpu,
            "memory" | "requests.memory" => Self::RequestsMemory,
            "limits.cpu" => Self::LimitsCpu,
            "limits.memory" => Self::LimitsMemory,
            _ => return None,
        })
    }

    /// How much of it a pod takes that has not ended.
    /// Source: Kubernetes 1.28, pkg/quota/v1/evaluator/core/pods.go, PodUsageFunc.
    pub fn taken_by(self, spec: &PodSpec) -> i64 {
        match self {
            Self::Pods | Self::PodObjects => 1,
            Self::RequestsCpu => spec.derived.requests.cpu.0,
            Self::RequestsMemory => spec.derived.requests.memory.0,
            Self::LimitsCpu => limits(spec).cpu.0,
            Self::LimitsMemory => limits(spec).memory.0,
        }
    }

    /// Whether a container says how much of it it takes, where a quota wants to know.
    pub const fn is_said_by(self, container: &Container) -> bool {
        let (ContainerResources { has_cpu, has_memory, .. }, is_cpu) = match self {
            Self::Pods | Self::PodObjects => return true,
            Self::RequestsCpu => (&container.requests, true),
            Self::RequestsMemory => (&container.requests, false),
            Self::LimitsCpu => (&container.limits, true),
            Self::LimitsMemory => (&container.limits, false),
        };
        if is_cpu { *has_cpu } else { *has_memory }
    }

    /// An amount of it as the API server writes it.
    pub fn text(self, amount: i64) -> String {
        match self {
            Self::Pods | Self::PodObjects => amount.to_string(),
            Self::RequestsCpu | Self::LimitsCpu if amount % 1000 == 0 => (amount / 1000).to_string(),
            Self::RequestsCpu | Self::LimitsCpu => format!("{amount}m"),
            Self::RequestsMemory | Self::LimitsMemory => {
                let units = [(1_i64 << 40, "Ti"), (1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")];
                let unit = units.into_iter().find(|(size, _)| amount != 0 && amount % size == 0);
                unit.map_or_else(|| amount.to_string(), |(size, suffix)| format!("{}{suffix}", amount / size))
            }
        }
    }
}

fn limits(spec: &PodSpec) -> Resources {
    let init = spec.init_containers.iter().map(|container| (&container.limits.amounts, container.init_kind));
    effective(init, spec.containers.iter().map(|it| &it.limits.amounts), &Resources::default())
}

impl fmt::Display for HardLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.what.text(self.amount))
    }
}
