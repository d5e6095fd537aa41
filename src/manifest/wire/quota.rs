//! Resource quotas.

use serde::Deserialize;

use crate::manifest::wire::ResourceList;
use crate::manifest::wire::meta::ObjectMeta;

/// `v1 ResourceQuota`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceQuota {
    pub metadata: ObjectMeta,
    pub spec: ResourceQuotaSpec,
}

/// `v1 ResourceQuotaSpec`
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceQuotaSpec {
    pub hard: ResourceList,
}
