//! The load as written, turned into the model.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{SimDuration, SimTime};
use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::scenario::scalar::RequestRate;
use crate::manifest::scenario::traffic::{
    ArrivalGaps, CallOrderChoice, Diurnal, LatencySettings, NetworkSettings, OnOff, ProxyModeChoice,
    RateChoice, RatePhase, ServeCall, ServePort, TrafficSource,
};
use crate::manifest::scenario::{Span, read};
use crate::model::traffic::{
    Address, Arrivals, Call, CallOrder, Gaps, Host, HostName, NetworkLatency, NetworkSpec, Patience, Piece,
    PortName, ProxyMode, Rate, Serve, Source,
};

/// How many straight pieces make up a day's curve.
const DIURNAL_PIECES: u32 = 96;

/// The source that was written. `recorded` are its recorded arrivals, where it has such.
pub fn source(
    written: &TrafficSource,
    recorded: Option<Arrivals>,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) -> Option<Source> {
    let to = address(&written.to, &path.child("to"), errors)?;
    if to.host == Host::Localhost {
        let why = "must be service/NAME:PORT or pod/NAME:PORT: sources are outside of the cluster";
        errors.invalid(&path.child("to"), written.to.as_str(), why);
    }
    let from = written.from.map_or(SimTime::ZERO, read::instant);
    let until = written.until.map(read::instant);
    if until.is_some_and(|until| until <= from) {
        errors.invalid_object(&path.child("until"), "must be after `from`");
    }
    if written.connections == Some(0) {
        errors.invalid(&path.child("connections"), "0", "must be at least 1");
    }
    Some(Source {
        name: written.name.as_str().into(),
        to,
        arrivals: arrivals(written, recorded, path, errors)?,
        from,
        until,
        patience: patience(written.timeout, written.retries, &path.child("timeout"), errors),
        connections: written.connections,
    })
}

/// Whether names are missing, or used twice.
pub fn check_names(sources: &[TrafficSource], path: &Path<'_>, errors: &mut FieldErrors) {
    let mut names = BTreeSet::new();
    for (at, source) in sources.iter().enumerate() {
        if source.name.is_empty() {
            errors.required(&path.index(at).child("name"), "results show it by its name");
        }
        if !names.insert(&source.name) {
            errors.duplicate(&path.index(at).child("name"), source.name.as_str());
        }
    }
}

fn patience(timeout: Option<Span>, retries: u16, path: &Path<'_>, errors: &mut FieldErrors) -> Patience {
    let timeout = timeout.map_or(Patience::TIMEOUT_DEFAULT, |span| span.0);
    if timeout.is_zero() {
        errors.invalid(path, "0", "must be longer than no time");
    }
    Patience { timeout, retries }
}

fn arrivals(
    written: &TrafficSource,
    recorded: Option<Arrivals>,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) -> Option<Arrivals> {
    let gaps = match written.arrivals {
        ArrivalGaps::Poisson => Gaps::Poisson,
        ArrivalGaps::Constant => Gaps::Constant,
    };
    let is_one = |rate: bool, diurnal: bool, recorded: bool| {
        u8::from(rate) + u8::from(diurnal) + u8::from(recorded) == 1
    };
    if !is_one(written.rate.is_some(), written.diurnal.is_some(), written.recorded.is_some()) {
        errors.required(path, "exactly one of `rate`, `diurnal` and `recorded`");
        return None;
    }
    if let (Some(on_off), rate) = (&written.on_off, &written.rate) {
        let Some(RateChoice::Constant(rate)) = rate else {
            errors.forbidden(&path.child("onOff"), "may be given with a constant `rate` only");
            return None;
        };
        let rate = self::on_off(*rate, on_off, &path.child("onOff"), errors)?;
        return Some(Arrivals::Rated { gaps, rate });
    }
    let rate = match (&written.rate, &written.diurnal) {
        (Some(RateChoice::Constant(rate)), _) => {
            let piece = Piece { span: None, start: rate.0, end: rate.0 };
            Rate::Pieces { pieces: [piece].into(), repeats: false }
        }
        (Some(RateChoice::Phases(phases)), _) => {
            Rate::Pieces { pieces: pieces(phases, &path.child("rate"), errors)?, repeats: false }
        }
        (None, Some(diurnal)) => self::diurnal(diurnal, &path.child("diurnal"), errors)?,
        (None, None) => {
            return recorded.map(|arrivals| match arrivals {
                Arrivals::Rated { rate, .. } => Arrivals::Rated { gaps, rate },
                Arrivals::Recorded(instants) => Arrivals::Recorded(instants),
            });
        }
    };
    Some(Arrivals::Rated { gaps, rate })
}

