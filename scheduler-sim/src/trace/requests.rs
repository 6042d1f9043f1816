//! What requests of tasks and services have in common: constraints, strategies, groups, zones; and their sharing.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use scheduler_core::{
    CONSTRAINT_LIMIT, ConstraintError, PlacementConstraint, PlacementStrategy, RequestError, Strategy, StrategyChain,
    TaskDefinition, TaskGroup, TaskOverrides,
};

use super::definitions::Definitions;
use super::error::TraceProblem;
use super::json::{Kind, Value};
use super::model::{Definition, TaskRequest};
use super::reading::Reading;

/// Most requests that are kept to be shared.
const SHARED_LIMIT: usize = 1 << 16;

/// Most subnets of one request (API: `AwsVpcConfiguration`).
const SUBNET_LIMIT: usize = 16;

/// The keys of RunTask and StartTask that decide about a request, but for the task definition.
const KEYS: [&str; 5] = ["group", "placementConstraints", "placementStrategy", "networkConfiguration", "overrides"];

/// Requests by how they are written, so that those written alike share one.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedRequests {
    shared: HashMap<Vec<u8>, Arc<TaskRequest>>,
    /// Those of them that are a task definition's name and perhaps a group, by both.
    named: HashMap<String, Arc<TaskRequest>>,
    /// Where keys of the latter are put together.
    key: String,
}

impl SharedRequests {
    /// Forgets all, when what they were resolved with has changed.
    pub(super) fn clear(&mut self) {
        self.shared.clear();
        self.forget_names();
    }

    /// Forgets what names of task definitions meant.
    pub(super) fn forget_names(&mut self) {
        self.named.clear();
    }

    /// The request for a task definition and perhaps a group that was asked for in the same words before.
    pub(super) fn known(&mut self, definition: &str, group: Option<&str>) -> Option<Arc<TaskRequest>> {
        self.put_key(definition, group);
        self.named.get(&self.key).cloned()
    }

    /// Takes note of what a task definition's name and a group came to.
    pub(super) fn remember(&mut self, definition: &str, group: Option<&str>, request: &Arc<TaskRequest>) {
        self.put_key(definition, group);
        self.named.insert(self.key.clone(), Arc::clone(request));
    }

    fn put_key(&mut self, definition: &str, group: Option<&str>) {
        self.key.clear();
        self.key.push_str(definition);
        if let Some(group) = group {
            // Neither holds a line's end.
            self.key.push('\n');
            self.key.push_str(group);
        }
    }

    /// The request of a checked RunTask or StartTask.
    pub(super) fn read(
        &mut self,
        value: &Value<'_>,
        definitions: &Definitions,
        subnets: &Subnets,
        reading: &mut Reading<'_, '_>,
    ) -> Option<Arc<TaskRequest>> {
        let definition = definitions.find(value.get("taskDefinition")?, reading)?;
        let key = key_of(value, &definition, reading.located.text);
        if let Some(shared) = self.shared.get(&key) {
            return Some(Arc::clone(shared));
        }
        let request = Arc::new(read_request(value, definition, subnets, reading)?);
        if self.shared.len() >= SHARED_LIMIT {
            self.clear();
        }
        self.shared.insert(key, Arc::clone(&request));
        Some(request)
    }
}

/// The definition's address, which nothing else has while the trace is read, and the texts of the other keys.
fn key_of(value: &Value<'_>, definition: &Arc<Definition>, text: &str) -> Vec<u8> {
    let mut key = (Arc::as_ptr(definition) as usize).to_ne_bytes().to_vec();
    for name in KEYS {
        // No text of JSON contains this byte.
        key.push(0xff);
        if let Some(part) = value.get(name) {
            key.extend_from_slice(text[part.span.clone()].as_bytes());
        }
    }
    key
}

fn read_request(
    value: &Value<'_>,
    definition: Arc<Definition>,
    subnets: &Subnets,
    reading: &mut Reading<'_, '_>,
) -> Option<TaskRequest> {
    check_launch_type(value, reading)?;
    let group = match value.get("group") {
        Some(group) => read_group(group, reading)?,
        None => definition.core.family_group(),
    };
    let mut constraints = read_constraints(value, reading)?.unwrap_or_default();
    if let Some(limit) = definition.max_tasks_per_instance {
        constraints.push(PlacementConstraint::MaxTasksPerInstance(limit));
    }
    let strategy = read_strategy(value, reading)?.flatten();
    let zones = subnets.zones(value, &definition.core, reading)?;
    let definition = with_overrides(value, definition, reading)?;
    let request = TaskRequest { definition, group, constraints, strategy, zones };
    reading.ok(value.span.start, request.placement_request().validate())?;
    Some(request)
}

