//! When the requests of a source arrive.
//!
//! The n-th request arrives when the integral of the rate reaches the sum of the first n gaps, which have the mean 1: exact
//! for every rate made of pieces, and two variants of a rate share their gaps. A source at a constant gap
//! has its first request at its beginning.

use rand_chacha::ChaCha8Rng;

use crate::engine::random::uniform;
use crate::engine::{Distribution, EntityKey, Purpose, SimDuration, SimTime, Streams};
use crate::model::traffic::{Arrivals, Gaps, Piece, Rate, Source};

/// How many pieces without a request are gone through in search of the next one.
const EMPTY_PIECES_MAX: u32 = 1_000_000;
const NANOS_PER_SECOND: f64 = 1e9;

/// The arrivals of a source that are still to come.
#[derive(Debug, Clone)]
pub(super) struct ArrivalClock {
    arrivals: Arrivals,
    from: SimTime,
    until: SimTime,
    gaps: ChaCha8Rng,
    spans: ChaCha8Rng,
    n_arrived: u64,
    /// The latest arrival, from the beginning of the source [ns].
    at: f64,
    /// The piece of the rate at that instant.
    piece: Stretch,
    next_piece: usize,
}

/// A piece of a rate, in place.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// From the beginning of the source [ns].
    begin: f64,
    /// [ns]
    end: f64,
    /// At its beginning [requests/ns].
    rate: f64,
    /// Change of the rate [requests/ns²].
    slope: f64,
}

impl ArrivalClock {
    /// The arrivals of a source whose draws belong to `key`.
    pub(super) fn new(source: &Source, key: EntityKey, streams: &Streams) -> Self {
        Self {
            arrivals: source.arrivals.clone(),
            from: source.from,
            until: source.until.unwrap_or(SimTime::MAX),
            gaps: streams.stream(Purpose::RequestArrival, key),
            spans: streams.stream(Purpose::RequestArrival, key.child(1)),
            n_arrived: 0,
            at: 0.0,
            piece: Stretch { begin: 0.0, end: 0.0, rate: 0.0, slope: 0.0 },
            next_piece: 0,
        }
    }

    /// The next arrival; `None` where none follows.
    #[inline]
    pub(super) fn next(&mut self) -> Option<SimTime> {
        let offset = match &self.arrivals {
            Arrivals::Recorded(instants) => *instants.get(self.n_arrived as usize)?,
            Arrivals::Rated { gaps, .. } => {
                let gap = match gaps {
                    Gaps::Poisson => -libm::log1p(-uniform(&mut self.gaps)),
                    Gaps::Constant => f64::from(u8::from(self.n_arrived > 0)),
                };
                self.walk(gap)?
            }
        };
        self.n_arrived += 1;
        let at = self.from + offset;
        (at < self.until).then_some(at)
    }

    /// Goes on until the integral of the rate has grown by `area`.
    #[inline]
    fn walk(&mut self, mut area: f64) -> Option<SimDuration> {
        let horizon = self.until.since(self.from).as_nanos() as f64;
        for _ in 0..EMPTY_PIECES_MAX {
            let left = self.piece.area_from(self.at);
            if area < left {
                self.at += self.piece.span_of(area, self.at);
                return Some(SimDuration::from_nanos((self.at + 0.5) as u64));
            }
            area -= left;
            self.at = self.piece.end;
            if self.at >= horizon || !self.enter_next_piece() {
                return None;
            }
        }
        None
    }

    /// Takes the piece that follows; false where none does.
    fn enter_next_piece(&mut self) -> bool {
        let Arrivals::Rated { rate, .. } = &self.arrivals else { return false };
        let next = match rate {
            Rate::Pieces { pieces, repeats } => {
                let at = if *repeats { self.next_piece % pieces.len() } else { self.next_piece };
                pieces.get(at).copied()
            }
            Rate::OnOff { rate, on, off } => {
                let is_on = self.next_piece.is_multiple_of(2);
                let law: &Distribution = if is_on { on } else { off };
                let rate = if is_on { *rate } else { 0.0 };
                Some(Piece { span: Some(law.sample(&mut self.spans)), start: rate, end: rate })
            }
        };
        let Some(piece) = next else { return false };
        self.next_piece += 1;
        self.piece = Stretch::of(piece, self.piece.end);
        true
    }
}

impl Stretch {
    fn of(piece: Piece, begin: f64) -> Self {
        let rate = piece.start / NANOS_PER_SECOND;
        match piece.span {
            None => Self { begin, end: f64::INFINITY, rate, slope: 0.0 },
            Some(span) if span.is_zero() => Self { begin, end: begin, rate: 0.0, slope: 0.0 },
            Some(span) => {
                let span = span.as_nanos() as f64;
                let slope = (piece.end - piece.start) / NANOS_PER_SECOND / span;
                Self { begin, end: begin + span, rate, slope }
            }
        }
    }

