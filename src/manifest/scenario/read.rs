//! The Scenario kind as written, turned into the model.
//!
//! What needs other files or Kubernetes objects (manifests, node pools' objects, patches' targets) is put together
//! in `manifest::load`. Problems are reported by field path; positions are found from the path.

pub mod traffic;

use std::collections::BTreeMap;

use crate::engine::{Distribution, SimDuration, SimTime};
use crate::manifest::field_error::{FieldErrors, Path};
use crate::manifest::scenario::metrics;
use crate::manifest::scenario::{
    Attempt, AttemptsBy, Delay, DelayDistribution, Exit, FailureWindow, Hook, Image, Kill, KubeletChoice,
    Listen, OnTerm, PortTarget, ProbeAnswers, PropagationPolicy, Run, SchedulerChoice, ScoringStrategyType,
    ShortSteps, Step as WrittenStep, TimingChoice, TimingOverrides, TimingPreset, WaitFor,
};
use crate::model::meta::{Name, Propagation};
use crate::model::pod::Protocol;
use crate::model::program::{
    self as model, Awaited, Endpoint, HookRun, Host, MemoryUse, Program, PullFailure, Step, TermResponse,
};
use crate::model::resources::Bytes;
use crate::model::scenario::{KubeletSettings, NodeScoring, SchedulerSettings, Timing};

/// The latencies that a scenario chooses.
pub fn timing(choice: Option<&TimingChoice>) -> Timing {
    match choice {
        None => Timing::ideal(),
        Some(TimingChoice::Preset(preset)) => preset_timing(*preset),
        Some(TimingChoice::Custom(overrides)) => custom_timing(overrides),
    }
}

/// The settings of the scheduler that a scenario chooses.
pub fn scheduler(choice: Option<&SchedulerChoice>, errors: &mut FieldErrors) -> SchedulerSettings {
    let Some(choice) = choice else { return SchedulerSettings::default() };
    let percentage = choice.percentage_of_nodes_to_score.filter(|percentage| *percentage > 0);
    if let Some(percentage) = percentage.filter(|percentage| *percentage > 100) {
        let path = Path::OBJECT.child("spec");
        let path = path.child("scheduler");
        let detail = "not in the range 0-100";
        errors.invalid(&path.child("percentageOfNodesToScore"), &i64::from(percentage), detail);
    }
    let packs = choice.scoring_strategy == Some(ScoringStrategyType::MostAllocated);
    SchedulerSettings {
        percentage_of_nodes_to_score: percentage,
        scoring: if packs { NodeScoring::MostAllocated } else { NodeScoring::LeastAllocated },
    }
}

/// The settings of the kubelets that a scenario chooses.
///
/// Source: Kubernetes 1.28, pkg/kubelet/apis/config/validation/validation.go, and migrateConfig of pkg/kubelet/nodeshutdown,
/// which counts whole seconds.
pub fn kubelet(choice: Option<&KubeletChoice>, errors: &mut FieldErrors) -> KubeletSettings {
    let spec_path = Path::OBJECT.child("spec");
    let path = spec_path.child("kubelet");
    let mut read = |field: &'static str, span: Option<super::Span>| {
        let span = span.map_or(SimDuration::ZERO, |span| span.0);
        if SimDuration::from_secs(span.as_secs()) != span {
            errors.invalid(&path.child(field), span.to_string().as_str(), "must be whole seconds");
        }
        span
    };
    let settings = KubeletSettings {
        shutdown_grace: read("shutdownGracePeriod", choice.and_then(|it| it.shutdown_grace_period)),
        critical_grace: read(
            "shutdownGracePeriodCriticalPods",
            choice.and_then(|it| it.shutdown_grace_period_critical_pods),
        ),
    };
    if settings.critical_grace > settings.shutdown_grace {
        let path = path.child("shutdownGracePeriodCriticalPods");
        let detail = "must not be longer than shutdownGracePeriod";
        errors.invalid(&path, settings.critical_grace.to_string().as_str(), detail);
    }
    settings
}

fn preset_timing(preset: TimingPreset) -> Timing {
    match preset {
        TimingPreset::Ideal => Timing::ideal(),
        TimingPreset::Typical => Timing::typical(),
    }
}

fn custom_timing(overrides: &TimingOverrides) -> Timing {
    let preset = preset_timing(overrides.preset);
    let or = |span: Option<super::Span>, default: SimDuration| span.map_or(default, |span| span.0);
    Timing {
        name: format!("{} with overrides", preset.name).into(),
        watch: or(overrides.watch, preset.watch),
        scheduling_cycle: or(overrides.scheduling_cycle, preset.scheduling_cycle),
        bind: or(overrides.bind, preset.bind),
        sandbox: or(overrides.sandbox, preset.sandbox),
        container_start: or(overrides.container_start, preset.container_start),
        pull_base: or(overrides.pull_base, preset.pull_base),
        pull_rate: overrides.pull_rate.map_or(preset.pull_rate, |rate| Some(rate.0.0.unsigned_abs())),
        exit_detection: or(overrides.exit_detection, preset.exit_detection),
    }
}

