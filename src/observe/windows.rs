//! Windows of time: what is seen of a run in at most so many pieces, however long it lasts.
//!
//! Windows begin short; when there would be too many, neighbours are merged. All lengths are round, and each divides the
//! next, so two series of the same bound that end at the same instant have the same windows.

use crate::engine::{SimDuration, SimTime};

/// The lengths of windows [ms].
const LENGTHS: [u64; 19] = [
    100,
    200,
    1_000,
    2_000,
    10_000,
    20_000,
    60_000,
    120_000,
    600_000,
    1_200_000,
    3_600_000,
    7_200_000,
    21_600_000,
    43_200_000,
    86_400_000,
    172_800_000,
    864_000_000,
    8_640_000_000,
    86_400_000_000,
];

/// What a window holds.
pub trait Window: Default + Clone {
    /// Takes over what the next window holds.
    fn merge(&mut self, next: &Self);
}

/// The windows of a series.
#[derive(Debug, Clone)]
pub struct Windows<W> {
    length: usize,
    max: usize,
    windows: Vec<W>,
}

/// A window of a series that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSpan {
    /// Its beginning.
    pub from: SimTime,
    /// Its end.
    pub until: SimTime,
}

impl WindowSpan {
    /// How long it is.
    pub fn length(&self) -> SimDuration {
        self.until.since(self.from)
    }
}

impl<W: Window> Windows<W> {
    /// No window yet, and never more than `max`.
    pub const fn new(max: usize) -> Self {
        Self { length: 0, max, windows: Vec::new() }
    }

    /// The present length of a window.
    pub fn length(&self) -> SimDuration {
        SimDuration::from_millis(LENGTHS[self.length])
    }

    /// Calls `note` for every window that a span touches, with the part of the span in it.
    pub fn each(&mut self, from: SimTime, until: SimTime, mut note: impl FnMut(&mut W, WindowSpan)) {
        if until <= from {
            return;
        }
        while self.position(SimTime::from_nanos(until.as_nanos() - 1)) >= self.max
            && self.length + 1 < LENGTHS.len()
        {
            self.coarsen();
        }
        let length = self.length().as_nanos();
        let (first, last) = (self.position(from), self.position(SimTime::from_nanos(until.as_nanos() - 1)));
        if self.windows.len() <= last {
            self.windows.resize(last + 1, W::default());
        }
        for at in first..=last {
            let start = SimTime::from_nanos(at as u64 * length);
            let span = WindowSpan { from: from.max(start), until: until.min(start + self.length()) };
            note(&mut self.windows[at], span);
        }
    }

    fn position(&self, at: SimTime) -> usize {
        usize::try_from(at.as_nanos() / self.length().as_nanos()).unwrap_or(usize::MAX)
    }

    fn coarsen(&mut self) {
        let factor = (LENGTHS[self.length + 1] / LENGTHS[self.length]) as usize;
        let merged = self.windows.chunks(factor).map(|chunk| {
            let (first, rest) = chunk.split_first().expect("a chunk has an element");
            let mut sum = first.clone();
            rest.iter().for_each(|next| sum.merge(next));
            sum
        });
        self.windows = merged.collect();
        self.length += 1;
    }

    /// The windows in order of time; the last one ends at `end`.
    pub fn iter(&self, end: SimTime) -> impl Iterator<Item = (WindowSpan, &W)> {
        let length = self.length();
        self.windows.iter().enumerate().map(move |(at, window)| {
            let from = SimTime::from_nanos(at as u64 * length.as_nanos());
            (WindowSpan { from, until: (from + length).min(end) }, window)
        })
    }
}

/// A level over time in windows: mean and peak of each.
#[derive(Debug, Clone)]
pub struct LevelSeries {
    now: i64,
    at: SimTime,
    windows: Windows<LevelWindow>,
}

#[derive(Debug, Clone, Default)]
struct LevelWindow {
    /// [units × ns]
    integral: i128,
    peak: i64,
}

impl Window for LevelWindow {
    fn merge(&mut self, next: &Self) {
        self.integral += next.integral;
        self.peak = self.peak.max(next.peak);
    }
}

/// A level in one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevelPoint {
    /// The window.
    pub span: WindowSpan,
    /// The mean, weighted by time.
    pub mean: f64,
    /// The highest that lasted.
    pub peak: i64,
}

impl LevelSeries {
    /// A level of zero.
    pub const fn new(windows_max: usize) -> Self {
        Self { now: 0, at: SimTime::ZERO, windows: Windows::new(windows_max) }
    }

    /// The level now.
    pub const fn level(&self) -> i64 {
        self.now
    }

    /// Changes the level.
    pub fn set(&mut self, now: SimTime, level: i64) {
        self.advance(now);
        self.now = level;
    }

    /// Changes the level by so much.
    pub fn add(&mut self, now: SimTime, difference: i64) {
        self.set(now, self.now + difference);
    }

    /// The level lasts to `now`.
    pub fn advance(&mut self, now: SimTime) {
        let level = self.now;
        self.windows.each(self.at, now, |window, span| {
            window.integral += i128::from(level) * i128::from(span.length().as_nanos());
            window.peak = window.peak.max(level);
        });
        self.at = self.at.max(now);
    }

