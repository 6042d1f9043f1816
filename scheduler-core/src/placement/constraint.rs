//! Placement constraints: hard rules on who may hold a task.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::policy::PolicyContext;
use crate::cluster::InstanceView;
use crate::expression::{Expression, ParseError};

/// Most constraints of ECS's types on one task, those of its task definition included (API: RunTask).
pub const CONSTRAINT_LIMIT: usize = 10;

/// One hard rule. All of a request's rules must hold.
///
/// Equality of custom constraints is identity of the object.
#[derive(Debug, Clone)]
pub enum PlacementConstraint {
    /// The instance matches a cluster query expression.
    MemberOf(Expression),
    /// No task of the request's group is on the instance.
    DistinctInstance,
    /// Fewer than so many tasks of the request's group are on the instance. Not ECS's; often asked for.
    MaxTasksPerInstance(NonZeroU32),
    /// The embedder's own rule.
    Custom(Arc<dyn CustomConstraint>),
}

/// A placement constraint of the embedder's own. It is asked after ECS's and before the agent check.
pub trait CustomConstraint: fmt::Debug + Send + Sync {
    /// Its name in explanations.
    fn name(&self) -> &str;

    /// Whether the instance may hold the task. Be a function of what is passed in alone.
    fn admits(&self, context: &PolicyContext<'_>, instance: &InstanceView<'_>) -> bool;
}

impl PlacementConstraint {
    /// The instances that match an expression.
    ///
    /// # Errors
    /// [`ParseError`] if the text is no expression.
    pub fn member_of(expression: &str) -> Result<Self, ParseError> {
        Expression::parse(expression).map(Self::MemberOf)
    }

    /// A constraint as ECS writes it: `type`, and `expression` where the type needs one.
    ///
    /// # Errors
    /// [`ConstraintError`] for another type, a missing or broken expression, or one that is not wanted.
    pub fn from_ecs(kind: &str, expression: Option<&str>) -> Result<Self, ConstraintError> {
        match (kind, expression) {
            ("memberOf", Some(text)) => Ok(Self::MemberOf(Expression::parse(text)?)),
            ("memberOf", None) => Err(ConstraintError::ExpressionMissing),
            ("distinctInstance", None) => Ok(Self::DistinctInstance),
            ("distinctInstance", Some(_)) => Err(ConstraintError::ExpressionNotWanted),
            _ => Err(ConstraintError::UnknownType { kind: kind.into() }),
        }
    }

    /// Whether it is of a type that ECS has, and counts toward its limit.
    pub(crate) fn is_ecs(&self) -> bool {
        matches!(self, Self::MemberOf(_) | Self::DistinctInstance)
    }
}

impl PartialEq for PlacementConstraint {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::MemberOf(a), Self::MemberOf(b)) => a == b,
            (Self::DistinctInstance, Self::DistinctInstance) => true,
            (Self::MaxTasksPerInstance(a), Self::MaxTasksPerInstance(b)) => a == b,
            (Self::Custom(a), Self::Custom(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// Why something is no placement constraint (`InvalidParameterException` of ECS).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstraintError {
    /// Not one of ECS's two types.
    #[error("`{kind}` is no constraint type; there are `memberOf` and `distinctInstance`")]
    UnknownType {
        /// The type given.
        kind: Box<str>,
    },
    /// `memberOf` without an expression.
    #[error("`memberOf` needs an expression")]
    ExpressionMissing,
    /// ECS's own words; even an empty expression is refused.
    #[error("distinctInstance expression should not be specified.")]
    ExpressionNotWanted,
    /// The expression does not parse.
    #[error("the expression of `memberOf` does not parse: {0}")]
    Expression(#[from] ParseError),
}
