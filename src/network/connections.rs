//! Connections that are kept open.

use crate::model::ids::PodId;
use crate::network::Endpoint;

/// The connections of one client to one host, used in turn. Each stays with the endpoint that it was opened to until a
/// request over it fails.
#[derive(Debug, Clone)]
pub struct Connections {
    open: Vec<Option<Endpoint>>,
    next: usize,
}

impl Connections {
    /// So many connections, none of them open yet.
    pub fn new(count: u32) -> Self {
        Self { open: vec![None; count.max(1) as usize], next: 0 }
    }

    /// The connection whose turn it is.
    pub fn take_next(&mut self) -> &mut Option<Endpoint> {
        let at = self.next;
        self.next = (at + 1) % self.open.len();
        &mut self.open[at]
    }

    /// A request to this pod failed: its connections are closed.
    pub fn close(&mut self, pod: PodId) {
        for open in &mut self.open {
            if open.is_some_and(|endpoint| endpoint.pod == pod) {
                *open = None;
            }
        }
    }
}
