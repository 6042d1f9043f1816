//! SPECs of the command line: which strategy a run puts in the place of the requests' own.
//!
//! One table, [`NAMED`], maps a name to its meaning; everything else is a chain in ECS's terms. A new named strategy is
//! one line there.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use scheduler_core::{PlacementStrategy, SpreadField, Strategy, StrategyError};

use crate::policy::{self, FragmentationGradientDescent, TypicalTasks};

/// What a run does with the strategies of a trace.
#[derive(Debug, Clone, PartialEq)]
pub enum Meaning {
    /// Each request's own, else the setting `defaultStrategy`.
    AsWritten,
    /// As written, and every request gets the constraint distinctInstance (StartTask has no constraints).
    OneTaskPerHost,
    /// This one for every RunTask and REPLICA service.
    Replace(Strategy),
    /// FGD for every RunTask and REPLICA service; [`Spec::informed`] makes it of the trace's typical tasks.
    FragmentationGradientDescent,
}

/// A strategy SPEC: what it means, and what reports call it.
///
/// ```
/// use scheduler_sim::strategy::Spec;
///
/// let spec: Spec = "spread=az,binpack=memory".parse()?;
/// assert_eq!(spec.name(), "spread(attribute:ecs.availability-zone),binpack(memory)");
/// # Ok::<(), scheduler_sim::strategy::SpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    name: String,
    meaning: Meaning,
}

/// Why a text is no SPEC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Neither a name nor a rule of ECS's.
    #[error(
        "`{text}` is no strategy; there are {names}, random, spread(FIELD), binpack(cpu), binpack(memory), chains of \
         these rules with commas, and the policies of `help strategies`{}",
        suggestion(.nearest.as_ref())
    )]
    Unknown {
        /// The text given.
        text: Box<str>,
        /// All names.
        names: String,
        /// The name that comes nearest.
        nearest: Option<&'static str>,
    },
    /// A rule with a field that it does not take, or without the one that it needs, or too many rules.
    #[error("strategy `{text}`: {source}")]
    Rule {
        /// The text given.
        text: Box<str>,
        /// What is wrong with it.
        source: StrategyError,
    },
    /// A policy with a field that it does not take.
    #[error("strategy `{text}`: {}", if *.takes { "it is by cpu, memory or gpu" } else { "it takes no field" })]
    Resource {
        /// The text given.
        text: Box<str>,
        /// Whether it is by a resource at all.
        takes: bool,
    },
    /// A name that stands for a whole strategy cannot be one rule of a chain.
    #[error(
        "`{name}` is a strategy of its own and cannot stand in a chain; a chain has spread, binpack, random and policies"
    )]
    NameInChain {
        /// The name.
        name: Box<str>,
    },
    /// Settings take a strategy that a request could have.
    #[error("`{name}` is no default strategy: it says what to do with the strategies of the trace")]
    NoDefault {
        /// The name.
        name: Box<str>,
    },
}

