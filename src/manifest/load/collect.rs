//! The objects of a scenario: accepted as the API server would, put in order, and looked at for what is assumed.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::admission::{PriorityClass, PriorityClasses};
use crate::manifest::convert::{self, ReadContext};
use crate::manifest::field_error::FieldErrors;
use crate::manifest::load::{Head, Loader, references};
use crate::manifest::params;
use crate::manifest::scenario::metrics;
use crate::manifest::source::{Object, ObjectKind};
use crate::model::ids::Kind;
use crate::model::meta::{Labels, Name};
use crate::model::profile::Profile;
use crate::model::program::Program;
use crate::model::scenario::{NewObject, NewSpec, Timing};

/// The objects of a scenario by kind, namespace and name, and where they were defined.
#[derive(Default)]
pub(super) struct Collected {
    objects: BTreeMap<(Kind, Name, NaturalName), NewObject>,
    places: BTreeMap<(Kind, Name, Name), String>,
    /// The priority classes among the manifests.
    pub(super) classes: PriorityClasses,
    /// The labels of the namespaces among the manifests.
    pub(super) namespaces: BTreeMap<Name, Labels>,
    /// What pods name and is not among the manifests.
    absent: BTreeSet<String>,
    /// How many default nodes were added, where they were.
    pub(super) default_nodes: Option<u32>,
}

/// A name in the order in which people count: `node-2` before `node-10`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NaturalName(Vec<(String, u64)>, Name);

impl NaturalName {
    pub(super) fn new(name: &Name) -> Self {
        let mut parts = Vec::new();
        let mut rest = &**name;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let (text, tail) = rest.split_at(digits);
            let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
            let (number, tail) = tail.split_at(end);
            parts.push((text.to_owned(), number.parse().unwrap_or(u64::MAX)));
            rest = tail;
        }
        Self(parts, name.clone())
    }
}

impl Collected {
    /// Adds an object; false where there is one of this kind and name already.
    pub(super) fn insert(&mut self, object: NewObject, place: String) -> Result<(), String> {
        let kind = object.spec.kind();
        let key = (kind, object.namespace.clone(), object.name.clone());
        if let Some(other) = self.places.get(&key) {
            return Err(format!("{} {:?} is defined already at {other}", kind.as_str(), &*object.name));
        }
        self.places.insert(key, place);
        self.objects.insert((kind, object.namespace.clone(), NaturalName::new(&object.name)), object);
        Ok(())
    }

    pub(super) fn has_nodes(&self) -> bool {
        self.objects.keys().any(|(kind, ..)| *kind == Kind::Node)
    }

    /// The names of the objects of a kind in a namespace.
    pub(super) fn names<'a>(&'a self, kind: Kind, namespace: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self.objects.values();
        let own = own.filter(move |object| object.spec.kind() == kind && &*object.namespace == namespace);
        own.map(|object| &*object.name)
    }

    /// The object of this kind and name.
    pub(super) fn find(&self, kind: Kind, namespace: &str, name: &str) -> Option<&NewObject> {
        let name: Name = name.into();
        self.objects.get(&(kind, namespace.into(), NaturalName::new(&name)))
    }

    /// All objects in the order of their creation.
    pub(super) fn into_objects(self) -> Vec<NewObject> {
        self.objects.into_values().collect()
    }

    /// What the run takes for granted.
    pub(super) fn assumptions(
        &self,
        head: &Head,
        profile: &Profile,
        timing: &Timing,
        programs: &BTreeMap<Name, Program>,
    ) -> Vec<String> {
        let nodes = match self.default_nodes {
            Some(1) => ", 1 default node (4 cpu, 16Gi)".to_owned(),
            Some(count) => format!(", {count} default nodes (4 cpu, 16Gi)"),
            None => String::new(),
        };
        let gates: Vec<String> = profile.gates().map(|(gate, is_on)| format!(", {gate}={is_on}")).collect();
        let mut lines =
            vec![format!("Kubernetes {}{}, timing {}{nodes}", profile.version, gates.concat(), timing.name)];
        if head.spec.start_time.is_none() && self.objects.keys().any(|(kind, ..)| *kind == Kind::CronJob) {
            lines.push("the run starts at 2027-01-01T00:00:00Z".to_owned());
        }
        lines.extend(references::assumption(&self.absent));
        let images = self.images();
        let unknown: Vec<&str> =
            images.iter().filter(|image| !programs.contains_key(**image)).map(|i| &***i).collect();
        match unknown.as_slice() {
            [] => {}
            [image] => lines.push(format!("image {image} is not described: {DEFAULT_PROGRAM}")),
            [first, .., last] => {
                let count = unknown.len();
                lines.push(format!("{count} images ({first} … {last}) are not described: {DEFAULT_PROGRAM}"));
            }
        }
        lines
    }

    /// The images of all containers.
    pub(super) fn images(&self) -> BTreeSet<&Name> {
        let specs = self.objects.values().filter_map(|object| object.spec.pod_spec());
        specs.flat_map(|spec| spec.all_containers().map(|container| &container.image)).collect()
    }
}

const DEFAULT_PROGRAM: &str = "each runs 10s and exits with 0, or for ever where restartPolicy is Always";

impl Loader<'_> {
    /// Accepts objects into `collected`: priority classes first, since pods name them.
    pub(super) fn accept_all(
        &mut self,
        mut objects: Vec<Object>,
        head: &Head,
        profile: &Profile,
        collected: &mut Collected,
    ) {
        let options = self.check_options(profile);
        for object in &mut objects {
            self.used_params.extend(params::substitute(object, &head.params, &mut self.diagnostics));
            self.api.check(object, &options, &mut self.diagnostics);
        }
        collected.absent = references::absent(&objects);
        let classes = objects.iter().filter(|object| object.kind == ObjectKind::PriorityClass);
        let classes: Vec<PriorityClass> = classes
            .filter_map(|object| {
                let class = convert::accept_priority_class(&object.tree);
                convert::report(class, object, &mut self.diagnostics)
            })
            .collect();
        collected.classes = std::mem::take(&mut collected.classes).with(classes);
        for object in objects.iter().filter(|object| object.kind == ObjectKind::Namespace) {
            let namespace = convert::accept_namespace(&object.tree);
            collected.namespaces.extend(convert::report(namespace, object, &mut self.diagnostics));
        }
        let context = ReadContext { profile, priority_classes: &collected.classes.clone() };
        for object in &objects {
            let ObjectKind::Cluster(kind) = object.kind else { continue };
            let accepted = convert::accept_object(kind, object, &context, &mut self.diagnostics);
            let Some(new) = accepted else { continue };
            if let NewSpec::HorizontalPodAutoscaler(spec) = &new.spec
                && head.knows_metrics
            {
                let series = metrics::series(&head.spec.metrics, &mut FieldErrors::default());
                for (path, message) in metrics::missing_series(spec, &series) {
                    self.diagnostics.push(object.error(&path, message));
                }
            }
            let place = object.place_of("metadata.name").to_string();
            if let Err(message) = collected.insert(new, place) {
                self.diagnostics.push(object.error("metadata.name", message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_the_order_in_which_people_count() {
        let mut names =
            ["node-10", "node-2", "a-1-b-2", "node", "a-1-b-10"].map(|name| NaturalName::new(&name.into()));
        names.sort();
        assert_eq!(
            names.map(|name| name.1.to_string()),
            ["a-1-b-2", "a-1-b-10", "node", "node-2", "node-10"]
        );
    }
}
