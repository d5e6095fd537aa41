//! `sim capacity`: answers agree with brute force, name what binds, survive what they say they survive.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assert_cmd::Command;
use cluster_sim::experiment::capacity::question::Question;
use cluster_sim::experiment::capacity::search::{Reach, Size, is_within};
use cluster_sim::experiment::capacity::{self, Answer, Progress, fit};
use cluster_sim::experiment::sweep::Settings;
use cluster_sim::experiment::trials::Workers;
use cluster_sim::manifest::load::{self, Loaded, Options};
use cluster_sim::manifest::source::Source;
use cluster_sim::model::capacity::{Capacity, Loss};
use cluster_sim::model::ids::Kind;
use proptest::prelude::*;
use serde_json::Value;

/// A fresh folder with a file in it.
fn folder(name: &str, text: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("capacity").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("s.yaml"), text).unwrap();
    folder
}

/// What `sim` prints to stdout and stderr for these words and `s.yaml`, and its exit code.
fn sim(folder: &Path, words: &str) -> (String, String, Option<i32>) {
    let mut command = Command::cargo_bin("sim").unwrap();
    let outcome = command.current_dir(folder).args(words.split_whitespace()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(outcome.stdout), text(outcome.stderr), outcome.status.code())
}

/// The answer as data.
fn answer(folder: &Path, words: &str) -> Value {
    let (text, error, code) = sim(folder, &format!("capacity s.yaml -o json {words}"));
    assert!(code.is_some_and(|code| code < 2), "{error}");
    serde_json::from_str(&text).unwrap()
}

/// A Deployment of so many pods of so many millicores on a pool of nodes of 2 cpu, and more of `spec`.
fn web(replicas: u32, millicores: u32, spec: &str) -> String {
    format!(
        r#"
apiVersion: sim/v1
kind: Scenario
metadata: {{name: web}}
spec:
  nodePools: [{{name: small, count: 5, capacity: {{cpu: "2", memory: 4Gi}}, zone: a, pricePerHour: 0.1}}]
{spec}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: c, image: web/1.0, resources: {{requests: {{cpu: {millicores}m}}}}}}]
"#
    )
}

#[test]
fn the_fewest_nodes_are_found_and_what_binds_below_them_is_named() {
    let folder = folder("fewest", &web(6, 1000, ""));
    let (text, error, code) = sim(&folder, "capacity s.yaml --trials 2");
    assert_eq!((error.as_str(), code), ("", Some(0)));
    let lines: Vec<&str> = text.lines().take(3).collect();
    assert_eq!(
        lines,
        [
            "3 nodes of pool small (0.30/h) are enough: every pod has a place in 2 of 2 trials.",
            "With 2 nodes of pool small it is not: \"every pod finds a node, and what is lost runs elsewhere again\" fails in 2 of 2 (2 refused); \
             2 pods are unschedulable: 0/2 nodes are available: 2 Insufficient cpu.",
            "The scenario has 5 nodes of pool small: 2 more than needed.",
        ]
    );
    assert!(
        text.contains("assumed the scenario expects nothing: every pod finds a node, and what is lost runs elsewhere again"),
        "{text}"
    );
    let answer = answer(&folder, "--trials 2");
    assert_eq!((&answer["limit"], &answer["answer"]), (&"cpu".into(), &serde_json::json!([3])));
}

#[test]
fn what_survives_a_loss_has_room_for_what_was_lost() {
    let folder = folder("survive", &web(6, 1000, ""));
    for (words, expected) in [("--survive 1", 4), ("--survive 2", 5), ("--survive 1 --survive 2", 5)] {
        let answer = answer(&folder, &format!("--trials 2 {words}"));
        assert_eq!(answer["answer"], serde_json::json!([expected]), "{words}");
        assert_eq!(answer["withoutLosses"], serde_json::json!([3]), "{words}");
    }
    let (_, error, code) = sim(&folder, "capacity s.yaml --survive 3");
    assert!(code == Some(2) && error.contains("not 1, 2 or zone"), "{error}");
}

