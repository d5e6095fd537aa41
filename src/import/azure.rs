//! Azure Functions: how often each function was called in each minute of a day, as load on a Service each.
//!
//! Source: <https://github.com/Azure/AzurePublicDataset>, AzureFunctionsDataset2019, invocations_per_function_md.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::BufRead;

use crate::import::intake::{Fault, Intake, Lines, OnBadRow, comma_cells};
use crate::import::pods::Names;
use crate::import::{Companion, ImportError, Imported, counted, quoted};

/// The columns before the minutes.
const KEYS: [&str; 4] = ["HashOwner", "HashApp", "HashFunction", "Trigger"];
/// The characters of a hash that stand in a name.
const HASH_CHARS: usize = 8;

/// What the user asks of an import.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of the scenario, and the beginning of its files' names.
    pub name: String,
    /// How many of the functions that are called most have a Service of their own.
    pub top: usize,
    /// What becomes of lines that cannot be read.
    pub on_bad_row: OnBadRow,
}

/// A function and its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Function {
    hash: String,
    trigger: String,
    total: u64,
    /// By minute.
    calls: Vec<u64>,
}

/// Makes a scenario of the calls of functions.
///
/// # Errors
/// A head that is not known; rows that cannot be read, unless they are to be skipped.
pub fn import(file: &str, reader: impl BufRead, options: &Options) -> Result<Imported, ImportError> {
    let mut intake = Intake::new(file, options.on_bad_row);
    let mut lines = Lines::new(reader);
    let mut n_minutes = None;
    let mut most = Most::new(options.top);
    while let Some((number, line)) = lines.next_line()? {
        match n_minutes {
            None => n_minutes = Some(minutes(&line).map_err(|fault| intake.refuse(number, fault))?),
            Some(n_minutes) => {
                let Some(function) = intake.take(number, function(&line, n_minutes)) else { continue };
                if function.total == 0 {
                    intake.leave_out("function that was never called");
                } else {
                    most.add(function);
                }
            }
        }
    }
    let mut notes = intake.finish("function")?;
    let (functions, rest) = most.into_parts();
    if let Some(rest) = &rest {
        let n_rest = most_text(rest.n_functions, rest.total);
        notes.push(format!("{n_rest}, are summed up as `others`; --top says how many are not"));
    }
    notes.push(
        "the cpu time of a call and the replicas are not in the recording: `images` and the Deployments are to be filled in"
            .to_owned(),
    );
    Ok(written(file, &functions, rest.map(|rest| rest.calls), options, notes))
}

fn most_text(n_functions: usize, total: u64) -> String {
    format!("the other {}, with {total} calls", counted(n_functions, "function"))
}

/// The functions that are called most, and the sum of the others.
struct Most {
    top: usize,
    /// By calls and name, the least called first.
    kept: BTreeMap<(u64, std::cmp::Reverse<usize>), Function>,
    n_added: usize,
    rest: Option<Rest>,
}

/// The functions that are summed up.
struct Rest {
    n_functions: usize,
    total: u64,
    calls: Vec<u64>,
}

impl Most {
    fn new(top: usize) -> Self {
        Self { top, kept: BTreeMap::new(), n_added: 0, rest: None }
    }

    /// Keeps a function, and sums up the one that is called least of too many; of equal ones the later.
    fn add(&mut self, function: Function) {
        self.kept.insert((function.total, std::cmp::Reverse(self.n_added)), function);
        self.n_added += 1;
        if self.kept.len() <= self.top {
            return;
        }
        let Some((_, least)) = self.kept.pop_first() else { return };
        let n_minutes = least.calls.len();
        let rest =
            self.rest.get_or_insert_with(|| Rest { n_functions: 0, total: 0, calls: vec![0; n_minutes] });
        rest.n_functions += 1;
        rest.total += least.total;
        for (sum, calls) in rest.calls.iter_mut().zip(&least.calls) {
            *sum += calls;
        }
    }

    /// The functions from the one called most on, and the others.
    fn into_parts(self) -> (Vec<Function>, Option<Rest>) {
        (self.kept.into_values().rev().collect(), self.rest)
    }
}

/// How many minutes a file has, by its head.
fn minutes(head: &str) -> Result<usize, Fault> {
    let names = comma_cells(head)?;
    for (at, cell) in names.iter().enumerate() {
        let expected = match KEYS.get(at) {
            Some(key) => (*key).to_owned(),
            None => (at + 1 - KEYS.len()).to_string(),
        };
        if cell.text != expected {
            return Err(cell.fault(&format!("the column {expected}")));
        }
    }
    if names.len() > KEYS.len() {
        return Ok(names.len() - KEYS.len());
    }
    let message = format!("expected the columns {},1,2,…,1440", KEYS.join(","));
    Err(Fault { column: 1, message })
}

