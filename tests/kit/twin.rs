//! The engine and the reference, led through one history side by side.
#![expect(clippy::missing_panics_doc, reason = "the vocabulary of histories is valid: a panic is a bug of the kit")]

use std::sync::Arc;

use proptest::prelude::*;
use scheduler_core::laws::{History, Operation, Run, TaskCall, nth_instance, nth_task};
use scheduler_core::{
    Check, ClusterSnapshot, FailedCheck, HostPort, InstanceId, InstanceStatus, PlacementRequest, Scheduler, SeededDraw,
    TaskId, TaskStatus,
};

use crate::reference::{self, Reference, Refused, Rules};

/// What one law compares after each operation.
pub type Comparison = fn(&mut Twin) -> Result<(), TestCaseError>;

/// One cluster, kept twice.
pub struct Twin {
    /// The engine.
    pub run: Run,
    /// The plain model.
    pub reference: Reference,
    /// How the model chooses.
    pub rules: Rules,
    draw: SeededDraw,
}

/// Leads both through a history and compares them at the beginning and after each operation.
///
/// # Errors
/// What differs.
pub fn follow(history: &History, compare: Comparison) -> Result<(), TestCaseError> {
    let mut twin = Twin::new(history);
    compare(&mut twin)?;
    for operation in &history.operations {
        twin.apply(operation)?;
        compare(&mut twin)?;
    }
    Ok(())
}

impl Twin {
    /// Both at the beginning.
    pub fn new(history: &History) -> Self {
        let run = history.begin();
        let mut reference = Reference::new(history.weights, history.release_on);
        for instance in &history.fleet {
            reference.register(instance).expect("the names of a fleet differ");
        }
        let rules = Rules::of(&history.scheduler);
        Self { run, reference, rules, draw: SeededDraw::new(history.seed) }
    }

    /// What is placed.
    pub fn requests(&self) -> Vec<Arc<PlacementRequest>> {
        self.run.prepared.iter().map(|prepared| Arc::clone(prepared.request())).collect()
    }

    /// Makes the same call on both; both must refuse it or neither.
    ///
    /// # Errors
    /// Where only one refuses.
    pub fn apply(&mut self, operation: &Operation) -> Result<(), TestCaseError> {
        let expected = self.apply_to_reference(operation);
        let actual = self.run.apply(operation);
        prop_assert_eq!(actual.is_ok(), expected.is_ok(), "{:?}: {:?}", operation, actual);
        Ok(())
    }

    fn apply_to_reference(&mut self, operation: &Operation) -> Result<(), Refused> {
        let requests = self.requests();
        let request = |index: usize| &*requests[index % requests.len()];
        let reference = &mut self.reference;
        match operation {
            Operation::Register(instance) => reference.register(instance).map(drop),
            Operation::OnInstance(index, call) => reference.on_instance(nth_instance(&self.run.cluster, *index), call),
            Operation::OnTask(index, call) => reference.on_task(nth_task(&self.run.cluster, *index), *call),
            Operation::Place { request: index } => {
                match reference::place(reference, request(*index), &self.rules, &mut self.draw) {
                    Some(id) => reference.start(id, request(*index)).map(drop),
                    None => Ok(()),
                }
            }
            Operation::StartOn { request: index, instance } => {
                let asked = |check| is_resource(check) || is_start_task_check(check);
                start_on(reference, nth_instance(&self.run.cluster, *instance), request(*index), asked)
            }
            Operation::Adopt { request: index, instance } => {
                let id = nth_instance(&self.run.cluster, *instance);
                start_on(reference, id, request(*index), is_resource)?;
                let adopted = TaskId::from_number(reference.next_task - 1);
                reference.on_task(adopted, TaskCall::SetStatus(TaskStatus::Running))
            }
            Operation::ScaleIn { request: index } => {
                match reference::choose_stop(reference, request(*index), &self.rules, &mut self.draw) {
                    Some(task) => reference.on_task(task, TaskCall::Stop),
                    None => Ok(()),
                }
            }
        }
    }

    /// Copies of both sources of randomness, which stand at the same place.
    pub fn draws(&self) -> (SeededDraw, SeededDraw) {
        (self.run.draw.clone(), self.draw.clone())
    }
}

fn is_resource(check: Check) -> bool {
    matches!(check, Check::Cpu | Check::Memory | Check::Ports | Check::Gpu | Check::Eni)
}

/// C-49, besides resources.
fn is_start_task_check(check: Check) -> bool {
    matches!(check, Check::Attributes | Check::Location | Check::Agent)
}

