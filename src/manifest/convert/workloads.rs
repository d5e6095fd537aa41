//! Deployments and ReplicaSets: prepared, finished and converted to the model.

use std::sync::Arc;

use crate::manifest::convert::amount::count_or_percent;
use crate::manifest::convert::job::count;
use crate::manifest::convert::pod::{pod_template, seconds, selector};
use crate::manifest::convert::{Prepared, ReadContext, fill_namespace, new_object};
use crate::manifest::defaults;
use crate::manifest::field_error::{FieldError, FieldErrors, Path};
use crate::manifest::tree::Tree;
use crate::manifest::validation::{self, gates};
use crate::manifest::warnings::{self, FieldWarnings};
use crate::manifest::wire;
use crate::manifest::wire::deployment::{Deployment, DeploymentSpec as WireSpec};
use crate::manifest::wire::pod::PodTemplateSpec;
use crate::manifest::wire::replica_set::ReplicaSet;
use crate::model::deployment::{DeploymentSpec, DeploymentStrategy};
use crate::model::meta::LabelSelector;
use crate::model::pod::PodTemplate;
use crate::model::replica_set::ReplicaSetSpec;
use crate::model::scenario::{NewObject, NewSpec};

impl ReadContext<'_> {
    /// Accepts a ReplicaSet that is to be created.
    pub(super) fn accept_replica_set(
        &self,
        tree: &Tree,
        warnings: &mut FieldWarnings,
    ) -> Result<NewObject, Vec<FieldError>> {
        let Prepared { object: set, mut errors } = self.prepare_replica_set(tree)?;
        warnings::template(&set.metadata, &set.spec.template, warnings);
        validation::replica_set::replica_set(&set, &mut errors);
        self.finish_replica_set(set, errors)
    }

    /// Accepts a change of a ReplicaSet.
    pub(super) fn update_replica_set(&self, new: &Tree, old: &Tree) -> Result<NewObject, Vec<FieldError>> {
        let old = self.prepare_replica_set(old)?.object;
        let Prepared { object: set, mut errors } = self.prepare_replica_set(new)?;
        validation::replica_set::replica_set_update(&set, &old, &mut errors);
        self.finish_replica_set(set, errors)
    }

    /// Accepts a Deployment that is to be created.
    pub(super) fn accept_deployment(
        &self,
        tree: &Tree,
        warnings: &mut FieldWarnings,
    ) -> Result<NewObject, Vec<FieldError>> {
        let Prepared { object: deployment, mut errors } = self.prepare_deployment(tree)?;
        warnings::template(&deployment.metadata, &deployment.spec.template, warnings);
        validation::deployment::deployment(&deployment, &mut errors);
        self.finish_deployment(deployment, errors)
    }

    /// Accepts a change of a Deployment.
    pub(super) fn update_deployment(&self, new: &Tree, old: &Tree) -> Result<NewObject, Vec<FieldError>> {
        let old = self.prepare_deployment(old)?.object;
        let Prepared { object: deployment, mut errors } = self.prepare_deployment(new)?;
        validation::deployment::deployment_update(&deployment, &old, &mut errors);
        self.finish_deployment(deployment, errors)
    }

    fn prepare_replica_set(&self, tree: &Tree) -> Result<Prepared<ReplicaSet>, Vec<FieldError>> {
        let mut set: ReplicaSet = wire::decode(tree).map_err(|error| vec![error])?;
        let errors = self.template_gates(&set.spec.template);
        fill_namespace(&mut set.metadata);
        defaults::workloads::replica_set(&mut set);
        Ok(Prepared { object: set, errors })
    }

    fn finish_replica_set(
        &self,
        set: ReplicaSet,
        mut errors: FieldErrors,
    ) -> Result<NewObject, Vec<FieldError>> {
        let template = self.finish_template(set.spec.template, &mut errors).ok_or(errors.0)?;
        let spec = ReplicaSetSpec {
            replicas: count(set.spec.replicas.expect("defaulting sets the replicas")),
            min_ready: seconds(set.spec.min_ready_seconds.into()),
            selector: pod_selector(set.spec.selector.as_ref()),
            template,
        };
        Ok(new_object(&set.metadata, NewSpec::ReplicaSet(Arc::new(spec))))
    }

    fn prepare_deployment(&self, tree: &Tree) -> Result<Prepared<Deployment>, Vec<FieldError>> {
        let mut deployment: Deployment = wire::decode(tree).map_err(|error| vec![error])?;
        let errors = self.template_gates(&deployment.spec.template);
        fill_namespace(&mut deployment.metadata);
        defaults::workloads::deployment(&mut deployment);
        Ok(Prepared { object: deployment, errors })
    }

    fn finish_deployment(
        &self,
        deployment: Deployment,
        mut errors: FieldErrors,
    ) -> Result<NewObject, Vec<FieldError>> {
        let mut written = deployment.spec;
        let template = std::mem::take(&mut written.template);
        let template = self.finish_template(template, &mut errors).ok_or(errors.0)?;
        let spec = deployment_spec(&written, template);
        Ok(new_object(&deployment.metadata, NewSpec::Deployment(Arc::new(spec))))
    }

    /// What of a template the version does not have.
    pub(super) fn template_gates(&self, template: &PodTemplateSpec) -> FieldErrors {
        let mut errors = FieldErrors::default();
        let spec = Path::OBJECT.child("spec");
        let path = spec.child("template");
        gates::pod_spec(&template.spec, self.profile, &path.child("spec"), &mut errors);
        errors
    }

    /// Converts the template of a workload, unless something is wrong with it: it becomes what the pods made of it
    /// will be.
    pub(super) fn finish_template(
        &self,
        mut template: PodTemplateSpec,
        errors: &mut FieldErrors,
    ) -> Option<PodTemplate> {
        let spec = Path::OBJECT.child("spec");
        let path = spec.child("template");
        let fingerprint = super::pod::fingerprint(&template);
        defaults::created_pod_spec(&mut template.spec);
        self.admit(&mut template.spec, &path.child("spec"), errors);
        errors.is_empty().then(|| PodTemplate { fingerprint, ..pod_template(&template) })
    }
}

fn deployment_spec(spec: &WireSpec, template: PodTemplate) -> DeploymentSpec {
    // The largest value stands for no limit: Kubernetes 1.28, deployment_util.go, HasProgressDeadline.
    let limited = |number: Option<i32>| number.filter(|number| *number != i32::MAX);
    DeploymentSpec {
        replicas: count(spec.replicas.expect("defaulting sets the replicas")),
        selector: pod_selector(spec.selector.as_ref()),
        template,
        strategy: strategy(&spec.strategy),
        min_ready: seconds(spec.min_ready_seconds.into()),
        revision_history_limit: limited(spec.revision_history_limit).map(count),
        progress_deadline: limited(spec.progress_deadline_seconds).map(|secs| seconds(secs.into())),
        paused: spec.paused,
    }
}

fn strategy(strategy: &wire::deployment::DeploymentStrategy) -> DeploymentStrategy {
    match &strategy.rolling_update {
        None => DeploymentStrategy::Recreate,
        Some(rolling) => {
            let amount = |value: &Option<_>| count_or_percent(value.as_ref().expect("defaulting sets it"));
            DeploymentStrategy::RollingUpdate {
                max_surge: amount(&rolling.max_surge),
                max_unavailable: amount(&rolling.max_unavailable),
            }
        }
    }
}

/// Converts the selector of a workload.
pub(super) fn pod_selector(written: Option<&wire::meta::LabelSelector>) -> LabelSelector {
    selector(written.expect("validation wants a selector"))
}
