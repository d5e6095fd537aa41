//! What the answer survives: a row for each sort of loss, with the worst of its kind.

use crate::experiment::measures::Unit;
use crate::model::resources::Millicores;
use crate::report::capacity::page::count;
use crate::report::capacity::text::{recovery, span};
use crate::report::capacity::{CapacitySummary, SurvivalRow};
use crate::report::comparison::amount;
use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head, Tone};
use crate::report::page::{Part, Section};

/// The section.
pub(super) fn section(summary: &CapacitySummary) -> Section {
    Section {
        id: "survivability",
        title: "What it survives".to_owned(),
        lead: "The answer with everything up, and after the worst loss of each sort; room is the least that was left on \
               living nodes, of each resource by itself."
            .to_owned(),
        parts: vec![Part::Table(table(summary))],
    }
}

fn table(summary: &CapacitySummary) -> DataTable {
    let heads = vec![
        Head::text("Lost"),
        Head::text("Asked for"),
        Head::text("Worst case"),
        Head::number("Lost at"),
        Head::number("All holds"),
        Head::number("Unschedulable"),
        Head::number("Recovery"),
        Head::number("Cpu left"),
        Head::number("Memory left"),
        Head::number("Pods left"),
        Head::text("What fails"),
    ];
    let mut table = DataTable::new("The worst loss of each sort", heads).with_data("survivability");
    for row in &summary.survivability {
        let of_trials = format!("{}/{}", row.survived, row.trials);
        let tone = if row.survived == row.trials { Tone::Good } else { Tone::Bad };
        let unschedulable = match (row.unschedulable, row.waiting) {
            (0, _) => "0".to_owned(),
            (n, waiting) => format!("{n} ({waiting} at the end)"),
        };
        table.row([
            Cell::text(loss_text(row)),
            Cell::text(if row.required { "yes" } else { "no" }),
            Cell::text(row.worst.as_deref().unwrap_or_default().replace(' ', ", ")),
            row.at.map_or_else(Cell::none, |at| Cell::number(span(at), at)),
            Cell::number(of_trials, row.survived as f64).toned(tone),
            Cell::number(unschedulable, row.unschedulable as f64),
            Cell::number(recovery(row), row.recovery.unwrap_or(0.0)),
            Cell::number(Millicores(row.cpu_left).to_string(), row.cpu_left as f64),
            Cell::number(amount(Unit::Bytes, row.memory_left as f64), row.memory_left as f64),
            Cell::number(row.pods_left.to_string(), row.pods_left as f64),
            Cell::text(fails(row)),
        ]);
    }
    table.without_empty_columns()
}

/// The loss; of pairs of nodes how many were tried, where not all were.
fn loss_text(row: &SurvivalRow) -> String {
    let tried = if row.tried < row.possible {
        format!(" ({} of {} tried)", row.tried, row.possible)
    } else {
        String::new()
    };
    row.loss.replace('-', "−") + &tried
}

/// The expectation that fails most often in the worst case, and how many more do.
fn fails(row: &SurvivalRow) -> String {
    let Some(first) = row.failed.first() else { return String::new() };
    let more = match row.failed.len() {
        1 => String::new(),
        n => format!(", and {} more", n - 1),
    };
    format!("{} ({} of {}){more}", first.expectation, first.trials, row.trials)
}

/// The same as data.
pub(super) fn data(summary: &CapacitySummary) -> Dataset {
    let columns = [
        ("loss", "what is lost"),
        ("required", "1 where it has to be survived, else 0"),
        ("worst", "the worst of its kind"),
        ("lost_at_s", "when it is lost"),
        ("possible", "how many such losses there are"),
        ("tried", "how many of them were tried"),
        ("trials", "the trials"),
        ("survived_trials", "trials in which all holds whichever is lost"),
        ("held_trials", "trials in which all holds in the worst case"),
        ("unschedulable_pods", "pods that the scheduler refused, in the trial with the most"),
        ("waiting_pods", "those that wait at the end, in the trial with the most"),
        ("recovery_s", "until all tiers were whole again, in the slowest trial"),
        ("never_recovered", "1 where they were not up to the end in some trial, else 0"),
        ("cpu_left_millicores", "the least room for cpu requests"),
        ("memory_left_bytes", "the least room for memory requests"),
        ("pods_left", "the least room for pods"),
    ];
    let mut data = Dataset::new("survivability", "a sort of loss", &columns);
    for row in &summary.survivability {
        data.row([
            (&row.loss).into(),
            Value::Count(row.required.into()),
            row.worst.clone().into(),
            row.at.into(),
            count(row.possible),
            count(row.tried),
            count(row.trials),
            count(row.survived),
            count(row.held),
            count(row.unschedulable),
            count(row.waiting),
            row.recovery.into(),
            Value::Count(row.never_recovered.into()),
            row.cpu_left.into(),
            row.memory_left.into(),
            row.pods_left.into(),
        ]);
    }
    data
}
