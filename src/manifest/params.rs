//! Parameters: `${name}` in a scenario and its manifests stands for a value.
//!
//! A scalar that is nothing but `${name}` takes the value's type; inside of longer text the value's text is put in.
//! Only names that the scenario declares are parameters: a manifest's own `${HOME}` stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::near_name::hint;
use crate::manifest::scalar::Scalar;
use crate::manifest::source::Object;
use crate::manifest::tree::Content;

/// The values of all parameters, by name.
pub type Params = BTreeMap<String, Scalar>;

/// The parameters of a scenario, with the user's settings over their defaults.
///
/// A setting of no parameter is an error, told by `Err` with a hint.
///
/// # Errors
/// The names that were set and are no parameters.
pub fn params(
    scenario: Option<&Object>,
    settings: &[(String, String)],
    diagnostics: &mut Diagnostics,
) -> Result<Params, String> {
    let declared = scenario.and_then(|object| object.tree.get("spec")?.get("params"));
    let mut params = Params::new();
    for entry in declared.into_iter().flat_map(|tree| tree.entries()) {
        match &entry.value.content {
            Content::Scalar(scalar) => {
                params.insert(entry.key.to_string(), scalar.clone());
            }
            Content::List(_) | Content::Map(_) => {
                let path = format!("spec.params.{}", entry.key);
                let found = entry.value.describe();
                diagnostics.extend(scenario.map(|object| {
                    object.error(&path, format!("a parameter is text, a number or a boolean, found {found}"))
                }));
            }
        }
    }
    for (name, value) in settings {
        if !params.contains_key(name) {
            let known = params.keys().map(String::as_str);
            let hint = hint(name, known);
            return Err(format!("`{name}={value}`: the scenario has no parameter `{name}`{hint}"));
        }
        params.insert(name.clone(), Scalar::plain(value.as_str()));
    }
    Ok(params)
}

/// Puts the values into all scalars of an object; gives the names that stood there.
pub fn substitute(object: &mut Object, params: &Params, diagnostics: &mut Diagnostics) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let is_scenario = object.kind_name == "Scenario";
    if params.is_empty() && !is_scenario {
        return used;
    }
    let file = object.file.clone();
    object.tree.change_scalars(&mut |mark, scalar| {
        if !scalar.text.contains("${") {
            return;
        }
        if let Some((name, value)) = whole_reference(&scalar.text).and_then(|name| params.get_key_value(name))
        {
            used.insert(name.clone());
            *scalar = value.clone();
            return;
        }
        let Replaced { text, unknown, known } = replaced(&scalar.text, params);
        used.extend(known);
        if let Some(name) = unknown.filter(|_| is_scenario) {
            let known = params.keys().map(String::as_str);
            let hint = hint(&name, known);
            let place = crate::manifest::diagnostic::Place { file: file.clone(), mark };
            diagnostics.push(Diagnostic::error(place, format!("unknown parameter `{name}`{hint}")));
        }
        if *text != *scalar.text {
            *scalar = Scalar::quoted(text);
        }
    });
    used
}

/// The name in a text that is nothing but a reference.
fn whole_reference(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    if name.contains(['$', '{', '}']) { None } else { Some(name) }
}

/// A text with all values put in.
struct Replaced {
    text: String,
    /// The first name that is no parameter's.
    unknown: Option<String>,
    /// The names of the parameters that stood there.
    known: Vec<String>,
}

fn replaced(text: &str, params: &Params) -> Replaced {
    let mut out = String::with_capacity(text.len());
    let (mut unknown, mut known) = (None, Vec::new());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, reference) = rest.split_at(start);
        out.push_str(before);
        let Some(end) = reference.find('}') else {
            rest = reference;
            break;
        };
        let name = &reference[2..end];
        match params.get(name) {
            Some(value) => {
                known.push(name.to_owned());
                out.push_str(&value.text);
            }
            None => {
                unknown.get_or_insert_with(|| name.to_owned());
                out.push_str(&reference[..=end]);
            }
        }
        rest = &reference[end + 1..];
    }
    out.push_str(rest);
    Replaced { text: out, unknown, known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_unknown_ones_stay() {
        let params: Params = [("n".to_owned(), Scalar::plain("3"))].into();
        #[track_caller]
        fn check(params: &Params, text: &str, expected: &str, unknown: Option<&str>) {
            let found = replaced(text, params);
            assert_eq!((found.text.as_str(), found.unknown.as_deref()), (expected, unknown));
        }
        check(&params, "a-${n}-b", "a-3-b", None);
        check(&params, "${n}${n}", "33", None);
        check(&params, "${HOME}/x", "${HOME}/x", Some("HOME"));
        check(&params, "${n", "${n", None);
        assert_eq!(whole_reference("${n}"), Some("n"));
        assert_eq!(whole_reference("x${n}"), None);
    }
}
