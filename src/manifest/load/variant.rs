//! Variants of a scenario: other shapes of it, put on before anything else is read.

use crate::manifest::diagnostic::Diagnostic;
use crate::manifest::load::{Loader, no_place};
use crate::manifest::near_name::nearest;
use crate::manifest::scalar::Scalar;
use crate::manifest::source::{Object, Source};
use crate::manifest::tree::{Content, Entry, Tree};

impl Loader<'_> {
    /// The names of the variants of a Scenario document, in order. A name that is given twice is reported.
    pub(super) fn variants(&mut self, written: Option<&Object>) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (idx, variant) in written.into_iter().flat_map(variant_trees).enumerate() {
            let Some(name) = variant.get("name").and_then(Tree::text) else { continue };
            if names.iter().any(|known| known == name) {
                let path = format!("spec.variants[{idx}].name");
                let error =
                    written.map(|object| object.error(&path, format!("there is another variant `{name}`")));
                self.diagnostics.extend(error);
            }
            names.push(name.to_owned());
        }
        names
    }

    /// Makes the Scenario document that of a variant; `None` where there is no such variant.
    pub(super) fn put_on(
        &mut self,
        name: &str,
        written: &mut Option<Object>,
        objects: &mut Vec<Object>,
        sources: &[Source],
    ) -> Option<()> {
        let is_meant = |tree: &Tree| tree.get("name").and_then(Tree::text) == Some(name);
        let found =
            written.iter().flat_map(variant_trees).cloned().enumerate().find(|(_, tree)| is_meant(tree));
        let (Some((idx, variant)), Some(object)) = (found, written.as_ref()) else {
            self.report_unknown(name, written.as_ref(), sources);
            return None;
        };
        let path = format!("spec.variants[{idx}]");
        let (overrides, file) = parts(&variant);
        match file {
            Some(_) if !overrides.is_empty() => {
                let message = "`scenario` excludes other fields: they stand in that file";
                self.diagnostics.push(object.error(&path, message));
                return None;
            }
            Some(file) => {
                let fetched = self.fetch_scenario(object, &format!("{path}.scenario"), &file)?;
                let (other, others) = self.apart(fetched);
                let Some(other) = other else {
                    let message = format!("no Scenario in {file}");
                    self.diagnostics.push(object.error(&format!("{path}.scenario"), message));
                    return None;
                };
                objects.extend(others);
                *written = Some(other);
            }
            None => {
                let mark = variant.mark;
                let entry = |key: &str, value: Tree| Entry { key: key.into(), mark, value };
                let map = |entries: Vec<Entry>| Tree { mark, content: Content::Map(entries) };
                let none = entry("variants", Tree::scalar(mark, Scalar::plain("null")));
                let spec = map(overrides.into_iter().chain([none]).collect());
                written.as_mut()?.tree.merge(&map(vec![entry("spec", spec)]));
            }
        }
        Some(())
    }

    fn fetch_scenario(&mut self, from: &Object, path: &str, file: &str) -> Option<Vec<Object>> {
        match (self.fetch)(&from.file, file) {
            Ok(source) => Some(self.read(&[source])),
            Err(message) => {
                self.diagnostics.push(from.error(path, message));
                None
            }
        }
    }

    fn report_unknown(&mut self, name: &str, written: Option<&Object>, sources: &[Source]) {
        let known: Vec<&str> =
            written.into_iter().flat_map(variant_trees).filter_map(|tree| tree.get("name")?.text()).collect();
        let hint = match nearest(name, known.iter().copied()) {
            Some(near) => format!("; did you mean `{near}`?"),
            None if known.is_empty() => ": it has none".to_owned(),
            None => format!(": there are {}", known.join(", ")),
        };
        let place = written.map_or_else(|| no_place(sources), |object| object.place_of("spec.variants"));
        let message = format!("the scenario has no variant `{name}`{hint}");
        self.diagnostics.push(Diagnostic::error(place, message));
    }
}

fn variant_trees(object: &Object) -> impl Iterator<Item = &Tree> {
    let variants = object.tree.get("spec").and_then(|spec| spec.get("variants"));
    variants.into_iter().flat_map(|variants| variants.items())
}

/// The fields of `spec` that a variant overrides, and the file that it is.
fn parts(variant: &Tree) -> (Vec<Entry>, Option<String>) {
    let file = variant.get("scenario").and_then(Tree::text).map(str::to_owned);
    let overrides = variant.entries().iter().filter(|entry| !matches!(&*entry.key, "name" | "scenario"));
    (overrides.cloned().collect(), file)
}
