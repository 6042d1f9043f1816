//! The checks that an instance must pass to take a task, in ECS's order, each with what it falls short of.
//!
//! This is the plain form, one instance at a time: for starts, refusals and explanations. The scan asks the same
//! questions of all instances at once.

use std::fmt;

use super::constraint::PlacementConstraint;
use super::policy::PolicyContext;
use super::request::PlacementRequest;
use crate::cluster::{Cluster, GpuSet, InstanceView, Slot};
use crate::expression::Expression;
use crate::model::{
    AttributeLookup, GPU_MILLI, GpuDemand, HostPort, InstanceStatus, RESERVED_PORT_LIMIT, RequiredAttribute,
};

/// The checks in the order in which they are asked (C-18).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Check {
    /// The instance is ACTIVE.
    Status,
    /// It belongs to the request's capacity provider.
    CapacityProvider,
    /// Enough CPU units remain.
    Cpu,
    /// Enough memory remains.
    Memory,
    /// No host port is taken, and at most 100 are reserved in all.
    Ports,
    /// Enough GPUs are free.
    Gpu,
    /// A network interface is left for an awsvpc task.
    Eni,
    /// It has the required attributes.
    Attributes,
    /// It is in one of the zones of the task's subnets.
    Location,
    /// It matches every `memberOf` expression.
    MemberOf,
    /// No task of the group is on it.
    DistinctInstance,
    /// Fewer tasks of the group are on it than the request allows.
    MaxTasksPerInstance,
    /// The embedder's own constraints hold.
    Custom,
    /// Its agent is connected.
    Agent,
}

impl Check {
    /// All checks in order.
    pub const ALL: [Self; 14] = [
        Self::Status,
        Self::CapacityProvider,
        Self::Cpu,
        Self::Memory,
        Self::Ports,
        Self::Gpu,
        Self::Eni,
        Self::Attributes,
        Self::Location,
        Self::MemberOf,
        Self::DistinctInstance,
        Self::MaxTasksPerInstance,
        Self::Custom,
        Self::Agent,
    ];

    /// The reason string of the ECS API, or ours where ECS has no such check.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Status => "NO ACTIVE INSTANCES",
            Self::CapacityProvider => "EMPTY CAPACITY PROVIDER",
            Self::Cpu => "RESOURCE:CPU",
            Self::Memory => "RESOURCE:MEMORY",
            Self::Ports => "RESOURCE:PORTS",
            Self::Gpu => "RESOURCE:GPU",
            Self::Eni => "RESOURCE:ENI",
            Self::Attributes => "ATTRIBUTE",
            Self::Location => "LOCATION",
            Self::MemberOf => "MemberOf placement constraint unsatisfied.",
            Self::DistinctInstance => "DistinctInstance placement constraint unsatisfied.",
            Self::MaxTasksPerInstance => "MaxTasksPerInstance",
            Self::Custom => "CustomConstraint",
            Self::Agent => "AGENT",
        }
    }

    /// What explain says of instances that fail it: `4 lack CPU`.
    pub(super) fn count_phrase(self, count: usize) -> String {
        let plural = count != 1;
        let choose = |one: &'static str, many: &'static str| if plural { many } else { one };
        let phrase = match self {
            Self::Status => choose("is draining", "are draining"),
            Self::CapacityProvider => choose("is of another capacity provider", "are of another capacity provider"),
            Self::Cpu => choose("lacks CPU", "lack CPU"),
            Self::Memory => choose("lacks memory", "lack memory"),
            Self::Ports => choose("has a host port taken", "have a host port taken"),
            Self::Gpu => choose("lacks GPUs", "lack GPUs"),
            Self::Eni => choose("lacks a network interface", "lack a network interface"),
            Self::Attributes => choose("lacks a required attribute", "lack a required attribute"),
            Self::Location => choose("is in another zone", "are in other zones"),
            Self::MemberOf => choose("does not match memberOf", "do not match memberOf"),
            Self::DistinctInstance => choose("runs a task of the group already", "run a task of the group already"),
            Self::MaxTasksPerInstance => {
                choose("runs as many of the group as allowed", "run as many of the group as allowed")
            }
            Self::Custom => choose("breaks a custom constraint", "break a custom constraint"),
            Self::Agent => choose("has its agent disconnected", "have their agents disconnected"),
        };
        format!("{count} {phrase}")
    }
}

