//! The cluster as metrics, under the names of kube-state-metrics: sampled at the end of a run, or every so often.
//!
//! Between two events nothing changes, so a sample that is due between them is taken before the later one is handled.
//! Source: kube-state-metrics v2.13, docs/metrics.

mod families;
mod objects;

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::component::Observer;
use crate::engine::{SimDuration, SimTime};
use crate::event::{Change, Event};
use crate::model::wall_clock::WallClock;
pub use crate::observe::kube_state::families::{FAMILIES, FamilyHead, MetricType};

/// Samples of the state of the cluster.
#[derive(Debug, Clone)]
pub struct KubeState {
    clock: WallClock,
    interval: Option<SimDuration>,
    /// When the next sample is due.
    next: SimTime,
    /// When the last one was taken.
    last: Option<SimTime>,
    /// By name of the family and labels: the samples in order of time.
    samples: BTreeMap<&'static str, BTreeMap<String, Vec<Sample>>>,
}

/// A value at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When.
    pub at: SimTime,
    /// What.
    pub value: f64,
}

impl KubeState {
    /// No sample yet; one is taken at the start and every `interval` from then on, or only when asked for.
    pub const fn new(clock: WallClock, interval: Option<SimDuration>) -> Self {
        Self { clock, interval, next: SimTime::ZERO, last: None, samples: BTreeMap::new() }
    }

    /// Takes what samples are due up to the end of a run, and the one at the end.
    pub fn finish(&mut self, end: SimTime, cluster: &Cluster) {
        self.catch_up(end, cluster);
        if self.last != Some(end) {
            self.sample(end, cluster);
        }
    }

    /// The civil time of the instants.
    pub const fn clock(&self) -> WallClock {
        self.clock
    }

    /// The samples of a family: labels as OpenMetrics writes them, and values in order of time.
    pub fn samples(&self, family: &str) -> impl Iterator<Item = (&str, &[Sample])> {
        let series = self.samples.get(family).into_iter().flatten();
        series.map(|(labels, samples)| (labels.as_str(), samples.as_slice()))
    }

    /// Takes the samples that are due before something happens at `now`.
    fn catch_up(&mut self, now: SimTime, cluster: &Cluster) {
        let Some(interval) = self.interval else { return };
        while self.next < now {
            self.sample(self.next, cluster);
            self.next += interval;
        }
    }

    fn sample(&mut self, at: SimTime, cluster: &Cluster) {
        self.last = Some(at);
        objects::nodes(self, at, cluster);
        objects::pods(self, at, cluster);
        objects::jobs(self, at, cluster);
        objects::workloads(self, at, cluster);
        objects::budgets_and_autoscalers(self, at, cluster);
    }

    fn put(&mut self, at: SimTime, family: &'static str, labels: &[(&str, &str)], value: f64) {
        debug_assert!(FAMILIES.iter().any(|head| head.name == family), "{family} is no family");
        let samples = self.samples.entry(family).or_default().entry(labels_text(labels)).or_default();
        samples.push(Sample { at, value });
    }
}

impl Observer for KubeState {
    fn begin(&mut self, now: SimTime, _seq: u64, _event: &Event, cluster: &Cluster) {
        self.catch_up(now, cluster);
    }

    fn see(&mut self, _now: SimTime, _change: &Change, _cluster: &Cluster) {}

    fn wants_records(&self, _reason: &str) -> bool {
        false
    }
}

/// `node="n1",resource="cpu"`
/// Source: OpenMetrics 1.0, ABNF: escaped-char.
fn labels_text(labels: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                _ => text.push(letter),
            }
        }
        text.push('"');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(labels_text(&[("a", "x\\\"y\nz"), ("b", "ü")]), r#"a="x\\\"y\nz",b="ü""#);
    }

    #[test]
    fn families_are_sorted_and_named_once() {
        assert!(FAMILIES.is_sorted_by(|a, b| a.name < b.name));
    }
}
