//! Events: from a checked object to what happens.

use std::sync::Arc;

use scheduler_core::{AttributeName, AttributeValue, Expression, InstanceStatus};

use super::definitions::end_of_arn;
use super::error::TraceProblem;
use super::event::{
    Action, AttributeTarget, Event, InstanceSelection, RunTask, StartTask, StopTask, TaskNameId, TaskNames,
    TaskSelection,
};
use super::format::EVENT;
use super::instances::{TakenByTasks, read_instance};
use super::json::{Kind, Member, Span, Value};
use super::plain::PlainRunTask;
use super::reading::Reading;
use super::requests::inside;
use super::resolver::Resolver;
use super::scalar::{integer, milliseconds, narrow};
use super::services::{read_service, read_update, service_name};
use super::shape::{NAME_LIMIT, check_name};

/// Most attributes in one PutAttributes or DeleteAttributes.
const ATTRIBUTES_A_CALL: usize = 10;

impl Resolver {
    /// Reads a checked event, and follows what it changes about names.
    pub(super) fn read_event(
        &mut self,
        value: &Value<'_>,
        number: u64,
        reading: &mut Reading<'_, '_>,
    ) -> Option<Event> {
        let at_ms = milliseconds(value.get("atSeconds")?);
        let member = the_action(value, reading)?;
        let action = self.read_action(member, at_ms, number, reading)?;
        Some(Event { at_ms, number, place: reading.place(value.span.start), action })
    }

    /// A plain runTask whose request has been read before.
    pub(super) fn read_plain(&mut self, plain: &PlainRunTask, text: &str, number: u64) -> Option<Action> {
        let part = |span: &Span| &text[span.clone()];
        let request = self.requests.known(part(&plain.definition), plain.group.as_ref().map(part))?;
        let id = plain.id.as_ref().map_or(TaskNameId::Numbered(number), |id| TaskNameId::Given(part(id).into()));
        let names = TaskNames { id, count: plain.count.unwrap_or(1) };
        let duration_ms = plain.duration_ms;
        Some(Action::RunTask(RunTask { names, request, duration_ms, predicted_duration_ms: None }))
    }

    /// Takes note of the request of a plain runTask that was read the long way.
    pub(super) fn remember(&mut self, plain: Option<&PlainRunTask>, text: &str, event: &Event) {
        if let (Some(plain), Action::RunTask(run)) = (plain, &event.action) {
            let part = |span: &Span| &text[span.clone()];
            self.requests.remember(part(&plain.definition), plain.group.as_ref().map(part), &run.request);
        }
    }

    fn read_action(
        &mut self,
        member: &Member<'_>,
        at_ms: u64,
        number: u64,
        reading: &mut Reading<'_, '_>,
    ) -> Option<Action> {
        let value = &member.value;
        Some(match &*member.key {
            "runTask" => Action::RunTask(self.read_run_task(value, number, reading)?),
            "startTask" => Action::StartTask(self.read_start_task(value, number, reading)?),
            "stopTask" => Action::StopTask(read_stop_task(value, reading)?),
            "registerTaskDefinition" => {
                // A family's name may mean another revision now.
                self.requests.forget_names();
                Action::RegisterTaskDefinition(self.definitions.register(value, reading)?)
            }
            "createService" => {
                let service = read_service(value, &self.definitions, &self.subnets, reading)?;
                Action::CreateService(Arc::new(service))
            }
            "updateService" => {
                let update = read_update(value, &self.definitions, &self.subnets, reading)?;
                Action::UpdateService(Box::new(update))
            }
            "deleteService" => Action::DeleteService { service: service_name(value)?, force: flag(value, "force") },
            "registerContainerInstances" => self.read_arrivals(value, at_ms, reading)?,
            "deregisterContainerInstance" => Action::DeregisterContainerInstance {
                instance: self.aliases.shown(value.get("containerInstance")?.text()?),
                force: flag(value, "force"),
            },
            "updateContainerInstancesState" => Action::UpdateContainerInstancesState {
                instances: self.instance_names(value),
                status: match value.get("status")?.text()? {
                    "DRAINING" => InstanceStatus::Draining,
                    _ => InstanceStatus::Active,
                },
            },
            "putAttributes" => Action::PutAttributes(self.read_attributes(value, reading)?),
            "deleteAttributes" => Action::DeleteAttributes(self.read_attributes(value, reading)?),
            "failContainerInstances" => Action::FailContainerInstances {
                instances: self.read_instance_selection(value, reading)?,
                returns_after_ms: value.get("returnsAfterSeconds").map(milliseconds),
            },
            "setAgentConnected" => {
                Action::SetAgentConnected { instances: self.instance_names(value), connected: flag(value, "connected") }
            }
            "failTasks" => Action::FailTasks {
                tasks: read_task_selection(value, reading)?,
                count: value.get("count").map(|count| narrow(integer(count))),
            },
            key => {
                reading.error(member.key_at, TraceProblem::Unsupported { what: key.into() });
                return None;
            }
        })
    }

