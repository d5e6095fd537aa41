//! Entries of the timeline about what goes wrong for a while: what begins, and what ends it.

use crate::engine::{SimDuration, SimTime};
use crate::manifest::load::Head;
use crate::manifest::scenario::{ComponentChoice, Fail, PartitionEntry, Shutdown, Span, Stop, TimelineEntry};
use crate::model::meta::Name;
use crate::model::scenario::{Action, ComponentName, TimedAction};
use crate::model::traffic::Partition;

/// Something that goes wrong, and what makes it right after a while.
pub(super) struct Spell {
    begin: Action,
    end: Option<(SimDuration, Action)>,
}

/// A spell, or what is wrong with it, by the field that asks for it.
type Outcome = (&'static str, Result<Spell, String>);

impl Spell {
    fn new(begin: Action, end: Action, span: Option<Span>) -> Self {
        Self { begin, end: span.map(|span| (span.0, end)) }
    }

    /// What it begins with at an instant, and what it ends with unless another entry ends it before.
    pub(super) fn actions(self, entry: Option<u32>, at: SimTime) -> (TimedAction, Option<SpellEnd>) {
        let begin = TimedAction { entry, at, action: self.begin };
        let end = self.end.map(|(span, action)| SpellEnd {
            begin: at,
            action: TimedAction { entry, at: at + span, action },
        });
        (begin, end)
    }
}

/// What ends a spell when its time is over.
pub(super) struct SpellEnd {
    begin: SimTime,
    action: TimedAction,
}

impl SpellEnd {
    /// The action, unless one of these has ended the spell by then: its end would be that of another spell.
    pub(super) fn unless_ended(self, others: &[TimedAction]) -> Option<TimedAction> {
        let Self { begin, action: end } = self;
        let is_earlier_end = |other: &TimedAction| {
            other.action == end.action && (other.at, other.entry) > (begin, end.entry) && other.at < end.at
        };
        (!others.iter().any(is_earlier_end)).then_some(end)
    }
}

/// The spells that an entry asks for.
pub(super) fn spells(written: &TimelineEntry, head: &Head) -> impl Iterator<Item = Outcome> {
    let start = written.start.as_ref().map(|target| {
        let pair = component(target.component, target.node.as_deref());
        pair.map(|(_, start)| Spell { begin: start, end: None })
    });
    let recover = written.recover.as_ref().map(|target| {
        let pair = nodes(target.node.as_deref(), target.zone.as_deref());
        pair.map(|(_, recover)| Spell { begin: recover, end: None })
    });
    let heal = written.heal.as_ref().map(|entry| {
        zones(&entry.zones).map(|partition| Spell { begin: Action::Heal(partition), end: None })
    });
    [
        ("fail", written.fail.as_ref().map(fail)),
        ("recover", recover),
        ("shutdown", written.shutdown.as_ref().map(|shutdown| shut_down(shutdown, head))),
        ("partition", written.partition.as_ref().map(partition)),
        ("heal", heal),
        ("stop", written.stop.as_ref().map(stop)),
        ("start", start),
    ]
    .into_iter()
    .filter_map(|(field, outcome)| Some((field, outcome?)))
}

fn fail(fail: &Fail) -> Result<Spell, String> {
    let (begin, end) = nodes(fail.node.as_deref(), fail.zone.as_deref())?;
    Ok(Spell::new(begin, end, fail.r#for))
}

/// What has a node or a zone fail, and what brings it back.
fn nodes(node: Option<&str>, zone: Option<&str>) -> Result<(Action, Action), String> {
    match (node, zone) {
        (Some(node), None) => Ok((Action::FailNode(node.into()), Action::RecoverNode(node.into()))),
        (None, Some(zone)) => Ok((Action::FailZone(zone.into()), Action::RecoverZone(zone.into()))),
        (None, None) | (Some(_), Some(_)) => Err("exactly one of node, zone is wanted".to_owned()),
    }
}

fn shut_down(shutdown: &Shutdown, head: &Head) -> Result<Spell, String> {
    let grace = head.spec.kubelet.as_ref().and_then(|kubelet| kubelet.shutdown_grace_period);
    if let (Some(span), Some(grace)) = (shutdown.r#for, grace)
        && span.0 <= grace.0
    {
        return Err(format!("for {} is not longer than the shutdownGracePeriod of {}", span.0, grace.0));
    }
    let node = shutdown.node.as_str();
    Ok(Spell::new(Action::ShutDownNode(node.into()), Action::RecoverNode(node.into()), shutdown.r#for))
}

fn partition(entry: &PartitionEntry) -> Result<Spell, String> {
    let partition = zones(&entry.zones)?;
    Ok(Spell::new(Action::Partition(partition.clone()), Action::Heal(partition), entry.r#for))
}

/// The partition of some zones, in whatever order they are named.
fn zones(names: &[String]) -> Result<Partition, String> {
    if names.is_empty() {
        return Err("at least one zone is wanted".to_owned());
    }
    let mut zones: Vec<Name> = names.iter().map(|zone| zone.as_str().into()).collect();
    zones.sort_unstable();
    Ok(Partition { zones })
}

fn stop(stop: &Stop) -> Result<Spell, String> {
    let (begin, end) = component(stop.component, stop.node.as_deref())?;
    Ok(Spell::new(begin, end, stop.r#for))
}

/// What stops a component, and what starts it.
fn component(choice: ComponentChoice, node: Option<&str>) -> Result<(Action, Action), String> {
    let name = match choice {
        ComponentChoice::Kubelet => {
            let node = node.ok_or("a kubelet needs a node")?;
            return Ok((Action::StopKubelet(node.into()), Action::StartKubelet(node.into())));
        }
        ComponentChoice::KubeApiserver => ComponentName::KubeApiserver,
        ComponentChoice::KubeControllerManager => ComponentName::KubeControllerManager,
        ComponentChoice::KubeScheduler => ComponentName::KubeScheduler,
    };
    match node {
        Some(_) => Err(format!("{} runs on no node of its own", name.as_str())),
        None => Ok((Action::StopComponent(name), Action::StartComponent(name))),
    }
}