/// A group, with a warning for one of a service.
pub(super) fn read_group(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<TaskGroup> {
    let group = reading.ok(value.span.start, TaskGroup::new(value.text()?))?;
    if group.is_service() {
        reading.warn(value.span.start, TraceProblem::GroupOfService { group: group.as_str().into() });
    }
    Some(group)
}

/// Tasks run on EC2 here.
pub(super) fn check_launch_type(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<()> {
    match value.get("launchType") {
        Some(given) if given.text() != Some("EC2") => {
            let found = given.text().unwrap_or_default().chars().take(80).collect::<String>().into();
            reading.error(given.span.start, TraceProblem::LaunchType { found });
            None
        }
        _ => Some(()),
    }
}

/// The definition with the request's overrides, if it has any.
pub(super) fn with_overrides(
    value: &Value<'_>,
    definition: Arc<Definition>,
    reading: &mut Reading<'_, '_>,
) -> Option<Arc<Definition>> {
    let Some(overrides) = value.get("overrides") else { return Some(definition) };
    let read: TaskOverrides = reading.core_value(overrides)?;
    if read.is_empty() {
        return Some(definition);
    }
    let core: TaskDefinition = reading.ok(overrides.span.start, definition.core.with_overrides(&read))?;
    Some(Arc::new(Definition { core, ..(*definition).clone() }))
}

/// `placementConstraints`, if they are given.
#[expect(clippy::option_option, reason = "broken, not given, given")]
pub(super) fn read_constraints(
    value: &Value<'_>,
    reading: &mut Reading<'_, '_>,
) -> Option<Option<Vec<PlacementConstraint>>> {
    let Some(list) = value.get("placementConstraints") else { return Some(None) };
    let given = list.elements().len();
    if given > CONSTRAINT_LIMIT {
        // Before anything is compiled; with those of the task definition they are counted again.
        reading.error(list.span.start, RequestError::TooManyConstraints { given, limit: CONSTRAINT_LIMIT });
        return None;
    }
    let constraints: Vec<_> = list.elements().iter().map(|element| read_constraint(element, reading)).collect();
    constraints.into_iter().collect::<Option<Vec<_>>>().map(Some)
}

fn read_constraint(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<PlacementConstraint> {
    let kind = text_of(value, "type", reading)?.unwrap_or_default();
    let expression = text_of(value, "expression", reading)?;
    match PlacementConstraint::from_ecs(kind, expression) {
        Ok(constraint) => Some(constraint),
        Err(error) => {
            let at = match (&error, value.get("expression")) {
                (ConstraintError::Expression(error), Some(expression)) => inside(expression, error.span.start),
                _ => value.span.start,
            };
            reading.error(at, error);
            None
        }
    }
}

/// The byte of a text's value at `offset`, as near as the text's escapes let it be told.
pub(super) fn inside(value: &Value<'_>, offset: usize) -> usize {
    match value.kind {
        Kind::Text(Cow::Borrowed(_)) => value.span.start + 1 + offset,
        _ => value.span.start,
    }
}

#[expect(clippy::option_option, reason = "broken, not given, given")]
/// A text below one of ECS's objects, whose scalars the table does not check.
fn text_of<'v>(value: &'v Value<'_>, key: &str, reading: &mut Reading<'_, '_>) -> Option<Option<&'v str>> {
    match value.get(key) {
        None => Some(None),
        Some(given) => {
            let problem = || TraceProblem::WrongType { expected: "a text".into(), found: given.type_name() };
            reading.ok(given.span.start, given.text().ok_or_else(problem)).map(Some)
        }
    }
}

/// `placementStrategy`, if it is given; an empty list is none.
#[expect(clippy::option_option, reason = "broken, not given, given as none")]
pub(super) fn read_strategy(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<Option<Option<Strategy>>> {
    let Some(list) = value.get("placementStrategy") else { return Some(None) };
    let rules: Vec<_> = list.elements().iter().map(|element| read_rule(element, reading)).collect();
    let rules = rules.into_iter().collect::<Option<Vec<_>>>()?;
    if rules.is_empty() {
        return Some(Some(None));
    }
    let chain = reading.ok(list.span.start, StrategyChain::new(rules))?;
    Some(Some(Some(Strategy::Chain(chain))))
}

fn read_rule(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<PlacementStrategy> {
    let kind = text_of(value, "type", reading)?.unwrap_or_default();
    let field = text_of(value, "field", reading)?;
    reading.ok(value.span.start, PlacementStrategy::from_ecs(kind, field))
}

/// Subnets and their Availability Zones: those listed, and those of instances.
#[derive(Debug, Clone, Default)]
pub(super) struct Subnets {
    pub(super) listed: indexmap::IndexMap<Box<str>, Box<str>>,
    pub(super) of_instances: HashMap<Box<str>, Box<str>>,
}

impl Subnets {
    /// Notes the zone of a subnet that an instance is in. True if the subnet was unknown so far.
    pub(super) fn learn(&mut self, subnet: &str, zone: &str) -> bool {
        if self.of_instances.contains_key(subnet) {
            return false;
        }
        self.of_instances.insert(subnet.into(), zone.into());
        true
    }

    /// The zones that the subnets of a request restrict its tasks to; none for tasks without a network interface of
    /// their own, nor where the zone of a subnet is not known.
    #[expect(clippy::option_option, reason = "broken, not restricted, restricted")]
    pub(super) fn zones(
        &self,
        value: &Value<'_>,
        definition: &TaskDefinition,
        reading: &mut Reading<'_, '_>,
    ) -> Option<Option<Vec<Box<str>>>> {
        let vpc = value.get("networkConfiguration").and_then(|it| it.get("awsvpcConfiguration"));
        let Some(subnets) = vpc.and_then(|vpc| vpc.get("subnets")).filter(|_| definition.demand().needs_eni) else {
            return Some(None);
        };
        let count = subnets.elements().len();
        if count > SUBNET_LIMIT {
            reading.error(subnets.span.start, TraceProblem::TooManySubnets { count });
            return None;
        }
        let mut zones: Vec<Box<str>> = Vec::new();
        let mut all_known = true;
        for element in subnets.elements() {
            let Some(subnet) = element.text() else {
                let problem = TraceProblem::WrongType { expected: "a subnet id".into(), found: element.type_name() };
                reading.error(element.span.start, problem);
                return None;
            };
            match self.listed.get(subnet).or_else(|| self.of_instances.get(subnet)) {
                Some(zone) if zones.contains(zone) => {}
                Some(zone) => zones.push(zone.clone()),
                None => {
                    all_known = false;
                    let subnet = subnet.chars().take(255).collect::<String>().into();
                    reading.warn(element.span.start, TraceProblem::UnknownSubnet { subnet });
                }
            }
        }
        Some(Some(zones).filter(|zones| all_known && !zones.is_empty()))
    }
}
