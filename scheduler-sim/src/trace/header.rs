//! The first part of a trace: all but its events.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::definitions::end_of_arn;
use super::error::TraceProblem;
use super::fleet::Fleet;
use super::format::{DOCUMENT, INSTANCE, INSTANCE_LIMIT, SERVICE, SETTINGS, TASK, TASK_DEFINITION};
use super::instances::{ReadInstance, TakenByTasks, read_instance};
use super::json::{Kind, Member, Parser, Span, SyntaxError, Value};
use super::model::{Definition, Header, InstanceEntry, RunningTask, ServiceEntry};
use super::place::Place;
use super::reading::Reading;
use super::requests::{read_group, with_overrides};
use super::resolver::Resolver;
use super::scalar::{milliseconds, moment};
use super::services::read_service;
use super::settings::Settings;
use super::shape::{Object, Shape, check, check_unsupported, is_note, unknown_key};

/// The document's keys, with the span of each value.
pub(super) struct Outline<'a> {
    members: Vec<(std::borrow::Cow<'a, str>, usize, Span)>,
    at: usize,
}

/// Finds the keys of the document that starts at a byte of the text, after which nothing may follow.
pub(super) fn outline<'a>(at: usize, reading: &mut Reading<'a, '_>) -> Option<Outline<'a>> {
    let mut parser = Parser::new(reading.located.text, at, 0);
    parser.skip_space();
    let start = parser.at;
    if parser.peek() != Some(b'{') {
        if let Some(value) = reading.parse(start..reading.located.text.len(), 0) {
            let problem =
                TraceProblem::WrongType { expected: "a trace, which is an object".into(), found: value.type_name() };
            reading.error(start, problem);
        }
        return None;
    }
    let mut members = Vec::new();
    let walked = parser.walk_object(|parser, key, key_at| {
        members.push((key, key_at, parser.skip()?));
        Ok::<(), SyntaxError>(())
    });
    reading.syntax(walked.and_then(|()| parser.end()))?;
    Some(Outline { members, at: start })
}

impl Outline<'_> {
    /// The span of a key's value, `null` or not.
    pub(super) fn span(&self, key: &str) -> Option<Span> {
        self.members.iter().find(|(name, ..)| name == key).map(|(.., span)| span.clone())
    }

    /// The place of a key.
    pub(super) fn key_at(&self, key: &str) -> Option<usize> {
        self.members.iter().find(|(name, ..)| name == key).map(|&(_, key_at, _)| key_at)
    }
}

/// Reads all but the events, whose span is left to the caller, and fills the resolver for them.
pub(super) fn read_header(
    outline: &Outline<'_>,
    file_title: &str,
    resolver: &mut Resolver,
    reading: &mut Reading<'_, '_>,
) -> Header {
    check_keys(outline, reading);
    check_version(outline, reading);
    let name = single(outline, "name", &Shape::Name, reading);
    let settings = single(outline, "settings", &Shape::Object(&SETTINGS), reading);
    let settings = settings.map(|value| Settings::read(&value, reading)).unwrap_or_default();
    resolver.epoch_ms = settings.epoch_ms;
    let definitions = read_definitions(outline, resolver, reading);
    let (read, is_fleet_sound) = read_fleet(outline, resolver, reading);
    let entries: Vec<_> = read.iter().map(|read| read.entry.clone()).collect();
    let (fleet, problems) = Fleet::new(&entries);
    for (place, problem) in problems {
        reading.messages.error_at(Some(place), problem);
    }
    if fleet.total() > INSTANCE_LIMIT {
        let at = outline.span("containerInstances").map_or(outline.at, |span| span.start);
        reading.error(at, TraceProblem::TooManyInstances { count: fleet.total(), limit: INSTANCE_LIMIT });
    }
    let subnets = single(outline, "subnets", &Shape::Map(&Shape::Name), reading);
    resolver.subnets.listed = subnets.as_ref().map(read_subnets).unwrap_or_default();
    let tasks = read_tasks(outline, &fleet, is_fleet_sound, resolver, reading);
    let instances = finish_fleet(read, &fleet, &tasks, reading);
    let services = read_services(outline, resolver, reading);
    Header {
        name: name.as_ref().and_then(Value::text).unwrap_or(file_title).into(),
        settings,
        instances,
        definitions,
        tasks,
        services,
        subnets: resolver.subnets.listed.clone(),
    }
}

