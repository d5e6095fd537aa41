//! Sources of requests, and what is counted of them.

use hdrhistogram::Histogram;

use crate::engine::{SimDuration, SimTime};
use crate::model::traffic::{SourceId, TimeoutId};
use crate::network::{Connections, TargetId};
use crate::traffic::arrivals::ArrivalClock;
use crate::traffic::latency::{Latencies, histogram};
use crate::traffic::paths::PathId;
use crate::traffic::request::{ErrorKind, Outcome};

/// How many windows of time there may be; more are merged two by two.
const WINDOWS_MAX: usize = 128;
/// The first length of a window.
const WINDOW_MIN: SimDuration = SimDuration::from_secs(1);

/// A source of requests.
#[derive(Debug, Clone)]
pub(super) struct SourceState {
    pub(super) id: SourceId,
    pub(super) clock: ArrivalClock,
    pub(super) target: TargetId,
    pub(super) timeout: TimeoutId,
    pub(super) retries: u16,
    pub(super) connections: Option<Connections>,
    /// The paths of what it sends, by attempt.
    pub(super) paths: Vec<PathId>,
    pub(super) n_sent: u64,
    pub(super) ledger: SourceLedger,
}

/// What is counted of a source: the requests that arrived after the warm-up.
#[derive(Debug, Clone)]
pub(super) struct SourceLedger {
    pub(super) offered: u64,
    pub(super) retried: u64,
    pub(super) errors: [u64; ErrorKind::COUNT],
    pub(super) latencies: Latencies,
    pub(super) windows: Windows,
}

/// What is counted over time.
#[derive(Debug, Clone)]
pub(super) struct Windows {
    span: SimDuration,
    windows: Vec<Window>,
    /// The latest window that was looked for, and its end.
    latest: usize,
    latest_end: SimTime,
}

/// What is counted in one window of time.
#[derive(Debug, Clone)]
struct Window {
    offered: u64,
    errors: u64,
    latencies: Histogram<u32>,
}

/// What is shown of a window of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowSummary {
    /// Its beginning.
    pub from: SimTime,
    /// Its length.
    pub span: SimDuration,
    /// Requests that arrived in it.
    pub offered: u64,
    /// Requests that were answered in it.
    pub succeeded: u64,
    /// Requests that failed in it.
    pub errors: u64,
    /// The mean latency of the answered, to two digits.
    pub mean: SimDuration,
    /// Half were at most so long, to two digits.
    pub p50: SimDuration,
    /// 99 of a hundred, to two digits.
    pub p99: SimDuration,
}

impl SourceLedger {
    pub(super) fn new() -> Self {
        Self {
            offered: 0,
            retried: 0,
            errors: [0; ErrorKind::COUNT],
            latencies: Latencies::default(),
            windows: Windows::new(),
        }
    }

    /// A request arrives.
    #[inline]
    pub(super) fn offer(&mut self, is_counted: bool, now: SimTime) {
        self.offered += u64::from(is_counted);
        self.windows.at(now).offered += 1;
    }

    /// A request is over.
    #[inline]
    pub(super) fn finish(&mut self, outcome: Outcome, started: SimTime, is_counted: bool, now: SimTime) {
        let latency = now.since(started);
        let window = self.windows.at(now);
        match outcome {
            Ok(()) => window.latencies.saturating_record(latency.as_nanos()),
            Err(_) => window.errors += 1,
        }
        if is_counted {
            match outcome {
                Ok(()) => self.latencies.add(latency),
                Err(kind) => self.errors[kind as usize] += 1,
            }
        }
    }
}

impl Windows {
    const fn new() -> Self {
        Self { span: WINDOW_MIN, windows: Vec::new(), latest: 0, latest_end: SimTime::ZERO }
    }

    /// The window of an instant, at the earliest that of the instant before.
    #[inline]
    fn at(&mut self, now: SimTime) -> &mut Window {
        if now >= self.latest_end {
            self.latest = self.find(now);
            self.latest_end = SimTime::ZERO + self.span.saturating_mul(self.latest as u64 + 1);
        }
        &mut self.windows[self.latest]
    }

    /// The position of the window of an instant, made where there is none.
    fn find(&mut self, now: SimTime) -> usize {
        loop {
            let at = (now.as_nanos() / self.span.as_nanos()) as usize;
            if at < self.windows.len() {
                return at;
            }
            if at < WINDOWS_MAX {
                self.windows.resize_with(at + 1, Window::new);
            } else {
                self.merge();
            }
        }
    }

    /// Makes windows of twice the length.
    fn merge(&mut self) {
        self.span = self.span.saturating_mul(2);
        let mut merged = Vec::with_capacity(WINDOWS_MAX);
        let mut windows = std::mem::take(&mut self.windows).into_iter();
        while let Some(mut window) = windows.next() {
            if let Some(next) = windows.next() {
                window.offered += next.offered;
                window.errors += next.errors;
                window.latencies += next.latencies;
            }
            merged.push(window);
        }
        self.windows = merged;
    }

    /// What is shown of them.
    pub(super) fn summaries(&self) -> Vec<WindowSummary> {
        let numbered = (0_u64..).zip(&self.windows);
        let of = |(number, window): (u64, &Window)| {
            let at = |quantile| SimDuration::from_nanos(window.latencies.value_at_quantile(quantile));
            let mean = if window.latencies.is_empty() { 0.0 } else { window.latencies.mean() };
            WindowSummary {
                from: SimTime::ZERO + self.span.saturating_mul(number),
                span: self.span,
                offered: window.offered,
                succeeded: window.latencies.len(),
                errors: window.errors,
                mean: SimDuration::from_nanos((mean + 0.5) as u64),
                p50: at(0.5),
                p99: at(0.99),
            }
        };
        numbered.map(of).collect()
    }
}

impl Window {
    fn new() -> Self {
        Self { offered: 0, errors: 0, latencies: histogram(2) }
    }
}