fn suggestion(nearest: Option<&&'static str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// A named SPEC.
#[derive(Debug, Clone, Copy)]
pub struct NamedSpec {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    meaning: fn() -> Meaning,
}

/// All names, in the order in which help shows them.
pub const NAMED: &[NamedSpec] = &[
    NamedSpec {
        name: "as-written",
        summary: "each request's own chain; without one the setting defaultStrategy",
        meaning: || Meaning::AsWritten,
    },
    NamedSpec {
        name: "headroom",
        summary: "the Availability Zone with the most headroom, in it the instance with the most headroom",
        meaning: || Meaning::Replace(Strategy::Headroom),
    },
    NamedSpec {
        name: "ecs-default",
        summary: "what ECS does without a strategy: service tasks spread over zones, then instances; others random",
        meaning: || Meaning::Replace(Strategy::EcsDefault),
    },
    NamedSpec {
        name: "ecs-service",
        summary: "spread(attribute:ecs.availability-zone),spread(instanceId)",
        meaning: || chain([PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()]),
    },
    NamedSpec {
        name: "az-balanced-spread",
        summary: "spread(attribute:ecs.availability-zone),spread(instanceId)",
        meaning: || chain([PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()]),
    },
    NamedSpec {
        name: "az-balanced-binpack",
        summary: "spread(attribute:ecs.availability-zone),binpack(memory)",
        meaning: || chain([PlacementStrategy::spread_zones(), PlacementStrategy::binpack_memory()]),
    },
    NamedSpec {
        name: "one-task-per-host",
        summary: "as-written, and every request gets the constraint distinctInstance",
        meaning: || Meaning::OneTaskPerHost,
    },
    NamedSpec {
        name: "fgd",
        summary: "the instance and GPU where a placement adds least to the fragmentation of GPUs",
        meaning: || Meaning::FragmentationGradientDescent,
    },
];

/// The standard set after `as-written`, in order.
const STANDARD: [&str; 8] = [
    "headroom",
    "ecs-default",
    "az-balanced-spread",
    "az-balanced-binpack",
    "binpack(cpu)",
    "binpack(memory)",
    "spread(instanceId)",
    "random",
];

fn chain<const N: usize>(rules: [PlacementStrategy; N]) -> Meaning {
    Meaning::Replace(Strategy::chain(rules).unwrap_or_default())
}

impl Spec {
    /// What runs compare when nothing else is asked for; `as-written` comes first where the trace writes strategies.
    pub fn standard_set(trace_has_strategies: bool) -> Vec<Self> {
        let as_written = trace_has_strategies.then_some("as-written");
        let names = as_written.into_iter().chain(STANDARD);
        names.filter_map(|name| name.parse().ok()).collect()
    }

    /// The name that reports show.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it must be [informed](Self::informed) before it can run.
    pub fn needs_typical_tasks(&self) -> bool {
        self.meaning == Meaning::FragmentationGradientDescent
    }

    /// The SPEC for a trace with these typical tasks.
    pub fn informed(&self, typical: &Arc<TypicalTasks>) -> Self {
        let meaning = match &self.meaning {
            Meaning::FragmentationGradientDescent => {
                let policy = FragmentationGradientDescent::new(Arc::clone(typical));
                Meaning::Replace(PlacementStrategy::Custom(Arc::new(policy)).into())
            }
            meaning => meaning.clone(),
        };
        Self { name: self.name.clone(), meaning }
    }

    /// What it does with the strategies of a trace.
    pub fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    /// SPECs of equal meaning once, under all their names, in the order of the first.
    pub fn merged(specs: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut merged: Vec<Self> = Vec::new();
        for spec in specs {
            match merged.iter_mut().find(|known| known.meaning == spec.meaning || known.name == spec.name) {
                None => merged.push(spec),
                Some(known) if known.name.split(" = ").any(|name| name == spec.name) => {}
                Some(known) => known.name = format!("{} = {}", known.name, spec.name),
            }
        }
        merged
    }

    /// The strategy of a SPEC that may be the setting `defaultStrategy`.
    ///
    /// # Errors
    /// As parsing a SPEC; [`SpecError::NoDefault`] for `as-written` and `one-task-per-host`.
    pub fn default_strategy(text: &str) -> Result<Strategy, SpecError> {
        let spec: Self = text.parse()?;
        match spec.meaning {
            Meaning::Replace(strategy) => Ok(strategy),
            Meaning::AsWritten | Meaning::OneTaskPerHost | Meaning::FragmentationGradientDescent => {
                Err(SpecError::NoDefault { name: spec.name.into() })
            }
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let text = text.trim();
        if let Some(named) = NAMED.iter().find(|named| named.name == text) {
            return Ok(Self { name: named.name.to_owned(), meaning: (named.meaning)() });
        }
        let rules: Vec<_> = text.split(',').map(|rule| parse_rule(rule.trim(), text)).collect::<Result<_, _>>()?;
        let strategy = Strategy::chain(rules).map_err(|source| SpecError::Rule { text: text.into(), source })?;
        Ok(Self { name: strategy.to_string(), meaning: Meaning::Replace(strategy) })
    }
}

/// One rule: `type(field)`, `type=field`, or a type alone; `binpack` alone packs by memory.
fn parse_rule(rule: &str, whole: &str) -> Result<PlacementStrategy, SpecError> {
    if rule != whole && NAMED.iter().any(|named| named.name == rule) {
        return Err(SpecError::NameInChain { name: rule.into() });
    }
    let (kind, field) = match (rule.split_once('='), rule.strip_suffix(')').and_then(|open| open.split_once('('))) {
        (_, Some((kind, field))) | (Some((kind, field)), None) => (kind.trim(), Some(field.trim())),
        (None, None) => (rule, None),
    };
    if let Some(policy) = policy::named(kind) {
        let made = policy.make(field);
        return made
            .map(PlacementStrategy::Custom)
            .ok_or_else(|| SpecError::Resource { text: rule.into(), takes: policy.takes_resource() });
    }
    if !matches!(kind, "random" | "spread" | "binpack") {
        return Err(unknown(whole));
    }
    let field = match (kind, field) {
        ("binpack", None) => Some("memory"),
        ("spread", Some("az")) => return Ok(PlacementStrategy::spread_zones()),
        ("spread", Some("instance")) => return Ok(PlacementStrategy::Spread(SpreadField::InstanceId)),
        _ => field,
    };
    PlacementStrategy::from_ecs(kind, field).map_err(|source| SpecError::Rule { text: rule.into(), source })
}

fn unknown(text: &str) -> SpecError {
    let names: Vec<_> = NAMED.iter().map(|named| named.name).collect();
    let policies = policy::POLICIES.iter().map(|policy| policy.name);
    let candidates = names.iter().chain(&["random", "binpack", "spread"]).copied().chain(policies);
    let scored = candidates.map(|name| (strsim::damerau_levenshtein(text, name), name));
    let nearest = scored.filter(|(distance, _)| *distance <= 3).min().map(|(_, name)| name);
    SpecError::Unknown { text: text.into(), names: names.join(", "), nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Spec {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_spec_has_one_canonical_name_however_it_is_written() {
        let cases = [
            ("spread=az,binpack=memory", "spread(attribute:ecs.availability-zone),binpack(memory)"),
            ("spread(az),binpack(MEMORY)", "spread(attribute:ecs.availability-zone),binpack(memory)"),
            ("spread(host)", "spread(instanceId)"),
            ("spread=instance", "spread(instanceId)"),
            ("spread=attribute:rack, random", "spread(attribute:rack),random"),
            ("binpack", "binpack(memory)"),
            ("binpack=cpu", "binpack(cpu)"),
            ("random", "random"),
            ("headroom", "headroom"),
            ("as-written", "as-written"),
        ];
        for (text, name) in cases {
            assert_eq!(spec(text).name(), name, "{text}");
            assert_eq!(spec(name).name(), name, "the canonical name of {text} parses to itself");
        }
    }

    #[test]
    fn policies_are_rules_like_ecs_own() {
        assert_eq!(spec("spread=az,best-fit=cpu").name(), "spread(attribute:ecs.availability-zone),best-fit(cpu)");
        assert_eq!(spec("worst-fit").name(), "worst-fit(memory)");
        let merged = Spec::merged(["tetris", "random", "tetris"].map(spec));
        assert_eq!(merged.iter().map(Spec::name).collect::<Vec<_>>(), ["tetris", "random"]);
        for policy in crate::policy::POLICIES {
            let name = spec(policy.name).name().to_owned();
            assert_eq!(spec(&name).name(), name);
        }
    }

    #[test]
    fn broken_specs_say_what_would_be_right() {
        let cases = [
            ("headrom", "did you mean `headroom`?"),
            ("spread", "strategy `spread` needs a field"),
            ("spread(rack)", "`rack` is no field of `spread`"),
            ("binpack(disk)", "`disk` is no field of `binpack`"),
            ("headroom,random", "cannot stand in a chain"),
            ("best-fit(disk)", "it is by cpu, memory or gpu"),
            ("tetris(cpu)", "it takes no field"),
            ("tetrs", "did you mean `tetris`?"),
            ("", "is no strategy"),
            ("random,random,random,random,random,random", "the limit is 5"),
        ];
        for (text, part) in cases {
            let error = text.parse::<Spec>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn specs_of_equal_meaning_are_one_run_under_both_names() {
        let merged = Spec::merged(["az-balanced-spread", "random", "ecs-service", "random"].map(spec));
        let names: Vec<_> = merged.iter().map(Spec::name).collect();
        assert_eq!(names, ["az-balanced-spread = ecs-service", "random"]);
    }

    #[test]
    fn the_standard_set_leads_with_as_written_where_strategies_are_written() {
        assert_eq!(Spec::standard_set(true)[0].name(), "as-written");
        let names: Vec<_> = Spec::standard_set(false).iter().map(|spec| spec.name().to_owned()).collect();
        assert_eq!(names, STANDARD);
    }

    #[test]
    fn a_default_strategy_is_one_that_a_request_could_have() {
        assert_eq!(Spec::default_strategy("ecs-default"), Ok(Strategy::EcsDefault));
        assert!(matches!(Spec::default_strategy("as-written"), Err(SpecError::NoDefault { .. })));
    }
}
