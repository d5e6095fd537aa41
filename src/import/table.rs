//! Pods in a table with commas: any columns, by what the user says they are.

use std::fmt::Write as _;
use std::io::BufRead;

use crate::import::intake::{Cell, Fault, Intake, Lines, OnBadRow, comma_cells};
use crate::import::pods::{self, PodRow};
use crate::import::{Companion, ImportError, Imported, Pool, quoted};
use crate::model::quantity::Quantity;

/// The memory of a node where the user does not say [MiB].
const NODE_MEMORY_MIB: u64 = 131_072;

/// What the user asks of an import.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of the scenario, and the beginning of its files' names.
    pub name: String,
    /// What the columns are.
    pub columns: Columns,
    /// Whether the first line names the columns.
    pub head: Head,
    /// The nodes; `None` leaves it to the simulator's default.
    pub pool: Option<Pool>,
    /// What becomes of lines that cannot be read.
    pub on_bad_row: OnBadRow,
}

/// Whether the first line names the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// It does.
    Named,
    /// It is a row; columns go by number.
    None,
}

/// What the columns of a table are.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    name: Option<Column>,
    cpu: Column,
    memory: Option<Column>,
    start: Column,
    /// How long a pod ran, or when it ended.
    until: (Until, Column),
    exit: Option<Column>,
}

/// What tells the end of a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    Duration,
    End,
}

/// A column and the unit of its cells.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    /// Its name, or `#3` for the third.
    name: String,
    unit: Unit,
}

/// The unit of a cell: what one of it is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Unit {
    /// A quantity as Kubernetes writes it.
    Quantity,
    /// So many of the smallest unit: millicores, bytes, nanoseconds.
    Of(f64),
    /// RFC 3339.
    Time,
    /// Text, or a plain number.
    Plain,
}

const FIELDS: &str = "name, cpu, memory, start, duration, end, exit";

impl std::str::FromStr for Columns {
    type Err = String;

    /// Reads `cpu=plan_cpu:percent,memory=mem:GiB,start=t,duration=d`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut given: Vec<(&str, Column)> = Vec::new();
        for part in text.split(',') {
            let (field, column) = part
                .split_once('=')
                .ok_or_else(|| format!("not FIELD=COLUMN or FIELD=COLUMN:UNIT: {part:?}"))?;
            if !FIELDS.split(", ").any(|known| known == field) {
                return Err(format!("unknown field {field:?}: known are {FIELDS}"));
            }
            if given.iter().any(|(known, _)| *known == field) {
                return Err(format!("{field} is given twice"));
            }
            let (name, unit) = column.rsplit_once(':').unwrap_or((column, ""));
            given.push((field, Column { name: name.to_owned(), unit: unit_of(field, unit)? }));
        }
        let mut take = |field: &str| {
            let at = given.iter().position(|(known, _)| *known == field)?;
            Some(given.swap_remove(at).1)
        };
        let until = match (take("duration"), take("end")) {
            (Some(column), None) => (Until::Duration, column),
            (None, Some(column)) => (Until::End, column),
            _ => return Err("exactly one of duration and end is wanted".to_owned()),
        };
        Ok(Self {
            until,
            name: take("name"),
            cpu: take("cpu").ok_or("cpu is wanted")?,
            memory: take("memory"),
            start: take("start").ok_or("start is wanted")?,
            exit: take("exit"),
        })
    }
}

fn unit_of(field: &str, unit: &str) -> Result<Unit, String> {
    const BYTES: [(&str, f64); 7] = [
        ("bytes", 1.0),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
    ];
    const CPU: [(&str, f64); 3] = [("cores", 1000.0), ("m", 1.0), ("percent", 10.0)];
    const TIME: [(&str, f64); 6] =
        [("s", 1e3), ("ms", 1.0), ("us", 1e-3), ("ns", 1e-6), ("min", 60e3), ("h", 3600e3)];
    let (default, units): (Unit, &[(&str, f64)]) = match field {
        "cpu" => (Unit::Quantity, &CPU),
        "memory" => (Unit::Quantity, &BYTES),
        "start" | "duration" | "end" => (Unit::Of(1e3), &TIME),
        _ => (Unit::Plain, &[]),
    };
    if unit.is_empty() {
        return Ok(default);
    }
    if unit == "time" && matches!(field, "start" | "end") {
        return Ok(Unit::Time);
    }
    let known = units.iter().find(|(name, _)| *name == unit).map(|(_, one)| Unit::Of(*one));
    known.ok_or_else(|| {
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        let time = if matches!(field, "start" | "end") { ", time" } else { "" };
        format!("unknown unit {unit:?} of {field}: known are {}{time}", names.join(", "))
    })
}

