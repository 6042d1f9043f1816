//! Bounds against optima found by search, and against the packing reference.

use proptest::prelude::*;
use scheduler_core::HostPort;

use super::{InstanceKind, LowerBound, Method, Resources, TaskKind, fits, lower_bound};

fn task(resources: Resources, count: u64) -> TaskKind {
    TaskKind { resources, host_ports: Vec::new(), count }
}

fn instance(resources: Resources, count: u64) -> InstanceKind {
    InstanceKind { resources, microdollars: None, count }
}

/// Tasks by size: CPU in thousandths, MiB, and how many there are, for 100, 200, 500 and 1,000 tasks together.
const REFERENCE: [(u64, u64, [u64; 4]); 16] = [
    (250, 512, [7, 13, 33, 65]),
    (250, 1024, [4, 9, 25, 58]),
    (250, 2048, [7, 15, 31, 59]),
    (250, 4096, [7, 10, 23, 50]),
    (500, 512, [5, 11, 30, 67]),
    (500, 1024, [5, 13, 28, 58]),
    (500, 2048, [5, 14, 29, 67]),
    (500, 4096, [10, 13, 37, 68]),
    (1000, 512, [7, 18, 35, 70]),
    (1000, 1024, [6, 12, 27, 62]),
    (1000, 2048, [4, 10, 32, 68]),
    (1000, 4096, [8, 12, 37, 69]),
    (2000, 512, [6, 15, 36, 57]),
    (2000, 1024, [9, 15, 35, 60]),
    (2000, 2048, [4, 11, 39, 65]),
    (2000, 4096, [6, 9, 23, 57]),
];
/// The instance of the reference, and the proven optima.
const REFERENCE_INSTANCE: Resources = [16_000, 32_768, 0];
const REFERENCE_OPTIMA: [u64; 4] = [7, 12, 31, 59];

fn reference(column: usize) -> Vec<TaskKind> {
    REFERENCE.iter().map(|(cpu, memory, counts)| task([*cpu, *memory, 0], counts[column])).collect()
}

#[test]
fn the_optima_of_the_reference_are_proved() {
    for (column, optimum) in REFERENCE_OPTIMA.into_iter().enumerate() {
        let bound = lower_bound(&reference(column), &[instance(REFERENCE_INSTANCE, 1_000)], None);
        assert_eq!(bound.map(|bound| bound.instances), Some(optimum));
    }
}

/// Fills one instance after another, each time with the task whose demand goes best with what is left.
fn packed(mut tasks: Vec<TaskKind>) -> u64 {
    for used in 0.. {
        tasks.retain(|kind| kind.count > 0);
        if tasks.is_empty() {
            return used;
        }
        let mut left = instance(REFERENCE_INSTANCE, 1);
        let share = |amount: u64, resource: usize| amount * 1_000 / REFERENCE_INSTANCE[resource];
        loop {
            let goes_well = |kind: &&mut TaskKind| -> u64 {
                (0..2).map(|r| share(left.resources[r], r) * share(kind.resources[r], r)).sum()
            };
            let fitting = tasks.iter_mut().filter(|kind| kind.count > 0 && fits(kind, &left));
            let Some(kind) = fitting.max_by_key(goes_well) else { break };
            kind.count -= 1;
            left.resources.iter_mut().zip(kind.resources).for_each(|(left, one)| *left -= one);
        }
    }
    unreachable!("every instance takes a task")
}

#[test]
fn packings_of_the_reference_reach_the_bound() {
    for (column, optimum) in REFERENCE_OPTIMA.into_iter().enumerate() {
        assert_eq!(packed(reference(column)), optimum);
    }
}

/// The least number and the least cost of instances that hold the tasks, by trying every instance for every task.
#[derive(Clone)]
struct Search {
    tasks: Vec<(Resources, Vec<HostPort>)>,
    instances: Vec<Tried>,
    fewest: Option<u64>,
    cheapest: Option<u64>,
}

#[derive(Clone, PartialEq)]
struct Tried {
    left: Resources,
    ports: Vec<HostPort>,
    price: u64,
    is_used: bool,
}

