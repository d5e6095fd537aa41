//! Generated schedules, compared with other ways to find their times.

use std::str::FromStr;

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Timelike, Utc};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use super::*;

/// Zones with every kind of change: whole hours, half an hour, at midnight, a skipped day, seconds, none.
const ZONES: [Tz; 16] = [
    Tz::UTC,
    Tz::America__New_York,
    Tz::America__Santiago,
    Tz::America__St_Johns,
    Tz::America__Havana,
    Tz::America__Boa_Vista,
    Tz::Africa__Cairo,
    Tz::Africa__Casablanca,
    Tz::Africa__Monrovia,
    Tz::Asia__Amman,
    Tz::Asia__Beirut,
    Tz::Asia__Kolkata,
    Tz::Atlantic__Azores,
    Tz::Australia__Lord_Howe,
    Tz::Europe__London,
    Tz::Pacific__Apia,
];

fn run<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    TestRunner::new(config).run(&strategy, test).expect("the property holds");
}

/// A list of values with at most three items, or a star, or a star with a step.
fn field(range: FieldRange) -> impl Strategy<Value = String> {
    let values = range.min..=range.max;
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (2u64..7).prop_map(|step| format!("*/{step}")),
        4 => prop::collection::vec(values, 1..4)
            .prop_map(|list| list.iter().map(u64::to_string).collect::<Vec<_>>().join(",")),
    ]
}

fn fields() -> impl Strategy<Value = CronFields> {
    let texts = (
        field(field::MINUTE),
        field(field::HOUR),
        field(field::DAY_OF_MONTH),
        field(field::MONTH),
        field(field::DAY_OF_WEEK),
    );
    texts.prop_map(|(minute, hour, day, month, week)| {
        let text = format!("{minute} {hour} {day} {month} {week}");
        match schedule(&text).rule {
            CronRule::Fields(fields) => fields,
            CronRule::Every(_) => unreachable!("the text has five fields"),
        }
    })
}

/// Instants of 1965-2045, half of them within two days of a change of the zone's offset.
fn instant(zone: Tz) -> impl Strategy<Value = i64> {
    let anywhere = -157_766_400i64..2_366_841_600;
    let near = (anywhere.clone(), -172_800i64..172_800)
        .prop_map(move |(start, distance)| next_change(zone, start) + distance);
    prop_oneof![anywhere, near]
}

fn offset(zone: Tz, instant: i64) -> i64 {
    let utc = DateTime::from_timestamp_secs(instant).expect("in range").naive_utc();
    i64::from(chrono::Offset::fix(&zone.offset_from_utc_datetime(&utc)).local_minus_utc())
}

/// The first change of the offset after `start`, or `start` where there is none for a year.
fn next_change(zone: Tz, start: i64) -> i64 {
    const DAY: i64 = 86_400;
    let before = offset(zone, start);
    let Some(mut late) = (1..=366).map(|days| start + days * DAY).find(|&t| offset(zone, t) != before) else {
        return start;
    };
    let mut early = late - DAY;
    while late - early > 1 {
        let middle = early + (late - early) / 2;
        if offset(zone, middle) == before { early = middle } else { late = middle }
    }
    late
}

#[test]
fn long_strides_end_where_single_steps_do() {
    let cases = prop::sample::select(&ZONES[..]).prop_flat_map(|zone| (Just(zone), instant(zone), fields()));
    run(3000, cases, |(zone, from, fields)| {
        let from = UnixTime::from_secs(from).expect("in range");
        prop_assert_eq!(
            walk::next(&fields, zone, from),
            single_steps(&fields, zone, from),
            "{} in {}",
            from,
            zone
        );
        Ok(())
    });
}