/// Makes a scenario of a table of pods.
///
/// # Errors
/// Columns that are not there; rows that cannot be read, unless they are to be skipped.
pub fn import(file: &str, reader: impl BufRead, options: &Options) -> Result<Imported, ImportError> {
    let mut intake = Intake::new(file, options.on_bad_row);
    let mut lines = Lines::new(reader);
    let mut places = match options.head {
        Head::None => Some(Places::of(&options.columns, None).map_err(ImportError::Input)?),
        Head::Named => None,
    };
    let mut rows = Vec::new();
    while let Some((number, line)) = lines.next_line()? {
        match &places {
            None => {
                let names = comma_cells(&line).map_err(|fault| intake.refuse(number, fault))?;
                let found = Places::of(&options.columns, Some(&names));
                let fault = |message| Fault { column: 1, message };
                places = Some(found.map_err(|message| intake.refuse(number, fault(message)))?);
            }
            Some(places) => rows.extend(intake.take(number, places.row(&line, &options.columns))),
        }
    }
    let mut notes = intake.finish("pod")?;
    let trace = format!("{}.pods.csv", options.name);
    let text = pods::trace(rows, &[], &mut notes);
    let mut scenario = format!(
        "# Made by `sim import csv` of {}. Amounts are rounded up to whole millicores and MiB.\n\
         apiVersion: sim/v1\nkind: Scenario\nmetadata: {{name: {}}}\nspec:\n",
        quoted(file),
        quoted(&options.name)
    );
    match &options.pool {
        Some(pool) => {
            let pool = pool.yaml(pool.memory_mib.unwrap_or(NODE_MEMORY_MIB));
            let _ = writeln!(scenario, "  nodePools:\n    - {pool}");
        }
        None => notes.push("assumed three nodes of 4 cpu and 16Gi; --nodes says otherwise".to_owned()),
    }
    let _ = writeln!(scenario, "  trace: {{pods: {}}}", quoted(&trace));
    Ok(Imported { scenario, companions: vec![Companion { name: trace, text }], notes })
}

/// Where the columns stand, from 0.
struct Places {
    name: Option<usize>,
    cpu: usize,
    memory: Option<usize>,
    start: usize,
    until: usize,
    exit: Option<usize>,
}

