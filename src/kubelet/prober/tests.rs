//! Rows of answers and verdicts, and the plain prober that makes every attempt as the oracle.

use proptest::prelude::*;

use super::*;
use crate::model::probe::{ProbeAction, ProbePort};

const fn secs(secs: u64) -> SimTime {
    SimTime::from_secs(secs)
}

fn probe(period: u64, success_threshold: u32, failure_threshold: u32) -> Probe {
    Probe {
        action: ProbeAction::TcpSocket(ProbePort::Number(80)),
        initial_delay: SimDuration::ZERO,
        period: SimDuration::from_secs(period),
        timeout: SimDuration::from_secs(1),
        success_threshold,
        failure_threshold,
        termination_grace: None,
    }
}

const GOOD: Encounter = Encounter { answer: Answer::Success, takes: SimDuration::ZERO };
const BAD: Encounter = Encounter { answer: Answer::Failure(Fault::Refused), takes: SimDuration::ZERO };

fn find(
    prober: &mut Prober,
    probe: &Probe,
    now: SimTime,
    outlook: Outlook,
    found: &mut Vec<(SimTime, Finding)>,
) {
    while let Some(finding) = prober.look(probe, now, outlook) {
        found.push((now, finding));
    }
}

/// What a probe finds that meets each outlook from its instant on.
fn play(
    probe: &Probe,
    first: SimTime,
    outlooks: &[(SimTime, Outlook)],
    end: SimTime,
) -> Vec<(SimTime, Finding)> {
    let mut prober = Prober::new(SimTime::ZERO);
    prober.reset(Verdict::Unknown);
    prober.wake(first);
    let mut found = Vec::new();
    for (nth, (from, outlook)) in outlooks.iter().enumerate() {
        let until = outlooks.get(nth + 1).map_or(end, |(next, _)| *next);
        find(&mut prober, probe, *from, *outlook, &mut found);
        while let Some(due) = prober.due().filter(|due| *due < until) {
            find(&mut prober, probe, due, *outlook, &mut found);
        }
    }
    found
}

/// The same, attempt by attempt.
fn play_naively(
    probe: &Probe,
    first: SimTime,
    outlooks: &[(SimTime, Outlook)],
    end: SimTime,
) -> Vec<(SimTime, Finding)> {
    let (mut n_success, mut n_failure, mut verdict, mut has_erred) = (0, 0, Verdict::Unknown, false);
    let mut found = Vec::new();
    let mut begins = first;
    loop {
        let outlook = outlooks.iter().rev().find(|(from, _)| *from <= begins).unwrap().1;
        let (from, until) = outlook.window;
        let met = if from <= begins && begins < until { outlook.in_window } else { outlook.usual };
        let ends = begins + met.takes;
        if ends >= end {
            return found;
        }
        match met.answer {
            Answer::Success => {
                (n_success, n_failure) = (n_success + 1, 0);
                if n_success >= probe.success_threshold && verdict != Verdict::Success {
                    verdict = Verdict::Success;
                    found.push((ends, Finding::Succeeded));
                }
            }
            Answer::Failure(fault) => {
                (n_success, n_failure) = (0, n_failure + 1);
                if n_failure >= probe.failure_threshold && verdict != Verdict::Failure {
                    verdict = Verdict::Failure;
                    found.push((ends, Finding::Failed(fault)));
                } else if n_failure == 1 {
                    found.push((ends, Finding::FirstFailure(fault)));
                }
            }
            Answer::Error => {
                if !has_erred {
                    found.push((ends, Finding::Erred));
                }
                has_erred = true;
            }
        }
        let mut beat = SimTime::ZERO;
        while beat <= begins || beat < ends {
            beat += probe.period;
        }
        begins = beat;
    }
}

#[track_caller]
fn check(probe: &Probe, outlooks: &[(u64, Outlook)], expected: &[(u64, Finding)]) {
    let outlooks: Vec<_> = outlooks.iter().map(|(from, outlook)| (secs(*from), *outlook)).collect();
    let expected: Vec<_> = expected.iter().map(|(at, finding)| (secs(*at), *finding)).collect();
    assert_eq!(play(probe, outlooks[0].0, &outlooks, secs(1_000_000)), expected);
}

