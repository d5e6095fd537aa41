//! What the scheduler reads besides nodes and pods: namespaces, disruption budgets, and the selectors of services
//! and controllers.

use std::collections::BTreeMap;

use crate::model::meta::{LabelOperator, LabelRequirement, LabelSelector, Labels, Name};
use crate::model::pod::Pod;

/// What the scheduler reads besides nodes and pods.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listers {
    /// The labels of namespaces, besides the one that each has of its name.
    pub namespaces: BTreeMap<Name, Labels>,
    /// The PodDisruptionBudgets.
    pub budgets: Vec<DisruptionBudget>,
    /// The Services that select pods.
    pub services: Vec<ServiceSelector>,
    /// By namespace and name of a pod: the selector of the ReplicaSet, StatefulSet or ReplicationController that
    /// owns it.
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
    /// The labels that a pod must have.
    pub selector: Labels,
}

/// The label of a namespace that holds its name.
const LABEL_NAMESPACE: &str = "kubernetes.io/metadata.name";

impl Listers {
    /// The labels of a namespace.
    pub fn namespace_labels(&self, namespace: &Name) -> Labels {
        let own = self.namespaces.get(namespace).cloned().unwrap_or_default();
        own.with(LABEL_NAMESPACE, namespace)
    }

    /// What selects the pods that belong together with this one; `None` where nothing does.
    /// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/helper/spread.go, DefaultSelector.
    pub fn spread_selector(&self, pod: &Pod) -> Option<LabelSelector> {
        let selects = |service: &&ServiceSelector| {
            service.namespace == pod.meta.namespace
                && !service.selector.is_empty()
                && service.selector.iter().all(|(key, value)| pod.meta.labels.get(key) == Some(value))
        };
        let pairs = self.services.iter().filter(selects).flat_map(|service| service.selector.iter());
        let merged: BTreeMap<_, _> = pairs.collect();
        let equal = |(key, value): (&Name, &Name)| LabelRequirement {
            key: key.clone(),
            operator: LabelOperator::In(vec![value.clone()]),
        };
        let mut requirements: Vec<_> = merged.into_iter().map(equal).collect();
        let owner = self.owner_selectors.get(&(pod.meta.namespace.clone(), pod.meta.name.clone()));
        requirements.extend(owner.into_iter().flat_map(|selector| selector.requirements.iter().cloned()));
        (!requirements.is_empty()).then_some(LabelSelector { requirements })
    }
}
