//! The facts of `CronSchedule` as rows, and two independent oracles: the library's walk in its smallest steps, and the
//! `cron` crate for UTC.

mod oracles;

use super::*;

fn time(text: &str) -> UnixTime {
    UnixTime::parse_rfc3339(text).expect("a timestamp")
}

fn schedule(text: &str) -> CronSchedule {
    CronSchedule::parse(text).expect("a schedule")
}

/// Checks the times after `from`, one after the other.
#[track_caller]
fn check(text: &str, from: &str, times: &[&str]) {
    let schedule = schedule(text);
    let mut last = time(from);
    for expected in times {
        last = schedule.next_after(last).expect("a time");
        assert_eq!(last.to_string(), *expected, "{text}");
    }
}

#[track_caller]
fn refuse(text: &str, message: &str) {
    assert_eq!(CronSchedule::parse(text).expect_err("no schedule").to_string(), message);
}

#[test]
fn the_next_time_is_strictly_later_and_at_a_whole_minute() {
    check("*/5 * * * *", "2024-01-01T00:00:00Z", &["2024-01-01T00:05:00Z", "2024-01-01T00:10:00Z"]);
    check("*/5 * * * *", "2024-01-01T00:04:59Z", &["2024-01-01T00:05:00Z"]);
    check("0 3 * * 1-5", "2024-03-01T02:59:59.9Z", &["2024-03-01T03:00:00Z", "2024-03-04T03:00:00Z"]);
    check("0 0 29 2 *", "2023-03-01T00:00:00Z", &["2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"]);
}

#[test]
fn days_fit_either_restricted_field_but_both_beside_a_star() {
    check(
        "0 0 15 * 1",
        "2024-09-01T00:00:00Z",
        &["2024-09-02T00:00:00Z", "2024-09-09T00:00:00Z", "2024-09-15T00:00:00Z"],
    );
    check("0 0 */2 * 1", "2024-09-01T00:00:00Z", &["2024-09-02T00:00:00Z", "2024-09-03T00:00:00Z"]);
    check("0 0 */1 * 1", "2024-09-01T00:00:00Z", &["2024-09-02T00:00:00Z", "2024-09-09T00:00:00Z"]);
    check("0 0 13 * ?", "2024-09-01T00:00:00Z", &["2024-09-13T00:00:00Z", "2024-10-13T00:00:00Z"]);
}

#[test]
fn descriptors_stand_for_fields() {
    for (descriptor, fields) in [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ] {
        assert_eq!(schedule(descriptor), schedule(fields));
    }
    assert_eq!(schedule("TZ=Asia/Tokyo   @daily "), schedule("TZ=Asia/Tokyo 0 0 * * *"));
    for unknown in ["@reboot", "@Daily", "@daily ", "@every"] {
        refuse(unknown, &format!("unrecognized descriptor: {unknown}"));
    }
}

#[test]
fn every_counts_whole_seconds_from_the_last_time() {
    check("@every 90m", "2024-09-01T12:34:56.7Z", &["2024-09-01T14:04:56Z", "2024-09-01T15:34:56Z"]);
    for (text, delay) in [("@every 1.9s", 1), ("@every -5m", 1), ("@every 0", 1), ("@every 1h30m10s", 5410)] {
        assert_eq!(schedule(text).rule, CronRule::Every(delay), "{text}");
    }
    refuse("@every 1d", "failed to parse duration @every 1d: time: unknown unit \"d\" in duration \"1d\"");
    assert_eq!(
        schedule("@every 2562047h").next_after(time("9999-12-31T23:59:59Z")).map(UnixTime::secs),
        Some(262_625_669_999)
    );
}

#[test]
fn a_time_zone_in_front_is_read_as_go_loads_it() {
    assert_eq!(schedule("TZ= 0 0 * * *").zone, Some(Tz::UTC));
    assert_eq!(schedule("CRON_TZ=Europe/Rome 0 0 * * *").zone, Some(Tz::Europe__Rome));
    assert_eq!(schedule("TZ=Local 0 0 * * *"), schedule("0 0 * * *"));
    refuse("TZ=Nowhere/X 0 0 * * *", "provided bad location Nowhere/X: unknown time zone Nowhere/X");
    refuse("TZ=../x 0 0 * * *", "provided bad location ../x: time: invalid location name");
    refuse("TZ=UTC", "expected a blank and a schedule after the time zone: TZ=UTC");
    refuse("TZ=UTC ", "expected exactly 5 fields, found 0: []");
    refuse("tz=UTC 0 0 * * *", "expected exactly 5 fields, found 6: [tz=UTC 0 0 * * *]");
}