fn function(line: &str, n_minutes: usize) -> Result<Function, Fault> {
    let cells = comma_cells(line)?;
    let n_columns = KEYS.len() + n_minutes;
    if cells.len() != n_columns {
        let message = format!("expected {n_columns} columns, found {}", cells.len());
        return Err(Fault { column: 1, message });
    }
    if cells[2].text.is_empty() {
        return Err(cells[2].fault("the hash of a function"));
    }
    let calls = cells[KEYS.len()..].iter().map(|cell| cell.whole::<u32>("a number of calls").map(u64::from));
    let calls: Vec<u64> = calls.collect::<Result<_, _>>()?;
    Ok(Function {
        hash: cells[2].text.clone().into_owned(),
        trigger: cells[3].text.clone().into_owned(),
        total: calls.iter().sum(),
        calls,
    })
}

/// One source of load as it is written.
struct Source<'a> {
    name: String,
    comment: String,
    calls: &'a [u64],
}

fn written(
    file: &str,
    functions: &[Function],
    rest: Option<Vec<u64>>,
    options: &Options,
    notes: Vec<String>,
) -> Imported {
    let mut names = Names::default();
    let mut sources: Vec<Source<'_>> = functions
        .iter()
        .map(|function| Source {
            name: names.unique(&format!("f-{}", function.hash.chars().take(HASH_CHARS).collect::<String>())),
            comment: format!("{} calls, trigger {}", function.total, function.trigger),
            calls: &function.calls,
        })
        .collect();
    if let Some(calls) = &rest {
        let comment = format!("{} calls of the other functions", calls.iter().sum::<u64>());
        sources.push(Source { name: names.unique("others"), comment, calls });
    }
    let n_minutes = sources.first().map_or(0, |source| source.calls.len());
    let mut text = format!(
        "# Made by `sim import azure` of {}.\n\
         # Calls arrive at random in each minute, as many as were recorded on average.\n\
         apiVersion: sim/v1\nkind: Scenario\nmetadata: {{name: {}}}\nspec:\n  horizon: {n_minutes}m\n  images:\n",
        quoted(file),
        quoted(&options.name)
    );
    for Source { name, comment, .. } in &sources {
        let _ = writeln!(
            text,
            "    function/{name}: {{serve: [{{port: 8080, cpu: {{exponential: 20ms}}}}]}}  # to be filled in: {comment}"
        );
    }
    text.push_str("  traffic:\n");
    let mut companions = Vec::new();
    for Source { name, calls, .. } in &sources {
        let file = format!("{}.{name}.csv", options.name);
        let _ = writeln!(
            text,
            "    - {{name: {name}, to: \"service/{name}:80\", recorded: {{perMinute: {}}}}}",
            quoted(&file)
        );
        let mut column = "requests\n".to_owned();
        for count in *calls {
            let _ = writeln!(column, "{count}");
        }
        companions.push(Companion { name: file, text: column });
    }
    for Source { name, .. } in &sources {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n\
             spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: 8080}}]}}\n\
             ---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 1\n  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
             spec: {{containers: [{{name: main, image: function/{name}, resources: {{requests: {{cpu: 100m, memory: 128Mi}}}}}}]}}\n"
        );
    }
    Imported { scenario: text, companions, notes }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HashOwner,HashApp,HashFunction,Trigger,1,2,3\n";

    fn import_text(text: &str, top: usize) -> Result<Imported, ImportError> {
        let options = Options { name: "z".to_owned(), top, on_bad_row: OnBadRow::Refuse };
        import("z.csv", text.as_bytes(), &options)
    }

    #[test]
    fn the_functions_called_most_have_a_source_each_and_the_others_one() {
        let text = format!(
            "{HEAD}o,a,aaaaaaaaaaaa,http,1,0,2\no,a,bbbb,timer,5,5,5\no,a,cccc,queue,0,0,0\no,a,dddd,http,1,1,1\n"
        );
        let imported = import_text(&text, 1).unwrap();
        let files: Vec<_> =
            imported.companions.iter().map(|it| (it.name.as_str(), it.text.as_str())).collect();
        assert_eq!(files, [("z.f-bbbb.csv", "requests\n5\n5\n5\n"), ("z.others.csv", "requests\n2\n1\n3\n")]);
        assert_eq!(
            imported.notes[..3],
            [
                "4 rows read, 3 functions imported",
                "left out: 1: function that was never called",
                "the other 2 functions, with 6 calls, are summed up as `others`; --top says how many are not",
            ]
        );
        let all = import_text(&text, 10).unwrap();
        let names: Vec<_> = all.companions.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["z.f-bbbb.csv", "z.f-aaaaaaaa.csv", "z.f-dddd.csv"]);
        assert!(all.scenario.contains("horizon: 3m\n") && !all.scenario.contains("others"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, message) in [
            (
                "HashOwner,HashApp,Function\n",
                "z.csv:1:19: expected the column HashFunction, found \"Function\"",
            ),
            ("HashOwner,HashApp,HashFunction,Trigger\n", "z.csv:1:1: expected the columns HashOwner"),
            (&format!("{HEAD}o,a,f,http,1,2\n"), "z.csv:2:1: expected 7 columns, found 6"),
            (&format!("{HEAD}o,a,f,http,1,-2,3\n"), "z.csv:2:14: expected a number of calls, found \"-2\""),
        ] {
            let error = import_text(text, 3).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