    fn read_run_task(&mut self, value: &Value<'_>, number: u64, reading: &mut Reading<'_, '_>) -> Option<RunTask> {
        let request = self.requests.read(value, &self.definitions, &self.subnets, reading)?;
        let count = value.get("count").map_or(1, |count| narrow(integer(count)));
        Some(RunTask {
            names: task_names(value, count, number, reading)?,
            request,
            duration_ms: value.get("durationSeconds").map(milliseconds),
            predicted_duration_ms: value.get("predictedDurationSeconds").map(milliseconds),
        })
    }

    fn read_start_task(&mut self, value: &Value<'_>, number: u64, reading: &mut Reading<'_, '_>) -> Option<StartTask> {
        let request = self.requests.read(value, &self.definitions, &self.subnets, reading)?;
        let instances = self.instance_names(value);
        if instances.is_empty() {
            let at = value.get("containerInstances").map_or(value.span.start, |it| it.span.start);
            reading.error(at, TraceProblem::OneOf { keys: "the container instances, at least one" });
            return None;
        }
        Some(StartTask {
            names: task_names(value, narrow(instances.len() as u64), number, reading)?,
            request,
            instances,
            duration_ms: value.get("durationSeconds").map(milliseconds),
        })
    }

    fn read_arrivals(&mut self, value: &Value<'_>, at_ms: u64, reading: &mut Reading<'_, '_>) -> Option<Action> {
        let now_ms = self.moment_of(at_ms);
        let list = value.get("containerInstances").unwrap_or(value);
        let mut entries = Vec::new();
        for element in list.elements() {
            let Some(read) = read_instance(element, now_ms, &mut self.aliases, reading) else { continue };
            if read.subnet().is_some_and(|(subnet, zone)| self.subnets.learn(subnet, zone)) {
                self.requests.clear();
            }
            entries.extend(read.with_foreign_load(&TakenByTasks::default(), reading));
        }
        let is_complete = entries.len() == list.elements().len();
        is_complete.then(|| Action::RegisterContainerInstances(entries.into()))
    }

    fn instance_names(&self, value: &Value<'_>) -> Vec<Arc<str>> {
        let names = value.get("containerInstances").map(Value::elements).unwrap_or_default();
        names.iter().filter_map(Value::text).map(|name| self.aliases.shown(name)).collect()
    }

