//! TaintToleration: no pod goes to a node with a NoSchedule or NoExecute taint that it does not tolerate, and
//! nodes with fewer PreferNoSchedule taints that it does not tolerate are preferred.
//!
//! Nodes have few distinct lists of taints: tolerations are compared once per list, not per node.

use crate::model::scheduling::{Placement, Taint, TaintEffect};
use crate::scheduler::framework::{
    Code, ConstantScore, CycleContext, Filter, MAX_NODE_SCORE, PreFilter, Reason, Score, scale_reversed,
};
use crate::scheduler::snapshot::{Row, Snapshot};

/// By list of taints: the first taint that keeps the pod away.
#[derive(Debug)]
struct TaintToleration {
    untolerated: Vec<Option<Taint>>,
}

/// By list of taints: how many make the pod rather go elsewhere.
#[derive(Debug)]
struct TaintPreference {
    n_untolerated: Vec<i64>,
}

/// The first taint that forbids the pod. For how long a taint is tolerated does not matter here.
/// Source: Kubernetes 1.28, component-helpers/scheduling/corev1, FindMatchingUntoleratedTaint.
pub fn first_untolerated<'a>(placement: &Placement, taints: &'a [Taint]) -> Option<&'a Taint> {
    taints.iter().find(|taint| taint.effect != TaintEffect::PreferNoSchedule && !placement.tolerates(taint))
}

/// Compares the pod's tolerations with the lists of taints.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/tainttoleration, Filter.
pub fn pre_filter(cx: &CycleContext<'_>, snapshot: &mut Snapshot) -> PreFilter {
    let placement = &cx.pod.spec.placement;
    let untolerated: Vec<_> =
        snapshot.taints.lists.iter().map(|taints| first_untolerated(placement, taints).cloned()).collect();
    if untolerated.iter().all(Option::is_none) {
        return PreFilter::Skip;
    }
    PreFilter::Filter(Box::new(TaintToleration { untolerated }))
}

/// Counts the PreferNoSchedule taints of each list that the pod does not tolerate.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/tainttoleration, countIntolerableTaintsPreferNoSchedule.
pub fn pre_score(cx: &CycleContext<'_>, snapshot: &mut Snapshot, _: &[Row]) -> Option<Box<dyn Score>> {
    let placement = &cx.pod.spec.placement;
    let counts =
        |taint: &&Taint| taint.effect == TaintEffect::PreferNoSchedule && !placement.tolerates(taint);
    let n_untolerated =
        snapshot.taints.lists.iter().map(|taints| taints.iter().filter(counts).count() as i64).collect();
    Some(Box::new(TaintPreference { n_untolerated }))
}

impl Filter for TaintToleration {
    fn filter(&self, snapshot: &Snapshot, row: Row) -> Result<(), Code> {
        let list = snapshot.taints.of_row[row.index()] as usize;
        if self.untolerated[list].is_some() { Err(Code::UnschedulableAndUnresolvable) } else { Ok(()) }
    }

    fn explain(&self, snapshot: &Snapshot, row: Row, reasons: &mut Vec<Reason>) {
        let list = snapshot.taints.of_row[row.index()] as usize;
        reasons.extend(
            self.untolerated[list]
                .as_ref()
                .map(|taint| Reason::UntoleratedTaint { key: taint.key.clone(), value: taint.value.clone() }),
        );
    }

    fn detail(&self, snapshot: &Snapshot, row: Row, details: &mut Vec<String>) {
        let list = snapshot.taints.of_row[row.index()] as usize;
        details.extend(self.untolerated[list].as_ref().map(|taint| {
            let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
            format!("{}{value}:{:?}", taint.key, taint.effect)
        }));
    }
}

impl Score for TaintPreference {
    fn constant(&self) -> Option<ConstantScore> {
        let nobody_minds = self.n_untolerated.iter().all(|count| *count == 0);
        nobody_minds.then_some(ConstantScore { raw: 0, normalized: MAX_NODE_SCORE })
    }

    fn score(&self, snapshot: &Snapshot, rows: &[Row], scores: &mut Vec<i64>) {
        let lists = &snapshot.taints.of_row;
        scores.extend(rows.iter().map(|row| self.n_untolerated[lists[row.index()] as usize]));
    }

    fn normalize(&self, _: &Snapshot, _: &[Row], scores: &mut [i64]) {
        scale_reversed(scores);
    }
}
