//! Services.

use serde::Deserialize;

use crate::manifest::wire::StringMap;
use crate::manifest::wire::amount::IntOrString;
use crate::manifest::wire::meta::ObjectMeta;
use crate::model::meta::Name;

/// `v1 Service`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Service {
    pub metadata: ObjectMeta,
    pub spec: ServiceSpec,
}

/// `ServiceSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceSpec {
    #[serde(rename = "type")]
    pub kind: Name,
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Name,
    pub ports: Vec<ServicePort>,
    pub selector: StringMap,
    pub publish_not_ready_addresses: bool,
    pub session_affinity: Name,
}

/// `ServicePort`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServicePort {
    pub name: Name,
    pub port: i32,
    pub protocol: Name,
    pub target_port: IntOrString,
}
