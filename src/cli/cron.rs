//! `sim cron`: the ledger of every scheduled run of a period.

use std::io::Write;
use std::sync::Arc;

use chrono::{NaiveDate, TimeZone};
use chrono_tz::Tz;

use crate::cli::args::{CronArgs, CronFormat};
use crate::cli::{CliError, Outcome, input};
use crate::experiment::cron_period::{self, Period};
use crate::model::time_zone::load_zone;
use crate::model::unix_time::UnixTime;
use crate::report::cron_period as report;

/// `sim cron`
pub(super) fn cron(args: &CronArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let scenario = input::load(&args.input)?.scenario;
    let zone = match &args.zone {
        Some(zone) => load_zone(zone).map_err(|error| CliError::BadInput(format!("`--zone`: {error}")))?,
        None => Tz::UTC,
    };
    let period = Period {
        from: args.from.as_deref().map(|text| time("--from", text, zone)).transpose()?,
        to: args.to.as_deref().map(|text| time("--to", text, zone)).transpose()?,
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

/// A civil time, or the beginning of a date in a zone.
fn time(flag: &str, text: &str, zone: Tz) -> Result<UnixTime, CliError> {
    if let Ok(date) = text.parse::<NaiveDate>()
        && let Some(begin) = begin_of(date, zone)
    {
        return Ok(begin);
    }
    UnixTime::parse_rfc3339(text).map_err(|_| {
        CliError::BadInput(format!(
            "`{flag}` needs a date or a timestamp, as 2027-03-27 or 2027-03-27T00:00:00Z, found {text:?}"
        ))
    })
}

/// The first instant of a date: midnight, or when the clocks get into the date past midnight.
fn begin_of(date: NaiveDate, zone: Tz) -> Option<UnixTime> {
    let midnight = date.and_hms_opt(0, 0, 0)?;
    let mut quarters = (0..96).map(|quarter| midnight + chrono::Duration::minutes(15 * quarter));
    let first = quarters.find_map(|time| zone.from_local_datetime(&time).earliest())?;
    Some(first.to_utc().into())
}
