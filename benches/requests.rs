//! Requests through a call graph of two tiers: what one costs.
//!
//! A front end of four pods calls a back end of four pods by a Service and answers; requests arrive at 8,000 per second, the
//! cpu of both tiers is six tenths used. Throughput counts requests of the source, each of which is two at servers.

use std::sync::Arc;

use cluster_sim::manifest::load::{self, Options};
use cluster_sim::manifest::source::Source;
use cluster_sim::model::scenario::Scenario;
use cluster_sim::sim::Simulation;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// How many requests one run has, nearly.
const N_REQUESTS: u64 = 400_000;

fn pod(tier: &str, number: u32) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Pod, metadata: {{name: {tier}-{number}, labels: {{tier: {tier}}}}}, \
         spec: {{containers: [{{name: main, image: {tier}, resources: {{limits: {{cpu: 2}}}}}}]}}}}\n"
    )
}

fn service(tier: &str) -> String {
    format!(
        "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {tier}}}, \
         spec: {{selector: {{tier: {tier}}}, ports: [{{port: 80}}]}}}}\n"
    )
}

fn scenario() -> Arc<Scenario> {
    let spec = "apiVersion: sim/v1\nkind: Scenario\nspec:\n  horizon: 51s\n  \
        nodePools: [{name: node, count: 4, capacity: {cpu: 8, memory: 8Gi}}]\n  \
        traffic: [{name: clients, to: service/front, rate: 8000/s, from: 1s}]\n  \
        images:\n    front: {serve: [{port: 80, cpu: {exponential: 600us}, calls: [{to: \"back:80\"}]}]}\n    \
        back: {serve: [{port: 80, cpu: {exponential: 600us}, workers: 2}]}\n";
    let mut text = spec.to_owned();
    for tier in ["front", "back"] {
        text += &service(tier);
        text.extend((0..4).map(|number| pod(tier, number)));
    }
    let source = Source { name: "requests.yaml".into(), text: text.into() };
    let mut fetch = |_: &str, name: &str| Err(format!("{name}: not there"));
    match load::load(&[source], &mut fetch, &Options::default()) {
        Ok(loaded) => Arc::new(loaded.scenario),
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

fn two_tiers(c: &mut Criterion) {
    let scenario = scenario();
    let mut group = c.benchmark_group("requests");
    group.throughput(Throughput::Elements(N_REQUESTS)).sample_size(10);
    group.bench_function("two tiers", |bencher| {
        bencher.iter(|| {
            let mut simulation = Simulation::new(Arc::clone(&scenario), ());
            simulation.run();
            let results = simulation.traffic().results(simulation.cluster(), simulation.now());
            assert!(results.sources[0].succeeded.abs_diff(N_REQUESTS) < N_REQUESTS / 50);
            results
        });
    });
    group.finish();
}

criterion_group!(benches, two_tiers);
criterion_main!(benches);
