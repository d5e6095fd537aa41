//! The load beside queueing theory: what a model of one or two servers measures is what the formulas say.
//!
//! Each model is run with several seeds. The measured mean must agree with the theory within its 99.9 %
//! confidence interval, and the interval must be narrow enough to tell the model from its neighbours.

use std::fmt::Write;

use cluster_sim::engine::SimTime;
use cluster_sim::sim::Simulation;
use cluster_sim::traffic::{ErrorKind, TrafficResults};
use serde_json::{Value, json};

use crate::generate::scenario_of;

/// How many times each model is run.
const N_TRIALS: u64 = 8;
/// The quantile of Student's t law for 7 degrees of freedom and a two-sided error of 0.1 %.
const STUDENT_T: f64 = 5.408;
/// The mean service time of all models [s].
const SERVICE: f64 = 0.01;

/// A model with a closed form.
struct Model {
    name: &'static str,
    /// Requests per second.
    rate: f64,
    /// What the image of each pod serves; the first is asked.
    serves: Vec<Value>,
    measures: Vec<Measure>,
}

/// A value with its theory.
struct Measure {
    name: &'static str,
    theory: f64,
    /// The widest interval, as a share of the theory.
    width_max: f64,
    of: fn(&TrafficResults) -> f64,
}

fn latency(results: &TrafficResults) -> f64 {
    results.sources[0].latency.sum as f64 / results.sources[0].latency.count as f64 / 1e9
}

fn loss(results: &TrafficResults) -> f64 {
    results.sources[0].errors[ErrorKind::QueueFull as usize] as f64 / results.sources[0].offered as f64
}

fn utilisation(results: &TrafficResults) -> f64 {
    results.containers[0].cpu / 1000.0
}

/// Requests in the queue of the first server.
fn queue(results: &TrafficResults) -> f64 {
    results.containers[0].ports[0].queue_mean
}

fn serve(cpu: &Value, workers: Option<u32>) -> Value {
    let mut serve = json!({"port": 80, "cpu": cpu});
    if let Some(workers) = workers {
        serve["workers"] = json!(workers);
    }
    serve
}

fn exponential() -> Value {
    json!({"exponential": "10ms"})
}

/// The probability that all of `servers` are busy (Erlang C), at a load of `offered` servers.
fn erlang_c(servers: u32, offered: f64) -> f64 {
    let blocking = (1..=servers).fold(1.0, |b, n| offered * b / (f64::from(n) + offered * b));
    blocking / (1.0 - offered / f64::from(servers) * (1.0 - blocking))
}

/// The mean time in an M/G/1 queue (Pollaczek and Khinchine), for a squared coefficient of variation of the service
/// time.
fn pollaczek_khinchine(load: f64, variation: f64) -> f64 {
    SERVICE * (1.0 + load / (1.0 - load) * (1.0 + variation) / 2.0)
}

/// The share of requests that an M/M/1 queue with room for `room` turns away.
fn overflow(load: f64, room: i32) -> f64 {
    (1.0 - load) * libm::pow(load, f64::from(room)) / (1.0 - libm::pow(load, f64::from(room + 1)))
}

const fn mean_time(theory: f64, width_max: f64) -> Measure {
    Measure { name: "mean time", theory, width_max, of: latency }
}

fn models() -> Vec<Model> {
    let two_values = json!({"empirical": ["2ms", "2ms", "2ms", "34ms"]});
    let uniform = json!({"uniform": {"min": "0s", "max": "20ms"}});
    let mut bounded = serve(&exponential(), Some(1));
    bounded["queue"] = json!(4);
    let mut front = serve(&exponential(), None);
    front["calls"] = json!([{"to": "pod/server-1:80"}]);
    let back = serve(&exponential(), Some(1));
    let model = |name, rate, serves, measures| Model { name, rate, serves, measures };
    let fifo = |cpu: &Value| vec![serve(cpu, Some(1))];
    let waiting = erlang_c(4, 3.0) * SERVICE / (4.0 - 3.0);
    let of_one = vec![
        mean_time(SERVICE / 0.4, 0.2),
        Measure { name: "utilisation", theory: 0.6, width_max: 0.06, of: utilisation },
        Measure { name: "mean queue", theory: 0.9, width_max: 0.3, of: queue },
    ];
    let lost = Measure { name: "share lost", theory: overflow(0.9, 5), width_max: 0.15, of: loss };
    let (even, uneven) = (pollaczek_khinchine(0.6, 0.0), pollaczek_khinchine(0.6, 1.92));
    vec![
        model("M/M/1", 60.0, fifo(&exponential()), of_one),
        model("M/M/4", 300.0, vec![serve(&exponential(), Some(4))], vec![mean_time(SERVICE + waiting, 0.1)]),
        model("M/D/1", 60.0, fifo(&json!("10ms")), vec![mean_time(even, 0.1)]),
        model(
            "M/G/1, uniform",
            60.0,
            fifo(&uniform),
            vec![mean_time(pollaczek_khinchine(0.6, 1.0 / 3.0), 0.12)],
        ),
        model("M/G/1, two values", 60.0, fifo(&two_values), vec![mean_time(uneven, 0.2)]),
        model("M/M/1/5", 90.0, vec![bounded], vec![lost]),
        model(
            "M/G/1-PS, two values",
            60.0,
            vec![serve(&two_values, None)],
            vec![mean_time(SERVICE / 0.4, 0.15)],
        ),
        model("tandem (Jackson)", 60.0, vec![front, back], vec![mean_time(2.0 * SERVICE / 0.4, 0.15)]),
    ]
}

