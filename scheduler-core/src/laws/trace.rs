//! A history as a trace that `scheduler-sim` replays: what happens at second *n* is the *n*-th operation.
//!
//! Written is what came of each operation, with the names of the instances and tasks that its indices came to; one that
//! erred is left out. See [`History::to_trace_json`] for what stands for what.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::trace_parts::{definition, definition_of_adopted, document, instance, run_task, settings};
use super::{History, InstanceCall, Operation, Run, TaskCall, nth_instance, nth_task};
use crate::cluster::{Change, Cluster, InstanceId, TaskId};
use crate::model::{AttributeName, AttributeValue};
use crate::placement::PlacementRequest;

/// What no trace can say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// An instance was resized.
    #[error("operation {operation} resizes a container instance, which no event of a trace does")]
    Resize {
        /// Which operation, from 1.
        operation: usize,
    },
    /// A stopping task gave its resources back at a time of its own.
    #[error("operation {operation} releases a stopping task; in a trace all of them take equally long to stop")]
    Release {
        /// Which operation, from 1.
        operation: usize,
    },
}

impl History {
    /// The history as a trace document for `scheduler-sim`. Its run, as written, ends with the same tasks on the same
    /// instances as [`replay`](Self::replay).
    ///
    /// | operation | in the trace |
    /// | --- | --- |
    /// | one that errs, or changes what no placement looks at (status, health, protection of a task) | nothing |
    /// | `Place` | `runTask` with the request's constraints and chain |
    /// | `Place` where a draw decides, an `ecs-default` of daemons, a rule of the embedder's own, revisions, network interfaces or a capacity provider | `runTask` with `memberOf` the instance that was chosen |
    /// | `StartOn` | `startTask` |
    /// | `Adopt` | `startTask` of a definition that requires no attributes, the agent connected for as long |
    /// | `ScaleIn`, `Stop` | `stopTask` of the task that it was |
    /// | `Fail`, `ReturnFailed` | `failContainerInstances`, with `returnsAfterSeconds` if it returns |
    /// | `Register`, `Deregister`, `Drain`, `Reactivate`, agents, attributes | the event of that name |
    ///
    /// Left out of the instances is the limit of network interfaces, which traces take from the instance type. Choices
    /// of GPUs that a policy of the embedder's own made are not kept.
    ///
    /// # Errors
    /// [`TraceError`]: a successful `Resize` or `Release`.
    pub fn to_trace_json(&self) -> Result<String, TraceError> {
        self.trace_asking(None)
    }

    /// The same, and one of the requests as the last event, called `question`.
    pub(super) fn trace_asking(&self, question: Option<usize>) -> Result<String, TraceError> {
        let mut writer = Writer::new(self);
        for (index, operation) in self.operations.iter().enumerate() {
            writer.write(index + 1, operation)?;
        }
        let at = self.operations.len() + 1;
        if let Some(request) = question {
            let asked = run_task(&self.requests[request], &self.scheduler, request, "question", None);
            writer.event(at, "runTask", asked);
        }
        let mut definitions: Vec<Value> =
            self.requests.iter().enumerate().map(|(index, request)| definition(request, index)).collect();
        let adopted = writer.adopted.iter().map(|index| definition_of_adopted(&self.requests[*index], *index));
        definitions.extend(adopted);
        let looks = self.looks_at_attributes();
        let fleet: Vec<Value> = self.fleet.iter().map(|it| instance(it, 0, looks)).collect();
        let mut settings = settings(self, at);
        let last = writer.events.last().and_then(|event| event["atSeconds"].as_u64()).unwrap_or_default();
        if last < self.operations.len() as u64 {
            // What is no event, the return of an instance say, happens too.
            settings["endSeconds"] = self.operations.len().into();
        }
        Ok(document(&settings, &fleet, &definitions, &writer.events))
    }
}

impl History {
    fn looks_at_attributes(&self) -> bool {
        let looks = |request: &PlacementRequest| {
            !request.required_attributes().is_empty() || !request.all_constraints().is_empty()
        };
        self.requests.iter().any(|request| looks(request))
    }
}

/// A history that is replayed and written down as it goes.
struct Writer<'a> {
    history: &'a History,
    run: Run,
    events: Vec<Value>,
    /// The names of the tasks that hold resources.
    names: BTreeMap<TaskId, String>,
    /// Of each instance that is down, when it failed and by which event.
    failed: BTreeMap<InstanceId, (usize, usize)>,
    /// The requests of which tasks were adopted.
    adopted: BTreeSet<usize>,
}

impl<'a> Writer<'a> {
    fn new(history: &'a History) -> Self {
        let (names, failed) = (BTreeMap::new(), BTreeMap::new());
        Self { history, run: history.begin(), events: Vec::new(), names, failed, adopted: BTreeSet::new() }
    }

    fn event(&mut self, at: usize, key: &str, value: Value) {
        let mut event = json!({ "atSeconds": at });
        event[key] = value;
        self.events.push(event);
    }

