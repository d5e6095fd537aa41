//! The section on waste: what of the machines was used, and why the rest was not.
//!
//! Reserved is what nodes keep from pods. Infrastructure idle is what no pod requested. Workload idle is what pods
//! requested and did not use, by node and over the whole time after the warm-up.

use crate::observe::timeline::NodeLine;
use crate::report::chart::palette::Hue;
use crate::report::chart::scale::Scale;
use crate::report::chart::stack::{self, StackRow, Stacks};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::table::{Cell, DataTable, Head};
use crate::report::page::{Figure, Part, Section};
use crate::report::run_page::series::Resource;
use crate::report::run_page::{Chapter, RunReport};
use crate::report::summary::{NodeRow, seconds};

const KINDS: [(&str, Hue); 4] = [
    ("used", Hue::Blue),
    ("workload idle", Hue::Orange),
    ("infrastructure idle", Hue::Grey),
    ("reserved", Hue::Purple),
];

/// What a resource of all nodes was for, over time [cores × s] or [bytes × s].
#[derive(Debug, Clone, Copy, PartialEq)]
struct Account {
    resource: Resource,
    used: f64,
    workload_idle: f64,
    infrastructure_idle: f64,
    reserved: f64,
}

impl Account {
    fn parts(&self) -> [f64; 4] {
        [self.used, self.workload_idle, self.infrastructure_idle, self.reserved]
    }

    fn whole(&self) -> f64 {
        self.parts().iter().sum()
    }

    fn share(&self, part: f64) -> f64 {
        if self.whole() > 0.0 { part / self.whole() } else { 0.0 }
    }
}

/// The section on waste; `None` where nothing says what is used, or nothing is requested.
pub(super) fn chapter(run: &RunReport<'_>) -> Option<Chapter> {
    let has_memory = run.timeline.consumption.is_modelled();
    let has_cpu = run.summary.traffic.is_some() || has_memory;
    let kinds = [(Resource::Cpu, has_cpu), (Resource::Memory, has_memory)];
    let of = |(resource, is_known): (Resource, bool)| is_known.then(|| account(run, resource));
    let accounts: Vec<Account> =
        kinds.into_iter().filter_map(of).filter(|account| account.whole() > 0.0).collect();
    let accounts: Vec<Account> =
        accounts.into_iter().filter(|account| account.used > 0.0 || account.workload_idle > 0.0).collect();
    if accounts.is_empty() {
        return None;
    }
    let stacks = stacks(&accounts);
    let caption = "What the machines had over the run after the warm-up, as shares: used, requested and not used, not \
                   requested, and kept from pods.";
    let figure = Figure::new("waste", caption, |screen| stack::draw(&stacks, screen)).with_data("waste");
    Some(Chapter {
        section: Some(Section {
            id: "waste",
            title: "Waste: what was paid for and not used".to_owned(),
            lead: "Workload idle is requested and not used: smaller requests free it. Infrastructure idle is requested by \
                   nobody: fewer nodes free it."
                .to_owned(),
            parts: vec![Part::Figure(figure), Part::Table(table(&accounts))],
        }),
        data: vec![data(&accounts)],
    })
}

/// The account of a resource, from the means of requests that the summary has and what was read of its use.
fn account(run: &RunReport<'_>, resource: Resource) -> Account {
    let mut account =
        Account { resource, used: 0.0, workload_idle: 0.0, infrastructure_idle: 0.0, reserved: 0.0 };
    let life = seconds(run.end) - seconds(run.warm_up);
    for (id, line) in &run.timeline.nodes {
        let Some(row) = run.summary.nodes.iter().find(|row| row.name == *line.name) else { continue };
        let usage = run.usage.nodes.get(id);
        let (requested, used, amounts) = match resource {
            Resource::Cpu => {
                let used = usage.map_or(0.0, |usage| usage.cpu_total / 1e9);
                (row.cpu_mean / 1e3 * life, used, amounts(line, row, 0, 1e3))
            }
            Resource::Memory | Resource::Pods => {
                let used = usage.map_or(0.0, |usage| usage.memory_total / 1e9);
                (row.memory_mean * life, used, amounts(line, row, 1, 1.0))
            }
        };
        let (capacity, allocatable) = (amounts.0 * life, amounts.1 * life);
        account.used += used;
        account.workload_idle += (requested - used).max(0.0);
        account.infrastructure_idle += (allocatable - requested.max(used)).max(0.0);
        account.reserved += (capacity - allocatable).max(0.0);
    }
    account
}

/// What a node has and what of it pods may request, in units.
fn amounts(line: &NodeLine, row: &NodeRow, at: usize, unit: f64) -> (f64, f64) {
    let allocatable = if at == 0 { row.cpu_allocatable } else { row.memory_allocatable };
    (line.capacity[at].max(allocatable) as f64 / unit, allocatable as f64 / unit)
}

fn stacks(accounts: &[Account]) -> Stacks {
    let row = |account: &Account| {
        let mut at = 0.0;
        let mut pieces = Vec::new();
        for (kind, part) in account.parts().into_iter().enumerate() {
            let until = at + account.share(part);
            pieces.push((kind, at, until));
            at = until;
        }
        let note = format!("{:.0} % used", account.share(account.used) * 100.0);
        StackRow { label: account.resource.name().to_owned(), pieces, note }
    };
    Stacks {
        title: "What the machines had: used, idle and reserved".to_owned(),
        x: Scale::shares(1.0, 4),
        unit: "of what the machines have".to_owned(),
        kinds: KINDS.map(|(name, hue)| (name.to_owned(), hue)).to_vec(),
        rows: accounts.iter().map(row).collect(),
    }
}

/// Core hours, or GiB hours.
fn hours(account: &Account, amount: f64) -> (f64, &'static str) {
    match account.resource {
        Resource::Cpu => (amount / 3600.0, "core h"),
        Resource::Memory | Resource::Pods => (amount / f64::from(1 << 30) / 3600.0, "GiB h"),
    }
}

fn table(accounts: &[Account]) -> DataTable {
    let mut heads = vec![Head::text("Resource"), Head::text("What became of it")];
    heads.extend([Head::number("Amount"), Head::number("Share")]);
    let mut table =
        DataTable::new("What the machines had over the run after the warm-up", heads).with_data("waste");
    for account in accounts {
        for ((name, _), part) in KINDS.into_iter().zip(account.parts()) {
            let (amount, unit) = hours(account, part);
            let share = account.share(part);
            table.row([
                Cell::text(account.resource.name()),
                Cell::text(name),
                Cell::number(format!("{amount:.3} {unit}"), amount),
                Cell::number(format!("{:.1} %", share * 100.0), share),
            ]);
        }
    }
    table
}

fn data(accounts: &[Account]) -> Dataset {
    let columns = [
        ("resource", "cpu or memory"),
        ("kind", "used, workload idle, infrastructure idle or reserved"),
        ("amount_unit_h", "core hours for cpu, GiB hours for memory"),
        ("share", "of what the machines had, from 0 to 1"),
    ];
    let mut data = Dataset::new("waste", "what became of a resource", &columns);
    for account in accounts {
        for ((name, _), part) in KINDS.into_iter().zip(account.parts()) {
            let (amount, _) = hours(account, part);
            let resource = Value::from(account.resource.name());
            data.row([resource, name.into(), amount.into(), account.share(part).into()]);
        }
    }
    data
}