/// Unknown keys, keys given twice, and keys of parts that there are not yet.
fn check_keys(outline: &Outline<'_>, reading: &mut Reading<'_, '_>) {
    let names: Vec<_> = DOCUMENT.keys.iter().map(|known| known.name).collect();
    let mut seen = HashSet::new();
    for (key, key_at, span) in &outline.members {
        let known = DOCUMENT.keys.iter().find(|known| known.name == key);
        if !seen.insert(&**key) {
            // One that nobody knows is an error where it stands first.
            if known.is_some() || is_note(key) || reading.messages.is_lenient {
                reading.duplicate_key(*key_at, key);
            }
            continue;
        }
        if known.is_some_and(|known| !matches!(known.shape, Shape::Unsupported)) {
            continue;
        }
        // Nobody else reads the value: whether it is JSON is found here.
        let Some(value) = reading.parse(span.clone(), 1) else { continue };
        match known {
            Some(known) => check_unsupported(known.name, &value, *key_at, reading),
            None if is_note(key) => true,
            None => unknown_key(DOCUMENT.name, key, *key_at, &names, reading),
        };
    }
}

fn check_version(outline: &Outline<'_>, reading: &mut Reading<'_, '_>) {
    if outline.span("version").is_none_or(|span| &reading.located.text[span] == "null") {
        reading.error(outline.at, TraceProblem::MissingVersion);
    }
    single(outline, "version", &Shape::Version, reading);
}

/// The checked value of a key.
fn single<'a>(outline: &Outline<'_>, key: &str, shape: &Shape, reading: &mut Reading<'a, '_>) -> Option<Value<'a>> {
    let value = reading.parse(outline.span(key)?, 1)?;
    (value.kind != Kind::Null && check(&value, shape, reading)).then_some(value)
}

/// Calls `each` with the elements of a list, one by one, until it is told to stop by too many errors. The second
/// argument tells whether the element has passed the check. True if none was left out, because it is no JSON, say.
fn for_each_element<'a>(
    outline: &Outline<'_>,
    key: &str,
    object: &'static Object,
    reading: &mut Reading<'a, '_>,
    mut each: impl FnMut(&Value<'a>, bool, &mut Reading<'a, '_>),
) -> bool {
    let errors_before = reading.messages.errors.len();
    let spans = element_spans(outline, key, reading);
    let mut is_whole = reading.messages.errors.len() == errors_before;
    for span in spans {
        if reading.messages.is_full() {
            return false;
        }
        match reading.parse(span, 2) {
            Some(value) => {
                let is_good = check(&value, &Shape::Object(object), reading);
                each(&value, is_good, reading);
            }
            None => is_whole = false,
        }
    }
    is_whole
}

/// The spans of the elements of a key's list; none where there is no list.
pub(super) fn element_spans(outline: &Outline<'_>, key: &str, reading: &mut Reading<'_, '_>) -> Vec<Span> {
    let Some(span) = outline.span(key) else { return Vec::new() };
    let text = &reading.located.text[..span.end];
    let mut spans = Vec::new();
    if text.as_bytes().get(span.start) != Some(&b'[') {
        if let Some(value) = reading.parse(span, 1).filter(|value| value.kind != Kind::Null) {
            let problem = TraceProblem::WrongType { expected: "a list".into(), found: value.type_name() };
            reading.error(value.span.start, problem);
        }
        return spans;
    }
    let walked = Parser::new(text, span.start, 1).walk_list(|parser| {
        spans.push(parser.skip()?);
        Ok::<(), SyntaxError>(())
    });
    reading.syntax(walked);
    spans
}

fn read_definitions(
    outline: &Outline<'_>,
    resolver: &mut Resolver,
    reading: &mut Reading<'_, '_>,
) -> Vec<Arc<Definition>> {
    let mut definitions = Vec::new();
    let is_whole =
        for_each_element(outline, "taskDefinitions", &TASK_DEFINITION, reading, |value, is_good, reading| {
            if is_good {
                definitions.extend(resolver.definitions.register(value, reading));
            } else {
                resolver.definitions.refuse(value);
            }
        });
    if !is_whole {
        resolver.definitions.refuse_unnamed();
    }
    definitions
}

fn read_fleet(
    outline: &Outline<'_>,
    resolver: &mut Resolver,
    reading: &mut Reading<'_, '_>,
) -> (Vec<ReadInstance>, bool) {
    let mut read = Vec::new();
    let mut is_sound = true;
    let now_ms = resolver.epoch_ms;
    let is_whole = for_each_element(outline, "containerInstances", &INSTANCE, reading, |value, is_good, reading| {
        let instance = if is_good { read_instance(value, now_ms, &mut resolver.aliases, reading) } else { None };
        is_sound &= instance.is_some();
        if let Some((subnet, zone)) = instance.as_ref().and_then(ReadInstance::subnet) {
            resolver.subnets.learn(subnet, zone);
        }
        read.extend(instance);
    });
    (read, is_sound && is_whole)
}

