//! The Standard Workload Format of the Parallel Workloads Archive: a header of comments, then a job a line, in 18 fields.
//!
//! A job becomes a Kubernetes Job at its submit time that runs as long as the recorded job ran. What the recorded
//! scheduler made of it (wait, chosen processors) is not replayed: that is what the simulation is for. Submit times are
//! replayed as they are, also of jobs that wait for another one (fields 17 and 18).
//!
//! Source: <https://www.cs.huji.ac.il/labs/parallel/workload/swf.html>, version 2.2.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::BufRead;

use crate::import::intake::{Cell, Fault, Intake, Lines, OnBadRow, blank_cells};
use crate::import::{Companion, ImportError, Imported, Pool, counted, quoted};
use crate::model::unix_time::UnixTime;

/// The fields of a line.
const N_FIELDS: usize = 18;
/// The columns of the trace.
const HEAD: &str = "name,arrival_s,cpu_m,mem_MiB,duration_s,pods,exit_code\n";
/// The memory of a node for each of its cpus where no job asks for more [MiB].
const MEMORY_PER_CPU_MIB: u64 = 4096;
/// How long Jobs stay after their end [s].
const TTL_SECONDS: u32 = 60;

/// What the user asks of an import.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of the scenario, and the beginning of its files' names.
    pub name: String,
    /// The nodes instead of those of the header.
    pub pool: Option<Pool>,
    /// What a processor of a job becomes.
    pub processor: Processor,
    /// What becomes of lines that cannot be read.
    pub on_bad_row: OnBadRow,
}

/// What a processor of a job becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processor {
    /// A pod of one cpu: the Job has as many pods at once.
    Pod,
    /// A cpu of the Job's one pod.
    Cpu,
}

/// What the header says.
#[derive(Debug, Default)]
struct Header {
    computer: Option<String>,
    unix_start: Option<UnixTime>,
    n_nodes: Option<u32>,
    n_processors: Option<u32>,
}

/// A job as it is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Job {
    number: u64,
    submit: f64,
    run_time: f64,
    n_processors: u32,
    /// For each processor; 0 where none is asked for [MiB].
    memory_mib: u64,
    exit_code: u8,
}

/// What is known of all jobs.
#[derive(Debug, Default)]
struct Seen {
    numbers: BTreeSet<u64>,
    n_processors_max: u32,
    memory_mib_max: u64,
    n_dependent: usize,
}

/// Makes a scenario of a workload.
///
/// # Errors
/// Lines that cannot be read, unless they are to be skipped.
pub fn import(file: &str, reader: impl BufRead, options: &Options) -> Result<Imported, ImportError> {
    let mut intake = Intake::new(file, options.on_bad_row);
    let (mut header, mut seen) = (Header::default(), Seen::default());
    let mut rows = HEAD.to_owned();
    let mut lines = Lines::new(reader);
    while let Some((number, line)) = lines.next_line()? {
        if let Some(comment) = line.trim_start().strip_prefix(';') {
            header.read(comment);
            continue;
        }
        let Some(outcome) = intake.take(number, job(&line, &mut seen)) else { continue };
        match outcome {
            Ok(job) => push_row(&mut rows, &job, options.processor),
            Err(why) => intake.leave_out(why),
        }
    }
    let mut notes = intake.finish("job")?;
    let pool = options.pool.clone().unwrap_or_else(|| header.pool(&seen, &mut notes));
    if seen.n_dependent > 0 {
        let jobs = counted(seen.n_dependent, "job");
        notes.push(format!("not replayed: that {jobs} waited for another one (fields 17 and 18)"));
    }
    if options.processor == Processor::Cpu && seen.n_processors_max > pool.cpus {
        let (asked, cpus) = (seen.n_processors_max, pool.cpus);
        notes.push(format!("a job asks for {asked} cpus, and a node has {cpus}: such Jobs wait for ever"));
    }
    let trace = format!("{}.jobs.csv", options.name);
    let scenario = scenario(file, &header, &pool, &seen, &trace, options);
    Ok(Imported { scenario, companions: vec![Companion { name: trace, text: rows }], notes })
}

impl Header {
    /// Takes note of a comment such as `MaxProcs: 128`; most of them are for people.
    fn read(&mut self, comment: &str) {
        let Some((key, value)) = comment.split_once(':') else { return };
        let value = value.trim();
        let count = || value.split_whitespace().next().and_then(|word| word.parse().ok()).filter(|n| *n > 0);
        match key.trim() {
            "Computer" => self.computer = Some(value.to_owned()),
            "UnixStartTime" => {
                let secs = value.split_whitespace().next().and_then(|word| word.parse().ok());
                self.unix_start = secs.filter(|secs: &i64| *secs > 0).and_then(UnixTime::from_secs);
            }
            "MaxNodes" => self.n_nodes = count(),
            "MaxProcs" => self.n_processors = count(),
            _ => {}
        }
    }

