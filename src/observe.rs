//! What is seen of a run: objects as kubectl shows them, digest, trace, records, ledgers, utilisation.
//!
//! Observers read the cluster and the changes and write nothing back.

pub mod object;