impl Search {
    fn new(tasks: &[TaskKind], instances: &[InstanceKind]) -> Self {
        let mut search = Self { tasks: Vec::new(), instances: Vec::new(), fewest: None, cheapest: None };
        for kind in tasks {
            (0..kind.count).for_each(|_| search.tasks.push((kind.resources, kind.host_ports.clone())));
        }
        for kind in instances {
            let price = kind.microdollars.unwrap_or(0);
            let tried = Tried { left: kind.resources, ports: Vec::new(), price, is_used: false };
            (0..kind.count).for_each(|_| search.instances.push(tried.clone()));
        }
        search.place(0);
        search
    }

    fn place(&mut self, number: usize) {
        let used = || self.instances.iter().filter(|instance| instance.is_used);
        let (count, cost) = (used().count() as u64, used().map(|instance| instance.price).sum());
        if self.fewest.is_some_and(|fewest| count >= fewest) && self.cheapest.is_some_and(|least| cost >= least) {
            return;
        }
        let Some((resources, ports)) = self.tasks.get(number).cloned() else {
            self.fewest = Some(self.fewest.map_or(count, |fewest| fewest.min(count)));
            self.cheapest = Some(self.cheapest.map_or(cost, |least| least.min(cost)));
            return;
        };
        for index in 0..self.instances.len() {
            let before = self.instances[index].clone();
            let is_free = before.left.iter().zip(&resources).all(|(left, one)| left >= one);
            if !is_free
                || ports.iter().any(|port| before.ports.contains(port))
                || self.instances[..index].contains(&before)
            {
                continue;
            }
            let instance = &mut self.instances[index];
            instance.is_used = true;
            instance.ports.extend(&ports);
            instance.left.iter_mut().zip(&resources).for_each(|(left, one)| *left -= one);
            self.place(number + 1);
            self.instances[index] = before;
        }
    }
}

fn resources() -> impl Strategy<Value = Resources> {
    (0_u64..=12, 0_u64..=12, 0_u64..=2).prop_map(|(cpu, memory, gpus)| [cpu, memory, gpus * 500])
}

fn some_tasks() -> impl Strategy<Value = Vec<TaskKind>> {
    let port = |number| HostPort::tcp(number);
    let ports = proptest::collection::btree_set(8080_u16..8082, 0..=1);
    let kind = (resources(), ports, 1_u64..=3).prop_map(move |(resources, ports, count)| TaskKind {
        resources,
        host_ports: ports.into_iter().map(port).collect(),
        count,
    });
    proptest::collection::vec(kind, 1..4)
}

fn some_instances() -> impl Strategy<Value = Vec<InstanceKind>> {
    let size = (6_u64..=20, 6_u64..=20, 0_u64..=3).prop_map(|(cpu, memory, gpus)| [cpu, memory, gpus * 1_000]);
    let kind = (size, 1_u64..5, 1_u64..=3).prop_map(|(resources, price, count)| InstanceKind {
        resources,
        microdollars: Some(price),
        count,
    });
    proptest::collection::vec(kind, 1..3)
}

