//! The times of cron schedules: `cron_next.jsonl`, straight from robfig/cron v3.0.1, and `tables/cron_next.yaml`, the
//! cases of its own tests and more that were computed with it.

use chrono_tz::Tz;
use cluster_sim::model::cron_schedule::{
    CronError, CronFields, CronRule, CronSchedule, FieldRange, FieldSet, field,
};
use cluster_sim::model::time_zone::load_zone;
use cluster_sim::model::unix_time::UnixTime;
use serde_json::Value;

use super::{Suite, files, jsonl, same, yaml};

type Outcome = Result<(), String>;

#[test]
fn cron_schedules_agree_with_the_library() {
    let mut suite = Suite::new("cron_next");
    for line in files("cron_next.jsonl").iter().flat_map(|path| jsonl(path)) {
        let id = format!("{} tz={} from={}", line["spec"], line["tz"], line["from"]);
        suite.case(&id, line_outcome(&line));
    }
    for table in files("tables/cron_next.yaml").iter().map(|path| yaml(path)) {
        for case in ["cases", "computed"].iter().filter_map(|part| table[part].as_array()).flatten() {
            suite.case(text(&case["id"]), case_outcome(case));
        }
    }
    suite.finish();
}

fn line_outcome(line: &Value) -> Outcome {
    let spec = text(&line["spec"]);
    let schedule = match line["tz"].as_str() {
        Some(zone) => CronSchedule::parse(&format!("TZ={zone} {spec}")),
        None => CronSchedule::parse(spec),
    };
    same(&CronSchedule::with_zone(spec, zone(&line["tz"])), &schedule)?;
    match line["error"].as_str() {
        Some(error) => refused(schedule, error),
        None => sequence(&schedule.map_err(|error| error.to_string())?, text(&line["from"]), &line["next"]),
    }
}

fn case_outcome(case: &Value) -> Outcome {
    let kind = text(&case["kind"]);
    if kind.contains("not used by Kubernetes") || is_foreign(&case["parser"]) {
        return foreign_outcome(case);
    }
    match kind {
        "next" | "activation" | "next_sequence" => time_outcome(case),
        "validity" => validity_outcome(case),
        "invalid" => invalid_outcome(case),
        "parse" => parse_outcome(case),
        "parse_range" | "parse_field" | "field_bounds" | "stepped_values" => field_outcome(case, kind),
        _ => Err(format!("a case of an unknown kind: {kind}")),
    }
}

fn is_foreign(parser: &Value) -> bool {
    parser.as_str().is_some_and(|parser| parser.contains("not used by Kubernetes"))
}

/// The library can be set up in other ways. Kubernetes does not, and takes five fields or a descriptor.
fn foreign_outcome(case: &Value) -> Outcome {
    let words: Vec<&str> = match case["input"].as_array() {
        Some(words) => words.iter().map(text).collect(),
        None => text(&case["expr"]).split(' ').collect(),
    };
    let is_ours = words.len() == 5 || words[0].starts_with('@');
    same(&CronSchedule::parse(&words.join(" ")).is_ok(), &is_ours)
}

/// The schedule of a case without its field of seconds, or `None` if that is not zero.
fn five_fields(case: &Value) -> Option<String> {
    if let Some(standard) = case["standard_expr"].as_str() {
        return Some(standard.to_owned());
    }
    let expr = text(&case["expr"]);
    let (zone, fields) = match expr.split_once(' ') {
        Some((zone, fields)) if zone.contains("TZ=") => (Some(zone), fields.trim_start()),
        _ => (None, expr),
    };
    if case["parser"] != "seconds6" || fields.split(' ').count() != 6 {
        return Some(expr.to_owned());
    }
    let is_any_second_refused = case["kind"] == "invalid";
    let (_, fields) = fields.split_once(' ').filter(|(second, _)| *second == "0" || is_any_second_refused)?;
    Some(zone.map_or_else(|| fields.to_owned(), |zone| format!("{zone} {fields}")))
}