    /// The level in all windows up to `end`.
    pub fn points(&self, end: SimTime) -> Vec<LevelPoint> {
        let mut whole = self.clone();
        whole.advance(end);
        let point = |(span, window): (WindowSpan, &LevelWindow)| LevelPoint {
            span,
            mean: window.integral as f64 / span.length().as_nanos() as f64,
            peak: window.peak,
        };
        whole.windows.iter(end).map(point).collect()
    }

    /// The highest that lasted in any window up to `end`.
    pub fn peak(&self, end: SimTime) -> i64 {
        self.points(end).iter().map(|point| point.peak).max().unwrap_or(self.now)
    }
}

/// A sum over time in windows, such as time spent.
#[derive(Debug, Clone)]
pub struct SumSeries {
    windows: Windows<Sum>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum(f64);

impl Window for Sum {
    fn merge(&mut self, next: &Self) {
        self.0 += next.0;
    }
}

impl SumSeries {
    /// Nothing yet.
    pub const fn new(windows_max: usize) -> Self {
        Self { windows: Windows::new(windows_max) }
    }

    /// The present length of a window.
    pub fn length(&self) -> SimDuration {
        self.windows.length()
    }

    /// Adds an amount that was gathered evenly over a span.
    pub fn add(&mut self, from: SimTime, until: SimTime, amount: f64) {
        let whole = until.since(from).as_nanos() as f64;
        self.windows.each(from, until, |sum, span| {
            sum.0 += amount * (span.length().as_nanos() as f64 / whole);
        });
    }

    /// The amount by nanosecond in all windows.
    pub fn rates(&self, end: SimTime) -> impl Iterator<Item = (WindowSpan, f64)> {
        self.windows.iter(end).map(|(span, sum)| (span, sum.0 / span.length().as_nanos() as f64))
    }
}

/// How old the oldest is, in windows: the most in each.
#[derive(Debug, Clone)]
pub struct AgeSeries {
    at: SimTime,
    oldest: Option<SimTime>,
    windows: Windows<Age>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Age(SimDuration);

impl Window for Age {
    fn merge(&mut self, next: &Self) {
        self.0 = self.0.max(next.0);
    }
}

impl AgeSeries {
    /// Nobody is there.
    pub const fn new(windows_max: usize) -> Self {
        Self { at: SimTime::ZERO, oldest: None, windows: Windows::new(windows_max) }
    }

    /// From now on the oldest is from this instant.
    pub fn set(&mut self, now: SimTime, oldest: Option<SimTime>) {
        self.advance(now);
        self.oldest = oldest;
    }

    fn advance(&mut self, now: SimTime) {
        let oldest = self.oldest;
        self.windows.each(self.at, now, |age, span| {
            age.0 = age.0.max(oldest.map_or(SimDuration::ZERO, |oldest| span.until.since(oldest)));
        });
        self.at = self.at.max(now);
    }

    /// The greatest age in all windows up to `end`.
    pub fn points(&self, end: SimTime) -> Vec<(WindowSpan, SimDuration)> {
        let mut whole = self.clone();
        whole.advance(end);
        whole.windows.iter(end).map(|(span, age)| (span, age.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SimTime {
        SimTime::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn the_mean_of_a_window_is_weighted_by_time_and_survives_merging() {
        let mut series = LevelSeries::new(4);
        series.set(at(50), 10);
        series.set(at(150), 0);
        let found: Vec<(f64, i64)> =
            series.points(at(200)).iter().map(|point| (point.mean, point.peak)).collect();
        assert_eq!(found, [(5.0, 10), (5.0, 10)]);
        let found: Vec<(f64, i64)> =
            series.points(at(4_000)).iter().map(|point| (point.mean, point.peak)).collect();
        assert_eq!(found, [(1.0, 10), (0.0, 0), (0.0, 0), (0.0, 0)]);
    }

    #[test]
    fn a_level_that_lasts_no_time_is_no_peak() {
        let mut series = LevelSeries::new(4);
        series.set(at(10), 7);
        series.set(at(10), 2);
        assert_eq!(series.peak(at(100)), 2);
    }

    #[test]
    fn series_that_end_together_have_the_same_windows() {
        let (mut busy, mut idle) = (LevelSeries::new(8), LevelSeries::new(8));
        (1..500).for_each(|tick| busy.set(at(tick * 37), i64::try_from(tick % 3).unwrap()));
        idle.set(at(0), 1);
        let spans = |series: &LevelSeries| -> Vec<WindowSpan> {
            series.points(at(18_463)).iter().map(|point| point.span).collect()
        };
        assert_eq!(spans(&busy), spans(&idle));
        assert_eq!(spans(&busy).last().unwrap().until, at(18_463));
    }

    #[test]
    fn the_age_of_the_oldest_grows_until_it_is_gone() {
        let mut ages = AgeSeries::new(100);
        ages.set(at(50), Some(at(50)));
        ages.set(at(250), None);
        let found: Vec<u64> =
            ages.points(at(400)).iter().map(|(_, age)| age.as_nanos() / 1_000_000).collect();
        assert_eq!(found, [50, 150, 200, 0]);
    }
}
