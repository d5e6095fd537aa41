//! `sim diff`: two scenarios, or traces, side by side.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::thread::Scope;

use crate::cli::args::{DiffArgs, Format, InputArgs};
use crate::cli::{CliError, Outcome, input, output, traces};
use crate::engine::SimTime;
use crate::experiment::pipe;
use crate::experiment::trial;
use crate::observe::divergence;
use crate::observe::trace::reader::TraceReader;
use crate::observe::trace::{TraceHead, TraceWriter};
use crate::report::diff::{self, Side};
use crate::report::outcome::RunEnd;
use crate::report::summary;

/// A trace from a file, or of a run under way.
type AnyTrace = TraceReader<Box<dyn BufRead>>;

/// `sim diff`
pub(super) fn diff(args: &DiffArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    if args.seed.len() > 2 || args.variant.len() > 2 {
        return Err(CliError::BadInput(
            "`--seed` and `--variant` are given once, or once for each side".to_owned(),
        ));
    }
    let inputs = [0, 1].map(|side| input_of(args, side));
    let bad = |error: &dyn std::fmt::Display| CliError::BadInput(error.to_string());
    let (sides, divergence) = std::thread::scope(|scope| -> Result<_, CliError> {
        let mut a = open(&inputs[0], args, scope)?;
        let mut b = open(&inputs[1], args, scope)?;
        let divergence = divergence::divergence(&mut a, &mut b).map_err(|error| bad(&error))?;
        Ok(([side(a)?, side(b)?], divergence))
    })?;
    let difference = diff::diff(&sides, divergence);
    let text = match args.output {
        Format::Text => diff::text(&difference),
        Format::Json => output::json(&difference)?,
        Format::Yaml => output::yaml(&difference)?,
    };
    out.write_all(text.as_bytes()).map_err(anyhow::Error::from)?;
    Ok(if difference.same { Outcome::Ok } else { Outcome::NotMet })
}

/// What one side plays. What is said once is said for both.
fn input_of(args: &DiffArgs, side: usize) -> InputArgs {
    let own = [&args.a, args.b.as_ref().unwrap_or(&args.a)][side];
    let set_b = if side == 1 { args.set_b.as_slice() } else { &[] };
    let fail_b = if side == 1 { args.fail_b.as_slice() } else { &[] };
    InputArgs {
        files: vec![own.clone()],
        seed: args.seed.get(side).or(args.seed.first()).copied(),
        variant: args.variant.get(side).or(args.variant.first()).cloned(),
        set: args.set.iter().chain(set_b).cloned().collect(),
        fail: args.fail.iter().chain(fail_b).cloned().collect(),
        allow_unmodelled: args.allow_unmodelled,
    }
}

/// Opens a trace, or begins a run in a thread of its own.
fn open<'scope>(
    input: &InputArgs,
    args: &DiffArgs,
    scope: &'scope Scope<'scope, '_>,
) -> Result<AnyTrace, CliError> {
    if traces::is_trace(&input.files[0]) {
        let is_alone = args.b.is_some() && args.until.is_none();
        if !is_alone {
            let hint = "a trace is compared with another trace or a scenario, and as a whole";
            return Err(CliError::BadInput(format!("{}: {hint}", input.files[0].display())));
        }
        return traces::open(&input.files[0]).map(TraceReader::boxed);
    }
    let scenario = Arc::new(input::load(input)?.scenario);
    input::warn_of_late_failures(input, args.until);
    let until = args.until.map(|span| SimTime::ZERO + span);
    let mut words = vec!["sim run".to_owned()];
    words.extend(input::words(input, scenario.seed));
    words.extend(args.until.map(|until| format!("--until {until}")));
    let reproduce = words.join(" ");
    let (writer, reader) = pipe::pipe();
    let command = reproduce.clone();
    scope.spawn(move || {
        let trace = TraceWriter::new(writer, &TraceHead::of(&scenario, reproduce.clone()));
        let trial = trial::run(&scenario, until, trace, |_| {});
        let end = RunEnd::of(&summary::summarise(&trial, reproduce));
        // Who reads may have stopped at an error of the other side, which is what counts.
        let _ = trial.simulation.into_observer().1.finish(&end);
    });
    let trace = TraceReader::new(&command, Box::new(reader) as Box<dyn BufRead>);
    trace.map_err(|error| CliError::BadInput(error.to_string()))
}

/// What one side came to.
fn side(trace: AnyTrace) -> Result<Side, CliError> {
    let end = trace.end.clone().unwrap_or_default();
    let end = serde_json::from_value(end).map_err(|fault| {
        CliError::BadInput(trace.error(format!("not the end of a run: {fault}")).to_string())
    })?;
    Ok(Side { head: trace.head, end })
}
