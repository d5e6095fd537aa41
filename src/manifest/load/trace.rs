//! Pods that arrive by a recorded trace: a CSV file with one pod a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::engine::{Distribution, SimDuration, SimTime};
use crate::manifest::admission::PriorityClasses;
use crate::manifest::convert::{self, ReadContext};
use crate::manifest::diagnostic::{Diagnostic, Mark, Place};
use crate::manifest::load::{Head, Loader};
use crate::manifest::source::Source;
use crate::manifest::tree::Tree;
use crate::manifest::warnings::FieldWarnings;
use crate::model::ids::Kind;
use crate::model::meta::Name;
use crate::model::pod::PodSpec;
use crate::model::profile::Profile;
use crate::model::program::{Program, Step};
use crate::model::scenario::{NewSpec, PodTrace, TraceRow};

/// The columns, in order.
const HEADER: &str = "arrival_s,cpu_m,mem_MiB,duration_s";

/// One line of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    arrival: SimDuration,
    shape: Shape,
}

/// What pods of one shape ask for and how long they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    cpu_m: u32,
    memory_mib: u32,
    duration: SimDuration,
}

impl Loader<'_> {
    /// Reads the trace that the scenario names, and adds the programs of its pods.
    pub(super) fn trace(
        &mut self,
        head: &Head,
        profile: &Profile,
        programs: &mut BTreeMap<Name, Program>,
    ) -> Option<PodTrace> {
        let files = head.spec.trace.as_ref()?;
        let object = head.object.as_ref()?;
        let source = match (self.fetch)(&object.file, &files.pods) {
            Ok(source) => source,
            Err(message) => {
                self.diagnostics.push(object.error("spec.trace.pods", message));
                return None;
            }
        };
        let mut trace = PodTrace::default();
        let mut shapes: BTreeMap<Shape, u32> = BTreeMap::new();
        for line in self.lines(&source) {
            let shape = *shapes.entry(line.shape).or_insert_with(|| {
                programs.insert(image(line.shape), program(line.shape));
                trace.shapes.push(pod_spec(line.shape, profile));
                (trace.shapes.len() - 1) as u32
            });
            trace.rows.push(TraceRow { at: SimTime::ZERO + line.arrival, shape });
        }
        trace.rows.sort_by_key(|row| row.at);
        Some(trace)
    }

    fn lines(&mut self, source: &Source) -> Vec<Line> {
        let text = String::from_utf8_lossy(&source.text);
        let mut lines = Vec::new();
        for (number, line) in (1_u32..).zip(text.lines()) {
            let parsed = match (number, line.trim()) {
                (1, HEADER) | (2.., "") => continue,
                (1, other) => Err(format!("expected the columns {HEADER}, found {other:?}")),
                (_, row) => parse(row),
            };
            match parsed {
                Ok(line) => lines.push(line),
                Err(message) => {
                    let mark = Mark { line: number, column: 1 };
                    let place = Place { file: Arc::clone(&source.name), mark };
                    self.diagnostics.push(Diagnostic::error(place, message));
                }
            }
        }
        lines
    }
}

fn parse(row: &str) -> Result<Line, String> {
    let cells: Vec<&str> = row.split(',').map(str::trim).collect();
    let [arrival, cpu, memory, duration] = cells.as_slice() else {
        return Err(format!("expected 4 columns, found {}", cells.len()));
    };
    let secs = |text: &str| {
        let bad = || format!("not a number of seconds: {text:?}");
        format!("{text}s").parse::<SimDuration>().map_err(|_| bad())
    };
    let whole = |text: &str| text.parse::<u32>().map_err(|_| format!("not a whole number: {text:?}"));
    let shape = Shape { cpu_m: whole(cpu)?, memory_mib: whole(memory)?, duration: secs(duration)? };
    Ok(Line { arrival: secs(arrival)?, shape })
}

/// The image of pods that run so long; each length is a program.
fn image(shape: Shape) -> Name {
    format!("trace/{}", shape.duration).into()
}

fn program(shape: Shape) -> Program {
    let steps = vec![Step::Run(Distribution::constant(shape.duration))];
    Program { attempts: vec![steps], ..Program::default_for(None) }
}

fn pod_spec(shape: Shape, profile: &Profile) -> Arc<PodSpec> {
    let amounts = json!({"cpu": format!("{}m", shape.cpu_m), "memory": format!("{}Mi", shape.memory_mib)});
    let manifest = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trace"},
        "spec": {"restartPolicy": "Never", "containers": [{
            "name": "main", "image": &*image(shape), "imagePullPolicy": "IfNotPresent",
            "resources": {"requests": amounts, "limits": amounts},
        }]},
    });
    let tree = Tree::from_json(&manifest, Mark::START);
    let context = ReadContext { profile, priority_classes: &PriorityClasses::default() };
    let accepted = convert::accept(Kind::Pod, &tree, &context, &mut FieldWarnings::default());
    match accepted.expect("whole amounts of cpu and memory make a valid pod").spec {
        NewSpec::Pod(spec) => spec,
        _ => unreachable!("the manifest is a pod's"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_trace_is_read_or_refused_with_what_is_wrong() {
        let line = parse("0.125,250,512,300").unwrap();
        assert_eq!(line.arrival, SimDuration::from_millis(125));
        assert_eq!(line.shape.duration, SimDuration::from_secs(300));
        for (row, part) in [("1,2,3", "4 columns"), ("x,1,1,1", "seconds"), ("1,-1,1,1", "whole number")] {
            assert!(parse(row).unwrap_err().contains(part), "{row}");
        }
    }
}
