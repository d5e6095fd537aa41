//! The table of endpoints.
//!
//! Source: Kubernetes 1.28, pkg/printers/internalversion/printers.go, printEndpoints and formatEndpoints.

use crate::model::ids::{ObjectId, ServiceId};
use crate::network::Subset;
use crate::report::get::Listing;
use crate::report::table::Table;

/// No more than so many are shown.
const SHOWN_MAX: usize = 3;

/// The table of the endpoints of Services. One that selects no pods has none.
pub fn table(
    listing: &Listing<'_>,
    services: &[ObjectId],
    endpoints: impl Fn(ServiceId) -> Option<Vec<Subset>>,
) -> String {
    let mut rows = Vec::new();
    for object in services {
        let ObjectId::Service(id) = object else { continue };
        let Some(service) = listing.cluster.service(*id) else { continue };
        let Some(subsets) = endpoints(*id) else { continue };
        let name = service.meta.name.to_string();
        let cells = [name, endpoints_text(&subsets), listing.age(&service.meta)];
        rows.push((Listing::namespace(&service.meta), cells));
    }
    if rows.is_empty() {
        return "No resources found.\n".to_owned();
    }
    let has_namespace = rows.iter().any(|(namespace, _)| !namespace.is_empty());
    let heads = ["NAMESPACE", "NAME", "ENDPOINTS", "AGE"];
    let mut table = Table::new(&heads[usize::from(!has_namespace)..]);
    for (namespace, cells) in rows {
        table.cells(has_namespace.then_some(namespace).into_iter().chain(cells).collect());
    }
    table.to_string()
}

fn endpoints_text(subsets: &[Subset]) -> String {
    if subsets.is_empty() {
        return "<none>".to_owned();
    }
    let mut all = Vec::new();
    for Subset { ports, ready, .. } in subsets {
        for port in ports {
            all.extend(ready.iter().map(|address| format!("{}:{}", address.ip, port.number)));
        }
        if ports.is_empty() {
            all.extend(ready.iter().map(|address| address.ip.to_string()));
        }
    }
    let shown = all[..all.len().min(SHOWN_MAX)].join(",");
    match all.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        n_more => format!("{shown} + {n_more} more..."),
    }
}
