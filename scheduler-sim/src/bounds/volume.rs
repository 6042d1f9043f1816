//! What tasks take of one resource, and the ports that no two of one instance share.

use std::collections::BTreeMap;

use super::{Best, Method, RESOURCE_COUNT, TaskKind, Weighting};

/// Weight: what a task takes of one resource.
pub(super) fn bounds(tasks: &[TaskKind], best: &mut Best<'_>) {
    for resource in 0..RESOURCE_COUNT {
        let weights = tasks.iter().map(|kind| (kind.resources[resource], kind.count));
        let capacities = best.instances.iter().map(|kind| kind.resources[resource]).collect();
        if let Some(weighting) = Weighting::new(weights, capacities) {
            best.take(Method::Volume, &weighting);
        }
    }
    // Tasks that take nothing lie somewhere all the same: at least one instance has some.
    let any = u64::from(tasks.iter().any(|kind| kind.count > 0));
    if let Some(weighting) = Weighting::new([(any, 1)], vec![1; best.instances.len()]) {
        best.take(Method::Volume, &weighting);
    }
}

/// Weight: 1 for each task that takes one port; the port that most tasks take.
pub(super) fn port_bounds(tasks: &[TaskKind], best: &mut Best<'_>) {
    let mut takers = BTreeMap::new();
    for kind in tasks {
        for port in &kind.host_ports {
            let count: &mut u64 = takers.entry(port).or_default();
            *count = count.saturating_add(kind.count);
        }
    }
    let Some(most) = takers.into_values().max() else { return };
    if let Some(weighting) = Weighting::new([(1, most)], vec![1; best.instances.len()]) {
        best.take(Method::Port, &weighting);
    }
}
