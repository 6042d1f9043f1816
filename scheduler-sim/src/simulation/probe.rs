//! A look at the decisions on one task: the state then, who could hold it, and how the strategy chose.

use std::sync::Arc;

use scheduler_core::{
    Amounts, Check, Cluster, Execution, Explanation, FailedCheck, InstanceExplanation, InstanceId, InstanceStatus,
    InstanceView, Placement, PlacementRequest,
};

use super::Simulation;
use super::narrowing::{Narrowing, Step};

/// Decisions on one task, the first and the last.
#[derive(Debug, Clone)]
pub struct Probe {
    task: String,
    spread_ignores_other_revisions: bool,
    /// At most two: the first and the last.
    pub decisions: Vec<Decision>,
    /// How many there were.
    pub count: u64,
    /// The version of the cluster at the last one, if that was a refusal: to ask again then is no new decision.
    refused_at: Option<u64>,
}

/// One decision.
#[derive(Debug, Clone)]
pub struct Decision {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// The event that asked for the task; `None` for a service's.
    pub event: Option<u64>,
    /// The turn of the run's loop in which it was made.
    pub turn: u64,
    /// What was asked for.
    pub request: Arc<PlacementRequest>,
    /// The instance that is given: StartTask names it, and a daemon is of one.
    pub named_instance: Option<InstanceId>,
    /// How it was placed; `None` where the instance is given.
    pub execution: Option<Execution>,
    /// The state then.
    pub standing: Standing,
    /// The strategy that applied.
    pub strategy: String,
    /// What every instance said.
    pub explanation: Explanation,
    /// The eligible instances, in registration order.
    pub candidates: Vec<Candidate>,
    /// What each rule left of them.
    pub steps: Vec<Step>,
    /// Where the task went.
    pub chosen: Option<String>,
}

impl Decision {
    /// The instances that could be chosen, each with what is asked of it and fails.
    pub fn told(&self) -> impl Iterator<Item = (&InstanceExplanation, Vec<&FailedCheck>)> {
        let told = self.explanation.instances().iter();
        let told = told.filter(|it| self.named_instance.is_none_or(|named| named == it.id));
        told.map(|it| (it, it.failures.iter().filter(|failed| self.asks(failed.check())).collect()))
    }

    /// Whether the check is asked: where the instance is given only some are (C-49).
    fn asks(&self, check: Check) -> bool {
        let is_resource = (Check::Cpu..=Check::Eni).contains(&check);
        let is_of_start_task = is_resource || matches!(check, Check::Attributes | Check::Location | Check::Agent);
        self.named_instance.is_none() || is_of_start_task
    }
}

/// An instance that could hold the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its Availability Zone.
    pub zone: String,
    /// What remained.
    pub remaining: Amounts,
    /// Tasks of the group on it.
    pub group_count: u32,
    /// Its values under the rules that it came to, in the order of the steps, as far as they compare.
    pub values: Vec<u128>,
}

/// The state of the cluster at a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Instances present that are ACTIVE; the explanation has all.
    pub active: usize,
    /// Requests that waited.
    pub waiting: usize,
    /// Its Availability Zones, by name.
    pub zones: Vec<ZoneStanding>,
}

/// The present instances of one Availability Zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneStanding {
    /// The zone's name.
    pub name: String,
    /// How many there are.
    pub instances: u32,
    /// CPU units reserved and registered.
    pub cpu_units: [u64; 2],
    /// MiB reserved and registered.
    pub memory_mib: [u64; 2],
    /// Thousandths of GPUs reserved and registered.
    pub gpu_milli: [u64; 2],
    /// Tasks whose desired status is RUNNING.
    pub tasks: u64,
    /// Those of them that are of the request's group.
    pub group_tasks: u64,
}

impl Standing {
    fn of(cluster: &Cluster, request: &PlacementRequest, waiting: usize) -> Self {
        let is_active =
            |instance: &InstanceView<'_>| instance.is_present() && instance.status() == InstanceStatus::Active;
        let group = || cluster.group(request.group()).into_iter().flat_map(|group| group.instances());
        let group_tasks = |zone: &str| {
            let there = group().filter(|(instance, _)| instance.zone() == zone);
            there.map(|(_, count)| u64::from(count)).sum()
        };
        let zones = cluster.zones().map(|zone| ZoneStanding {
            name: zone.name.to_owned(),
            instances: zone.instances,
            cpu_units: [zone.used_cpu_units, zone.registered_cpu_units],
            memory_mib: [zone.used_memory_mib, zone.registered_memory_mib],
            gpu_milli: [zone.used_gpu_milli, zone.registered_gpu_milli],
            tasks: zone.running_tasks,
            group_tasks: group_tasks(zone.name),
        });
        Self { active: cluster.instances().filter(is_active).count(), waiting, zones: zones.collect() }
    }
}

impl Probe {
    /// A look at the task of that name.
    pub(super) fn new(task: &str, spread_ignores_other_revisions: bool) -> Self {
        Self {
            task: task.to_owned(),
            spread_ignores_other_revisions,
            decisions: Vec::new(),
            count: 0,
            refused_at: None,
        }
    }
}

impl Simulation<'_> {
    /// Takes note of a decision, if it is about the task that is looked for.
    pub(super) fn look(
        &mut self,
        is_task: impl FnOnce(&str) -> bool,
        request: &Arc<PlacementRequest>,
        placement: Option<&Placement>,
        execution: Option<Execution>,
        event: Option<u64>,
    ) {
        let Some(probe) = self.probe.as_mut().filter(|probe| is_task(&probe.task)) else { return };
        let cluster = &self.cluster;
        let explanation = self.scheduler.explain(cluster, request);
        let own_revision_only = probe.spread_ignores_other_revisions;
        // Where the instance is given nobody is asked; whether that one takes the task its failures tell.
        let named_instance = placement.filter(|_| execution.is_none()).map(Placement::instance);
        let chosen = placement.map(Placement::instance).filter(|chosen| match named_instance {
            None => true,
            Some(_) => self.cluster.fork().start(&Placement::start_task(*chosen, Arc::clone(request))).is_ok(),
        });
        let eligible: Vec<_> = match named_instance {
            Some(_) => chosen.into_iter().filter_map(|chosen| cluster.instance(chosen)).collect(),
            None => explanation.eligible().filter_map(|instance| cluster.instance(instance.id)).collect(),
        };
        let (steps, mut values) = match named_instance {
            Some(_) => Default::default(),
            None => Narrowing { cluster, request, own_revision_only, chosen }.steps(&self.scheduler, eligible.clone()),
        };
        let candidates = eligible.iter().map(|instance| Candidate {
            name: instance.name().to_owned(),
            zone: instance.zone().to_owned(),
            remaining: instance.remaining(),
            group_count: instance.group_count(request.group()),
            values: values.remove(&instance.id()).unwrap_or_default(),
        });
        let chosen = chosen.and_then(|chosen| cluster.instance(chosen));
        let decision = Decision {
            at_ms: self.now_ms,
            event,
            turn: self.turn.saturating_sub(1),
            request: Arc::clone(request),
            named_instance,
            execution,
            standing: Standing::of(cluster, request, self.waiting.requests().count()),
            strategy: self.scheduler.strategy_of(request).to_string(),
            candidates: candidates.collect(),
            steps,
            chosen: chosen.map(|instance| instance.name().to_owned()),
            explanation,
        };
        if decision.chosen.is_none() && probe.refused_at == Some(self.version) {
            return;
        }
        probe.count += 1;
        probe.refused_at = decision.chosen.is_none().then_some(self.version);
        probe.decisions.truncate(1);
        probe.decisions.push(decision);
    }
}
