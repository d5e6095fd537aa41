//! Where two traces part: the first change that is not the same, and the chain of changes that led to it.
//!
//! Records are text about changes and are left out.

use std::collections::{BTreeMap, VecDeque};
use std::io::BufRead;

use serde_json::{Map, Value};

use crate::observe::trace::reader::{TraceError, TraceLine, TraceReader};

/// The length of the chain.
const CHAIN_MAX: usize = 10;
/// How many of the latest changes of an object are kept.
const RECENT_MAX: usize = 8;
/// Of how many objects that are gone changes are kept.
const GONE_MAX: usize = 1000;

/// Where two traces part.
#[derive(Debug, Clone, PartialEq)]
pub struct Divergence {
    /// How many changes are the same before.
    pub n_same: usize,
    /// The change on either side; none where that run was over.
    pub sides: [Option<TraceLine>; 2],
    /// What led to it, oldest first; the same on both sides.
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
    let mut n_same = 0;
    loop {
        let sides = [next_change(a)?, next_change(b)?];
        if let [None, None] = &sides {
            return Ok(Ok(n_same));
        }
        if sides[0].as_ref().map(key) == sides[1].as_ref().map(key) {
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

/// The next line that is no record.
fn next_change<R: BufRead>(trace: &mut TraceReader<R>) -> Result<Option<TraceLine>, TraceError> {
    loop {
        match trace.next().transpose()? {
            Some(line) if line.change == "Recorded" => {}
            line => return Ok(line),
        }
    }
}

/// All of a line that must be the same. The numbers of events may differ: events without a change, as those of requests,
/// are counted, too.
fn key(line: &TraceLine) -> (u64, &str, &str, &str, Option<&str>, &Map<String, Value>) {
    let TraceLine { t, change, object, cause, component, details, .. } = line;
    (t.to_bits(), change, object, cause, component.as_deref(), details)
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
