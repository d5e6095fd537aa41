//! DaemonSets to the model.

use std::sync::Arc;

use crate::manifest::admission::add_daemon_tolerations;
use crate::manifest::convert::amount::count_or_percent;
use crate::manifest::convert::job::count;
use crate::manifest::convert::pod::{seconds, selector};
use crate::manifest::convert::{Prepared, ReadContext, fill_namespace, new_object};
use crate::manifest::defaults;
use crate::manifest::field_error::{FieldError, FieldErrors};
use crate::manifest::tree::Tree;
use crate::manifest::validation::daemon_set::{daemon_set, daemon_set_update};
use crate::manifest::warnings::{self, FieldWarnings};
use crate::manifest::wire;
use crate::manifest::wire::daemon_set::{DaemonSet, DaemonSetSpec as Written};
use crate::model::daemon_set::{DaemonSetSpec, DaemonSetUpdate};
use crate::model::pod::PodTemplate;
use crate::model::scenario::{NewObject, NewSpec};

impl ReadContext<'_> {
    /// Accepts a DaemonSet that is to be created.
    pub(super) fn accept_daemon_set(
        &self,
        tree: &Tree,
        warnings: &mut FieldWarnings,
    ) -> Result<NewObject, Vec<FieldError>> {
        let Prepared { object: set, mut errors } = self.prepare_daemon_set(tree)?;
        warnings::template(&set.metadata, &set.spec.template, warnings);
        daemon_set(&set, &mut errors);
        self.finish_daemon_set(set, errors)
    }

    /// Accepts a DaemonSet that takes the place of `old`.
    pub(super) fn update_daemon_set(&self, tree: &Tree, old: &Tree) -> Result<NewObject, Vec<FieldError>> {
        let old = self.prepare_daemon_set(old)?.object;
        let Prepared { object: set, mut errors } = self.prepare_daemon_set(tree)?;
        daemon_set_update(&set, &old, &mut errors);
        self.finish_daemon_set(set, errors)
    }

    fn prepare_daemon_set(&self, tree: &Tree) -> Result<Prepared<DaemonSet>, Vec<FieldError>> {
        let mut set: DaemonSet = wire::decode(tree).map_err(|error| vec![error])?;
        let errors = self.template_gates(&set.spec.template);
        fill_namespace(&mut set.metadata);
        defaults::sets::daemon_set(&mut set);
        Ok(Prepared { object: set, errors })
    }

    /// The template becomes what the pods made of it will be: with the tolerations that the controller adds.
    fn finish_daemon_set(
        &self,
        set: DaemonSet,
        mut errors: FieldErrors,
    ) -> Result<NewObject, Vec<FieldError>> {
        let mut written = set.spec;
        let mut template = std::mem::take(&mut written.template);
        add_daemon_tolerations(&mut template.spec);
        let template = self.finish_template(template, &mut errors).ok_or(errors.0)?;
        Ok(new_object(&set.metadata, NewSpec::DaemonSet(Arc::new(converted(&written, template)))))
    }
}

fn converted(spec: &Written, template: PodTemplate) -> DaemonSetSpec {
    let amount = |value: &Option<_>| count_or_percent(value.as_ref().expect("defaulting sets it"));
    DaemonSetSpec {
        selector: selector(spec.selector.as_ref().expect("validation wants a selector")),
        template,
        update_strategy: match &spec.update_strategy.rolling_update {
            Some(rolling) if &*spec.update_strategy.kind == "RollingUpdate" => {
                DaemonSetUpdate::RollingUpdate {
                    max_surge: amount(&rolling.max_surge),
                    max_unavailable: amount(&rolling.max_unavailable),
                }
            }
            Some(_) | None => DaemonSetUpdate::OnDelete,
        },
        min_ready: seconds(spec.min_ready_seconds.into()),
        revision_history_limit: spec.revision_history_limit.map(count),
    }
}