#[test]
fn a_zone_is_survived_where_the_others_have_room() {
    let pools = "nodePools: [{name: a, count: 1, capacity: {cpu: \"2\", memory: 4Gi}, zone: a, pricePerHour: 0.1}, \
        {name: b, count: 1, capacity: {cpu: \"2\", memory: 4Gi}, zone: b, pricePerHour: 0.1}]\n";
    let one = web(2, 1000, "");
    let old = one.lines().find(|line| line.contains("nodePools")).unwrap();
    let folder = folder("zone", &one.replace(old, &format!("  {pools}")));
    let nothing = answer(&folder, "--trials 2 --pool a=0..3 --pool b=0..3");
    assert_eq!(nothing["answer"], serde_json::json!([0, 1]));
    let answer = answer(&folder, "--trials 2 --survive zone --pool a=0..3 --pool b=0..3");
    assert_eq!(
        (&answer["answer"], &answer["withoutLosses"]),
        (&serde_json::json!([1, 1]), &serde_json::json!([0, 1]))
    );
    let row =
        &answer["survivability"].as_array().unwrap().iter().find(|row| row["loss"] == "-1 zone").unwrap();
    assert_eq!((&row["required"], &row["tried"], &row["survived"]), (&true.into(), &2.into(), &2.into()));
    assert!(row["recovery"].as_f64().unwrap() > 300.0, "{row}");
}

#[test]
fn a_report_of_every_sort_of_question_is_whole() {
    let folder =
        folder("report", &web(6, 1000, "  expect: [{that: 'pods.size() >= 6'}, {that: 't >= 0.0'}]"));
    for (words, code) in
        [("--survive 1", 0), ("--replicas deployment/web=1..9", 0), ("--pool small=1..1 --at-least 100%", 0)]
    {
        let (text, error, found) = sim(&folder, &format!("capacity s.yaml --trials 2 --report out {words}"));
        assert_eq!(found, Some(code), "{words}: {text}{error}");
        let page = fs::read_to_string(folder.join("out/index.html")).unwrap();
        for id in ["verdict", "assumptions", "sizes", "cost", "survivability", "data"] {
            assert!(page.contains(&format!("id=\"{id}\"")), "{words}: no {id}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf"), "{words}");
        let json: Value =
            serde_json::from_slice(&fs::read(folder.join("out/data/report.json")).unwrap()).unwrap();
        assert_eq!(json["capacity"]["verdict"][0], text.lines().next().unwrap());
    }
    let (markdown, ..) = sim(&folder, "capacity s.yaml --trials 2 -o markdown");
    assert!(markdown.starts_with("### 1 node of pool small") && markdown.contains("<details>"), "{markdown}");
}

#[test]
fn the_worst_loss_below_the_answer_can_be_played_again() {
    let expect = "  params: {size: 5}\n  expect: [{that: 'deployments[\"web\"].status.readyReplicas == 6'}]";
    let folder = folder("again", &web(6, 1000, expect).replace("count: 5", "count: \"${size}\""));
    let answer = answer(&folder, "--trials 2 --survive 1 --lost-at 1m --pool small=1..8");
    assert_eq!(answer["answer"], serde_json::json!([4]));
    let binding = &answer["binding"][0];
    assert_eq!((&binding["counts"], &binding["at"]), (&serde_json::json!([3]), &"1m".into()));
    let lost = binding["lost"].as_str().unwrap();
    for (n, expected) in [(3, 1), (4, 0)] {
        let (text, error, code) = sim(&folder, &format!("run s.yaml --set size={n} --fail {lost}@1m"));
        assert_eq!(code, Some(expected), "{n}: {text}{error}");
    }
}

#[test]
fn a_pod_that_no_node_can_take_is_named() {
    let folder = folder("never", &web(2, 3000, ""));
    let (text, _, code) = sim(&folder, "capacity s.yaml --trials 1");
    assert_eq!(code, Some(1));
    assert!(text.starts_with("No size up to 20 nodes of pool small is enough.\n"), "{text}");
    let expected =
        "A pod of deployment/web is refused even alone: 0/20 nodes are available: 20 Insufficient cpu";
    let alone = text.lines().find(|line| line.starts_with("A pod of")).unwrap();
    assert!(alone.starts_with(expected), "{alone}");
    assert!(alone.ends_with("More of these nodes do not help."), "{alone}");
}

