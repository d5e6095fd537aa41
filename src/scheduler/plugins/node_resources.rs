//! What the two plugins that score by amounts have in common: the resources that count, as columns.

use crate::model::meta::Name;
use crate::scheduler::framework::CycleContext;
use crate::scheduler::snapshot::{Row, Snapshot};

/// Which requests of a pod count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// What it requests.
    Requested,
    /// The same, with 100m and 200 MiB for each container that requests no cpu or no memory.
    NonZero,
}

/// A resource that counts for a score.
#[derive(Debug)]
pub struct ScoredResource {
    column: AmountColumn,
    counted: Counted,
    /// What the pod requests.
    pub request: i64,
    /// The weight of the resource.
    pub weight: i64,
}

#[derive(Debug, Clone, Copy)]
enum AmountColumn {
    Cpu,
    Memory,
    EphemeralStorage,
    Extended(usize),
}

/// A resource of all nodes.
#[derive(Debug, Clone, Copy)]
pub struct ResourceColumn<'a> {
    allocatable: &'a [i64],
    requested: &'a [i64],
    request: i64,
    /// The weight of the resource.
    pub weight: i64,
}

impl ScoredResource {
    /// Compiles a resource; `None` for an extended resource that the pod does not request.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/noderesources/resource_allocation.go,
    /// calculateResourceAllocatableRequest.
    pub fn compile(
        name: &Name,
        weight: i64,
        counted: Counted,
        cx: &CycleContext<'_>,
        snapshot: &mut Snapshot,
    ) -> Option<Self> {
        let derived = &cx.pod.spec.derived;
        let (column, request) = match (&**name, counted) {
            ("cpu", Counted::Requested) => (AmountColumn::Cpu, derived.requests.cpu.0),
            ("cpu", Counted::NonZero) => (AmountColumn::Cpu, derived.nonzero_cpu.0),
            ("memory", Counted::Requested) => (AmountColumn::Memory, derived.requests.memory.0),
            ("memory", Counted::NonZero) => (AmountColumn::Memory, derived.nonzero_memory.0),
            ("ephemeral-storage", _) => {
                (AmountColumn::EphemeralStorage, derived.requests.ephemeral_storage.0)
            }
            _ => {
                let request = derived.requests.extended(name);
                if request == 0 {
                    return None;
                }
                (AmountColumn::Extended(snapshot.extended_column(cx.cluster, name)), request)
            }
        };
        Some(Self { column, counted, request, weight })
    }

    /// The resource of all nodes.
    pub fn column<'a>(&self, snapshot: &'a Snapshot) -> ResourceColumn<'a> {
        let pods = match self.counted {
            Counted::Requested => &snapshot.requested,
            Counted::NonZero => &snapshot.nonzero,
        };
        let (allocatable, requested) = match self.column {
            AmountColumn::Cpu => (&snapshot.allocatable.cpu, &pods.cpu),
            AmountColumn::Memory => (&snapshot.allocatable.memory, &pods.memory),
            AmountColumn::EphemeralStorage => {
                (&snapshot.allocatable.ephemeral_storage, &snapshot.requested.ephemeral_storage)
            }
            AmountColumn::Extended(at) => {
                (&snapshot.extended[at].allocatable, &snapshot.extended[at].requested)
            }
        };
        ResourceColumn { allocatable, requested, request: self.request, weight: self.weight }
    }
}

impl ResourceColumn<'_> {
    /// The same without the pod.
    pub const fn without_pod(self) -> Self {
        Self { request: 0, ..self }
    }

    /// What pods may request of the node, and what they would with the pod; `None` where the node offers nothing.
    #[inline]
    pub fn at(&self, row: Row) -> Option<(i64, i64)> {
        let allocatable = self.allocatable[row.index()];
        (allocatable != 0).then(|| (allocatable, self.requested[row.index()] + self.request))
    }
}
