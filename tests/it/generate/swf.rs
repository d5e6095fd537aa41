//! Workloads in the Standard Workload Format, from a seed: shaped like two of the Parallel Workloads Archive.

use std::fmt::Write as _;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const DAY_SECS: f64 = 86_400.0;

/// How jobs are drawn.
struct Shape {
    computer: &'static str,
    n_jobs: usize,
    span_secs: f64,
    /// The header's MaxNodes and MaxProcs.
    machine: [i64; 2],
    /// The processors of a job: one of these, all alike.
    n_processors: &'static [u32],
    /// Run times: the logarithms of the median and of the spread, and the longest [s].
    run_time: (f64, f64, u64),
}

/// 18,239 jobs of 1 to 128 processors in three months, as on the iPSC/860 of NASA Ames in 1993.
pub fn nasa_like(seed: u64) -> String {
    text(
        seed,
        &Shape {
            computer: "iPSC/860-like",
            n_jobs: 18_239,
            span_secs: 92.0 * DAY_SECS,
            machine: [128, 128],
            n_processors: &[1, 1, 1, 1, 2, 4, 8, 16, 32, 32, 64, 128],
            run_time: (4.0, 2.0, 42_000),
        },
    )
}

/// Jobs of one processor each, 188,041 of them in eleven days, as on the LHC Computing Grid in 2005.
pub fn lcg_like(seed: u64, n_jobs: usize) -> String {
    text(
        seed,
        &Shape {
            computer: "LCG-like",
            n_jobs,
            span_secs: 11.0 * DAY_SECS * n_jobs as f64 / 188_041.0,
            machine: [1533, 24_528],
            n_processors: &[1],
            run_time: (7.0, 2.3, 300_000),
        },
    )
}

fn text(seed: u64, shape: &Shape) -> String {
    let mut draws = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || (draws.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let [n_nodes, n_processors] = shape.machine;
    let mut text = format!(
        "; Version: 2.2\n; Computer: {}\n; MaxJobs: {}\n; UnixStartTime: 749433603\n; MaxNodes: {n_nodes}\n; MaxProcs: {n_processors}\n",
        shape.computer, shape.n_jobs
    );
    let mut at = 0.0;
    for number in 1..=shape.n_jobs {
        at -= libm::log(1.0 - uniform()) * shape.span_secs / shape.n_jobs as f64;
        let n_processors = shape.n_processors[(uniform() * shape.n_processors.len() as f64) as usize];
        // The sum of twelve draws is near enough to a bell curve.
        let bell: f64 = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let (median, spread, longest) = shape.run_time;
        let run_time = (libm::exp(median + spread * bell) as u64).min(longest);
        let status = u8::from(uniform() < 0.9);
        let (submit, p) = (at as u64, n_processors);
        let _ =
            writeln!(text, "{number} {submit} -1 {run_time} {p} -1 -1 {p} -1 -1 {status} 1 1 -1 1 -1 -1 -1");
    }
    text
}