#[test]
fn faulty_schedules_are_refused_in_the_librarys_words() {
    refuse("", "empty spec string");
    refuse("  ", "expected exactly 5 fields, found 0: []");
    refuse(" @hourly", "expected exactly 5 fields, found 1: [@hourly]");
    refuse("* * * * 7", "end of range (7) above maximum (6): 7");
    refuse("61 x * * *", "end of range (61) above maximum (59): 61");
    refuse("0 0 jan * *", "failed to parse int from jan: strconv.Atoi: parsing \"jan\": invalid syntax");
}

#[test]
fn the_zone_of_the_object_counts_unless_the_schedule_names_one() {
    let with = |text| CronSchedule::with_zone(text, Some(Tz::Asia__Tokyo));
    assert_eq!(with("@daily "), CronSchedule::parse("TZ=Asia/Tokyo @daily"));
    assert_eq!(with("TZ=Europe/Rome @daily"), CronSchedule::parse("TZ=Europe/Rome @daily"));
    assert_eq!(with("").expect_err("no fields").to_string(), "expected exactly 5 fields, found 0: []");
    assert_eq!(CronSchedule::with_zone("", None), Err(CronError::Empty));
    assert_eq!(schedule("@daily").or_local(Tz::Asia__Tokyo), schedule("TZ=Asia/Tokyo @daily"));
    assert_eq!(schedule("TZ=UTC @daily").or_local(Tz::Asia__Tokyo), schedule("TZ=UTC @daily"));
}

#[test]
fn a_time_in_a_gap_is_skipped_and_a_repeated_one_comes_twice() {
    let new_york = "TZ=America/New_York";
    check(
        &format!("{new_york} 30 2 * * *"),
        "2024-03-09T00:00:00Z",
        &["2024-03-09T07:30:00Z", "2024-03-11T06:30:00Z"],
    );
    check(
        &format!("{new_york} */30 * * * *"),
        "2024-03-10T06:00:00Z",
        &["2024-03-10T06:30:00Z", "2024-03-10T07:00:00Z"],
    );
    check(
        &format!("{new_york} 30 1 * * *"),
        "2024-11-02T12:00:00Z",
        &["2024-11-03T05:30:00Z", "2024-11-03T06:30:00Z", "2024-11-04T06:30:00Z"],
    );
    check(
        "TZ=Africa/Cairo 0 0 * * *",
        "2024-04-24T12:00:00Z",
        &["2024-04-24T22:00:00Z", "2024-04-26T21:00:00Z"],
    );
}

#[test]
fn after_a_shift_by_half_an_hour_fixed_times_are_lost() {
    check("TZ=Australia/Lord_Howe 0 0 * * *", "2024-04-06T14:00:00Z", &["2024-04-08T13:30:00Z"]);
}

#[test]
fn a_midnight_gap_on_the_first_of_a_month_leaks_into_it() {
    // In Amman 1 April 2016 began at 01:00. The day after it is found without another look at the month.
    check("TZ=Asia/Amman 0 0 2 3 *", "2016-03-03T00:00:00Z", &["2016-04-01T21:00:00Z"]);
}

#[test]
fn a_day_that_a_zone_skipped_is_stepped_over() {
    check("TZ=Pacific/Apia 0 0 31 12 *", "2011-12-01T00:00:00Z", &["2011-12-30T10:00:00Z"]);
}

#[test]
fn what_does_not_come_within_five_years_never_comes() {
    for text in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", ", * * * *", "* * * , *", "* * , * ?"] {
        assert_eq!(schedule(text).next_after(time("2024-01-01T00:00:00Z")), None, "{text}");
    }
    assert_eq!(schedule("0 0 29 2 *").next_after(time("2096-03-01T00:00:00Z")), None);
    assert_eq!(
        schedule("0 0 29 2 *").next_after(time("2099-03-01T00:00:00Z")),
        Some(time("2104-02-29T00:00:00Z"))
    );
}

#[test]
fn the_end_of_the_calendar_is_the_end_of_the_search() {
    let end = UnixTime::from(chrono::DateTime::<chrono::Utc>::MAX_UTC);
    for text in ["* * * * *", "0 0 1 1 *", "TZ=Asia/Tokyo 0 0 * * 0", "@every 1h"] {
        assert_eq!(schedule(text).next_after(end), None, "{text}");
    }
}
