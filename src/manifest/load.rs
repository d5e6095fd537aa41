//! Files to a scenario that can run: the whole way from text to model.
//!
//! The steps: documents are read, parameters put in, fields checked against the schemas, further files fetched,
//! objects accepted as the API server would, and the rest of the scenario read. Every step reports what it finds and
//! goes on, so that all diagnostics come at once. The order of the files and documents does not matter: objects are
//! put in order of kind, namespace and name.

mod capacity;
mod collect;
mod loose_ends;
mod nodes;
mod progress;
mod reading;
mod references;
mod sweep;
mod timeline;
mod trace;
mod traffic;
mod variant;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{SimDuration, SimTime};
use crate::manifest::api::Api;
use crate::manifest::check::{OnUnmodelled, Options as CheckOptions};
use crate::manifest::diagnostic::{Diagnostic, Diagnostics, Mark, Place};
use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::load::collect::Collected;
use crate::manifest::load::reading::Reading;
use crate::manifest::near_name::hint;
use crate::manifest::scenario::{self, ScenarioFile, ScenarioSpec, read};
use crate::manifest::source::{Object, Source};
use crate::manifest::{expression, params};
use crate::model::profile::{Feature, KubernetesVersion, Profile};
use crate::model::scenario::{Action, Expectation, Horizon, Scenario, TimedAction, Trace};
use crate::model::unix_time::UnixTime;

/// The end of a run that never falls quiet.
const HORIZON_DEFAULT: SimDuration = SimDuration::from_secs(24 * 3600);
/// How long after the last arrival of a trace a run goes on that does not fall quiet.
const HORIZON_AFTER_TRACE: SimDuration = SimDuration::from_secs(30 * 24 * 3600);
/// The wall clock at the start of a scenario that names none: 2027-01-01T00:00:00Z, a Friday.
const START_DEFAULT: i64 = 1_798_761_600;
/// The seed of a scenario that names none.
const SEED_DEFAULT: u64 = 1;
/// The longest run.
const HORIZON_MAX: SimDuration = SimDuration::from_secs(100 * 366 * 24 * 3600);

/// What the user asks of the reader.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The seed instead of the scenario's.
    pub seed: Option<u64>,
    /// The variant to be played instead of the scenario itself.
    pub variant: Option<String>,
    /// Values of parameters.
    pub settings: Vec<(String, String)>,
    /// The number of nodes of pools, instead of the scenario's.
    pub pool_counts: Vec<(String, u32)>,
    /// Whether fields that are not modelled are left out rather than refused.
    pub allows_unmodelled: bool,
    /// What happens besides the timeline of the scenario.
    pub failures: Vec<TimedAction>,
    /// Features on or off whatever the scenario's version and gates say, to tell what comes of them alone.
    pub features: Vec<(Feature, bool)>,
}

/// A scenario and what there is to say about its files.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The scenario.
    pub scenario: Scenario,
    /// The names of its variants.
    pub variants: Vec<String>,
    /// Its node pools.
    pub pools: Vec<Pool>,
    /// Warnings; no errors.
    pub warnings: Diagnostics,
}

/// A node pool, of which a scenario may have no node.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The name.
    pub name: String,
    /// How many nodes it has.
    pub count: u32,
    /// The price of one of them per hour.
    pub price_per_hour: Option<f64>,
}

/// Reads a file that `from` names by a relative path.
pub type Fetch<'a> = dyn FnMut(&str, &str) -> Result<Source, String> + 'a;

/// Makes a scenario of files.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load(sources: &[Source], fetch: &mut Fetch<'_>, options: &Options) -> Result<Loaded, Diagnostics> {
    let mut loader = Loader {
        api: Api::load(),
        fetch,
        options,
        used_params: BTreeSet::new(),
        diagnostics: Diagnostics::default(),
    };
    let scenario = loader.load(sources);
    match scenario {
        Some((scenario, variants, pools)) if !loader.diagnostics.has_errors() => {
            Ok(Loaded { scenario, variants, pools, warnings: loader.diagnostics })
        }
        _ => Err(loader.diagnostics),
    }
}

