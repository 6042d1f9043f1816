//! Every metric of state against a plain recomputation: the changes of random runs are written down, the state at every
//! instant is built anew from its tasks, and each metric is summed up by its definition (metrics.md).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use scheduler_core::{
    Attributes, Cause, Change, ContainerInstance, Demand, GpuDemand, GpuSet, InstanceId, InstanceStatus,
    PlacementRequest, RESERVED_PORT_LIMIT, TaskId, TaskKind, TaskSpec,
};

use super::testing::random_trace;
use super::{Context, Kind, Metrics, Point, Quotient, Series, StaticRules, Values, Window};
use crate::bounds;
use crate::outcome::{Observation, Observer};
use crate::runner::{Job, context};
use crate::simulation::{Plan, Pulse, run};
use crate::strategy::Spec;
use crate::trace::{OpenOptions, from_bytes};

/// A present instance, its tasks one by one.
#[derive(Clone)]
struct Instance {
    description: Arc<ContainerInstance>,
    attributes: Attributes,
    is_open: bool,
    price: Option<u64>,
    /// What each is, and the GPUs that it has or shares.
    tasks: BTreeMap<TaskId, (Arc<TaskSpec>, GpuSet)>,
}

/// The state at one instant.
#[derive(Clone, Default)]
struct State {
    instances: BTreeMap<InstanceId, Instance>,
    /// What each REPLICA service asks for, by its group.
    services: BTreeMap<String, PlacementRequest>,
}

/// Writes down the state after every instant.
#[derive(Default)]
struct Witness {
    now: State,
    prices: BTreeMap<InstanceId, Option<u64>>,
    states: BTreeMap<u64, State>,
}

/// A service's tasks by instance, by zone, and the zones that it may use.
type Counts<'a> = (Vec<u128>, BTreeMap<&'a str, u128>, BTreeSet<&'a str>);

/// A state, how long it stands within the window, and whether an instant of the window sees it.
struct Piece<'a> {
    state: &'a State,
    weight: u128,
    is_seen: bool,
}

impl Observer for Witness {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        match observation {
            Observation::Price { instance, microdollars } => drop(self.prices.insert(*instance, *microdollars)),
            Observation::Service(request) => {
                self.now.services.insert(request.group().to_string(), (*request).clone());
            }
            Observation::Change(change) => self.follow(change),
            Observation::Outcome(_) | Observation::ZoneLoss { .. } | Observation::Arrived { .. } => return,
        }
        self.states.insert(at_ms, self.now.clone());
    }
}

impl Witness {
    fn follow(&mut self, change: &Change) {
        let is_open = change.after.is_some_and(|after| after.status == InstanceStatus::Active && after.agent_connected);
        if let Cause::Registered(description) | Cause::Returned(description) = &change.cause {
            let instance = Instance {
                description: Arc::clone(description),
                attributes: description.attributes().clone(),
                is_open,
                price: self.prices[&change.instance],
                tasks: BTreeMap::new(),
            };
            self.now.instances.insert(change.instance, instance);
            return;
        }
        if matches!(change.cause, Cause::Deregistered | Cause::Failed) {
            self.now.instances.remove(&change.instance);
            return;
        }
        let instance = self.now.instances.get_mut(&change.instance).expect("it is present");
        instance.is_open = is_open;
        match (&change.cause, &change.task) {
            (Cause::AttributesChanged(attributes), _) => instance.attributes = (**attributes).clone(),
            (Cause::Started, Some(task)) => {
                instance.tasks.insert(task.id, (Arc::clone(&task.spec), task.gpu_indices));
            }
            (Cause::Stopped | Cause::Lost, Some(task)) => drop(instance.tasks.remove(&task.id)),
            _ => {}
        }
    }

    fn pieces(&self, window: Window) -> Vec<Piece<'_>> {
        let starts: Vec<_> = self.states.range(..=window.to_ms).collect();
        let ends = starts.iter().skip(1).map(|(at, _)| **at).chain([u64::MAX]);
        let pieces = starts.iter().zip(ends).map(|((at, state), end)| {
            let from = (**at).max(window.from_ms);
            Piece { state, weight: end.min(window.to_ms).saturating_sub(from).into(), is_seen: from < end }
        });
        pieces.collect()
    }
}

