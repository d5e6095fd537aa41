//! The memory of a process: when it reaches its limit.
//!
//! That of a whole node is in `pressure`.

use crate::engine::SimDuration;
use crate::model::program::MemoryUse;
use crate::model::resources::Bytes;

/// The exit code of a process that the kernel kills: 128 + SIGKILL.
pub(super) const KILLED: i32 = 137;

/// From the start of a process to the instant when it would use more than its limit; `None` where it never does.
pub(super) fn time_to_limit(usage: &MemoryUse, limit: Bytes) -> Option<SimDuration> {
    const NANOS_PER_MINUTE: i128 = 60_000_000_000;
    let room = i128::from(limit.0) - i128::from(usage.base.0);
    if room < 0 {
        return Some(SimDuration::ZERO);
    }
    let growth = i128::from(usage.growth_per_minute.0);
    if growth <= 0 {
        return None;
    }
    let nanos = (room * NANOS_PER_MINUTE + growth - 1) / growth;
    u64::try_from(nanos).ok().map(SimDuration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: i64 = 1 << 20;

    #[track_caller]
    fn check(base: i64, growth_per_minute: i64, limit: i64, expected: Option<&str>) {
        let usage = MemoryUse { base: Bytes(base), growth_per_minute: Bytes(growth_per_minute) };
        let expected = expected.map(|span| span.parse().unwrap());
        assert_eq!(time_to_limit(&usage, Bytes(limit)), expected);
    }

    #[test]
    fn the_limit_is_reached_at_an_exact_instant() {
        check(100 * MIB, MIB, 200 * MIB, Some("100m"));
        check(0, 60, 1, Some("1s"));
        check(0, 7, 1, Some("8.571428572s"));
    }

    #[test]
    fn a_process_above_its_limit_dies_at_its_start_and_one_that_does_not_grow_never() {
        check(201 * MIB, 0, 200 * MIB, Some("0"));
        check(200 * MIB, 0, 200 * MIB, None);
        check(100 * MIB, -1, 200 * MIB, None);
        check(0, 1, i64::MAX, None);
    }
}
