//! The task definitions known at a time, and which one a reference means.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::Arc;

use scheduler_core::TaskDefinition;

use super::error::TraceProblem;
use super::format::TASK_DEFINITION;
use super::json::Value;
use super::model::Definition;
use super::reading::Reading;
use super::scalar::{integer, narrow};
use super::shape::{Shape, check};
use super::suggest::nearest;

/// All revisions of all families.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions {
    families: HashMap<Box<str>, BTreeMap<u32, Arc<Definition>>>,
    /// Families with a definition that was refused; references to them are no second error.
    broken: HashSet<Box<str>>,
    /// Whether one was refused of which not even the family is known: then it may be any.
    has_unnamed_broken: bool,
}

/// Which of some definitions a reference means: `family:revision`, or `family` for its latest revision.
///
/// # Errors
/// [`TraceProblem::UnknownDefinition`], with the nearest name.
pub(crate) fn definition_of(
    reference: &str,
    definitions: impl IntoIterator<Item = Arc<Definition>>,
) -> Result<Arc<Definition>, TraceProblem> {
    let mut all = Definitions::default();
    for definition in definitions {
        if let Some(revision) = definition.core.revision() {
            all.families.entry(definition.core.family().into()).or_default().insert(revision, definition);
        }
    }
    let unknown = || TraceProblem::UnknownDefinition { name: reference.into(), nearest: None };
    all.resolve(reference)?.ok_or_else(unknown)
}

impl Definitions {
    /// Reads a checked task definition, and adds it as its revision or as the next one of its family.
    pub(super) fn register(&mut self, value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<Arc<Definition>> {
        let value = TASK_DEFINITION.unwrapped(value);
        let registered = self.read(value, reading);
        if registered.is_none() {
            self.refuse(value);
        }
        registered
    }

    /// Notes that a definition was refused.
    pub(super) fn refuse(&mut self, value: &Value<'_>) {
        let family = TASK_DEFINITION.unwrapped(value).get("family").and_then(Value::text);
        match family {
            Some(family) => {
                self.broken.insert(family.into());
            }
            None => self.refuse_unnamed(),
        }
    }

    /// Notes that a definition was refused that cannot be read at all.
    pub(super) fn refuse_unnamed(&mut self) {
        self.has_unnamed_broken = true;
    }

    fn read(&mut self, value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<Arc<Definition>> {
        let at = value.span.start;
        check_short_form(value, reading)?;
        let core: TaskDefinition = reading.core_value(value)?;
        let limit = value.get("maxTasksPerInstance").and_then(|it| NonZeroU32::new(narrow(integer(it))));
        let result = self.insert(core, |core| Definition { core, max_tasks_per_instance: limit });
        reading.ok(value.get("revision").map_or(at, |it| it.span.start), result)
    }

    fn insert(
        &mut self,
        core: TaskDefinition,
        complete: impl FnOnce(TaskDefinition) -> Definition,
    ) -> Result<Arc<Definition>, TraceProblem> {
        let family: Box<str> = core.family().into();
        let revisions = self.families.entry(family.clone()).or_default();
        let highest = revisions.last_key_value().map_or(0, |(&revision, _)| revision);
        let revision = core.revision().unwrap_or(highest.saturating_add(1));
        let Some(number) = NonZeroU32::new(revision).filter(|_| i32::try_from(revision).is_ok()) else {
            return Err(TraceProblem::NoRevisionLeft { family, revision: highest });
        };
        if revisions.contains_key(&revision) {
            return Err(TraceProblem::DuplicateRevision { family, revision });
        }
        let definition = Arc::new(complete(core.with_revision(number)));
        revisions.insert(revision, Arc::clone(&definition));
        Ok(definition)
    }

    /// The definition that `family`, `family:revision` or an ARN means now. `None`, without an error, if the trace has
    /// one that was refused.
    pub(super) fn resolve(&self, reference: &str) -> Result<Option<Arc<Definition>>, TraceProblem> {
        let (family, revision) = split(reference);
        let revisions = self.families.get(family);
        let found = match revision {
            Some(revision) => revisions.and_then(|revisions| revisions.get(&revision)),
            None => revisions.and_then(|revisions| revisions.last_key_value()).map(|(_, definition)| definition),
        };
        if found.is_some() || self.has_unnamed_broken || self.broken.contains(family) {
            return Ok(found.cloned());
        }
        let candidates = self.families.keys().map(|family| &**family);
        let nearest = match revisions.and_then(|revisions| revisions.last_key_value()) {
            Some((_, latest)) => Some(latest.core.name().into()),
            None => nearest(family, candidates),
        };
        Err(TraceProblem::UnknownDefinition { name: reference.into(), nearest })
    }

    /// As [`resolve`](Self::resolve), reported at the value.
    pub(super) fn find(&self, value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<Arc<Definition>> {
        reading.ok(value.span.start, self.resolve(value.text().unwrap_or_default())).flatten()
    }
}

/// The numbers of the short form, which ECS's own form has as text.
fn check_short_form(value: &Value<'_>, reading: &mut Reading<'_, '_>) -> Option<()> {
    if value.get("containerDefinitions").is_some() {
        return Some(());
    }
    let amounts = [("cpu", Shape::Amount("CPU units")), ("memory", Shape::Amount("MiB"))];
    let bad = amounts.iter().filter(|(key, shape)| value.get(key).is_some_and(|it| !check(it, shape, reading))).count();
    (bad == 0).then_some(())
}

/// Family and revision of a reference.
fn split(reference: &str) -> (&str, Option<u32>) {
    let name = end_of_arn(reference);
    match name.rsplit_once(':') {
        Some((family, revision)) if !revision.is_empty() && revision.bytes().all(|it| it.is_ascii_digit()) => {
            (family, Some(revision.parse().unwrap_or(0)))
        }
        _ => (name, None),
    }
}

/// The id at the end of an ARN, in its old or its long form; other names as they are.
pub(super) fn end_of_arn(name: &str) -> &str {
    if !name.starts_with("arn:") {
        return name;
    }
    name.rsplit_once('/').map_or(name, |(_, id)| id)
}
