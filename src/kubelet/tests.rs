//! Timelines of scripted pods, on a cluster with nothing but kubelets.

use crate::engine::{Distribution, SimDuration};
use crate::event::{Command, Event};
use crate::kubelet::testbed::{Testbed, container, exit, pod_spec, program, run};
use crate::model::pod::{
    Container, HostPort, PodSpec, Protocol, PullPolicy, RestartPolicy, Volume, VolumeMount, VolumeSource,
};
use crate::model::pod_status::{ContainerRef, Phase};
use crate::model::profile::Profile;
use crate::model::program::{
    AttemptsBy, Awaited, Endpoint, Host, MemoryUse, Program, PullFailure, Step, TermResponse,
};
use crate::model::resources::{Bytes, InitKind, Millicores};
use crate::model::scenario::Timing;
use crate::model::scheduling::{Taint, TaintEffect};

mod hooks;
mod memory;
mod outages;
mod probes;
mod random;
mod restarts;
mod running;
mod stopping;

const MAIN: ContainerRef = ContainerRef::App(0);

/// A test bed without latencies.
fn bed(programs: Vec<(&str, Program)>) -> Testbed {
    Testbed::new(programs, Timing::ideal())
}

/// A pod of containers named after their images.
fn pod_of(images: &[&str], policy: RestartPolicy) -> PodSpec {
    let containers = images.iter().map(|image| container(image, image)).collect();
    PodSpec { restart_policy: policy, ..pod_spec(containers) }
}

/// A pod of init containers and app containers named after their images.
fn pod_with_init(init: Vec<Container>, images: &[&str], policy: RestartPolicy) -> PodSpec {
    PodSpec { init_containers: init, ..pod_of(images, policy) }
}

/// A sidecar named after its image.
fn sidecar(image: &str) -> Container {
    Container { init_kind: InitKind::Sidecar, ..container(image, image) }
}

const fn secs(secs: u64) -> SimDuration {
    SimDuration::from_secs(secs)
}

const fn listen(port: u16) -> Step {
    Step::Listen { port, protocol: Protocol::Tcp }
}

fn wait_for_port(host: Host, port: u16, timeout: Option<SimDuration>) -> Step {
    Step::WaitFor { what: Awaited::Port(Endpoint { host, port }), timeout }
}

fn wait_for_file(path: &str, timeout: Option<SimDuration>) -> Step {
    Step::WaitFor { what: Awaited::File(path.into()), timeout }
}

fn log(text: &str) -> Step {
    Step::Log(text.into())
}

/// What the timeline is from the present instant on.
#[track_caller]
fn check(bed: &mut Testbed, until_secs: u64, expected: &[&str]) {
    bed.run_until(until_secs);
    assert_eq!(bed.timeline(), expected);
}
