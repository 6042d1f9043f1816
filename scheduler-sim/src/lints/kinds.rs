//! What is remarked on a sound trace: one variant a cause.

use std::fmt;

use scheduler_core::{AttributeName, Check, PlacementStrategy, TaskDefinitionLint, expression};

use crate::trace::Place;

/// A remark, and where the trace gives cause for it first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lint {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: LintKind,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)
    }
}

/// What is remarked. The message says what will happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant's message says what it is")]
pub enum LintKind {
    // Expressions.
    #[error("in `{expression}`: {lint}")]
    Expression { expression: Box<str>, lint: expression::Lint },
    #[error("in `{expression}`: no container instance ever has the attribute `{name}`{}", suggestion(.nearest.as_deref()))]
    UnknownAttribute { expression: Box<str>, name: AttributeName, nearest: Option<Box<str>> },
    #[error("in `{expression}`: `{name}` is `{value}` on no container instance{}", suggestion(.nearest.as_deref()))]
    UnknownValue { expression: Box<str>, name: AttributeName, value: Box<str>, nearest: Option<Box<str>> },
    #[error("in `{expression}`: no value of `{name}` in the fleet matches the pattern `{pattern}`")]
    PatternMatchesNothing { expression: Box<str>, name: AttributeName, pattern: Box<str> },
    #[error("no container instance of the fleet matches `{expression}`")]
    NobodyMatches { expression: Box<str> },
    #[error(
        "the memberOf expressions of `{definition}` contradict each other: each matches container instances, but none matches all"
    )]
    Contradiction { definition: Box<str> },

    // Strategies.
    #[error("strategy `{rule}` cannot matter: {why}")]
    RuleWithoutEffect { rule: RuleName, why: WithoutEffect },

    // Tasks and instances.
    #[error("`{definition}` fits no container instance of the fleet, not even an empty one: {}", .check.reason())]
    FitsNowhere { definition: Box<str>, check: Check },
    #[error("no task of the trace can run on {count} container instances as this one")]
    NobodyUses { count: u64 },
    #[error("`{definition}`: {lint}")]
    Definition { definition: Box<str>, lint: TaskDefinitionLint },

    // Amazon ECS's own limits.
    #[error("{what}: {given}; Amazon ECS takes {limit}")]
    Limit { what: &'static str, given: u64, limit: &'static str },
    #[error("`{definition}`: task-level CPU of {given} units; Amazon ECS takes {least} to {most}")]
    TaskCpu { definition: Box<str>, given: u32, least: u32, most: u32 },
    #[error("`{definition}` reserves no memory; Amazon ECS wants it in every container or for the task")]
    NoMemory { definition: Box<str> },
    #[error("`{definition}`: `{key}` is no part of Amazon ECS")]
    Extension { definition: Box<str>, key: &'static str },
    #[error("the custom attribute `{name}` has a name that Amazon ECS reserves")]
    ReservedAttribute { name: AttributeName },
}

impl LintKind {
    /// Whether it is one of Amazon ECS's own limits, which this program does not have.
    pub fn is_ecs_limit(&self) -> bool {
        matches!(
            self,
            Self::Limit { .. }
                | Self::TaskCpu { .. }
                | Self::NoMemory { .. }
                | Self::Extension { .. }
                | Self::ReservedAttribute { .. }
        )
    }
}

/// A rule as reports name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleName(Box<str>);

impl From<&PlacementStrategy> for RuleName {
    fn from(rule: &PlacementStrategy) -> Self {
        Self(rule.to_string().into())
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a rule of a chain cannot matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum WithoutEffect {
    /// `random` leaves one instance.
    #[error("`random` before it leaves one container instance")]
    AfterRandom,
    /// The same rule stands before it.
    #[error("the same rule stands before it")]
    Repeated,
    /// All instances have one value.
    #[error("all container instances have the same value")]
    OneValue,
    /// No instance has the attribute.
    #[error("no container instance ever has the attribute")]
    NoValue,
    /// Nobody who may take the task has one of its group.
    #[error("with distinctInstance no container instance that may take the task has one of its group")]
    DistinctInstance,
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}
