//! The engine and the reference, given the same calls one by one.

use scheduler_core::laws::{InstanceCall, TaskCall};
use scheduler_core::{
    Change, Cluster, ContainerInstance, HeadroomWeights, InstanceId, Placement, PlacementRequest, PreparedRequest,
    ReleaseOn, Scheduler, SeededDraw, TaskId,
};
use scheduler_tests::reference::{self, Reference, Rules};

/// One cluster, kept twice, and what is placed on it.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) cluster: Cluster,
    pub(super) reference: Reference,
    pub(super) scheduler: Scheduler,
    pub(super) prepared: Vec<PreparedRequest>,
    draws: [SeededDraw; 2],
}

impl Pair {
    /// Blocks of four entries, so that a few hundred instances cross many splits and merges.
    pub(super) fn new(weights: HeadroomWeights, scheduler: Scheduler, requests: Vec<PlacementRequest>) -> Self {
        let cluster = Cluster::new(weights).with_index_block_capacity(4);
        let reference = Reference::new(weights, ReleaseOn::default());
        let draws = [SeededDraw::new(5), SeededDraw::new(5)];
        let mut pair = Self { cluster, reference, scheduler, prepared: Vec::new(), draws };
        pair.prepare(requests);
        pair
    }

    /// Prepares these in place of what was prepared.
    pub(super) fn prepare(&mut self, requests: Vec<PlacementRequest>) {
        self.prepared.clear();
        for request in requests {
            self.prepared.push(self.scheduler.prepare(&mut self.cluster, request).expect("the request is valid"));
        }
    }

    pub(super) fn register(&mut self, instance: &ContainerInstance) -> InstanceId {
        let id = self.reference.register(instance).expect("the name is new");
        assert_eq!(self.cluster.register(instance.clone()).expect("the name is new").instance, id);
        id
    }

    /// The instance that both choose.
    pub(super) fn choose(&mut self, index: usize) -> Option<Placement> {
        let rules = Rules::of(&self.scheduler);
        let [engine_draw, reference_draw] = &mut self.draws;
        let chosen = self.prepared[index].place(&self.cluster, engine_draw);
        let request = self.prepared[index].request();
        let expected = reference::place(&self.reference, request, &rules, reference_draw);
        assert_eq!(chosen.as_ref().map(Placement::instance), expected, "{request:?}");
        chosen
    }

    /// Places and starts one task of a request, on both.
    pub(super) fn place(&mut self, index: usize) -> Option<TaskId> {
        let placement = self.choose(index)?;
        let task = self.cluster.start(&placement).expect("it was just chosen").task_id();
        assert_eq!(self.reference.start(placement.instance(), placement.request()).ok(), task);
        task
    }

    /// Places and starts many at once by the engine, one by one by the reference.
    pub(super) fn place_many(&mut self, index: usize, count: usize) -> Vec<TaskId> {
        let rules = Rules::of(&self.scheduler);
        let [engine_draw, reference_draw] = &mut self.draws;
        let changes = self.prepared[index].place_many(&mut self.cluster, count, engine_draw);
        let request = self.prepared[index].request();
        for change in &changes {
            let expected = reference::place(&self.reference, request, &rules, reference_draw);
            assert_eq!(Some(change.instance), expected, "{request:?}");
            let task = self.reference.start(change.instance, request).ok();
            assert_eq!(change.task_id(), task);
        }
        if changes.len() < count {
            assert_eq!(reference::place(&self.reference, request, &rules, reference_draw), None, "{request:?}");
        }
        changes.iter().filter_map(Change::task_id).collect()
    }

    pub(super) fn stop(&mut self, task: TaskId) {
        self.cluster.stop(task).expect("the task runs");
        self.reference.on_task(task, TaskCall::Stop).expect("the task runs");
    }

    pub(super) fn call(&mut self, id: InstanceId, call: &InstanceCall) {
        call.apply(&mut self.cluster, id).expect("the call is allowed");
        self.reference.on_instance(id, call).expect("the call is allowed");
    }

    pub(super) fn stop_each(&mut self, tasks: impl IntoIterator<Item = TaskId>) {
        for task in tasks {
            self.stop(task);
        }
    }

    pub(super) fn call_each<'a>(&mut self, ids: impl IntoIterator<Item = &'a InstanceId>, call: &InstanceCall) {
        for id in ids {
            self.call(*id, call);
        }
    }

    /// Everything adds up, and both see the same reasons.
    pub(super) fn check(&mut self) {
        assert_eq!(self.cluster.audit(), Ok(()));
        assert_eq!(self.cluster.instance_count(), self.reference.instances.len());
        assert_eq!(self.cluster.task_count(), self.reference.tasks().len());
        for (actual, expected) in self.cluster.instances().zip(&self.reference.instances) {
            assert_eq!(i64::from(actual.remaining().cpu_units), expected.remaining_cpu());
            assert_eq!(i64::from(actual.remaining().memory_mib), expected.remaining_memory());
            assert_eq!(i128::from(actual.headroom()), self.reference.headroom(expected));
        }
        for prepared in &mut self.prepared {
            let request = prepared.request().clone();
            let expected = reference::refusal(&self.reference, &request);
            let refusal = self.scheduler.refusal(&self.cluster, &request);
            assert_eq!(refusal.map(|refusal| refusal.check()), expected.as_ref().map(|refusal| refusal.check));
            assert_eq!(prepared.reason(&self.cluster), expected.map(|refusal| refusal.check));
        }
    }
}
