//! The horizontal pod autoscaler controller: sets the size of workloads by what their pods use.
//!
//! An autoscaler is synced 15 s after it was created, and again 15 s after each sync; nothing else leads to one. What the
//! controller remembers of an autoscaler, its recommendations and scalings, is lost when the controller stops, and when
//! the autoscaler is still gone at the time of its next sync.
//!
//! - [`metrics`]: the metrics APIs, as an autoscaler asks them.
//! - [`pods`]: which pods count.
//! - [`replicas`]: how many replicas a metric asks for.
//! - [`proposal`]: the same for each kind of metric, with upstream's words.
//! - [`memory`]: what holds a recommendation back.
//! - [`limits`]: how far it may go at once.
//! - [`sync`]: one sync of all that.
//! - [`decision`]: the same in numbers, for those who ask why.
//!
//! Source: Kubernetes 1.28 and later, pkg/controller/podautoscaler/horizontal.go and rate_limiters.go.

pub mod metrics;
pub mod pods;
pub mod replicas;
pub mod proposal;
pub mod memory;
pub mod limits;
pub mod sync;
pub mod decision;
mod live_api;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::component::{Component, Timers, Turn, Watch};
use crate::controllers::horizontal_pod_autoscaler::decision::Decision;
use crate::controllers::horizontal_pod_autoscaler::live_api::LiveApi;
use crate::controllers::horizontal_pod_autoscaler::memory::Memory;
use crate::controllers::horizontal_pod_autoscaler::sync::{Moment, Observed, Outcome};
use crate::engine::SimTime;
use crate::event::{Change, Command, Event, EventId, StatusUpdate};
use crate::model::horizontal_pod_autoscaler::AutoscalerConfig;
use crate::model::ids::{HorizontalPodAutoscalerId, ObjectId};
use crate::model::meta::{LabelSelector, Name};
use crate::model::metrics::MetricSeries;

/// How many decisions are kept for those who ask why.
const DECISIONS_MAX: usize = 20;

/// The horizontal pod autoscaler controller.
#[derive(Debug, Clone)]
pub struct HorizontalPodAutoscalerController {
    config: AutoscalerConfig,
    series: Arc<[MetricSeries]>,
    entries: FxHashMap<HorizontalPodAutoscalerId, Entry>,
    /// What is remembered of autoscalers that were deleted, by namespace and name, until their next sync.
    departed: BTreeMap<(Name, Name), (HorizontalPodAutoscalerId, Entry)>,
}

/// An autoscaler as the controller knows it.
#[derive(Debug, Clone)]
struct Entry {
    memory: Memory,
    decisions: VecDeque<Decision>,
    due: SimTime,
    timer: EventId,
}

impl HorizontalPodAutoscalerController {
    /// A controller with an empty memory, in a cluster whose other metrics are these.
    pub fn new(config: AutoscalerConfig, series: Arc<[MetricSeries]>) -> Self {
        Self { config, series, entries: FxHashMap::default(), departed: BTreeMap::new() }
    }

    /// The last decisions about an autoscaler, oldest first.
    pub fn decisions(&self, id: HorizontalPodAutoscalerId) -> impl DoubleEndedIterator<Item = &Decision> {
        self.entries.get(&id).into_iter().flat_map(|entry| entry.decisions.iter())
    }

    fn enqueue(&mut self, id: HorizontalPodAutoscalerId, timers: &mut impl Timers) {
        let due = timers.now() + self.config.sync_period;
        let timer = timers.set_timer(due, Event::AutoscalerSync(id));
        let entry = Entry { memory: Memory::default(), decisions: VecDeque::new(), due, timer };
        self.entries.insert(id, entry);
    }

    /// An autoscaler that takes the name of one that was deleted since its last sync takes its memory, too.
    fn open(&mut self, id: HorizontalPodAutoscalerId, watch: &mut Watch<'_>) {
        let Some(meta) = watch.cluster().horizontal_pod_autoscaler(id).map(|it| &it.meta) else { return };
        match self.departed.remove(&(meta.namespace.clone(), meta.name.clone())) {
            None => self.enqueue(id, watch),
            Some((_, mut entry)) => {
                watch.cancel(entry.timer);
                entry.timer = watch.set_timer(entry.due, Event::AutoscalerSync(id));
                self.entries.insert(id, entry);
            }
        }
    }

    fn sync(&mut self, id: HorizontalPodAutoscalerId, turn: &mut Turn<'_>) {
        let Some(mut entry) = self.entries.remove(&id) else {
            self.departed.retain(|_, (departed, _)| *departed != id);
            return;
        };
        let Some(autoscaler) = turn.cluster().horizontal_pod_autoscaler(id).cloned() else { return };
        let (context, now) = (turn.context, turn.now());
        let moment = Moment { now, config: &self.config, profile: &context.profile };
        let observed = Observed {
            namespace: &autoscaler.meta.namespace,
            spec: &autoscaler.spec,
            status: &autoscaler.status,
        };
        let others = self.selectors(&autoscaler.meta.namespace, turn);
        let mut api = LiveApi { turn, id, autoscaler: &autoscaler, series: &self.series, others };
        let Outcome { status, decision, .. } = sync::sync(&observed, &mut entry.memory, &moment, &mut api);
        if status != autoscaler.status {
            turn.write(Command::UpdateStatus(Box::new(StatusUpdate::HorizontalPodAutoscaler(id, status))));
        }
        if entry.decisions.len() == DECISIONS_MAX {
            entry.decisions.pop_front();
        }
        entry.decisions.push_back(decision);
        entry.due = now + self.config.sync_period;
        entry.timer = turn.set_timer(entry.due, Event::AutoscalerSync(id));
        self.entries.insert(id, entry);
    }

    /// The autoscalers of a namespace with the pods that they were last found to scale.
    fn selectors(&self, namespace: &Name, turn: &Turn<'_>) -> Vec<(Name, LabelSelector)> {
        let all = turn.cluster().horizontal_pod_autoscalers().iter();
        let here = all.filter(|(_, it)| it.meta.namespace == *namespace);
        here.filter_map(|(id, it)| {
            Some((it.meta.name.clone(), self.entries.get(&id)?.memory.selector.clone()?))
        })
        .collect()
    }
}

impl Component for HorizontalPodAutoscalerController {
    fn start(&mut self, watch: &mut Watch<'_>) {
        let mut all: Vec<_> = watch
            .cluster()
            .horizontal_pod_autoscalers()
            .iter()
            .map(|(id, autoscaler)| (autoscaler.meta.uid.serial, id))
            .collect();
        all.sort_unstable();
        for (_, id) in all {
            self.enqueue(id, watch);
        }
    }

    fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        let Event::AutoscalerSync(id) = event else { return };
        let is_due = |entry: &Entry| entry.due == turn.now();
        let departed = self.departed.values().any(|(departed, entry)| *departed == id && is_due(entry));
        if departed || self.entries.get(&id).is_some_and(is_due) {
            self.sync(id, turn);
        }
    }

    fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        match change {
            Change::Created(ObjectId::HorizontalPodAutoscaler(id)) => self.open(*id, watch),
            Change::Deleted(ObjectId::HorizontalPodAutoscaler(id), gone) => {
                if let Some(mut entry) = self.entries.remove(id) {
                    entry.memory.selector = None;
                    self.departed.insert((gone.namespace.clone(), gone.name.clone()), (*id, entry));
                }
            }
            _ => {}
        }
    }
}
