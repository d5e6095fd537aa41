//! Version profiles: what two versions do differently is what the table says, no less and no more.
//!
//! `tests/profiles/FEATURE.yaml` is a scenario in which a feature shows; `tests/golden/profiles.txt` is what shows: the
//! lines of the timeline and of the objects at the end that are there without the feature (`-`) and with it (`+`).

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cluster_sim::experiment::trial;
use cluster_sim::manifest::load::{self, Options};
use cluster_sim::manifest::source::Source;
use cluster_sim::model::ids::ObjectId;
use cluster_sim::model::profile::{Entry, Feature, KubernetesVersion, Profile};
use cluster_sim::observe::object::ObjectWriter;
use cluster_sim::report::profiles::document;
use serde::Deserialize;
use serde_json::Value;

use crate::scenarios as shipped;

/// Entries that no run can show, and why.
const SEEN_IN_NO_RUN: [(Feature, &str); 1] = [(
    Feature::CronJobSuccessFromComplete,
    "Jobs that failed have no completionTime unless a test gives them one",
)];

/// The versions that are held against each other: the oldest, the default and the newest.
const VERSIONS: [u8; 3] = [28, 35, 37];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn version(minor: u8) -> KubernetesVersion {
    KubernetesVersion::from_minor(minor).expect("a version with a profile")
}

/// The entries with the texts of their scenarios.
fn scenarios() -> Vec<(&'static Entry, String)> {
    let in_no_run = |entry: &&Entry| SEEN_IN_NO_RUN.iter().any(|(feature, _)| *feature == entry.feature);
    let read = |entry: &'static Entry| {
        let path = root().join(format!("profiles/{:?}.yaml", entry.feature));
        let text = fs::read_to_string(&path);
        (entry, text.unwrap_or_else(|_| panic!("{}: write a scenario in which it shows", path.display())))
    };
    Profile::table().iter().filter(|entry| !in_no_run(entry)).map(read).collect()
}

/// All that is seen of a scenario under a version, with some features set apart: what happened, and the objects at the
/// end. For input that is refused, why.
///
/// # Errors
/// When the input is refused.
fn seen(text: &str, version: KubernetesVersion, features: &[(Feature, bool)]) -> Result<Vec<String>, String> {
    let text = text.replace("\"1.35\"", &format!("\"{version}\""));
    let source = Source { name: "test.yaml".into(), text: text.into_bytes() };
    let options = Options { features: features.to_vec(), ..Options::default() };
    let loaded = load::load(&[source], &mut |_, name| Err(format!("{name}: not there")), &options);
    let scenario = Arc::new(loaded.map_err(|errors| errors.to_string())?.scenario);
    let mut trace = Vec::new();
    let trial = trial::run(&scenario, None, shipped::trace_writer(&scenario, &mut trace), |_| {});
    let (cluster, clock) = (trial.simulation.cluster(), trial.simulation.context().clock);
    let objects = ObjectWriter { cluster, clock };
    let pods = cluster.pods().ids().map(ObjectId::Pod);
    let owners =
        cluster.jobs().ids().map(ObjectId::Job).chain(cluster.cronjobs().ids().map(ObjectId::CronJob));
    let nodes = cluster.nodes().ids().map(ObjectId::Node);
    let mut at_end = Vec::new();
    let autoscalers = cluster.horizontal_pod_autoscalers().ids().map(ObjectId::HorizontalPodAutoscaler);
    for object in nodes.chain(pods).chain(owners).chain(autoscalers).filter_map(|id| objects.object(id)) {
        let name = object["metadata"]["name"].as_str().expect("objects have names").to_owned();
        flatten(&format!("at the end {name}"), &object, &mut at_end);
    }
    drop(trial);
    let trace = String::from_utf8(trace).expect("the trace is text");
    Ok(shipped::changes(&trace).iter().map(happening).chain(at_end).collect())
}

/// A line of the trace without the numbers of events, which tell nothing to users.
fn happening(line: &Value) -> String {
    let mut text = format!("{}s ", line["t"]);
    for (field, value) in line.as_object().expect("a line has fields") {
        match (field.as_str(), value) {
            ("t" | "seq" | "cause" | "component" | "owner", _) | (_, Value::Null) => {}
            ("startedAt" | "finishedAt" | "backoffLimit" | "activeDeadlineSeconds" | "scheduledFor", _) => {}
            (_, Value::String(value)) => write!(text, "{value} ").expect("text grows"),
            (field, value) => write!(text, "{field}={value} ").expect("text grows"),
        }
    }
    text.trim_end().to_owned()
}

fn flatten(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| flatten(&format!("{path} {key}"), value, lines));
        }
        Value::Array(items) => items.iter().for_each(|item| flatten(path, item, lines)),
        Value::Null => {}
        value => lines.push(format!("{path}: {value}")),
    }
}

