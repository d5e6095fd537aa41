//! Scales: from values to places, with ticks at round values and the words for them.

use crate::engine::SimDuration;

/// A scale of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    from: f64,
    until: f64,
    kind: Kind,
    /// The ticks, in order.
    pub ticks: Vec<Tick>,
}

/// A place with a label.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The value.
    pub at: f64,
    /// What is written there.
    pub label: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    Log,
}

/// Round spans of time [s].
const SPANS: [f64; 31] = [
    1e-6, 1e-5, 1e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0,
    60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0,
    604_800.0,
];

impl Scale {
    fn linear(from: f64, until: f64, ticks: Vec<Tick>) -> Self {
        Self { from, until, kind: Kind::Linear, ticks }
    }

    /// Virtual time between two instants, with about so many ticks [s].
    pub fn time(from: f64, until: f64, n_ticks: usize) -> Self {
        let until = if until > from { until } else { from + 1.0 };
        let step = span_step(until - from, n_ticks);
        let ticks = multiples(from, until, step).map(|at| Tick { at, label: time_label(at) });
        let ticks = ticks.collect();
        Self::linear(from, until, ticks)
    }

    /// Spans of time from zero to a round value at or above `max` [s].
    pub fn spans(max: f64, n_ticks: usize) -> Self {
        let max = if max > 0.0 { max } else { 1.0 };
        let step = span_step(max, n_ticks);
        let until = libm::ceil(max / step - 1e-9) * step;
        let ticks = multiples(0.0, until, step).map(|at| Tick { at, label: time_label(at) }).collect();
        Self::linear(0.0, until, ticks)
    }

    /// Numbers from zero to a round value at or above `max`.
    pub fn numbers(max: f64, n_ticks: usize) -> Self {
        let max = if max > 0.0 { max } else { 1.0 };
        let step = number_step(max, n_ticks);
        let until = libm::ceil(max / step - 1e-9) * step;
        let ticks = multiples(0.0, until, step).map(|at| Tick { at, label: number(at) }).collect();
        Self::linear(0.0, until, ticks)
    }

    /// Counts from zero to a round value at or above `max`, with ticks at whole numbers.
    pub fn counts(max: f64, n_ticks: usize) -> Self {
        let max = max.max(1.0);
        let step = number_step(max, n_ticks).max(1.0);
        let until = libm::ceil(max / step - 1e-9) * step;
        let ticks = multiples(0.0, until, step).map(|at| Tick { at, label: number(at) }).collect();
        Self::linear(0.0, until, ticks)
    }

    /// Numbers between two values, which need not begin at zero: for differences.
    pub fn between(from: f64, until: f64, n_ticks: usize) -> Self {
        let (from, until) = if until > from { (from, until) } else { (from - 1.0, until + 1.0) };
        let step = number_step(until - from, n_ticks);
        let (from, until) = (libm::floor(from / step) * step, libm::ceil(until / step) * step);
        let ticks = multiples(from, until, step).map(|at| Tick { at, label: number(at) }).collect();
        Self::linear(from, until, ticks)
    }

    /// Shares from 0 to `max` of the whole, as percentages.
    pub fn shares(max: f64, n_ticks: usize) -> Self {
        let percent = Self::numbers(max * 100.0, n_ticks);
        let tick = |tick: Tick| Tick { at: tick.at / 100.0, label: format!("{} %", tick.label) };
        Self::linear(0.0, percent.until / 100.0, percent.ticks.into_iter().map(tick).collect())
    }

    /// Spans of time by powers of ten, between round values around `min` and `max` [s].
    pub fn log_spans(min: f64, max: f64) -> Self {
        let min = min.max(1e-9);
        let rounds = || {
            (-9..=9).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * libm::pow(10.0, f64::from(power))))
        };
        let from = rounds().rfind(|round| *round <= min * (1.0 + 1e-9)).unwrap_or(1e-9);
        let least = max.max(from * 10.0) * (1.0 - 1e-9);
        let until = rounds().find(|round| *round >= least).unwrap_or(1e9);
        let inside = || rounds().filter(|round| (from..=until).contains(round));
        let is_power = |round: &f64| libm::log10(*round).fract().abs() < 1e-9;
        let ticks: Vec<f64> =
            if inside().count() <= 8 { inside().collect() } else { inside().filter(is_power).collect() };
        let ticks = ticks.into_iter().map(|at| Tick { at, label: power_label(at) }).collect();
        Self { from, until, kind: Kind::Log, ticks }
    }

    /// Values between two ends, with ticks that are given.
    pub fn marked(from: f64, until: f64, ticks: Vec<Tick>) -> Self {
        let (from, until) = if until > from { (from, until) } else { (from - 0.5, until + 0.5) };
        Self::linear(from, until, ticks)
    }

    /// Rows from 0 to `n`, one unit each, without ticks.
    pub fn rows(n: usize) -> Self {
        Self::linear(0.0, n.max(1) as f64, Vec::new())
    }

    /// Where a value is, from 0 to 1; values beyond the ends are at the ends.
    pub fn place(&self, value: f64) -> f64 {
        let share = match self.kind {
            Kind::Linear => (value - self.from) / (self.until - self.from),
            Kind::Log => {
                let value = value.max(self.from);
                libm::log10(value / self.from) / libm::log10(self.until / self.from)
            }
        };
        share.clamp(0.0, 1.0)
    }

    /// The first value.
    pub const fn from(&self) -> f64 {
        self.from
    }

    /// The last value.
    pub const fn until(&self) -> f64 {
        self.until
    }
}