#[test]
fn an_answer_that_is_worse_with_more_is_reported() {
    let expect = "  expect: [{that: 'nodes.size() % 2 == 0 && pods.all(p, p.status.phase == \"Running\")'}]";
    let folder = folder("violation", &web(6, 1000, expect));
    let quick = answer(&folder, "--trials 1 --pool small=1..9");
    assert_eq!(quick["answer"], serde_json::json!([4]));
    assert!(!quick["violations"].as_array().unwrap().is_empty());
    let (text, _, code) = sim(&folder, "capacity s.yaml --trials 1 --pool small=1..9 --exhaustive");
    assert_eq!(code, Some(0));
    assert!(text.contains("More is not always better here: "), "{text}");
    assert!(text.contains("search  all sizes of pool/small 1..9: 9 tried, more was worse"), "{text}");
}

#[test]
fn replicas_and_parameters_can_be_asked_about() {
    let text =
        web(2, 100, "  params: {size: 1}\n  expect: [{that: 'pods.size() >= ${size} && pods.size() >= 5'}]");
    let folder = folder("others", &text);
    let replicas = answer(&folder, "--trials 1 --replicas deployment/web=1..9");
    assert_eq!((&replicas["answer"], &replicas["ok"]), (&serde_json::json!([5]), &true.into()));
    let text = web(0, 100, "  params: {size: 1}\n  expect: [{that: '${size} >= 3'}]");
    fs::write(folder.join("s.yaml"), text).unwrap();
    let param = answer(&folder, "--trials 1 --param size=1..8");
    assert_eq!(param["answer"], serde_json::json!([3]));
    assert!(
        param["verdict"][0].as_str().unwrap().starts_with("size=3 (0.50/h) is enough"),
        "{}",
        param["verdict"][0]
    );
}

#[test]
fn the_scenario_carries_the_question_and_flags_override_it() {
    let question = "  capacity: {sizes: [{pool: small, from: 2, to: 7}], trials: 3, atLeast: 60%, survive: [1], lostAt: [2m]}";
    let folder = folder("carried", &web(6, 1000, question));
    let carried = answer(&folder, "");
    let asked = &carried["question"];
    let expected =
        serde_json::json!({"name": "pool/small", "from": 2, "to": 7, "own": 5, "pricePerHour": 0.1});
    assert_eq!(asked["dimensions"][0], expected);
    assert_eq!((&asked["trials"], &asked["atLeast"]), (&3.into(), &0.6.into()));
    assert_eq!((&asked["survive"], &carried["answer"]), (&serde_json::json!(["1"]), &serde_json::json!([4])));
    let flags = answer(&folder, "--trials 1 --at-least 100% --survive 2 --lost-at 30s --pool small=3..8");
    assert_eq!((&flags["question"]["trials"], &flags["answer"]), (&1.into(), &serde_json::json!([5])));
    assert_eq!(flags["survivability"][2]["at"], 30.0);
}

#[track_caller]
fn check_refused(name: &str, spec: &str, words: &str, expected: &str) {
    let folder = folder(name, &web(1, 100, spec));
    let (_, error, code) = sim(&folder, &format!("capacity s.yaml --trials 1 {words}"));
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains(expected), "{error}");
}

#[test]
fn questions_that_cannot_be_asked_are_refused_with_the_reason() {
    check_refused("no-pool", "", "--pool smal", "there is no pool/smal; did you mean `small`?");
    check_refused(
        "no-web",
        "",
        "--replicas deployment/wbe",
        "there is no deployment/wbe; did you mean `web`?",
    );
    check_refused("twice", "", "--pool small --pool small=1..2", "pool/small is named twice");
    check_refused("backwards", "", "--pool small=5..2", "the smallest size is above the largest");
    check_refused("share", "", "--at-least 120%", "not a share above 0 and at most 100%");
    check_refused("late", "  horizon: 10m", "--lost-at 10m --survive 1", "is not before the horizon");
    check_refused("late-quiet", "", "--lost-at 25h --survive 1", "25h is not before the horizon, 24h");
    let no_zone = web(1, 100, "").replace(", zone: a", "");
    let folder = folder("no-zone", &no_zone);
    let (_, error, code) = sim(&folder, "capacity s.yaml --survive zone");
    assert!(code == Some(2) && error.contains("no node has a zone"), "{error}");
    for (spec, expected) in [
        (
            "  capacity: {sizes: [{pool: smal}]}",
            "s.yaml:7:22: spec.capacity.sizes[0]: there is no pool/smal; did you mean `small`?",
        ),
        (
            "  capacity: {sizes: [{from: 1}]}",
            "exactly one of pool, deployment, statefulset, replicaset and param",
        ),
        ("  capacity: {survive: three}", "spec.capacity.survive: not 1, 2 or zone: \"three\""),
        ("  capacity: {atLeast: 0}", "spec.capacity.atLeast: not a share"),
        ("  capacity: {atleast: 1}", "did you mean `atLeast`?"),
    ] {
        check_refused("wrong-file", spec, "", expected);
    }
}

