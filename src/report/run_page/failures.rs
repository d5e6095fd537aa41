//! The section on failures of nodes and kubelets: from the failure to the readiness of what replaced each pod.

use crate::model::node::Silence;
use crate::report::chart::palette::Hue;
use crate::report::chart::scale::Scale;
use crate::report::chart::stack::{self, StackRow, Stacks};
use crate::report::chart::{Screen, Svg};
use crate::report::failures::{FailureRow, LostPodRow};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head, Tone};
use crate::report::page::{Figure, Part, Section};
use crate::report::run_page::Chapter;
use crate::report::summary::RunSummary;
use crate::report::text::span;

/// More pods are not drawn.
const ROWS_MAX: usize = 40;

/// What a lost pod waits for, in order.
const STAGES: [(&str, Hue); 7] = [
    ("until not Ready", Hue::Grey),
    ("until evicted", Hue::Vermillion),
    ("until replaced", Hue::Purple),
    ("until scheduled", Hue::Yellow),
    ("pulling", Hue::Orange),
    ("starting", Hue::Sky),
    ("until Ready", Hue::Blue),
];

/// The section on failures; `None` where there is none.
pub(super) fn chapter(summary: &RunSummary) -> Option<Chapter> {
    let failures = &summary.failures;
    if failures.is_empty() {
        return None;
    }
    let n_pods: usize = failures.iter().map(|failure| failure.pods.len() + failure.more_pods).sum();
    let (what, title) = if failures.iter().any(|failure| failure.cause == Silence::KubeletStopped) {
        ("node or kubelet", "Failures of nodes and kubelets")
    } else {
        ("node", "Failures of nodes")
    };
    let mut parts = Vec::new();
    if n_pods > 0 {
        let cut =
            if n_pods > ROWS_MAX { format!(" Shown: {ROWS_MAX} of {n_pods} pods.") } else { String::new() };
        let caption =
            format!("Each pod from the failure of its {what} to the readiness of its replacement.{cut}");
        let end = summary.ended_at;
        let figure = Figure::new("failures", caption, |screen| chart(failures, what, end, screen));
        parts.push(Part::Figure(figure.with_data("failures")));
    }
    parts.push(Part::Table(table(failures)));
    Some(Chapter {
        section: Some(Section {
            id: "failures",
            title: title.to_owned(),
            lead: "How long it took to notice each failure, to give its pods up, and to have them running elsewhere.".to_owned(),
            parts,
        }),
        data: vec![data(failures)],
    })
}

fn lost(failures: &[FailureRow]) -> impl Iterator<Item = (&FailureRow, &LostPodRow)> {
    failures.iter().flat_map(|failure| failure.pods.iter().map(move |pod| (failure, pod)))
}

/// The instants of a lost pod, in the order of the stages that end with them.
fn instants(failure: &FailureRow, pod: &LostPodRow) -> [Option<f64>; 7] {
    [failure.not_ready, pod.evicted, pod.created, pod.scheduled, pod.pulled, pod.started, pod.ready]
}

fn chart(failures: &[FailureRow], what: &str, end: f64, screen: Screen) -> Svg {
    let rows: Vec<StackRow> =
        lost(failures).take(ROWS_MAX).map(|(failure, pod)| row(failure, pod, end)).collect();
    let longest = rows.iter().flat_map(|row| &row.pieces).map(|piece| piece.2).fold(0.0, f64::max);
    let stacks = Stacks {
        title: format!("Pods from the failure of their {what} to the readiness of their replacement"),
        x: Scale::time(0.0, longest, screen.pick(8, 4)),
        unit: "since the failure".to_owned(),
        kinds: STAGES.map(|(name, hue)| (name.to_owned(), hue)).to_vec(),
        rows,
    };
    stack::draw(&stacks, screen)
}

