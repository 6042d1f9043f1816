//! A trace in which a change is made right before a decision; all that comes before it stays as it is.
//!
//! New events stand right before the first event that has not been played then. An instance that joins does so after the
//! other events of the instant that register instances, so that those keep their numbers. A request of which a constraint
//! goes is edited; one of the task definition goes with a definition of another family, registered for this request alone.

use std::collections::HashSet;
use std::sync::Arc;

use scheduler_core::{AttributeName, PlacementConstraint};
use serde_json::json;
use serde_json::value::RawValue;

use super::Moment;
use super::change::{Change, Lifted, Origin};
use super::notes::Notes;
use crate::simulation::Decision;
use crate::trace::raw::{
    RawMap, edit, event, object, registered_instances, remove_attribute, remove_element, seconds_raw, set,
    set_registered_instances, text,
};
use crate::trace::{Pieces, Source, Survey, TraceError};

/// Why a change cannot be written down.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The trace cannot be read again.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A part of it is not what was read before.
    #[error("the trace cannot be taken apart: {0}")]
    Json(#[from] serde_json::Error),
    /// Of one RunTask too many copies follow that would need an event each.
    #[error("{count} copies of the request follow, which would need an event each; the limit is {limit}")]
    TooManyCopies {
        /// How many.
        count: u32,
        /// The limit.
        limit: u32,
    },
    /// Something that it refers to is not found in it.
    #[error("the trace does not say where {what} comes from")]
    Missing {
        /// What is looked for.
        what: String,
    },
}

/// The trace with one change made.
///
/// Memory: as the unpacked trace.
///
/// # Errors
/// [`ApplyError`] if the trace cannot be taken apart.
pub fn apply(
    source: &Source,
    survey: &Survey,
    moment: Moment,
    decision: &Decision,
    change: &Change,
) -> Result<Pieces, ApplyError> {
    let mut pieces = source.pieces()?;
    pieces.name_tasks();
    let notes = Notes::take(source, survey, moment, change)?;
    let mut writer = Writer { pieces, notes, moment, split_off: 0, joining: Vec::new(), added: Vec::new() };
    writer.split()?;
    writer.make(survey, decision, change)?;
    Ok(writer.put_together())
}

/// Copies of one RunTask that get an event each at most.
const SPLIT_LIMIT: u32 = 65_536;

/// Instances of one event that are named one by one at most, so that the trace does not grow out of proportion.
const NAMED_LIMIT: u64 = 65_536;

struct Writer {
    pieces: Pieces,
    notes: Notes,
    moment: Moment,
    /// Events that one event has become in addition.
    split_off: usize,
    /// Instances that join.
    joining: Vec<Box<RawValue>>,
    /// Other events.
    added: Vec<Box<RawValue>>,
}

impl Writer {
    /// Where an event of that number stands now.
    fn position(&self, number: u64) -> usize {
        let is_moved = self.moment.next_event.is_some_and(|(next, _)| number > next);
        number as usize + if is_moved { self.split_off } else { 0 }
    }

    /// Where the event that is next stands now; of several copies that of the task.
    fn next_position(&self) -> Option<usize> {
        let (number, _) = self.moment.next_event?;
        Some(number as usize + usize::from(self.split_off > 0))
    }

    /// Of several copies those before the task keep the event, and the task and the others have one each.
    fn split(&mut self) -> Result<(), ApplyError> {
        let (before, count) = (self.moment.copies_before, self.notes.copies);
        let Some((number, at_ms)) = self.moment.next_event.filter(|_| before > 0) else { return Ok(()) };
        let rest = count.saturating_sub(before + 1);
        if rest > SPLIT_LIMIT {
            return Err(ApplyError::TooManyCopies { count: rest, limit: SPLIT_LIMIT });
        }
        let index = number as usize;
        let next = index + 1;
        let raw = &self.pieces.events[index];
        let call = object(raw)?.shift_remove("runTask");
        let id = call.and_then(|call| text(object(&call).ok()?.get("id")?)).unwrap_or_default();
        let one = |copy: u32| {
            edit(raw, "runTask", |call| {
                call.shift_remove("count");
                set(call, "id", format!("{id}/{copy}"))
            })
        };
        let singles: Vec<_> = (before..count).map(one).collect::<Result<_, _>>()?;
        let first = if before == 1 { one(0)? } else { edit(raw, "runTask", |call| set(call, "count", before))? };
        self.split_off = singles.len();
        self.notes.times_ms.splice(next..next, singles.iter().map(|_| at_ms));
        self.pieces.events[index] = first;
        self.pieces.events.splice(next..next, singles);
        Ok(())
    }