/// What needs a field of seconds is refused by Kubernetes' parser.
fn seconds_outcome(case: &Value) -> Outcome {
    match CronSchedule::parse(text(&case["expr"])) {
        Err(CronError::FieldCount(fields)) => same(&fields.len(), &6),
        other => Err(format!("found {other:?}, expected six fields to be refused")),
    }
}

fn time_outcome(case: &Value) -> Outcome {
    let Some(expr) = five_fields(case) else { return seconds_outcome(case) };
    let schedule = CronSchedule::with_zone(&expr, zone(&case["tz"]));
    if case["expect"] == "invalid" {
        return refused(schedule, text(&case["error"]));
    }
    let schedule = schedule.map_err(|error| error.to_string())?;
    let from = text(&case["from"]);
    match text(&case["kind"]) {
        "activation" => {
            let is_at = schedule.next_after(time(from)) == Some(time(text(&case["at"])));
            same(&is_at, &(case["expect"] == "next == at"))
        }
        "next" if text(&case["tz"]).starts_with("fixed offset") => {
            // A clock with a constant offset runs like that of UTC.
            let shown = |text: &str| time(&text[..text.len() - "+00:00".len()]);
            same(&schedule.next_after(shown(from)), &Some(shown(text(&case["expect"]))))
        }
        "next" => sequence(&schedule, from, &Value::Array(vec![case["expect"].clone()])),
        _ => {
            sequence(&schedule, from, &case["expect"])?;
            local_sequence(&schedule, from, &case["expect_local"])
        }
    }
}

/// Checks the times after `from`, one after the other; after `none` there are no more.
fn sequence(schedule: &CronSchedule, from: &str, expected: &Value) -> Outcome {
    let mut last = Some(time(from));
    for (i, expected) in expected.as_array().ok_or("no list of times")?.iter().enumerate() {
        last = last.and_then(|last| schedule.next_after(last));
        let expected = Some(text(expected)).filter(|&text| text != "none" && text != "never").map(time);
        if last != expected {
            let show = |time: Option<UnixTime>| time.map_or("none".to_owned(), |time| time.to_string());
            return Err(format!("time {}: found {}, expected {}", i + 1, show(last), show(expected)));
        }
    }
    Ok(())
}

/// Checks what the clocks of the schedule's zone show at those times.
fn local_sequence(schedule: &CronSchedule, from: &str, expected: &Value) -> Outcome {
    let mut last = time(from);
    for expected in expected.as_array().into_iter().flatten() {
        last = schedule.next_after(last).ok_or("no more times")?;
        let shown = last.rfc3339_in(schedule.zone.unwrap_or(Tz::UTC)).replace('Z', "+00:00");
        same(&shown.as_str(), &text(expected).replace('Z', "+00:00").as_str())?;
    }
    Ok(())
}

fn validity_outcome(case: &Value) -> Outcome {
    let schedule = CronSchedule::parse(text(&case["expr"]));
    if case["expect"] == "invalid" {
        return refused(schedule, text(&case["error"]));
    }
    let schedule = schedule.map_err(|error| error.to_string())?;
    let next = Value::Array(vec![case["next_after_2024_01_01"].clone()]);
    sequence(&schedule, "2024-01-01T00:00:00Z", &next)
}

/// Where the library panics, any error will do.
fn refused(schedule: Result<CronSchedule, CronError>, message: &str) -> Outcome {
    match schedule {
        Ok(schedule) => Err(format!("found {schedule:?}, expected the error {message:?}")),
        Err(_) if message.starts_with("PANIC") => Ok(()),
        Err(error) => same(&error.to_string().as_str(), &message),
    }
}

fn invalid_outcome(case: &Value) -> Outcome {
    let Some(expr) = five_fields(case) else { return seconds_outcome(case) };
    let part = case["error_contains"].as_str().unwrap_or_default();
    refused_with(
        CronSchedule::parse(&expr),
        &part.replace("expected 5 to 6 fields", "expected exactly 5 fields"),
    )
}

