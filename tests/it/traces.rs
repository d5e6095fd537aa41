//! Traces as files: what they say of themselves, what can be told from them alone, and files that are none.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assert_cmd::Command;
use cluster_sim::cluster::Cluster;
use cluster_sim::component::Observer;
use cluster_sim::engine::SimTime;
use cluster_sim::event::{Change, Event};
use cluster_sim::experiment::trial;
use cluster_sim::manifest::load::{self, Options};
use cluster_sim::manifest::source::Source;
use cluster_sim::model::ids::Kind;
use cluster_sim::model::scenario::{ObjectName, Scenario};
use cluster_sim::observe::story::Story;
use cluster_sim::observe::story::replay::Replay;
use cluster_sim::observe::trace::reader::{TraceLine, TraceReader};
use serde_json::Value;

use crate::scenarios;

const BACKOFF: &str = "scenarios/job-backoff.yaml";
/// More objects of one scenario are not told of.
const OBJECTS_MAX: usize = 30;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[track_caller]
fn sim(args: &[&str], code: i32) -> (String, String) {
    let mut command = Command::cargo_bin("sim").unwrap();
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}{err}");
    (out, err)
}

/// Writes the trace of a scenario and gives its path and its text.
fn trace(folder_name: &str, file: &str) -> (String, String) {
    let path = folder(folder_name).join("trace.jsonl").to_str().unwrap().to_owned();
    sim(&["run", file, "--trace", &path], 0);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

fn load(file: &Path) -> Option<Arc<Scenario>> {
    let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let source = Source { name: file.display().to_string().into(), text };
    let loaded = load::load(&[source], &mut |_, name| Err(name.to_owned()), &Options::default()).ok()?;
    loaded.variants.is_empty().then(|| Arc::new(loaded.scenario))
}

/// Many stories at once.
struct Stories(Vec<Story>);

impl Observer for Stories {
    fn begin(&mut self, now: SimTime, seq: u64, event: &Event, cluster: &Cluster) {
        self.0.iter_mut().for_each(|story| story.begin(now, seq, event, cluster));
    }

    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster) {
        self.0.iter_mut().for_each(|story| story.see(now, change, cluster));
    }
}

/// The objects that a trace tells of.
fn objects(lines: &[TraceLine]) -> Vec<ObjectName> {
    let created = lines.iter().filter(|line| line.change == "Created");
    let mut objects: Vec<ObjectName> = created
        .map(|line| {
            let mut parts = line.object.split('/').rev();
            let (name, middle) = (parts.next().unwrap(), parts.next().unwrap());
            let (namespace, kind) = parts.next().map_or(("", middle), |kind| (middle, kind));
            let kind = Kind::ALL.into_iter().find(|known| known.resource() == kind).unwrap();
            ObjectName { kind, namespace: namespace.into(), name: name.into() }
        })
        .collect();
    // Jobs and workloads first: their stories are the longest.
    objects.sort_by_key(|object| std::cmp::Reverse(object.kind));
    objects.dedup();
    objects.truncate(OBJECTS_MAX);
    objects
}

#[test]
fn a_story_told_from_the_trace_is_the_story_of_the_run() {
    let mut n_moments = 0;
    for file in scenarios::files() {
        let Some(scenario) = load(&file) else { continue };
        let mut text = Vec::new();
        drop(trial::run(&scenario, None, scenarios::trace_writer(&scenario, &mut text), |_| {}));
        text.extend_from_slice(b"{\"end\":{}}\n");
        let reader = TraceReader::new("t", &text[..]).unwrap();
        let lines: Vec<TraceLine> = reader.collect::<Result<_, _>>().unwrap();
        let objects = objects(&lines);
        let stories = Stories(objects.iter().cloned().map(Story::of).collect());
        let stories = trial::run(&scenario, None, stories, |_| {}).simulation.into_observer().1;
        for (object, story) in objects.into_iter().zip(stories.0) {
            let mut replay = Replay::of(object.clone());
            lines.iter().for_each(|line| replay.take(line).unwrap());
            assert_eq!(replay.story.moments, story.moments, "{}: {object}", file.display());
            n_moments += story.moments.len();
        }
    }
    assert!(n_moments > 1000, "{n_moments} moments were compared");
}

