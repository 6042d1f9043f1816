//! A service as CreateService takes it: plain values from which the requests for its tasks are made.

use super::constraint::PlacementConstraint;
use super::request::PlacementRequest;
use super::strategy::{Strategy, is_zone_spread};
use crate::cluster::TaskKind;
use crate::model::{TaskDefinition, TaskGroup, TaskGroupError};

/// How many tasks a service keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "UPPERCASE"))]
pub enum SchedulingStrategy {
    /// `desiredCount` tasks.
    #[default]
    Replica,
    /// One on each instance that may hold it.
    Daemon,
}

/// A service: CreateService's input as far as placement is concerned.
///
/// ```
/// use scheduler_core::{Demand, Service, TaskDefinition, TaskKind};
///
/// let definition = TaskDefinition::of_demand("web", Demand::new(256, 512))?;
/// let mut service = Service::new("web", "web")?;
/// service.desired_count = 2;
/// let request = service.request(&definition);
/// assert_eq!(request.group().as_str(), "service:web");
/// assert_eq!(request.spec().kind, TaskKind::Replica);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    name: Box<str>,
    group: TaskGroup,
    /// The task definition it runs: `family`, `family:revision`, or an ARN.
    pub task_definition: Box<str>,
    /// Tasks to keep running; without meaning for a daemon.
    pub desired_count: u32,
    /// REPLICA or DAEMON.
    pub scheduling_strategy: SchedulingStrategy,
    /// Constraints besides those of the task definition.
    pub constraints: Vec<PlacementConstraint>,
    /// Whom to prefer; `None`: the scheduler's default. A daemon has none.
    pub strategy: Option<Strategy>,
    /// Subnets of its awsvpc tasks. The caller knows their zones: [`PlacementRequest::zones`].
    pub subnets: Vec<Box<str>>,
    /// `minimumHealthyPercent`; `None`: the default of its scheduling strategy.
    pub minimum_healthy_percent: Option<u32>,
    /// `maximumPercent`; `None`: the default of its scheduling strategy.
    pub maximum_percent: Option<u32>,
    /// `availabilityZoneRebalancing`; `None`: ECS's default.
    pub availability_zone_rebalancing: Option<bool>,
}

/// Why something is no service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Names are 1 to 255 letters, digits, `_` and `-`.
    #[error("`{name}` is no service name; it has 1 to 255 letters, digits, `_` and `-`")]
    Name {
        /// The name given.
        name: Box<str>,
    },
    /// The group of its tasks cannot be named.
    #[error(transparent)]
    Group(#[from] TaskGroupError),
}