impl Instance {
    fn is_empty(&self) -> bool {
        self.tasks.values().all(|(spec, _)| spec.kind == TaskKind::Daemon)
    }

    fn demands(&self) -> impl Iterator<Item = &Demand> {
        self.tasks.values().map(|(spec, _)| &spec.demand).chain([self.description.foreign_load()])
    }

    fn registered(&self) -> [u128; 3] {
        let resources = self.description.resources();
        [resources.cpu_units().into(), resources.memory_mib().into(), 1000 * resources.gpu_ids().len() as u128]
    }

    fn used(&self) -> [u128; 3] {
        let mut used = [0; 3];
        for demand in self.demands() {
            used[0] += u128::from(demand.cpu_units);
            used[1] += u128::from(demand.memory_mib);
        }
        used[2] = self.registered()[2] - self.gpus_left().iter().sum::<u128>();
        used
    }

    /// Thousandths left of each GPU.
    fn gpus_left(&self) -> Vec<u128> {
        let count = self.description.resources().gpu_ids().len();
        let mut left: Vec<u128> = match self.description.gpu_millis() {
            Some(millis) => millis.iter().map(|milli| u128::from(*milli)).collect(),
            None => vec![1000; count],
        };
        let foreign = match self.description.foreign_load().gpus {
            GpuDemand::Count(count) => count as usize,
            _ => count,
        };
        left[..foreign].fill(0);
        for (spec, gpus) in self.tasks.values() {
            gpus.iter().for_each(|gpu| left[gpu] -= wanted_of_each(&spec.demand));
        }
        left
    }

    fn free(&self) -> [u128; 3] {
        std::array::from_fn(|index| self.registered()[index] - self.used()[index])
    }

    fn fits(&self, kind: &Kind) -> bool {
        let (demand, free) = (&kind.demand, self.free());
        let gpus = match demand.gpus {
            GpuDemand::Count(count) => count as usize,
            GpuDemand::All => self.description.resources().gpu_ids().len().max(1),
            GpuDemand::Share(_) => 1,
        };
        let roomy = self.gpus_left().into_iter().filter(|left| *left >= wanted_of_each(demand)).count();
        let mut taken: BTreeSet<_> = self.description.resources().reserved_ports().iter().collect();
        taken.extend(self.demands().flat_map(|demand| demand.host_ports.iter()));
        let enis = self.demands().filter(|demand| demand.needs_eni).count() as u32;
        let ports = demand.host_ports.is_empty()
            || (demand.host_ports.iter().all(|port| !taken.contains(&port))
                && taken.len() + demand.host_ports.len() <= RESERVED_PORT_LIMIT as usize);
        let eni = !demand.needs_eni || self.description.eni_task_limit().is_none_or(|limit| enis < limit);
        u128::from(demand.cpu_units) <= free[0]
            && u128::from(demand.memory_mib) <= free[1]
            && gpus <= roomy
            && ports
            && eni
            && kind.rules.admit(&self.attributes)
    }
}

fn wanted_of_each(demand: &Demand) -> u128 {
    match demand.gpus {
        GpuDemand::Share(milli) => milli.into(),
        _ => 1000,
    }
}

impl State {
    fn sum(&self, counts: impl Fn(&Instance) -> bool, value: impl Fn(&Instance) -> u128) -> u128 {
        self.instances.values().filter(|instance| counts(instance)).map(value).sum()
    }

    /// For each service: its tasks by instance and by zone, and the zones that it may use.
    fn services(&self) -> Vec<Counts<'_>> {
        let of_service = |(group, request): (&String, &PlacementRequest)| {
            let rules = StaticRules::of(request);
            let (mut on_instances, mut in_zones, mut zones) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
            for instance in self.instances.values() {
                let is_its = |(spec, _): &&(Arc<TaskSpec>, GpuSet)| {
                    spec.group.as_str() == group && spec.kind == TaskKind::Replica
                };
                let count = instance.tasks.values().filter(is_its).count() as u128;
                on_instances.push(count);
                *in_zones.entry(instance.description.zone()).or_insert(0) += count;
                if instance.is_open && rules.admit(&instance.attributes) {
                    zones.insert(instance.description.zone());
                }
            }
            (on_instances, in_zones, zones)
        };
        self.services.iter().map(of_service).collect()
    }
}