    fn make(&mut self, survey: &Survey, decision: &Decision, change: &Change) -> Result<(), ApplyError> {
        let at_ms = self.moment.at_ms;
        match change {
            Change::Lift(lifted) => self.lift(survey, decision, lifted),
            Change::Join { zone, name, origin, .. } => {
                let entry = self.like(*origin, zone, name)?;
                self.joining.push(event(at_ms, "registerContainerInstances", [entry])?);
                let state = json!({"containerInstances": [&**name], "status": "ACTIVE"});
                self.added.push(event(at_ms, "updateContainerInstancesState", state)?);
                self.keep_instance_names()
            }
            Change::Free { tasks, .. } => tasks.iter().try_for_each(|task| self.stop(task)),
            Change::Move { task, to, definition, group, duration_ms, .. } => {
                self.stop(task)?;
                let mut call = self.call_of(task)?;
                set(&mut call, "id", &**task)?;
                set(&mut call, "taskDefinition", definition.as_deref())?;
                set(&mut call, "group", group)?;
                set(&mut call, "containerInstances", [to])?;
                if let Some(duration_ms) = duration_ms {
                    call.insert("durationSeconds".to_owned(), seconds_raw(*duration_ms)?);
                }
                self.added.push(event(at_ms, "startTask", call)?);
                Ok(())
            }
        }
    }

    fn stop(&mut self, task: &str) -> Result<(), ApplyError> {
        self.added.push(event(self.moment.at_ms, "stopTask", json!({ "task": task }))?);
        Ok(())
    }

    /// What StartTask takes over from the call that started a task.
    fn call_of(&self, task: &Arc<str>) -> Result<RawMap, ApplyError> {
        let from = match self.notes.started_by {
            Some(number) => {
                let event = object(&self.pieces.events[self.position(number)])?;
                event.get("runTask").or(event.get("startTask")).cloned()
            }
            None => self.pieces.list("tasks")?.into_iter().find(|raw| {
                let arn = object(raw).ok().and_then(|map| text(map.get("taskArn")?));
                arn.is_some_and(|arn| arn == **task || arn.rsplit_once('/').is_some_and(|(_, id)| id == &**task))
            }),
        };
        let from = from.ok_or_else(|| ApplyError::Missing { what: format!("task `{task}`") })?;
        let mut call = object(&from)?;
        call.retain(|key, _| matches!(key.as_str(), "overrides" | "networkConfiguration"));
        Ok(call)
    }

    /// An instance like one of the trace.
    fn like(&self, origin: Origin, zone: &str, name: &str) -> Result<RawMap, ApplyError> {
        let entries: Vec<Box<RawValue>> = match origin.event {
            None => self.pieces.list("containerInstances")?,
            Some(number) => registered_instances(&object(&self.pieces.events[self.position(number)])?)?,
        };
        let missing = || ApplyError::Missing { what: "the instance to be like".to_owned() };
        let mut entry = object(entries.get(origin.index).ok_or_else(missing)?)?;
        let own = [
            "count",
            "containerInstanceArn",
            "ec2InstanceId",
            "status",
            "agentConnected",
            "registeredAt",
            "remainingResources",
        ];
        entry.retain(|key, _| !own.contains(&key.as_str()));
        remove_attribute(&mut entry, AttributeName::availability_zone().as_str())?;
        set(&mut entry, "ec2InstanceId", name)?;
        set(&mut entry, "availabilityZone", zone)?;
        set(&mut entry, "status", "DRAINING")?;
        Ok(entry)
    }