    fn read_attributes(&self, value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<Vec<AttributeTarget>> {
        let list = value.get("attributes")?;
        let count = list.elements().len();
        if count > ATTRIBUTES_A_CALL {
            reading.error(list.span.start, TraceProblem::TooManyAttributes { count });
            return None;
        }
        let targets: Vec<_> = list.elements().iter().map(|element| self.read_attribute(element, reading)).collect();
        targets.into_iter().collect()
    }

    fn read_attribute(&self, value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<AttributeTarget> {
        let name = value.get("name")?;
        let at = name.span.start;
        let name = reading.ok(at, AttributeName::new(name.text()?))?;
        if name.is_reserved() {
            reading.error(at, TraceProblem::ReservedAttribute { name: name.as_str().into() });
            return None;
        }
        let attribute_value = match value.get("value").filter(|it| it.text() != Some("")) {
            Some(given) => Some(reading.ok(given.span.start, AttributeValue::new(given.text()?))?),
            None => None,
        };
        let instance = self.aliases.shown(value.get("targetId")?.text()?);
        Some(AttributeTarget { instance, name, value: attribute_value })
    }

    fn read_instance_selection(&self, value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<InstanceSelection> {
        let selected = ["containerInstances", "filter", "availabilityZone"].map(|key| value.get(key));
        match selected {
            [Some(_), None, None] => Some(InstanceSelection::Names(self.instance_names(value))),
            [None, Some(filter), None] => Some(InstanceSelection::Filter(read_expression(filter, reading)?)),
            [None, None, Some(zone)] => Some(InstanceSelection::Zone(zone.text()?.into())),
            _ => one_of("`containerInstances`, `filter` and `availabilityZone`", value, reading),
        }
    }
}

/// The one key of an event that says what happens.
fn the_action<'v, 'a>(value: &'v Value<'a>, reading: &mut Reading<'_, '_>) -> Option<&'v Member<'a>> {
    let is_action = |member: &&Member<'_>| {
        member.value.kind != Kind::Null
            && member.key != "atSeconds"
            && EVENT.keys.iter().any(|key| key.name == member.key)
    };
    let mut actions = value.members().iter().filter(is_action);
    let Some(first) = actions.next() else {
        reading.error(value.span.start, TraceProblem::NoAction);
        return None;
    };
    if let Some(second) = actions.next() {
        let (first, at) = ((&*first.key).into(), second.key_at);
        reading.error(at, TraceProblem::SecondAction { first, second: (&*second.key).into() });
        return None;
    }
    Some(first)
}

/// The names of tasks, the longest of which must be one.
fn task_names(value: &Value<'_>, count: u32, number: u64, reading: &mut Reading<'_, '_>) -> Option<TaskNames> {
    let Some(given) = value.get("id") else {
        return Some(TaskNames { id: TaskNameId::Numbered(number), count });
    };
    let id = given.text()?;
    let names = TaskNames { id: TaskNameId::Given(id.into()), count };
    if id.len() + 12 > NAME_LIMIT {
        reading.ok(given.span.start, check_name(&names.name(count - 1)))?;
    }
    Some(names)
}

fn read_stop_task(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<StopTask> {
    match (value.get("task"), value.get("group")) {
        (Some(task), None) => Some(StopTask::Task(end_of_arn(task.text()?).into())),
        (None, Some(group)) => Some(StopTask::Group {
            group: read_selected_group(group, reading)?,
            count: value.get("count").map(|count| narrow(integer(count))),
        }),
        _ => one_of("`task` and `group`", value, reading),
    }
}

fn read_task_selection(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<TaskSelection> {
    match (value.get("group"), value.get("filter")) {
        (Some(group), None) => Some(TaskSelection::Group(read_selected_group(group, reading)?)),
        (None, Some(filter)) => Some(TaskSelection::Filter(read_expression(filter, reading)?)),
        _ => one_of("`group` and `filter`", value, reading),
    }
}

/// A group whose tasks are meant; any group may be.
fn read_selected_group(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<scheduler_core::TaskGroup> {
    reading.ok(value.span.start, scheduler_core::TaskGroup::new(value.text()?))
}

fn read_expression(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<Expression> {
    match Expression::parse(value.text()?) {
        Ok(expression) => Some(expression),
        Err(error) => {
            reading.error(inside(value, error.span.start), error);
            None
        }
    }
}

fn one_of<T>(keys: &'static str, value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<T> {
    reading.error(value.span.start, TraceProblem::OneOf { keys });
    None
}

fn flag(value: &Value<'_>, key: &str) -> bool {
    value.get(key).is_some_and(|it| it.kind == Kind::Bool(true))
}