/// The lines that are only in one of two texts, in order: a longest common subsequence is left out.
fn difference(old: &[String], new: &[String]) -> Vec<String> {
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for at in (0..old.len()).rev() {
        for other in (0..new.len()).rev() {
            common[at][other] = if old[at] == new[other] {
                common[at + 1][other + 1] + 1
            } else {
                common[at + 1][other].max(common[at][other + 1])
            };
        }
    }
    let (mut at, mut other, mut lines) = (0, 0, Vec::new());
    while at < old.len() || other < new.len() {
        if at < old.len() && other < new.len() && old[at] == new[other] {
            (at, other) = (at + 1, other + 1);
        } else if at < old.len() && (other == new.len() || common[at + 1][other] >= common[at][other + 1]) {
            lines.push(format!("- {}", old[at]));
            at += 1;
        } else {
            lines.push(format!("+ {}", new[other]));
            other += 1;
        }
    }
    lines
}

/// What is said of a feature that does not show.
const NOTHING: &str = "does not show";

/// What a feature changes in its scenario.
fn shows(entry: &Entry, text: &str) -> String {
    let minor = if entry.to == u8::MAX { 35 } else { entry.to };
    let run = |is_on| seen(text, version(minor), &[(entry.feature, is_on)]);
    let lines = match (run(false), run(true)) {
        (Ok(old), Ok(new)) => difference(&old, &new),
        (Err(old), Ok(_)) => vec![format!("- refused: {old}"), "+ accepted".to_owned()],
        (Ok(_), Err(new)) => vec!["- accepted".to_owned(), format!("+ refused: {new}")],
        (Err(old), Err(_)) => vec![format!("{NOTHING}: refused with and without it: {old}")],
    };
    let lines = if lines.is_empty() { vec![NOTHING.to_owned()] } else { lines };
    lines
        .into_iter()
        .fold(format!("{:?}\n", entry.feature), |text, line| text + "  " + line.trim_end() + "\n")
}

#[test]
fn every_difference_that_the_table_names_is_seen() {
    let sections: Vec<String> = scenarios().iter().map(|(entry, text)| shows(entry, text)).collect();
    let hidden: Vec<_> = sections.iter().filter(|section| section.contains(NOTHING)).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
    let found = sections.join("\n");
    let path = root().join("golden/profiles.txt");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &found).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), found, "UPDATE_GOLDEN=1 writes it anew");
}

/// The profile of a version with the gates of a scenario.
fn profile(text: &str, version: KubernetesVersion) -> Profile {
    let scenario = serde_yaml::Deserializer::from_str(text).next().expect("a document");
    let scenario = Value::deserialize(scenario).expect("the Scenario comes first");
    let gates = scenario["spec"]["featureGates"].as_object().into_iter().flatten();
    gates.fold(Profile::new(version), |profile, (gate, is_on)| {
        profile.with_gate(gate, is_on == true).expect("a gate of the table")
    })
}

/// The features in which a version differs from another, as they are in the other.
fn unlike(own: &Profile, other: &Profile) -> Vec<(Feature, bool)> {
    let features = Profile::table().iter().map(|entry| entry.feature);
    let unlike = features.filter(|feature| own.has(*feature) != other.has(*feature));
    unlike.map(|feature| (feature, other.has(feature))).collect()
}

#[test]
fn versions_differ_in_nothing_that_the_table_does_not_name() {
    let (mut n_different, mut n_like) = (0, 0);
    for (entry, text) in scenarios() {
        for versions in VERSIONS.windows(2) {
            let (old, new) = (version(versions[0]), version(versions[1]));
            let (plain_old, plain_new) = (seen(&text, old, &[]), seen(&text, new, &[]));
            n_different += usize::from(plain_old != plain_new);
            for (one, other, wanted) in [(old, new, plain_new), (new, old, plain_old)] {
                // A field that is new to the API is refused by the version itself, and a refusal names it.
                if let (Ok(wanted), Ok(made)) =
                    (wanted, seen(&text, one, &unlike(&profile(&text, one), &profile(&text, other))))
                {
                    let lines = difference(&wanted, &made);
                    assert!(lines.is_empty(), "{:?}, {one} made like {other}: {lines:#?}", entry.feature);
                    n_like += 1;
                }
            }
        }
    }
    let n_entries = Profile::table().len();
    assert!(n_different > n_entries / 2 && n_like > 3 * n_entries, "{n_different} {n_like}");
}

#[test]
fn what_no_run_shows_has_no_scenario() {
    for (feature, why) in SEEN_IN_NO_RUN {
        let path = root().join(format!("profiles/{feature:?}.yaml"));
        assert!(!path.exists(), "{feature:?} is said not to show ({why}), and has a scenario");
    }
}

#[test]
fn the_document_on_profiles_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/profiles.md");
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, document()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), document(), "UPDATE_GOLDEN=1 writes it anew");
}