fn volume(tasks: &[TaskKind], instances: &[InstanceKind]) -> u64 {
    let of_resource = |resource: usize| {
        let mut capacities: Vec<u64> = instances
            .iter()
            .flat_map(|kind| std::iter::repeat_n(kind.resources[resource], kind.count as usize))
            .collect();
        capacities.sort_unstable_by(|a, b| b.cmp(a));
        let demand: u64 = tasks.iter().map(|kind| kind.resources[resource] * kind.count).sum();
        let enough = |count: &usize| capacities[..*count].iter().sum::<u64>() >= demand;
        (0..=capacities.len()).find(enough).expect("they fit") as u64
    };
    (0..3).map(of_resource).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bound_exceeds_the_optimum(tasks in some_tasks(), instances in some_instances()) {
        let optimum = Search::new(&tasks, &instances);
        let bound = lower_bound(&tasks, &instances, None);
        if let (Some(fewest), Some(cheapest)) = (optimum.fewest, optimum.cheapest) {
            let bound = bound.expect("they fit");
            prop_assert!(bound.instances <= fewest, "{bound:?}: {fewest} suffice");
            prop_assert!(bound.microdollars <= Some(cheapest.into()), "{bound:?}: {cheapest} suffices");
            prop_assert!(bound.instances >= volume(&tasks, &instances));
            let known = lower_bound(&tasks, &instances, Some(fewest)).expect("they fit");
            prop_assert_eq!(known.instances, bound.instances);
        }
    }

    #[test]
    fn more_tasks_never_lower_a_bound(tasks in some_tasks(), more in some_tasks(), instances in some_instances()) {
        let both: Vec<_> = tasks.iter().chain(&more).cloned().collect();
        let bounds = [&tasks, &both].map(|tasks| lower_bound(tasks, &instances, None));
        if let [Some(few), Some(many)] = bounds {
            prop_assert!(few.instances <= many.instances, "{few:?} {many:?}");
        }
    }

    #[test]
    fn any_numbers_give_an_answer(
        tasks in proptest::collection::vec((any::<[u64; 3]>(), any::<u64>()), 0..4),
        instances in proptest::collection::vec((any::<[u64; 3]>(), any::<u64>(), any::<Option<u64>>()), 0..4),
    ) {
        let tasks: Vec<_> = tasks.into_iter().map(|(resources, count)| task(resources, count)).collect();
        let instances: Vec<_> = instances
            .into_iter()
            .map(|(resources, count, microdollars)| InstanceKind { resources, microdollars, count })
            .collect();
        let bound = lower_bound(&tasks, &instances, None);
        let present: u128 = instances.iter().map(|kind| u128::from(kind.count)).sum();
        prop_assert!(bound.is_none_or(|bound| u128::from(bound.instances) <= present));
    }
}

fn check(tasks: &[TaskKind], instances: &[InstanceKind], expected: Option<(u64, Method)>) {
    let bound = lower_bound(tasks, instances, None);
    assert_eq!(bound.map(|LowerBound { instances, method, .. }| (instances, method)), expected);
}

#[test]
fn each_method_has_its_case() {
    let fleet = [instance([10, 10, 1_000], 100)];
    check(&[], &fleet, Some((0, Method::Volume)));
    check(&[task([0, 0, 0], 5)], &fleet, Some((1, Method::Volume)));
    check(&[task([1, 2, 0], 12)], &fleet, Some((3, Method::Volume)));
    check(&[task([11, 1, 0], 1)], &fleet, None);
    check(&[task([10, 1, 0], 101)], &fleet, None);
    let http = vec![HostPort::tcp(80)];
    check(&[TaskKind { host_ports: http, ..task([1, 1, 0], 7) }], &fleet, Some((7, Method::Port)));
    // Two of 6 do not fit together, and three of 4 do not.
    check(&[task([6, 1, 0], 7)], &fleet, Some((7, Method::DualFeasible)));
    check(&[task([4, 1, 0], 7)], &fleet, Some((4, Method::DualFeasible)));
    // No two kinds fit together, each pair for want of another resource.
    let apart = [task([6, 6, 0], 3), task([6, 0, 600], 3), task([0, 6, 600], 3)];
    check(&apart, &fleet, Some((9, Method::Relaxation)));
}

#[test]
fn the_cost_counts_the_cheapest_capacity() {
    let priced = |resources, microdollars, count| InstanceKind { resources, microdollars: Some(microdollars), count };
    let fleet = [priced([10, 10, 0], 5, 4), priced([20, 20, 0], 8, 2), priced([10, 10, 0], 100, 50)];
    let cost = |count| lower_bound(&[task([5, 1, 0], count)], &fleet, None).and_then(|bound| bound.microdollars);
    // The two large ones cost least for what they hold, eight tasks; the small ones take two for 5. For 17 tasks seven
    // instances are needed, one of which is dear.
    assert_eq!([1, 4, 8, 10, 16, 17].map(cost), [5, 8, 16, 21, 36, 136].map(Some));
    let unpriced = [priced([10, 10, 0], 5, 4), instance([20, 20, 0], 2)];
    let bound = lower_bound(&[task([5, 1, 0], 4)], &unpriced, None).expect("they fit");
    assert_eq!(bound.microdollars, None);
    assert!(fits(&task([5, 1, 0], 1), &unpriced[0]));
}
