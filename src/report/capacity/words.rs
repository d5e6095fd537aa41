//! The answer in sentences.

use crate::report::capacity::reason::{self, StageReason};
use crate::report::capacity::{CapacitySummary, DimensionRow};

/// The answer, then what limits it, what is spare, and what is wrong with the question.
pub(super) fn verdict(summary: &CapacitySummary) -> Vec<String> {
    let mut lines = vec![answer(summary)];
    lines.extend(summary.binding.iter().map(|row| {
        let size = size(&summary.question.dimensions, &row.counts);
        format!("With {size} it is not: {}.", why(&row.reason))
    }));
    lines.extend(spare(summary));
    lines.extend(own(summary));
    lines.extend(summary.refused_alone.iter().map(|alone| {
        let hopeless = reason::is_of_the_nodes(&alone.message);
        let so = if hopeless { " More of these nodes do not help." } else { "" };
        format!("A pod of {} is refused even alone: {}.{so}", alone.workload, first_sentence(&alone.message))
    }));
    lines.extend(violations(summary));
    lines
}

fn answer(summary: &CapacitySummary) -> String {
    let question = &summary.question;
    let Some(counts) = &summary.answer else {
        let largest: Vec<u32> = question.dimensions.iter().map(|dimension| dimension.to).collect();
        return format!("No size up to {} is enough.", size(&question.dimensions, &largest));
    };
    let row = summary.sizes.iter().find(|row| row.counts == *counts);
    let price = row.and_then(|row| row.price_per_hour);
    let price = price.map(|price| format!(" ({}/h)", money(price))).unwrap_or_default();
    let (is_are, cheapest) = match (question.dimensions.len(), counts.iter().sum::<u32>()) {
        (1, 1) => ("is", ""),
        (1, _) if !question.dimensions[0].name.contains('/') => ("is", ""),
        (1, _) => ("are", ""),
        _ => ("are", " and the cheapest to be"),
    };
    let held: Vec<String> = summary.survivability.iter().filter(|row| row.required).map(held).collect();
    let size = size(&question.dimensions, counts);
    let what = if question.expectations.is_empty() {
        "every pod has a place"
    } else if question.expectations.len() == 1 {
        "the expectation holds"
    } else {
        "all expectations hold"
    };
    format!("{size}{price} {is_are} enough{cheapest}: {what} in {}.", held.join(", and in "))
}

/// `20 of 20 trials`, and `19 of 20 whichever node is lost`
fn held(row: &super::SurvivalRow) -> String {
    let n_trials = row.trials;
    match row.loss.as_str() {
        "-1 node" => format!("{} of {n_trials} whichever node is lost", row.survived),
        "-2 nodes" if row.tried < row.possible => {
            format!("{} of {n_trials} whichever of {} pairs of nodes is lost", row.survived, row.tried)
        }
        "-2 nodes" => format!("{} of {n_trials} whichever two nodes are lost", row.survived),
        "-1 zone" => format!("{} of {n_trials} whichever zone is lost", row.survived),
        _ => format!("{} of {n_trials} trials", row.survived),
    }
}

/// `6 nodes of pool small`, `2 nodes of pool big and 3 of pool small`, `5 replicas of deployment/web`, `workers=4`
pub(super) fn size(dimensions: &[DimensionRow], counts: &[u32]) -> String {
    let named: Vec<(&str, u32)> =
        dimensions.iter().map(|dimension| dimension.name.as_str()).zip(counts.iter().copied()).collect();
    if let [(name, count)] = named.as_slice() {
        return part(name, *count, true);
    }
    let (some, none): (Vec<_>, Vec<_>) = named.into_iter().partition(|(_, count)| *count > 0);
    if some.is_empty() {
        return "no node of any pool".to_owned();
    }
    let some = some.into_iter().enumerate().map(|(at, (name, count))| part(name, count, at == 0));
    let none = none.into_iter().map(|(name, _)| name.replace("pool/", "none of pool "));
    let parts: Vec<String> = some.chain(none).collect();
    match parts.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => parts.concat(),
    }
}

fn part(name: &str, count: u32, is_first: bool) -> String {
    let s = if count == 1 { "" } else { "s" };
    match name.split_once('/') {
        // The nodes of a scenario that has none are called so.
        Some(("pool", "node")) => format!("{count} node{s}"),
        Some(("pool", pool)) if is_first => format!("{count} node{s} of pool {pool}"),
        Some(("pool", pool)) => format!("{count} of pool {pool}"),
        Some(_) => format!("{count} replica{s} of {name}"),
        None => format!("{name}={count}"),
    }
}