/// `sum of a x weight / sum of b x weight`.
fn mean_ratio(pieces: &[Piece<'_>], ratio: impl Fn(&State) -> (u128, u128)) -> Option<Quotient> {
    let sums = pieces.iter().fold((0, 0), |(a, b), piece| {
        let (numerator, denominator) = ratio(piece.state);
        (a + numerator * piece.weight, b + denominator * piece.weight)
    });
    Quotient::new(sums.0, sums.1)
}

fn peak_ratio(pieces: &[Piece<'_>], ratio: impl Fn(&State) -> (u128, u128)) -> Option<Quotient> {
    let seen = pieces.iter().filter(|piece| piece.is_seen).map(|piece| ratio(piece.state));
    let best = seen.filter(|(_, b)| *b > 0).max_by(|(a, b), (c, d)| (a * d).cmp(&(c * b)))?;
    Quotient::new(best.0, best.1)
}

/// The weighted 95th percentile of values with weights, listed one by one.
fn p95(mut values: Vec<(u128, u128)>) -> Option<u128> {
    values.sort_unstable();
    let total: u128 = values.iter().map(|(_, weight)| weight).sum();
    let mut below = 0;
    values.into_iter().filter(|(_, weight)| *weight > 0).find_map(|(value, weight)| {
        below += weight;
        (100 * below >= 95 * total).then_some(value)
    })
}

fn expected(pieces: &[Piece<'_>], window: Window, kinds: &[Kind]) -> BTreeMap<String, Quotient> {
    let mut all = BTreeMap::new();
    let mut put = |name: String, value: Option<Quotient>| {
        all.extend(value.map(|value| (name, value)));
    };
    let last = pieces.last().expect("a run has a state").state;
    for (index, resource) in ["cpu", "memory", "gpu"].into_iter().enumerate() {
        let ratio = move |state: &State| {
            (state.sum(|_| true, |it| it.used()[index]), state.sum(|_| true, |it| it.registered()[index]))
        };
        put(format!("utilization.{resource}.mean"), mean_ratio(pieces, ratio));
        put(format!("utilization.{resource}.peak"), peak_ratio(pieces, ratio));
        put(format!("utilization.{resource}.final"), Quotient::new(ratio(last).0, ratio(last).1));
        let is_used = |it: &Instance| !it.is_empty();
        if index < 2 {
            let ratio = |state: &State| {
                (state.sum(is_used, |it| it.used()[index]), state.sum(is_used, |it| it.registered()[index]))
            };
            put(format!("packing_density.{resource}"), mean_ratio(pieces, ratio));
        }
        let counts = |kind: &&Kind| index < 2 || !kind.demand.gpus.is_none();
        let fragmentation = |state: &State| {
            let mut sums = (0, 0);
            for instance in state.instances.values().filter(|it| it.is_open) {
                for kind in kinds.iter().filter(counts) {
                    let part = u128::from(kind.copies) * instance.free()[index];
                    sums.1 += part;
                    sums.0 += if !instance.fits(kind) {
                        part
                    } else if index == 2 {
                        let wanted = wanted_of_each(&kind.demand);
                        let too_small = instance.gpus_left().into_iter().filter(|left| *left < wanted).sum::<u128>();
                        u128::from(kind.copies) * too_small
                    } else {
                        0
                    };
                }
            }
            sums
        };
        put(format!("fragmentation.{resource}"), mean_ratio(pieces, fragmentation));
    }
    let empty = |state: &State| (state.sum(Instance::is_empty, |_| 1), state.sum(|_| true, |_| 1));
    put("empty_instances.mean".into(), mean_ratio(pieces, empty));
    put("empty_instances.final".into(), Quotient::new(empty(last).0, empty(last).1));
    let used = |state: &State| (state.sum(|it| !it.is_empty(), |_| 1), 1);
    put("instances_used.mean".into(), mean_ratio(pieces, used));
    put("instances_used.peak".into(), peak_ratio(pieces, used));
    put("instances_used.final".into(), Quotient::new(used(last).0, 1));
    let cost = |counts: fn(&Instance) -> bool| {
        let sum: u128 =
            pieces.iter().map(|piece| piece.weight * piece.state.sum(counts, |it| it.price.unwrap_or(0).into())).sum();
        Quotient::new(sum, 3_600_000 * 1_000_000)
    };
    let is_priced = |piece: &Piece<'_>| piece.weight == 0 || piece.state.sum(|it| it.price.is_none(), |_| 1) == 0;
    if pieces.iter().all(is_priced) {
        put("cost.total".into(), cost(|_| true));
        put("cost.idle".into(), cost(Instance::is_empty));
    }
    let (mut differences, mut instance_parts, mut zone_parts) = (Vec::new(), Vec::new(), Vec::new());
    for piece in pieces {
        for (on_instances, in_zones, zones) in piece.state.services() {
            let all: u128 = on_instances.iter().sum();
            let counts: Vec<_> = zones.iter().map(|zone| in_zones.get(zone).copied().unwrap_or(0)).collect();
            if all > 0 && counts.len() >= 2 {
                let difference = counts.iter().max().expect("two") - counts.iter().min().expect("two");
                differences.push((difference, piece.weight, piece.is_seen));
            }
            if all >= 2 {
                let part = |most: Option<&u128>| 10_000 * most.copied().unwrap_or(0) / all;
                instance_parts.push((part(on_instances.iter().max()), piece.weight, piece.is_seen));
                zone_parts.push((part(in_zones.values().max()), piece.weight, piece.is_seen));
            }
        }
    }
    let total = differences.iter().map(|(_, weight, _)| weight).sum();
    put("az_imbalance.mean".into(), Quotient::new(differences.iter().map(|(d, weight, _)| d * weight).sum(), total));
    let lists = [
        ("az_imbalance", differences, 1),
        ("blast_radius.instance", instance_parts, 10_000),
        ("blast_radius.az", zone_parts, 10_000),
    ];
    for (name, list, unit) in lists {
        let quotient = |value: u128| Quotient::new(value, unit);
        put(
            format!("{name}.p95"),
            p95(list.iter().map(|(value, weight, _)| (*value, *weight)).collect()).and_then(quotient),
        );
        let max = list.iter().filter(|(_, _, is_seen)| *is_seen).map(|(value, _, _)| *value).max();
        put(format!("{name}.max"), max.and_then(quotient));
    }
    debug_assert!(window.to_ms > 0, "the horizon of 0 has a rule of its own");
    all
}

/// The bounds for the first state in which the most instances run a task, each task and each instance by itself.
fn expected_bounds(witness: &Witness, window_peak: Option<Quotient>) -> BTreeMap<String, Quotient> {
    let used = |state: &State| state.sum(|it| !it.is_empty(), |_| 1);
    let peak = witness.states.values().map(used).max().expect("a run has a state");
    let state = witness.states.values().find(|state| used(state) == peak).expect("some state is the peak");
    let resources = |amounts: [u128; 3]| [amounts[0] as u64, amounts[1] as u64, amounts[2] as u64];
    let tasks =
        state.instances.values().flat_map(|it| it.tasks.values()).filter(|(spec, _)| spec.kind != TaskKind::Daemon);
    let tasks = tasks.map(|(spec, _)| &spec.demand).map(|demand| bounds::TaskKind {
        resources: resources([
            demand.cpu_units.into(),
            demand.memory_mib.into(),
            match demand.gpus {
                GpuDemand::Count(count) => u128::from(count) * 1_000,
                GpuDemand::Share(milli) => milli.into(),
                GpuDemand::All => unreachable!("no task of the random traces takes all"),
            },
        ]),
        host_ports: demand.host_ports.iter().collect(),
        count: 1,
    });
    let instances = state.instances.values().map(|it| bounds::InstanceKind {
        resources: resources(it.registered()),
        microdollars: it.price,
        count: 1,
    });
    let (tasks, instances): (Vec<_>, Vec<_>) = (tasks.collect(), instances.collect());
    let bound = bounds::lower_bound(&tasks, &instances, None).expect("they lie there");
    let mut all = BTreeMap::from([("lower_bound_instances".to_owned(), Quotient::whole(bound.instances))]);
    let gap = |actual: u128, bound: u128| Quotient::new(actual - bound, bound);
    if window_peak == Some(Quotient::whole(peak as u64)) {
        all.extend(gap(peak, bound.instances.into()).map(|gap| ("gap".to_owned(), gap)));
    }
    if let Some(microdollars) = bound.microdollars {
        let actual = state.sum(|it| !it.is_empty(), |it| it.price.unwrap_or(0).into());
        all.extend(Quotient::new(microdollars, 1_000_000).map(|cost| ("lower_bound_cost".to_owned(), cost)));
        all.extend(gap(actual, microdollars).map(|gap| ("cost_gap".to_owned(), gap)));
    }
    all
}

/// A run of a trace under a strategy, watched by the metrics and by the witness.
fn check(text: &str, strategy: &str, warmup_ms: u64) {
    let source = from_bytes("random", text.as_bytes(), OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let spec: Spec = strategy.parse().expect("a strategy");
    let settings = &survey.header.settings;
    let job = Job {
        source: &source,
        survey: &survey,
        header: &survey.header,
        fleet: None,
        prices: None,
        settings,
        specs: std::slice::from_ref(&spec),
        seeds: &[0],
        warmup_ms,
        decisions: None,
        series_step_ms: None,
        draws_curve: false,
        is_checked: false,
        jobs: std::num::NonZeroUsize::MIN,
    };
    let context: Context = context(&job).expect("readable");
    let mut both = ((Metrics::new(&context), Series::new(&context, 500)), Witness::default());
    let plan = Plan::new(&survey, settings, &spec);
    run(&plan, source.events(&survey).expect("readable"), &mut both, &Pulse::default())
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let found: Values = both.0.0.finish();
    check_series(&both.0.1.finish().points, &both.1);
    let mut expected = expected(&both.1.pieces(context.window), context.window, &context.kinds);
    expected.extend(expected_bounds(&both.1, expected.get("instances_used.peak").copied()));
    let is_of_state = |name: &str| {
        let mut starts = [
            "utilization",
            "packing",
            "empty",
            "instances",
            "fragmentation",
            "az_imbalance",
            "blast",
            "cost",
            "lower_bound",
            "gap",
        ]
        .into_iter();
        starts.any(|start| name.starts_with(start))
    };
    let found: BTreeMap<String, Quotient> = found
        .iter()
        .filter(|(info, _)| is_of_state(info.name))
        .filter_map(|(info, value)| value.number().map(|number| (info.name.to_owned(), number)))
        .collect();
    assert_eq!(found, expected, "strategy {strategy}, warm-up {warmup_ms}:\n{text}");
}

/// Each point of a series is the state of its instant.
fn check_series(points: &[Point], witness: &Witness) {
    for point in points {
        let (_, state) = witness.states.range(..=point.at_ms).next_back().expect("time 0 has a state");
        let share = |index: usize| {
            let used = state.sum(|_| true, |it| it.used()[index]);
            Quotient::new(used, state.sum(|_| true, |it| it.registered()[index]))
        };
        let expected = (share(0), share(1), state.sum(|it| !it.is_empty(), |_| 1));
        assert_eq!((point.cpu, point.memory, u128::from(point.instances_used)), expected, "at {} ms", point.at_ms);
    }
}

impl<A: Observer, B: Observer> Observer for (A, B) {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        self.0.observe(at_ms, observation);
        self.1.observe(at_ms, observation);
    }
}

#[test]
fn metrics_of_state_equal_their_plain_recomputation() {
    for seed in 0..60 {
        let text = random_trace(seed);
        check(&text, ["headroom", "random", "binpack", "spread=az"][seed as usize % 4], [0, 7_000][seed as usize % 2]);
    }
}
