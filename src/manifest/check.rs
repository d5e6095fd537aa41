//! Holds a tree against its shape and reports everything that does not fit, at once.
//!
//! Reported are unknown keys (with a near name), values of the wrong kind or out of range, required fields that are
//! missing, fields that the Kubernetes version does not have, and fields that are not modelled. `null` is the same
//! as absent, as in the API.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::manifest::check::expected::{expectation, problem_of};
use crate::manifest::diagnostic::{Diagnostic, Diagnostics, Mark, Place, quoted};
use crate::manifest::near_name::nearest;
use crate::manifest::schema::{Field, ObjectType, Schema, Shape, Treatment};
use crate::manifest::tree::{Content, Entry, Tree};
use crate::model::profile::KubernetesVersion;

mod expected;
mod one_of;

/// How strictly to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The version whose fields there are.
    pub version: KubernetesVersion,
    /// What to do with fields and kinds that are not modelled.
    pub unmodelled: OnUnmodelled,
    /// Whether required fields must be there.
    pub extent: Extent,
}

/// What to do with fields and kinds that are not modelled and would change the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnmodelled {
    /// Report an error.
    #[default]
    Refuse,
    /// Count it and go on without, as `--allow-unmodelled` asks.
    GoWithout,
}

/// How much of an object a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// What a patch changes; required fields may be missing.
    Patch,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            version: KubernetesVersion::DEFAULT,
            unmodelled: OnUnmodelled::default(),
            extent: Extent::default(),
        }
    }
}

/// What is checked, for messages.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The file.
    pub file: &'a Arc<str>,
    /// The path of the tree's root in the document, such as `items[3]`; empty for the document itself.
    pub path: &'a str,
    /// The kind of the object.
    pub kind: &'a str,
}

/// A check under way.
pub struct Checker<'a> {
    schema: &'a Schema,
    subject: Subject<'a>,
    options: &'a Options,
    diagnostics: &'a mut Diagnostics,
    /// The path of what is being checked, from the document's root.
    path: String,
    /// The types of the maps around what is being checked, with the lengths of their paths, outermost first.
    around: Vec<(&'a ObjectType, usize)>,
    standing: Standing,
}

/// What the treatment of the fields around a value leaves to be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Everything.
    Modelled,
    /// Not whether fields are modelled: all of it is without effect, or already reported as not modelled.
    WithoutEffect,
    /// Names and kinds alone: it is read past.
    ReadPast,
}

impl<'a> Checker<'a> {
    /// Prepares a check.
    pub fn new(
        schema: &'a Schema,
        subject: Subject<'a>,
        options: &'a Options,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        let path = subject.path.to_owned();
        let around = Vec::new();
        Checker { schema, subject, options, diagnostics, path, around, standing: Standing::Modelled }
    }

    /// Checks a whole tree of a kind with this treatment.
    pub fn check_root(&mut self, tree: &Tree, shape: &'a Shape, treatment: Treatment) {
        if let Treatment::Unmodelled { .. } = treatment {
            let n_path = self.push_key("kind");
            self.report_unmodelled(tree.mark_at("kind"), &format!("{} is", self.subject.kind));
            self.path.truncate(n_path);
        }
        self.standing = self.standing_in(treatment);
        self.check(tree, shape, tree.mark);
    }

    /// Checks a tree; messages about a list or map point at `mark`.
    fn check(&mut self, tree: &Tree, shape: &'a Shape, mark: Mark) {
        match (self.schema.resolve(shape), &tree.content) {
            (Shape::Any, _) => {}
            (Shape::OneOf(shapes), _) => self.check_one_of(tree, shapes, mark),
            (Shape::List(item), Content::List(items)) => self.check_list(items, item),
            (Shape::Map(value), Content::Map(entries)) => self.check_map(entries, value),
            (Shape::Object(object), Content::Map(entries)) => self.check_object(entries, object, &[], mark),
            (shape, Content::Scalar(scalar)) => {
                if let Some(problem) = problem_of(shape, scalar) {
                    self.report(tree.mark, problem);
                }
            }
            (shape, _) => self.report_kind(tree, &expectation(shape), mark),
        }
    }

