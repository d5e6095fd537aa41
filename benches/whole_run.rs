//! Whole runs of the benchmark workload: identical nodes, pods that arrive, run and end.
//!
//! The workload is a Poisson stream of pods of twelve shapes that keeps 60 % of the cluster's cpu requested.

use std::sync::Arc;

use cluster_sim::experiment::trial;
use cluster_sim::manifest::load::{self, Options};
use cluster_sim::manifest::source::Source;
use cluster_sim::model::scenario::Scenario;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Cpu [millicores], memory [MiB] and weight.
const SHAPES: [(u32, u32, f64); 12] = [
    (100, 128, 20.0),
    (100, 256, 10.0),
    (250, 256, 14.0),
    (250, 512, 12.0),
    (500, 512, 10.0),
    (500, 1024, 10.0),
    (1000, 1024, 6.0),
    (1000, 4096, 6.0),
    (2000, 2048, 4.0),
    (2000, 8192, 4.0),
    (4000, 8192, 3.0),
    (8000, 16384, 1.0),
];
const MEAN_DURATION_S: f64 = 600.0;

/// The splitmix64 generator of the workload's definition.
struct SplitMix64(u64);

impl SplitMix64 {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        ((z >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }
}

/// The trace of `n_pods` pods for `n_nodes` nodes, as CSV.
fn workload(n_nodes: u32, n_pods: u32) -> String {
    let mut rng = SplitMix64(42);
    let weight: f64 = SHAPES.iter().map(|(_, _, weight)| weight).sum();
    let mean_cpu = SHAPES.iter().map(|(cpu, _, weight)| f64::from(*cpu) * weight).sum::<f64>() / weight;
    let rate = 0.6 * f64::from(n_nodes) * 32_000.0 / (mean_cpu * MEAN_DURATION_S);
    let mut at = 0.0;
    let mut csv = "arrival_s,cpu_m,mem_MiB,duration_s\n".to_owned();
    for _ in 0..n_pods {
        at += -libm::log(rng.uniform()) / rate;
        let mut draw = rng.uniform() * weight;
        let shape = SHAPES.iter().find(|(_, _, weight)| {
            draw -= weight;
            draw < 0.0
        });
        let (cpu, memory, _) = shape.unwrap_or(&SHAPES[11]);
        let duration = (-libm::log(rng.uniform()) * MEAN_DURATION_S).round().clamp(10.0, 3600.0);
        csv += &format!("{at:.3},{cpu},{memory},{duration}\n");
    }
    csv
}

fn scenario(n_nodes: u32, n_pods: u32) -> Arc<Scenario> {
    let text = format!(
        "apiVersion: sim/v1\nkind: Scenario\nspec:\n  nodePools: [{{name: node, count: {n_nodes}, \
         capacity: {{cpu: 32, memory: 128Gi}}}}]\n  trace: {{pods: workload.csv}}\n"
    );
    let source = Source { name: "bench.yaml".into(), text: text.into_bytes() };
    let mut fetch =
        |_: &str, name: &str| Ok(Source { name: name.into(), text: workload(n_nodes, n_pods).into_bytes() });
    let loaded = load::load(&[source], &mut fetch, &Options::default());
    Arc::new(loaded.expect("the workload is a valid scenario").scenario)
}

fn whole_run(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole_run");
    group.sample_size(10);
    for (n_nodes, n_pods) in [(100, 10_000), (1_000, 10_000), (10_000, 10_000)] {
        let scenario = scenario(n_nodes, n_pods);
        group.throughput(Throughput::Elements(u64::from(n_pods)));
        let id = BenchmarkId::from_parameter(format!("{n_nodes}_nodes"));
        group.bench_function(id, |bencher| bencher.iter(|| trial::run(&scenario, None, (), |_| {}).end));
    }
    group.finish();
}

criterion_group!(benches, whole_run);
criterion_main!(benches);
