//! ImageLocality: nodes that hold the pod's images are preferred, the more so the larger and the commoner they are.
//!
//! Deviation: upstream freezes the number of nodes that hold an image at the last update of each node; nodes
//! update their status at least every five minutes, so here the number is always the present one.

use crate::model::profile::Feature;
use crate::scheduler::framework::{ConstantScore, CycleContext, MAX_NODE_SCORE, Score};
use crate::scheduler::snapshot::{Row, Snapshot};

/// Less than this [bytes] does not count.
const MIN_THRESHOLD: i64 = 23 * 1024 * 1024;
/// More than this [bytes] for each container does not count.
const MAX_CONTAINER_THRESHOLD: i64 = 1000 * 1024 * 1024;

#[derive(Debug)]
struct ImageLocality {
    /// The column of each container's image, and what holding it is worth [bytes].
    images: Vec<(usize, i64)>,
    n_containers: i64,
}

/// Finds what each image of the pod is worth.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/imagelocality, scaledImageScore.
pub fn pre_score(cx: &CycleContext<'_>, snapshot: &mut Snapshot, _: &[Row]) -> Option<Box<dyn Score>> {
    let n_nodes = snapshot.len() as f64;
    let spec = &cx.pod.spec;
    let with_init = cx.profile.has(Feature::SchedulerInitImages);
    let init_containers = if with_init { spec.init_containers.as_slice() } else { &[] };
    let mut images = Vec::new();
    for container in init_containers.iter().chain(&spec.containers) {
        let at = snapshot.image_column(cx.cluster, &container.image);
        let column = snapshot.images.at(at);
        if column.n_nodes > 0 {
            let spread = column.n_nodes as f64 / n_nodes;
            images.push((at, (column.size.0 as f64 * spread) as i64));
        }
    }
    let n_containers = (init_containers.len() + spec.containers.len()) as i64;
    Some(Box::new(ImageLocality { images, n_containers }))
}

impl Score for ImageLocality {
    fn constant(&self) -> Option<ConstantScore> {
        self.images.is_empty().then_some(ConstantScore { raw: 0, normalized: 0 })
    }

    fn score(&self, snapshot: &Snapshot, rows: &[Row], scores: &mut Vec<i64>) {
        let held = |row: &Row| {
            let present = |(at, _): &&(usize, i64)| snapshot.images.at(*at).is_present[row.index()];
            self.images.iter().filter(present).map(|(_, worth)| worth).sum()
        };
        scores.extend(rows.iter().map(|row| score_of(held(row), self.n_containers)));
    }
}

/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/imagelocality, calculatePriority.
fn score_of(held: i64, n_containers: i64) -> i64 {
    let max = MAX_CONTAINER_THRESHOLD * n_containers;
    let held = held.clamp(MIN_THRESHOLD, max.max(MIN_THRESHOLD));
    MAX_NODE_SCORE * (held - MIN_THRESHOLD) / (max - MIN_THRESHOLD)
}
