//! `sim get`, `sim logs` and `sim events`: the cluster at an instant.

use std::io::Write;
use std::sync::Arc;

use clap::ValueEnum;

use crate::cli::args::{EventsArgs, GetArgs, GetFormat, InputArgs, KindArg, LogsArgs};
use crate::cli::{CliError, Outcome, input};
use crate::cluster::Cluster;
use crate::engine::{SimDuration, SimTime};
use crate::experiment::trial::{self, Trial};
use crate::manifest::near_name::hint;
use crate::model::ids::{Kind, ObjectId};
use crate::model::meta::{Name, ObjectMeta};
use crate::model::pod::Pod;
use crate::observe::expectation::LogLine;
use crate::observe::object::ObjectWriter;
use crate::observe::records::LoggedRecord;
use crate::report::get::{self, Listing};

/// Plays the input up to an instant.
fn play(args: &InputArgs, at: Option<SimDuration>) -> Result<Trial<()>, CliError> {
    let scenario = Arc::new(input::load(args)?.scenario);
    Ok(trial::run(&scenario, at.map(|span| SimTime::ZERO + span), (), |_| {}))
}

/// `sim get`
pub(super) fn get(args: &GetArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let (name, input) = args.input.split();
    let trial = play(&input, args.at)?;
    let cluster = trial.simulation.cluster();
    let kind = args.kind.kind();
    let objects = get::objects(cluster, kind, args.namespace.as_deref(), name.as_deref());
    if let Some(name) = name.filter(|_| objects.is_empty()) {
        let hint = other_name(cluster, kind, args.namespace.as_deref(), &name);
        return Err(CliError::BadInput(format!("no {} {name:?} at this instant{hint}", kind.resource())));
    }
    let clock = trial.simulation.context().clock;
    let is_wide = args.output == GetFormat::Wide;
    let listing = Listing { cluster, now: trial.end, clock, is_wide };
    let endpoints = |id| trial.simulation.traffic().endpoints(id, cluster);
    let text = match args.output {
        GetFormat::Table | GetFormat::Wide => match args.kind {
            KindArg::Endpoints => get::endpoints::table(&listing, &objects, endpoints),
            _ => get::table(&listing, kind, &objects),
        },
        GetFormat::Yaml | GetFormat::Json => {
            let writer = ObjectWriter { cluster, clock };
            let written = |object: &ObjectId| match object {
                ObjectId::Service(id) if args.kind == KindArg::Endpoints => {
                    Some(writer.endpoints(cluster.service(*id)?, &endpoints(*id)?))
                }
                other => writer.object(*other),
            };
            let items: Vec<_> = objects.iter().filter_map(written).collect();
            let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
            match args.output {
                GetFormat::Json => serde_json::to_string_pretty(&list).map_err(anyhow::Error::from)? + "\n",
                _ => serde_yaml::to_string(&list).map_err(anyhow::Error::from)?,
            }
        }
    };
    out.write_all(text.as_bytes()).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}

/// `sim logs`
pub(super) fn logs(args: &LogsArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let (kind, name) = match args.pod.split_once('/') {
        None => (Kind::Pod, &*args.pod),
        Some((kind, name)) => {
            let wrong = || format!("`sim logs` needs POD or KIND/NAME, as job/batch, found {:?}", args.pod);
            (kind_of(kind).ok_or_else(|| CliError::BadInput(wrong()))?, name)
        }
    };
    let trial = play(&args.input, args.at)?;
    let cluster = trial.simulation.cluster();
    let is_meant = |pod: &Pod| match kind {
        Kind::Pod => crate::sim::name_matches(name, &pod.meta.name),
        _ => belongs(&pod.meta, kind, name, cluster),
    };
    let is_here =
        |pod: &Pod| args.namespace.as_ref().is_none_or(|namespace| **namespace == *pod.meta.namespace);
    let mut pods: Vec<_> = cluster.pods().iter().filter(|(_, pod)| is_here(pod) && is_meant(pod)).collect();
    pods.sort_by_key(|(_, pod)| pod.meta.uid.serial);
    if pods.is_empty() {
        let hint = other_name(cluster, kind, args.namespace.as_deref(), name);
        return Err(CliError::BadInput(format!("no pod {:?} at this instant{hint}", args.pod)));
    }
    let lines = trial::log_lines(&trial.simulation);
    let is_named = pods.len() > 1 || args.container.is_none() && pods[0].1.spec.containers.len() > 1;
    for (_, pod) in pods {
        let is_own =
            |line: &&LogLine| (&*line.namespace, &*line.pod) == (&*pod.meta.namespace, &*pod.meta.name);
        for line in lines.iter().filter(is_own) {
            if args.container.as_ref().is_some_and(|container| *container != line.container) {
                continue;
            }
            let head = if is_named { format!("{}/{}  ", line.pod, line.container) } else { String::new() };
            writeln!(out, "{head}{}  {}", line.at, line.text).map_err(anyhow::Error::from)?;
        }
    }
    Ok(Outcome::Ok)
}

/// What to say of a name under which nothing was found: the one that may be meant.
fn other_name(cluster: &Cluster, kind: Kind, namespace: Option<&str>, name: &str) -> String {
    let all = get::objects(cluster, kind, namespace, None);
    let known: Vec<Name> = all.into_iter().map(|object| cluster.name_of(object)).collect();
    hint(name, known.iter().map(|known| &**known).filter(|known| *known != name))
}

/// Whether an object of a kind and name owns something, or owns what owns it.
fn belongs(meta: &ObjectMeta, kind: Kind, name: &str, cluster: &Cluster) -> bool {
    let mut owner = meta.owner.as_ref();
    while let Some(above) = owner {
        if above.object.kind() == kind && &*above.name == name {
            return true;
        }
        owner = cluster.meta(above.object).and_then(|meta| meta.owner.as_ref());
    }
    false
}

/// The kind of this name.
fn kind_of(text: &str) -> Option<Kind> {
    let kind = KindArg::from_str(text, true).ok().filter(|kind| *kind != KindArg::Endpoints)?;
    Some(kind.kind())
}

/// The object of `KIND/NAME`.
fn about(text: &str) -> Result<(Kind, &str), CliError> {
    let parsed = text.split_once('/').and_then(|(kind, name)| Some((kind_of(kind)?, name)));
    parsed.ok_or_else(|| CliError::BadInput(format!("`--for` needs KIND/NAME, as job/batch, found {text:?}")))
}

/// `sim events`
pub(super) fn events(args: &EventsArgs, out: &mut impl Write) -> Result<Outcome, CliError> {
    let about = args.about.as_deref().map(about).transpose()?;
    let trial = play(&args.input, args.at)?;
    let records = &trial.simulation.observer().0.records;
    let is_meant =
        |entry: &&LoggedRecord| about.is_none_or(|(kind, name)| (entry.kind, &*entry.name) == (kind, name));
    let is_here = |entry: &&LoggedRecord| {
        args.namespace.as_ref().is_none_or(|namespace| **namespace == *entry.namespace)
    };
    let entries = records.entries().iter().filter(is_here).filter(is_meant);
    let mut entries: Vec<&LoggedRecord> = entries.collect();
    entries.sort_by_key(|entry| entry.last);
    out.write_all(get::records(entries.into_iter()).as_bytes()).map_err(anyhow::Error::from)?;
    Ok(Outcome::Ok)
}
