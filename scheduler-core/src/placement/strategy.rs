//! Placement strategies as data: spread, binpack, random, chains of them, and what applies without any.

use std::fmt;
use std::sync::Arc;

use super::policy::PlacementPolicy;
use crate::cluster::TaskKind;
use crate::model::{AttributeError, AttributeName, names};

/// Most rules in one chain (API: RunTask, CreateService).
pub const STRATEGY_LIMIT: usize = 5;

/// What `spread` evens out over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SpreadField {
    /// Each instance on its own (`instanceId`, or `host`).
    InstanceId,
    /// The values of an attribute; instances without it are one value of their own (C-25).
    Attribute(AttributeName),
}

/// What `binpack` fills up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinpackField {
    /// CPU units.
    Cpu,
    /// MiB of memory.
    Memory,
}

/// One rule: of the instances that are left it keeps the best by its measure.
///
/// Equality of custom rules is identity of the policy object.
#[derive(Debug, Clone)]
pub enum PlacementStrategy {
    /// One instance, uniformly; nothing after it has an effect (C-26).
    Random,
    /// The instances whose value has the fewest tasks of the request's group (C-24).
    Spread(SpreadField),
    /// The instances with the least remaining amount, in absolute units.
    Binpack(BinpackField),
    /// The embedder's own rule.
    Custom(Arc<dyn PlacementPolicy>),
}

impl PlacementStrategy {
    /// `spread` over the Availability Zones.
    pub fn spread_zones() -> Self {
        Self::Spread(SpreadField::Attribute(AttributeName::availability_zone()))
    }

    /// `spread` over the instances.
    pub fn spread_instances() -> Self {
        Self::Spread(SpreadField::InstanceId)
    }

    /// `binpack` by CPU.
    pub fn binpack_cpu() -> Self {
        Self::Binpack(BinpackField::Cpu)
    }

    /// `binpack` by memory.
    pub fn binpack_memory() -> Self {
        Self::Binpack(BinpackField::Memory)
    }

    /// A rule as ECS writes it: `type`, and `field` where the type needs one (C-20: `cpu` and `memory` in any case;
    /// `host` means `instanceId`; C-21: a field of `random` is ignored).
    ///
    /// # Errors
    /// [`StrategyError`] for another type, a missing field, or a field that the type does not know.
    pub fn from_ecs(kind: &str, field: Option<&str>) -> Result<Self, StrategyError> {
        let field = field.filter(|field| !field.is_empty());
        let missing = |kind| StrategyError::FieldMissing { kind };
        match kind {
            "random" => Ok(Self::Random),
            "spread" => spread_field(field.ok_or(missing("spread"))?).map(Self::Spread),
            "binpack" => {
                let field = field.ok_or(missing("binpack"))?;
                match field.to_ascii_lowercase().as_str() {
                    "cpu" => Ok(Self::binpack_cpu()),
                    "memory" => Ok(Self::binpack_memory()),
                    _ => Err(StrategyError::UnknownBinpackField { field: field.into() }),
                }
            }
            _ => Err(StrategyError::UnknownType { kind: kind.into() }),
        }
    }

    /// ECS's `type`; `None` for a custom rule.
    pub fn ecs_type(&self) -> Option<&'static str> {
        match self {
            Self::Random => Some("random"),
            Self::Spread(_) => Some("spread"),
            Self::Binpack(_) => Some("binpack"),
            Self::Custom(_) => None,
        }
    }

    /// ECS's `field`, in canonical form.
    pub fn ecs_field(&self) -> Option<String> {
        match self {
            Self::Random | Self::Custom(_) => None,
            Self::Spread(field) => Some(field.to_string()),
            Self::Binpack(field) => Some(field.to_string()),
        }
    }
}

fn spread_field(field: &str) -> Result<SpreadField, StrategyError> {
    match field {
        "instanceId" | "host" => Ok(SpreadField::InstanceId),
        _ => match field.strip_prefix("attribute:") {
            Some(name) => Ok(SpreadField::Attribute(AttributeName::new(name)?)),
            None => Err(StrategyError::UnknownSpreadField { field: field.into() }),
        },
    }
}

impl PartialEq for PlacementStrategy {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Random, Self::Random) => true,
            (Self::Spread(a), Self::Spread(b)) => a == b,
            (Self::Binpack(a), Self::Binpack(b)) => a == b,
            (Self::Custom(a), Self::Custom(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl fmt::Display for SpreadField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InstanceId => f.write_str("instanceId"),
            Self::Attribute(name) => write!(f, "attribute:{name}"),
        }
    }
}

impl fmt::Display for BinpackField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        })
    }
}

impl fmt::Display for PlacementStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random => f.write_str("random"),
            Self::Spread(field) => write!(f, "spread({field})"),
            Self::Binpack(field) => write!(f, "binpack({field})"),
            Self::Custom(policy) => f.write_str(policy.name()),
        }
    }
}

/// One to five rules, each narrowing what the one before it left.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyChain(Vec<PlacementStrategy>);