impl Service {
    /// A REPLICA service without tasks, constraints or strategy.
    ///
    /// # Errors
    /// [`ServiceError`] for a name that ECS does not take.
    pub fn new(name: &str, task_definition: impl Into<Box<str>>) -> Result<Self, ServiceError> {
        let is_valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || name.len() > 255 || !name.chars().all(is_valid) {
            return Err(ServiceError::Name { name: name.chars().take(300).collect::<String>().into() });
        }
        Ok(Self {
            name: name.into(),
            group: TaskGroup::service(name)?,
            task_definition: task_definition.into(),
            desired_count: 0,
            scheduling_strategy: SchedulingStrategy::Replica,
            constraints: Vec::new(),
            strategy: None,
            subnets: Vec::new(),
            minimum_healthy_percent: None,
            maximum_percent: None,
            availability_zone_rebalancing: None,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The group of its tasks: `service:NAME`.
    pub fn group(&self) -> &TaskGroup {
        &self.group
    }

    /// The request for one of its tasks, of that definition; for a daemon without a strategy.
    pub fn request(&self, definition: &TaskDefinition) -> PlacementRequest {
        let kind = match self.scheduling_strategy {
            SchedulingStrategy::Replica => TaskKind::Replica,
            SchedulingStrategy::Daemon => TaskKind::Daemon,
        };
        let request = PlacementRequest::for_task(definition, self.group.clone())
            .kind(kind)
            .constraints(self.constraints.iter().cloned());
        match (&self.strategy, kind) {
            (Some(strategy), TaskKind::Replica) => request.strategy(strategy.clone()),
            _ => request,
        }
    }

    /// Whether ECS rebalances it over Availability Zones when it is asked to: a replica service without a strategy, or
    /// with zone spread first, and without a constraint on the zone (spec 9.6).
    pub fn is_eligible_for_zone_rebalancing(&self) -> bool {
        let zone_spread_first = match &self.strategy {
            None => true,
            Some(Strategy::Chain(chain)) => chain.rules().first().is_some_and(is_zone_spread),
            Some(Strategy::Headroom | Strategy::EcsDefault) => false,
        };
        let names_zone = self.constraints.iter().any(|constraint| match constraint {
            PlacementConstraint::MemberOf(expression) => {
                expression.attribute_names().iter().any(|name| name.as_str() == crate::model::names::AVAILABILITY_ZONE)
            }
            _ => false,
        });
        self.scheduling_strategy == SchedulingStrategy::Replica
            && zone_spread_first
            && !names_zone
            && self.maximum_percent != Some(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Demand;
    use crate::placement::PlacementStrategy;

    fn service() -> Service {
        Service::new("web", "web:1").expect("a plain name")
    }

    #[test]
    fn names_are_those_of_ecs() {
        for name in ["a", "A_b-9", &"a".repeat(247)] {
            assert_eq!(Service::new(name, "web").map(|it| it.name().to_owned()), Ok(name.to_owned()));
        }
        for name in ["", "a b", "a/b", "ä", &"a".repeat(256)] {
            assert!(Service::new(name, "web").is_err(), "{name}");
        }
    }

    #[test]
    fn a_replica_without_strategy_or_with_zone_spread_first_is_rebalanced() {
        let member_of = |text: &str| PlacementConstraint::MemberOf(text.parse().expect("it parses"));
        let chain = |rules: &[PlacementStrategy]| Some(Strategy::chain(rules.to_vec()).expect("a rule or two"));
        let (zones, memory) = (PlacementStrategy::spread_zones(), PlacementStrategy::binpack_memory());
        let cases = [
            (true, service()),
            (true, Service { strategy: chain(&[zones.clone(), memory.clone()]), ..service() }),
            (false, Service { strategy: chain(&[memory, zones]), ..service() }),
            (false, Service { strategy: Some(Strategy::Headroom), ..service() }),
            (false, Service { strategy: Some(Strategy::EcsDefault), ..service() }),
            (false, Service { scheduling_strategy: SchedulingStrategy::Daemon, ..service() }),
            (false, Service { maximum_percent: Some(100), ..service() }),
            (true, Service { maximum_percent: Some(101), ..service() }),
            (true, Service { constraints: vec![member_of("attribute:stack == prod")], ..service() }),
            (false, Service { constraints: vec![member_of("attribute:ecs.availability-zone != a")], ..service() }),
            (true, Service { constraints: vec![PlacementConstraint::DistinctInstance], ..service() }),
        ];
        for (is_eligible, service) in cases {
            assert_eq!(service.is_eligible_for_zone_rebalancing(), is_eligible, "{service:?}");
        }
    }

    #[test]
    fn a_request_is_for_a_task_of_the_services_group_and_kind() {
        let definition = TaskDefinition::of_demand("web", Demand::new(10, 20)).expect("valid");
        let replica = Service {
            strategy: Some(Strategy::EcsDefault),
            constraints: vec![PlacementConstraint::DistinctInstance],
            ..service()
        };
        let request = replica.request(&definition);
        assert_eq!((request.group(), request.spec().kind), (replica.group(), TaskKind::Replica));
        assert_eq!(request.own_strategy(), Some(&Strategy::EcsDefault));
        assert_eq!(request.all_constraints(), [PlacementConstraint::DistinctInstance]);
        let daemon = Service { scheduling_strategy: SchedulingStrategy::Daemon, ..replica }.request(&definition);
        assert_eq!((daemon.own_strategy(), daemon.spec().kind), (None, TaskKind::Daemon));
    }
}
