//! The cost of an event in the calendar [ns], by the hold model: take out the earliest of n pending events, put in
//! one that is due a random delay later. The standard library's binary heap does the same beside it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Duration;

use cluster_sim::engine::{
    Calendar, Distribution, EntityKey, Purpose, Rank, SimDuration, SimTime, Streams, Weighted,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// A power of two, so that a mask cycles through them.
const N_DELAYS: usize = 1 << 16;

const N_PENDING: [usize; 3] = [1_000, 100_000, 1_000_000];

/// The size of an event of a simulation: a kind and two ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    ContainerExited { container: u64, exit_code: i32 },
}

/// What holds pending events.
trait Pending {
    fn schedule(&mut self, at: SimTime, rank: Rank, event: Event);
    fn pop(&mut self) -> (SimTime, Event);
}

/// A binary heap by (time, rank, sequence number), without cancellation.
#[derive(Default)]
struct Heap {
    entries: BinaryHeap<Reverse<(SimTime, Rank, u64, Event)>>,
    next_seq: u64,
}

/// A calendar in a steady state, with the delays of its events.
struct Hold<'a, P> {
    pending: P,
    delays: &'a [SimDuration],
    step: usize,
}

impl Pending for Calendar<Event> {
    fn schedule(&mut self, at: SimTime, rank: Rank, event: Event) {
        self.schedule(at, rank, event);
    }

    fn pop(&mut self) -> (SimTime, Event) {
        let due = self.pop().expect("as many events are put in as are taken out");
        (due.time, due.event)
    }
}

impl Pending for Heap {
    fn schedule(&mut self, at: SimTime, rank: Rank, event: Event) {
        self.entries.push(Reverse((at, rank, self.next_seq, event)));
        self.next_seq += 1;
    }

    fn pop(&mut self) -> (SimTime, Event) {
        let Reverse((time, .., event)) =
            self.entries.pop().expect("as many events are put in as are taken out");
        (time, event)
    }
}

impl<'a, P: Pending> Hold<'a, P> {
    fn new(pending: P, n_pending: usize, delays: &'a [SimDuration]) -> Self {
        let mut hold = Self { pending, delays, step: 0 };
        for container in 0..n_pending as u64 {
            hold.schedule(SimTime::from_nanos(container), Event::ContainerExited { container, exit_code: 0 });
        }
        for _ in 0..2 * n_pending.max(N_DELAYS) {
            hold.step();
        }
        hold
    }

    fn step(&mut self) {
        let (now, event) = self.pending.pop();
        self.schedule(now, black_box(event));
    }

    fn schedule(&mut self, now: SimTime, event: Event) {
        self.step += 1;
        let delay = self.delays[self.step & (N_DELAYS - 1)];
        self.pending.schedule(now + delay, Rank::new((self.step % 8) as u8), event);
    }
}

/// Delays of each kind, the mean about a second.
fn delays() -> [(&'static str, Vec<SimDuration>); 4] {
    let secs = SimDuration::from_secs;
    let distribution = |shares: &[(Distribution, f64)]| {
        let choice = Weighted::new(shares.iter().cloned()).expect("the shares are positive");
        let mut rng = Streams::new(1).stream(Purpose::Arrival, EntityKey::of(&["delays"]));
        Vec::from_iter((0..N_DELAYS).map(|_| choice.sample(&mut rng).clone().sample(&mut rng)))
    };
    let uniform = |high| Distribution::uniform(SimDuration::ZERO, high).expect("the bounds are in order");
    let exponential = || Distribution::exponential(secs(1));
    [
        ("exponential", distribution(&[(exponential(), 1.0)])),
        ("uniform", distribution(&[(uniform(secs(2)), 1.0)])),
        ("bimodal", distribution(&[(uniform(SimDuration::from_millis(100)), 0.9), (uniform(secs(20)), 0.1)])),
        (
            "half at once",
            distribution(&[(Distribution::constant(SimDuration::ZERO), 0.5), (exponential(), 0.5)]),
        ),
    ]
}

fn hold(criterion: &mut Criterion) {
    for (kind, delays) in &delays() {
        let mut group = criterion.benchmark_group(format!("hold/{kind}"));
        group.throughput(Throughput::Elements(1));
        for n_pending in N_PENDING {
            let mut calendar = Hold::new(Calendar::new(), n_pending, delays);
            group.bench_function(format!("calendar/{n_pending}"), |bencher| bencher.iter(|| calendar.step()));
            drop(calendar);
            let mut heap = Hold::new(Heap::default(), n_pending, delays);
            group.bench_function(format!("binary heap/{n_pending}"), |bencher| bencher.iter(|| heap.step()));
        }
    }
}

/// A timer is set an hour ahead and cancelled, beside each event.
fn cancelled_timers(criterion: &mut Criterion) {
    let [(_, delays), ..] = delays();
    let mut group = criterion.benchmark_group("hold and cancel a timer");
    for n_pending in N_PENDING {
        let mut hold = Hold::new(Calendar::new(), n_pending, &delays);
        group.bench_function(format!("calendar/{n_pending}"), |bencher| {
            bencher.iter(|| {
                hold.step();
                let timeout = hold.pending.now() + SimDuration::from_secs(3_600);
                let event = Event::ContainerExited { container: 0, exit_code: 137 };
                let timer = hold.pending.schedule(timeout, Rank::new(0), event);
                hold.pending.cancel(timer)
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = hold, cancelled_timers
}
criterion_main!(benches);
