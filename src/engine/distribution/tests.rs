//! Pinned samples, moments and quantiles, and the parameters that are refused.

use super::*;
use crate::engine::random::{EntityKey, Purpose, Streams};

const N_SAMPLES: usize = 100_000;

fn stream() -> ChaCha8Rng {
    Streams::new(1).stream(Purpose::Process, EntityKey::of(&["pinned"]))
}

fn secs(secs: f64) -> SimDuration {
    SimDuration::from_secs_f64(secs)
}

fn samples(law: &Law) -> Vec<f64> {
    let mut rng = stream();
    let mut samples = Vec::from_iter((0..N_SAMPLES).map(|_| law.sample(&mut rng)));
    samples.sort_by(f64::total_cmp);
    samples
}

#[track_caller]
fn check_golden(distribution: &Distribution, expected: [u64; 3]) {
    let mut rng = stream();
    let found = [(); 3].map(|()| distribution.sample(&mut rng).as_nanos());
    assert_eq!(found, expected);
}

#[test]
fn the_first_samples_of_seed_1_are_fixed_for_ever() {
    check_golden(&Distribution::constant(secs(7.5)), [7_500_000_000; 3]);
    check_golden(
        &Distribution::uniform(secs(1.0), secs(3.0)).unwrap(),
        [1_164_813_210, 1_675_710_918, 1_088_936_735],
    );
    check_golden(&Distribution::exponential(secs(0.005)), [430_005, 2_061_357, 227_437]);
    check_golden(&Distribution::normal(secs(10.0), secs(3.0)), [5_832_807_220, 8_745_030_763, 4_896_900_115]);
    check_golden(
        &Distribution::lognormal(secs(20.0), secs(60.0)).unwrap(),
        [10_378_641_139, 16_414_747_813, 8_956_892_234],
    );
    check_golden(
        &Distribution::pareto(secs(1.0), 1.5).unwrap(),
        [1_059_009_398, 1_316_330_057, 1_030_789_424],
    );
    let observed = [(secs(3.0), 0.91), (secs(1.0), 0.06), (secs(2.0), 0.03)];
    check_golden(&Distribution::empirical(observed).unwrap(), [2_000_000_000, 3_000_000_000, 1_000_000_000]);
}

#[test]
fn the_bits_of_the_first_samples_of_seed_1_are_fixed_for_ever() {
    let bits = |law: Law| law.sample(&mut stream()).to_bits();
    assert_eq!(uniform(&mut stream()).to_bits(), 0x3fb5_1899_6a77_e658);
    assert_eq!(bits(Law::exponential(1.0).unwrap()), 0x3fb6_0427_dea6_39fc);
    assert_eq!(bits(Law::normal(10.0, 1.0).unwrap()), 0x4021_38cc_91bd_fcbd);
    assert_eq!(bits(Law::lognormal(1.0, 2.0).unwrap()), 0x3fe5_2793_8a8a_11a9);
    assert_eq!(bits(Law::pareto(1.0, 3.0).unwrap()), 0x3ff0_771e_805e_f189);
}

#[track_caller]
fn check_mean(law: &Law, mean: f64) {
    assert!((law.mean().unwrap() - mean).abs() < 1e-12 * mean, "mean() is {}", law.mean().unwrap());
    let found = samples(law).iter().sum::<f64>() / N_SAMPLES as f64;
    assert!((found - mean).abs() <= 0.02 * mean, "the samples' mean is {found} in place of {mean}");
}

#[test]
fn samples_have_the_mean_of_their_law() {
    check_mean(&Law::constant(4.0).unwrap(), 4.0);
    check_mean(&Law::uniform(1.0, 3.0).unwrap(), 2.0);
    check_mean(&Law::exponential(5.0).unwrap(), 5.0);
    check_mean(&Law::normal(10.0, 3.0).unwrap(), 10.000_336_233_656_905);
    check_mean(&Law::normal(0.0, 1.0).unwrap(), 0.398_942_280_401_432_7);
    check_mean(&Law::lognormal(20.0, 60.0).unwrap(), 22.359_274_229_937_328);
    check_mean(&Law::pareto(2.0, 3.0).unwrap(), 3.0);
    check_mean(&Law::empirical([(4.0, 1.0), (1.0, 2.0), (0.0, 1.0)]).unwrap(), 1.5);
}

#[track_caller]
fn check_quantiles(law: &Law, quantiles: &[(f64, f64)]) {
    let samples = samples(law);
    for &(p, expected) in quantiles {
        let found = samples[(p * N_SAMPLES as f64) as usize];
        assert!((found - expected).abs() <= 0.03 * expected, "p{} is {found}, not {expected}", 100.0 * p);
    }
}

