//! What the scheduler reads besides nodes and pods: namespaces, disruption budgets, and the selectors of services
//! and controllers.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::model::ids::ObjectId;
use crate::model::meta::{LabelSelector, Labels, Name};
use crate::model::pod::Pod;
use crate::model::pod_disruption_budget::PodDisruptionBudget;
use crate::model::service::Service;

/// What the scheduler reads besides nodes and pods.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listers {
    /// The labels of namespaces, besides the one that each has of its name.
    pub namespaces: BTreeMap<Name, Labels>,
    /// The PodDisruptionBudgets.
    pub budgets: Vec<DisruptionBudget>,
    /// The Services that select pods.
    pub services: Vec<ServiceSelector>,
    /// By namespace and name of a pod: the selector of an owner that is no object of the cluster.
    pub owner_selectors: BTreeMap<(Name, Name), LabelSelector>,
}

/// What preemption reads of a PodDisruptionBudget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// The namespace.
    pub namespace: Name,
    /// The pods it is for; none where it is empty.
    pub selector: LabelSelector,
    /// How many more of them may be disrupted; negative where too many are already.
    pub disruptions_allowed: i32,
    /// Pods whose disruption is taken into account already, by name.
    pub disrupted_pods: Vec<Name>,
}

/// The pods behind a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSelector {
    /// The namespace.
    pub namespace: Name,
    /// The labels that a pod must have; none selects no pod.
    pub selector: LabelSelector,
}

impl DisruptionBudget {
    fn of(budget: &PodDisruptionBudget) -> Self {
        Self {
            namespace: budget.meta.namespace.clone(),
            selector: budget.spec.selector.clone().unwrap_or_default(),
            disruptions_allowed: i32::try_from(budget.status.disruptions_allowed).unwrap_or(i32::MAX),
            disrupted_pods: budget.status.disrupted_pods.keys().cloned().collect(),
        }
    }
}

/// The label of a namespace that holds its name.
const LABEL_NAMESPACE: &str = "kubernetes.io/metadata.name";

impl Listers {
    /// Reads budgets and Services anew, in the order of their creation.
    pub fn refresh(&mut self, cluster: &Cluster) {
        let mut budgets: Vec<_> = cluster.pod_disruption_budgets().values().collect();
        budgets.sort_unstable_by_key(|budget| budget.meta.uid.serial);
        self.budgets = budgets.into_iter().map(DisruptionBudget::of).collect();
        let mut services: Vec<_> = cluster.services().values().collect();
        services.sort_unstable_by_key(|service| service.meta.uid.serial);
        let selector = |service: &&Service| service.spec.selector.clone();
        self.services = services
            .into_iter()
            .filter_map(|service| {
                Some(ServiceSelector {
                    namespace: service.meta.namespace.clone(),
                    selector: selector(&service)?,
                })
            })
            .collect();
    }

    /// The labels of a namespace.
    pub fn namespace_labels(&self, namespace: &Name) -> Labels {
        let own = self.namespaces.get(namespace).cloned().unwrap_or_default();
        own.with(LABEL_NAMESPACE, namespace)
    }

    /// What selects the pods that belong together with this one; `None` where nothing does.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/helper/spread.go, DefaultSelector.
    pub fn spread_selector(&self, pod: &Pod, cluster: &Cluster) -> Option<LabelSelector> {
        let selects = |service: &&ServiceSelector| {
            service.namespace == pod.meta.namespace
                && !service.selector.requirements.is_empty()
                && service.selector.matches(&pod.meta.labels)
        };
        // Of two Services that want one label, both want the value that the pod has.
        let mut requirements = Vec::new();
        for requirement in self.services.iter().filter(selects).flat_map(|s| &s.selector.requirements) {
            if !requirements.contains(requirement) {
                requirements.push(requirement.clone());
            }
        }
        let owner = match pod.meta.owner.as_ref().map(|owner| owner.object) {
            Some(ObjectId::ReplicaSet(id)) => cluster.replica_set(id).map(|owner| &owner.spec.selector),
            Some(ObjectId::StatefulSet(id)) => cluster.stateful_set(id).map(|owner| &owner.spec.selector),
            _ => self.owner_selectors.get(&(pod.meta.namespace.clone(), pod.meta.name.clone())),
        };
        requirements.extend(owner.into_iter().flat_map(|selector| selector.requirements.iter().cloned()));
        (!requirements.is_empty()).then_some(LabelSelector { requirements })
    }
}
