//! The network between pods: where a name leads, which endpoint a connection gets, how long a message takes.
//!
//! It is asked by whoever sends requests; it is not a component. What it knows of the cluster it is told change by change.

mod connections;
mod distance;
mod subsets;
mod targets;

pub use connections::Connections;
pub use distance::{Distance, Location, NetworkNamespace, location_of};
pub use subsets::{Subset, SubsetAddress, SubsetPort, subsets};
pub use targets::{Endpoint, Resolution, TargetId, Targets, Unresolved, backends, target_port};
