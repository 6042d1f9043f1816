//! Why nobody can take a task: the reason, the closest instance, and everything that every instance falls short of.

use std::collections::BTreeMap;
use std::fmt;

use super::check::{Check, Checker, FailedCheck};
use super::request::PlacementRequest;
use crate::cluster::{Cluster, InstanceId, Slot};
use crate::model::TaskGroup;

/// Why a request finds no instance (C-51).
///
/// The reason is the first check, in ECS's order, after which nobody is left; the closest instance is one that passes
/// all checks before that one and falls short of it the least, the earliest registered of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    check: Check,
    closest: Option<ClosestInstance>,
}

/// The instance that came closest to taking the task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosestInstance {
    /// Its handle.
    pub id: InstanceId,
    /// Its name.
    pub name: Box<str>,
    /// What it falls short of.
    pub failed: FailedCheck,
}

impl Refusal {
    /// The reason why a request cannot be placed, or `None` if somebody can take it. Cost: O(instances).
    pub(super) fn of(cluster: &Cluster, request: &PlacementRequest) -> Option<Self> {
        let checker = Checker::new(cluster, request);
        let mut furthest: Option<(FailedCheck, Slot)> = None;
        for (_, slot) in present(cluster) {
            let failed = checker.first_failure(slot)?;
            // Later checks come closer; of one check the least shortfall; of equals the first registered stays.
            let is_closer = furthest.as_ref().is_none_or(|(best, _)| {
                let by_check = failed.check().cmp(&best.check());
                by_check.then_with(|| best.shortfall().cmp(&failed.shortfall())).is_gt()
            });
            if is_closer {
                furthest = Some((failed, slot));
            }
        }
        Some(match furthest {
            Some((failed, _)) if failed.check() == Check::Status => Self { check: Check::Status, closest: None },
            Some((failed, slot)) => {
                let instance = cluster.view(slot);
                let closest = ClosestInstance { id: instance.id(), name: instance.name().into(), failed };
                Self { check: closest.failed.check(), closest: Some(closest) }
            }
            None => Self { check: Check::Status, closest: None },
        })
    }

    /// The reason why a request could not be placed just now.
    pub(super) fn found(cluster: &Cluster, request: &PlacementRequest) -> Self {
        // Nobody is refused only if a custom constraint answers differently when it is asked again.
        Self::of(cluster, request).unwrap_or(Self { check: Check::Custom, closest: None })
    }

    /// The check after which nobody is left.
    pub fn check(&self) -> Check {
        self.check
    }

    /// The reason string of the ECS API: `RESOURCE:MEMORY`, `NO ACTIVE INSTANCES`, …
    pub fn reason(&self) -> &'static str {
        self.check.reason()
    }

    /// The closest instance; `None` where no instance is ACTIVE.
    pub fn closest(&self) -> Option<&ClosestInstance> {
        self.closest.as_ref()
    }

    /// The event that ECS writes for a service that cannot place a task (C-50 for reasons without a text of their own).
    ///
    /// ```
    /// use scheduler_core::{Cluster, Demand, PlacementRequest, Scheduler, TaskGroup};
    ///
    /// let request = PlacementRequest::new(Demand::new(256, 512), TaskGroup::service("web")?);
    /// let refusal = Scheduler::default().refusal(&Cluster::default(), &request).unwrap();
    /// assert_eq!(
    ///     refusal.service_event("web"),
    ///     "(service web) was unable to place a task because no container instance met all of its requirements. \
    ///      Reason: No Container Instances were found in your cluster. For more information, see the Troubleshooting \
    ///      section of the Amazon ECS Developer Guide."
    /// );
    /// # Ok::<(), scheduler_core::TaskGroupError>(())
    /// ```
    pub fn service_event(&self, service: &str) -> String {
        const TAIL: &str = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";
        if self.check == Check::CapacityProvider {
            return format!(
                "(service {service}) was unable to reach steady state. Reason: No Container Instances were found in \
                 your capacity provider."
            );
        }
        let cause = match &self.closest {
            None => "Reason: No Container Instances were found in your cluster.".to_owned(),
            Some(closest) => {
                format!("The closest matching (container-instance {}) {}.", closest.name, self.event_phrase())
            }
        };
        format!(
            "(service {service}) was unable to place a task because no container instance met all of its \
             requirements. {cause} {TAIL}"
        )
    }

    fn event_phrase(&self) -> String {
        match self.check {
            Check::Cpu => "has insufficient CPU units available".to_owned(),
            Check::Memory => "has insufficient memory available".to_owned(),
            Check::Ports => "is already using a port required by your task".to_owned(),
            Check::Attributes => "is missing an attribute required by your task".to_owned(),
            Check::Agent => "doesn't have the agent connected".to_owned(),
            other => format!("encountered error \"{}\"", other.reason()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())?;
        match &self.closest {
            Some(closest) => write!(f, " (closest: {}, {})", closest.name, closest.failed),
            None => Ok(()),
        }
    }
}

