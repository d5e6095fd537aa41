//! The section on paired differences: by how much each variant differs from the first, in percent of it.

use crate::experiment::comparison::{Comparison, Judgement, Row};
use crate::report::chart::forest::{self, Forest, ForestRow};
use crate::report::chart::palette::Hue;
use crate::report::chart::scale::Scale;
use crate::report::compare_page::{Chapter, title};
use crate::report::comparison::{difference_text, judgement_text, unit_name};
use crate::report::page::data::{Dataset, Value};
use crate::report::page::{Figure, Part, Section};

/// The scale ends here: beyond twice the value of the first variant, how much more says little.
const PERCENT_MAX: f64 = 200.0;

/// The section; `None` where there is no pair.
pub(super) fn chapter(comparison: &Comparison) -> Option<Chapter> {
    let first = comparison.variants.first()?;
    let mut parts = Vec::new();
    let mut hidden = Vec::new();
    for (idx, name) in comparison.variants.iter().enumerate().skip(1) {
        let rows: Vec<ForestRow> = comparison.rows.iter().filter_map(|row| forest_row(row, idx)).collect();
        hidden.extend(comparison.rows.iter().filter(|row| starts_at_zero(row, idx)).map(name_of));
        if rows.is_empty() {
            continue;
        }
        if comparison.variants.len() > 2 {
            parts.push(Part::Heading(format!("{name} against {first}")));
        }
        let forest = plot(format!("Differences of {name} from {first}, in percent"), rows);
        let caption = format!(
            "{name} against {first}: the mean of the paired differences and its 95 % interval, in percent of the mean of \
             {first}. Where the interval holds zero, no difference is shown. An arrow goes on beyond the scale."
        );
        let figure =
            Figure::new(&format!("differences-{idx}"), caption, |screen| forest::draw(&forest, screen));
        parts.push(Part::Figure(figure.with_data("differences")));
    }
    if parts.is_empty() {
        return None;
    }
    hidden.dedup();
    if !hidden.is_empty() {
        let names = hidden.join(", ");
        parts.push(Part::Text(format!(
            "Not drawn, because {first} has none of it: {names}. The table has it."
        )));
    }
    let section = Section {
        id: "differences",
        title: "Differences, pair by pair".to_owned(),
        lead:
            "Both of a pair were played with the same random numbers, so what differs is the variants' own."
                .to_owned(),
        parts,
    };
    Some(Chapter { section, data: vec![data(comparison)] })
}

fn plot(title: String, rows: Vec<ForestRow>) -> Forest {
    let ends = rows.iter().flat_map(|row| {
        let (low, high) = row.interval.unwrap_or((row.mean, row.mean));
        [low, high]
    });
    let bound = |value: f64| value.clamp(-PERCENT_MAX, PERCENT_MAX);
    let (low, high) =
        ends.fold((0.0_f64, 0.0_f64), |(low, high), end| (low.min(bound(end)), high.max(bound(end))));
    let kinds = [
        (Judgement::Better, "better"),
        (Judgement::Worse, "worse"),
        (Judgement::Different, "different, neither good nor bad"),
        (Judgement::NoDifference, "no difference is shown"),
    ];
    Forest {
        title,
        x: Scale::between(low, high, 6),
        unit: "difference, %".to_owned(),
        kinds: kinds.into_iter().map(|(judgement, name)| (name.to_owned(), hue(judgement))).collect(),
        rows,
    }
}

const fn hue(judgement: Judgement) -> Hue {
    match judgement {
        Judgement::Better => Hue::Green,
        Judgement::Worse => Hue::Vermillion,
        Judgement::Different => Hue::Blue,
        Judgement::NoDifference => Hue::Axis,
    }
}

fn name_of(row: &Row) -> String {
    title(row.kind.name, &row.subject)
}

/// Whether the first variant has none of a measure and another has some: there is no percentage of nothing.
fn starts_at_zero(row: &Row, idx: usize) -> bool {
    let base = row.means[0].map_or(0.0, |base| base.mean);
    base == 0.0 && row.differences[idx - 1].is_some_and(|difference| difference.mean != 0.0)
}

fn forest_row(row: &Row, idx: usize) -> Option<ForestRow> {
    let (base, difference) = (row.means[0]?, row.differences[idx - 1]?);
    if starts_at_zero(row, idx) {
        return None;
    }
    let judgement = row.judgement(idx)?;
    let percent = |value: f64| if base.mean == 0.0 { 0.0 } else { value / base.mean.abs() * 100.0 };
    let interval = difference.half_width.is_finite();
    Some(ForestRow {
        label: name_of(row),
        mean: percent(difference.mean),
        interval: interval.then(|| (percent(difference.low()), percent(difference.high()))),
        hue: hue(judgement),
        note: percent_text(percent(difference.mean)),
    })
}

/// `+12.3 %`
fn percent_text(percent: f64) -> String {
    let sign = if percent > 0.0 { "+" } else { "" };
    let digits = usize::from(percent.abs() < 99.95 && percent != 0.0);
    format!("{sign}{percent:.digits$} %")
}

fn data(comparison: &Comparison) -> Dataset {
    let columns = [
        ("variant", "the variant"),
        ("against", "what it is compared with"),
        ("measure", "what is measured"),
        ("subject", "what it is about; empty for the whole"),
        ("unit", "the unit of the figures of the row"),
        ("difference", "the mean of the paired differences, in that unit"),
        ("low", "the lower end of its 95 % interval"),
        ("high", "the upper end of its 95 % interval"),
        ("difference_percent", "the mean in percent of the mean of the variant compared with"),
        ("judgement", "better, worse, different, or no difference"),
        ("text", "the same as it is shown"),
    ];
    let mut data = Dataset::new("differences", "a measure of a variant against the first", &columns);
    for (idx, name) in comparison.variants.iter().enumerate().skip(1) {
        for row in &comparison.rows {
            let Some(difference) = row.differences[idx - 1] else { continue };
            let finite = |value: f64| Value::from(Some(value).filter(|value| value.is_finite()));
            let base = row.means[0].map(|base| base.mean).filter(|base| *base != 0.0);
            data.row([
                name.into(),
                (&comparison.variants[0]).into(),
                row.kind.name.into(),
                (&row.subject).into(),
                unit_name(row.kind.unit).into(),
                difference.mean.into(),
                finite(difference.low()),
                finite(difference.high()),
                base.map(|base| difference.mean / base.abs() * 100.0).into(),
                row.judgement(idx).map_or("", judgement_text).into(),
                difference_text(row.kind.unit, &difference).into(),
            ]);
        }
    }
    data
}
