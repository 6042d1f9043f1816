//! What becomes of each task, as metrics and the decision log see it: one [`Outcome`] is one line of the log.

use std::fmt;
use std::sync::Arc;

use scheduler_core::{Change, Demand, InstanceId, PlacementRequest, TaskGroup};

/// Somebody who is told everything that happens in a run, in order.
pub trait Observer {
    /// Something happened at `at_ms` milliseconds from the start.
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>);

    /// Whether it wants to know names: of tasks, instances and zones, ids of GPUs, and the closest instance of a refusal,
    /// for which all instances have to be asked. If not, they may be left out or empty.
    fn wants_names(&self) -> bool {
        true
    }
}

/// One thing that happened.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Observation<'a> {
    /// The cluster changed.
    Change(&'a Change),
    /// Something became of a task. It follows the change that it tells of.
    Outcome(&'a Outcome<'a>),
    /// What an instance costs; told before it registers. `None`: not known.
    Price {
        /// The instance.
        instance: InstanceId,
        /// Dollars per hour, in millionths.
        microdollars: Option<u64>,
    },
    /// RunTask or StartTask has asked for copies of a task, and what could be placed at once is placed.
    Arrived {
        /// What each takes.
        demand: &'a Demand,
        /// How many.
        copies: u64,
    },
    /// A REPLICA service asks for tasks by this request from now on.
    Service(&'a PlacementRequest),
    /// What the loss of the worst Availability Zone would cost at the horizon; told once, if at all.
    ZoneLoss {
        /// The zone.
        zone: &'a str,
        /// Its tasks that would find no other place.
        unplaced_tasks: u64,
    },
}

/// What became of one task, or of several copies of one request that fare alike.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The number of the event that brought it about; `None` for ends by duration and what services do.
    pub event: Option<u64>,
    /// The copies.
    pub copies: Copies<'a>,
    /// The group they count under.
    pub group: &'a TaskGroup,
    /// Who wanted them.
    pub origin: Origin,
    /// What became of them.
    pub fate: Fate<'a>,
}

/// Names of the copies that an outcome is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies<'a> {
    /// One, by its name.
    One(&'a str),
    /// `base/first`, `base/first+1`, …
    Numbered {
        /// What the names begin with.
        base: &'a str,
        /// The number of the first.
        first: u64,
        /// How many, one after another.
        count: u64,
    },
}

impl Copies<'_> {
    /// How many there are.
    pub fn count(&self) -> u64 {
        match self {
            Self::One(_) => 1,
            Self::Numbered { count, .. } => *count,
        }
    }

    /// Whether a task of that name is one of them.
    pub fn names(&self, task: &str) -> bool {
        match self {
            Self::One(name) => *name == task,
            Self::Numbered { base, first, count } => {
                let number = task.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')?.parse::<u64>().ok());
                let is_in = |number: u64| number.checked_sub(*first).is_some_and(|index| index < *count);
                // `+1` and `01` are numbers, too.
                number.is_some_and(|number| is_in(number) && *task == format!("{base}/{number}"))
            }
        }
    }

    /// Hands out their names in order, until `each` errs.
    ///
    /// # Errors
    /// The first error of `each`.
    pub fn for_each_name<E>(&self, mut each: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        match self {
            Self::One(name) => each(name),
            Self::Numbered { base, first, count } => {
                (*first..first.saturating_add(*count)).try_for_each(|number| each(&format!("{base}/{number}")))
            }
        }
    }
}

/// Who wanted a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// RunTask.
    RunTask,
    /// StartTask, whose caller chose the instance.
    StartTask,
    /// It ran at time 0 already.
    Initial,
    /// A service.
    Service,
}