    /// The nodes that the header tells of; as many single cpus as the largest job needs where it tells of none.
    fn pool(&self, seen: &Seen, notes: &mut Vec<String>) -> Pool {
        let n_processors = self.n_processors.unwrap_or_else(|| {
            let largest = seen.n_processors_max;
            notes.push(format!(
                "assumed {largest} processors, as the largest job needs: no MaxProcs in the header"
            ));
            largest
        });
        let count = self.n_nodes.unwrap_or_else(|| {
            notes.push(
                "assumed nodes of one processor: no MaxNodes in the header; --nodes says otherwise"
                    .to_owned(),
            );
            n_processors
        });
        Pool { count, cpus: n_processors.div_ceil(count), memory_mib: None }
    }
}

/// Reads a line: a job, or why it is not replayed.
fn job(line: &str, seen: &mut Seen) -> Result<Result<Job, &'static str>, Fault> {
    let cells = blank_cells(line);
    let Ok(fields) = <&[Cell<'_>; N_FIELDS]>::try_from(cells.as_slice()) else {
        return Err(Fault {
            column: 1,
            message: format!("expected {N_FIELDS} fields, found {}", cells.len()),
        });
    };
    let at = |number: usize| &fields[number - 1];
    let number: u64 = at(1).whole("the number of a job (field 1)")?;
    let submit = at(2).number("the submit time in seconds (field 2)")?;
    if submit < 0.0 {
        return Err(at(2).fault("a submit time of at least 0 s (field 2)"));
    }
    let run_time = at(4).number("the run time in seconds (field 4)")?;
    let allocated: i64 = at(5).whole("the number of allocated processors (field 5)")?;
    let requested: i64 = at(8).whole("the number of requested processors (field 8)")?;
    let memory_kib = at(10).number("the requested memory in KB per processor (field 10)")?;
    let status: i64 = at(11).whole("a status from -1 to 5 (field 11)")?;
    for number in [3, 6, 7, 9, 12, 13, 14, 15, 16, 17, 18] {
        at(number).number(&format!("a number (field {number})"))?;
    }
    let exit_code = match status {
        1 | -1 => 0,
        0 => 1,
        // A job that was cancelled while it ran ends as by SIGTERM.
        5 => 143,
        2..=4 => return Ok(Err("part of a job that was checkpointed (status 2 to 4)")),
        _ => return Err(at(11).fault("a status from -1 to 5 (field 11)")),
    };
    let n_processors = if requested > 0 { requested } else { allocated };
    if run_time < 0.0 {
        return Ok(Err("job without a run time, such as one cancelled before it started"));
    }
    if n_processors <= 0 {
        return Ok(Err("job without a number of processors"));
    }
    let n_processors = u32::try_from(n_processors).map_err(|_| at(8).fault("fewer processors"))?;
    if !seen.numbers.insert(number) {
        return Err(at(1).fault("a number that no other job has (field 1)"));
    }
    let memory_mib = if memory_kib > 0.0 { (memory_kib / 1024.0).ceil() as u64 } else { 0 };
    seen.n_processors_max = seen.n_processors_max.max(n_processors);
    seen.memory_mib_max = seen.memory_mib_max.max(memory_mib);
    seen.n_dependent += usize::from(at(17).text.parse().is_ok_and(|preceding: i64| preceding > 0));
    Ok(Ok(Job { number, submit, run_time, n_processors, memory_mib, exit_code }))
}

fn push_row(rows: &mut String, job: &Job, processor: Processor) {
    let Job { number, submit, run_time, n_processors, memory_mib, exit_code } = job;
    let (n_pods, n_cpus) = match processor {
        Processor::Pod => (*n_processors, 1),
        Processor::Cpu => (1, u64::from(*n_processors)),
    };
    let (cpu, memory) = (1000 * n_cpus, memory_mib * n_cpus);
    let _ = writeln!(rows, "job-{number},{submit},{cpu},{memory},{run_time},{n_pods},{exit_code}");
}