/// One check that one instance does not pass, with what it falls short of. `Display` is the shortfall in words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailedCheck {
    /// It is not ACTIVE.
    NotActive {
        /// What it is.
        status: InstanceStatus,
    },
    /// It belongs to another capacity provider, or to none.
    OtherCapacityProvider {
        /// The one it belongs to.
        provider: Option<Box<str>>,
    },
    /// Too little CPU remains.
    Cpu {
        /// CPU units needed.
        needed: u32,
        /// CPU units remaining.
        remaining: u32,
    },
    /// Too little memory remains.
    Memory {
        /// MiB needed.
        needed: u32,
        /// MiB remaining.
        remaining: u32,
    },
    /// Host ports are taken, or too many would be reserved.
    Ports {
        /// Those that are taken.
        clashing: Vec<HostPort>,
        /// How many the instance would have above the limit of 100.
        above_limit: u32,
    },
    /// Too few GPUs are free.
    Gpu {
        /// GPUs needed; for `ALL` those it has registered, at least one.
        needed: u32,
        /// GPUs free.
        free: u32,
    },
    /// Of no GPU as large a share is left.
    GpuShare {
        /// Thousandths needed of one GPU.
        needed_milli: u32,
        /// The most thousandths left of one.
        free_milli: u32,
    },
    /// The GPUs that were chosen for the task cannot give it what it needs (any more).
    ChosenGpus {
        /// Those that were chosen.
        chosen: GpuSet,
    },
    /// All network interfaces are taken.
    Eni,
    /// Required attributes are missing or differ.
    Attributes {
        /// Each with the value found, if the name is there.
        missing: Vec<MissingAttribute>,
    },
    /// It is in a zone of none of the subnets.
    Location {
        /// Its zone.
        zone: Box<str>,
    },
    /// Expressions are false.
    MemberOf {
        /// Those that are.
        unmatched: Vec<Expression>,
    },
    /// Tasks of the group are on it.
    DistinctInstance {
        /// How many.
        running: u32,
    },
    /// As many tasks of the group as allowed are on it.
    MaxTasksPerInstance {
        /// How many.
        running: u32,
        /// How many are allowed.
        limit: u32,
    },
    /// Custom constraints refuse it.
    Custom {
        /// Their names.
        constraints: Vec<Box<str>>,
    },
    /// Its agent is disconnected.
    AgentDisconnected,
}

/// A required attribute that an instance does not have as required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingAttribute {
    /// What is required.
    pub required: RequiredAttribute,
    /// The value found under that name, if the name is there at all; empty for a name without a value.
    pub found: Option<Box<str>>,
}

impl FailedCheck {
    /// Which check it is.
    pub fn check(&self) -> Check {
        match self {
            Self::NotActive { .. } => Check::Status,
            Self::OtherCapacityProvider { .. } => Check::CapacityProvider,
            Self::Cpu { .. } => Check::Cpu,
            Self::Memory { .. } => Check::Memory,
            Self::Ports { .. } => Check::Ports,
            Self::Gpu { .. } | Self::GpuShare { .. } | Self::ChosenGpus { .. } => Check::Gpu,
            Self::Eni => Check::Eni,
            Self::Attributes { .. } => Check::Attributes,
            Self::Location { .. } => Check::Location,
            Self::MemberOf { .. } => Check::MemberOf,
            Self::DistinctInstance { .. } => Check::DistinctInstance,
            Self::MaxTasksPerInstance { .. } => Check::MaxTasksPerInstance,
            Self::Custom { .. } => Check::Custom,
            Self::AgentDisconnected => Check::Agent,
        }
    }

    /// How much is missing, in the check's own unit; 0 for a yes/no check (C-51).
    pub fn shortfall(&self) -> u64 {
        match self {
            Self::Cpu { needed, remaining } | Self::Memory { needed, remaining } => u64::from(needed - remaining),
            Self::Ports { clashing, above_limit } => match clashing.len() {
                0 => u64::from(*above_limit),
                clashing => clashing as u64,
            },
            Self::Gpu { needed, free } => u64::from(needed - free),
            Self::GpuShare { needed_milli, free_milli } => u64::from(needed_milli - free_milli),
            Self::Eni => 1,
            _ => 0,
        }
    }
}