#[test]
fn the_answer_does_not_depend_on_workers() {
    let folder = folder("workers", &web(6, 700, ""));
    let words = "capacity s.yaml --trials 3 --survive 1 -o json";
    let one = sim(&folder, &format!("{words} --workers 1"));
    assert_eq!(sim(&folder, &format!("{words} --workers 3")), one);
    assert_eq!(sim(&folder, words), one);
}

#[test]
fn as_many_copies_fit_as_a_larger_workload_can_place() {
    let text = web(3, 600, "  params: {size: 3}").replace("replicas: 3", "replicas: ${size}");
    let folder = folder("fit", &text);
    let (json, error, _) = sim(&folder, "capacity s.yaml --fit deployment/web -o json");
    assert_eq!(error, "");
    let fit: Value = serde_json::from_str(&json).unwrap();
    // Three of 600m have room on each of five nodes of 2 cpu.
    assert_eq!(fit["copies"], 12);
    assert!(
        fit["message"].as_str().unwrap().starts_with("0/5 nodes are available: 5 Insufficient cpu."),
        "{fit}"
    );
    assert_eq!(
        fit["nodes"].as_array().unwrap().iter().map(|it| it["copies"].as_u64().unwrap()).sum::<u64>(),
        12
    );
    for (n, n_waiting) in [(15, 0), (16, 1)] {
        let (pods, ..) = sim(&folder, &format!("get pods s.yaml --set size={n}"));
        assert_eq!(pods.matches("Pending").count(), n_waiting, "{pods}");
    }
    let (_, error, code) = sim(&folder, "capacity s.yaml --fit deployment/wbe");
    assert!(
        code == Some(2) && error.contains("there is no deployment/wbe at this instant; did you mean `web`?"),
        "{error}"
    );
}

#[test]
fn copies_keep_the_rules_of_their_workload() {
    let spread = "      topologySpreadConstraints:\n        - {maxSkew: 1, topologyKey: kubernetes.io/hostname, \
        whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}\n      containers";
    let text = web(2, 100, "").replace("      containers", spread).replace("count: 5", "count: 2");
    let quota =
        "---\napiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q}\nspec: {hard: {pods: \"7\"}}\n";
    let folder = folder("rules", &(text.clone() + quota));
    let (refused, ..) = sim(&folder, "capacity s.yaml --fit deployment/web");
    assert!(refused.contains("5 more copies of deployment/web fit; the next is refused: "), "{refused}");
    assert!(refused.contains("exceeded quota: q"), "{refused}");
    let cordoned = text
        + "---\napiVersion: v1\nkind: Node\nmetadata: {name: full, labels: {kubernetes.io/hostname: full}}\n\
        status: {capacity: {cpu: 150m, memory: 1Gi, pods: \"10\"}}\n";
    fs::write(folder.join("s.yaml"), cordoned).unwrap();
    let (skewed, ..) = sim(&folder, "capacity s.yaml --fit deployment/web");
    assert!(skewed.contains("didn't match pod topology spread constraints"), "{skewed}");
}

/// Nobody looks.
struct Silent;

impl Progress for Silent {
    fn plan(&self, _n_runs: usize) {}

    fn done(&self) {}
}

fn load(text: &str, options: &Options) -> Loaded {
    let source = Source { name: "s.yaml".into(), text: text.as_bytes().to_vec() };
    load::load(&[source], &mut |_, _| Err(String::new()), options).unwrap_or_else(|errors| panic!("{errors}"))
}

