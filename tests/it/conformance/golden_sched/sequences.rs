//! Attempts one after another on a cluster that remembers them.

use std::collections::BTreeMap;

use cluster_sim::engine::SimDuration;
use cluster_sim::event::Command;
use cluster_sim::model::ids::{NodeId, PodId};
use cluster_sim::scheduler::cycle::{Attempt, Outcome, n_feasible_to_find};
use cluster_sim::scheduler::plugins::default_preemption::{self, Preemption};
use serde_json::Value;

use super::attempts::{self, pod_names};
use super::objects::{list, text, texts};
use super::same;
use super::world::World;

/// What is compared of each attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Verdicts, scores, messages, preemption.
    Scores,
    /// Which nodes were looked at.
    Sampling,
}

struct Sequence {
    world: World,
    compared: Compared,
    start: usize,
    /// The victims of the last nomination of each pod.
    victims: BTreeMap<String, Vec<String>>,
}

/// Runs a case of many steps, one second apart.
pub fn run(case: &Value, compared: Compared) -> Result<(), String> {
    let mut sequence = Sequence { world: World::new(case), compared, start: 0, victims: BTreeMap::new() };
    let begin = sequence.world.now;
    let steps = list(&case["expect"]["steps"]).collect::<Vec<_>>();
    for (at, (op, expect)) in list(&case["ops"]).zip(steps).enumerate() {
        sequence.world.now = begin + SimDuration::from_secs(at as u64);
        sequence.step(op, expect).map_err(|error| format!("step {at} ({}): {error}", text(&op["op"])))?;
    }
    Ok(())
}

impl Sequence {
    fn step(&mut self, op: &Value, expect: &Value) -> Result<(), String> {
        let key = format!("{}/{}", text(&op["ns"]), text(&op["name"]));
        match text(&op["op"]) {
            "schedule" if op["pod"].is_object() => {
                let id = self.world.add_pod(&op["pod"]);
                self.schedule(id, expect)
            }
            "schedule" => match self.world.pods.get(&key).copied() {
                None => same(&"gone", &text(&expect["result"])),
                Some(id) if self.world.pod(id).node.is_some() => same(&"bound", &text(&expect["result"])),
                Some(id) => self.schedule(id, expect),
            },
            "evict" => {
                let victims = self.living_victims(&key);
                same(&victims, &texts(&expect["evicted"]).into_iter().map(str::to_owned).collect())?;
                victims.iter().for_each(|victim| self.delete(victim));
                Ok(())
            }
            "terminate" => {
                let victims = self.living_victims(&key);
                same(&victims, &texts(&expect["terminating"]).into_iter().map(str::to_owned).collect())?;
                victims.iter().for_each(|victim| self.terminate(victim));
                Ok(())
            }
            "deletePod" => {
                self.delete(&key);
                Ok(())
            }
            "addNode" => {
                self.world.add_node(&op["node"]);
                Ok(())
            }
            "updateNode" => {
                self.world.update_node(&op["node"]);
                Ok(())
            }
            "deleteNode" => {
                let id = self.world.cluster.find_node(text(&op["name"])).expect("the node is there");
                self.world.write(Command::DeleteNode(id));
                Ok(())
            }
            other => panic!("no operation: {other}"),
        }
    }

    fn living_victims(&self, key: &str) -> Vec<String> {
        let victims = self.victims.get(key).into_iter().flatten();
        victims.filter(|victim| self.world.pods.contains_key(*victim)).cloned().collect()
    }

    fn delete(&mut self, key: &str) {
        if let Some(id) = self.world.pods.remove(key) {
            self.world.write(Command::DeletePod(id, Some(SimDuration::ZERO)));
        }
    }

    fn terminate(&mut self, key: &str) {
        let id = self.world.pods[key];
        let reason = default_preemption::REASON.into();
        self.world.write(Command::SetDisruptionTarget(id, reason, "".into()));
        self.world.write(Command::DeletePod(id, Some(SimDuration::from_secs(30))));
    }

    fn schedule(&mut self, id: PodId, expect: &Value) -> Result<(), String> {
        let attempt = self.world.attempt(id, self.start);
        match self.compared {
            Compared::Scores => {
                let explanation = self.world.explain(id);
                attempts::compare(&self.world, &attempt, &explanation, expect)?;
            }
            Compared::Sampling => self.check_sampling(&attempt, expect)?,
        }
        self.start = attempt.next_start;
        self.carry_out(id, &attempt, expect)
    }

    /// Does what the scheduler would do after the attempt; victims stay.
    fn carry_out(&mut self, id: PodId, attempt: &Attempt, expect: &Value) -> Result<(), String> {
        match &attempt.outcome {
            Outcome::Scheduled(choice) => {
                self.world.write(Command::BindPod(id, choice.node));
                self.world.write(Command::AcceptPod(id));
            }
            Outcome::Unschedulable(fit_error) => match &fit_error.preemption {
                Preemption::Plan(plan) => {
                    let key = pod_names(&self.world, &[id]).remove(0);
                    self.victims.insert(key, pod_names(&self.world, &plan.best.victims));
                    let cleared = self.cleared_nominations(id, plan.best.node);
                    let expected = texts(&expect["preemption"]["clearedNominations"]);
                    same(
                        &pod_names(&self.world, &cleared),
                        &expected.into_iter().map(str::to_owned).collect(),
                    )
                    .map_err(|error| format!("cleared: {error}"))?;
                    for other in cleared {
                        self.world.write(Command::NominateNode(other, None));
                    }
                    self.world.write(Command::NominateNode(id, Some(plan.best.node)));
                }
                Preemption::Failed(_) => {
                    self.world.write(Command::NominateNode(id, None));
                }
                Preemption::NotEligible(_) => {}
            },
            Outcome::NoNodes | Outcome::Error(_) => {}
        }
        Ok(())
    }

    /// The pods of lower priority that are nominated to a node.
    fn cleared_nominations(&self, id: PodId, node: NodeId) -> Vec<PodId> {
        let priority = self.world.pod(id).spec.priority;
        let is_lower = |other: &&PodId| self.world.pod(**other).spec.priority < priority;
        self.world.nominations.at(node).iter().filter(is_lower).copied().collect()
    }

    fn check_sampling(&self, attempt: &Attempt, expect: &Value) -> Result<(), String> {
        let number = |field: &str| expect[field].as_u64().expect("a number") as usize;
        same(&self.start, &number("startIndex")).map_err(|error| format!("startIndex: {error}"))?;
        same(&attempt.next_start, &number("nextStartIndex"))
            .map_err(|error| format!("nextStartIndex: {error}"))?;
        let Outcome::Scheduled(choice) = &attempt.outcome else {
            return same(&"unschedulable", &text(&expect["result"]));
        };
        same(&"scheduled", &text(&expect["result"]))?;
        same(&self.world.name(choice.node), &text(&expect["node"]))?;
        same(&choice.best.len(), &number("argmaxCount")).map_err(|error| format!("argmaxCount: {error}"))?;
        same(&choice.n_feasible, &covered(&expect["feasibleRanges"]))
            .map_err(|error| format!("feasible: {error}"))?;
        let percentage = self.world.config.percentage_of_nodes_to_score;
        let wanted = n_feasible_to_find(percentage, self.world.snapshot.len());
        same(&wanted, &number("wanted")).map_err(|error| format!("wanted: {error}"))
    }
}

/// How many positions inclusive ranges cover.
fn covered(ranges: &Value) -> usize {
    let bound = |range: &Value, at: usize| range[at].as_u64().expect("a position") as usize;
    list(ranges).map(|range| bound(range, 1) + 1 - bound(range, 0)).sum()
}
