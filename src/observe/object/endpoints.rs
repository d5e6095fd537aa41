//! The `Endpoints` object of a Service.

use serde_json::{Map, Value, json};

use crate::model::ids::{ObjectId, ServiceId};
use crate::network::{Subset, SubsetAddress, SubsetPort, subsets};
use crate::observe::object::ObjectWriter;

impl ObjectWriter<'_> {
    /// The endpoints of a Service; `None` where it is gone or has none.
    pub fn endpoints(&self, id: ServiceId) -> Option<Value> {
        let service = self.cluster.service(id)?;
        let subsets = subsets(service, self.cluster)?;
        let metadata = json!({
            "name": &*service.meta.name, "namespace": &*service.meta.namespace,
            "creationTimestamp": self.time(service.meta.created),
        });
        let subsets: Vec<Value> = subsets.iter().map(|subset| self.subset(subset)).collect();
        Some(json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}))
    }

    fn subset(&self, subset: &Subset) -> Value {
        let mut out = Map::new();
        let lists = [("addresses", &subset.ready), ("notReadyAddresses", &subset.not_ready)];
        for (field, addresses) in lists.into_iter().filter(|(_, addresses)| !addresses.is_empty()) {
            let addresses = addresses.iter().map(|address| self.address(address));
            out.insert(field.into(), addresses.collect());
        }
        if !subset.ports.is_empty() {
            out.insert("ports".into(), subset.ports.iter().map(port).collect());
        }
        Value::Object(out)
    }

    fn address(&self, address: &SubsetAddress) -> Value {
        let mut out = json!({"ip": address.ip.to_string()});
        if let Some(pod) = self.cluster.pod(address.pod) {
            let node = pod.node.map(|node| self.cluster.name_of(ObjectId::Node(node)).to_string());
            out["nodeName"] = json!(node);
            out["targetRef"] = json!({
                "kind": "Pod", "name": &*pod.meta.name, "namespace": &*pod.meta.namespace,
                "uid": pod.meta.uid.to_string(),
            });
        }
        out
    }
}

fn port(port: &SubsetPort) -> Value {
    let mut out = json!({"port": port.number, "protocol": port.protocol.as_str()});
    if let Some(name) = &port.name {
        out["name"] = json!(&**name);
    }
    out
}
