//! The grid of `sim sweep`, read from the Scenario.

use serde_json::Value;

use crate::engine::{SimDuration, SimTime};
use crate::manifest::load::collect::Collected;
use crate::manifest::load::{Head, Loader};
use crate::manifest::near_name::hint;
use crate::manifest::scenario;
use crate::model::ids::Kind;
use crate::model::sweep::{Axis, AxisValue, Sweep, Vary};

/// The longest axis [values].
const VALUES_MAX: usize = 100_000;

/// What the values of an axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Count,
    Instant,
}

impl Loader<'_> {
    /// The grid; without axes where the scenario has none.
    pub(super) fn sweep(&mut self, head: &Head, collected: &Collected) -> Sweep {
        let Some(written) = &head.spec.sweep else { return Sweep::default() };
        let mut axes: Vec<Axis> = Vec::new();
        for (idx, axis) in written.axes.iter().enumerate() {
            let path = format!("spec.sweep.axes[{idx}]");
            let outcome = vary(axis).and_then(|vary| {
                known(&vary, head, collected)?;
                if axes.iter().any(|other| other.vary.label() == vary.label()) {
                    return Err(format!("there is another axis {}", vary.label()));
                }
                Ok(Axis { values: values(axis, form(&vary))?, vary })
            });
            match outcome {
                Ok(axis) => axes.push(axis),
                Err(message) => {
                    self.diagnostics.extend(head.object.as_ref().map(|object| object.error(&path, message)));
                }
            }
        }
        Sweep { axes, n_trials: written.trials.map_or(1, |trials| trials.get() as usize) }
    }
}

/// The one thing that an axis varies.
fn vary(axis: &scenario::Axis) -> Result<Vary, String> {
    let span = axis.r#for.map(|span| span.0);
    let given = [
        axis.param.as_deref().map(|name| Vary::Param(name.into())),
        axis.pool.as_deref().map(|pool| Vary::PoolCount(pool.into())),
        axis.deployment.as_deref().map(|name| Vary::Replicas(Kind::Deployment, name.into())),
        axis.statefulset.as_deref().map(|name| Vary::Replicas(Kind::StatefulSet, name.into())),
        axis.replicaset.as_deref().map(|name| Vary::Replicas(Kind::ReplicaSet, name.into())),
        axis.fail_node.as_deref().map(|node| Vary::NodeFailure(node.into(), span)),
        axis.fail_zone.as_deref().map(|zone| Vary::ZoneFailure(zone.into(), span)),
    ];
    let mut given = given.into_iter().flatten();
    let (Some(vary), None) = (given.next(), given.next()) else {
        return Err("exactly one of param, pool, deployment, statefulset, replicaset, failNode and failZone is wanted"
            .to_owned());
    };
    if span.is_some() && form(&vary) != Form::Instant {
        return Err("`for` goes with `failNode` and `failZone` only".to_owned());
    }
    Ok(vary)
}

const fn form(vary: &Vary) -> Form {
    match vary {
        Vary::Param(_) => Form::Text,
        Vary::PoolCount(_) | Vary::Replicas(..) => Form::Count,
        Vary::NodeFailure(..) | Vary::ZoneFailure(..) => Form::Instant,
    }
}

/// Refuses to vary something that is not there.
pub(super) fn known(vary: &Vary, head: &Head, collected: &Collected) -> Result<(), String> {
    let pools = head.spec.node_pools.iter();
    let (name, known): (_, Vec<&str>) = match vary {
        Vary::Param(name) => (name, head.params.keys().map(String::as_str).collect()),
        Vary::PoolCount(name) => (name, pools.map(|pool| pool.name.as_str()).collect()),
        Vary::Replicas(kind, name) => (name, collected.names(*kind, "default").collect()),
        Vary::NodeFailure(node, _) => (node, collected.names(Kind::Node, "").collect()),
        Vary::ZoneFailure(zone, _) => (zone, pools.filter_map(|pool| pool.zone.as_deref()).collect()),
    };
    if known.contains(&&**name) {
        return Ok(());
    }
    Err(format!("there is no {}{}", vary.label(), hint(name, known)))
}

fn values(axis: &scenario::Axis, form: Form) -> Result<Vec<AxisValue>, String> {
    let values = match (&axis.from, &axis.to, &axis.step) {
        (None, None, None) => {
            axis.values.iter().map(|value| single(value, form)).collect::<Result<Vec<_>, _>>()?
        }
        (Some(from), Some(to), Some(step)) if axis.values.is_empty() => range(from, to, step, form)?,
        _ => return Err("either `values`, or `from`, `to` and `step`, are wanted".to_owned()),
    };
    if values.is_empty() { Err("an axis needs a value".to_owned()) } else { Ok(values) }
}

fn single(value: &Value, form: Form) -> Result<AxisValue, String> {
    Ok(match form {
        Form::Text => AxisValue::Text(match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(format!("a value of a parameter is text, a number or a boolean, found {value}"));
            }
        }),
        Form::Count => AxisValue::Count(count(value)?),
        Form::Instant => AxisValue::At(SimTime::ZERO + span(value)?),
    })
}

fn range(from: &Value, to: &Value, step: &Value, form: Form) -> Result<Vec<AxisValue>, String> {
    let number: fn(&Value) -> Result<u64, String> = match form {
        Form::Text | Form::Count => |value| count(value).map(u64::from),
        Form::Instant => |value| span(value).map(SimDuration::as_nanos),
    };
    let (from, to, step) = (number(from)?, number(to)?, number(step)?);
    if step == 0 || from > to {
        return Err("`from` must not be above `to`, nor `step` zero".to_owned());
    }
    if (to - from) / step >= VALUES_MAX as u64 {
        return Err(format!("an axis has at most {VALUES_MAX} values"));
    }
    let numbers = (0..=(to - from) / step).map(|idx| from + idx * step);
    let value = |number: u64| match form {
        Form::Text => AxisValue::Text(number.to_string()),
        Form::Count => AxisValue::Count(u32::try_from(number).expect("`to` was a count")),
        Form::Instant => AxisValue::At(SimTime::ZERO + SimDuration::from_nanos(number)),
    };
    Ok(numbers.map(value).collect())
}

fn count(value: &Value) -> Result<u32, String> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| format!("expected a whole number of at least 0, found {value}"))
}

fn span(value: &Value) -> Result<SimDuration, String> {
    let text = value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
    text.parse().map_err(|error: <SimDuration as std::str::FromStr>::Err| error.to_string())
}