/// The results of a model with a seed: 70 s of requests after a warm-up.
fn run(model: &Model, seed: u64) -> TrafficResults {
    let images: serde_json::Map<_, _> = (0..)
        .zip(&model.serves)
        .map(|(at, serve): (u32, _)| (format!("server/{at}"), json!({"serve": [serve]})))
        .collect();
    let cores = if model.rate > 100.0 { 4 } else { 1 };
    let pods = (0..model.serves.len()).map(|at| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("server-{at}")},
            "spec": {"containers": [{"name": "server", "image": format!("server/{at}"),
                "resources": {"limits": {"cpu": cores.to_string(), "memory": "1Gi"}}}]}})
    });
    let scenario = json!({"apiVersion": "sim/v1", "kind": "Scenario", "metadata": {"name": "model"}, "spec": {
        "seed": seed, "horizon": "80s", "warmUp": "10s", "images": images,
        "nodePools": [{"name": "node", "count": 1, "capacity": {"cpu": "8", "memory": "16Gi"}}],
        "network": {"latency": {"sameNode": "0s"}},
        "traffic": [{"name": "clients", "to": "pod/server-0:80", "rate": format!("{}/s", model.rate),
            "from": "1s"}]}});
    let documents: Vec<Value> = [scenario].into_iter().chain(pods).collect();
    let mut simulation = Simulation::new(scenario_of(&[("model.yaml", &documents)]), ());
    simulation.run();
    simulation.check_invariants().unwrap();
    simulation.traffic().results(simulation.cluster(), SimTime::from_secs(80))
}

/// Mean and half of the width of the confidence interval.
fn interval(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|sample| (sample - mean) * (sample - mean)).sum::<f64>() / (n - 1.0);
    (mean, STUDENT_T * libm::sqrt(variance / n))
}

const HEAD: &str = "# The load beside queueing theory

Written by the test `queueing`, which fails where a measured value does not agree with the theory. Each model is a pod
(the tandem: two) with Poisson arrivals and a mean service time of 10 ms, run with eight seeds for 70 s of virtual time
after a warm-up. ± is half of the 99.9 % confidence interval.

| model | requests/s | measured | theory | simulation | ± |
|---|---|---|---|---|---|
";

const FOOT: &str = "
M/M/c by Erlang's C formula; M/D/1 and M/G/1 by Pollaczek and Khinchine; M/M/1/5 has room for one request in work and
four in the queue; M/G/1-PS has any number of workers that share one core, and its mean time does not depend on the
law of the service time; the tandem is such a server, with exponential times, that calls an M/M/1 server before it
answers. Two values: 2 ms three times out of four, else 34 ms.

Little's law (L = λW) holds at every port exactly, in nanoseconds, and the utilisation law (cpu time used = work done)
in every container up to the rounding of timers; both are invariants that these runs and those of the property tests
check.
";

#[test]
fn queues_behave_as_their_theory_says() {
    let mut document = HEAD.to_owned();
    for model in models() {
        let trials: Vec<TrafficResults> = (1..=N_TRIALS).map(|seed| run(&model, seed)).collect();
        for Measure { name, theory, width_max, of } in &model.measures {
            let samples: Vec<f64> = trials.iter().map(of).collect();
            let (mean, half_width) = interval(&samples);
            let what = format!("{}, {name}: {mean} ± {half_width}", model.name);
            assert!((mean - theory).abs() <= half_width, "{what} is not the theory's {theory}");
            assert!(half_width <= width_max * theory, "{what} says too little of {theory}");
            let [theory, mean, half_width] = [*theory, mean, half_width].map(|value| shown(name, value));
            let Model { name: model, rate, .. } = model;
            writeln!(document, "| {model} | {rate} | {name} | {theory} | {mean} | {half_width} |").unwrap();
        }
    }
    document.push_str(FOOT);
    crate::docs::check_document("docs/queueing.md", &document);
}

fn shown(measure: &str, value: f64) -> String {
    if measure == "mean time" { format!("{:.2} ms", value * 1e3) } else { format!("{value:.4}") }
}