    /// Gives the instances that register later without a name the one that they had by their number, which changes now.
    fn keep_instance_names(&mut self) -> Result<(), ApplyError> {
        let mut number = self.moment.registered;
        for (event, entries) in std::mem::take(&mut self.notes.registrations) {
            let copies: u64 = entries.iter().map(|entry| u64::from(entry.count)).sum();
            if entries.iter().all(|entry| entry.name.is_some()) || copies > NAMED_LIMIT {
                number += copies;
                continue;
            }
            let position = self.position(event);
            let raw = &mut self.pieces.events[position];
            let mut map = object(raw)?;
            let list = registered_instances(&map)?;
            let mut named = Vec::new();
            for (written, entry) in list.iter().zip(entries.iter()) {
                let first = object(written)?;
                for index in 0..entry.count {
                    let mut copy = first.clone();
                    copy.shift_remove("count");
                    set(&mut copy, "ec2InstanceId", &*entry.name(index, number))?;
                    named.push(copy);
                }
                number += u64::from(entry.count);
            }
            set_registered_instances(&mut map, named)?;
            *raw = serde_json::value::to_raw_value(&map)?;
        }
        Ok(())
    }

    fn lift(&mut self, survey: &Survey, decision: &Decision, lifted: &Lifted) -> Result<(), ApplyError> {
        let at_ms = self.moment.at_ms;
        match lifted {
            Lifted::OfService { service, index, constraints } => {
                let left = constraints.iter().enumerate().filter(|(position, _)| position != index);
                let left: Vec<_> = left.map(|(_, constraint)| constraint_json(constraint)).collect();
                let update = json!({"service": service, "placementConstraints": left});
                self.added.push(event(at_ms, "updateService", update)?);
                Ok(())
            }
            Lifted::OfRequest { index, .. } => {
                self.edit_call(|call| remove_element(call, "placementConstraints", *index))
            }
            Lifted::Zones(_) => self.edit_call(|call| {
                call.shift_remove("networkConfiguration");
                Ok(())
            }),
            Lifted::OfDefinition { index, .. } => self.other_definition(survey, decision, |definition| {
                remove_element(definition, "placementConstraints", *index)
            }),
            Lifted::MaxTasksPerInstance(_) => self.other_definition(survey, decision, |definition| {
                definition.shift_remove("maxTasksPerInstance");
                Ok(())
            }),
        }
    }

    /// Edits the call that is decided.
    fn edit_call(&mut self, change: impl FnOnce(&mut RawMap) -> serde_json::Result<()>) -> Result<(), ApplyError> {
        let missing = || ApplyError::Missing { what: "the request".to_owned() };
        let position = self.next_position().ok_or_else(missing)?;
        let raw = self.pieces.events.get_mut(position).ok_or_else(missing)?;
        let key = if object(raw)?.contains_key("runTask") { "runTask" } else { "startTask" };
        *raw = edit(raw, key, change)?;
        Ok(())
    }

    /// Registers a changed copy of the request's task definition under another family, and lets the request ask for it.
    fn other_definition(
        &mut self,
        survey: &Survey,
        decision: &Decision,
        change: impl FnOnce(&mut RawMap) -> serde_json::Result<()>,
    ) -> Result<(), ApplyError> {
        let name = decision.request.spec().definition.as_deref().unwrap_or_default();
        let mut definition = self.definition(survey, name)?;
        change(&mut definition)?;
        let of_header = survey.header.definitions.iter().map(|definition| definition.core.name());
        let names = of_header.chain(self.notes.definitions.iter().map(|(name, _)| name.as_str()));
        let families: HashSet<&str> = names.map(family_of).collect();
        let mut family = format!("{}-lifted", family_of(name));
        while families.contains(family.as_str()) {
            family.push_str("-again");
        }
        definition.retain(|key, _| !matches!(key.as_str(), "revision" | "taskDefinitionArn"));
        set(&mut definition, "family", &family)?;
        self.added.push(event(self.moment.at_ms, "registerTaskDefinition", &definition)?);
        let group = decision.request.group().to_string();
        // The container of a short form is called as its family.
        let is_short = !definition.contains_key("containerDefinitions");
        self.edit_call(|call| {
            if is_short {
                rename_container(call, family_of(name), &family)?;
            }
            set(call, "taskDefinition", &family)?;
            set(call, "group", group)
        })
    }

