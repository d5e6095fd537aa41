//! Numbers or percentages to the model.

use crate::manifest::validation::amount::percent;
use crate::manifest::wire::amount::IntOrString;
use crate::model::amount::CountOrPercent;

/// A number of pods, or a share of them.
pub(super) fn count_or_percent(amount: &IntOrString) -> CountOrPercent {
    match amount {
        IntOrString::Int(number) => {
            CountOrPercent::Count(u32::try_from(*number).expect("validation refuses counts below zero"))
        }
        text => CountOrPercent::Percent(percent(text).expect("validation refuses what is no percentage")),
    }
}
