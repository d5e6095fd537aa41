//! The calendar beside a plain model of it, and its promises one by one.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::engine::time::SimDuration;

/// What a calendar does, done the plain way.
#[derive(Debug, Clone, Default)]
struct Model {
    now: SimTime,
    next_seq: u64,
    pending: BTreeMap<(SimTime, Rank, u64), u32>,
}

/// A calendar with its model beside it, and all ids ever issued with the keys of their events.
#[derive(Clone, Default)]
struct Pair {
    calendar: Calendar<u32>,
    model: Model,
    issued: Vec<(Id<u32>, (SimTime, Rank, u64))>,
    n_pending_max: usize,
}

#[derive(Debug, Clone)]
enum Step {
    Schedule { delay: u64, rank: u8, n: usize },
    ScheduleAt { time: u64, rank: u8 },
    Cancel { among_last: usize, n: usize },
    Pop { n: usize },
    PopUntil { span: u64 },
}

impl Model {
    fn schedule(&mut self, time: SimTime, rank: Rank, event: u32) -> (SimTime, Rank, u64) {
        let key = (time, rank, self.next_seq);
        self.next_seq += 1;
        self.pending.insert(key, event);
        key
    }

    fn pop(&mut self) -> Option<Scheduled<u32>> {
        let ((time, rank, seq), event) = self.pending.pop_first()?;
        self.now = time;
        Some(Scheduled { time, rank, seq, event })
    }
}

