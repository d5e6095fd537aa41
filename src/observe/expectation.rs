//! Judges expectations: CEL expressions over the cluster at an instant.
//!
//! Objects have the shape of the Kubernetes API. Whole numbers are CEL `int`s. `jobs`, `cronjobs` and `nodes` are
//! maps by name (`namespace/name` outside of the namespace `default`); `pods`, `logs` and `records` are lists in
//! order of creation; `traffic` and `tiers` say what came of the load; `t` is the time [s].

mod traffic;

use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr};
use cel::{Context, Value};
use serde_json::{Value as Json, json};

use crate::cluster::Cluster;
use crate::engine::{SimDuration, SimTime};
use crate::manifest::expression;
use crate::model::ids::Kind;
use crate::model::meta::ObjectMeta;
use crate::model::wall_clock::WallClock;
use crate::observe::object::ObjectWriter;
use crate::observe::records::RecordLog;
use crate::traffic::Traffic;

/// So many digits of a number are shown, where they tell the sides of a comparison apart.
const DIGITS: usize = 4;
/// So many digits are all that a number has.
const DIGITS_MAX: usize = 17;

/// What an expectation is judged on.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Its civil time.
    pub clock: WallClock,
    /// The present instant.
    pub now: SimTime,
    /// The records so far.
    pub records: &'a RecordLog,
    /// The log lines so far.
    pub logs: &'a [LogLine],
    /// The load so far.
    pub traffic: &'a Traffic,
}

/// A line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// When it was written.
    pub at: SimTime,
    /// The line.
    pub text: String,
}

/// What came of an expectation.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The position of the expectation in the scenario.
    pub position: usize,
    /// When it was judged.
    pub at: SimTime,
    /// Whether it holds.
    pub holds: bool,
    /// What was found instead, where it does not hold.
    pub found: Option<String>,
    /// What was compared with what, where it is a comparison of numbers or spans.
    pub compared: Option<Compared>,
}

/// The two sides of a comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// The left side; spans in seconds.
    pub left: f64,
    /// The right side.
    pub right: f64,
    /// Whether they are spans.
    pub is_span: bool,
    /// What the left side should be.
    pub wanted: Wanted,
}

/// What the left side of a comparison should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// At most the right side, or less.
    Less,
    /// At least the right side, or more.
    More,
    /// The same as the right side.
    Equal,
}

/// Judges expressions at one instant. What they look at is written once, when the first of them looks.
pub struct Judge<'a> {
    evidence: Evidence<'a>,
    context: Context<'static, 'static>,
    written: Vec<&'static str>,
}

impl<'a> Judge<'a> {
    /// A judge of this evidence.
    pub fn new(evidence: Evidence<'a>) -> Self {
        Self { evidence, context: Context::default(), written: Vec::new() }
    }

    /// Judges one expression.
    ///
    /// # Errors
    /// What was found instead: the two sides of a comparison, or why the expression has no value.
    pub fn judge(&mut self, text: &str) -> Result<(), String> {
        let expression = expression::parse(text)?;
        self.write_for(&expression);
        match self.context.resolve(&expression) {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(Value::Bool(false)) => Err(sides(&expression, &self.context)),
            Ok(other) => Err(format!("the expression is not true or false but {}", show(&other, DIGITS))),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What an expression compares with what, where it is a comparison of numbers or spans.
    pub fn compare(&mut self, text: &str) -> Option<Compared> {
        let expression = expression::parse(text).ok()?;
        self.write_for(&expression);
        compared(&expression, &self.context)
    }

    /// Writes what an expression looks at and nobody has looked at before.
    fn write_for(&mut self, expression: &IdedExpr) {
        let references = expression.references();
        for (name, build) in VARIABLES {
            if references.has_variable(name) && !self.written.contains(&name) {
                self.context.add_variable_from_value(name, build(&self.evidence));
                self.written.push(name);
            }
        }
    }
}

/// What an expression compares with what, where it is a comparison of numbers or spans.
fn compared(expression: &IdedExpr, context: &Context<'_, '_>) -> Option<Compared> {
    let Expr::Call(call) = &expression.expr else { return None };
    let wanted = match call.func_name.as_str() {
        "_<_" | "_<=_" => Wanted::Less,
        "_>_" | "_>=_" => Wanted::More,
        "_==_" => Wanted::Equal,
        _ => return None,
    };
    let side = |at: usize| match context.resolve(call.args.get(at)?).ok()? {
        Value::Int(number) => Some((number as f64, false)),
        Value::UInt(number) => Some((number as f64, false)),
        Value::Float(number) => Some((number, false)),
        Value::Duration(span) => Some((span.num_nanoseconds()? as f64 / 1e9, true)),
        _ => None,
    };
    let ((left, is_span), (right, _)) = (side(0)?, side(1)?);
    Some(Compared { left, right, is_span, wanted })
}

type Build = fn(&Evidence<'_>) -> Value;

const VARIABLES: [(&str, Build); 17] = [
    ("autoscalers", |evidence| by_name(evidence, Kind::HorizontalPodAutoscaler)),
    ("budgets", |evidence| by_name(evidence, Kind::PodDisruptionBudget)),
    ("cronjobs", |evidence| by_name(evidence, Kind::CronJob)),
    ("daemonsets", |evidence| by_name(evidence, Kind::DaemonSet)),
    ("deployments", |evidence| by_name(evidence, Kind::Deployment)),
    ("jobs", |evidence| by_name(evidence, Kind::Job)),
    ("logs", logs),
    ("nodes", |evidence| by_name(evidence, Kind::Node)),
    ("pods", pods),
    ("quotas", |evidence| by_name(evidence, Kind::ResourceQuota)),
    ("records", records),
    ("replicasets", |evidence| by_name(evidence, Kind::ReplicaSet)),
    ("services", |evidence| by_name(evidence, Kind::Service)),
    ("statefulsets", |evidence| by_name(evidence, Kind::StatefulSet)),
    ("tiers", traffic::tiers),
    ("traffic", traffic::sources),
    ("t", |evidence| Value::Float(evidence.now.as_nanos() as f64 / 1e9)),
];

fn by_name(evidence: &Evidence<'_>, kind: Kind) -> Value {
    let writer = ObjectWriter { cluster: evidence.cluster, clock: evidence.clock };
    let entries = evidence.cluster.objects(kind).into_iter().filter_map(|object| {
        let meta = evidence.cluster.meta(object)?;
        Some((map_key(meta), writer.object(object)?))
    });
    to_cel(&Json::Object(entries.collect()))
}

/// The key of an object in a map: its name, with the namespace where that is not `default`.
fn map_key(meta: &ObjectMeta) -> String {
    match &*meta.namespace {
        "" | "default" => meta.name.to_string(),
        namespace => format!("{namespace}/{}", meta.name),
    }
}

fn pods(evidence: &Evidence<'_>) -> Value {
    let writer = ObjectWriter { cluster: evidence.cluster, clock: evidence.clock };
    let mut pods: Vec<_> = evidence.cluster.pods().iter().collect();
    pods.sort_by_key(|(_, pod)| pod.meta.uid.serial);
    let written = pods.into_iter().filter_map(|(id, _)| writer.pod(id));
    to_cel(&written.collect())
}

fn records(evidence: &Evidence<'_>) -> Value {
    let written = evidence.records.entries().iter().map(|entry| {
        json!({
            "kind": entry.kind.as_str(), "namespace": &*entry.namespace, "name": &*entry.name,
            "type": entry.record.severity.to_string(), "reason": entry.record.reason,
            "message": entry.record.message, "source": entry.record.source, "count": entry.count,
            "first": entry.first.as_nanos() as f64 / 1e9, "last": entry.last.as_nanos() as f64 / 1e9,
        })
    });
    to_cel(&written.collect())
}

fn logs(evidence: &Evidence<'_>) -> Value {
    let written = evidence.logs.iter().map(|line| {
        json!({
            "namespace": line.namespace, "pod": line.pod, "container": line.container, "text": line.text,
            "t": line.at.as_nanos() as f64 / 1e9,
        })
    });
    to_cel(&written.collect())
}

/// JSON as a CEL value; whole numbers become `int`, never `uint`, so that they compare with literals.
fn to_cel(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Json::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone().into(), to_cel(value)));
            Value::Map(cel::objects::Map { map: Arc::new(entries.collect()) })
        }
    }
}