fn ask(text: &str, asked: &Capacity, reach: Reach) -> Answer {
    let question = Question::of(asked, &load(text, &Options::default()), reach).unwrap();
    let mut make = |size: &Size| {
        let Settings { params, pool_counts } = question.settings(size);
        let mut scenario =
            load(text, &Options { settings: params, pool_counts, ..Options::default() }).scenario;
        question.adjust(&mut scenario, size);
        Ok::<_, std::convert::Infallible>(scenario)
    };
    let Ok(answer) = capacity::answer(&question, Workers::default(), &mut make, &Silent);
    answer
}

/// Two pools and two workloads of these millicores.
fn world(pools: [(u32, u32); 2], workloads: [(u32, u32); 2], expect: &str) -> String {
    let [(cpu_a, price_a), (cpu_b, price_b)] = pools;
    let deployment = |name: &str, (replicas, millicores): (u32, u32)| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
             spec:\n      containers:\n        - {{name: c, image: c, resources: {{requests: {{cpu: {millicores}m}}}}}}\n"
        )
    };
    format!(
        "apiVersion: sim/v1\nkind: Scenario\nspec:\n  nodePools:\n    - {{name: a, count: 1, capacity: {{cpu: {cpu_a}, \
         memory: 8Gi}}, pricePerHour: {price_a}}}\n    - {{name: b, count: 1, capacity: {{cpu: {cpu_b}, memory: 8Gi}}, \
         pricePerHour: {price_b}}}\n  capacity: {{sizes: [{{pool: a, from: 0, to: 3}}, {{pool: b, from: 0, to: 4}}]}}\n\
         {expect}{}{}",
        deployment("one", workloads[0]),
        deployment("two", workloads[1])
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn the_search_agrees_with_brute_force_or_says_why_it_may_not(
        pools in [(1_u32..4, 1_u32..9), (1_u32..4, 1_u32..9)],
        workloads in [(0_u32..4, 300_u32..2500), (0_u32..4, 300_u32..2500)],
        is_odd in any::<bool>(),
        survives in any::<bool>(),
    ) {
        let odd = "  expect:\n    - {that: 'nodes.size() % 2 == 0 && pods.all(p, has(p.spec.nodeName))'}\n";
        let text = world(pools, workloads, if is_odd { odd } else { "" });
        let asked = load(&text, &Options::default()).scenario.capacity;
        let survive = if survives { vec![Loss::OneNode] } else { Vec::new() };
        let asked = Capacity { n_trials: Some(1), survive, ..asked };
        let (quick, brute) = (ask(&text, &asked, Reach::Bisect), ask(&text, &asked, Reach::All));
        prop_assert_eq!(brute.found.tried.len(), 20);
        prop_assert!(quick.found.tried.iter().all(|(size, enough)| brute.found.tried[size] == *enough));
        if brute.found.violations.is_empty() {
            prop_assert_eq!(&quick.found.answer, &brute.found.answer);
        }
        for (smaller, larger) in quick.found.violations.iter().chain(&brute.found.violations) {
            prop_assert!(is_within(smaller, larger));
            prop_assert!(brute.found.tried[smaller] && !brute.found.tried[larger]);
        }
        prop_assert!(!is_odd || brute.found.answer.is_none() || !brute.found.violations.is_empty());
    }

    #[test]
    fn copies_that_fit_are_those_that_a_larger_workload_places(
        pools in [(1_u32..4, 1_u32..9), (1_u32..4, 1_u32..9)],
        workloads in [(1_u32..4, 300_u32..1500), (0_u32..3, 300_u32..1500)],
    ) {
        let scenario = Arc::new(load(&world(pools, workloads, ""), &Options::default()).scenario);
        let fit = fit::fit(&scenario, Kind::Deployment, "one", None).unwrap();
        let [(n, millicores), other] = workloads;
        let n_placed = |n: u32| {
            let text = world(pools, [(n, millicores), other], "");
            let scenario = Arc::new(load(&text, &Options::default()).scenario);
            let trial = cluster_sim::experiment::trial::run(&scenario, None, (), |_| {});
            trial.simulation.cluster().pods().iter().filter(|(_, pod)| pod.node.is_none()).count()
        };
        // Where all of the workload is placed one more than fits is one too many.
        if n_placed(n) == 0 && other.0 == 0 {
            prop_assert_eq!((n_placed(n + fit.n_copies), n_placed(n + fit.n_copies + 1)), (0, 1));
        }
        prop_assert!(fit.message.is_some());
    }
}