/// The programs of all images, by image name; problems go to `errors`.
pub fn programs(images: &BTreeMap<String, Image>, errors: &mut FieldErrors) -> BTreeMap<Name, Program> {
    let spec_path = Path::OBJECT.child("spec");
    let images_path = spec_path.child("images");
    let read = images
        .iter()
        .map(|(name, image)| (name.as_str().into(), program(image, &images_path.key(name), errors)));
    read.collect()
}

fn program(image: &Image, path: &Path<'_>, errors: &mut FieldErrors) -> Program {
    let attempts_path = path.child("attempts");
    if image.steps.is_some() && image.attempts.is_some() {
        errors.forbidden(&attempts_path, "`steps` is given: use one of the two");
    }
    let serves = traffic::serves(&image.serve, &path.child("serve"), errors);
    let mut attempts = match (&image.attempts, &image.steps) {
        (Some(attempts), _) if attempts.is_empty() => {
            errors.required(&attempts_path, "at least one attempt");
            Vec::new()
        }
        (Some(attempts), _) => {
            let numbered = attempts.iter().enumerate();
            numbered.map(|(at, attempt)| self::attempt(attempt, &attempts_path.index(at), errors)).collect()
        }
        (None, Some(written)) => vec![steps(written, &path.child("steps"), errors)],
        (None, None) if image.serve.is_empty() => vec![vec![Step::RunForever]],
        (None, None) => vec![Vec::new()],
    };
    if !image.serve.is_empty() {
        add_serving(&mut attempts, path, errors);
    }
    Program {
        pull_size: image.pull_size.map(|size| size.0),
        pull_failure: pull_failure(image, path, errors),
        startup: image.startup.as_ref().and_then(|delay| distribution(delay, &path.child("startup"), errors)),
        cpu: image.cpu.as_ref().map(|cpu| metrics::cpu_use(cpu, &path.child("cpu"), errors)),
        memory: image.memory.as_ref().map(|memory| MemoryUse {
            base: memory.base.0,
            growth_per_minute: memory.growth.map_or(Bytes(0), |growth| growth.per_minute),
        }),
        serves,
        attempts,
        attempts_by: match image.attempts_by {
            AttemptsBy::Container => model::AttemptsBy::Container,
            AttemptsBy::Pod => model::AttemptsBy::Pod,
            AttemptsBy::Index => model::AttemptsBy::Index,
        },
        on_term: term_response(image.on_term.as_ref()),
        answers: probe_answers(&image.probes, &path.child("probes"), errors),
        hooks: model::Hooks {
            post_start: hook_run(image.hooks.post_start.as_ref()),
            pre_stop: hook_run(image.hooks.pre_stop.as_ref()),
        },
    }
}

fn pull_failure(image: &Image, path: &Path<'_>, errors: &mut FieldErrors) -> Option<PullFailure> {
    if image.pull_failures.is_some() && image.pull_failure.is_none() {
        errors.required(&path.child("pullFailure"), "the error that these pulls end with");
    }
    let error = image.pull_failure.as_deref()?.into();
    Some(PullFailure { error, times: image.pull_failures })
}

fn probe_answers(written: &ProbeAnswers, path: &Path<'_>, errors: &mut FieldErrors) -> model::ProbeAnswers {
    let mut window = |window: &Option<FailureWindow>, field| {
        window.as_ref().map(|window| failure_window(window, &path.child(field), errors))
    };
    model::ProbeAnswers {
        delay: written.answer.map_or(SimDuration::ZERO, |span| span.0),
        startup: window(&written.startup, "startup"),
        liveness: window(&written.liveness, "liveness"),
        readiness: window(&written.readiness, "readiness"),
    }
}

fn failure_window(
    written: &FailureWindow,
    path: &Path<'_>,
    errors: &mut FieldErrors,
) -> model::FailureWindow {
    let from = written.fail_from.map_or(SimDuration::ZERO, |span| span.0);
    let until = written.fail_until.map(|span| span.0);
    if let Some(until) = until.filter(|until| *until <= from) {
        let until = until.to_string();
        errors.invalid(&path.child("failUntil"), until.as_str(), "must be after `failFrom`");
    }
    model::FailureWindow { from, until }
}

fn hook_run(written: Option<&Hook>) -> HookRun {
    match written {
        None => HookRun::default(),
        Some(Hook::Takes(span)) => HookRun { takes: span.0, fails: false },
        Some(Hook::Full(hook)) => {
            HookRun { takes: hook.takes.map_or(SimDuration::ZERO, |span| span.0), fails: hook.fails }
        }
    }
}