impl StrategyChain {
    /// A chain of these rules.
    ///
    /// # Errors
    /// [`StrategyError::Empty`] for no rule, [`StrategyError::TooManyRules`] for more than five.
    pub fn new(rules: impl IntoIterator<Item = PlacementStrategy>) -> Result<Self, StrategyError> {
        let rules: Vec<_> = rules.into_iter().collect();
        match rules.len() {
            0 => Err(StrategyError::Empty),
            1..=STRATEGY_LIMIT => Ok(Self(rules)),
            given => Err(StrategyError::TooManyRules { given, limit: STRATEGY_LIMIT }),
        }
    }

    /// The rules in order.
    pub fn rules(&self) -> &[PlacementStrategy] {
        &self.0
    }
}

impl fmt::Display for StrategyChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{rule}")?;
        }
        Ok(())
    }
}

/// How one of the feasible instances is chosen.
///
/// ```
/// use scheduler_core::{PlacementStrategy, Strategy};
///
/// let strategy = Strategy::chain([PlacementStrategy::spread_zones(), PlacementStrategy::binpack_memory()])?;
/// assert_eq!(strategy.to_string(), "spread(attribute:ecs.availability-zone),binpack(memory)");
/// # Ok::<(), scheduler_core::StrategyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Strategy {
    /// The Availability Zone with the most headroom, then the instance with the most headroom (C-19).
    #[default]
    Headroom,
    /// What ECS does without a strategy: replicas spread over zones, then instances; standalone tasks go anywhere
    /// (C-17).
    EcsDefault,
    /// ECS's strategies or the embedder's, in order; what they leave open the tie-break decides.
    Chain(StrategyChain),
}

impl Strategy {
    /// A chain of these rules.
    ///
    /// # Errors
    /// As [`StrategyChain::new`].
    pub fn chain(rules: impl IntoIterator<Item = PlacementStrategy>) -> Result<Self, StrategyError> {
        StrategyChain::new(rules).map(Self::Chain)
    }

    /// The rules that apply to a task of that kind; none for `headroom`, which is no chain.
    pub(crate) fn rules_for(&self, kind: TaskKind) -> Option<Vec<PlacementStrategy>> {
        match (self, kind) {
            (Self::Headroom, _) => None,
            (Self::Chain(chain), _) => Some(chain.rules().to_vec()),
            (Self::EcsDefault, TaskKind::Standalone) => Some(vec![PlacementStrategy::Random]),
            (Self::EcsDefault, TaskKind::Replica) => {
                Some(vec![PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()])
            }
            (Self::EcsDefault, TaskKind::Daemon) => Some(Vec::new()),
        }
    }
}

impl From<PlacementStrategy> for Strategy {
    fn from(rule: PlacementStrategy) -> Self {
        Self::Chain(StrategyChain(vec![rule]))
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Headroom => f.write_str("headroom"),
            Self::EcsDefault => f.write_str("ecs-default"),
            Self::Chain(chain) => chain.fmt(f),
        }
    }
}

/// What settles a choice that a chain leaves open (C-27). `headroom` has ties of its own and never asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum TieBreak {
    /// The most headroom, then the earliest registration.
    #[default]
    Headroom,
    /// The earliest registration.
    Stable,
    /// Uniformly among those left.
    Random,
}

/// Why something is no placement strategy (`InvalidParameterException` of ECS; C-21).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StrategyError {
    /// Not one of ECS's three types.
    #[error("`{kind}` is no strategy type; there are `spread`, `binpack` and `random`")]
    UnknownType {
        /// The type given.
        kind: Box<str>,
    },
    /// `spread` and `binpack` need a field.
    #[error("strategy `{kind}` needs a field")]
    FieldMissing {
        /// The type given.
        kind: &'static str,
    },
    /// Not something to spread over.
    #[error("`{field}` is no field of `spread`; there are `instanceId`, `host` and `attribute:NAME`")]
    UnknownSpreadField {
        /// The field given.
        field: Box<str>,
    },
    /// Not something to pack by.
    #[error("`{field}` is no field of `binpack`; there are `cpu` and `memory`")]
    UnknownBinpackField {
        /// The field given.
        field: Box<str>,
    },
    /// The attribute to spread over cannot exist.
    #[error(transparent)]
    Attribute(#[from] AttributeError),
    /// A chain without a rule says nothing: leave the strategy away.
    #[error("a chain needs at least one rule; without a strategy the scheduler's default applies")]
    Empty,
    /// More than five rules.
    #[error("{given} placement strategies; the limit is {limit}")]
    TooManyRules {
        /// How many were given.
        given: usize,
        /// The limit.
        limit: usize,
    },
}

/// Whether a rule is `spread` over the Availability Zones.
pub(crate) fn is_zone_spread(rule: &PlacementStrategy) -> bool {
    matches!(rule, PlacementStrategy::Spread(SpreadField::Attribute(name)) if name.as_str() == names::AVAILABILITY_ZONE)
}
