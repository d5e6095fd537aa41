//! The random numbers of requests, by their place in the call graph.
//!
//! A path names a place: the source, then which call, which repetition and which attempt on each level. The draws of a request
//! are those of its path at the number of the request that began it. So they depend neither on where
//! things run nor on the order of events: the same request asks for the same cpu time in every layout.

use crate::engine::indexed::IndexedDraws;
use crate::engine::{EntityKey, Purpose, Streams};

/// How many calls may be nested. A graph of calls that goes round in a circle ends here.
const DEPTH_MAX: u16 = 32;

/// Names a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PathId(u32);

/// One step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Leg {
    /// Which of the server's calls.
    pub(super) call: u16,
    /// Which of its repetitions.
    pub(super) repetition: u32,
    /// How often it was sent before.
    pub(super) attempt: u16,
}

/// All paths that were ever taken.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    streams: Streams,
    paths: Vec<Path>,
}

#[derive(Debug, Clone)]
struct Path {
    key: EntityKey,
    depth: u16,
    /// Sorted.
    branches: Vec<(Leg, PathId)>,
    demand: Option<IndexedDraws>,
    choice: Option<IndexedDraws>,
}

impl Leg {
    /// A number that no other leg has.
    fn place(self) -> u64 {
        u64::from(self.call) << 48 | u64::from(self.attempt) << 32 | u64::from(self.repetition)
    }
}

impl Paths {
    /// No path.
    pub(super) const fn new(streams: Streams) -> Self {
        Self { streams, paths: Vec::new() }
    }

    /// The path of what a source sends, for the first time or again.
    pub(super) fn root(&mut self, key: EntityKey, attempt: u16) -> PathId {
        let leg = Leg { call: u16::MAX, repetition: 0, attempt };
        self.add(if attempt == 0 { key } else { key.child(leg.place()) }, 0)
    }

    /// The path that goes on from another; `None` where it would be too long.
    #[inline]
    pub(super) fn branch(&mut self, from: PathId, leg: Leg) -> Option<PathId> {
        let path = &self.paths[from.0 as usize];
        match path.branches.binary_search_by(|(other, _)| other.cmp(&leg)) {
            Ok(at) => Some(path.branches[at].1),
            Err(_) if path.depth == DEPTH_MAX => None,
            Err(at) => {
                let (key, depth) = (path.key.child(leg.place()), path.depth + 1);
                let branch = self.add(key, depth);
                self.paths[from.0 as usize].branches.insert(at, (leg, branch));
                Some(branch)
            }
        }
    }

    /// The draw for the cpu time of a request.
    #[inline]
    pub(super) fn demand(&mut self, path: PathId, number: u64) -> f64 {
        let path = &mut self.paths[path.0 as usize];
        let draws = path
            .demand
            .get_or_insert_with(|| IndexedDraws::new(self.streams.stream(Purpose::RequestDemand, path.key)));
        draws.uniform_at(number)
    }

    /// The draw for the choice of an endpoint.
    #[inline]
    pub(super) fn choice(&mut self, path: PathId, number: u64) -> f64 {
        let path = &mut self.paths[path.0 as usize];
        let draws = path
            .choice
            .get_or_insert_with(|| IndexedDraws::new(self.streams.stream(Purpose::EndpointChoice, path.key)));
        draws.uniform_at(number)
    }

    fn add(&mut self, key: EntityKey, depth: u16) -> PathId {
        self.paths.push(Path { key, depth, branches: Vec::new(), demand: None, choice: None });
        PathId(self.paths.len() as u32 - 1)
    }
}
