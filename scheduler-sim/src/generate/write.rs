//! The parts of a generated trace as the trace format has them.

use serde::{Serialize, Serializer};

use super::plan::FleetEntry;
use super::presets::{Kind, Rule};

/// Milliseconds, written as seconds: a whole number where it is one. (Else the quotient is rounded as IEEE 754 says, and
/// its shortest decimal form, three digits at most, is the same everywhere.)
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(pub(super) u64);

impl Serialize for Seconds {
    #[expect(clippy::cast_precision_loss, reason = "a trace is shorter than 2^53 ms")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1_000) {
            serializer.serialize_u64(self.0 / 1_000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1_000.0)
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SettingsOut {
    pub(super) end_seconds: Seconds,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceOut<'a> {
    count: u32,
    instance_type: &'static str,
    availability_zone: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<DiskOut>,
}

#[derive(Debug, Serialize)]
struct DiskOut {
    disk: &'static str,
}

impl<'a> InstanceOut<'a> {
    pub(super) fn of(entry: &'a FleetEntry) -> Self {
        Self {
            count: entry.count,
            instance_type: entry.instance_type,
            availability_zone: &entry.zone,
            attributes: entry.disk.map(|disk| DiskOut { disk }),
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DefinitionOut {
    family: &'static str,
    cpu: u32,
    memory: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<[u16; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tasks_per_instance: Option<u32>,
}

impl DefinitionOut {
    pub(super) fn of(kind: &Kind) -> Self {
        Self {
            family: kind.family,
            cpu: kind.cpu_units,
            memory: kind.memory_mib,
            ports: if let Rule::Port(port) = kind.rule { Some([port]) } else { None },
            max_tasks_per_instance: if let Rule::Cap(limit) = kind.rule { Some(limit) } else { None },
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceOut<'a> {
    pub(super) service_name: &'a str,
    pub(super) task_definition: &'static str,
    pub(super) desired_count: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunTaskEvent {
    pub(super) at_seconds: Seconds,
    pub(super) run_task: RunTaskOut,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunTaskOut {
    pub(super) task_definition: &'static str,
    #[serde(skip_serializing_if = "is_one")]
    pub(super) count: u64,
    pub(super) duration_seconds: Seconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placement_constraints: Option<&'static [ConstraintOut]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placement_strategy: Option<&'static [StrategyOut]>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

#[derive(Debug, Serialize)]
pub(super) struct ConstraintOut {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct StrategyOut {
    #[serde(rename = "type")]
    kind: &'static str,
    field: &'static str,
}

const ON_SSD: &[ConstraintOut] = &[ConstraintOut { kind: "memberOf", expression: Some("attribute:disk == ssd") }];
const APART: &[ConstraintOut] = &[ConstraintOut { kind: "distinctInstance", expression: None }];
const OVER_ZONES: &[StrategyOut] = &[StrategyOut { kind: "spread", field: "attribute:ecs.availability-zone" }];

/// The groups whose tasks stay apart.
pub(super) const GROUPS: [&str; 16] = [
    "apart-00", "apart-01", "apart-02", "apart-03", "apart-04", "apart-05", "apart-06", "apart-07", "apart-08",
    "apart-09", "apart-10", "apart-11", "apart-12", "apart-13", "apart-14", "apart-15",
];

impl RunTaskOut {
    /// So many tasks of a kind; `group` is asked for where its rule needs one.
    pub(super) fn new(kind: &Kind, count: u64, duration_ms: u64, group: impl FnOnce() -> &'static str) -> Self {
        let is = |rule| kind.rule == rule;
        Self {
            task_definition: kind.family,
            count,
            duration_seconds: Seconds(duration_ms),
            group: is(Rule::Distinct).then(group),
            placement_constraints: match kind.rule {
                Rule::MemberOf => Some(ON_SSD),
                Rule::Distinct => Some(APART),
                _ => None,
            },
            placement_strategy: is(Rule::SpreadZones).then_some(OVER_ZONES),
        }
    }
}

/// All tasks of a service are stopped; the service replaces them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeploymentEvent<'a> {
    at_seconds: Seconds,
    stop_task: GroupOut<'a>,
}

#[derive(Debug, Serialize)]
struct GroupOut<'a> {
    group: &'a str,
}

impl<'a> DeploymentEvent<'a> {
    pub(super) fn new(at_seconds: Seconds, group: &'a str) -> Self {
        Self { at_seconds, stop_task: GroupOut { group } }
    }
}

/// A service has another desired count.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScalingEvent<'a> {
    at_seconds: Seconds,
    update_service: UpdateServiceOut<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UpdateServiceOut<'a> {
    service: &'a str,
    desired_count: u64,
}

impl<'a> ScalingEvent<'a> {
    pub(super) fn new(at_seconds: Seconds, service: &'a str, desired_count: u64) -> Self {
        Self { at_seconds, update_service: UpdateServiceOut { service, desired_count } }
    }
}
