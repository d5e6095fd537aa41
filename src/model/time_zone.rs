//! Time zones by their IANA name, from the database that is built in: no file of the machine is read.
//!
//! Two rules accept names: the API server's validation of `spec.timeZone`, and Go's loader of locations, which reads
//! the `TZ=` prefix of a cron schedule.

use chrono_tz::Tz;
use thiserror::Error;

/// The longest part between two slashes of a name that the API server accepts [characters].
const PART_MAX: usize = 14;

/// A name that is not a time zone; the messages are those of the API server and of Go.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ZoneError {
    /// `spec.timeZone` is there but empty.
    #[error("timeZone must be nil or non-empty string")]
    Empty,
    /// `spec.timeZone` names the zone of whatever machine runs the controller.
    #[error("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")]
    Local,
    /// The database has no such name.
    #[error("unknown time zone {0}")]
    Unknown(String),
    /// The name could lead out of the directory of the database.
    #[error("time: invalid location name")]
    Unsafe,
}

/// Loads the zone that `spec.timeZone` names.
///
/// Source: Kubernetes 1.28, pkg/apis/batch/validation/validation.go, validateTimeZone.
///
/// # Errors
/// The first reason for which the API server refuses the name.
pub fn load_zone(name: &str) -> Result<Tz, ZoneError> {
    if name.is_empty() {
        return Err(ZoneError::Empty);
    }
    if !name.split('/').all(is_valid_part) {
        return Err(ZoneError::Unknown(name.to_owned()));
    }
    if name.eq_ignore_ascii_case("Local") {
        return Err(ZoneError::Local);
    }
    find(name)
}

/// Loads a location as Go does: `None` is `Local`, the zone of the process.
///
/// Source: Go, time/zoneinfo.go, LoadLocation.
///
/// # Errors
/// A name that the database does not have, or that could lead out of its directory.
pub fn load_location(name: &str) -> Result<Option<Tz>, ZoneError> {
    match name {
        "" => Ok(Some(Tz::UTC)),
        "Local" => Ok(None),
        _ if name.contains("..") || name.starts_with(['/', '\\']) => Err(ZoneError::Unsafe),
        _ => find(name).map(Some),
    }
}

fn find(name: &str) -> Result<Tz, ZoneError> {
    // The placeholder of an installation that has no zone yet: it shows UTC, and the built-in database leaves it out.
    if name == "Factory" {
        return Ok(Tz::UTC);
    }
    name.parse().map_err(|_| ZoneError::Unknown(name.to_owned()))
}

fn is_valid_part(part: &str) -> bool {
    let is_valid_byte = |b: u8| b.is_ascii_alphanumeric() || b".-_+".contains(&b);
    (1..=PART_MAX).contains(&part.len())
        && part.bytes().all(is_valid_byte)
        && part != "."
        && part != ".."
        && !part.starts_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_server_accepts_names_of_the_database_only() {
        assert_eq!(load_zone("Europe/Rome"), Ok(Tz::Europe__Rome));
        assert_eq!(load_zone("America/Argentina/Buenos_Aires"), Ok(Tz::America__Argentina__Buenos_Aires));
        assert_eq!(load_zone("Etc/GMT+12"), Ok(Tz::Etc__GMTPlus12));
        assert_eq!(load_zone("UTC"), Ok(Tz::UTC));
        assert_eq!(load_zone("Factory"), Ok(Tz::UTC));
        assert_eq!(load_zone(""), Err(ZoneError::Empty));
        for local in ["Local", "LOCAL", "local"] {
            assert_eq!(load_zone(local), Err(ZoneError::Local));
        }
        for unknown in [
            " Europe/Rome",
            "Europe/Rome ",
            "Europe/InvalidRome",
            "europe/rome",
            "Europe//Rome",
            "../Europe/Rome",
            "./Europe",
            "-Europe/Rome",
            "Europe/ThisPartIsTooLong",
            "/Europe/Rome",
        ] {
            assert_eq!(load_zone(unknown), Err(ZoneError::Unknown(unknown.to_owned())));
        }
    }

    #[test]
    fn a_location_may_be_empty_or_local() {
        assert_eq!(load_location(""), Ok(Some(Tz::UTC)));
        assert_eq!(load_location("Local"), Ok(None));
        assert_eq!(load_location("Asia/Tokyo"), Ok(Some(Tz::Asia__Tokyo)));
        assert_eq!(load_location("local"), Err(ZoneError::Unknown("local".to_owned())));
        for name in ["../zone", "/etc/localtime", "\\zone"] {
            assert_eq!(load_location(name), Err(ZoneError::Unsafe));
        }
    }
}