fn start_on(
    reference: &mut Reference,
    id: InstanceId,
    request: &PlacementRequest,
    asked: impl Fn(Check) -> bool,
) -> Result<(), Refused> {
    let instance = reference.present().find(|instance| instance.id == id).ok_or(Refused)?;
    if reference::failures(instance, request).into_iter().any(|(check, _)| asked(check)) {
        return Err(Refused);
    }
    reference.start(id, request).map(drop)
}

/// Whether a snapshot says what the reference says.
///
/// # Errors
/// What differs.
pub fn same_state(snapshot: &ClusterSnapshot, reference: &Reference) -> Result<(), TestCaseError> {
    prop_assert_eq!(snapshot.next_instance.number(), reference.next_instance);
    prop_assert_eq!(snapshot.next_task.number(), reference.next_task);
    prop_assert_eq!(snapshot.instances.len(), reference.instances.len());
    for (actual, expected) in snapshot.instances.iter().zip(&reference.instances) {
        prop_assert_eq!(actual.id, expected.id);
        prop_assert_eq!(actual.failed, expected.failed);
        let description = &actual.description;
        prop_assert_eq!(description.name(), expected.description.name());
        prop_assert_eq!(description.attributes(), &expected.attributes);
        prop_assert_eq!(description.resources(), &expected.resources);
        prop_assert_eq!(description.status() == InstanceStatus::Active, expected.active);
        prop_assert_eq!(description.agent_connected(), expected.connected);
        prop_assert_eq!(description.foreign_load(), expected.description.foreign_load());
    }
    let tasks = reference.tasks();
    prop_assert_eq!(snapshot.tasks.len(), tasks.len());
    for (actual, (instance, expected)) in snapshot.tasks.iter().zip(tasks) {
        prop_assert_eq!((actual.id, actual.instance), (expected.id, instance.id));
        prop_assert_eq!(&actual.spec, &expected.spec);
        prop_assert_eq!(
            actual.gpu_indices.iter().collect::<Vec<_>>(),
            expected.gpus.iter().copied().collect::<Vec<_>>()
        );
        prop_assert_eq!((actual.desired_status, actual.status), (expected.desired, expected.status));
        prop_assert_eq!((actual.health, actual.protected), (expected.health, expected.protected));
    }
    Ok(())
}

/// Whether the books that the cluster keeps are what the reference adds up.
///
/// # Errors
/// What differs.
pub fn same_books(twin: &Twin) -> Result<(), TestCaseError> {
    let (cluster, reference) = (&twin.run.cluster, &twin.reference);
    prop_assert_eq!(cluster.headroom_weights(), reference.weights);
    for (actual, expected) in cluster.instances().zip(&reference.instances) {
        let (is_present, is_active) = (!expected.failed, expected.active);
        prop_assert_eq!(actual.is_present(), is_present);
        prop_assert_eq!(actual.status() == InstanceStatus::Active, is_active);
        prop_assert_eq!(actual.agent_connected(), expected.connected);
        prop_assert_eq!(actual.is_open(), is_present && is_active && expected.connected);
        let remaining = actual.remaining();
        prop_assert_eq!(i64::from(remaining.cpu_units), expected.remaining_cpu());
        prop_assert_eq!(i64::from(remaining.memory_mib), expected.remaining_memory());
        prop_assert_eq!(
            actual.free_gpus().iter().collect::<Vec<_>>(),
            expected.free_gpus().into_iter().collect::<Vec<_>>()
        );
        let left: Vec<i64> = actual.free_gpu_millis().map(i64::from).collect();
        prop_assert_eq!(i64::from(remaining.gpu_milli), left.iter().sum::<i64>());
        prop_assert_eq!(left, expected.gpu_millis_left());
        prop_assert_eq!(actual.remaining_enis().map(i64::from), expected.remaining_enis());
        let mut ports: Vec<HostPort> = actual.taken_ports().collect();
        ports.sort_unstable();
        prop_assert_eq!(ports, expected.taken_ports().into_iter().collect::<Vec<_>>());
        prop_assert_eq!(actual.running_tasks_count() as usize, expected.running().count());
        let is_pending = |task: &&reference::Task| task.status == TaskStatus::Pending;
        prop_assert_eq!(actual.pending_tasks_count() as usize, expected.running().filter(is_pending).count());
        prop_assert_eq!(i128::from(actual.headroom()), reference.headroom(expected));
        let tasks: Vec<TaskId> = actual.tasks().map(|task| task.id()).collect();
        prop_assert_eq!(tasks, expected.tasks.iter().map(|task| task.id).collect::<Vec<_>>());
        for request in twin.requests() {
            prop_assert_eq!(actual.group_count(request.group()) as usize, expected.running_of(request.group()));
        }
    }
    for request in twin.requests() {
        let count = cluster.group(request.group()).map_or(0, |group| group.running_tasks_count() as usize);
        let expected: usize = reference.instances.iter().map(|instance| instance.running_of(request.group())).sum();
        prop_assert_eq!(count, expected);
    }
    Ok(())
}

