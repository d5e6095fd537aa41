//! What the reader takes at most, so that no input makes it slow or large.
//!
//! The bounds lie far above what a cluster holds (etcd refuses objects above 1.5 MiB) and are checked before the work
//! that they bound.

/// The largest text that is read [bytes].
pub const TEXT_BYTES_MAX: usize = 64 << 20;

/// The deepest nesting of lists and maps.
pub const DEPTH_MAX: usize = 100;

/// The most lists, maps and scalars in one text, aliases written out.
pub const TREES_MAX: usize = 4_000_000;

/// The most lists, maps and scalars that the aliases of one text may stand for.
pub const ALIASED_TREES_MAX: usize = 100_000;

/// The most text that the aliases of one text may stand for [bytes].
pub const ALIASED_BYTES_MAX: usize = 16 << 20;

/// The most commas in one YAML document; its parser holds a whole `[…]` or `{…}` at several hundred bytes a comma.
pub const COMMAS_MAX: usize = 500_000;

/// The most diagnostics kept for one file; the rest is counted.
pub const DIAGNOSTICS_MAX: usize = 200;

/// The longest piece of input that is repeated in a message [characters].
pub const QUOTE_CHARS_MAX: usize = 60;