    /// The task definition of that name as the trace writes it.
    fn definition(&self, survey: &Survey, name: &str) -> Result<RawMap, ApplyError> {
        let missing = || ApplyError::Missing { what: format!("task definition `{name}`") };
        let of_event = self.notes.definitions.iter().find(|(known, _)| known == name);
        let raw = if let Some((_, number)) = of_event {
            let mut event = object(&self.pieces.events[self.position(*number)])?;
            event.shift_remove("registerTaskDefinition").ok_or_else(missing)?
        } else {
            let position = survey.header.definitions.iter().position(|it| it.core.name() == name);
            let mut list = self.pieces.list("taskDefinitions")?;
            let position = position.filter(|position| *position < list.len()).ok_or_else(missing)?;
            list.swap_remove(position)
        };
        let map = object(&raw)?;
        // What DescribeTaskDefinition prints has it one level below.
        match map.get("taskDefinition") {
            Some(inner) if !map.contains_key("family") => Ok(object(inner)?),
            _ => Ok(map),
        }
    }

    /// The events in the order of time.
    fn put_together(self) -> Pieces {
        let next_position = self.next_position();
        let Self { mut pieces, mut notes, moment, joining, added, .. } = self;
        let at_ms = moment.at_ms;
        let is_now = |time: &u64| *time == at_ms;
        let end_of_instant = notes.times_ms.iter().rposition(is_now).map_or(pieces.events.len(), |last| last + 1);
        let is_next_now = moment.next_event.is_some_and(|(_, next_ms)| next_ms == at_ms);
        let before_next = next_position.filter(|_| is_next_now).unwrap_or(end_of_instant);
        for (index, new) in [(end_of_instant, joining), (before_next, added)] {
            notes.times_ms.splice(index..index, new.iter().map(|_| at_ms));
            pieces.events.splice(index..index, new);
        }
        let mut timed: Vec<_> = notes.times_ms.into_iter().zip(pieces.events).collect();
        timed.sort_by_key(|(time, _)| *time);
        pieces.events = timed.into_iter().map(|(_, event)| event).collect();
        pieces
    }
}

/// Lets the overrides of a call name a container otherwise.
fn rename_container(call: &mut RawMap, from: &str, to: &str) -> serde_json::Result<()> {
    let Some(overrides) = call.get_mut("overrides") else { return Ok(()) };
    let mut of_task = object(overrides)?;
    let Some(list) = of_task.get("containerOverrides") else { return Ok(()) };
    let mut list: Vec<RawMap> = serde_json::from_str(list.get())?;
    for container in &mut list {
        if container.get("name").is_some_and(|name| text(name).as_deref() == Some(from)) {
            set(container, "name", to)?;
        }
    }
    set(&mut of_task, "containerOverrides", list)?;
    *overrides = serde_json::value::to_raw_value(&of_task)?;
    Ok(())
}

fn family_of(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(family, _)| family)
}

/// A constraint as ECS writes it. A service has none of another type.
fn constraint_json(constraint: &PlacementConstraint) -> serde_json::Value {
    match constraint {
        PlacementConstraint::MemberOf(expression) => json!({"type": "memberOf", "expression": expression.to_string()}),
        _ => json!({"type": "distinctInstance"}),
    }
}