/// Has every start that gets to its last step serve after it.
fn add_serving(attempts: &mut [Vec<Step>], path: &Path<'_>, errors: &mut FieldErrors) {
    let is_end = |step: &Step| matches!(step, Step::Exit(_) | Step::RunForever);
    if attempts.iter().all(|steps| steps.iter().any(is_end)) {
        errors.forbidden(&path.child("serve"), "is never reached: the steps before it do not end, or exit");
    }
    for steps in attempts {
        steps.push(Step::Serve);
    }
}

fn term_response(on_term: Option<&OnTerm>) -> TermResponse {
    match on_term {
        Some(OnTerm { ignore: true, .. }) => TermResponse::Ignore,
        Some(OnTerm { after, exit_code, .. }) => TermResponse::Exit {
            after: after.map_or(SimDuration::ZERO, |span| span.0),
            code: exit_code.unwrap_or(143),
        },
        None => TermResponse::Exit { after: SimDuration::ZERO, code: 143 },
    }
}

fn attempt(attempt: &Attempt, path: &Path<'_>, errors: &mut FieldErrors) -> Vec<Step> {
    match attempt {
        Attempt::Steps(written) => steps(written, path, errors),
        Attempt::Short(short) => steps(&spelled_out(short), path, errors),
    }
}

/// The steps that a short form stands for.
fn spelled_out(short: &ShortSteps) -> Vec<WrittenStep> {
    let mut steps = Vec::new();
    steps.extend(short.listen.clone().map(WrittenStep::Listen));
    steps.extend(short.wait_for.clone().map(WrittenStep::WaitFor));
    steps.extend(short.run.clone().map(WrittenStep::Run));
    steps.extend(short.write.clone().map(WrittenStep::Write));
    steps.extend(short.log.clone().map(WrittenStep::Log));
    steps.extend(short.exit.clone().map(WrittenStep::Exit));
    steps
}

/// Where a process never gets to, by paths from its image: the first step after one that does not end, or exits.
pub fn unreached(image: &Image) -> Vec<String> {
    let steps = image.steps.iter().filter_map(|steps| Some(format!("steps[{}]", first_unreached(steps)?)));
    let attempts = image.attempts.iter().flatten().enumerate().filter_map(|(at, attempt)| match attempt {
        Attempt::Steps(steps) => Some(format!("attempts[{at}][{}]", first_unreached(steps)?)),
        Attempt::Short(short) => {
            let steps = spelled_out(short);
            Some(format!("attempts[{at}].{}", field_of(&steps[first_unreached(&steps)?])))
        }
    });
    steps.chain(attempts).collect()
}

fn first_unreached(written: &[WrittenStep]) -> Option<usize> {
    let is_end =
        |step: &WrittenStep| matches!(step, WrittenStep::Exit(_) | WrittenStep::Run(Run::Forever(_)));
    let next = written.iter().position(is_end)? + 1;
    (next < written.len()).then_some(next)
}

/// The field of the short form that stands for a step.
const fn field_of(step: &WrittenStep) -> &'static str {
    match step {
        WrittenStep::Listen(_) => "listen",
        WrittenStep::WaitFor(_) => "waitFor",
        WrittenStep::Connect(_) => "connect",
        WrittenStep::Run(_) => "run",
        WrittenStep::Write(_) => "write",
        WrittenStep::Log(_) => "log",
        WrittenStep::Exit(_) => "exit",
    }
}

fn steps(written: &[WrittenStep], path: &Path<'_>, errors: &mut FieldErrors) -> Vec<Step> {
    let numbered = written.iter().enumerate();
    numbered.filter_map(|(at, written)| step(written, &path.index(at), errors)).collect()
}

