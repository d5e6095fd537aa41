//! The `Endpoints` object of a Service.

use serde_json::{Map, Value, json};

use crate::model::meta::Name;
use crate::model::service::Service;
use crate::network::{BackendAddress, BackendPort, Subset};
use crate::observe::object::ObjectWriter;

impl ObjectWriter<'_> {
    /// The endpoints of a Service.
    pub fn endpoints(&self, service: &Service, subsets: &[Subset]) -> Value {
        let namespace = &service.meta.namespace;
        let metadata = json!({
            "name": &*service.meta.name, "namespace": &**namespace,
            "creationTimestamp": self.time(service.meta.created),
        });
        let subsets: Vec<Value> = subsets.iter().map(|subset| self.subset(subset, namespace)).collect();
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets})
    }

    fn subset(&self, subset: &Subset, namespace: &Name) -> Value {
        let mut out = Map::new();
        let lists = [("addresses", &subset.ready), ("notReadyAddresses", &subset.not_ready)];
        for (field, addresses) in lists.into_iter().filter(|(_, addresses)| !addresses.is_empty()) {
            let addresses = addresses.iter().map(|address| self.address(address, namespace));
            out.insert(field.into(), addresses.collect());
        }
        if !subset.ports.is_empty() {
            out.insert("ports".into(), subset.ports.iter().map(port).collect());
        }
        Value::Object(out)
    }

    fn address(&self, address: &BackendAddress, namespace: &Name) -> Value {
        let node = address.node.and_then(|node| self.cluster.node(node));
        json!({
            "ip": address.ip.to_string(),
            "nodeName": node.map(|node| &*node.meta.name),
            "targetRef": {
                "kind": "Pod", "name": &*address.name, "namespace": &**namespace, "uid": address.uid.to_string(),
            },
        })
    }
}

fn port(port: &BackendPort) -> Value {
    let mut out = json!({"port": port.number, "protocol": port.protocol.as_str()});
    if let Some(name) = &port.name {
        out["name"] = json!(&**name);
    }
    out
}