    fn rate_at(&self, at: f64) -> f64 {
        self.rate + self.slope * (at - self.begin)
    }

    /// The integral of the rate from an instant to the end.
    fn area_from(&self, at: f64) -> f64 {
        if self.end.is_infinite() {
            return if self.rate > 0.0 { f64::INFINITY } else { 0.0 };
        }
        let mean = f64::midpoint(self.rate_at(at), self.rate_at(self.end));
        mean * (self.end - at)
    }

    /// How long it takes from an instant until the integral has grown by `area`.
    fn span_of(&self, area: f64, at: f64) -> f64 {
        let rate = self.rate_at(at);
        if area == 0.0 {
            return 0.0;
        }
        if self.slope == 0.0 {
            return area / rate;
        }
        let root = libm::sqrt((rate * rate + 2.0 * self.slope * area).max(0.0));
        2.0 * area / (rate + root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::meta::Name;
    use crate::model::traffic::{Address, Host, HostName, Patience, PortName};

    fn source(gaps: Gaps, rate: Rate, until: &str) -> Source {
        let until: SimDuration = until.parse().unwrap();
        Source {
            name: "source".into(),
            to: Address {
                host: Host::Pod(HostName { namespace: None, name: Name::from("pod") }),
                port: PortName::Number(80),
            },
            arrivals: Arrivals::Rated { gaps, rate },
            from: SimTime::ZERO,
            until: Some(SimTime::ZERO + until),
            patience: Patience { timeout: Patience::TIMEOUT_DEFAULT, retries: 0 },
            connections: None,
        }
    }

    fn arrivals(source: &Source, seed: u64) -> Vec<f64> {
        let mut clock = ArrivalClock::new(source, EntityKey::of(&["source"]), &Streams::new(seed));
        std::iter::from_fn(|| clock.next()).map(|at| at.since(SimTime::ZERO).as_secs_f64()).collect()
    }

    fn pieces(pieces: &[(Option<&str>, f64, f64)], repeats: bool) -> Rate {
        let of = |(span, start, end): &(Option<&str>, f64, f64)| Piece {
            span: span.map(|span| span.parse().unwrap()),
            start: *start,
            end: *end,
        };
        Rate::Pieces { pieces: pieces.iter().map(of).collect(), repeats }
    }

    #[track_caller]
    fn check(rate: Rate, until: &str, expected: &[f64]) {
        assert_eq!(arrivals(&source(Gaps::Constant, rate, until), 1), expected);
    }

    #[test]
    fn constant_gaps_follow_the_integral_of_the_rate() {
        check(pieces(&[(None, 4.0, 4.0)], false), "1s", &[0.0, 0.25, 0.5, 0.75]);
        check(
            pieces(&[(Some("1s"), 2.5, 2.5), (Some("1s"), 0.0, 0.0)], true),
            "3s",
            &[0.0, 0.4, 0.8, 2.2, 2.6],
        );
        check(pieces(&[(Some("1s"), 0.9, 0.9)], false), "9s", &[0.0]);
        // The rate rises from 0 to 8 in 2 s: the n-th request arrives at sqrt(n / 2) s.
        let at = |n: f64| libm::round(libm::sqrt(n / 2.0) * 1e9) / 1e9;
        let rising = pieces(&[(Some("2s"), 0.0, 8.0)], false);
        check(rising, "1.5s", &[at(0.0), at(1.0), at(2.0), at(3.0), at(4.0)]);
    }

    #[test]
    fn poisson_arrivals_have_the_rate_as_their_mean_and_its_square_root_as_their_deviation() {
        let counts: Vec<f64> = (0..200)
            .map(|seed| {
                arrivals(&source(Gaps::Poisson, pieces(&[(None, 50.0, 50.0)], false), "2s"), seed).len()
            })
            .map(|count| count as f64)
            .collect();
        let mean = counts.iter().sum::<f64>() / 200.0;
        let variance = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / 199.0;
        assert!((mean - 100.0).abs() < 3.0, "mean {mean}");
        assert!((variance - 100.0).abs() < 35.0, "variance {variance}");
    }

    #[test]
    fn a_source_that_goes_on_and_off_is_silent_while_it_is_off() {
        let span = |text: &str| Distribution::constant(text.parse().unwrap());
        let rate = Rate::OnOff { rate: 100.0, on: span("1s"), off: span("3s") };
        let all = arrivals(&source(Gaps::Poisson, rate, "40s"), 1);
        assert!((800..1200).contains(&all.len()), "{} requests", all.len());
        assert!(all.iter().all(|at| at % 4.0 < 1.0));
    }
}