/// Why a size is not enough, in a sentence without its stop.
fn why(reason: &StageReason) -> String {
    let lost = match (&reason.lost, &reason.at) {
        (Some(lost), Some(at)) => {
            let which = match lost.split(' ').count() {
                1 if lost.starts_with("zone/") => "whichever zone is lost",
                1 => "whichever node is lost",
                _ => "whichever two nodes are lost",
            };
            let lost = lost.replace(' ', " and ");
            format!(
                "all holds in {} of {} trials {which}. Without {lost} from {at} on, ",
                reason.held, reason.trials
            )
        }
        _ => String::new(),
    };
    let failed = reason.failed.first().map(|failure| {
        let more = match reason.failed.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        // That it is false is what "fails" says.
        let found = match failure.found.as_str() {
            "" | "false" => String::new(),
            found => format!(" ({found})"),
        };
        format!("\"{}\" fails in {} of {}{found}{more}", failure.expectation, failure.trials, reason.trials)
    });
    let refused = reason.message.as_ref().map(|message| {
        let n = reason.unschedulable;
        let pods =
            if n == 1 { "1 pod is unschedulable".to_owned() } else { format!("{n} pods are unschedulable") };
        format!("{pods}: {}", first_sentence(message))
    });
    let parts: Vec<String> = failed.into_iter().chain(refused).collect();
    lost + &parts.join("; ")
}

/// A message of the scheduler without what preemption says, and without its stop.
fn first_sentence(message: &str) -> &str {
    message.split_once(". ").map_or(message, |(first, _)| first).trim_end_matches('.')
}

/// How many are there for the loss only.
fn spare(summary: &CapacitySummary) -> Option<String> {
    let (answer, without) = (summary.answer.as_ref()?, summary.without_losses.as_ref()?);
    let total = |counts: &[u32]| counts.iter().sum::<u32>();
    let n_spare = total(answer).saturating_sub(total(without));
    let size = size(&summary.question.dimensions, without);
    let price = |counts: &[u32]| {
        summary.sizes.iter().find(|row| row.counts == *counts).and_then(|row| row.price_per_hour)
    };
    let are = if total(without) == 1 { "is" } else { "are" };
    if let (Some(price), Some(least)) = (price(answer), price(without))
        && n_spare > 0
    {
        let more = money(price - least);
        return Some(format!(
            "While nothing is lost, {size} {are} enough: what survives the loss costs {more}/h more."
        ));
    }
    Some(match n_spare {
        0 => format!("While nothing is lost, no fewer are enough: {size}."),
        1 => format!("While nothing is lost, {size} {are} enough: one is spare."),
        n => format!("While nothing is lost, {size} {are} enough: {n} are spare."),
    })
}

/// How the answer stands to what the scenario has.
fn own(summary: &CapacitySummary) -> Option<String> {
    let answer = summary.answer.as_ref()?;
    let own: Vec<u32> = summary.question.dimensions.iter().map(|it| it.own).collect::<Option<_>>()?;
    if own == *answer {
        return Some("The scenario has just that.".to_owned());
    }
    let has = size(&summary.question.dimensions, &own);
    let ([own], [answer]) = (own.as_slice(), answer.as_slice()) else {
        return Some(format!("The scenario has {has}."));
    };
    let compared = match answer.abs_diff(*own) {
        n if own > answer => format!("{n} more than needed"),
        n => format!("{n} too few"),
    };
    Some(format!("The scenario has {has}: {compared}."))
}

fn violations(summary: &CapacitySummary) -> Option<String> {
    let [smaller, larger] = summary.violations.first()?;
    let dimensions = &summary.question.dimensions;
    let more = match summary.violations.len() {
        1 => String::new(),
        n => format!(" ({} more such pairs)", n - 1),
    };
    let hint = if summary.question.exhaustive {
        "the answer is the cheapest of all sizes"
    } else {
        "sizes that were not tried may be enough, too: --exhaustive tries all"
    };
    let (smaller, larger) = (size(dimensions, smaller), size(dimensions, larger));
    Some(format!("More is not always better here: {smaller} is enough, {larger} is not{more}; {hint}."))
}

/// A price with as many digits as it needs, two at least.
pub(super) fn money(price: f64) -> String {
    let text = format!("{price:.4}");
    let whole = text.trim_end_matches('0');
    match whole.split_once('.') {
        Some((_, decimals)) if decimals.len() >= 2 => whole.to_owned(),
        _ => format!("{price:.2}"),
    }
}
