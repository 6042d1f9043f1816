//! Amazon ECS's own limits, which a trace may exceed and `--strict-ecs` holds it to.

use scheduler_core::{AttributeName, Demand, GpuDemand};

use super::kinds::LintKind;
use crate::trace::{Action, Definition, Event, InstanceEntry, Profile};

/// Custom attributes of one instance (API: PutAttributes).
const ATTRIBUTE_LIMIT: u64 = 10;
/// Quotas of a cluster (AWS developer guide, service quotas).
pub(super) const CLUSTER_QUOTA: u64 = 5_000;

fn limit(what: &'static str, given: u64, most: u64, text: &'static str) -> Option<LintKind> {
    (given > most).then_some(LintKind::Limit { what, given, limit: text })
}

/// Of one call.
pub(super) fn event_limits(event: &Event) -> Vec<LintKind> {
    let found = match &event.action {
        Action::RunTask(run) => limit("the count of runTask", run.names.count().into(), 10, "1 to 10"),
        Action::StartTask(start) => {
            limit("the containerInstances of startTask", start.instances.len() as u64, 10, "1 to 10")
        }
        Action::UpdateContainerInstancesState { instances, .. } => {
            limit("the containerInstances of a call", instances.len() as u64, 10, "1 to 10")
        }
        Action::PutAttributes(targets) | Action::DeleteAttributes(targets) => {
            limit("the attributes of a call", targets.len() as u64, ATTRIBUTE_LIMIT, "1 to 10")
        }
        _ => None,
    };
    found.into_iter().collect()
}

/// Of a task definition.
pub(super) fn definition_limits(definition: &Definition, profile: Profile) -> Vec<LintKind> {
    let name = || -> Box<str> { definition.core.name().into() };
    let mut lints = Vec::new();
    let most = if profile == Profile::Ecs2023 { 10_240 } else { 196_608 };
    let least = 128;
    if let Some(given) = definition.core.cpu_units()
        && !(least..=most).contains(&given)
    {
        lints.push(LintKind::TaskCpu { definition: name(), given, least, most });
    }
    let Demand { memory_mib, .. } = definition.core.demand();
    if *memory_mib == 0 {
        lints.push(LintKind::NoMemory { definition: name() });
    }
    if definition.max_tasks_per_instance.is_some() {
        lints.push(LintKind::Extension { definition: name(), key: "maxTasksPerInstance" });
    }
    if matches!(definition.core.demand().gpus, GpuDemand::Share(_)) {
        lints.push(LintKind::Extension { definition: name(), key: "gpuMilli" });
    }
    lints
}

/// Of container instances.
pub(super) fn instance_limits(entry: &InstanceEntry) -> Vec<LintKind> {
    let names = entry.description.attributes.iter().map(|(name, _)| name);
    let custom: Vec<&AttributeName> = names.filter(|name| !name.is_reserved()).collect();
    let given = custom.len() as u64;
    limit("the custom attributes of a container instance", given, ATTRIBUTE_LIMIT, "at most 10").into_iter().collect()
}

/// Of the cluster.
pub(super) fn quota(what: &'static str, given: u64) -> Option<LintKind> {
    limit(what, given, CLUSTER_QUOTA, "at most 5,000 in a cluster unless a higher quota is granted")
}
