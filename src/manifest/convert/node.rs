//! Nodes and amounts of resources to the model.

use crate::manifest::convert::pod::taint_effect;
use crate::manifest::wire;
use crate::manifest::wire::ResourceList;
use crate::model::node::{NodeImage, NodeSpec};
use crate::model::resources::{Bytes, Millicores, Resources};
use crate::model::scheduling::Taint;

/// Converts what a node is given to be.
pub fn node_spec(node: &wire::node::Node) -> NodeSpec {
    let (spec, status) = (&node.spec, &node.status);
    let max_pods = status.allocatable.get("pods").map_or(0, |amount| amount.value());
    NodeSpec {
        capacity: resources(&status.capacity),
        allocatable: resources(&status.allocatable),
        max_pods: u32::try_from(max_pods).unwrap_or(u32::MAX),
        unschedulable: spec.unschedulable,
        taints: spec.taints.iter().map(taint).collect(),
        images: status.images.iter().map(image).collect(),
        price_per_hour: None,
        pool: None,
    }
}

fn taint(taint: &wire::node::Taint) -> Taint {
    Taint { key: taint.key.clone(), value: taint.value.clone(), effect: taint_effect(&taint.effect) }
}

fn image(image: &wire::node::ContainerImage) -> NodeImage {
    NodeImage { names: image.names.clone(), size: Bytes(image.size_bytes) }
}

/// Converts amounts to whole millicores, bytes and units, rounded up. `pods` is not among them: a node has it apart.
pub fn resources(list: &ResourceList) -> Resources {
    let mut resources = Resources::default();
    for (name, amount) in list {
        match &**name {
            "cpu" => {
                let millis = amount.milli_value().expect("validation keeps cpu countable in thousandths");
                resources.cpu = Millicores(millis);
            }
            "memory" => resources.memory = Bytes(amount.value()),
            "ephemeral-storage" => resources.ephemeral_storage = Bytes(amount.value()),
            "pods" => {}
            _ => resources.set_extended(name, amount.value()),
        }
    }
    resources
}
