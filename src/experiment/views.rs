//! What a page shows of a trial besides its measures: how latencies are spread, the load over time, the sizes that
//! autoscalers set.

use crate::component::Observer;
use crate::engine::SimTime;
use crate::experiment::trial::Trial;
use crate::traffic::WindowSummary;

/// The numbers of a thousand at which latencies are looked at: every hundredth, and the ends.
pub const PER_MILLE: [u64; 103] = {
    let mut shares = [0; 103];
    let mut at = 0;
    while at < 100 {
        shares[at] = at as u64 * 10;
        at += 1;
    }
    (shares[100], shares[101], shares[102]) = (995, 999, 1000);
    shares
};

/// What a page shows of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialView {
    /// When it ended.
    pub end: SimTime,
    /// The sources of load.
    pub sources: Vec<SourceView>,
    /// The autoscalers.
    pub autoscalers: Vec<AutoscalerView>,
}

/// A source of load.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// Requests that were answered after the warm-up.
    pub answered: u64,
    /// Their latencies at [`PER_MILLE`] [s].
    pub quantiles: Vec<f64>,
    /// The load over time, with the warm-up.
    pub windows: Vec<WindowSummary>,
}

/// The sizes that an autoscaler set.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoscalerView {
    /// Its name; with its namespace where that is not `default`.
    pub name: String,
    /// Since when [s] its target had how many replicas.
    pub sizes: Vec<(f64, u32)>,
}

impl AutoscalerView {
    /// The size at an instant [s].
    pub fn size(&self, at: f64) -> Option<u32> {
        let until = self.sizes.partition_point(|(since, _)| *since <= at);
        until.checked_sub(1).map(|last| self.sizes[last].1)
    }
}

impl SourceView {
    /// The share of the answered that took at most so long [s], from 0 to 1.
    pub fn share_within(&self, latency: f64) -> f64 {
        let above = self.quantiles.partition_point(|quantile| *quantile <= latency);
        let share = |at: usize| PER_MILLE[at] as f64 / 1000.0;
        match above {
            0 => 0.0,
            _ if above == self.quantiles.len() => 1.0,
            _ => {
                let (low, high) = (self.quantiles[above - 1], self.quantiles[above]);
                let part = (latency - low) / (high - low);
                share(above - 1) + part * (share(above) - share(above - 1))
            }
        }
    }
}

/// What a page shows of a trial that has ended.
pub fn view<O: Observer>(trial: &Trial<O>) -> TrialView {
    let sources = trial.traffic().map(|results| results.sources).unwrap_or_default();
    let quantiles = trial.simulation.traffic().latency_quantiles(PER_MILLE);
    let sources = sources.into_iter().zip(quantiles).map(|(source, quantiles)| SourceView {
        name: source.name.to_string(),
        answered: source.succeeded,
        quantiles: quantiles.iter().map(|latency| latency.as_secs_f64()).collect(),
        windows: source.windows,
    });
    let scalings = &trial.simulation.observer().0.scalings;
    let autoscalers = scalings.entries().iter().map(|entry| {
        let namespace = if &*entry.namespace == "default" { "" } else { &*entry.namespace };
        let separator = if namespace.is_empty() { "" } else { "/" };
        let first = entry.scalings.first().map(|scaling| scaling.from).or(entry.replicas);
        let set = entry.scalings.iter().map(|it| (it.at.since(SimTime::ZERO).as_secs_f64(), it.to));
        AutoscalerView {
            name: format!("{namespace}{separator}{}", entry.name),
            sizes: first.map(|size| (0.0, size)).into_iter().chain(set).collect(),
        }
    });
    TrialView { end: trial.end, sources: sources.collect(), autoscalers: autoscalers.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_within_a_latency_is_read_off_its_quantiles() {
        let quantiles = PER_MILLE.iter().map(|share| *share as f64 / 1000.0).collect();
        let source = SourceView { name: String::new(), answered: 1, quantiles, windows: Vec::new() };
        for (latency, share) in
            [(-1.0, 0.0), (0.0, 0.0), (0.255, 0.255), (0.997, 0.997), (1.0, 1.0), (7.0, 1.0)]
        {
            let found = source.share_within(latency);
            assert!((found - share).abs() < 1e-9, "{latency}: {found}");
        }
    }

    #[test]
    fn a_size_lasts_until_the_next() {
        let view = AutoscalerView { name: String::new(), sizes: vec![(0.0, 1), (60.0, 3)] };
        assert_eq!([0.0, 59.9, 60.0, 1e9].map(|at| view.size(at)), [Some(1), Some(1), Some(3), Some(3)]);
    }
}