    fn check_list(&mut self, items: &[Tree], shape: &'a Shape) {
        for (idx, item) in items.iter().enumerate() {
            let n_path = self.path.len();
            self.push_step(format_args!("[{idx}]"));
            if item.is_null() && !matches!(shape, Shape::Any) {
                self.report_kind(item, &expectation(self.schema.resolve(shape)), item.mark);
            } else {
                self.check(item, shape, item.mark);
            }
            self.path.truncate(n_path);
        }
    }

    fn check_map(&mut self, entries: &[Entry], shape: &'a Shape) {
        for entry in entries.iter().filter(|entry| !entry.value.is_null()) {
            let n_path = self.path.len();
            self.push_step(format_args!("[{}]", entry.key));
            self.check(&entry.value, shape, entry.mark);
            self.path.truncate(n_path);
        }
    }

    /// Checks a map with known keys; `family` are the other types that it could have been.
    fn check_object(
        &mut self,
        entries: &[Entry],
        object: &'a ObjectType,
        family: &[&'a ObjectType],
        mark: Mark,
    ) {
        self.around.push((object, self.path.len()));
        for entry in entries {
            let n_path = self.push_key(&entry.key);
            match (object.field(&entry.key), &object.others) {
                (Some(field), _) => self.check_field(entry, field),
                (None, Some(others)) if !entry.value.is_null() => {
                    self.check(&entry.value, others, entry.mark)
                }
                (None, Some(_)) => {}
                (None, None) => self.report_unknown(entry, object, family),
            }
            self.path.truncate(n_path);
        }
        if self.options.extent == Extent::Whole && self.standing != Standing::ReadPast {
            for field in object.fields.iter().filter(|field| field.is_required) {
                if !entries.iter().any(|entry| *entry.key == field.name && !entry.value.is_null()) {
                    let n_path = self.push_key(&field.name);
                    self.report(mark, "Required value".to_owned());
                    self.path.truncate(n_path);
                }
            }
        }
        self.around.pop();
    }

    fn check_field(&mut self, entry: &Entry, field: &'a Field) {
        if entry.value.is_null() {
            return;
        }
        let outer = self.standing;
        if outer != Standing::ReadPast && field.treatment != Treatment::ServerOwned {
            self.check_version(entry.mark, field);
        }
        if let (Standing::Modelled, Treatment::Unmodelled { except }) = (outer, field.treatment)
            && !changes_nothing(&entry.value, except)
        {
            self.report_unmodelled(entry.mark, "");
        }
        self.standing = self.standing_in(field.treatment);
        self.check(&entry.value, &field.shape, entry.mark);
        self.standing = outer;
    }

    fn standing_in(&self, treatment: Treatment) -> Standing {
        match (self.standing, treatment) {
            (standing, Treatment::Modelled) => standing,
            (Standing::ReadPast, _) | (_, Treatment::ServerOwned) => Standing::ReadPast,
            (_, Treatment::NoEffect | Treatment::Unmodelled { .. }) => Standing::WithoutEffect,
        }
    }

    fn check_version(&mut self, mark: Mark, field: &Field) {
        let version = self.options.version;
        match (field.since, field.until) {
            (Some(since), _) if version < since => {
                self.report(mark, format!("new in Kubernetes {since}, and this run is Kubernetes {version}"));
            }
            (_, Some(until)) if version > until => {
                self.report(
                    mark,
                    format!("gone after Kubernetes {until}, and this run is Kubernetes {version}"),
                );
            }
            _ => {}
        }
    }

    fn push_step(&mut self, step: fmt::Arguments<'_>) {
        self.path.write_fmt(step).expect("writing to a string cannot fail");
    }

    /// Adds a key to the path; gives the length to cut it back to.
    fn push_key(&mut self, key: &str) -> usize {
        let n_path = self.path.len();
        if n_path > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        n_path
    }

    fn place(&self, mark: Mark) -> Place {
        Place { file: Arc::clone(self.subject.file), mark }
    }

    fn report(&mut self, mark: Mark, message: String) {
        self.diagnostics.push(Diagnostic::error(self.place(mark), message).at(self.path.as_str()));
    }

    /// Reports a value that is something else altogether.
    fn report_kind(&mut self, tree: &Tree, expected: &str, mark: Mark) {
        let mark = if matches!(tree.content, Content::Scalar(_)) { tree.mark } else { mark };
        self.report(mark, format!("expected {expected}, found {}", tree.describe()));
    }

    fn report_unmodelled(&mut self, mark: Mark, what: &str) {
        match self.options.unmodelled {
            OnUnmodelled::Refuse => {
                let what = if what.is_empty() { String::new() } else { format!("{what} ") };
                let message =
                    "not modelled, and would change the result; `--allow-unmodelled` runs without it";
                self.report(mark, format!("{what}{message}"));
            }
            OnUnmodelled::GoWithout => {
                let path = self.path[self.subject.path.len()..].trim_start_matches('.');
                let place = self.place(mark);
                self.diagnostics.push_unmodelled(self.subject.kind, path, place);
            }
        }
    }

    fn report_unknown(&mut self, entry: &Entry, object: &'a ObjectType, family: &[&'a ObjectType]) {
        if family.iter().any(|other| other.field(&entry.key).is_some()) {
            let known = known_fields(object.names().collect());
            let message = format!("field {} does not go with the others{known}", quoted(&entry.key));
            return self.report(entry.mark, message);
        }
        let known: Vec<&str> = family.iter().copied().chain([object]).flat_map(ObjectType::names).collect();
        let hint = match nearest(&entry.key, known.iter().copied()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => match self.home_of(&entry.key, object) {
                Some(home) => format!("; it is a field of `{home}`: is the indentation right?"),
                None if known.len() <= 12 => known_fields(known),
                None => String::new(),
            },
        };
        self.report(entry.mark, format!("unknown field {}{hint}", quoted(&entry.key)));
    }

