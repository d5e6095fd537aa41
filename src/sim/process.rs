//! A component of the control plane as a process that can be stopped and started.
//!
//! A stopped process sees nothing and does nothing. A started one has an empty memory and looks at everything.

use crate::component::{Component, Turn, Watch};
use crate::event::{Change, Event};

/// A component that can be stopped.
#[derive(Clone)]
pub(super) struct Process<C> {
    pub(super) component: C,
    /// The component as it was before its first start.
    fresh: C,
    is_up: bool,
}

impl<C: Component + Clone> Process<C> {
    /// A process that was not started yet.
    pub(super) fn new(build: impl FnOnce() -> C) -> Self {
        let fresh = build();
        Self { component: fresh.clone(), fresh, is_up: false }
    }

    /// Starts the process; nothing happens where it is up.
    pub(super) fn start(&mut self, watch: &mut Watch<'_>) {
        if !self.is_up {
            self.is_up = true;
            self.component.start(watch);
        }
    }

    /// Stops the process: its memory is lost.
    pub(super) fn stop(&mut self) {
        self.is_up = false;
        self.component = self.fresh.clone();
    }

    /// Whether it runs.
    pub(super) const fn is_up(&self) -> bool {
        self.is_up
    }

    /// Hands over an event; a timer of a process that is down fires into the void.
    pub(super) fn on_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        if self.is_up {
            self.component.on_event(event, turn);
        }
    }

    /// Shows a change.
    pub(super) fn on_change(&mut self, change: &Change, watch: &mut Watch<'_>) {
        if self.is_up {
            self.component.on_change(change, watch);
        }
    }
}
