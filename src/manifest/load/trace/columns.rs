//! The columns of a trace, and its lines.

use crate::engine::SimDuration;
use crate::manifest::load::trace::Form;
use crate::manifest::near_name::nearest;
use crate::manifest::validation::names;
use crate::model::meta::Name;

/// The columns that must be there.
const REQUIRED: [&str; 4] = ["arrival_s", "cpu_m", "mem_MiB", "duration_s"];
/// What a column begins with that says which nodes will do.
const NODE_LABEL: &str = "node:";
/// The longest name of a Job, whose pods carry it in a label.
const JOB_NAME_MAX: usize = 63;

/// What is wrong in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where, in characters from 1.
    pub(super) column: u32,
    /// What was found, and what was expected.
    pub(super) message: String,
}

/// What the cells of each line are, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    cells: Vec<Cell>,
    /// The extended resources, in the order of their columns.
    pub(super) resources: Vec<Name>,
    /// The labels of nodes, in the order of their columns.
    pub(super) labels: Vec<Name>,
    form: Form,
}

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    Arrival,
    Cpu,
    Memory,
    Duration,
    Name,
    ExitCode,
    Pods,
    Resource,
    NodeLabel,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Line {
    /// When it arrives.
    pub(super) arrival: SimDuration,
    /// Its name.
    pub(super) name: Option<Name>,
    /// Where the name stands, in characters from 1.
    pub(super) name_column: u32,
    /// How many pods a Job has.
    pub(super) n_pods: u32,
    /// What each pod asks for.
    pub(super) needs: Needs,
    /// What each pod does.
    pub(super) work: Work,
}

/// What a pod of a line asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Needs {
    /// The cpu [millicores].
    pub(super) cpu_m: u32,
    /// The memory [MiB].
    pub(super) memory_mib: u32,
    /// The amounts of [`Columns::resources`].
    pub(super) resources: Vec<u32>,
    /// The values of [`Columns::labels`] of which a node must have one; none is any.
    pub(super) labels: Vec<Vec<Name>>,
}

/// What a pod of a line does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Work {
    /// How long it runs.
    pub(super) duration: SimDuration,
    /// What it exits with.
    pub(super) exit_code: i32,
}

impl Columns {
    /// Reads the first line.
    pub(super) fn read(head: &str, form: Form) -> Result<Self, Fault> {
        let mut columns = Self { cells: Vec::new(), resources: Vec::new(), labels: Vec::new(), form };
        let names: Vec<(u32, &str)> = cells(head).collect();
        for (at, (column, name)) in names.iter().enumerate() {
            let fault = |message| Fault { column: *column, message };
            if names[..at].iter().any(|(_, earlier)| earlier == name) {
                return Err(fault(format!("there are two columns {name}")));
            }
            let cell = columns.cell(name).map_err(fault)?;
            columns.cells.push(cell);
        }
        let missing: Vec<&str> =
            REQUIRED.into_iter().filter(|wanted| !names.iter().any(|(_, name)| name == wanted)).collect();
        if missing.is_empty() {
            return Ok(columns);
        }
        let message = format!("expected the columns {}, without {}", REQUIRED.join(","), missing.join(","));
        Err(Fault { column: 1, message })
    }

    /// What a column of this name is.
    fn cell(&mut self, name: &str) -> Result<Cell, String> {
        Ok(match name {
            "arrival_s" => Cell::Arrival,
            "cpu_m" => Cell::Cpu,
            "mem_MiB" => Cell::Memory,
            "duration_s" => Cell::Duration,
            "name" => Cell::Name,
            "exit_code" => Cell::ExitCode,
            "pods" if matches!(self.form, Form::Jobs(_)) => Cell::Pods,
            other => match other.strip_prefix(NODE_LABEL) {
                Some(label) => {
                    good(names::qualified_name(label))?;
                    self.labels.push(label.into());
                    Cell::NodeLabel
                }
                None if other.contains('/') => {
                    good(names::qualified_name(other))?;
                    self.resources.push(other.into());
                    Cell::Resource
                }
                None => {
                    let known = REQUIRED.into_iter().chain(["name", "exit_code", "pods"]);
                    let near = nearest(other, known).map(|near| format!("; did you mean `{near}`?"));
                    return Err(format!("unknown column {other:?}{}", near.unwrap_or_default()));
                }
            },
        })
    }

    /// Reads a line.
    pub(super) fn line(&self, text: &str) -> Result<Line, Fault> {
        let mut line = Line { n_pods: 1, ..Line::default() };
        let mut n_cells = 0;
        for (at, (column, text)) in cells(text).enumerate() {
            n_cells += 1;
            let Some(cell) = self.cells.get(at) else { continue };
            self.fill(&mut line, *cell, (column, text)).map_err(|message| Fault { column, message })?;
        }
        if n_cells == self.cells.len() {
            return Ok(line);
        }
        let message = format!("expected {} columns, found {n_cells}", self.cells.len());
        Err(Fault { column: 1, message })
    }