    /// The path of a map around or just below this one that has a field of this name.
    fn home_of(&self, name: &str, object: &'a ObjectType) -> Option<String> {
        let (_, n_here) = *self.around.last()?;
        let outer = self.around.iter().rev().skip(1).find(|(object, _)| object.field(name).is_some());
        if let Some((_, n_path)) = outer {
            return Some(self.path[..*n_path].to_owned());
        }
        let inner = object.fields.iter().find(|field| match self.schema.resolve(&field.shape) {
            Shape::Object(object) => object.field(name).is_some(),
            _ => false,
        })?;
        let here = &self.path[..n_here];
        Some(if here.is_empty() { inner.name.to_string() } else { format!("{here}.{}", inner.name) })
    }
}

/// Whether leaving the value out would be the same.
pub(super) fn changes_nothing(tree: &Tree, except: Option<&str>) -> bool {
    match &tree.content {
        Content::Scalar(scalar) => {
            scalar.is_null() || matches!(&*scalar.text, "false") || Some(&*scalar.text) == except
        }
        Content::List(items) => items.is_empty(),
        Content::Map(entries) => entries.is_empty(),
    }
}

fn known_fields(mut names: Vec<&str>) -> String {
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [] => "; there are none here".to_owned(),
        names => format!("; known are `{}`", names.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::api::Api;
    use crate::manifest::source::{self, Source};

    fn lines(text: &str, options: &Options) -> Vec<String> {
        let api = Api::load();
        let mut diagnostics = Diagnostics::default();
        let source = Source { name: "f".into(), text: text.into() };
        for object in source::read(&[source], &api, options.unmodelled, &mut diagnostics) {
            api.check(&object, options, &mut diagnostics);
        }
        diagnostics.to_string().lines().map(str::to_owned).collect()
    }

    #[track_caller]
    fn check_with(options: &Options, text: &str, expected: &[&str]) {
        assert_eq!(lines(text, options), expected, "{text}");
    }

    /// Checks a pod; `spec` is what its spec holds beside a container, and stands on line 2.
    #[track_caller]
    fn check_pod(spec: &str, expected: &[&str]) {
        let text = format!("{{apiVersion: v1, kind: Pod, spec: {{containers: [{{name: a}}],\n{spec}}}}}");
        check_with(&Options::default(), &text, expected);
    }

    fn version(text: &str) -> Options {
        Options { version: text.parse().unwrap(), ..Options::default() }
    }

    #[test]
    fn every_mistake_of_an_object_is_reported_at_once() {
        check_with(
            &Options::default(),
            "\
apiVersion: batch/v1
kind: Job
metadata:
  name: 12
  labels:
    tier: 1.10
    on: yes
spec:
  paralelism: 3
  completions: \"5\"
  backoffLimit: 99999999999
  suspend: \"true\"
  activeDeadlineSeconds: 1.5
  template:
    backoffLimit: 3
    spec:
      restartPolicy: Never
      containers:
        name: main
      initContainers:
      - image: a
        command: run
        resources: {limits: {cpu: 1x, memory: [1]}}
        ports: [{containerPort: http}, ~]
",
            &[
                "f:4:9: metadata.name: expected a string, found the number `12`; quote it: \"12\"",
                "f:6:11: metadata.labels[tier]: expected a string, found the number `1.10`; quote it: \"1.10\"",
                "f:7:5: warning: metadata.labels.true: the key `on` is taken as `true`; quote it to keep it",
                "f:7:9: metadata.labels[true]: expected a string, found the boolean `yes`; quote it: \"yes\"",
                "f:9:3: spec.paralelism: unknown field `paralelism`; did you mean `parallelism`?",
                "f:10:16: spec.completions: expected an integer, found the string `5`; leave out the quotes",
                "f:11:17: spec.backoffLimit: expected an integer from -2147483648 to 2147483647, found `99999999999`",
                "f:12:12: spec.suspend: expected true or false, found the string `true`; leave out the quotes",
                "f:13:26: spec.activeDeadlineSeconds: expected an integer, found the number `1.5`",
                "f:15:5: spec.template.backoffLimit: unknown field `backoffLimit`; it is a field of `spec`: is the \
                 indentation right?",
                "f:18:7: spec.template.spec.containers: expected a list, found a map",
                "f:21:9: spec.template.spec.initContainers[0].name: Required value",
                "f:22:18: spec.template.spec.initContainers[0].command: expected a list, found the string `run`",
                "f:23:35: spec.template.spec.initContainers[0].resources.limits[cpu]: quantities must match the \
                 regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', found `1x`",
                "f:23:39: spec.template.spec.initContainers[0].resources.limits[memory]: expected a quantity such as \
                 100m or 1Gi, found a list",
                "f:24:33: spec.template.spec.initContainers[0].ports[0].containerPort: expected an integer, found the \
                 string `http`",
                "f:24:40: spec.template.spec.initContainers[0].ports[1]: expected a map, found nothing",
            ],
        );
    }

    #[test]
    fn scalars_are_what_the_api_takes_them_for() {
        check_pod(
            "activeDeadlineSeconds: 0x10, priority: 3.0, hostNetwork: on, hostname: '1', nodeName: ~",
            &[],
        );
        check_pod("overhead: {cpu: 0.5, memory: 1_000, a: 1e3, b: -1, c: '  1Gi '}", &[]);
        check_pod("nodeSelector: {a: , b: ''}", &[]);
        check_pod(
            "overhead: {cpu: yes}",
            &["f:2:17: spec.overhead[cpu]: expected a quantity such as 100m or 1Gi, found the boolean `yes`"],
        );
        check_pod(
            "priority: 1e40",
            &["f:2:11: spec.priority: expected an integer from -2147483648 to 2147483647, found `1e40`"],
        );
        check_pod(
            "restartPolicy: no",
            &["f:2:16: spec.restartPolicy: expected a string, found the boolean `no`; quote it: \"no\""],
        );
    }

    #[test]
    fn what_is_not_modelled_is_refused_once_with_its_path() {
        let refusal = "not modelled, and would change the result; `--allow-unmodelled` runs without it";
        check_pod(
            "ephemeralContainers: [{name: x, livenessProbe: {}}]",
            &[&format!("f:2:1: spec.ephemeralContainers: {refusal}")],
        );
        check_pod(
            "volumes: [{name: a, emptyDir: {}}, {name: b, nfs: {path: /x, server: s}}, {name: c, secret: {}}]",
            &[&format!("f:2:46: spec.volumes[1].nfs: {refusal}")],
        );
        check_pod(
            "os: {name: linux}, affinity: {podAffinity: {}}, ephemeralContainers: [], resources: ~",
            &[],
        );
        check_pod("os: {name: windows}", &[&format!("f:2:6: spec.os.name: {refusal}")]);
        check_with(
            &Options::default(),
            "{apiVersion: v1, kind: ReplicationController, spec: {replicas: 1}}",
            &[&format!("f:1:24: kind: ReplicationController is {refusal}")],
        );
        check_with(
            &Options::default(),
            "{apiVersion: apps/v1, kind: Deployment, spec: {replica: 1}}",
            &[
                "f:1:41: spec.selector: Required value",
                "f:1:41: spec.template: Required value",
                "f:1:48: spec.replica: unknown field `replica`; did you mean `replicas`?",
            ],
        );
    }

    #[test]
    fn what_is_not_modelled_is_counted_where_that_is_allowed() {
        let options = Options { unmodelled: OnUnmodelled::GoWithout, ..Options::default() };
        check_with(
            &options,
            "apiVersion: v1\nkind: List\nitems:\n\
             - {apiVersion: v1, kind: Pod, spec: {containers: [{name: a}], resources: {limit: {}}}}\n\
             - {apiVersion: v1, kind: Pod, spec: {containers: [{name: a}], resources: {limits: {}}}}\n\
             - {apiVersion: v1, kind: LimitRange, spec: {limits: []}}\n",
            &[
                "f:4:75: items[0].spec.resources.limit: unknown field `limit`; did you mean `limits`?",
                "f:6:26: warning: LimitRange kind: not modelled: the run goes on without it",
                "f:4:63: warning: Pod spec.resources: not modelled: the run goes on without it (2 times)",
            ],
        );
    }

    #[test]
    fn what_has_no_effect_is_accepted_but_a_typo_in_it_is_not() {
        check_pod("dnsPolicy: ClusterFirst, securityContext: {runAsUser: 1}, serviceAccountName: x", &[]);
        check_pod(
            "securityContext: {runAsUsr: 1}",
            &["f:2:19: spec.securityContext.runAsUsr: unknown field `runAsUsr`; did you mean `runAsUser`?"],
        );
        check_with(
            &version("1.28"),
            "{apiVersion: v1, kind: Service, metadata: {uid: x}, spec: {type: ClusterIP}}",
            &[],
        );
    }

    #[test]
    fn what_the_server_sets_is_read_past() {
        let text = "{apiVersion: v1, kind: Pod, spec: {containers: []}, status: {volumeHealth: [{}], phase: Running},\n\
                    metadata: {managedFields: [{fieldsV1: {'f:spec': {}}}], creationTimestamp: ~, ownerReferences: []}}";
        check_with(&version("1.28"), text, &[]);
        check_with(
            &version("1.28"),
            "{apiVersion: v1, kind: Pod, spec: {containers: []}, status: {phas: x}}",
            &["f:1:62: status.phas: unknown field `phas`; did you mean `phase`?"],
        );
    }

    #[test]
    fn a_field_is_known_from_its_first_to_its_last_version() {
        let job =
            "{apiVersion: batch/v1, kind: Job, spec: {template: {spec: {containers: []}}, managedBy: a/b}}";
        check_with(&version("1.29"), job, &[]);
        check_with(
            &version("1.28"),
            job,
            &["f:1:78: spec.managedBy: new in Kubernetes 1.29, and this run is Kubernetes 1.28"],
        );
        let pod =
            "{apiVersion: v1, kind: Pod, spec: {containers: [], resourceClaims: [{name: a, source: {}}]}}";
        let refusal = "spec.resourceClaims: not modelled, and would change the result; `--allow-unmodelled` runs without it";
        check_with(&version("1.28"), pod, &[&format!("f:1:52: {refusal}")]);
        check_with(
            &version("1.30"),
            pod,
            &[
                &format!("f:1:52: {refusal}"),
                "f:1:79: spec.resourceClaims[0].source: gone after Kubernetes 1.28, and this run is Kubernetes 1.30",
            ],
        );
    }

    #[test]
    fn a_patch_need_not_be_whole() {
        let options = Options { extent: Extent::Patch, ..Options::default() };
        let text = "{apiVersion: batch/v1, kind: Job, spec: {suspend: true, paralellism: 2}}";
        check_with(
            &options,
            text,
            &["f:1:57: spec.paralellism: unknown field `paralellism`; did you mean `parallelism`?"],
        );
    }
}
