//! Components of the control plane that stop and start.
//!
//! Without the API server nobody can write or see anything. The scheduler and the controllers lose their leases and exit;
//! when it is back they start anew, unless they are stopped themselves. Kubelets go on with the pods that they know (see
//! [`crate::kubelet`]). What they write meanwhile stands in the cluster at once: nobody is there to see it before the API
//! server is back, when they would report just that. Connections go on to the endpoints that were known, also where only
//! the controllers are stopped.
//!
//! Deviation: upstream's processes outlive an outage that is shorter than the 10 s in which their leases are to be renewed.
//! Deviation: all find the API server at once when it is back, without their back-offs and elections.

use crate::component::{Component, Timers, Turn, Watch};
use crate::model::scenario::ComponentName;
use crate::sim::Components;
use crate::sim::process::Process;

/// What becomes of a request while the API server is away.
pub(super) const NO_API_SERVER: &str = "the API server does not answer";

/// A process without regard to what it runs.
trait Switch {
    /// Starts it, with an empty memory; nothing happens where it is up.
    fn switch_on(&mut self, watch: &mut Watch<'_>);

    /// Stops it: its memory is lost.
    fn switch_off(&mut self);
}

impl<C: Component + Clone> Switch for Process<C> {
    fn switch_on(&mut self, watch: &mut Watch<'_>) {
        self.start(watch);
    }

    fn switch_off(&mut self) {
        self.stop();
    }
}

impl Components {
    /// Whether requests to the API server fail.
    pub(super) fn lack_api_server(&self) -> bool {
        self.stopped.contains(&ComponentName::KubeApiserver)
    }

    /// Stops a component; nothing happens where it is stopped.
    pub(super) fn stop(&mut self, name: ComponentName, turn: &mut Turn<'_>) {
        if !self.stopped.insert(name) {
            return;
        }
        self.processes(name).into_iter().for_each(|process| process.switch_off());
        match name {
            ComponentName::KubeApiserver => {
                self.kubelet.lose_api_server();
                self.drains.lose_api_server(turn.now());
                self.traffic.freeze_endpoints(turn.cluster());
            }
            ComponentName::KubeControllerManager => self.traffic.freeze_endpoints(turn.cluster()),
            ComponentName::KubeScheduler => {}
        }
    }

    /// Starts a component; nothing happens where it is up. Without an API server a process does not come up before that
    /// does.
    pub(super) fn start(&mut self, name: ComponentName, turn: &mut Turn<'_>) {
        if !self.stopped.remove(&name) {
            return;
        }
        if name == ComponentName::KubeApiserver {
            self.kubelet.find_api_server(turn);
        }
        if self.lack_api_server() {
            return;
        }
        let mut watch = turn.watch();
        for name in [ComponentName::KubeControllerManager, ComponentName::KubeScheduler] {
            if !self.stopped.contains(&name) {
                self.processes(name).into_iter().for_each(|process| process.switch_on(&mut watch));
            }
        }
        if !self.stopped.contains(&ComponentName::KubeControllerManager) {
            self.traffic.thaw_endpoints();
        }
    }

    /// The processes that cannot be up without a component.
    fn processes(&mut self, name: ComponentName) -> Vec<&mut dyn Switch> {
        let scheduler: &mut dyn Switch = &mut self.scheduler;
        let controllers: [&mut dyn Switch; 13] = [
            &mut self.node_lifecycle,
            &mut self.taint_eviction,
            &mut self.pod_gc,
            &mut self.garbage_collector,
            &mut self.deployment,
            &mut self.replica_set,
            &mut self.stateful_set,
            &mut self.daemon_set,
            &mut self.job,
            &mut self.ttl,
            &mut self.cronjob,
            &mut self.disruption,
            &mut self.autoscaler,
        ];
        match name {
            ComponentName::KubeApiserver => controllers.into_iter().chain([scheduler]).collect(),
            ComponentName::KubeControllerManager => controllers.into(),
            ComponentName::KubeScheduler => vec![scheduler],
        }
    }
}
