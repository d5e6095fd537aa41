//! Alibaba's openb trace of GPU clusters: a table of nodes and a table of pods.
//!
//! GPUs are an extended resource in thousandths of a card, as pods share cards. Which card a pod gets is not modelled: a
//! node may be given pods whose shares would not fit its single cards.
//!
//! Source: <https://github.com/alibaba/clusterdata>, cluster-trace-gpu-v2023, README.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::BufRead;

use crate::import::intake::{Cell, Fault, Intake, Lines, OnBadRow, comma_cells};
use crate::import::pods::{self, PodRow};
use crate::import::{Companion, ImportError, Imported, counted, quoted};
use crate::manifest::validation::names::dns_subdomain;

const NODE_COLUMNS: [&str; 5] = ["sn", "cpu_milli", "memory_mib", "gpu", "model"];
const POD_COLUMNS: [&str; 11] = [
    "name",
    "cpu_milli",
    "memory_mib",
    "num_gpu",
    "gpu_milli",
    "gpu_spec",
    "qos",
    "pod_phase",
    "creation_time",
    "deletion_time",
    "scheduled_time",
];
/// Thousandths of a card.
const GPU_MILLI: &str = "alibabacloud.com/gpu-milli";
/// The model of a node's cards.
const CARD_MODEL: &str = "alibabacloud.com/gpu-card-model";
/// The most pods of a node in the trace.
const PODS_PER_NODE: u32 = 1001;

/// What the user asks of an import.
#[derive(Debug, Clone)]
pub struct Options {
    /// The name of the scenario, and the beginning of its files' names.
    pub name: String,
    /// What becomes of lines that cannot be read.
    pub on_bad_row: OnBadRow,
}

/// What is read of all files.
#[derive(Default)]
struct Tables {
    node_names: BTreeSet<String>,
    nodes: String,
    pods: Vec<PodRow>,
    n_unfinished: usize,
}

/// The columns of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Nodes,
    Pods,
}

/// Makes a scenario of tables of nodes and pods, in any order; they are told apart by their heads.
///
/// # Errors
/// Heads that are not known; rows that cannot be read, unless they are to be skipped.
pub fn import<R: BufRead>(files: Vec<(String, R)>, options: &Options) -> Result<Imported, ImportError> {
    let mut intake = Intake::new("", options.on_bad_row);
    let mut tables = Tables::default();
    let sources: Vec<String> = files.iter().map(|(file, _)| quoted(file)).collect();
    for (file, reader) in files {
        intake.begin_file(&file);
        tables.read(reader, &mut intake)?;
    }
    let n_nodes = tables.node_names.len();
    let mut notes = intake.finish("row")?;
    notes.push(format!("{}, {}", counted(n_nodes, "node"), counted(tables.pods.len(), "pod")));
    if tables.n_unfinished > 0 {
        let pods = counted(tables.n_unfinished, "pod");
        notes.push(format!("{pods} never ran in the recording: each runs as long as it was there"));
    }
    notes.push(
        "which card of a node a pod gets is not modelled: GPUs are counted in thousandths over all cards"
            .to_owned(),
    );
    let mut scenario = format!(
        "# Made by `sim import openb` of {}.\napiVersion: sim/v1\nkind: Scenario\nmetadata: {{name: {}}}\nspec:\n",
        sources.join(", "),
        quoted(&options.name)
    );
    let mut companions = Vec::new();
    if n_nodes > 0 {
        let name = format!("{}.nodes.yaml", options.name);
        let _ = writeln!(scenario, "  manifests: [{}]", quoted(&name));
        companions.push(Companion { name, text: tables.nodes });
    } else {
        notes.push("assumed three nodes of 4 cpu and 16Gi: no table of nodes".to_owned());
    }
    if !tables.pods.is_empty() {
        let name = format!("{}.pods.csv", options.name);
        let label = format!("node:{CARD_MODEL}");
        let text = pods::trace(tables.pods, &[GPU_MILLI, &label], &mut notes);
        let _ = writeln!(scenario, "  trace: {{pods: {}}}", quoted(&name));
        companions.push(Companion { name, text });
    }
    Ok(Imported { scenario, companions, notes })
}

