//! What one task asks for, read from the trace's types.

use std::sync::Arc;

use scheduler_core::expression::Expression;
use scheduler_core::{
    ContainerDefinition, GpuDemand, HostPort, NetworkMode, PlacementConstraint, PlacementStrategy, RequiredAttribute,
    SchedulingStrategy, Strategy, TaskDefinition,
};

use crate::strategy::Meaning;
use crate::trace::{Definition, RunningTask, ServiceEntry, TaskRequest};

/// All that decides where a task may go and whom it prefers.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) cpu: i64,
    pub(super) memory: i64,
    pub(super) gpus: GpuDemand,
    pub(super) ports: Vec<HostPort>,
    pub(super) eni: bool,
    pub(super) required: Vec<RequiredAttribute>,
    pub(super) zones: Option<Vec<Box<str>>>,
    pub(super) expressions: Vec<Expression>,
    pub(super) distinct: bool,
    /// Most tasks of the group on an instance, by `maxTasksPerInstance`.
    pub(super) most: Option<usize>,
    pub(super) group: Arc<str>,
    /// `family:revision`
    pub(super) definition: Arc<str>,
    /// Somebody's own code chooses the GPUs.
    pub(super) takes_any_gpus: bool,
    /// `None`: `headroom` (C-19).
    pub(super) rules: Option<Vec<PlacementStrategy>>,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Standalone,
    Replica,
    Daemon,
}

/// What a run does with strategies.
#[derive(Debug, Clone)]
pub(super) struct Preferences {
    pub(super) meaning: Meaning,
    pub(super) default: Strategy,
}

impl Preferences {
    /// The chain of a request (2.2); `None`: `headroom`.
    fn rules(&self, own: Option<&Strategy>, kind: Kind) -> Option<Vec<PlacementStrategy>> {
        let strategy = match &self.meaning {
            Meaning::Replace(strategy) if kind != Kind::Daemon => strategy,
            Meaning::FragmentationGradientDescent if kind != Kind::Daemon => {
                return Some(vec![PlacementStrategy::Random]);
            }
            _ => own.unwrap_or(&self.default),
        };
        match (strategy, kind) {
            (Strategy::Headroom, _) => None,
            (Strategy::Chain(chain), _) => Some(chain.rules().to_vec()),
            (Strategy::EcsDefault, Kind::Standalone) => Some(vec![PlacementStrategy::Random]),
            (Strategy::EcsDefault, Kind::Replica) => {
                Some(vec![PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()])
            }
            (Strategy::EcsDefault, Kind::Daemon) => Some(Vec::new()),
        }
    }

    /// For RunTask.
    pub(super) fn of_task(&self, request: &TaskRequest) -> Ask {
        let mut ask = Ask::bare(&request.definition, request.group.as_str());
        ask.zones.clone_from(&request.zones);
        ask.constrain(&request.constraints);
        self.prefer(ask, request.strategy.as_ref(), Kind::Standalone)
    }

    /// For a task of a service.
    pub(super) fn of_service(&self, entry: &ServiceEntry) -> Ask {
        let is_daemon = entry.service.scheduling_strategy == SchedulingStrategy::Daemon;
        let kind = if is_daemon { Kind::Daemon } else { Kind::Replica };
        let mut ask = Ask::bare(&entry.definition, entry.service.group().as_str());
        ask.zones.clone_from(&entry.zones);
        ask.constrain(&entry.service.constraints);
        ask.most = entry.definition.max_tasks_per_instance.map(|most| most.get() as usize);
        self.prefer(ask, entry.service.strategy.as_ref().filter(|_| !is_daemon), kind)
    }

    /// What the run makes of a request with that strategy of its own; `one-task-per-host`: distinctInstance, or what
    /// comes to the same where ECS's ten constraints are used up.
    fn prefer(&self, mut ask: Ask, own: Option<&Strategy>, kind: Kind) -> Ask {
        let rules = self.rules(own, kind);
        let is_own = |rule: &PlacementStrategy| matches!(rule, PlacementStrategy::Custom(_));
        ask.takes_any_gpus = kind != Kind::Daemon
            && (self.meaning == Meaning::FragmentationGradientDescent || rules.iter().flatten().any(is_own));
        ask.rules = rules;
        if self.meaning == Meaning::OneTaskPerHost && !ask.distinct {
            if ask.expressions.len() < 10 {
                ask.distinct = true;
            } else {
                ask.most = Some(1);
            }
        }
        ask
    }
}

