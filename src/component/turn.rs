//! The hands of a component: what it may read and do while it handles an event or is shown a change.

use crate::cluster::{Cluster, Refusal};
use crate::engine::{Calendar, SimDuration, SimTime, Streams};
use crate::event::{Change, Command, Event, EventId};
use crate::model::ids::ObjectId;
use crate::model::profile::Profile;
use crate::model::record::{Record, Severity};
use crate::model::scenario::Timing;
use crate::model::wall_clock::WallClock;

/// Is shown every change at the moment when it happens; reads, writes nothing back.
pub trait Observer {
    /// Takes note of the event that is about to be handled: the cause of the changes that follow.
    fn begin(&mut self, now: SimTime, seq: u64, event: &Event, cluster: &Cluster);

    /// Takes note of a change. The cluster has made it already, and no later one.
    fn see(&mut self, now: SimTime, change: &Change, cluster: &Cluster);

    /// Whether records with this reason are of interest; where they are not, components may leave them out.
    fn wants_records(&self, _reason: &str) -> bool {
        true
    }
}

/// Facts of a run that never change.
#[derive(Debug, Clone)]
pub struct Context {
    /// The behaviour of the Kubernetes version.
    pub profile: Profile,
    /// The latencies.
    pub timing: Timing,
    /// The random streams.
    pub streams: Streams,
    /// The wall clock at the start.
    pub clock: WallClock,
}

/// The turn of a component that handles an event.
pub struct Turn<'a> {
    /// Facts of the run.
    pub context: &'a Context,
    now: SimTime,
    cluster: &'a mut Cluster,
    calendar: &'a mut Calendar<Event>,
    observer: &'a mut dyn Observer,
    changes: &'a mut Vec<Change>,
}

/// What a component may do when it is shown a change: look, and enqueue work.
pub struct Watch<'a> {
    /// Facts of the run.
    pub context: &'a Context,
    now: SimTime,
    cluster: &'a Cluster,
    calendar: &'a mut Calendar<Event>,
}

/// Sets and cancels timers; what turns and watches have in common.
pub trait Timers {
    /// The present instant.
    fn now(&self) -> SimTime;

    /// The calendar.
    fn calendar(&mut self) -> &mut Calendar<Event>;

    /// Makes an event due at an instant, at the earliest now.
    #[inline]
    fn set_timer(&mut self, at: SimTime, event: Event) -> EventId {
        let at = at.max(self.now());
        self.calendar().schedule(at, event.rank(), event)
    }

    /// Makes an event due after a span.
    #[inline]
    fn set_timer_after(&mut self, span: SimDuration, event: Event) -> EventId {
        let at = self.now() + span;
        self.set_timer(at, event)
    }

    /// Takes an event back; nothing happens where it is over.
    #[inline]
    fn cancel(&mut self, timer: EventId) {
        self.calendar().cancel(timer);
    }
}

impl<'a> Turn<'a> {
    /// A turn at the calendar's present instant. Changes are shown to `observer` at once and put into `changes` for
    /// the components.
    #[inline]
    pub fn new(
        context: &'a Context,
        cluster: &'a mut Cluster,
        calendar: &'a mut Calendar<Event>,
        observer: &'a mut dyn Observer,
        changes: &'a mut Vec<Change>,
    ) -> Self {
        let now = calendar.now();
        Self { context, now, cluster, calendar, observer, changes }
    }

    /// A watch over the cluster as this turn has left it.
    pub fn watch(&mut self) -> Watch<'_> {
        Watch { context: self.context, now: self.now, cluster: self.cluster, calendar: self.calendar }
    }

    /// The cluster as it is now, with what this turn has written.
    pub fn cluster(&self) -> &Cluster {
        self.cluster
    }

    /// Has the cluster do a write.
    ///
    /// # Errors
    /// When the API server would refuse it.
    pub fn submit(&mut self, command: Command) -> Result<Option<ObjectId>, Refusal> {
        let first = self.changes.len();
        let outcome = self.cluster.apply(self.now, command, self.changes);
        for change in &self.changes[first..] {
            self.observer.see(self.now, change, self.cluster);
        }
        outcome
    }

    /// Has the cluster do a write that it cannot refuse, because this component has just seen the object.
    ///
    /// # Panics
    /// When it is refused all the same: a bug.
    pub fn write(&mut self, command: Command) {
        self.submit(command).expect("the object of a write was looked up in the same turn");
    }

    /// Whether anybody reads records with this reason; text for nobody need not be made.
    pub fn wants_records(&self, reason: &str) -> bool {
        self.observer.wants_records(reason)
    }

    /// Notes something about an object.
    pub fn record(
        &mut self,
        object: ObjectId,
        severity: Severity,
        reason: &'static str,
        message: impl Into<String>,
        source: &'static str,
    ) {
        let record = Record { severity, reason, message: message.into(), source };
        self.write(Command::Record(object, record));
    }
}

impl<'a> Watch<'a> {
    /// A watch at the calendar's present instant.
    #[inline]
    pub fn new(context: &'a Context, cluster: &'a Cluster, calendar: &'a mut Calendar<Event>) -> Self {
        let now = calendar.now();
        Self { context, now, cluster, calendar }
    }

    /// The cluster as it is now: perhaps further on than the change that is shown.
    pub fn cluster(&self) -> &'a Cluster {
        self.cluster
    }
}

impl Timers for Turn<'_> {
    fn now(&self) -> SimTime {
        self.now
    }

    fn calendar(&mut self) -> &mut Calendar<Event> {
        self.calendar
    }
}

impl Timers for Watch<'_> {
    fn now(&self) -> SimTime {
        self.now
    }

    fn calendar(&mut self) -> &mut Calendar<Event> {
        self.calendar
    }
}