fn step(written: &WrittenStep, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Step> {
    match written {
        WrittenStep::Listen(listen) => self::listen(listen, &path.child("listen"), errors),
        WrittenStep::WaitFor(wait) => wait_for(wait, &path.child("waitFor"), errors),
        WrittenStep::Connect(target) => endpoint(target, &path.child("connect"), errors).map(Step::Connect),
        WrittenStep::Run(Run::Forever(_)) => Some(Step::RunForever),
        WrittenStep::Run(Run::For(delay)) => distribution(delay, &path.child("run"), errors).map(Step::Run),
        WrittenStep::Write(file) => Some(Step::Write(file.as_str().into())),
        WrittenStep::Log(line) => Some(Step::Log(line.as_str().into())),
        WrittenStep::Exit(Exit::Code(code)) => exit([(*code, 1.0)], &path.child("exit"), errors),
        WrittenStep::Exit(Exit::Weighted(weights)) => weighted_exit(weights, &path.child("exit"), errors),
    }
}

fn listen(listen: &Listen, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Step> {
    let (port, protocol) = match listen {
        Listen::Port(port) => (port.0, "TCP"),
        Listen::Full { port, protocol } => (port.0, protocol.as_deref().unwrap_or("TCP")),
    };
    let protocol = match protocol {
        "TCP" => Protocol::Tcp,
        "UDP" => Protocol::Udp,
        "SCTP" => Protocol::Sctp,
        other => {
            errors.not_supported(&path.child("protocol"), other, &["SCTP", "TCP", "UDP"]);
            return None;
        }
    };
    Some(Step::Listen { port, protocol })
}

fn wait_for(wait: &WaitFor, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Step> {
    let what = match (&wait.port, &wait.file) {
        (Some(PortTarget::Local(port)), None) => {
            Awaited::Port(Endpoint { host: Host::Localhost, port: port.0 })
        }
        (Some(PortTarget::Remote(target)), None) => {
            Awaited::Port(endpoint(target, &path.child("port"), errors)?)
        }
        (None, Some(file)) => Awaited::File(file.as_str().into()),
        (Some(_), Some(_)) | (None, None) => {
            errors.required(path, "exactly one of `port` and `file`");
            return None;
        }
    };
    Some(Step::WaitFor { what, timeout: wait.timeout.map(|span| span.0) })
}

fn endpoint(target: &str, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Endpoint> {
    let parsed = target.rsplit_once(':').and_then(|(host, port)| {
        let port = port.parse().ok().filter(|port| *port > 0)?;
        let host =
            if host == "localhost" || host == "127.0.0.1" { Host::Localhost } else { Host::Pod(host.into()) };
        Some(Endpoint { host, port })
    });
    if parsed.is_none() {
        errors.invalid(path, target, "must be host:port, as localhost:8080");
    }
    parsed
}

fn weighted_exit(weights: &BTreeMap<String, f64>, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Step> {
    let mut codes = Vec::new();
    for (code, weight) in weights {
        match code.parse() {
            Ok(code) => codes.push((code, *weight)),
            Err(_) => errors.invalid(path, code.as_str(), "must be an exit code, 0 to 255"),
        }
    }
    codes.sort_by_key(|(code, _)| *code);
    exit(codes, path, errors)
}

fn exit(codes: impl Into<Vec<(i32, f64)>>, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Step> {
    let codes = codes.into();
    for (code, weight) in &codes {
        if !(0..=255).contains(code) {
            errors.invalid(path, code.to_string().as_str(), "must be an exit code, 0 to 255");
        }
        if !weight.is_finite() || *weight < 0.0 {
            errors.invalid(path, weight.to_string().as_str(), "must be a weight, 0 or more");
        }
    }
    let total: f64 = codes.iter().map(|(_, weight)| weight).sum();
    if total > 0.0 {
        return Some(Step::Exit(codes));
    }
    errors.required(path, "an exit code with a weight above 0");
    None
}

/// The distribution that was written; `None`, with an error, where its parameters make no sense.
pub(super) fn distribution(delay: &Delay, path: &Path<'_>, errors: &mut FieldErrors) -> Option<Distribution> {
    let built = match delay {
        Delay::Constant(span) | Delay::Drawn(DelayDistribution::Constant(span)) => {
            Ok(Distribution::constant(span.0))
        }
        Delay::Drawn(DelayDistribution::Uniform { min, max }) => Distribution::uniform(min.0, max.0),
        Delay::Drawn(DelayDistribution::Exponential(mean)) => Ok(Distribution::exponential(mean.0)),
        Delay::Drawn(DelayDistribution::Normal { mean, sd }) => Ok(Distribution::normal(mean.0, sd.0)),
        Delay::Drawn(DelayDistribution::Lognormal { p50, p99 }) => Distribution::lognormal(p50.0, p99.0),
        Delay::Drawn(DelayDistribution::Pareto { min, shape }) => Distribution::pareto(min.0, *shape),
        Delay::Drawn(DelayDistribution::Empirical(samples)) => {
            Distribution::empirical(samples.iter().map(|span| (span.0, 1.0)))
        }
    };
    built.map_err(|error| errors.invalid_object(path, &error.to_string())).ok()
}

/// What happens to what a deleted object owns.
pub const fn propagation(policy: PropagationPolicy) -> Propagation {
    match policy {
        PropagationPolicy::Background => Propagation::Background,
        PropagationPolicy::Foreground => Propagation::Foreground,
        PropagationPolicy::Orphan => Propagation::Orphan,
    }
}

/// The exit code of processes that are killed.
pub fn kill_exit_code(kill: &Kill) -> i32 {
    kill.exit_code.unwrap_or(137)
}

/// The instant of a span from the start.
pub fn instant(span: super::Span) -> SimTime {
    SimTime::ZERO + span.0
}
