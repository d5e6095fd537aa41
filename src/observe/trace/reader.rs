//! A trace that is read again: its head, its lines one by one, its end; and what is wrong with one that is none.

use std::fmt;
use std::io::BufRead;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::{SimDuration, SimTime};
use crate::observe::trace::{FORMAT, TraceHead};

/// Longer lines are none of a trace [bytes].
const LINE_BYTES_MAX: u64 = 1 << 24;

/// Reads a trace.
pub struct TraceReader<R> {
    file: Arc<str>,
    text: R,
    line: u64,
    /// What was played.
    pub head: TraceHead,
    /// What came of it; there when all lines have been read.
    pub end: Option<Value>,
}

/// A change, as the trace tells it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TraceLine {
    /// When [s].
    pub t: f64,
    /// The number of the event that caused it; 0 before the first one.
    pub seq: u64,
    /// The name and the subject of that event; empty before the first one.
    pub cause: String,
    /// The component that handled it, by its upstream name.
    pub component: Option<String>,
    /// The name of the change.
    pub change: String,
    /// `kind/namespace/name`
    pub object: String,
    /// What there is to say of it.
    #[serde(flatten)]
    pub details: Map<String, Value>,
}

/// What is wrong with a trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TraceError {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

impl TraceLine {
    /// When.
    pub fn at(&self) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs_f64(self.t)
    }

    /// The entry of the timeline that caused it, by position.
    pub fn timeline_entry(&self) -> Option<usize> {
        self.cause.strip_prefix("ActionDue timeline[")?.strip_suffix(']')?.parse().ok()
    }

    /// A text among the details; empty where there is none.
    pub fn text(&self, field: &str) -> &str {
        self.details.get(field).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The last line.
#[derive(Deserialize)]
struct EndLine {
    end: Value,
}

impl<R: BufRead> TraceReader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// When the first line is not the head of a trace of this version of the format.
    pub fn new(file: &str, text: R) -> Result<Self, TraceError> {
        let (file, mut text) = (Arc::from(file), text);
        let error = |message: String| TraceError { file: Arc::clone(&file), line: 1, message };
        let first = next_line(&mut text).map_err(error)?.unwrap_or_default();
        let value: Value = serde_json::from_slice(&first)
            .map_err(|_| error("not a trace of sim: the first line is not JSON".to_owned()))?;
        match value["format"].as_str() {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(error(format!("not a trace that this sim reads: {other:?}, not {FORMAT:?}")));
            }
            None => {
                return Err(error(format!(
                    "not a trace of sim: the first line has no \"format\": {FORMAT:?}"
                )));
            }
        }
        let head =
            serde_json::from_value(value).map_err(|fault| error(format!("the head of a trace: {fault}")))?;
        Ok(Self { file, text, line: 1, head, end: None })
    }

    /// The same with a text of any kind.
    pub fn boxed<'a>(self) -> TraceReader<Box<dyn BufRead + 'a>>
    where
        R: 'a,
    {
        let Self { file, text, line, head, end } = self;
        TraceReader { file, text: Box::new(text), line, head, end }
    }

    /// An error about the last line that was read.
    pub fn error(&self, message: String) -> TraceError {
        TraceError { file: Arc::clone(&self.file), line: self.line, message }
    }

    fn read(&mut self) -> Result<Option<TraceLine>, TraceError> {
        let line = next_line(&mut self.text).map_err(|message| self.error(message))?;
        match (line, &self.end) {
            (None, Some(_)) => return Ok(None),
            (None, None) => {
                self.line += 1;
                return Err(self.error(
                    "the trace is cut off: its last line, the end of the run, is missing".to_owned(),
                ));
            }
            (Some(_), Some(_)) => {
                self.line += 1;
                return Err(self.error("a line after the end of the run".to_owned()));
            }
            (Some(line), None) => {
                self.line += 1;
                let is_whole = line.ends_with(b"\n");
                match (serde_json::from_slice::<TraceLine>(&line), serde_json::from_slice::<EndLine>(&line)) {
                    (Ok(change), _) => return Ok(Some(change)),
                    (_, Ok(EndLine { end })) => self.end = Some(end),
                    (Err(_), _) if !is_whole => {
                        return Err(self.error("the trace is cut off in this line".to_owned()));
                    }
                    (Err(fault), _) => return Err(self.error(format!("not a line of a trace: {fault}"))),
                }
            }
        }
        self.read()
    }
}

/// The next line with its line break, if it has one; none at the end.
fn next_line(text: &mut impl BufRead) -> Result<Option<Vec<u8>>, String> {
    let mut line = Vec::new();
    let mut bounded = std::io::Read::take(text, LINE_BYTES_MAX);
    let n = bounded.read_until(b'\n', &mut line).map_err(|error| format!("cannot be read: {error}"))?;
    if n as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
        return Err(format!("longer than {LINE_BYTES_MAX} bytes: no line of a trace"));
    }
    Ok((n > 0).then_some(line))
}

impl<R: BufRead> Iterator for TraceReader<R> {
    type Item = Result<TraceLine, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
