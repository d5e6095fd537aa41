//! Zones: how much of each is lost, and how fast pods may be evicted from it.

use std::collections::BTreeMap;
use std::fmt;

use crate::controllers::node_lifecycle::taint_queue::Rate;
use crate::model::meta::{Labels, Name};
use crate::model::node::{LABEL_REGION, LABEL_ZONE};

/// Nodes with this label do not count for the state of their zone.
const LABEL_EXCLUDED: &str = "node.kubernetes.io/exclude-disruption";

/// A failure zone. Nodes without labels for one are a zone of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone {
    region: Option<Name>,
    zone: Option<Name>,
}

impl Zone {
    /// The zone of a node with these labels.
    pub fn of(labels: &Labels) -> Self {
        Self { region: labels.get(LABEL_REGION).cloned(), zone: labels.get(LABEL_ZONE).cloned() }
    }
}

impl fmt::Display for Zone {
    /// `region/zone`, or what is given of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given: Vec<&str> = [&self.region, &self.zone].into_iter().flatten().map(|name| &**name).collect();
        f.write_str(&given.join("/"))
    }
}

/// Whether a node with these labels counts for the state of its zone.
pub fn counts(labels: &Labels) -> bool {
    labels.get(LABEL_EXCLUDED).is_none()
}

/// How much of a zone is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneState {
    /// Nobody has looked yet.
    Initial,
    /// Little or nothing.
    Normal,
    /// Much.
    PartialDisruption,
    /// Everything.
    FullDisruption,
    /// There is no node in it any more.
    Vanished,
}

/// How many nodes of a zone count, and how many of them are not Ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// All that count.
    pub n_nodes: u32,
    /// Those that are not Ready.
    pub n_not_ready: u32,
}

/// What the decisions about zones depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvictionLimits {
    /// The rate in zones that are Normal, or wholly lost while others are not.
    pub rate: Rate,
    /// The rate in large zones of which much is lost.
    pub secondary_rate: Rate,
    /// Up to this number of nodes a zone is not large: nothing is evicted while much of it is lost.
    pub large_cluster_threshold: u32,
    /// The share of nodes that makes much.
    pub unhealthy_zone_threshold: f32,
}

impl EvictionLimits {
    /// The defaults. Source: Kubernetes 1.28, kube-controller-manager, NodeLifecycleControllerConfiguration.
    pub const DEFAULT: Self = Self {
        rate: Rate(0.1),
        secondary_rate: Rate(0.01),
        large_cluster_threshold: 50,
        unhealthy_zone_threshold: 0.55,
    };

    /// The state of a zone.
    /// Source: Kubernetes 1.28, pkg/controller/nodelifecycle/node_lifecycle_controller.go, ComputeZoneState.
    pub fn state(&self, census: Census) -> ZoneState {
        let Census { n_nodes, n_not_ready } = census;
        if n_not_ready > 0 && n_not_ready == n_nodes {
            ZoneState::FullDisruption
        } else if n_not_ready > 2 && n_not_ready as f32 / n_nodes as f32 >= self.unhealthy_zone_threshold {
            ZoneState::PartialDisruption
        } else {
            ZoneState::Normal
        }
    }

    /// The rate in a zone while not all zones are lost.
    /// Source: as for [`state`](Self::state), setLimiterInZone.
    pub fn rate(&self, state: ZoneState, n_nodes: u32) -> Rate {
        match state {
            ZoneState::PartialDisruption if n_nodes > self.large_cluster_threshold => self.secondary_rate,
            ZoneState::PartialDisruption => Rate::ZERO,
            ZoneState::Initial | ZoneState::Normal | ZoneState::FullDisruption | ZoneState::Vanished => {
                self.rate
            }
        }
    }
}

/// What a look at all zones leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// Nothing new.
    Unchanged,
    /// No node is Ready any more: the control plane takes itself for cut off and evicts nothing.
    AllLost,
    /// Some node is Ready again after none was: all nodes are given their grace period anew.
    SomeBack(BTreeMap<Zone, Rate>),
    /// Zones have other rates.
    Rates(BTreeMap<Zone, Rate>),
}

/// Looks at all zones: brings `states` up to date and says what is to be done.
/// Source: as for [`EvictionLimits::state`], handleDisruption.
pub fn judge(
    states: &mut BTreeMap<Zone, ZoneState>,
    census: &BTreeMap<Zone, Census>,
    limits: &EvictionLimits,
) -> Verdict {
    let new: BTreeMap<Zone, ZoneState> =
        census.iter().map(|(zone, census)| (zone.clone(), limits.state(*census))).collect();
    for zone in new.keys() {
        states.entry(zone.clone()).or_insert(ZoneState::Initial);
    }
    let is_lost = |state: &ZoneState| *state == ZoneState::FullDisruption;
    let (are_all_lost, were_all_lost) = (new.values().all(is_lost), drop_vanished(states, census));
    if are_all_lost && were_all_lost {
        return Verdict::Unchanged;
    }
    if are_all_lost {
        states.values_mut().for_each(|state| *state = ZoneState::FullDisruption);
        return Verdict::AllLost;
    }
    let mut rates = BTreeMap::new();
    for (zone, state) in states.iter_mut() {
        let Some(now) = new.get(zone).copied() else {
            *state = ZoneState::Vanished;
            continue;
        };
        if std::mem::replace(state, now) != now || were_all_lost {
            rates.insert(zone.clone(), limits.rate(now, census[zone].n_nodes));
        }
    }
    match rates.is_empty() {
        _ if were_all_lost => Verdict::SomeBack(rates),
        true => Verdict::Unchanged,
        false => Verdict::Rates(rates),
    }
}

/// Forgets zones without nodes, up to the first that was not lost. Whether all were lost.
fn drop_vanished(states: &mut BTreeMap<Zone, ZoneState>, census: &BTreeMap<Zone, Census>) -> bool {
    let first_alive = states
        .iter()
        .find(|(zone, state)| census.contains_key(zone) && **state != ZoneState::FullDisruption)
        .map(|(zone, _)| zone.clone());
    states.retain(|zone, _| {
        census.contains_key(zone) || first_alive.as_ref().is_some_and(|first| zone > first)
    });
    first_alive.is_none()
}