/// Whether there is a Scenario among the objects of some files.
pub fn has_scenario(sources: &[Source]) -> bool {
    let objects = crate::manifest::source::read(
        sources,
        &Api::load(),
        OnUnmodelled::GoWithout,
        &mut Diagnostics::default(),
    );
    objects.iter().any(|object| object.kind_name == "Scenario")
}

/// A loading under way.
struct Loader<'a> {
    api: Api,
    fetch: &'a mut Fetch<'a>,
    options: &'a Options,
    /// The parameters that stand somewhere.
    used_params: BTreeSet<String>,
    diagnostics: Diagnostics,
}

impl Loader<'_> {
    fn load(&mut self, sources: &[Source]) -> Option<(Scenario, Vec<String>, Vec<Pool>)> {
        let objects = self.read(sources);
        let (mut written, mut objects) = self.apart(objects);
        let variants = self.variants(written.as_ref());
        if let Some(name) = &self.options.variant {
            self.put_on(name, &mut written, &mut objects, sources)?;
        }
        let settings = &self.options.settings;
        let params = match params::params(written.as_ref(), settings, &mut self.diagnostics) {
            Ok(params) => params,
            Err(message) => {
                self.diagnostics.push(Diagnostic::error(no_place(sources), message));
                return None;
            }
        };
        if let Some(object) = &mut written {
            self.used_params.extend(params::substitute(object, &params, &mut self.diagnostics));
        }
        let reading = written.as_ref().map(|object| self.read_scenario(object));
        let is_whole = reading.as_ref().is_none_or(Reading::is_whole);
        let can_be_judged = reading.as_ref().is_none_or(Reading::can_be_judged);
        let knows_metrics = reading.as_ref().is_none_or(|reading| reading.has("metrics"));
        let file = reading.and_then(|reading| reading.file);
        let name = scenario_name(file.as_ref(), sources);
        let mut spec = file.map(|file| file.spec).unwrap_or_default();
        if is_whole {
            self.resize_pools(&mut spec, sources);
        }
        let head = Head { object: written, spec, params, name, knows_metrics };
        if !is_whole {
            // The rest of the input is looked at all the same: its mistakes come with the others.
            if can_be_judged {
                self.build(&head, objects);
            } else {
                let profile = self.profile(&head);
                self.accept_all(objects, &head, &profile, &mut Collected::default());
            }
            return None;
        }
        let scenario = self.build(&head, objects)?;
        self.warn_of_loose_ends(&head, &scenario, &variants);
        self.check_failures(&scenario, &no_place(sources));
        let pools = nodes::pools(&head.spec, &scenario);
        Some((scenario, variants, pools))
    }

    /// The one Scenario, and everything else.
    fn apart(&mut self, objects: Vec<Object>) -> (Option<Object>, Vec<Object>) {
        let (mut scenarios, others): (Vec<_>, Vec<_>) =
            objects.into_iter().partition(|object| object.kind_name == "Scenario");
        let written = scenarios.pop();
        for other in &scenarios {
            self.diagnostics.push(other.error(
                "kind",
                "there is another Scenario: one at a time is played; `sim test` plays them all",
            ));
        }
        (written, others)
    }

    /// Gives pools the number of nodes that was asked for.
    fn resize_pools(&mut self, spec: &mut ScenarioSpec, sources: &[Source]) {
        let has_pools = !spec.node_pools.is_empty();
        let known: Vec<String> = spec.node_pools.iter().map(|pool| pool.name.clone()).collect();
        for (name, count) in &self.options.pool_counts {
            match spec.node_pools.iter_mut().find(|pool| pool.name == *name) {
                Some(pool) => pool.count = *count,
                // The nodes of a scenario that has none are added last.
                None if !has_pools && name == nodes::DEFAULT_POOL => {}
                None => {
                    let hint = hint(name, known.iter().map(String::as_str));
                    let message = format!("the scenario has no node pool `{name}`{hint}");
                    self.diagnostics.push(Diagnostic::error(no_place(sources), message));
                }
            }
        }
    }

    fn build(&mut self, head: &Head, mut objects: Vec<Object>) -> Option<Scenario> {
        let profile = self.profile(head);
        for name in &head.spec.manifests {
            objects.extend(self.fetch_objects(head, name));
        }
        let mut collected = Collected::default();
        self.accept_all(objects, head, &profile, &mut collected);
        self.add_nodes(head, &profile, &mut collected);
        let timeline = self.timeline(head, &profile, &collected);
        let has_shutdown = timeline.iter().any(|entry| matches!(entry.action, Action::ShutDownNode(_)));
        let faults = self.faults(head);
        let mut errors = FieldErrors::default();
        let mut programs = read::programs(&head.spec.images, &mut errors);
        let metrics = scenario::metrics::series(&head.spec.metrics, &mut errors);
        let trace = self.trace(head, &profile, &mut programs);
        let traffic = self.traffic(head, &mut errors);
        let sweep = self.sweep(head, &collected);
        let capacity = self.capacity(head, &collected);
        let progress = self.progress(head, &collected);
        let horizon = self.horizon(head, trace.as_ref(), &mut errors);
        let expectations = self.expectations(head, horizon);
        self.warn_of_late_actions(head, horizon);
        self.warn_of_late_axes(head, &sweep, horizon);
        let scheduler = read::scheduler(head.spec.scheduler.as_ref(), &mut errors);
        let kubelet = read::kubelet(head.spec.kubelet.as_ref(), &mut errors);
        let start_time = start_time(head, &mut errors);
        self.report(head, errors);
        let timing = read::timing(head.spec.timing.as_ref());
        let mut assumptions = collected.assumptions(head, &profile, &timing, &programs);
        assumptions.extend(traffic::assumption(&traffic));
        if has_shutdown && kubelet.shutdown_grace.is_zero() {
            assumptions.push("no shutdownGracePeriod: a node that shuts down is off at once".to_owned());
        }
        assumptions
            .extend(self.diagnostics.unmodelled().map(|field| format!("not modelled: {}", field.what)));
        Some(Scenario {
            name: head.name.as_str().into(),
            description: head.spec.description.as_deref().map(Into::into),
            seed: self.options.seed.or(head.spec.seed).unwrap_or(SEED_DEFAULT),
            start_time: start_time?,
            horizon,
            sweep,
            capacity,
            warm_up: head.spec.warm_up.map_or(SimDuration::ZERO, |span| span.0),
            profile,
            timing,
            scheduler,
            kubelet,
            namespaces: std::mem::take(&mut collected.namespaces),
            objects: collected.into_objects(),
            programs: Arc::new(programs),
            progress,
            metrics: metrics.into(),
            trace,
            traffic: Arc::new(traffic),
            timeline,
            faults,
            expectations,
            assumptions,
        })
    }

    fn profile(&mut self, head: &Head) -> Profile {
        let mut errors = FieldErrors::default();
        let spec_path = Path::OBJECT.child("spec");
        let mut version = KubernetesVersion::DEFAULT;
        if let Some(text) = &head.spec.kubernetes_version {
            match text.parse() {
                Ok(parsed) => version = parsed,
                Err(error) => {
                    let error: crate::model::profile::VersionError = error;
                    errors.invalid_object(&spec_path.child("kubernetesVersion"), &error.to_string());
                }
            }
        }
        let mut profile = Profile::new(version);
        for (gate, is_on) in &head.spec.feature_gates {
            match profile.clone().with_gate(gate, *is_on) {
                Ok(changed) => profile = changed,
                Err(error) => {
                    let known: Vec<&str> = Profile::known_gates().collect();
                    let message = format!("{error}: known are {}", known.join(", "));
                    errors.invalid_object(&spec_path.child("featureGates").key(gate), &message);
                }
            }
        }
        self.report(head, errors);
        let features = self.options.features.iter();
        features.fold(profile, |profile, (feature, is_on)| profile.with_feature(*feature, *is_on))
    }

    fn fetch_objects(&mut self, head: &Head, name: &str) -> Vec<Object> {
        let from = head.object.as_ref().map_or("", |object| &object.file);
        match (self.fetch)(from, name) {
            Ok(source) => self.read(&[source]),
            Err(message) => {
                self.diagnostics
                    .extend(head.object.as_ref().map(|object| object.error("spec.manifests", message)));
                Vec::new()
            }
        }
    }

    /// The objects of some files.
    fn read(&mut self, sources: &[Source]) -> Vec<Object> {
        crate::manifest::source::read(sources, &self.api, self.unmodelled(), &mut self.diagnostics)
    }

    const fn unmodelled(&self) -> OnUnmodelled {
        if self.options.allows_unmodelled { OnUnmodelled::GoWithout } else { OnUnmodelled::Refuse }
    }

    fn check_options(&self, profile: &Profile) -> CheckOptions {
        let unmodelled = self.unmodelled();
        CheckOptions { version: profile.version, unmodelled, ..CheckOptions::default() }
    }

    /// The expectations. One that lies after the horizon would never be judged.
    fn expectations(&mut self, head: &Head, horizon: Horizon) -> Vec<Expectation> {
        let Some(object) = &head.object else { return Vec::new() };
        let mut expectations = Vec::new();
        for (idx, expect) in head.spec.expect.iter().enumerate() {
            let path = format!("spec.expect[{idx}].that");
            if let Err(message) = expression::check(&expect.that) {
                self.diagnostics.push(object.error(&path, message));
            }
            if let Some(at) = expect.at.map(read::instant).filter(|at| *at > horizon.limit()) {
                let message = format!("{at} is after the horizon, {}: never judged", horizon.limit());
                self.diagnostics.push(object.error(&format!("spec.expect[{idx}].at"), message));
            }
            expectations.push(Expectation {
                at: expect.at.map(read::instant),
                that: expect.that.clone(),
                message: expect.message.clone(),
                place: object.place_of(&path).to_string(),
            });
        }
        expectations
    }

    fn horizon(&mut self, head: &Head, trace: Option<&Trace>, errors: &mut FieldErrors) -> Horizon {
        match head.spec.horizon {
            None => Horizon::Quiet(match trace.and_then(|trace| trace.rows.last()) {
                Some(last) => last.at + HORIZON_AFTER_TRACE,
                None => SimTime::ZERO + HORIZON_DEFAULT,
            }),
            Some(span) if span.0 > HORIZON_MAX => {
                let spec_path = Path::OBJECT.child("spec");
                errors.invalid_object(&spec_path.child("horizon"), "longer than 100 years");
                Horizon::At(SimTime::ZERO + HORIZON_MAX)
            }
            Some(span) => Horizon::At(SimTime::ZERO + span.0),
        }
    }

    /// Reports faults of the Scenario document by their paths.
    fn report(&mut self, head: &Head, errors: FieldErrors) {
        let Some(object) = &head.object else { return };
        for error in errors.0 {
            self.diagnostics.push(object.error(&error.path, error.message()));
        }
    }
}

/// The Scenario document, as far as there is one.
struct Head {
    object: Option<Object>,
    spec: ScenarioSpec,
    params: params::Params,
    name: String,
    /// Whether the metrics of `spec` could be read.
    knows_metrics: bool,
}

fn start_time(head: &Head, errors: &mut FieldErrors) -> Option<UnixTime> {
    let Some(text) = &head.spec.start_time else { return UnixTime::from_secs(START_DEFAULT) };
    let parsed = UnixTime::parse_rfc3339(text);
    let spec_path = Path::OBJECT.child("spec");
    parsed.map_err(|error| errors.invalid_object(&spec_path.child("startTime"), &error.to_string())).ok()
}

/// The scenario's own name, or that of its first file without folder and ending.
fn scenario_name(file: Option<&ScenarioFile>, sources: &[Source]) -> String {
    let own = file.and_then(|file| file.metadata.name.clone());
    own.unwrap_or_else(|| {
        let name = sources.first().map_or("scenario", |source| &source.name);
        let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
        base.split('.').next().unwrap_or(base).to_owned()
    })
}

fn no_place(sources: &[Source]) -> Place {
    let file = sources.first().map_or_else(|| "-".into(), |source| Arc::clone(&source.name));
    Place { file, mark: Mark::START }
}
