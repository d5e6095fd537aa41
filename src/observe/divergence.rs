//! Where two traces part: the first change that is not the same, and the chain of changes that led to it.
//!
//! Generated names differ between seeds and mean nothing: they are compared by what they were generated for and in
//! which order. Records are text about changes and are left out.

use std::collections::{BTreeMap, VecDeque};
use std::io::BufRead;

use serde_json::Value;

use crate::observe::trace::reader::{TraceError, TraceLine, TraceReader};

/// The length of the chain.
const CHAIN_MAX: usize = 10;
/// How many of the latest changes of an object are kept.
const RECENT_MAX: usize = 8;
/// Of how many objects that are gone changes are kept.
const GONE_MAX: usize = 1000;
/// The letters of generated names.
/// Source: Kubernetes 1.28, staging/src/k8s.io/apimachinery/pkg/util/rand/rand.go, alphanums.
const GENERATED: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Where two traces part.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    /// How many changes are the same before.
    pub n_same: usize,
    /// The change on either side; none where that run was over.
    pub sides: [Option<TraceLine>; 2],
    /// What led to it, oldest first; the same on both sides, under the names of the first.
    pub chain: Vec<TraceLine>,
}

/// Reads both traces to their ends; returns where they part, or the number of changes that are the same.
///
/// # Errors
/// When one of them is broken.
pub fn divergence<A: BufRead, B: BufRead>(
    a: &mut TraceReader<A>,
    b: &mut TraceReader<B>,
) -> Result<Result<usize, Divergence>, TraceError> {
    let mut history = History::default();
    let mut names = [Names::default(), Names::default()];
    let mut n_same = 0;
    loop {
        let sides = [next_change(a)?, next_change(b)?];
        if let [None, None] = &sides {
            return Ok(Ok(n_same));
        }
        let keys = [0, 1].map(|side| sides[side].as_ref().map(|line| names[side].key(line)));
        if keys[0] == keys[1] {
            n_same += 1;
            let [Some(line), _] = sides else { continue };
            history.add(line);
            continue;
        }
        let chain = history.chain(sides.iter().flatten());
        while next_change(a)?.is_some() {}
        while next_change(b)?.is_some() {}
        return Ok(Err(Divergence { n_same, sides, chain }));
    }
}

/// The next line that is no record. Where the timeline is its cause, that is named by what it asks for: another entry
/// before it makes no difference.
fn next_change<R: BufRead>(trace: &mut TraceReader<R>) -> Result<Option<TraceLine>, TraceError> {
    loop {
        match trace.next().transpose()? {
            Some(line) if line.change == "Recorded" => {}
            None => return Ok(None),
            Some(line) => {
                let action = line.timeline_entry().and_then(|entry| trace.head.timeline.get(entry));
                let cause = action.map(|entry| format!("timeline: {}", entry.action));
                return Ok(Some(TraceLine { cause: cause.unwrap_or(line.cause), ..line }));
            }
        }
    }
}

/// What stands for generated names: their beginning, and a number in order of creation.
#[derive(Default)]
struct Names {
    aliases: BTreeMap<String, String>,
    counts: BTreeMap<String, usize>,
}

impl Names {
    /// All of a line that must be the same, but for generated names. The numbers of events may differ: events without
    /// a change, as those of requests, are counted, too.
    fn key(&mut self, line: &TraceLine) -> String {
        if line.change == "Created" && line.details.contains_key("owner") {
            self.add(line.object.rsplit('/').next().unwrap_or_default());
        }
        let details = Value::Object(line.details.clone());
        let component = line.component.as_deref().unwrap_or_default();
        let text = format!("{} {} {} {component} {} {details}", line.t, line.change, line.object, line.cause);
        self.without_generated(&text)
    }

    fn add(&mut self, name: &str) {
        let Some((beginning, end)) = name.rsplit_once('-') else { return };
        if end.len() == 5 && end.chars().all(|letter| GENERATED.contains(letter)) {
            let beginning = self.without_generated(beginning);
            let count = self.counts.entry(beginning.clone()).or_default();
            *count += 1;
            self.aliases.insert(name.to_owned(), format!("{beginning}-#{count}"));
        }
    }

    fn without_generated(&self, text: &str) -> String {
        if self.aliases.is_empty() {
            return text.to_owned();
        }
        let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            out.push_str(self.aliases.get(word).map_or(word, String::as_str));
            let between = after.find(is_of_name).unwrap_or(after.len());
            out.push_str(&after[..between]);
            rest = &after[between..];
        }
        out
    }
}

/// The latest changes of each object.
#[derive(Default)]
struct History {
    recent: BTreeMap<String, VecDeque<(usize, TraceLine)>>,
    owners: BTreeMap<String, String>,
    gone: VecDeque<String>,
    n: usize,
}

impl History {
    fn add(&mut self, line: TraceLine) {
        self.n += 1;
        let object = line.object.clone();
        match line.change.as_str() {
            "Created" => {
                let owner = Some(line.text("owner").to_owned()).filter(|owner| !owner.is_empty());
                owner.into_iter().for_each(|owner| drop(self.owners.insert(object.clone(), owner)));
            }
            "PodDeleted" | "Deleted" | "NodeDeleted" => self.gone.push_back(object.clone()),
            _ => {}
        }
        let recent = self.recent.entry(object).or_default();
        recent.push_back((self.n, line));
        if recent.len() > RECENT_MAX {
            recent.pop_front();
        }
        if self.gone.len() > GONE_MAX
            && let Some(object) = self.gone.pop_front()
        {
            self.recent.remove(&object);
            self.owners.remove(&object);
        }
    }

    /// From the last change back: each is the latest of those that are about an object that a later one was about, was
    /// caused by, or belongs to.
    fn chain<'a>(&self, ends: impl Iterator<Item = &'a TraceLine>) -> Vec<TraceLine> {
        let mut objects: Vec<String> = ends.flat_map(|line| self.objects_of(line)).collect();
        let mut before = usize::MAX;
        let mut chain = Vec::new();
        while chain.len() < CHAIN_MAX {
            let recent = objects.iter().filter_map(|object| self.recent.get(object)).flatten();
            let latest = recent.filter(|(n, _)| *n < before).max_by_key(|(n, _)| *n);
            let Some((n, line)) = latest else { break };
            before = *n;
            objects.extend(self.objects_of(line));
            objects.sort_unstable();
            objects.dedup();
            chain.push(line.clone());
        }
        chain.reverse();
        chain
    }

    /// The object of a change, that of its cause, the node that it names, and its owner.
    fn objects_of(&self, line: &TraceLine) -> Vec<String> {
        let cause = line.cause.split_once(' ').map(|(_, subject)| subject.to_owned());
        let node = Some(line.text("node")).filter(|node| !node.is_empty()).map(|node| format!("node/{node}"));
        let owner = self.owners.get(&line.object).cloned();
        [Some(line.object.clone()), cause, node, owner].into_iter().flatten().collect()
    }
}