fn read_subnets(value: &Value<'_>) -> IndexMap<Box<str>, Box<str>> {
    let pair = |member: &Member<'_>| Some(((&*member.key).into(), member.value.text()?.into()));
    value.members().iter().filter_map(pair).collect()
}

fn read_tasks(
    outline: &Outline<'_>,
    fleet: &Fleet,
    is_fleet_sound: bool,
    resolver: &mut Resolver,
    reading: &mut Reading<'_, '_>,
) -> Vec<RunningTask> {
    let mut tasks: Vec<(Option<i64>, RunningTask)> = Vec::new();
    let mut names: HashMap<Arc<str>, Place> = HashMap::new();
    for_each_element(outline, "tasks", &TASK, reading, |value, is_good, reading| {
        let is_stopped = |key| value.get(key).and_then(Value::text) == Some("STOPPED");
        if !is_good || is_stopped("desiredStatus") || is_stopped("lastStatus") {
            return;
        }
        let Some((started_at_ms, task)) = read_task(value, resolver, reading) else { return };
        if is_fleet_sound && fleet.find(&task.instance).is_none() {
            let at = value.get("containerInstanceArn").map_or(value.span.start, |it| it.span.start);
            reading.error(at, TraceProblem::UnknownInstance { name: (&*task.instance).into() });
            return;
        }
        if let Some(first) = names.insert(Arc::clone(&task.name), task.place.clone()) {
            let name = (&*task.name).into();
            reading.error(value.span.start, TraceProblem::DuplicateTask { name, first });
            return;
        }
        tasks.push((started_at_ms, task));
    });
    tasks.sort_by_key(|&(started_at_ms, _)| started_at_ms.unwrap_or(i64::MAX));
    tasks.into_iter().map(|(_, task)| task).collect()
}

fn read_task(
    value: &Value<'_>,
    resolver: &Resolver,
    reading: &mut Reading<'_, '_>,
) -> Option<(Option<i64>, RunningTask)> {
    let definition = resolver.definitions.find(value.get("taskDefinitionArn")?, reading)?;
    let Some(instance) = value.get("containerInstanceArn").and_then(Value::text) else {
        reading.error(value.span.start, TraceProblem::TaskWithoutInstance);
        return None;
    };
    let group = match value.get("group") {
        // A snapshot names the tasks of services: no warning.
        Some(group) if group.text().is_some_and(|text| text.starts_with("service:")) => {
            reading.ok(group.span.start, scheduler_core::TaskGroup::new(group.text()?))?
        }
        Some(group) => read_group(group, reading)?,
        None => definition.core.family_group(),
    };
    let started_at_ms = match value.get("startedAt") {
        Some(started_at) => Some(moment(started_at, reading)?),
        None => None,
    };
    let task = RunningTask {
        name: end_of_arn(value.get("taskArn")?.text()?).into(),
        definition: with_overrides(value, definition, reading)?,
        group,
        instance: resolver.aliases.shown(instance),
        ends_at_ms: value.get("durationSeconds").map(milliseconds),
        place: reading.place(value.span.start),
    };
    Some((started_at_ms, task))
}

/// The fleet with its foreign loads, which need the tasks.
fn finish_fleet(
    read: Vec<ReadInstance>,
    fleet: &Fleet,
    tasks: &[RunningTask],
    reading: &mut Reading<'_, '_>,
) -> Vec<InstanceEntry> {
    let mut taken: HashMap<usize, TakenByTasks> = HashMap::new();
    for task in tasks {
        if let Some(index) = fleet.find(&task.instance) {
            taken.entry(index).or_default().add(task.definition.core.demand(), read[index].registered_gpus());
        }
    }
    let nothing = TakenByTasks::default();
    let finished = read
        .into_iter()
        .enumerate()
        .filter_map(|(index, read)| read.with_foreign_load(taken.get(&index).unwrap_or(&nothing), reading));
    finished.collect()
}

fn read_services(outline: &Outline<'_>, resolver: &Resolver, reading: &mut Reading<'_, '_>) -> Vec<ServiceEntry> {
    let mut services = Vec::new();
    let mut names: HashMap<Box<str>, Place> = HashMap::new();
    for_each_element(outline, "services", &SERVICE, reading, |value, is_good, reading| {
        let service =
            if is_good { read_service(value, &resolver.definitions, &resolver.subnets, reading) } else { None };
        let Some(service) = service else { return };
        let name: Box<str> = service.service.name().into();
        if let Some(first) = names.insert(name.clone(), service.place.clone()) {
            reading.error(value.span.start, TraceProblem::DuplicateService { name, first });
            return;
        }
        services.push(service);
    });
    services
}