/// What every present instance says to a request. `Display` is one sentence for an operator.
///
/// ```
/// use scheduler_core::{Cluster, ContainerInstance, Demand, PlacementRequest, Resources, Scheduler, TaskGroup};
///
/// let mut cluster = Cluster::default();
/// for (name, memory_mib) in [("i-1", 256), ("i-2", 448)] {
///     let resources = Resources::new(1024, memory_mib);
///     cluster.register(ContainerInstance::builder(name).zone("us-east-2a").resources(resources).build()?)?;
/// }
/// let request = PlacementRequest::new(Demand::new(256, 512), TaskGroup::family("job")?);
/// let explanation = Scheduler::default().explain(&cluster, &request);
/// assert_eq!(
///     explanation.to_string(),
///     "0 of 2 container instances can hold the task: 2 lack memory; closest: i-2, short of 64 MiB"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    group: TaskGroup,
    instances: Vec<InstanceExplanation>,
    refusal: Option<Refusal>,
}

/// What one instance says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceExplanation {
    /// Its handle.
    pub id: InstanceId,
    /// Its name.
    pub name: Box<str>,
    /// Its Availability Zone.
    pub zone: Box<str>,
    /// Every check that it fails, in ECS's order; none: it is eligible.
    pub failures: Vec<FailedCheck>,
}

impl Explanation {
    pub(super) fn of(cluster: &Cluster, request: &PlacementRequest) -> Self {
        let checker = Checker::new(cluster, request);
        let instances = present(cluster).map(|(id, slot)| {
            let instance = cluster.view(slot);
            let (name, zone) = (instance.name().into(), instance.zone().into());
            InstanceExplanation { id, name, zone, failures: checker.failures(slot).collect() }
        });
        Self { group: request.group().clone(), instances: instances.collect(), refusal: Refusal::of(cluster, request) }
    }

    /// The group that the request counts under.
    pub fn group(&self) -> &TaskGroup {
        &self.group
    }

    /// Every present instance in registration order.
    pub fn instances(&self) -> &[InstanceExplanation] {
        &self.instances
    }

    /// The instances that can hold the task, in registration order.
    pub fn eligible(&self) -> impl Iterator<Item = &InstanceExplanation> {
        self.instances.iter().filter(|instance| instance.failures.is_empty())
    }

    /// How many instances fail each check first, in ECS's order; checks that nobody fails first are left out.
    pub fn tally(&self) -> impl Iterator<Item = (Check, usize)> {
        let mut counts = BTreeMap::new();
        for failed in self.instances.iter().filter_map(|instance| instance.failures.first()) {
            *counts.entry(failed.check()).or_insert(0) += 1;
        }
        counts.into_iter()
    }

    /// Why nobody can; `None` if somebody can.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.instances.len();
        if all == 0 {
            return f.write_str("0 container instances are registered, so none can hold the task");
        }
        let noun = if all == 1 { "container instance" } else { "container instances" };
        write!(f, "{} of {all} {noun} can hold the task", self.eligible().count())?;
        for (index, (check, count)) in self.tally().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(f, "{separator}{}", check.count_phrase(count))?;
        }
        match self.refusal.as_ref().and_then(Refusal::closest) {
            Some(closest) => write!(f, "; closest: {}, {}", closest.name, closest.failed),
            None => Ok(()),
        }
    }
}

/// Instances that have not failed, in registration order.
fn present(cluster: &Cluster) -> impl Iterator<Item = (InstanceId, Slot)> {
    cluster.instances.iter().filter(|(_, slot)| cluster.instances.is_present(*slot))
}