fn on_off(rate: RequestRate, written: &OnOff, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Rate> {
    let on = read::distribution(&written.on, &path.child("on"), errors)?;
    let off = read::distribution(&written.off, &path.child("off"), errors)?;
    if [&on, &off].into_iter().any(|law| law.mean() == Some(SimDuration::ZERO)) {
        errors.invalid_object(path, "`on` and `off` must be longer than no time");
    }
    Some(Rate::OnOff { rate: rate.0, on, off })
}

fn pieces(phases: &[RatePhase], path: &Path<'_>, errors: &mut FieldErrors) -> Option<Arc<[Piece]>> {
    let mut pieces = Vec::new();
    for (at, phase) in phases.iter().enumerate() {
        let path = path.index(at);
        let is_last = at + 1 == phases.len();
        let (start, end) = match (phase.rate, phase.start, phase.end) {
            (Some(rate), None, None) => (rate.0, rate.0),
            (None, Some(start), Some(end)) => (start.0, end.0),
            _ => {
                errors.required(&path, "either `rate`, or `start` and `end`");
                return None;
            }
        };
        if phase.r#for.is_none() && (!is_last || start != end) {
            errors.required(&path.child("for"), "only a last phase with one rate may go on for ever");
        }
        pieces.push(Piece { span: phase.r#for.map(|span| span.0), start, end });
    }
    if pieces.is_empty() {
        errors.required(path, "at least one phase");
    }
    Some(pieces.into())
}

/// The cosine of a day, by straight pieces through 96 of its points.
fn diurnal(written: &Diurnal, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Rate> {
    let period = written.period.map_or(SimDuration::from_secs(24 * 3600), |span| span.0);
    let peak = written.peak_at.map_or(SimDuration::from_nanos(period.as_nanos() / 2), |span| span.0);
    if period < SimDuration::from_secs(1) {
        errors.invalid_object(&path.child("period"), "must be at least a second");
        return None;
    }
    let middle = f64::midpoint(written.low.0, written.high.0);
    let swing = (written.high.0 - written.low.0) / 2.0;
    if swing < 0.0 {
        errors.invalid_object(&path.child("high"), "must not be lower than `low`");
    }
    let rate_at = |point: u32| {
        let at = f64::from(point) / f64::from(DIURNAL_PIECES) - peak.as_secs_f64() / period.as_secs_f64();
        (middle + swing * libm::cos(2.0 * std::f64::consts::PI * at)).max(0.0)
    };
    let edge = |point: u32| period.as_nanos() / u64::from(DIURNAL_PIECES) * u64::from(point);
    let pieces = (0..DIURNAL_PIECES).map(|point| {
        let end = if point + 1 == DIURNAL_PIECES { period.as_nanos() } else { edge(point + 1) };
        let span = SimDuration::from_nanos(end - edge(point));
        Piece { span: Some(span), start: rate_at(point), end: rate_at(point + 1) }
    });
    Some(Rate::Pieces { pieces: pieces.collect(), repeats: true })
}

/// The network that was written.
pub fn network(written: &NetworkSettings) -> NetworkSpec {
    let or = |span: Option<Span>, default: SimDuration| span.map_or(default, |span| span.0);
    let LatencySettings { same_pod, same_node, same_zone, other_zone, outside } = written.latency;
    let default = NetworkLatency::default();
    NetworkSpec {
        proxy_mode: match written.proxy_mode {
            ProxyModeChoice::Iptables => ProxyMode::Iptables,
            ProxyModeChoice::Ipvs => ProxyMode::Ipvs,
        },
        latency: NetworkLatency {
            same_pod: or(same_pod, default.same_pod),
            same_node: or(same_node, default.same_node),
            same_zone: or(same_zone, default.same_zone),
            other_zone: or(other_zone, default.other_zone),
            outside: or(outside, default.outside),
        },
    }
}

/// What an image serves.
pub fn serves(written: &[ServePort], path: &Path<'_>, errors: &mut FieldErrors) -> Arc<[Serve]> {
    let mut ports = BTreeSet::new();
    let mut serves = Vec::new();
    for (at, port) in written.iter().enumerate() {
        let path = path.index(at);
        if !ports.insert(port.port.0) {
            errors.duplicate(&path.child("port"), port.port.0.to_string().as_str());
        }
        if port.workers == Some(0) {
            errors.invalid(&path.child("workers"), "0", "must be at least 1");
        }
        if port.queue.is_some() && port.workers.is_none() {
            errors.forbidden(&path.child("queue"), "nothing waits where `workers` is not given");
        }
        let calls_path = path.child("calls");
        let calls = port.calls.iter().enumerate();
        let Some(cpu) = read::distribution(&port.cpu, &path.child("cpu"), errors) else { continue };
        serves.push(Serve {
            port: port.port.0,
            cpu,
            workers: port.workers,
            queue: port.queue,
            calls: calls.filter_map(|(at, written)| call(written, &calls_path.index(at), errors)).collect(),
            order: match port.order {
                CallOrderChoice::Sequential => CallOrder::Sequential,
                CallOrderChoice::Parallel => CallOrder::Parallel,
            },
        });
    }
    serves.into()
}

fn call(written: &ServeCall, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Call> {
    for (field, value) in [("times", written.times), ("connections", written.connections)] {
        if value == Some(0) {
            errors.invalid(&path.child(field), "0", "must be at least 1");
        }
    }
    Some(Call {
        to: address(&written.to, &path.child("to"), errors)?,
        times: written.times.unwrap_or(1),
        patience: patience(written.timeout, written.retries, &path.child("timeout"), errors),
        connections: written.connections,
    })
}

/// The address that was written; `None`, with an error, where it is none.
fn address(written: &str, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Address> {
    let parsed = parse_address(written);
    if parsed.is_none() {
        let forms = "must be service/NAME:PORT, pod/NAME:PORT or localhost:PORT, as service/web:80";
        errors.invalid(path, written, forms);
    }
    parsed
}

fn parse_address(text: &str) -> Option<Address> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port_name(port)?),
        None => (text, PortName::Only),
    };
    let host = match host.split_once('/') {
        Some(("service", name)) => Host::Service(host_name(name)?),
        Some(("pod", name)) => Host::Pod(host_name(name)?),
        Some(_) => return None,
        None if host == "localhost" || host == "127.0.0.1" => Host::Localhost,
        None => Host::Service(host_name(host)?),
    };
    let has_names = matches!(host, Host::Service(_));
    (has_names || matches!(port, PortName::Number(_))).then_some(Address { host, port })
}

fn port_name(text: &str) -> Option<PortName> {
    match text.parse::<u64>() {
        Ok(number) => u16::try_from(number).ok().filter(|port| *port > 0).map(PortName::Number),
        Err(_) if text.is_empty() => None,
        Err(_) => Some(PortName::Named(text.into())),
    }
}

/// `NAME`, `NAME.NAMESPACE`, or the same with `.svc` or `.svc.cluster.local` after it.
fn host_name(text: &str) -> Option<HostName> {
    let text = text.strip_suffix(".svc.cluster.local").or_else(|| text.strip_suffix(".svc")).unwrap_or(text);
    let (name, namespace) = match text.split_once('.') {
        Some((name, namespace)) => (name, Some(namespace)),
        None => (text, None),
    };
    let is_name = |text: &str| !text.is_empty() && !text.contains(['.', '/', ':']);
    let is_valid = is_name(name) && namespace.is_none_or(is_name);
    is_valid.then(|| HostName { namespace: namespace.map(Into::into), name: name.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Host, PortName)>) {
        assert_eq!(parse_address(text), expected.map(|(host, port)| Address { host, port }), "{text}");
    }

    fn name(name: &str, namespace: Option<&str>) -> HostName {
        HostName { namespace: namespace.map(Into::into), name: name.into() }
    }

    #[test]
    fn an_address_names_a_service_a_pod_or_the_loopback() {
        check("localhost:80", Some((Host::Localhost, PortName::Number(80))));
        check("service/web:http", Some((Host::Service(name("web", None)), PortName::Named("http".into()))));
        check("service/web", Some((Host::Service(name("web", None)), PortName::Only)));
        check("web.shop:80", Some((Host::Service(name("web", Some("shop"))), PortName::Number(80))));
        let full = Some((Host::Service(name("web", Some("shop"))), PortName::Number(80)));
        check("web.shop.svc.cluster.local:80", full);
        check("pod/db-0:5432", Some((Host::Pod(name("db-0", None)), PortName::Number(5432))));
        for text in ["pod/db-0", "localhost", "web:0", "web:70000", "job/x:80", "web:", ":80", "a.b.c:80", ""]
        {
            check(text, None);
        }
    }

    #[test]
    fn a_day_begins_and_ends_at_the_same_rate_and_is_highest_at_its_peak() {
        let written = Diurnal {
            low: RequestRate(10.0),
            high: RequestRate(90.0),
            peak_at: Some(Span(SimDuration::from_secs(6 * 3600))),
            period: None,
        };
        let mut errors = FieldErrors::default();
        let Some(Rate::Pieces { pieces, repeats: true }) = diurnal(&written, &Path::OBJECT, &mut errors)
        else {
            unreachable!("the curve is sound")
        };
        assert!(errors.is_empty());
        let total: SimDuration = pieces.iter().filter_map(|piece| piece.span).sum();
        assert_eq!(total, SimDuration::from_secs(24 * 3600));
        assert!((pieces[0].start - pieces[95].end).abs() < 1e-9);
        assert!((pieces[24].start - 90.0).abs() < 1e-9 && (pieces[72].start - 10.0).abs() < 1e-9);
    }
}