fn scenario(file: &str, header: &Header, pool: &Pool, seen: &Seen, trace: &str, options: &Options) -> String {
    let mut text = format!("# Made by `sim import swf` of {}.\n", quoted(file));
    text.push_str(match options.processor {
        Processor::Pod => "# Each processor of a job is a pod of one cpu. A status other than completed is an exit code: 1 failed, 143 cancelled.\n",
        Processor::Cpu => "# Each processor of a job is a cpu of its pod. A status other than completed is an exit code: 1 failed, 143 cancelled.\n",
    });
    let _ = writeln!(
        text,
        "apiVersion: sim/v1\nkind: Scenario\nmetadata: {{name: {}}}\nspec:",
        quoted(&options.name)
    );
    if let Some(computer) = &header.computer {
        let _ = writeln!(text, "  description: {}", quoted(&format!("The recorded workload of {computer}.")));
    }
    if let Some(start) = header.unix_start {
        let _ = writeln!(text, "  startTime: \"{start}\"");
    }
    let memory_per_cpu = seen.memory_mib_max.max(MEMORY_PER_CPU_MIB);
    let memory_mib = pool.memory_mib.unwrap_or(u64::from(pool.cpus) * memory_per_cpu);
    let _ = writeln!(text, "  nodePools:\n    - {}", pool.yaml(memory_mib));
    let _ = writeln!(text, "  trace: {{jobs: {}, ttlSecondsAfterFinished: {TTL_SECONDS}}}", quoted(trace));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import_text(text: &str, on_bad_row: OnBadRow) -> Result<Imported, ImportError> {
        let options = Options { name: "w".to_owned(), pool: None, processor: Processor::Pod, on_bad_row };
        import("w.swf", text.as_bytes(), &options)
    }

    const HEADER: &str =
        "; Computer: \"Old\" iron\n;  UnixStartTime: 749433603\n; MaxNodes: 64 (two each)\n; MaxProcs: 128\n";

    #[test]
    fn jobs_of_a_workload_become_lines_of_a_trace() {
        let text = format!(
            "{HEADER}1 0 3 10 4 -1 -1 8 20 2048 1 1 1 1 1 -1 -1 -1\n\
             2 5.5 -1 60 16 -1 -1 -1 -1 -1 0 1 1 1 1 -1 1 7\n\
             3 6 -1 9 1 -1 -1 1 -1 -1 5 1 1 1 1 -1 -1 -1\n\
             4 7 -1 -1 1 -1 -1 1 -1 -1 5 1 1 1 1 -1 -1 -1\n\
             5 8 -1 9 1 -1 -1 1 -1 -1 3 1 1 1 1 -1 -1 -1\n"
        );
        let imported = import_text(&text, OnBadRow::Refuse).unwrap();
        assert_eq!(
            imported.companions[0].text,
            format!("{HEAD}job-1,0,1000,2,10,8,0\njob-2,5.5,1000,0,60,16,1\njob-3,6,1000,0,9,1,143\n")
        );
        assert_eq!(
            imported.notes,
            [
                "5 rows read, 3 jobs imported",
                "left out: 1: job without a run time, such as one cancelled before it started",
                "left out: 1: part of a job that was checkpointed (status 2 to 4)",
                "not replayed: that 1 job waited for another one (fields 17 and 18)",
            ]
        );
        for part in [
            "  description: \"The recorded workload of \\\"Old\\\" iron.\"\n",
            "  startTime: \"1993-10-01T00:00:03Z\"\n",
            "count: 64, capacity: {cpu: \"2\", memory: 8192Mi, pods: 110}}\n",
            "  trace: {jobs: \"w.jobs.csv\", ttlSecondsAfterFinished: 60}\n",
        ] {
            assert!(imported.scenario.contains(part), "{part}\n{}", imported.scenario);
        }
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_or_skipped() {
        let good = "1 0 -1 10 1 -1 -1 1 -1 -1 1 1 1 1 1 -1 -1 -1\n";
        let text = format!("{good}{good}2 0 -1 ten 1 -1 -1 1 -1 -1 1 1 1 1 1 -1 -1 -1\n3 4\n");
        let faults = [
            "w.swf:2:1: expected a number that no other job has (field 1), found \"1\"",
            "w.swf:3:8: expected the run time in seconds (field 4), found \"ten\"",
            "w.swf:4:1: expected 18 fields, found 2",
        ];
        let refused = import_text(&text, OnBadRow::Refuse).unwrap_err().to_string();
        assert_eq!(refused.lines().collect::<Vec<_>>(), faults);
        let notes = import_text(&text, OnBadRow::Skip).unwrap().notes;
        assert_eq!(notes[..2], ["4 rows read, 1 job imported", "skipped: 3 that cannot be read"]);
        assert_eq!(notes[2], faults[0].replace("w.swf:2:1: ", "w.swf:2:1: warning: skipped: "));
        let nothing = import_text("; MaxProcs: 4\n", OnBadRow::Refuse).unwrap_err();
        assert_eq!(nothing.to_string(), "w.swf: no job in it");
    }
}