/// Whether everything that can be asked has the same answer.
///
/// # Errors
/// What differs.
pub fn same_in_all(twin: &mut Twin) -> Result<(), TestCaseError> {
    same_state(&twin.run.cluster.snapshot(), &twin.reference)?;
    same_books(twin)?;
    same_placements(twin)?;
    same_refusals(twin)?;
    same_stops(twin)?;
    same_room(twin)
}

/// Whether both place alike: the prepared requests, which have followed the cluster since before its first instance, and
/// the scan.
///
/// # Errors
/// What differs.
pub fn same_placements(twin: &mut Twin) -> Result<(), TestCaseError> {
    for (index, request) in twin.requests().iter().enumerate() {
        let (mut engine, mut plain) = twin.draws();
        let mut once = engine.clone();
        let expected = reference::place(&twin.reference, request, &twin.rules, &mut plain);
        let by_prepared = twin.run.prepared[index].place(&twin.run.cluster, &mut engine);
        prop_assert_eq!(by_prepared.map(|placement| placement.instance()), expected, "prepared: {:?}", request);
        let by_scan =
            twin.run.scheduler.place_once(&twin.run.cluster, request, &mut once).expect("the request is valid");
        prop_assert_eq!(by_scan.map(|placement| placement.instance()), expected, "once: {:?}", request);
    }
    Ok(())
}

/// Whether both refuse alike: whom they find eligible, all failing checks of the others, the reason and the closest.
///
/// # Errors
/// What differs.
pub fn same_refusals(twin: &mut Twin) -> Result<(), TestCaseError> {
    let (cluster, reference) = (&twin.run.cluster, &twin.reference);
    let scheduler = Scheduler::default();
    for request in &twin.requests() {
        let explanation = scheduler.explain(cluster, request);
        let eligible: Vec<InstanceId> = explanation.eligible().map(|instance| instance.id).collect();
        prop_assert_eq!(eligible, reference::eligible(reference, request));
        for (actual, expected) in explanation.instances().iter().zip(reference.present()) {
            prop_assert_eq!(actual.id, expected.id);
            let failures: Vec<_> = actual.failures.iter().map(|failed| (failed.check(), shortfall(failed))).collect();
            prop_assert_eq!(failures, reference::failures(expected, request));
        }
        let expected = reference::refusal(reference, request);
        let refusal = scheduler.refusal(cluster, request);
        prop_assert_eq!(refusal.as_ref(), explanation.refusal());
        let actual = refusal.map(|refusal| reference::Refusal {
            check: refusal.check(),
            closest: refusal.closest().map(|closest| (closest.id, shortfall(&closest.failed))),
        });
        prop_assert_eq!(actual, expected, "{:?}", request);
    }
    Ok(())
}

fn shortfall(failed: &FailedCheck) -> i64 {
    i64::try_from(failed.shortfall()).expect("amounts have 31 bits")
}

/// Whether both give up the same task.
///
/// # Errors
/// What differs.
pub fn same_stops(twin: &mut Twin) -> Result<(), TestCaseError> {
    for request in twin.requests() {
        let (mut engine, mut plain) = twin.draws();
        let expected = reference::choose_stop(&twin.reference, &request, &twin.rules, &mut plain);
        let actual = twin.run.scheduler.choose_stop(&twin.run.cluster, &request, &mut engine);
        prop_assert_eq!(actual, expected, "{:?}", request);
    }
    Ok(())
}

/// Whether both have room for as many tasks, up to nine an instance.
///
/// # Errors
/// What differs.
pub fn same_room(twin: &Twin) -> Result<(), TestCaseError> {
    const AT_MOST: u32 = 9;
    for request in twin.requests() {
        let mut total = Some(0);
        for room in twin.run.cluster.room_for(&request) {
            let (tasks, limited_by) = reference::room(&twin.reference, room.instance, &request, AT_MOST);
            prop_assert_eq!(room.tasks.unwrap_or(u32::MAX).min(AT_MOST), tasks, "{:?} of {:?}", room, request);
            if tasks < AT_MOST {
                prop_assert_eq!(room.limited_by, limited_by);
            }
            total = total.zip(room.tasks).map(|(total, tasks)| total + u64::from(tasks));
        }
        prop_assert_eq!(twin.run.cluster.total_room_for(&request), total);
    }
    Ok(())
}