    /// Puts a cell into a line.
    fn fill(&self, line: &mut Line, cell: Cell, (column, text): (u32, &str)) -> Result<(), String> {
        match cell {
            Cell::Arrival => line.arrival = seconds(text)?,
            Cell::Cpu => line.needs.cpu_m = whole(text)?,
            Cell::Memory => line.needs.memory_mib = whole(text)?,
            Cell::Duration => line.work.duration = seconds(text)?,
            Cell::Name => {
                line.name = Some(self.name(text)?);
                line.name_column = column;
            }
            Cell::ExitCode => {
                let code: u8 = text.parse().map_err(|_| format!("not an exit code of 0 to 255: {text:?}"))?;
                line.work.exit_code = code.into();
            }
            Cell::Pods => {
                line.n_pods = whole(text)?;
                if line.n_pods == 0 {
                    return Err("a Job of no pods".to_owned());
                }
            }
            Cell::Resource => line.needs.resources.push(whole(text)?),
            Cell::NodeLabel => {
                let values: Vec<Name> = text.split('|').filter(|v| !v.is_empty()).map(Name::from).collect();
                for value in &values {
                    good(names::label_value(value))?;
                }
                line.needs.labels.push(values);
            }
        }
        Ok(())
    }

    fn name(&self, text: &str) -> Result<Name, String> {
        good(names::dns_subdomain(text))?;
        if matches!(self.form, Form::Jobs(_)) && text.len() > JOB_NAME_MAX {
            return Err(format!("the name of a Job has at most {JOB_NAME_MAX} characters: {text:?}"));
        }
        Ok(text.into())
    }
}

/// The cells of a line without the space around them, and where they begin, in characters from 1.
fn cells(line: &str) -> impl Iterator<Item = (u32, &str)> {
    let mut column = 1;
    line.split(',').map(move |cell| {
        let text = cell.trim();
        let before = cell.chars().take_while(|c| c.is_whitespace()).count() as u32;
        let begin = if text.is_empty() { column } else { column + before };
        column += cell.chars().count() as u32 + 1;
        (begin, text)
    })
}

fn good(faults: Vec<String>) -> Result<(), String> {
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

fn seconds(text: &str) -> Result<SimDuration, String> {
    format!("{text}s").parse().map_err(|_| format!("not a number of seconds: {text:?}"))
}

fn whole(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("not a whole number: {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, row: &str, expected: Result<Line, (u32, &str)>) {
        let read = Columns::read(head, Form::Jobs(None)).and_then(|columns| columns.line(row));
        let read = read.map(|line| Line { name_column: 0, ..line });
        let expected = expected.map_err(|(column, message)| Fault { column, message: message.to_owned() });
        assert_eq!(read, expected, "{head}\n{row}");
    }

    #[test]
    fn a_line_of_a_trace_is_read_or_refused_with_what_is_wrong() {
        let plain = "arrival_s,cpu_m,mem_MiB,duration_s";
        let line = Line {
            arrival: SimDuration::from_millis(125),
            n_pods: 1,
            needs: Needs { cpu_m: 250, memory_mib: 512, ..Needs::default() },
            work: Work { duration: SimDuration::from_secs(300), exit_code: 0 },
            ..Line::default()
        };
        check(plain, "0.125,250,512,300", Ok(line.clone()));
        let full = "name, exit_code,pods,x.io/gpu,node:model,arrival_s,cpu_m,mem_MiB,duration_s";
        let named = Line {
            name: Some("a.1".into()),
            n_pods: 3,
            needs: Needs { resources: vec![2], labels: vec![vec!["A".into(), "B".into()]], ..line.needs },
            work: Work { exit_code: 7, ..line.work },
            ..line
        };
        check(full, "a.1,7,3,2,A|B,0.125,250,512,300", Ok(named));
        for (head, row, column, message) in [
            (plain, "1,2,3", 1, "expected 4 columns, found 3"),
            (plain, "1,2,3,4,5", 1, "expected 4 columns, found 5"),
            (plain, "x,1,1,1", 1, "not a number of seconds: \"x\""),
            (plain, "1, -1,1,1", 4, "not a whole number: \"-1\""),
            (full, "a.1,700,3,2,,0,1,1,1", 5, "not an exit code of 0 to 255: \"700\""),
            (full, "a.1,7,0,2,,0,1,1,1", 7, "a Job of no pods"),
            (
                "arrival_s,cpu_m,mem_MiB",
                "",
                1,
                "expected the columns arrival_s,cpu_m,mem_MiB,duration_s, without duration_s",
            ),
            ("arrival_s,cpu_n", "", 11, "unknown column \"cpu_n\"; did you mean `cpu_m`?"),
            ("cpu_m,cpu_m", "", 7, "there are two columns cpu_m"),
        ] {
            check(head, row, Err((column, message)));
        }
    }
}