/// The smallest round span that makes at most so many steps [s].
fn span_step(range: f64, n_ticks: usize) -> f64 {
    let most = n_ticks.max(1) as f64;
    let round = SPANS.into_iter().find(|step| range / step <= most);
    round.unwrap_or_else(|| number_step(range / 604_800.0, n_ticks).max(1.0) * 604_800.0)
}

/// The smallest of 1, 2, 5 by a power of ten that makes at most so many steps.
fn number_step(range: f64, n_ticks: usize) -> f64 {
    let rough = range / n_ticks.max(1) as f64;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
    steps.into_iter().find(|step| *step >= rough * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// The multiples of `step` from `from` to `until`.
fn multiples(from: f64, until: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = libm::ceil(from / step - 1e-9) as i64;
    let last = libm::floor(until / step + 1e-9) as i64;
    (first..=last).map(move |n| n as f64 * step)
}

/// A span of time in the short form, `0` for none.
pub fn time_label(secs: f64) -> String {
    let nanos = libm::round(secs.abs() * 1e9) as u64;
    if nanos == 0 {
        return "0".to_owned();
    }
    let sign = if secs < 0.0 { "-" } else { "" };
    format!("{sign}{}", SimDuration::from_nanos(nanos))
}

/// A power of ten of seconds: `1ms`, `100s`.
fn power_label(secs: f64) -> String {
    if secs >= 1.0 { format!("{}s", number(secs)) } else { time_label(secs) }
}

/// A number without digits that say nothing: `0.25`, `1 500`, `12k`.
pub fn number(value: f64) -> String {
    let size = value.abs();
    let (value, unit) = match size {
        _ if size >= 1e9 => (value / 1e9, "G"),
        _ if size >= 1e6 => (value / 1e6, "M"),
        _ if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let text = if text == "-0" { "0" } else { text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(scale: &Scale, labels: &[&str]) {
        let found: Vec<&str> = scale.ticks.iter().map(|tick| &*tick.label).collect();
        assert_eq!(found, labels);
    }

    #[test]
    fn ticks_stand_at_round_values_in_their_units() {
        check(&Scale::time(0.0, 666.0, 6), &["0", "2m", "4m", "6m", "8m", "10m"]);
        check(&Scale::time(0.0, 86_400.0, 5), &["0", "6h", "12h", "18h", "24h"]);
        check(&Scale::time(0.0, 0.0, 4), &["0", "500ms", "1s"]);
        check(&Scale::numbers(3.2, 4), &["0", "1", "2", "3", "4"]);
        check(&Scale::numbers(0.0, 2), &["0", "0.5", "1"]);
        check(&Scale::counts(2.0, 5), &["0", "1", "2"]);
        check(&Scale::shares(1.0, 4), &["0 %", "50 %", "100 %"]);
        check(&Scale::between(-0.4, 0.7, 4), &["-0.5", "0", "0.5", "1"]);
        check(&Scale::log_spans(0.004, 2.0), &["10ms", "100ms", "1s"]);
        check(&Scale::log_spans(0.06, 4.9), &["50ms", "100ms", "200ms", "500ms", "1s", "2s", "5s"]);
        check(&Scale::spans(0.048, 5), &["0", "10ms", "20ms", "30ms", "40ms", "50ms"]);
    }

    #[test]
    fn values_beyond_the_ends_are_at_the_ends() {
        let scale = Scale::numbers(10.0, 5);
        assert_eq!([-1.0, 0.0, 5.0, 10.0, 99.0].map(|value| scale.place(value)), [0.0, 0.0, 0.5, 1.0, 1.0]);
        let scale = Scale::log_spans(0.001, 1.0);
        assert_eq!(scale.place(0.0), 0.0);
        assert!((scale.place(0.1) - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn numbers_have_no_idle_digits() {
        for (value, text) in [(0.0, "0"), (0.25, "0.25"), (12.5, "12.5"), (1500.0, "1500"), (12_000.0, "12k")]
        {
            assert_eq!(number(value), text);
        }
    }
}