/// What became of a task.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Fate<'a> {
    /// It was placed.
    Placed {
        /// The instance's name.
        instance: &'a str,
        /// Its Availability Zone.
        zone: &'a str,
        /// Ids of the GPUs that it holds.
        gpus: &'a [&'a str],
        /// The instant from which it was wanted.
        wanted_at_ms: u64,
        /// Whether it was refused before.
        has_waited: bool,
        /// Why a service wanted it.
        why: Option<PlacedWhy>,
    },
    /// It was refused for good.
    Refused(Refused<'a>),
    /// It was refused and waits.
    Waiting(Refused<'a>),
    /// A service's copy was refused, for the first time or for another reason than before; the service still wants it.
    Missing {
        /// Why.
        refused: Refused<'a>,
        /// Whether it is the first time.
        is_first: bool,
    },
    /// It was withdrawn before it was placed.
    Withdrawn {
        /// The reason of its last refusal; `None`: it was never tried.
        reason: Option<&'a str>,
        /// What withdrew it.
        why: StoppedWhy,
    },
    /// The run ends and it is still wanted.
    StillWanted {
        /// The reason of its last refusal; `None`: it was never tried.
        reason: Option<&'a str>,
    },
    /// Its desired status became STOPPED.
    Stopped {
        /// The instance's name.
        instance: &'a str,
        /// Why.
        why: StoppedWhy,
    },
}

/// Why no instance takes a task (C-51).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused<'a> {
    /// The reason string of the ECS API.
    pub reason: &'a str,
    /// The instance that came closest.
    pub closest: Option<&'a str>,
}

/// A refusal that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptRefusal {
    pub(crate) reason: &'static str,
    pub(crate) closest: Option<Arc<str>>,
}

impl KeptRefusal {
    pub(crate) fn as_refused(&self) -> Refused<'_> {
        Refused { reason: self.reason, closest: self.closest.as_deref() }
    }
}

/// Why a service placed a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlacedWhy {
    /// It has fewer tasks than it shall have.
    Desired,
    /// In the place of one that ended or was lost.
    Replacement,
    /// A deployment starts the new revision.
    Deployment,
    /// For balance between Availability Zones.
    Rebalancing,
}

/// Why a task's desired status became STOPPED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoppedWhy {
    /// Its duration was over.
    Finished,
    /// StopTask.
    StopTask,
    /// Its service shall have fewer tasks.
    ScaleIn,
    /// A deployment stops the old revision.
    Deployment,
    /// Its instance is DRAINING.
    Draining,
    /// For balance between Availability Zones.
    Rebalancing,
    /// Its instance failed, or was deregistered by force.
    InstanceLost,
    /// It exited (`failTasks`).
    Failed,
    /// Its service was deleted.
    ServiceDeleted,
}

impl fmt::Display for PlacedWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Desired => "desired",
            Self::Replacement => "replacement",
            Self::Deployment => "deployment",
            Self::Rebalancing => "rebalancing",
        })
    }
}

impl fmt::Display for StoppedWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::StopTask => "stopTask",
            Self::ScaleIn => "scale-in",
            Self::Deployment => "deployment",
            Self::Draining => "draining",
            Self::Rebalancing => "rebalancing",
            Self::InstanceLost => "instance-lost",
            Self::Failed => "failed",
            Self::ServiceDeleted => "service-deleted",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_known_by_the_names_that_they_hand_out() {
        let all = [
            Copies::One("a"),
            Copies::One("a/2"),
            Copies::Numbered { base: "a", first: 2, count: 3 },
            Copies::Numbered { base: "a/b", first: 0, count: 1 },
        ];
        for copies in all {
            let mut handed_out = Vec::new();
            let told = copies.for_each_name::<()>(|name| {
                handed_out.push(name.to_owned());
                Ok(())
            });
            assert!(told.is_ok());
            let others = ["", "a", "a/", "a/1", "a/5", "a/02", "a/+2", "a/b", "a/b/1", "b/2", "a/99999999999999999999"];
            for name in handed_out.iter().map(String::as_str).chain(others) {
                assert_eq!(copies.names(name), handed_out.iter().any(|it| it == name), "{name} of {copies:?}");
            }
        }
    }
}