impl fmt::Display for FailedCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotActive { status } => write!(f, "{status}"),
            Self::OtherCapacityProvider { provider: Some(provider) } => write!(f, "of capacity provider `{provider}`"),
            Self::OtherCapacityProvider { provider: None } => f.write_str("of no capacity provider"),
            Self::Cpu { needed, remaining } => write!(f, "short of {} CPU units", needed - remaining),
            Self::Memory { needed, remaining } => write!(f, "short of {} MiB", needed - remaining),
            Self::Ports { clashing, above_limit } if clashing.is_empty() => {
                write!(f, "{above_limit} above the limit of {RESERVED_PORT_LIMIT} reserved host ports")
            }
            Self::Ports { clashing, .. } => {
                f.write_str("host port ")?;
                write_list(f, clashing)?;
                f.write_str(" taken")
            }
            Self::Gpu { needed, free } => write!(f, "short of {} GPUs", needed - free),
            Self::GpuShare { needed_milli, free_milli } => {
                write!(f, "short of {} thousandths of a GPU", needed_milli - free_milli)
            }
            Self::ChosenGpus { chosen } => {
                f.write_str("no room on GPU ")?;
                write_list(f, &chosen.iter().collect::<Vec<_>>())
            }
            Self::Eni => f.write_str("no network interface left"),
            Self::Attributes { missing } => {
                f.write_str("without ")?;
                write_list(f, missing)
            }
            Self::Location { zone } => write!(f, "in zone `{zone}`"),
            Self::MemberOf { unmatched } => {
                f.write_str("no member of `")?;
                write_list(f, unmatched)?;
                f.write_str("`")
            }
            Self::DistinctInstance { running } => write!(f, "runs {running} of the group"),
            Self::MaxTasksPerInstance { running, limit } => {
                write!(f, "runs {running} of the group, {limit} are allowed")
            }
            Self::Custom { constraints } => {
                f.write_str("refused by ")?;
                write_list(f, constraints)
            }
            Self::AgentDisconnected => f.write_str("agent disconnected"),
        }
    }
}

impl fmt::Display for MissingAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.required)?;
        match self.found.as_deref() {
            None => Ok(()),
            Some("") => f.write_str(" (has no value)"),
            Some(value) => write!(f, " (is `{value}`)"),
        }
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{item}")?;
    }
    Ok(())
}

