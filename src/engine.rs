//! The discrete-event engine: time, calendar, random streams, distributions, arenas. It knows no Kubernetes.

pub mod arena;
pub mod calendar;
pub mod distribution;
pub mod indexed;
pub mod random;
pub mod time;

pub use arena::{Arena, Id};
pub use calendar::{Calendar, Rank, Scheduled};
pub use distribution::{Distribution, DistributionError, Law, Weighted};
pub use random::{EntityKey, Purpose, Streams};
pub use time::{SimDuration, SimTime};