    fn write(&mut self, at: usize, operation: &Operation) -> Result<(), TraceError> {
        let before = self.run.cluster.fork();
        let Ok(changes) = self.run.apply(operation) else { return Ok(()) };
        let count = self.history.requests.len();
        match operation {
            Operation::Register(registered) => {
                self.event(
                    at,
                    "registerContainerInstances",
                    json!([instance(registered, at, self.history.looks_at_attributes())]),
                );
            }
            Operation::OnInstance(index, call) => self.call(at, &before, nth_instance(&before, *index), call)?,
            Operation::OnTask(index, TaskCall::Stop) => self.stop(at, nth_task(&before, *index)),
            Operation::OnTask(_, TaskCall::Release) => return Err(TraceError::Release { operation: at }),
            Operation::OnTask(..) => {}
            Operation::Place { request } => self.place(at, request % count, changes.first()),
            Operation::StartOn { request, .. } => {
                let request = request % count;
                self.start(at, request, &format!("request-{request}"), changes.first());
            }
            Operation::Adopt { request, .. } => self.adopt(at, request % count, changes.first()),
            Operation::ScaleIn { .. } => {
                if let Some(task) = changes.first().and_then(Change::task_id) {
                    self.stop(at, task);
                }
            }
        }
        Ok(())
    }

    /// Names the task that was started, and tells the name of its instance.
    fn started(&mut self, at: usize, change: Option<&Change>) -> Option<String> {
        let change = change?;
        self.names.insert(change.task_id()?, format!("task-{at}"));
        self.run.cluster.instance(change.instance).map(|instance| instance.name().to_owned())
    }

    fn place(&mut self, at: usize, request: usize, change: Option<&Change>) {
        let instance = self.started(at, change);
        // Where the trace cannot say why, it says where; or that it was nowhere.
        let chosen = Some(instance.as_deref().unwrap_or("nobody"));
        let (spec, scheduler) = (&self.history.requests[request], &self.history.scheduler);
        let value = run_task(spec, scheduler, request, &format!("task-{at}"), chosen);
        self.event(at, "runTask", value);
    }

    fn start(&mut self, at: usize, request: usize, definition: &str, change: Option<&Change>) {
        let Some(instance) = self.started(at, change) else { return };
        let group = self.history.requests[request].group().as_str();
        let id = format!("task-{at}");
        let value = json!({ "id": id, "taskDefinition": definition, "group": group, "containerInstances": [instance] });
        self.event(at, "startTask", value);
    }

    fn adopt(&mut self, at: usize, request: usize, change: Option<&Change>) {
        let on = change.and_then(|change| self.run.cluster.instance(change.instance));
        let Some((instance, is_connected)) = on.map(|it| (it.name().to_owned(), it.agent_connected())) else { return };
        self.adopted.insert(request);
        let agent = |connected: bool| json!({ "containerInstances": [instance.as_str()], "connected": connected });
        if !is_connected {
            self.event(at, "setAgentConnected", agent(true));
        }
        self.start(at, request, &format!("adopted-{request}"), change);
        if !is_connected {
            self.event(at, "setAgentConnected", agent(false));
        }
    }

    fn stop(&mut self, at: usize, task: TaskId) {
        if let Some(name) = self.names.get(&task) {
            let value = json!({ "task": name.as_str() });
            self.event(at, "stopTask", value);
        }
    }

    fn call(&mut self, at: usize, before: &Cluster, id: InstanceId, call: &InstanceCall) -> Result<(), TraceError> {
        let Some(name) = before.instance(id).map(|instance| instance.name().to_owned()) else { return Ok(()) };
        let named = json!([name.as_str()]);
        let targeted = |attribute: &AttributeName, value: Option<&str>| {
            let mut entry = json!({ "name": attribute.as_str(), "targetId": name.as_str() });
            if let Some(value) = value {
                entry["value"] = value.into();
            }
            entry
        };
        let (key, value) = match call {
            // One that is down has left the trace already.
            InstanceCall::Deregister | InstanceCall::DeregisterForce if self.failed.remove(&id).is_some() => {
                return Ok(());
            }
            InstanceCall::Deregister => ("deregisterContainerInstance", json!({ "containerInstance": name.as_str() })),
            InstanceCall::DeregisterForce => {
                ("deregisterContainerInstance", json!({ "containerInstance": name.as_str(), "force": true }))
            }
            InstanceCall::Drain => {
                ("updateContainerInstancesState", json!({ "containerInstances": named, "status": "DRAINING" }))
            }
            InstanceCall::Reactivate => {
                ("updateContainerInstancesState", json!({ "containerInstances": named, "status": "ACTIVE" }))
            }
            InstanceCall::ConnectAgent => {
                ("setAgentConnected", json!({ "containerInstances": named, "connected": true }))
            }
            InstanceCall::DisconnectAgent => {
                ("setAgentConnected", json!({ "containerInstances": named, "connected": false }))
            }
            InstanceCall::Fail => {
                self.failed.insert(id, (at, self.events.len()));
                ("failContainerInstances", json!({ "containerInstances": named }))
            }
            InstanceCall::ReturnFailed => {
                if let Some((since, event)) = self.failed.remove(&id) {
                    self.events[event]["failContainerInstances"]["returnsAfterSeconds"] = (at - since).into();
                }
                return Ok(());
            }
            InstanceCall::PutAttributes(attributes) => {
                let entries =
                    attributes.iter().map(|(name, value)| targeted(name, value.as_ref().map(AttributeValue::as_str)));
                ("putAttributes", json!({ "attributes": entries.collect::<Vec<_>>() }))
            }
            InstanceCall::DeleteAttributes(deleted) => {
                let entries = deleted.iter().map(|name| targeted(name, None));
                ("deleteAttributes", json!({ "attributes": entries.collect::<Vec<_>>() }))
            }
            InstanceCall::Resize(_) => return Err(TraceError::Resize { operation: at }),
        };
        self.event(at, key, value);
        Ok(())
    }
}