impl Places {
    fn of(columns: &Columns, names: Option<&[Cell<'_>]>) -> Result<Self, String> {
        let place = |column: &Column| {
            let number = column.name.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
            match (number, names) {
                (Some(number @ 1..), _) => Ok(number - 1),
                (_, Some(names)) => {
                    let found = names.iter().position(|name| name.text == column.name);
                    found.ok_or_else(|| {
                        let names: Vec<&str> = names.iter().map(|name| &*name.text).collect();
                        format!("there is no column {:?}: there are {}", column.name, names.join(", "))
                    })
                }
                (_, None) => {
                    Err(format!("without a head a column is a number, as #3, not {:?}", column.name))
                }
            }
        };
        Ok(Self {
            name: columns.name.as_ref().map(place).transpose()?,
            cpu: place(&columns.cpu)?,
            memory: columns.memory.as_ref().map(place).transpose()?,
            start: place(&columns.start)?,
            until: place(&columns.until.1)?,
            exit: columns.exit.as_ref().map(place).transpose()?,
        })
    }

    fn row(&self, line: &str, columns: &Columns) -> Result<PodRow, Fault> {
        let cells = comma_cells(line)?;
        let cell = |at: usize| {
            let message = || format!("expected at least {} columns, found {}", at + 1, cells.len());
            cells.get(at).ok_or_else(|| Fault { column: 1, message: message() })
        };
        let start = millis(cell(self.start)?, columns.start.unit)?;
        let until_cell = cell(self.until)?;
        let until = millis(until_cell, columns.until.1.unit)?;
        let duration = match columns.until.0 {
            Until::Duration => until,
            Until::End => until - start,
        };
        if duration < 0 {
            return Err(until_cell.fault(match columns.until.0 {
                Until::Duration => "a duration of at least 0",
                Until::End => "an end that is not before the start",
            }));
        }
        let memory = match (self.memory, &columns.memory) {
            (Some(at), Some(column)) => amount(cell(at)?, column.unit, 1.0, 1_048_576.0)?,
            _ => 0,
        };
        let name = self.name.map(cell).transpose()?.map(|cell| cell.text.clone().into_owned());
        Ok(PodRow {
            name: name.filter(|name| !name.is_empty()),
            start,
            duration,
            cpu_m: amount(cell(self.cpu)?, columns.cpu.unit, 1000.0, 1.0)?,
            memory_mib: memory,
            exit_code: match self.exit {
                Some(at) => cell(at)?.whole("an exit code of 0 to 255")?,
                None => 0,
            },
            more: Vec::new(),
        })
    }
}

/// An amount in steps of `step` smallest units, rounded up; a quantity is so many `one`s.
fn amount(cell: &Cell<'_>, unit: Unit, one: f64, step: f64) -> Result<u32, Fault> {
    let smallest = match unit {
        Unit::Of(one) => cell.number("a number")? * one,
        Unit::Quantity | Unit::Time | Unit::Plain => {
            let quantity: Option<Quantity> = cell.text.parse().ok();
            quantity.ok_or_else(|| cell.fault("a quantity such as 500m or 1Gi"))?.approximate() * one
        }
    };
    // What a decimal number is off by in binary is no reason to round it up.
    let steps = (smallest / step - 1e-6).ceil();
    if (0.0..=f64::from(u32::MAX)).contains(&steps) || steps == 0.0 {
        Ok(steps as u32)
    } else {
        Err(cell.fault("an amount of at least 0"))
    }
}

fn millis(cell: &Cell<'_>, unit: Unit) -> Result<i64, Fault> {
    const LARGEST: f64 = 9e15;
    match unit {
        Unit::Time => chrono::DateTime::parse_from_rfc3339(&cell.text)
            .map(|time| time.timestamp_millis())
            .map_err(|_| cell.fault("a time such as 2027-03-27T00:00:00Z")),
        Unit::Of(one) => {
            let millis = (cell.number("a number")? * one).round();
            if millis.abs() > LARGEST { Err(cell.fault("a smaller number")) } else { Ok(millis as i64) }
        }
        Unit::Quantity | Unit::Plain => Err(cell.fault("a time")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn import_text(columns: &str, head: Head, text: &str) -> Result<Imported, String> {
        let options = Options {
            name: "t".to_owned(),
            columns: columns.parse()?,
            head,
            pool: Some(Pool { count: 2, cpus: 8, memory_mib: None }),
            on_bad_row: OnBadRow::Refuse,
        };
        import("t.csv", text.as_bytes(), &options).map_err(|error| error.to_string().trim_end().to_owned())
    }

    #[test]
    fn columns_are_what_the_user_says() {
        let text = "task,\"plan, cpu\",mem,from,to,code\nA_1,50,1.5,1600000000,1600000060.25,0\n\"b,2\",100.1,0,1599999999,1600000000,3\n";
        let imported = import_text(
            "name=task,cpu=plan, cpu:percent,memory=mem:GiB,start=from,end=to,exit=code",
            Head::Named,
            text,
        );
        // A column with a comma in its name cannot be named: commas are between fields.
        assert_eq!(imported.unwrap_err(), "not FIELD=COLUMN or FIELD=COLUMN:UNIT: \" cpu:percent\"");
        let columns = "name=task,cpu=#2:percent,memory=mem:GiB,start=from,end=to,exit=code";
        let imported = import_text(columns, Head::Named, text).unwrap();
        assert_eq!(
            imported.companions[0].text,
            "name,arrival_s,cpu_m,mem_MiB,duration_s,exit_code\nb-2,0,1001,0,1,3\na-1,1,500,1536,60.25,0\n"
        );
        assert!(imported.scenario.contains("count: 2, capacity: {cpu: \"8\", memory: 131072Mi, pods: 110}"));
        let bare = import_text(
            "cpu=#1,memory=#2,start=#3:time,duration=#4:min",
            Head::None,
            "250m,1Gi,2020-01-01T00:00:00Z,2\n",
        );
        assert!(bare.unwrap().companions[0].text.ends_with("\npod-1,0,250,1024,120,0\n"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let columns = "cpu=c,start=s,duration=d";
        for (columns, text, message) in [
            (columns, "c,s,e\n", "t.csv:1:1: there is no column \"d\": there are c, s, e"),
            (columns, "c,s,d\n1,0,x\n", "t.csv:2:5: expected a number, found \"x\""),
            (columns, "c,s,d\n1,0\n", "t.csv:2:1: expected at least 3 columns, found 2"),
            (
                columns,
                "c,s,d\n1core,0,1\n",
                "t.csv:2:1: expected a quantity such as 500m or 1Gi, found \"1core\"",
            ),
            (columns, "c,s,d\n-1,0,1\n", "t.csv:2:1: expected an amount of at least 0, found \"-1\""),
            (columns, "c,s,d\n1,0,-1\n", "t.csv:2:5: expected a duration of at least 0, found \"-1\""),
            (columns, "c,s,d\n", "t.csv: no pod in it"),
            ("cpu=c,start=s", "", "exactly one of duration and end is wanted"),
            ("cpu=c:GiB,start=s,end=e", "", "unknown unit \"GiB\" of cpu: known are cores, m, percent"),
            ("gpu=c", "", "unknown field \"gpu\": known are name, cpu, memory, start, duration, end, exit"),
        ] {
            assert_eq!(import_text(columns, Head::Named, text).unwrap_err(), message);
        }
        let message = "without a head a column is a number, as #3, not \"c\"";
        assert_eq!(import_text(columns, Head::None, "1,2,3\n").unwrap_err(), message);
    }
}