fn refused_with<T: std::fmt::Debug>(found: Result<T, CronError>, part: &str) -> Outcome {
    match found {
        Err(error) if error.to_string().contains(part) => Ok(()),
        other => Err(format!("found {other:?}, expected an error with {part:?}")),
    }
}

fn parse_outcome(case: &Value) -> Outcome {
    let Some(expr) = five_fields(case) else { return seconds_outcome(case) };
    let schedule = CronSchedule::parse(&expr).map_err(|error| error.to_string())?;
    let meaning = text(&case["expect"]["meaning"]);
    let expected = meant(meaning).ok_or_else(|| format!("a meaning without a rule: {meaning}"))?;
    same(&schedule.rule, &expected)?;
    same(&schedule.zone, &zone(&case["tz"]))
}

/// The rule that a meaning in words stands for.
fn meant(meaning: &str) -> Option<CronRule> {
    let fields = |minute, hour, day_of_month, month| {
        CronRule::Fields(CronFields {
            minute: FieldSet::only(minute),
            hour,
            day_of_month,
            month,
            day_of_week: FieldSet::star(&field::DAY_OF_WEEK),
        })
    };
    let (every_day, every_month) = (FieldSet::star(&field::DAY_OF_MONTH), FieldSet::star(&field::MONTH));
    match meaning {
        "constant delay 300s" => Some(CronRule::Every(300)),
        "minute 5 of every hour" => Some(fields(5, FieldSet::star(&field::HOUR), every_day, every_month)),
        "every day 00:00:00" => Some(fields(0, FieldSet::only(0), every_day, every_month)),
        "Jan 1 00:00:00 every year" => {
            Some(fields(0, FieldSet::only(0), FieldSet::only(1), FieldSet::only(1)))
        }
        _ => None,
    }
}

fn field_outcome(case: &Value, kind: &str) -> Outcome {
    let bound = |name: &str| case[name].as_u64().ok_or(format!("no {name}"));
    let range = FieldRange { min: bound("min")?, max: bound("max")?, names: &[] };
    let expr = match kind {
        "field_bounds" => "*".to_owned(),
        "stepped_values" => format!("{}-{}/{}", range.min, range.max, bound("step")?),
        _ => text(&case["expr"]).to_owned(),
    };
    let set = FieldSet::parse(&expr, &range);
    if case["expect"] == "invalid" {
        return refused_with(set, text(&case["error_contains"]));
    }
    let set = set.map_err(|error| error.to_string())?;
    same(&set.is_star, &(case["expect"]["star"] == true))?;
    let values: Vec<u64> = set.values().map(u64::from).collect();
    if kind == "field_bounds" {
        let ours = [field::MINUTE, field::HOUR, field::DAY_OF_MONTH, field::MONTH, field::DAY_OF_WEEK];
        same(&ours.iter().any(|ours| (ours.min, ours.max) == (range.min, range.max)), &true)?;
        same(&format!("{}..{}", range.min, range.max).as_str(), &text(&case["expect"]["all_values"]))?;
        return same(&values, &(range.min..=range.max).collect());
    }
    let expected = case["expect"]["values"].as_array().ok_or("no values")?;
    same(&values, &expected.iter().filter_map(Value::as_u64).collect())
}

/// The zone at the beginning of a text such as `UTC (upstream: local)`.
fn zone(value: &Value) -> Option<Tz> {
    load_zone(value.as_str()?.split(' ').next()?).ok()
}

/// A time; without a zone it is in UTC.
fn time(text: &str) -> UnixTime {
    UnixTime::parse_rfc3339(text)
        .or_else(|_| UnixTime::parse_rfc3339(&format!("{text}Z")))
        .unwrap_or_else(|error| panic!("{error}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text: {value}"))
}
