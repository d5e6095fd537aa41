//! Which nodes hold which images, one column per image that some pod asks for.

use rustc_hash::FxHashMap;

use crate::cluster::Cluster;
use crate::model::ids::NodeId;
use crate::model::meta::Name;
use crate::model::resources::Bytes;

/// The columns of the images that were asked for.
#[derive(Debug, Clone, Default)]
pub struct ImageColumns {
    columns: Vec<ImageColumn>,
    by_name: FxHashMap<Name, usize>,
}

/// One image on all nodes.
#[derive(Debug, Clone)]
pub struct ImageColumn {
    /// Whether the node of the row holds it.
    pub is_present: Vec<bool>,
    /// Its size, as the node says that registered with it first.
    pub size: Bytes,
    /// How many nodes hold it.
    pub n_nodes: usize,
}

impl ImageColumns {
    /// Forgets what nodes hold: they hold something else now.
    pub(super) fn forget(&mut self) {
        self.columns.clear();
        self.by_name.clear();
    }

    /// The column at a position.
    pub fn at(&self, column: usize) -> &ImageColumn {
        &self.columns[column]
    }

    /// The position of the column of a container's image.
    pub(super) fn column(&mut self, image: &Name, nodes: &[NodeId], cluster: &Cluster) -> usize {
        if let Some(at) = self.by_name.get(image) {
            return *at;
        }
        self.columns.push(ImageColumn::new(&with_tag(image), nodes, cluster));
        self.by_name.insert(image.clone(), self.columns.len() - 1);
        self.columns.len() - 1
    }
}

impl ImageColumn {
    fn new(name: &str, nodes: &[NodeId], cluster: &Cluster) -> Self {
        let mut column = Self { is_present: Vec::with_capacity(nodes.len()), size: Bytes(0), n_nodes: 0 };
        let mut first = u64::MAX;
        for node in nodes {
            let node = &cluster.nodes()[*node];
            let image =
                node.spec.images.iter().find(|image| image.names.iter().any(|other| **other == *name));
            column.is_present.push(image.is_some());
            let Some(image) = image else { continue };
            column.n_nodes += 1;
            if node.meta.uid.serial < first {
                first = node.meta.uid.serial;
                column.size = image.size;
            }
        }
        column
    }
}

/// An image name with the tag that it means where it has none.
/// Source: Kubernetes 1.28, pkg/scheduler/framework/plugins/imagelocality, normalizedImageName.
fn with_tag(image: &str) -> String {
    let has_tag = image.rfind(':') > image.rfind('/');
    if has_tag { image.to_owned() } else { format!("{image}:latest") }
}