impl Tables {
    fn read(&mut self, reader: impl BufRead, intake: &mut Intake) -> Result<(), ImportError> {
        let mut lines = Lines::new(reader);
        let mut form = None;
        while let Some((number, line)) = lines.next_line()? {
            match form {
                None => {
                    form = Some(form_of(&line).map_err(|fault| intake.refuse(number, fault))?);
                }
                Some(Form::Nodes) => {
                    let node = cells::<{ NODE_COLUMNS.len() }>(&line).and_then(|cells| self.node(&cells));
                    self.nodes.extend(intake.take(number, node));
                }
                Some(Form::Pods) => {
                    let pod = cells::<{ POD_COLUMNS.len() }>(&line).and_then(|cells| self.pod(&cells));
                    self.pods.extend(intake.take(number, pod));
                }
            }
        }
        Ok(())
    }

    /// The manifest of a node.
    fn node(&mut self, cells: &[Cell<'_>; NODE_COLUMNS.len()]) -> Result<String, Fault> {
        let [name, cpu, memory, gpus, model] = cells;
        if !dns_subdomain(&name.text).is_empty() {
            return Err(name.fault("the name of a node (sn)"));
        }
        let cpu_m: u32 = cpu.whole("millicores (cpu_milli)")?;
        let memory_mib: u32 = memory.whole("MiB (memory_mib)")?;
        let n_gpus: u32 = gpus.whole("a number of cards (gpu)")?;
        if !self.node_names.insert(name.text.clone().into_owned()) {
            return Err(name.fault("a name that no other node has (sn)"));
        }
        let name = quoted(&name.text);
        let model = if model.text.is_empty() {
            String::new()
        } else {
            format!(", {CARD_MODEL}: {}", quoted(&model.text))
        };
        let gpus =
            if n_gpus == 0 { String::new() } else { format!(", {GPU_MILLI}: {}", u64::from(n_gpus) * 1000) };
        Ok(format!(
            "---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}, labels: {{kubernetes.io/hostname: {name}{model}}}}}\n\
             status: {{capacity: {{cpu: {cpu_m}m, memory: {memory_mib}Mi, pods: {PODS_PER_NODE}{gpus}}}}}\n"
        ))
    }

    fn pod(&mut self, cells: &[Cell<'_>; POD_COLUMNS.len()]) -> Result<PodRow, Fault> {
        let [name, cpu, memory, num_gpu, gpu_milli, gpu_spec, _qos, phase, creation, deletion, scheduled] =
            cells;
        let n_gpus: u32 = num_gpu.whole("a number of cards (num_gpu)")?;
        let gpu_milli: u32 = gpu_milli.whole("thousandths of a card (gpu_milli)")?;
        let created = creation.number("seconds (creation_time)")?;
        let deleted = deletion.number("seconds (deletion_time)")?;
        let scheduled = match &*scheduled.text {
            "" => None,
            _ => Some(scheduled.number("seconds, or nothing (scheduled_time)")?),
        };
        let exit_code = match &*phase.text {
            "Running" | "Succeeded" | "Pending" => 0,
            "Failed" => 1,
            _ => return Err(phase.fault("Running, Succeeded, Failed or Pending (pod_phase)")),
        };
        let ran = deleted - scheduled.unwrap_or(created);
        if ran < 0.0 {
            return Err(deletion.fault("an end that is not before the start (deletion_time)"));
        }
        let bad = gpu_spec.text.contains(',') || gpu_spec.text.contains(char::is_whitespace);
        if bad {
            return Err(gpu_spec.fault("models of cards with | between them (gpu_spec)"));
        }
        let row = PodRow {
            name: Some(name.text.clone().into_owned()).filter(|name| !name.is_empty()),
            start: (created * 1000.0) as i64,
            duration: (ran * 1000.0) as i64,
            cpu_m: cpu.whole("millicores (cpu_milli)")?,
            memory_mib: memory.whole("MiB (memory_mib)")?,
            exit_code,
            more: vec![(n_gpus.saturating_mul(gpu_milli)).to_string(), gpu_spec.text.clone().into_owned()],
        };
        self.n_unfinished += usize::from(scheduled.is_none());
        Ok(row)
    }
}

fn form_of(head: &str) -> Result<Form, Fault> {
    let names = comma_cells(head)?;
    let is_of = |columns: &[&str]| names.iter().map(|cell| &*cell.text).eq(columns.iter().copied());
    if is_of(&NODE_COLUMNS) {
        Ok(Form::Nodes)
    } else if is_of(&POD_COLUMNS) {
        Ok(Form::Pods)
    } else {
        let message =
            format!("expected the columns {}, or {}", NODE_COLUMNS.join(","), POD_COLUMNS.join(","));
        Err(Fault { column: 1, message })
    }
}

fn cells<const N: usize>(line: &str) -> Result<[Cell<'_>; N], Fault> {
    let cells = comma_cells(line)?;
    let n_cells = cells.len();
    cells
        .try_into()
        .map_err(|_| Fault { column: 1, message: format!("expected {N} columns, found {n_cells}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "sn,cpu_milli,memory_mib,gpu,model\nopenb-node-0000,64000,262144,2,P100\nopenb-node-0001,32000,131072,0,\n";
    const POD_HEAD: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n";

    fn import_texts(texts: &[&str]) -> Result<Imported, ImportError> {
        let files =
            texts.iter().zip(["a.csv", "b.csv"]).map(|(text, name)| (name.to_owned(), text.as_bytes()));
        import(files.collect(), &Options { name: "o".to_owned(), on_bad_row: OnBadRow::Refuse })
    }

    #[test]
    fn nodes_and_pods_of_the_trace_are_taken() {
        let pods = format!(
            "{POD_HEAD}openb-pod-0001,12000,16384,1,460,,LS,Running,9437497,10769854,9437498.5\n\
             openb-pod-0000,6000,12288,2,1000,P100|T4,BE,Failed,0,12537496,\n"
        );
        let imported = import_texts(&[&pods, NODES]).unwrap();
        assert_eq!(imported.companions[0].name, "o.nodes.yaml");
        assert!(imported.companions[0].text.contains("pods: 1001, alibabacloud.com/gpu-milli: 2000}}\n"));
        assert_eq!(
            imported.companions[1].text,
            "name,arrival_s,cpu_m,mem_MiB,duration_s,exit_code,alibabacloud.com/gpu-milli,node:alibabacloud.com/gpu-card-model\n\
             openb-pod-0000,0,6000,12288,12537496,1,2000,P100|T4\n\
             openb-pod-0001,9437497,12000,16384,1332355.5,0,460,\n"
        );
        assert!(imported.notes.contains(&"2 nodes, 2 pods".to_owned()), "{:?}", imported.notes);
        assert!(imported.notes.iter().any(|note| note.starts_with("1 pod never ran")));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, message) in [
            ("sn,cpu\n", "a.csv:1:1: expected the columns sn,cpu_milli"),
            ("sn,cpu_milli,memory_mib,gpu,model\nn,1,1,1\n", "a.csv:2:1: expected 5 columns, found 4"),
            (
                "sn,cpu_milli,memory_mib,gpu,model\nn,1,1,two,\n",
                "a.csv:2:7: expected a number of cards (gpu), found \"two\"",
            ),
            (&format!("{POD_HEAD}p,1,1,0,0,,LS,Lost,0,1,0\n"), "a.csv:2:15: expected Running, Succeeded"),
            (&format!("{POD_HEAD}p,1,1,0,0,,LS,Running,5,1,\n"), "a.csv:2:25: expected an end"),
        ] {
            let error = import_texts(&[text]).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
