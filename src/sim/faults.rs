//! What fails by chance, again and again, from the seed.
//!
//! Each node that a fault is about, and each zone, has a stream of its own, so that another node, or another fault,
//! shifts no failure.

use rand_chacha::ChaCha8Rng;

use crate::component::Timers;
use crate::engine::{Distribution, EntityKey, Purpose, Streams};
use crate::event::Event;
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::scenario::{Action, Fault, FaultTarget, NewSpec, Scenario};
use crate::sim::name_matches;

/// Something that is up and down in turns.
#[derive(Clone)]
pub(super) struct FaultProcess {
    target: FaultTarget,
    rng: ChaCha8Rng,
    time_between_failures: Distribution,
    time_to_repair: Distribution,
    is_down: bool,
}

/// The processes of all faults of a scenario, in the order of the file and of the nodes.
pub(super) fn processes(scenario: &Scenario, streams: &Streams) -> Vec<FaultProcess> {
    scenario.faults.iter().flat_map(|fault| of_fault(fault, scenario, streams)).collect()
}

fn of_fault(fault: &Fault, scenario: &Scenario, streams: &Streams) -> Vec<FaultProcess> {
    let process = |target: FaultTarget, parts: [&str; 3]| FaultProcess {
        target,
        rng: streams.stream(Purpose::NodeFault, EntityKey::of(&parts)),
        time_between_failures: Distribution::exponential(fault.mtbf),
        time_to_repair: Distribution::exponential(fault.mttr),
        is_down: false,
    };
    match &fault.target {
        FaultTarget::Zone(zone) => vec![process(fault.target.clone(), ["Zone", "", zone])],
        FaultTarget::Nodes(pattern) => {
            let nodes = scenario.objects.iter().filter(|object| matches!(object.spec, NewSpec::Node(_)));
            let names = nodes.map(|node| &node.name).filter(|name| name_matches(pattern, name));
            names
                .map(|name: &Name| process(FaultTarget::Nodes(name.clone()), [Kind::Node.as_str(), "", name]))
                .collect()
        }
    }
}

impl FaultProcess {
    /// Makes the next failure, or the next return, due.
    pub(super) fn await_next(&mut self, position: u32, timers: &mut impl Timers) {
        let span = if self.is_down { &self.time_to_repair } else { &self.time_between_failures };
        let span = span.sample(&mut self.rng);
        timers.set_timer_after(span, Event::FaultDue(position));
    }

    /// What happens when that is due.
    pub(super) fn turn(&mut self) -> Action {
        self.is_down = !self.is_down;
        match (&self.target, self.is_down) {
            (FaultTarget::Nodes(node), true) => Action::FailNode(node.clone()),
            (FaultTarget::Nodes(node), false) => Action::RecoverNode(node.clone()),
            (FaultTarget::Zone(zone), true) => Action::FailZone(zone.clone()),
            (FaultTarget::Zone(zone), false) => Action::RecoverZone(zone.clone()),
        }
    }
}