#[test]
fn why_gives_the_same_causes_from_a_trace_as_from_the_scenario() {
    let (path, _) = trace("traces-why", BACKOFF);
    for at in [&[][..], &["--at", "20s"]] {
        let causes = |input: &str| {
            let args = [&["why", "job/batch-job", input, "-o", "json"], at].concat();
            let why: Value = serde_json::from_str(&sim(&args, 0).0).unwrap();
            (why["causes"].clone(), why["answer"][0].clone())
        };
        assert_eq!(causes(&path), causes(BACKOFF));
    }
    let (text, _) = sim(&["why", "job/batch-job", &path], 0);
    assert!(text.contains("Failed: DeadlineExceeded after 31s"), "{text}");
    assert!(
        text.contains("compared by: sim why job/batch-job scenarios/job-backoff.yaml --seed 1"),
        "{text}"
    );
    let (_, err) = sim(&["why", "job/batch-jb", &path], 2);
    assert!(err.contains("did you mean \"batch-job\"?"), "{err}");
    let (_, err) = sim(&["why", "job/batch-job", &path, "--seed", "2"], 2);
    assert!(err.contains("it cannot have others"), "{err}");
}

#[test]
fn a_trace_says_what_was_played_and_what_came_of_it() {
    let (_, text) = trace("traces-head", "scenarios/node-loss.yaml");
    let line = |line: Option<&str>| -> Value { serde_json::from_str(line.unwrap()).unwrap() };
    let (head, end) = (line(text.lines().next()), line(text.lines().last()));
    assert_eq!(head["format"], "sim/trace/v1");
    assert_eq!((&head["scenario"], &head["seed"]), (&"node-loss".into(), &1.into()));
    assert_eq!(head["reproduce"], "sim run scenarios/node-loss.yaml --seed 1");
    assert!(!head["timeline"].as_array().unwrap().is_empty() && !head["assumptions"].is_null());
    let (out, _) = sim(&["run", "scenarios/node-loss.yaml"], 0);
    let digest = format!("digest={}", end["end"]["digest"].as_str().unwrap());
    assert!(out.contains(&digest), "{digest}\n{out}");
}

#[test]
fn files_that_are_no_traces_or_were_cut_off_are_refused_with_their_line() {
    let (_, text) = trace("traces-broken", BACKOFF);
    let lines: Vec<&str> = text.lines().collect();
    let n = lines.len();
    let whole = |lines: &[&str]| lines.join("\n") + "\n";
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        whole(&lines)
    };
    let rows = [
        (String::new(), "x.jsonl:1: not a trace of sim".to_owned()),
        (
            "{\"t\": 1}\n".to_owned(),
            "x.jsonl:1: not a trace of sim: the first line has no \"format\"".to_owned(),
        ),
        (
            "{\"format\":\"sim/sweep/v1\"}\n".to_owned(),
            "x.jsonl:1: not a trace that this sim reads: \"sim/sweep/v1\"".to_owned(),
        ),
        (whole(&lines[..n - 1]), format!("x.jsonl:{n}: the trace is cut off: its last line")),
        (text[..text.len() / 2].to_owned(), "the trace is cut off in this line".to_owned()),
        (with(4, "[]"), "x.jsonl:5: not a line of a trace".to_owned()),
        (with(4, "{\"t\": 1}"), "x.jsonl:5: not a line of a trace: missing field".to_owned()),
        (text.clone() + "{}\n", format!("x.jsonl:{}: a line after the end", n + 1)),
        (
            text.replace("\"component\":\"kubelet\"", "\"component\":\"cubelet\""),
            "unknown component \"cubelet\"".to_owned(),
        ),
    ];
    let path = folder("traces-broken").join("x.jsonl");
    for (text, message) in rows {
        fs::write(&path, text).unwrap();
        let (_, err) = sim(&["why", "job/batch-job", path.to_str().unwrap()], 2);
        assert!(err.contains(&message), "{err:?} lacks {message:?}");
    }
}
