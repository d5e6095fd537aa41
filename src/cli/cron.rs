//! `sim cron`: the ledger of every scheduled run of a period.

use std::io::Write;
use std::sync::Arc;

use crate::cli::args::{CronArgs, CronFormat};
use crate::cli::{CliError, Outcome, input};
use crate::experiment::cron_period::{self, Period};
use crate::model::time_zone::load_zone;
use crate::model::unix_time::UnixTime;
use crate::report::cron_period as report;

/// `sim cron`
pub(super) fn cron(args: &CronArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let scenario = input::load(&args.input)?.scenario;
    if let Some(zone) = &args.zone {
        load_zone(zone).map_err(|error| CliError::BadInput(format!("`--zone`: {error}")))?;
    }
    let period = Period {
        from: args.from.as_deref().map(|text| time("--from", text)).transpose()?,
        to: args.to.as_deref().map(|text| time("--to", text)).transpose()?,
        zone: args.zone.as_deref().map(Into::into),
        outages: args.outage.clone(),
    };
    let scenario =
        cron_period::scenario_of(scenario, &period).map_err(|error| CliError::BadInput(error.to_string()))?;
    let ledgers = report::ledgers(&cron_period::play(&Arc::new(scenario)));
    let text = match args.output {
        CronFormat::Text => report::text(&ledgers),
        CronFormat::Json => serde_json::to_string_pretty(&ledgers).map_err(anyhow::Error::from)? + "\n",
        CronFormat::Csv => report::csv(&ledgers),
    };
    out.write_all(text.as_bytes()).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}

fn time(flag: &str, text: &str) -> Result<UnixTime, CliError> {
    UnixTime::parse_rfc3339(text).map_err(|error| CliError::BadInput(format!("`{flag}`: {error}")))
}
