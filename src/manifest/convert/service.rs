//! Services to the model.

use crate::manifest::convert::optional;
use crate::manifest::validation::service::NONE;
use crate::manifest::wire;
use crate::manifest::wire::amount::IntOrString;
use crate::model::meta::{LabelOperator, LabelRequirement, LabelSelector};
use crate::model::pod::Protocol;
use crate::model::service::{ServiceAddress, ServicePort, ServiceSpec, TargetPort};

/// Converts what a Service is given to do.
pub fn service_spec(spec: &wire::service::ServiceSpec) -> ServiceSpec {
    let requirements = spec.selector.iter().map(|(key, value)| LabelRequirement {
        key: key.clone(),
        operator: LabelOperator::In(vec![value.clone()]),
    });
    ServiceSpec {
        // A Service that selects nothing has the endpoints that somebody else makes for it: none here.
        selector: (!spec.selector.is_empty()).then(|| LabelSelector { requirements: requirements.collect() }),
        address: match &*spec.cluster_ip {
            NONE => ServiceAddress::Headless,
            address => ServiceAddress::ClusterIp(address.parse().ok()),
        },
        ports: spec.ports.iter().map(port).collect(),
        publish_not_ready_addresses: spec.publish_not_ready_addresses,
    }
}

fn port(port: &wire::service::ServicePort) -> ServicePort {
    let number = |port: i32| u16::try_from(port).expect("validation keeps ports in their range");
    ServicePort {
        name: optional(&port.name),
        protocol: match &*port.protocol {
            "TCP" => Protocol::Tcp,
            "UDP" => Protocol::Udp,
            _ => Protocol::Sctp,
        },
        port: number(port.port),
        target: match &port.target_port {
            IntOrString::Int(target) => TargetPort::Number(number(*target)),
            IntOrString::Text(name) => TargetPort::Name(name.clone()),
        },
    }
}