#[test]
fn a_row_of_like_answers_makes_the_verdict() {
    use Finding::{Failed, FirstFailure, Succeeded};
    let refused = Fault::Refused;
    let [good, bad] = [GOOD, BAD].map(Outlook::always);
    check(&probe(10, 1, 3), &[(0, good)], &[(0, Succeeded)]);
    check(&probe(10, 3, 3), &[(0, good)], &[(20, Succeeded)]);
    check(&probe(10, 1, 1), &[(0, bad)], &[(0, Failed(refused))]);
    check(&probe(10, 1, 3), &[(0, bad)], &[(0, FirstFailure(refused)), (20, Failed(refused))]);
    check(
        &probe(10, 2, 3),
        &[(0, good), (31, bad), (52, good), (57, bad), (75, good)],
        &[(10, Succeeded), (40, FirstFailure(refused)), (60, Failed(refused)), (90, Succeeded)],
    );
}

#[test]
fn a_window_of_failures_shorter_than_the_row_goes_by() {
    use Finding::{Failed, FirstFailure, Succeeded};
    let window = |from, until| {
        let in_window = Encounter { answer: Answer::Failure(Fault::Unhealthy), ..GOOD };
        Outlook { usual: GOOD, in_window, window: (secs(from), secs(until)) }
    };
    let unhealthy = Fault::Unhealthy;
    check(&probe(10, 1, 3), &[(0, window(100, 111))], &[(0, Succeeded), (100, FirstFailure(unhealthy))]);
    check(
        &probe(10, 1, 3),
        &[(0, window(101, 1001))],
        &[(0, Succeeded), (110, FirstFailure(unhealthy)), (130, Failed(unhealthy)), (1010, Succeeded)],
    );
    check(&probe(10, 1, 3), &[(0, window(101, 110))], &[(0, Succeeded)]);
}

#[test]
fn an_answer_counts_when_it_is_there_and_as_things_were_when_it_was_asked_for() {
    use Finding::{Failed, Succeeded};
    let slow = |answer| Outlook::always(Encounter { answer, takes: SimDuration::from_secs(3) });
    check(&probe(10, 1, 1), &[(0, slow(Answer::Success))], &[(3, Succeeded)]);
    let late = slow(Answer::Failure(Fault::TimedOut));
    check(
        &probe(10, 1, 1),
        &[(0, late), (1, Outlook::always(GOOD))],
        &[(3, Failed(Fault::TimedOut)), (10, Succeeded)],
    );
    let longer_than_the_period = slow(Answer::Success);
    check(&probe(2, 3, 1), &[(0, longer_than_the_period)], &[(11, Succeeded)]);
}

#[test]
fn an_attempt_that_cannot_be_made_says_nothing() {
    let error = Outlook::always(Encounter { answer: Answer::Error, takes: SimDuration::ZERO });
    check(&probe(10, 1, 1), &[(0, error)], &[(0, Finding::Erred)]);
    check(
        &probe(10, 2, 1),
        &[(0, Outlook::always(GOOD)), (5, error), (15, Outlook::always(GOOD))],
        &[(10, Finding::Erred), (20, Finding::Succeeded)],
    );
}

fn encounters() -> impl Strategy<Value = Encounter> {
    let answer = prop_oneof![
        4 => Just(Answer::Success),
        3 => Just(Answer::Failure(Fault::Unhealthy)),
        1 => Just(Answer::Failure(Fault::Refused)),
        1 => Just(Answer::Error),
    ];
    (answer, prop_oneof![3 => Just(0_u64), 1 => 1..9000_u64])
        .prop_map(|(answer, millis)| Encounter { answer, takes: SimDuration::from_millis(millis) })
}

fn outlooks() -> impl Strategy<Value = Vec<(SimTime, Outlook)>> {
    let outlook =
        (encounters(), encounters(), 0..400_u64, 0..100_u64).prop_map(|(usual, in_window, from, span)| {
            Outlook { usual, in_window, window: (secs(from), secs(from + span)) }
        });
    prop::collection::vec((0..300_u64, outlook), 1..8).prop_map(|mut outlooks| {
        outlooks.sort_by_key(|(from, _)| *from);
        outlooks.dedup_by_key(|(from, _)| *from);
        outlooks[0].0 = 0;
        outlooks.into_iter().map(|(from, outlook)| (secs(from), outlook)).collect()
    })
}

proptest! {
    #[test]
    fn skipping_attempts_that_change_nothing_finds_what_all_of_them_find(
        period in 1..15_u64,
        (successes, failures) in (1..5_u32, 1..5_u32),
        first in 0..20_u64,
        outlooks in outlooks(),
    ) {
        let probe = probe(period, successes, failures);
        let end = secs(600);
        prop_assert_eq!(
            play(&probe, secs(first), &outlooks, end),
            play_naively(&probe, secs(first), &outlooks, end)
        );
    }
}