impl Pair {
    fn schedule(&mut self, time: SimTime, rank: u8) {
        let event = self.issued.len() as u32;
        let id = self.calendar.schedule(time, Rank::new(rank), event);
        self.issued.push((id, self.model.schedule(time, Rank::new(rank), event)));
        self.n_pending_max = self.n_pending_max.max(self.model.pending.len());
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Schedule { delay, rank, n } => {
                for i in 0..n as u64 {
                    let time = self.model.now
                        + SimDuration::from_nanos(delay)
                        + SimDuration::from_nanos(i % 3 * (delay / 7));
                    self.schedule(time, rank);
                }
            }
            Step::ScheduleAt { time, rank } => {
                self.schedule(self.model.now.max(SimTime::from_nanos(time)), rank)
            }
            Step::Cancel { among_last, n } => {
                let first = self.issued.len().saturating_sub(among_last);
                for (id, key) in self.issued.iter().skip(first).take(n) {
                    assert_eq!(self.calendar.cancel(*id), self.model.pending.remove(key).is_some());
                }
            }
            Step::Pop { n } => (0..n).for_each(|_| self.pop()),
            Step::PopUntil { span } => self.pop_until(self.model.now + SimDuration::from_nanos(span)),
        }
        self.check();
    }

    fn take_all(&mut self, steps: &[Step]) {
        for step in steps {
            self.take(step);
        }
    }

    /// Lets everything happen; then no id finds anything.
    fn drain(&mut self) {
        while !self.model.pending.is_empty() {
            self.pop();
        }
        self.pop();
        self.check();
        for &(id, _) in &self.issued {
            assert!(!self.calendar.cancel(id));
        }
    }

    #[track_caller]
    fn pop(&mut self) {
        let first = self.model.pending.first_key_value();
        assert_eq!(self.calendar.peek_time(), first.map(|(&(time, ..), _)| time));
        assert_eq!(self.calendar.pop(), self.model.pop());
    }

    /// Takes out all that is due until an instant.
    #[track_caller]
    fn pop_until(&mut self, limit: SimTime) {
        loop {
            let is_due = self.model.pending.first_key_value().is_some_and(|(&(time, ..), _)| time <= limit);
            let due = if is_due { self.model.pop() } else { None };
            assert_eq!(self.calendar.pop_until(limit), due);
            if due.is_none() {
                break;
            }
        }
    }

    #[track_caller]
    fn check(&self) {
        assert_eq!(self.calendar.len(), self.model.pending.len());
        assert_eq!(self.calendar.now(), self.model.now);
        assert!(self.calendar.n_cancelled <= self.n_pending_max + CANCELLED_SLACK);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let delay = prop_oneof![
        3 => Just(0),
        2 => 0..100_u64,
        2 => 0..10_000_000_000_u64,
        1 => prop::sample::select(vec![1_000_000_000, 60_000_000_000, 86_400_000_000_000]),
        1 => 0..u64::MAX,
    ];
    let rank = prop_oneof![Just(0_u8), 0..4_u8, 0..64_u8];
    let step = prop_oneof![
        4 => (delay.clone(), rank.clone(), 1..4_usize).prop_map(|(delay, rank, n)| Step::Schedule { delay, rank, n }),
        2 => delay.clone().prop_map(|span| Step::PopUntil { span }),
        1 => (delay, rank.clone(), 1..400_usize).prop_map(|(delay, rank, n)| Step::Schedule { delay, rank, n }),
        1 => (u64::MAX - 5..=u64::MAX, rank).prop_map(|(time, rank)| Step::ScheduleAt { time, rank }),
        2 => (1..1_000_usize).prop_map(|among_last| Step::Cancel { among_last, n: 1 }),
        1 => (1..1_000_usize, 0..1_000_usize).prop_map(|(among_last, n)| Step::Cancel { among_last, n }),
        3 => (1..5_usize).prop_map(|n| Step::Pop { n }),
        1 => (1..300_usize).prop_map(|n| Step::Pop { n }),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #[test]
    fn a_calendar_does_what_a_sorted_map_does(steps in steps()) {
        let mut pair = Pair::default();
        pair.take_all(&steps);
        pair.drain();
    }

    #[test]
    fn a_clone_continues_as_the_original_does(before in steps(), after in steps()) {
        let mut original = Pair::default();
        original.take_all(&before);
        let mut fork = original.clone();
        original.take_all(&after);
        original.drain();
        fork.take_all(&after);
        fork.drain();
    }
}

#[track_caller]
fn check_order(schedule: &[(u64, u8)], expected: &[usize]) {
    let mut calendar = Calendar::new();
    for (i, &(secs, rank)) in schedule.iter().enumerate() {
        calendar.schedule(SimTime::from_secs(secs), Rank::new(rank), i);
    }
    let order: Vec<_> = std::iter::from_fn(|| calendar.pop()).map(|due| due.event).collect();
    assert_eq!(order, expected);
}

#[test]
fn events_happen_by_time_then_rank_then_in_the_order_of_scheduling() {
    check_order(&[], &[]);
    check_order(&[(3, 0), (1, 0), (2, 0)], &[1, 2, 0]);
    check_order(&[(1, 5), (1, 63), (1, 0), (1, 5), (0, 9)], &[4, 2, 0, 3, 1]);
    check_order(&[(0, 1), (0, 1), (0, 0)], &[2, 0, 1]);
    check_order(&[(u64::MAX, 0), (1 << 30, 0), (0, 0)], &[2, 1, 0]);
}

#[test]
fn an_event_of_a_lower_rank_at_the_current_instant_comes_next() {
    let at = SimTime::from_secs(1);
    let mut calendar = Calendar::new();
    for event in ["first", "second"] {
        calendar.schedule(at, Rank::new(4), event);
    }
    assert_eq!(calendar.pop().unwrap().event, "first");
    calendar.schedule(at, Rank::new(4), "third");
    calendar.schedule(at, Rank::new(2), "urgent");
    let order: Vec<_> = std::iter::from_fn(|| calendar.pop()).map(|due| due.event).collect();
    assert_eq!(order, ["urgent", "second", "third"]);
    assert_eq!(calendar.now(), at);
}

#[test]
fn events_of_one_instant_keep_their_order_when_the_front_is_dispersed() {
    let mut calendar = Calendar::new();
    let at = |nanos: u64| SimTime::from_nanos(1_000_000 + nanos);
    for event in 0..10 {
        calendar.schedule(at(0), Rank::new(0), event);
    }
    calendar.schedule(at(5), Rank::new(0), 10);
    assert_eq!(calendar.pop().unwrap().event, 0);
    calendar.schedule(at(0), Rank::new(0), 20);
    for event in 0..FRONT_MAX {
        calendar.schedule(at(1), Rank::new(0), 100 + event);
    }
    let order: Vec<_> = std::iter::from_fn(|| calendar.pop()).map(|due| due.event).collect();
    let expected: Vec<_> = (1..10).chain([20]).chain(100..100 + FRONT_MAX).chain([10]).collect();
    assert_eq!(order, expected);
}

#[test]
fn the_past_cannot_be_scheduled() {
    let mut calendar = Calendar::new();
    calendar.schedule(SimTime::from_secs(2), Rank::new(0), ());
    calendar.pop();
    let outcome =
        std::panic::catch_unwind(move || calendar.schedule(SimTime::from_secs(1), Rank::new(0), ()));
    let message = *outcome.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(message, "an event is scheduled at 1s, which has passed at 2s");
}

#[test]
fn the_id_of_an_event_that_happened_cancels_nothing_though_its_slot_has_a_new_tenant() {
    let mut calendar = Calendar::new();
    let first = calendar.schedule(SimTime::ZERO, Rank::new(0), "first");
    assert!(calendar.pop().is_some());
    let second = calendar.schedule(SimTime::ZERO, Rank::new(0), "second");
    assert!(!calendar.cancel(first));
    assert!(calendar.cancel(second));
    assert!(!calendar.cancel(second));
    assert_eq!((calendar.len(), calendar.peek_time(), calendar.pop()), (0, None, None));
}

#[test]
fn timers_set_and_cancelled_for_ever_take_no_memory() {
    let mut calendar = Calendar::new();
    for i in 0..100 {
        calendar.schedule(SimTime::from_secs(1 + i), Rank::new(0), i);
    }
    for i in 0..1_000_000 {
        let timer = calendar.schedule(SimTime::from_secs(3_600 + i % 50_000), Rank::new(0), i);
        assert!(calendar.cancel(timer));
    }
    assert_eq!(calendar.len(), 100);
    let n_stored_max = 2 * 100 + CANCELLED_SLACK + 1;
    assert!(calendar.n_cancelled <= n_stored_max);
    assert!(calendar.events.n_slots() <= n_stored_max);
    assert!(calendar.wheel.n_chunks() <= n_stored_max);
}

#[test]
fn chunks_are_shared_by_all_buckets() {
    let mut calendar = Calendar::new();
    for round in 0..50 {
        for i in 0..10_000 {
            calendar.schedule(
                calendar.now() + SimDuration::from_millis(i * 7_919 % 10_007),
                Rank::new(0),
                round,
            );
        }
        while calendar.pop().is_some() {}
    }
    assert!(calendar.wheel.n_chunks() < 10_000 / 64 + 704);
}
