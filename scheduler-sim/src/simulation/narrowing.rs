//! The plain form of placement's narrowing, for people to follow: what each rule left, and the value of every instance
//! under each rule that it came to.

use std::collections::{BTreeMap, HashMap};

use scheduler_core::{
    AttributeLookup, BinpackField, Cluster, InstanceId, InstanceStatus, InstanceView, PlacementRequest,
    PlacementStrategy, Scheduler, SpreadField, Strategy, TaskKind, TieBreak,
};

use crate::metrics::StaticRules;

/// A rule and how many instances it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The rule.
    pub rule: String,
    /// By what it compares.
    pub measure: Measure,
    /// The best value; `None`: it does not compare.
    pub best: Option<u128>,
    /// How many instances were left.
    pub left: usize,
}

/// By what a rule compares instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The least of these is best.
    Least(&'static str),
    /// The most of these is best.
    Most(&'static str),
    /// It takes one and does not say how much better that is.
    Choice,
}

/// Which instances a rule keeps, and the value of each by name of the instance.
pub(super) struct Narrowing<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) request: &'a PlacementRequest,
    /// C-22: tasks of other revisions do not count for `spread`.
    pub(super) own_revision_only: bool,
    /// Where the task went: what chance or a policy decided is read from it.
    pub(super) chosen: Option<InstanceId>,
}

/// The values of instances under the rules that they came to.
pub(super) type Values = HashMap<InstanceId, Vec<u128>>;

impl<'a> Narrowing<'a> {
    pub(super) fn steps(&self, scheduler: &Scheduler, mut left: Vec<InstanceView<'a>>) -> (Vec<Step>, Values) {
        let (mut steps, mut values) = (Vec::new(), Values::new());
        let rules = match (scheduler.strategy_of(self.request), self.request.spec().kind) {
            (Strategy::Headroom, _) => {
                self.by_headroom(&mut left, &mut steps, &mut values);
                return (steps, values);
            }
            (Strategy::Chain(chain), _) => chain.rules().to_vec(),
            (Strategy::EcsDefault, TaskKind::Replica) => {
                vec![PlacementStrategy::spread_zones(), PlacementStrategy::spread_instances()]
            }
            (Strategy::EcsDefault, _) => vec![PlacementStrategy::Random],
        };
        for rule in &rules {
            if left.len() < 2 {
                return (steps, values);
            }
            steps.push(self.narrow(rule, &mut left, &mut values));
        }
        if left.len() > 1 {
            let headroom = |instance: &InstanceView<'_>| instance.headroom().into();
            match scheduler.tie_break() {
                TieBreak::Headroom => {
                    let measure = Measure::Most("headroom");
                    steps.push(compare("tie: the most headroom", measure, headroom, &mut left, &mut values));
                    Self::first_registered(&mut left, &mut steps);
                }
                TieBreak::Stable => Self::first_registered(&mut left, &mut steps),
                TieBreak::Random => steps.push(self.choice("tie: at random by the seed", &mut left)),
            }
        }
        (steps, values)
    }

    fn narrow(&self, rule: &PlacementStrategy, left: &mut Vec<InstanceView<'a>>, values: &mut Values) -> Step {
        let name = rule.to_string();
        match rule {
            PlacementStrategy::Random => self.choice(&format!("{name}: one at random by the seed"), left),
            // Whom it keeps only the engine can ask it; one is left in the end.
            PlacementStrategy::Custom(_) => {
                self.choice(&format!("{name}: a policy of its own, and what follows it"), left)
            }
            PlacementStrategy::Spread(SpreadField::InstanceId) => {
                let mut counts: HashMap<InstanceId, u128> = HashMap::new();
                self.for_each_counted(|instance| *counts.entry(instance.id()).or_default() += 1);
                let count = |instance: &InstanceView<'_>| counts.get(&instance.id()).copied().unwrap_or(0);
                compare(&name, Measure::Least("tasks of the group on the instance"), count, left, values)
            }
            PlacementStrategy::Spread(SpreadField::Attribute(attribute)) => {
                let value = |instance: &InstanceView<'a>| instance.attributes().get(attribute).value();
                let has_name = |it: &InstanceView<'a>| it.attributes().get(attribute) != AttributeLookup::Missing;
                let mut counts: HashMap<(bool, Option<&str>), u128> = HashMap::new();
                self.for_each_counted(|it| *counts.entry((has_name(&it), value(&it))).or_default() += 1);
                let count = |it: &InstanceView<'a>| counts.get(&(has_name(it), value(it))).copied().unwrap_or(0);
                compare(&name, Measure::Least("tasks of the group under the value"), count, left, values)
            }
            PlacementStrategy::Binpack(BinpackField::Cpu) => {
                let remaining = |instance: &InstanceView<'_>| instance.remaining().cpu_units.into();
                compare(&name, Measure::Least("CPU units left"), remaining, left, values)
            }
            PlacementStrategy::Binpack(BinpackField::Memory) => {
                let remaining = |instance: &InstanceView<'_>| instance.remaining().memory_mib.into();
                compare(&name, Measure::Least("MiB left"), remaining, left, values)
            }
        }
    }