/// The library's walk, one unit at a time.
fn single_steps(fields: &CronFields, zone: Tz, after: UnixTime) -> Option<UnixTime> {
    let mut time = local(zone, after.secs() + 1);
    let last_year = time.year() + 5;
    let mut started = false;
    let mut start = |time: DateTime<Tz>, rounded: DateTime<Tz>| {
        if started {
            time
        } else {
            started = true;
            rounded
        }
    };
    'again: while time.year() <= last_year {
        while !fields.month.contains(time.month()) {
            time = start(time, civil(zone, time.year(), time.month(), 1, 0));
            let wall = time.naive_local() - midnight(time.year(), time.month(), 1);
            let (year, month) =
                if time.month() == 12 { (time.year() + 1, 1) } else { (time.year(), time.month() + 1) };
            time = resolve(zone, midnight(year, month, 1) + wall);
            if time.month() == 1 {
                continue 'again;
            }
        }
        while !fields.allow_day(time.date_naive()) {
            time = start(time, civil(zone, time.year(), time.month(), time.day(), 0));
            let mut next = resolve(zone, time.naive_local() + Duration::days(1));
            match next.hour() {
                0 => {}
                hour @ 1..=12 => next -= Duration::hours(i64::from(hour)),
                hour => next += Duration::hours(24 - i64::from(hour)),
            }
            // Only a skipped day holds the walk up.
            time = if next == time { resolve(zone, time.naive_local() + Duration::days(2)) } else { next };
            if time.day() == 1 {
                continue 'again;
            }
        }
        while !fields.hour.contains(time.hour()) {
            time = start(time, civil(zone, time.year(), time.month(), time.day(), time.hour()))
                + Duration::hours(1);
            if time.hour() == 0 {
                continue 'again;
            }
        }
        while !fields.minute.contains(time.minute()) {
            let whole = local(zone, time.timestamp() - time.timestamp().rem_euclid(60));
            time = start(time, whole) + Duration::minutes(1);
            if time.minute() == 0 {
                continue 'again;
            }
        }
        while time.second() != 0 {
            time = start(time, time) + Duration::seconds(1);
            if time.second() == 0 {
                continue 'again;
            }
        }
        return UnixTime::from_secs(time.timestamp());
    }
    None
}

fn local(zone: Tz, instant: i64) -> DateTime<Tz> {
    zone.timestamp_opt(instant, 0).single().expect("every instant has one local time")
}

fn midnight(year: i32, month: u32, day: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date").and_time(chrono::NaiveTime::MIN)
}

fn civil(zone: Tz, year: i32, month: u32, day: u32, hour: u32) -> DateTime<Tz> {
    resolve(zone, midnight(year, month, day) + Duration::hours(i64::from(hour)))
}

/// What Go makes of a local time. Of two instants it takes the one with the offset that is in force when UTC's clock
/// shows that time; in a gap it takes the other of the two offsets around it.
fn resolve(zone: Tz, wall: NaiveDateTime) -> DateTime<Tz> {
    let as_utc = wall.and_utc().timestamp();
    let guess = as_utc - offset(zone, as_utc);
    match zone.from_local_datetime(&wall) {
        LocalResult::Single(time) => time,
        LocalResult::Ambiguous(first, second) => {
            if first.timestamp() == guess {
                first
            } else {
                second
            }
        }
        LocalResult::None => local(zone, as_utc - offset(zone, guess)),
    }
}

#[test]
fn the_cron_crate_finds_the_same_times_in_utc() {
    // The crate knows no year before 1970.
    run(1000, (fields(), 0i64..2_366_841_600), |(fields, from)| {
        let from = UnixTime::from_secs(from).expect("in range");
        let last_year = from.to_utc().year() + 5;
        let times = cron_crate_schedules(&fields).into_iter().filter_map(|s| s.after(&from.to_utc()).next());
        let expected =
            times.min().filter(|time: &DateTime<Utc>| time.year() <= last_year).map(UnixTime::from);
        prop_assert_eq!(walk::next(&fields, Tz::UTC, from), expected);
        Ok(())
    });
}

/// The schedules of the `cron` crate whose earliest time is that of `fields`: it counts seconds, begins its week with
/// 1 and wants both day fields to fit.
fn cron_crate_schedules(fields: &CronFields) -> Vec<cron::Schedule> {
    let list = |set: FieldSet, shift: u32| {
        set.values().map(|value| (value + shift).to_string()).collect::<Vec<_>>().join(",")
    };
    let (month_days, week_days) = (list(fields.day_of_month, 0), list(fields.day_of_week, 1));
    let days = if fields.day_of_month.is_star || fields.day_of_week.is_star {
        vec![(month_days.as_str(), week_days.as_str())]
    } else {
        vec![(month_days.as_str(), "*"), ("*", week_days.as_str())]
    };
    days.into_iter()
        .map(|(month_days, week_days)| {
            let (minute, hour, month) = (list(fields.minute, 0), list(fields.hour, 0), list(fields.month, 0));
            let text = format!("0 {minute} {hour} {month_days} {month} {week_days}");
            cron::Schedule::from_str(&text).expect("explicit lists")
        })
        .collect()
}

/// Looks at the zones every other day, so that an offset of less than two days would go unseen.
#[test]
fn every_offset_lasts_longer_than_the_longest_stride() {
    const STEP: i64 = 2 * 86_400;
    for zone in chrono_tz::TZ_VARIANTS {
        let (mut before, mut last_change) = (offset(zone, 0), i64::MIN / 2);
        for start in (0..4_102_444_800 - STEP).step_by(STEP as usize) {
            let after = offset(zone, start + STEP);
            if after != before {
                let change = next_change(zone, start);
                assert!(change - last_change > 6 * 86_400, "{zone} at {change}");
                (before, last_change) = (after, change);
            }
        }
    }
}