/// The values of the two sides of a comparison that does not hold.
fn sides(expression: &IdedExpr, context: &Context<'_, '_>) -> String {
    let Expr::Call(call) = &expression.expr else { return "false".into() };
    let operator = match call.func_name.as_str() {
        "_==_" => "==",
        "_!=_" => "!=",
        "_<_" => "<",
        "_<=_" => "<=",
        "_>_" => ">",
        "_>=_" => ">=",
        _ => return "false".into(),
    };
    let values = [0, 1].map(|at| context.resolve(&call.args[at]));
    let shown = |digits: usize| {
        values.each_ref().map(|value| match value {
            Ok(value) => show(value, digits),
            Err(error) => error.to_string(),
        })
    };
    // Sides that differ look different.
    let told_apart = (DIGITS..DIGITS_MAX).map(shown).find(|[left, right]| left != right);
    let [left, right] = told_apart.unwrap_or_else(|| shown(DIGITS_MAX));
    format!("found {left} {operator} {right}")
}

/// A value in words, with about so many digits that count.
fn show(value: &Value, digits: usize) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Float(number) => rounded(*number, digits).to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Duration(span) => match span.num_nanoseconds().map(u64::try_from) {
            Some(Ok(nanos)) => {
                let secs = SimDuration::from_nanos(nanos).as_secs_f64();
                SimDuration::from_secs_f64(rounded(secs, digits)).to_string()
            }
            _ => span.to_string(),
        },
        Value::List(items) => format!("a list of {}", items.len()),
        Value::Map(map) => format!("a map of {}", map.map.len()),
        _ => "a value of another type".into(),
    }
}

/// A number with so many digits that count; those before the point are all kept.
fn rounded(number: f64, digits: usize) -> f64 {
    let n_whole = format!("{:.0}", libm::trunc(libm::fabs(number))).len();
    let text = format!("{number:.*e}", digits.max(n_whole) - 1);
    text.parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_with_four_digits_or_as_many_as_tell_them_apart() {
        #[track_caller]
        fn check(expression: &str, expected: &str) {
            let expression = expression::parse(expression).unwrap();
            assert_eq!(sides(&expression, &Context::default()), expected);
        }
        check("0.5743440233236151 < 0.01", "found 0.5743 < 0.01");
        check("0.010000004 < 0.01", "found 0.010000004 < 0.01");
        check("123456.789 > 200000.0", "found 123457 > 200000");
        check("-1.23456 > 2", "found -1.235 > 2");
        check("0.1 + 0.2 == 0.3", "found 0.30000000000000004 == 0.3");
        check("2.5 != 2.5", "found 2.5 != 2.5");
        check("duration('1.234567891s') < duration('1s')", "found 1.235s < 1s");
        check("duration('12.0034567s') <= duration('12s')", "found 12.003s <= 12s");
        check("duration('223.1234s') <= duration('2m')", "found 3m43.1s <= 2m");
    }
}
