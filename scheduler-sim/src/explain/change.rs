//! A single change right before a decision, and its words.

use std::fmt;
use std::sync::Arc;

use scheduler_core::{HostPort, PlacementConstraint};

use crate::metrics::{seconds, shortest};

/// One change right before a decision.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Change {
    /// A rule of the request goes.
    Lift(Lifted),
    /// One more instance joins.
    Join {
        /// The name of the first instance that registered like it.
        like: String,
        /// Its type, if it has one.
        instance_type: Option<Box<str>>,
        /// Where it joins.
        zone: Box<str>,
        /// What it is called.
        name: Arc<str>,
        /// Where the trace describes it.
        origin: Origin,
    },
    /// Tasks of an instance stop.
    Free {
        /// The instance.
        instance: String,
        /// What it lacks.
        freed: Freed,
        /// The tasks that stop, in order of placement.
        tasks: Vec<Arc<str>>,
    },
    /// A task goes elsewhere.
    Move {
        /// The task.
        task: Arc<str>,
        /// Where it runs.
        from: String,
        /// Where it goes.
        to: String,
        /// Its task definition and its group.
        definition: Option<Arc<str>>,
        /// The group that it counts under.
        group: String,
        /// How long it still runs, in milliseconds; `None`: to the horizon.
        duration_ms: Option<u64>,
    },
}

/// A rule that goes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Lifted {
    /// The `memberOf` of the task definition at that position.
    OfDefinition {
        /// Its position.
        index: usize,
        /// The expression.
        expression: String,
    },
    /// The constraint of the request at that position.
    OfRequest {
        /// Its position.
        index: usize,
        /// The constraint.
        constraint: PlacementConstraint,
    },
    /// The task definition's `maxTasksPerInstance`.
    MaxTasksPerInstance(u32),
    /// A constraint of a service at that position.
    OfService {
        /// The service.
        service: String,
        /// Its position.
        index: usize,
        /// All of the service's constraints.
        constraints: Vec<PlacementConstraint>,
    },
    /// The Availability Zones of the subnets.
    Zones(Vec<Box<str>>),
}

/// Where a trace describes an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The event's number; `None`: `containerInstances`.
    pub event: Option<u64>,
    /// The position in its list.
    pub index: usize,
}

/// What an instance lacks for a task.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Freed {
    /// CPU units.
    pub cpu_units: u32,
    /// MiB.
    pub memory_mib: u32,
    /// Whole GPUs.
    pub gpus: u32,
    /// Thousandths of one GPU.
    pub gpu_milli: u32,
    /// Network interfaces.
    pub enis: u32,
    /// Host ports that are taken.
    pub ports: Vec<HostPort>,
    /// Host ports above the limit.
    pub ports_above_limit: u32,
    /// Tasks of the group above what its constraints allow.
    pub group_tasks: u32,
    /// Expressions that look at tasks, and are false.
    pub expressions: u32,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lift(lifted) => lifted.fmt(f),
            Self::Join { like, instance_type: Some(kind), zone, .. } => {
                write!(f, "one more {kind} like {like} in {zone}")
            }
            Self::Join { like, zone, .. } => write!(f, "one more instance like {like} in {zone}"),
            Self::Free { instance, freed, tasks } => {
                let names: Vec<&str> = tasks.iter().map(|task| &**task).collect();
                write!(f, "free {freed} on {instance}: stop {}", names.join(", "))
            }
            Self::Move { task, from, to, duration_ms, .. } => {
                write!(f, "move {task} from {from} to {to}")?;
                match duration_ms {
                    Some(duration_ms) => write!(f, " for the {} s that it still runs", seconds(*duration_ms)),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for Lifted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfDefinition { expression, .. } => {
                write!(f, "drop the task definition's constraint memberOf({expression})")
            }
            Self::OfRequest { constraint, .. } => write!(f, "drop the constraint {}", Named(constraint)),
            Self::MaxTasksPerInstance(limit) => write!(f, "drop the task definition's maxTasksPerInstance of {limit}"),
            Self::OfService { service, index, constraints } => {
                write!(f, "drop the constraint {} of service {service}", Named(&constraints[*index]))
            }
            Self::Zones(zones) => write!(f, "drop the restriction to the subnets' zones ({})", zones.join(", ")),
        }
    }
}

/// A constraint as a reader knows it.
struct Named<'a>(&'a PlacementConstraint);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            PlacementConstraint::MemberOf(expression) => write!(f, "memberOf({expression})"),
            PlacementConstraint::DistinctInstance => f.write_str("distinctInstance"),
            PlacementConstraint::MaxTasksPerInstance(limit) => write!(f, "maxTasksPerInstance {limit}"),
            PlacementConstraint::Custom(constraint) => f.write_str(constraint.name()),
        }
    }
}

impl fmt::Display for Freed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |count: u32, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
        let all = [
            counted(self.cpu_units, "CPU unit", "CPU units"),
            counted(self.memory_mib, "MiB", "MiB"),
            counted(self.gpus, "GPU", "GPUs"),
            (self.gpu_milli > 0).then(|| format!("{} of a GPU", shortest(self.gpu_milli.into(), 3))),
            counted(self.enis, "network interface", "network interfaces"),
            (!ports.is_empty()).then(|| format!("host port {}", ports.join(", "))),
            counted(self.ports_above_limit, "host port above the limit", "host ports above the limit"),
            counted(self.group_tasks, "place of the group", "places of the group"),
            (self.expressions > 0).then(|| "what memberOf finds there".to_owned()),
        ];
        f.write_str(&all.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    }
}