fn row(failure: &FailureRow, pod: &LostPodRow, end: f64) -> StackRow {
    let mut pieces = Vec::new();
    let mut at = failure.failed;
    let known = instants(failure, pod);
    let last = known.iter().rposition(Option::is_some);
    for (stage, instant) in known.into_iter().enumerate() {
        if let Some(instant) = instant.filter(|instant| *instant >= at) {
            pieces.push((stage, at - failure.failed, instant - failure.failed));
            at = instant;
        }
    }
    let is_done = pod.ready.is_some() || pod.replacement.is_none() && pod.evicted.is_some();
    if !is_done {
        // It waits to the end of the run, or until its node is back.
        let until = failure.back.unwrap_or(end).max(at);
        pieces.push((last.map_or(0, |last| (last + 1).min(6)), at - failure.failed, until - failure.failed));
    }
    StackRow { label: format!("{} on {}", pod.name, failure.node), pieces, note: note(failure, pod) }
}

fn note(failure: &FailureRow, pod: &LostPodRow) -> String {
    match (pod.ready, &pod.replacement, pod.evicted, failure.back) {
        (Some(ready), ..) => format!("ready after {}", span(ready - failure.failed)),
        (None, Some(_), ..) => "replaced, not ready".to_owned(),
        (None, None, Some(_), _) => "evicted, not replaced".to_owned(),
        (None, None, None, Some(_)) => match failure.cause {
            Silence::MachineOff => "node came back".to_owned(),
            Silence::KubeletStopped => "kubelet came back".to_owned(),
        },
        (None, None, None, None) => "still bound".to_owned(),
    }
}

fn table(failures: &[FailureRow]) -> DataTable {
    let heads = vec![
        Head::text("Node"),
        Head::text("Cause"),
        Head::number("Failed"),
        Head::number("Not Ready"),
        Head::number("Tainted"),
        Head::number("Back"),
        Head::number("Pods there"),
        Head::number("Replaced"),
        Head::number("Slowest replacement ready"),
    ];
    let mut table =
        DataTable::new("Failures, and what became of their pods; times since each failure", heads);
    for failure in failures {
        let since = |at: Option<f64>| {
            at.map_or_else(Cell::none, |at| {
                Cell::number(format!("+{}", span(at - failure.failed)), at - failure.failed)
            })
        };
        let n_pods = failure.pods.len() + failure.more_pods;
        let n_ready = failure.pods.iter().filter(|pod| pod.ready.is_some()).count();
        let slowest = failure.pods.iter().filter_map(|pod| pod.ready).reduce(f64::max);
        let tone = if n_ready == n_pods { Tone::Good } else { Tone::Bad };
        table.row([
            Cell::text(&*failure.node),
            Cell::text(failure.cause.as_str()),
            Cell::number(span(failure.failed), failure.failed),
            since(failure.not_ready),
            since(failure.tainted),
            since(failure.back),
            Cell::number(n_pods.to_string(), n_pods as f64),
            Cell::number(format!("{n_ready} of {n_pods}"), n_ready as f64).toned(tone),
            since(slowest),
        ]);
    }
    table.with_data("failures").without_empty_columns()
}

fn data(failures: &[FailureRow]) -> Dataset {
    let columns = [
        ("node", "the node"),
        ("cause", "what stopped: MachineOff, or KubeletStopped, while what ran on the node ran on"),
        ("failed_s", "when it failed"),
        ("last_heartbeat_s", "its last sign of life"),
        ("not_ready_s", "when it was said not to be Ready"),
        ("tainted_s", "when it got its NoExecute taint"),
        ("back_s", "when it was back"),
        ("namespace", "the namespace of a pod that was on it"),
        ("pod", "the pod"),
        ("evicted_s", "when its deletion was asked for"),
        ("replacement", "the pod that replaced it"),
        ("created_s", "when that was created"),
        ("scheduled_s", "when it was bound"),
        ("pulled_s", "when its images were there"),
        ("started_s", "when it started"),
        ("ready_s", "when it was Ready"),
    ];
    let mut data = Dataset::new("failures", "a pod on a node that failed, or whose kubelet did", &columns);
    for (failure, pod) in lost(failures) {
        data.row([
            Value::from(&failure.node),
            failure.cause.as_str().into(),
            failure.failed.into(),
            failure.last_heartbeat.into(),
            failure.not_ready.into(),
            failure.tainted.into(),
            failure.back.into(),
            (&pod.namespace).into(),
            (&pod.name).into(),
            pod.evicted.into(),
            pod.replacement.clone().into(),
            pod.created.into(),
            pod.scheduled.into(),
            pod.pulled.into(),
            pod.started.into(),
            pod.ready.into(),
        ]);
    }
    data
}
