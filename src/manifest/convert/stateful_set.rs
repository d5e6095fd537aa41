//! StatefulSets to the model.

use std::sync::Arc;

use serde_json::json;

use crate::manifest::convert::job::count;
use crate::manifest::convert::pod::{seconds, selector};
use crate::manifest::convert::{Prepared, ReadContext, fill_namespace, new_object};
use crate::manifest::defaults;
use crate::manifest::field_error::{FieldError, FieldErrors};
use crate::manifest::tree::Tree;
use crate::manifest::validation::stateful_set::{stateful_set, stateful_set_update};
use crate::manifest::warnings::{self, FieldWarnings};
use crate::manifest::wire;
use crate::manifest::wire::pod::Volume;
use crate::manifest::wire::stateful_set::{StatefulSet, StatefulSetSpec as Written};
use crate::model::pod::PodTemplate;
use crate::model::scenario::{NewObject, NewSpec};
use crate::model::stateful_set::{PodManagementPolicy, StatefulSetSpec, StatefulSetUpdate};

impl ReadContext<'_> {
    /// Accepts a StatefulSet that is to be created.
    pub(super) fn accept_stateful_set(
        &self,
        tree: &Tree,
        warnings: &mut FieldWarnings,
    ) -> Result<NewObject, Vec<FieldError>> {
        let Prepared { object: set, mut errors } = self.prepare_stateful_set(tree)?;
        warnings::template(&set.metadata, &set.spec.template, warnings);
        stateful_set(&set, &mut errors);
        self.finish_stateful_set(set, errors)
    }

    /// Accepts a StatefulSet that takes the place of `old`.
    pub(super) fn update_stateful_set(&self, tree: &Tree, old: &Tree) -> Result<NewObject, Vec<FieldError>> {
        let old = self.prepare_stateful_set(old)?.object;
        let Prepared { object: set, mut errors } = self.prepare_stateful_set(tree)?;
        stateful_set_update(&set, &old, &mut errors);
        self.finish_stateful_set(set, errors)
    }

    fn prepare_stateful_set(&self, tree: &Tree) -> Result<Prepared<StatefulSet>, Vec<FieldError>> {
        let mut set: StatefulSet = wire::decode(tree).map_err(|error| vec![error])?;
        let errors = self.template_gates(&set.spec.template);
        fill_namespace(&mut set.metadata);
        add_claims(&mut set.spec);
        defaults::sets::stateful_set(&mut set);
        Ok(Prepared { object: set, errors })
    }

    fn finish_stateful_set(
        &self,
        set: StatefulSet,
        mut errors: FieldErrors,
    ) -> Result<NewObject, Vec<FieldError>> {
        let mut written = set.spec;
        let template = std::mem::take(&mut written.template);
        let template = self.finish_template(template, &mut errors).ok_or(errors.0)?;
        Ok(new_object(&set.metadata, NewSpec::StatefulSet(Arc::new(converted(&written, template)))))
    }
}

/// Gives the template a volume for each claim, in place of one of the same name, as the controller does with the pods.
///
/// Source: Kubernetes 1.28, pkg/controller/statefulset/stateful_set_utils.go, updateStorage.
fn add_claims(spec: &mut Written) {
    for claim in &spec.volume_claim_templates {
        let name = claim.metadata.name.clone();
        let source = json!({"claimName": &*name});
        let volumes = &mut spec.template.spec.volumes;
        volumes.retain(|volume| volume.name != name);
        volumes.push(Volume { name, sources: [("persistentVolumeClaim".to_owned(), source)].into() });
    }
}

fn converted(spec: &Written, template: PodTemplate) -> StatefulSetSpec {
    StatefulSetSpec {
        replicas: count(spec.replicas.expect("defaulting sets the replicas")),
        start_ordinal: spec.ordinals.as_ref().map_or(0, |ordinals| count(ordinals.start)),
        selector: selector(spec.selector.as_ref().expect("validation wants a selector")),
        template,
        service_name: spec.service_name.clone(),
        pod_management: match &*spec.pod_management_policy {
            "OrderedReady" => PodManagementPolicy::OrderedReady,
            "Parallel" => PodManagementPolicy::Parallel,
            other => unreachable!("validation refuses the pod management policy {other:?}"),
        },
        update_strategy: match &*spec.update_strategy.kind {
            "OnDelete" => StatefulSetUpdate::OnDelete,
            _ => StatefulSetUpdate::RollingUpdate {
                partition: spec
                    .update_strategy
                    .rolling_update
                    .as_ref()
                    .and_then(|it| it.partition)
                    .map(count),
            },
        },
        min_ready: seconds(spec.min_ready_seconds.into()),
        revision_history_limit: spec.revision_history_limit.map(count),
    }
}