#[test]
fn samples_have_the_quantiles_of_their_law() {
    check_quantiles(&Law::uniform(1.0, 3.0).unwrap(), &[(0.05, 1.1), (0.5, 2.0), (0.99, 2.98)]);
    check_quantiles(&Law::exponential(1.0).unwrap(), &[(0.5, std::f64::consts::LN_2), (0.99, 4.605_170)]);
    check_quantiles(&Law::normal(10.0, 3.0).unwrap(), &[(0.158_655, 7.0), (0.5, 10.0), (0.977_250, 16.0)]);
    check_quantiles(&Law::lognormal(20.0, 60.0).unwrap(), &[(0.01, 6.666_667), (0.5, 20.0), (0.99, 60.0)]);
    check_quantiles(&Law::pareto(1.0, 2.0).unwrap(), &[(0.75, 2.0), (0.99, 10.0)]);
    check_quantiles(&Law::empirical([(9.0, 1.0), (1.0, 3.0)]).unwrap(), &[(0.74, 1.0), (0.76, 9.0)]);
}

#[test]
fn every_law_takes_one_draw_a_sample() {
    let laws = [
        Law::constant(1.0),
        Law::uniform(0.0, 1.0),
        Law::exponential(1.0),
        Law::normal(1.0, 9.0),
        Law::lognormal(1.0, 9.0),
        Law::pareto(1.0, 1.0),
        Law::empirical([(1.0, 1.0)]),
    ];
    for law in laws {
        let (mut rng, mut reference) = (stream(), stream());
        law.clone().unwrap().sample(&mut rng);
        uniform(&mut reference);
        assert_eq!(uniform(&mut rng), uniform(&mut reference), "{law:?}");
    }
}

#[test]
fn the_ends_of_the_unit_interval_give_numbers() {
    const LAST: f64 = 1.0 - f64::EPSILON / 2.0;
    let normal = Law::normal(10.0, 1.0).unwrap();
    assert!((1.7..1.8).contains(&normal.quantile(0.0)) && (18.2..18.3).contains(&normal.quantile(LAST)));
    assert_eq!(Law::exponential(1.0).unwrap().quantile(0.0), 0.0);
    assert!((36.7..36.8).contains(&Law::exponential(1.0).unwrap().quantile(LAST)));
    assert_eq!(Law::pareto(2.0, 1.0).unwrap().quantile(0.0), 2.0);
    let heavy = Distribution::pareto(secs(1.0), 1e-3).unwrap();
    assert_eq!(to_duration(heavy.nanos.quantile(LAST)), SimDuration::MAX);
}

#[test]
fn a_tail_too_heavy_for_a_mean_has_none() {
    assert_eq!(Distribution::pareto(secs(1.0), 1.0).unwrap().mean(), None);
    assert_eq!(Distribution::pareto(secs(1.0), 1.5).unwrap().mean(), Some(secs(3.0)));
}

#[test]
fn whole_seconds_stay_exact() {
    let century = SimDuration::from_secs(100 * 365 * 86_400 + 1);
    assert_eq!(Distribution::constant(century).sample(&mut stream()), century);
    assert_eq!(Distribution::empirical([(century, 1.0)]).unwrap().sample(&mut stream()), century);
}

#[track_caller]
fn check_refused(law: Result<Law, DistributionError>, message: &str) {
    assert_eq!(law.unwrap_err().to_string(), message);
}

#[test]
fn parameters_that_no_law_has_are_refused() {
    check_refused(Law::constant(f64::NAN), "`value` is not a finite number of at least 0: NaN");
    check_refused(Law::uniform(-1.0, 1.0), "`low` is not a finite number of at least 0: -1");
    check_refused(Law::uniform(0.0, f64::INFINITY), "`high` is not a finite number of at least 0: inf");
    check_refused(Law::uniform(2.0, 1.0), "`high` is less than `low`");
    check_refused(Law::exponential(-2.0), "`mean` is not a finite number of at least 0: -2");
    check_refused(Law::normal(1.0, -1.0), "`sd` is not a finite number of at least 0: -1");
    check_refused(Law::lognormal(0.0, 1.0), "`p50` is not a finite number above 0: 0");
    check_refused(Law::lognormal(2.0, 1.0), "`p99` is less than `p50`");
    check_refused(Law::lognormal(1.0, f64::NAN), "`p99` is not a finite number of at least 0: NaN");
    check_refused(Law::pareto(1.0, 0.0), "`shape` is not a finite number above 0: 0");
    check_refused(Law::pareto(f64::NAN, 1.0), "`minimum` is not a finite number above 0: NaN");
    check_refused(Law::empirical([]), "there is no value to choose from");
    check_refused(Law::empirical([(1.0, 0.0)]), "no weight is above 0");
    check_refused(Law::empirical([(-1.0, 1.0)]), "`sample` is not a finite number of at least 0: -1");
}