impl Ask {
    /// For a task that runs already.
    pub(super) fn of_running(task: &RunningTask) -> Self {
        Self::bare(&task.definition, task.group.as_str())
    }

    /// For StartTask, whose caller chose the instance.
    pub(super) fn of_start(request: &TaskRequest) -> Self {
        let mut ask = Self::bare(&request.definition, request.group.as_str());
        ask.zones.clone_from(&request.zones);
        ask
    }

    fn bare(definition: &Definition, group: &str) -> Self {
        let core = &definition.core;
        let (cpu, memory) = amounts(core);
        let mut ask = Self {
            cpu,
            memory,
            gpus: gpus(core),
            ports: ports(core),
            eni: core.network_mode() == NetworkMode::Awsvpc,
            required: core.required_attributes().to_vec(),
            zones: None,
            expressions: core.placement_constraints().to_vec(),
            distinct: false,
            most: None,
            group: group.into(),
            definition: core.name().into(),
            takes_any_gpus: false,
            rules: None,
        };
        if core.containers().is_empty() {
            // The short form names the amounts themselves.
            let demand = core.demand();
            (ask.cpu, ask.memory) = (demand.cpu_units.into(), demand.memory_mib.into());
            (ask.gpus, ask.ports, ask.eni) = (demand.gpus, demand.host_ports.iter().collect(), demand.needs_eni);
        }
        ask
    }

    fn constrain(&mut self, constraints: &[PlacementConstraint]) {
        for constraint in constraints {
            match constraint {
                PlacementConstraint::MemberOf(expression) => self.expressions.push(expression.clone()),
                PlacementConstraint::DistinctInstance => self.distinct = true,
                PlacementConstraint::MaxTasksPerInstance(most) => self.most = Some(most.get() as usize),
                PlacementConstraint::Custom(_) => {}
            }
        }
    }

    pub(super) fn reads_tasks(&self) -> bool {
        self.expressions.iter().any(Expression::reads_tasks)
    }
}

/// CPU units and MiB (1.2): the task's own, which Windows ignores, else the sums over its containers.
fn amounts(definition: &TaskDefinition) -> (i64, i64) {
    let is_windows = definition.operating_system_family().is_some_and(|family| family.starts_with("WINDOWS"));
    let of_task = |amount: Option<u32>| amount.filter(|amount| *amount > 0 && !is_windows).map(i64::from);
    let sum = |of: fn(&ContainerDefinition) -> u32| definition.containers().iter().map(|it| i64::from(of(it))).sum();
    let reserved = |container: &ContainerDefinition| match container.memory_reservation_mib {
        Some(soft) if soft > 0 => soft,
        _ => container.memory_mib.unwrap_or(0),
    };
    (
        of_task(definition.cpu_units()).unwrap_or_else(|| sum(|container| container.cpu_units)),
        of_task(definition.memory_mib()).unwrap_or_else(|| sum(reserved)),
    )
}

fn gpus(definition: &TaskDefinition) -> GpuDemand {
    if let share @ GpuDemand::Share(_) = definition.demand().gpus {
        // An extension, which containers do not have.
        return share;
    }
    definition.containers().iter().fold(GpuDemand::Count(0), |sum, container| match (sum, container.gpus) {
        (GpuDemand::Count(a), GpuDemand::Count(b)) => GpuDemand::Count(a + b),
        _ => GpuDemand::All,
    })
}

/// Static host ports (1.3, C-09).
fn ports(definition: &TaskDefinition) -> Vec<HostPort> {
    let mappings = definition.containers().iter().flat_map(|container| &container.port_mappings);
    let reserved = mappings.filter_map(|mapping| {
        let port = match definition.network_mode() {
            NetworkMode::Bridge | NetworkMode::Default => mapping.host_port.filter(|port| *port > 0),
            NetworkMode::Host => mapping.container_port,
            NetworkMode::Awsvpc | NetworkMode::None => None,
        };
        port.map(|port| HostPort { protocol: mapping.protocol, port })
    });
    reserved.collect()
}
