//! `sim why`: the causes of what an object is.

use std::io::Write;
use std::sync::Arc;

use clap::ValueEnum;

use crate::cli::args::{Format, KindArg, WhyArgs};
use crate::cli::{CliError, Outcome, input, output, traces};
use crate::engine::SimTime;
use crate::experiment::trial;
use crate::model::ids::Kind;
use crate::model::scenario::ObjectName;
use crate::observe::story::Story;
use crate::report::why;

/// `sim why`
pub(super) fn why(args: &WhyArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let subject = subject(args)?;
    let until = args.at.map(|span| SimTime::ZERO + span);
    let why = match traces::only_trace(&args.input)? {
        Some(trace) => {
            why::trace::why(subject, trace, until).map_err(|error| CliError::BadInput(error.to_string()))?
        }
        None => {
            let scenario = Arc::new(input::load(&args.input)?.scenario);
            let trial = trial::run(&scenario, until, Story::of(subject), |_| {});
            why::why(&trial).map_err(|error| CliError::BadInput(error.to_string()))?
        }
    };
    let text = match args.output {
        Format::Text => why.to_string(),
        Format::Json => output::json(&why)?,
        Format::Yaml => output::yaml(&why)?,
    };
    out.write_all(text.as_bytes()).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}

/// The object of `KIND/NAME`.
fn subject(args: &WhyArgs) -> Result<ObjectName, CliError> {
    let wrong =
        || CliError::BadInput(format!("`sim why` needs KIND/NAME, as job/batch, found {:?}", args.object));
    let (kind, name) = args.object.split_once('/').ok_or_else(wrong)?;
    let kind = KindArg::from_str(kind, true).map_err(|_| wrong())?.kind();
    let namespace = if kind == Kind::Node { "" } else { &*args.namespace };
    Ok(ObjectName { kind, namespace: namespace.into(), name: name.into() })
}