/// A request asked of single instances, check by check.
#[derive(Clone, Copy)]
pub(crate) struct Checker<'a> {
    pub(crate) context: PolicyContext<'a>,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(cluster: &'a Cluster, request: &'a PlacementRequest) -> Self {
        Self { context: PolicyContext { cluster, request } }
    }

    /// The first of all checks that the instance fails.
    pub(crate) fn first_failure(self, slot: Slot) -> Option<FailedCheck> {
        self.failures(slot).next()
    }

    /// All checks that the instance fails, in order.
    pub(crate) fn failures(self, slot: Slot) -> impl Iterator<Item = FailedCheck> {
        let instance = self.context.cluster.view(slot);
        Check::ALL.into_iter().filter_map(move |check| self.failure(check, &instance))
    }

    /// What the instance falls short of in one check, or `None` if it passes.
    pub(crate) fn failure(self, check: Check, instance: &InstanceView<'_>) -> Option<FailedCheck> {
        let request = self.context.request;
        let demand = request.demand();
        match check {
            Check::Status => {
                let status = instance.status();
                (status != InstanceStatus::Active).then_some(FailedCheck::NotActive { status })
            }
            Check::CapacityProvider => {
                let wanted = request.capacity_provider_name()?;
                let provider = instance.description().capacity_provider();
                (provider != Some(wanted))
                    .then(|| FailedCheck::OtherCapacityProvider { provider: provider.map(Into::into) })
            }
            Check::Cpu => {
                let (needed, remaining) = (demand.cpu_units, instance.remaining().cpu_units);
                (needed > remaining).then_some(FailedCheck::Cpu { needed, remaining })
            }
            Check::Memory => {
                let (needed, remaining) = (demand.memory_mib, instance.remaining().memory_mib);
                (needed > remaining).then_some(FailedCheck::Memory { needed, remaining })
            }
            Check::Ports => self.ports_failure(instance),
            Check::Gpu => gpu_failure(demand.gpus, instance),
            Check::Eni => (demand.needs_eni && instance.remaining_enis() == Some(0)).then_some(FailedCheck::Eni),
            Check::Attributes => self.attributes_failure(instance),
            Check::Location => {
                let allowed = request.allowed_zones()?;
                let zone = instance.zone();
                (!allowed.iter().any(|allowed| **allowed == *zone)).then(|| FailedCheck::Location { zone: zone.into() })
            }
            Check::MemberOf => self.member_of_failure(instance),
            Check::DistinctInstance | Check::MaxTasksPerInstance => self.group_failure(check, instance),
            Check::Custom => self.custom_failure(instance),
            Check::Agent => (!instance.agent_connected()).then_some(FailedCheck::AgentDisconnected),
        }
    }

    /// C-06: the limit is asked only of tasks that want a static port.
    fn ports_failure(self, instance: &InstanceView<'_>) -> Option<FailedCheck> {
        let wanted = &self.context.request.demand().host_ports;
        if wanted.is_empty() {
            return None;
        }
        let clashing: Vec<_> = wanted.iter().filter(|port| instance.is_port_taken(*port)).collect();
        let taken = self.context.cluster.instances.taken_port_count(instance.slot);
        let above_limit = (taken + wanted.len()).saturating_sub(RESERVED_PORT_LIMIT as usize) as u32;
        (!clashing.is_empty() || above_limit > 0).then_some(FailedCheck::Ports { clashing, above_limit })
    }

    fn attributes_failure(self, instance: &InstanceView<'_>) -> Option<FailedCheck> {
        let attributes = instance.attributes();
        let required = self.context.request.required_attributes().iter();
        let missing: Vec<_> = required
            .filter(|required| !required.is_met_by(attributes))
            .map(|required| MissingAttribute {
                required: required.clone(),
                found: match attributes.get(&required.name) {
                    AttributeLookup::Missing => None,
                    AttributeLookup::WithoutValue => Some("".into()),
                    AttributeLookup::Value(value) => Some(value.into()),
                },
            })
            .collect();
        (!missing.is_empty()).then_some(FailedCheck::Attributes { missing })
    }

    fn member_of_failure(self, instance: &InstanceView<'_>) -> Option<FailedCheck> {
        let expressions = member_of(self.context.request);
        let unmatched: Vec<_> = expressions.filter(|expression| !expression.matches(instance)).cloned().collect();
        (!unmatched.is_empty()).then_some(FailedCheck::MemberOf { unmatched })
    }

    fn group_failure(self, check: Check, instance: &InstanceView<'_>) -> Option<FailedCheck> {
        let request = self.context.request;
        request.all_constraints().iter().find_map(|constraint| match (check, constraint) {
            (Check::DistinctInstance, PlacementConstraint::DistinctInstance) => {
                let running = instance.group_count(request.group());
                (running > 0).then_some(FailedCheck::DistinctInstance { running })
            }
            (Check::MaxTasksPerInstance, PlacementConstraint::MaxTasksPerInstance(limit)) => {
                let (running, limit) = (instance.group_count(request.group()), limit.get());
                (running >= limit).then_some(FailedCheck::MaxTasksPerInstance { running, limit })
            }
            _ => None,
        })
    }

    fn custom_failure(self, instance: &InstanceView<'_>) -> Option<FailedCheck> {
        let refusing: Vec<Box<str>> = custom(self.context.request)
            .filter(|constraint| !constraint.admits(&self.context, instance))
            .map(|constraint| constraint.name().into())
            .collect();
        (!refusing.is_empty()).then_some(FailedCheck::Custom { constraints: refusing })
    }
}

/// Whether the instance can meet a demand for GPUs.
pub(crate) fn has_gpus(demand: GpuDemand, instance: &InstanceView<'_>) -> bool {
    instance.occupant.gpus.can_meet(demand, registered_gpus(instance))
}

/// What the instance falls short of. `ALL` is every registered GPU, and at least one (C-10).
fn gpu_failure(demand: GpuDemand, instance: &InstanceView<'_>) -> Option<FailedCheck> {
    if has_gpus(demand, instance) {
        return None;
    }
    let free = instance.free_gpus().len();
    Some(match demand {
        GpuDemand::Count(needed) => FailedCheck::Gpu { needed, free },
        GpuDemand::All => FailedCheck::Gpu { needed: registered_gpus(instance).max(1), free },
        GpuDemand::Share(milli) => {
            FailedCheck::GpuShare { needed_milli: milli.into(), free_milli: instance.occupant.gpus.most_left() }
        }
    })
}

fn registered_gpus(instance: &InstanceView<'_>) -> u32 {
    instance.occupant.registered.gpu_milli / GPU_MILLI
}

pub(crate) fn member_of(request: &PlacementRequest) -> impl Iterator<Item = &Expression> {
    request.all_constraints().iter().filter_map(|constraint| match constraint {
        PlacementConstraint::MemberOf(expression) => Some(expression),
        _ => None,
    })
}

pub(crate) fn custom(request: &PlacementRequest) -> impl Iterator<Item = &dyn super::constraint::CustomConstraint> {
    request.all_constraints().iter().filter_map(|constraint| match constraint {
        PlacementConstraint::Custom(constraint) => Some(&**constraint),
        _ => None,
    })
}