    /// Chance or a policy took the one that the task went to.
    fn choice(&self, rule: &str, left: &mut Vec<InstanceView<'a>>) -> Step {
        left.retain(|instance| Some(instance.id()) == self.chosen);
        Step { rule: rule.to_owned(), measure: Measure::Choice, best: None, left: left.len() }
    }

    fn first_registered(left: &mut Vec<InstanceView<'a>>, steps: &mut Vec<Step>) {
        if left.len() > 1 {
            left.truncate(1);
            let rule = "tie: the first registered".to_owned();
            steps.push(Step { rule, measure: Measure::Choice, best: None, left: 1 });
        }
    }

    /// The instance of each task that `spread` counts.
    fn for_each_counted(&self, visit: impl FnMut(InstanceView<'a>)) {
        let spec = self.request.spec();
        let counts = |definition: &Option<_>| !self.own_revision_only || *definition == spec.definition;
        let tasks = self.cluster.group(&spec.group).into_iter().flat_map(|group| group.tasks());
        tasks.filter(|task| counts(&task.spec().definition)).map(|task| task.instance()).for_each(visit);
    }

    /// C-19: the zone with the most headroom, in it the instance with the most.
    fn by_headroom(&self, left: &mut Vec<InstanceView<'a>>, steps: &mut Vec<Step>, values: &mut Values) {
        if left.len() < 2 {
            return;
        }
        let rules = StaticRules::of(self.request);
        let mut zones: BTreeMap<&str, u128> = BTreeMap::new();
        let is_active =
            |instance: &InstanceView<'_>| instance.is_present() && instance.status() == InstanceStatus::Active;
        for instance in self.cluster.instances().filter(is_active) {
            if rules.admit(instance.attributes()) {
                *zones.entry(instance.zone()).or_default() += u128::from(instance.headroom());
            }
        }
        let of_zone = |instance: &InstanceView<'_>| zones.get(instance.zone()).copied().unwrap_or(0);
        let zone = "Availability Zone with the most headroom";
        steps.push(compare(zone, Measure::Most("headroom in the zone"), of_zone, left, values));
        let own = |instance: &InstanceView<'_>| instance.headroom().into();
        steps.push(compare("instance with the most headroom", Measure::Most("headroom"), own, left, values));
        Self::first_registered(left, steps);
    }
}

/// Keeps the best, and notes everybody's value.
fn compare<'a>(
    rule: &str,
    measure: Measure,
    value: impl Fn(&InstanceView<'a>) -> u128,
    left: &mut Vec<InstanceView<'a>>,
    values: &mut Values,
) -> Step {
    let of_each: Vec<_> = left.iter().map(value).collect();
    for (instance, value) in left.iter().zip(&of_each) {
        values.entry(instance.id()).or_default().push(*value);
    }
    let best = match measure {
        Measure::Most(_) => of_each.iter().max(),
        Measure::Least(_) | Measure::Choice => of_each.iter().min(),
    };
    let best = best.copied();
    let mut of_each = of_each.iter().copied();
    left.retain(|_| of_each.next() == best);
    Step { rule: rule.to_owned(), measure, best, left: left.len() }
}
