//! The load of a scenario, with the recordings that it names.

use std::sync::Arc;

use crate::engine::SimDuration;
use crate::manifest::diagnostic::{Diagnostic, Mark, Place};
use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::load::{Head, Loader};
use crate::manifest::scenario::read;
use crate::manifest::scenario::traffic::{Recorded, TrafficSource};
use crate::manifest::source::Source as File;
use crate::model::traffic::{Arrivals, Gaps, Patience, Piece, Rate, Traffic};

/// The column of a file of instants.
const TIMESTAMPS: &str = "arrival_s";
/// The column of a file of counts.
const PER_MINUTE: &str = "requests";
const MINUTE: SimDuration = SimDuration::from_secs(60);

impl Loader<'_> {
    /// The load of a scenario.
    pub(super) fn traffic(&mut self, head: &Head, errors: &mut FieldErrors) -> Traffic {
        let spec_path = Path::OBJECT.child("spec");
        let path = spec_path.child("traffic");
        read::traffic::check_names(&head.spec.traffic, &path, errors);
        let mut sources = Vec::new();
        for (at, written) in head.spec.traffic.iter().enumerate() {
            let path = path.index(at);
            let recorded = self.recorded(written, head, &path, errors);
            sources.extend(read::traffic::source(written, recorded, &path, errors));
        }
        Traffic { sources, network: read::traffic::network(&head.spec.network) }
    }

    /// The recorded arrivals of a source, where it has such.
    fn recorded(
        &mut self,
        written: &TrafficSource,
        head: &Head,
        path: &Path<'_>,
        errors: &mut FieldErrors,
    ) -> Option<Arrivals> {
        let path = path.child("recorded");
        let (column, name) = match written.recorded.as_ref()? {
            Recorded { timestamps: Some(file), per_minute: None } => (TIMESTAMPS, file),
            Recorded { timestamps: None, per_minute: Some(file) } => (PER_MINUTE, file),
            Recorded { .. } => {
                errors.required(&path, "exactly one of `timestamps` and `perMinute`");
                return None;
            }
        };
        let from = head.object.as_ref().map_or("", |object| &object.file);
        let file = match (self.fetch)(from, name) {
            Ok(file) => file,
            Err(message) => {
                errors.invalid_object(&path, &message);
                return None;
            }
        };
        let numbers = self.column(&file, column);
        Some(if column == TIMESTAMPS { instants(&numbers) } else { counts(&numbers) })
    }

    /// The numbers of a file with one column.
    fn column(&mut self, file: &File, head: &str) -> Vec<SimDuration> {
        let text = String::from_utf8_lossy(&file.text);
        let mut numbers = Vec::new();
        for (number, line) in (1_u32..).zip(text.lines()) {
            let cell = line.trim();
            let message = match (number, cell) {
                (2.., "") => continue,
                (1, cell) if cell == head => continue,
                (1, other) => format!("expected the column {head}, found {other:?}"),
                (_, cell) => match format!("{cell}s").parse() {
                    Ok(value) => {
                        numbers.push(value);
                        continue;
                    }
                    Err(_) => format!("not a number of at least 0: {cell:?}"),
                },
            };
            let place = Place { file: Arc::clone(&file.name), mark: Mark { line: number, column: 1 } };
            self.diagnostics.push(Diagnostic::error(place, message));
        }
        numbers
    }
}

/// What a run with load takes for granted.
pub(super) fn assumption(traffic: &Traffic) -> Option<String> {
    let latency = &traffic.network.latency;
    (!traffic.sources.is_empty()).then(|| {
        format!(
            "messages take {} in a pod, {} on a node, {} in a zone, {} between zones; clients wait {}, unless told otherwise",
            latency.same_pod,
            latency.same_node,
            latency.same_zone,
            latency.other_zone,
            Patience::TIMEOUT_DEFAULT
        )
    })
}

/// Requests at recorded instants.
fn instants(seconds: &[SimDuration]) -> Arrivals {
    let mut instants = seconds.to_vec();
    instants.sort_unstable();
    Arrivals::Recorded(instants.into())
}

/// So many requests in each minute: the number is written as seconds.
fn counts(numbers: &[SimDuration]) -> Arrivals {
    let pieces = numbers.iter().map(|number| {
        let rate = number.as_secs_f64() / MINUTE.as_secs_f64();
        Piece { span: Some(MINUTE), start: rate, end: rate }
    });
    let rate = Rate::Pieces { pieces: pieces.collect(), repeats: false };
    Arrivals::Rated { gaps: Gaps::Poisson, rate }
}
