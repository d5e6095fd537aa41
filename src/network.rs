//! The network between pods: where a name leads, which endpoint a connection gets, how long a message takes.
//!
//! It is asked by whoever sends requests; it is not a component. What it knows of the cluster it is told change by change.

mod backends;
mod connections;
mod distance;
mod targets;

pub use backends::{BackendAddress, BackendPort, Subset};
pub use connections::Connections;
pub use distance::{Distance, Location, NetworkNamespace, location_of};
pub use targets::{Endpoint, Resolution, TargetId, Targets, Unresolved};
