//! How many more copies of a workload's pod fit, by the real scheduler, and what stops the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::SimTime;
use crate::experiment::trial;
use crate::model::ids::{Kind, NodeId, ObjectId};
use crate::model::scenario::Scenario;
use crate::observe::room::{Amounts, node_room};
use crate::scheduler::explain::{NodeVerdict, Scope};
use crate::sim::copies::NoRoom;

/// More copies are not tried.
const COPIES_MAX: u32 = 10_000;

/// How many more copies fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// The instant.
    pub at: SimTime,
    /// How many more fit.
    pub n_copies: u32,
    /// Why the next does not; `None` where so many were tried that it was given up.
    pub message: Option<String>,
    /// The nodes in the order of their creation.
    pub nodes: Vec<NodeFit>,
}

/// How many more copies fit on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFit {
    /// Its name.
    pub node: String,
    /// Its pods before.
    pub n_pods: usize,
    /// How many more copies it takes.
    pub n_copies: u32,
    /// The room that it has then.
    pub room: Amounts,
    /// Why it refuses the next, in upstream's words.
    pub refuses: Vec<String>,
}

/// Counts how many more copies of a workload's pod fit at an instant, or at the end.
///
/// # Errors
/// Why the workload has no copies.
pub fn fit(scenario: &Arc<Scenario>, kind: Kind, name: &str, at: Option<SimTime>) -> Result<Fit, String> {
    let trial = trial::run(scenario, at, (), |_| {});
    let mut fork = trial.simulation;
    let mut mould = fork.mould(kind, name)?;
    let nodes: Vec<NodeId> = fork.cluster().objects(Kind::Node).into_iter().filter_map(node).collect();
    let pods_before: BTreeMap<NodeId, usize> =
        nodes.iter().map(|node| (*node, fork.cluster().usage(*node).pods.len())).collect();
    let mut copies: BTreeMap<NodeId, u32> = BTreeMap::new();
    let mut n_copies = 0;
    let refusal: Option<NoRoom> = loop {
        match fork.place_copy(&mut mould) {
            Ok(node) => *copies.entry(node).or_default() += 1,
            Err(refusal) => break Some(refusal),
        }
        n_copies += 1;
        if n_copies == COPIES_MAX {
            break None;
        }
    };
    let waiting = refusal.as_ref().and_then(|refusal| fork.cluster().pod(refusal.pod?));
    let explanation =
        waiting.map(|pod| fork.scheduler().explain(fork.context(), fork.cluster(), pod, Scope::AllNodes));
    let refuses = |node: NodeId| {
        let verdicts = explanation.iter().flat_map(|explanation| &explanation.nodes);
        let own = verdicts.filter(|(other, _)| *other == node).map(|(_, verdict)| match verdict {
            NodeVerdict::Refused(refusal) => refusal.words(&fork.context().profile),
            NodeVerdict::NotAskedFor | NodeVerdict::NotReached | NodeVerdict::Scored(_) => Vec::new(),
        });
        own.flatten().collect()
    };
    let row = |node: &NodeId| NodeFit {
        node: fork.cluster().name_of(ObjectId::Node(*node)).to_string(),
        n_pods: pods_before[node],
        n_copies: copies.get(node).copied().unwrap_or(0),
        room: node_room(*node, fork.cluster()),
        refuses: refuses(*node),
    };
    Ok(Fit {
        at: trial.end,
        n_copies,
        message: refusal.map(|refusal| refusal.message),
        nodes: nodes.iter().map(row).collect(),
    })
}

const fn node(object: ObjectId) -> Option<NodeId> {
    match object {
        ObjectId::Node(node) => Some(node),
        _ => None,
    }
}
