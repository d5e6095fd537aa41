//! stub
use crate::engine::SimDuration;
/// d
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// c
    Constant(SimDuration),
}
impl Distribution {
    /// c
    pub fn constant(d: SimDuration) -> Self {
        Self::Constant(d)
    }
}
