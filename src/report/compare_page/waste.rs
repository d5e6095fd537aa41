//! The section on waste: what of the cpu of each variant's nodes was used, and why the rest was not.

use crate::experiment::comparison::Comparison;
use crate::experiment::measures::{CPU_REQUESTED, CPU_RESERVED, CPU_SHARE, CPU_USED, MeasureKind, Unit};
use crate::report::chart::palette::Hue;
use crate::report::chart::scale::Scale;
use crate::report::chart::stack::{self, StackRow, Stacks};
use crate::report::compare_page::Chapter;
use crate::report::comparison::amount;
use crate::report::page::data::Dataset;
use crate::report::page::table::{Cell, DataTable, Head};
use crate::report::page::{Figure, Part, Section};

const KINDS: [(&str, Hue); 4] = [
    ("used", Hue::Blue),
    ("workload idle", Hue::Orange),
    ("infrastructure idle", Hue::Grey),
    ("reserved", Hue::Purple),
];

/// The cpu of a variant, on average over time and trials [cores].
struct Account<'a> {
    variant: &'a str,
    used: f64,
    requested: f64,
    allocatable: f64,
    reserved: f64,
}

impl Account<'_> {
    /// Used, requested and not used, not requested, kept from pods.
    fn parts(&self) -> [f64; 4] {
        let idle = (self.requested - self.used).max(0.0);
        let unrequested = (self.allocatable - self.requested.max(self.used)).max(0.0);
        [self.used, idle, unrequested, self.reserved]
    }
}

/// The section; `None` where nothing says what is used.
pub(super) fn chapter(comparison: &Comparison) -> Option<Chapter> {
    let accounts: Vec<Account<'_>> =
        (0..comparison.variants.len()).filter_map(|variant| account(comparison, variant)).collect();
    if accounts.is_empty() {
        return None;
    }
    let stacks = stacks(&accounts);
    let caption = "Cpu of the nodes, on average over time and trials: used, requested and not used, not requested, \
         and kept from pods.";
    let figure = Figure::new("waste", caption, |screen| stack::draw(&stacks, screen)).with_data("waste");
    let heads = vec![
        Head::text("Variant"),
        Head::number("Used"),
        Head::number("Workload idle"),
        Head::number("Infrastructure idle"),
        Head::number("Reserved"),
        Head::number("Used of requested"),
    ];
    let mut table = DataTable::new("Cpu of the nodes", heads).with_data("waste");
    for account in &accounts {
        let mut cells = vec![Cell::text(account.variant)];
        cells.extend(account.parts().map(|cores| Cell::number(amount(Unit::Cores, cores), cores)));
        let share = if account.requested > 0.0 { account.used / account.requested } else { 0.0 };
        cells.push(Cell::number(amount(Unit::Share, share), share));
        table.row(cells);
    }
    let section = Section {
        id: "waste",
        title: "Waste: what was paid for and not used".to_owned(),
        lead: "Workload idle is requested and not used: smaller requests free it. Infrastructure idle is requested by \
               nobody: fewer nodes free it. Reserved is what nodes keep from pods."
            .to_owned(),
        parts: vec![Part::Figure(figure), Part::Table(table)],
    };
    Some(Chapter { section, data: vec![data(&accounts)] })
}

fn account(comparison: &Comparison, variant: usize) -> Option<Account<'_>> {
    let mean = |kind: MeasureKind| {
        let row = comparison.rows.iter().find(|row| row.kind == kind && row.subject.is_empty())?;
        row.means[variant].map(|mean| mean.mean)
    };
    let (used, requested, share) = (mean(CPU_USED)?, mean(CPU_REQUESTED)?, mean(CPU_SHARE)?);
    let allocatable = if share > 0.0 { requested / share } else { requested };
    let reserved = mean(CPU_RESERVED).unwrap_or(0.0);
    Some(Account { variant: &comparison.variants[variant], used, requested, allocatable, reserved })
}

fn stacks(accounts: &[Account<'_>]) -> Stacks {
    let row = |account: &Account<'_>| {
        let mut at = 0.0;
        let mut pieces = Vec::new();
        for (kind, cores) in account.parts().into_iter().enumerate() {
            pieces.push((kind, at, at + cores));
            at += cores;
        }
        let note = format!("{:.0} % used", if at > 0.0 { account.used / at * 100.0 } else { 0.0 });
        StackRow { label: account.variant.to_owned(), pieces, note }
    };
    let most = accounts.iter().map(|account| account.parts().iter().sum()).fold(0.0, f64::max);
    Stacks {
        title: "Cpu of the nodes by what became of it".to_owned(),
        x: Scale::numbers(most, 6),
        unit: "cores".to_owned(),
        kinds: KINDS.map(|(name, hue)| (name.to_owned(), hue)).to_vec(),
        rows: accounts.iter().map(row).collect(),
    }
}

fn data(accounts: &[Account<'_>]) -> Dataset {
    let columns = [
        ("variant", "the variant"),
        ("used_cores", "cpu that was used, on average over time and trials"),
        ("workload_idle_cores", "cpu that was requested and not used"),
        ("infrastructure_idle_cores", "cpu that nobody requested"),
        ("reserved_cores", "cpu that nodes keep from pods"),
    ];
    let mut data = Dataset::new("waste", "the cpu of the nodes of a variant", &columns);
    for account in accounts {
        let parts = account.parts().map(Into::into);
        data.row([vec![account.variant.into()], parts.into()].concat());
    }
    data
}
