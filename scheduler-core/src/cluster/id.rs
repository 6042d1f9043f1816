//! Handles of container instances and tasks: numbers that are given once and never again.

use std::fmt;

/// The number of a container instance's registration: 0, 1, 2, … in the order of [`register`](super::Cluster::register).
///
/// Never reused. It is the last tie-break of every placement, so an earlier registration wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct InstanceId(pub(crate) u64);

/// The number of a task's start: 0, 1, 2, … in the order in which tasks were started. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct TaskId(pub(crate) u64);

impl InstanceId {
    /// The handle as a plain number, to write down.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The handle that [`number`](Self::number) wrote down.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

impl TaskId {
    /// The handle as a plain number, to write down.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The handle that [`number`](Self::number) wrote down.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an instance's columns lie. Reused after a deregistration, so memory follows the instances present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
