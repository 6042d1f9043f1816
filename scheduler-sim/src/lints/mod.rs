//! Remarks on traces that are sound and may yet not mean what their authors meant.
//!
//! One pass over the events gathers the fleet, later registrations included, and each distinct request once; then
//! requests are held against the fleet. Memory: the fleet's descriptions, and at most 65,536 requests, those after them
//! are not looked at.

mod expressions;
mod fleet;
mod kinds;
mod limits;
mod strategies;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use scheduler_core::{Check, InstanceId, PlacementConstraint, PlacementRequest, Scheduler};

pub use self::kinds::{Lint, LintKind, RuleName, WithoutEffect};

use self::expressions::{expression_lints, is_decided};
use self::fleet::Fleet;
use crate::trace::{
    Action, Definition, Event, InstanceEntry, InstanceSelection, Place, ServiceEntry, Source, Survey, TaskRequest,
    TaskSelection, TraceError,
};

/// Most remarks that are kept.
pub const LINT_LIMIT: usize = 100;
/// Most requests that are looked at.
const REQUEST_LIMIT: usize = 1 << 16;
/// So many pairs of a request and an instance are tried to find instances that nobody uses.
const PAIR_LIMIT: usize = 20_000_000;

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LintOptions {
    /// Amazon ECS's own limits too.
    pub strict_ecs: bool,
}

impl LintOptions {
    /// Amazon ECS's own limits too.
    pub fn strict_ecs(mut self, strict_ecs: bool) -> Self {
        self.strict_ecs = strict_ecs;
        self
    }
}

/// The remarks on one trace, each once, at the first place that gives cause for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Lints {
    /// The first [`LINT_LIMIT`], in the order of their places.
    pub lints: Vec<Lint>,
    /// How many there are.
    pub count: u64,
    /// How many of them are Amazon ECS's limits.
    pub ecs_limit_count: u64,
    /// Whether there were more requests than are looked at.
    pub is_partial: bool,
}

/// Looks a sound trace over. `see` is shown each event, for what else one pass can find out.
///
/// # Errors
/// [`TraceError`] if the trace cannot be read again.
pub fn lint(
    source: &Source,
    survey: &Survey,
    options: LintOptions,
    mut see: impl FnMut(&Event),
) -> Result<Lints, TraceError> {
    let mut gathering = Gathering { options, ..Gathering::default() };
    gathering.header(survey);
    for event in source.events(survey)? {
        let event = event?;
        gathering.event(&event);
        see(&event);
    }
    Ok(gathering.finish(survey))
}

/// A request as it is judged, and where it stands first.
struct Use {
    place: Place,
    definition: Arc<Definition>,
    request: PlacementRequest,
}

#[derive(Default)]
struct Gathering {
    options: LintOptions,
    fleet: Fleet,
    instance_count: u64,
    service_count: u64,
    uses: Vec<Use>,
    /// Requests by address; they are kept, so that no other gets the address.
    seen: FxHashMap<usize, Arc<TaskRequest>>,
    /// Requests but for their groups.
    keys: FxHashSet<String>,
    filters: Vec<(Place, scheduler_core::Expression)>,
    messages: Messages,
}

impl Gathering {
    fn header(&mut self, survey: &Survey) {
        for entry in &survey.header.instances {
            self.instances(entry, &entry.place);
        }
        for service in &survey.header.services {
            self.service(service);
        }
    }

    fn event(&mut self, event: &Event) {
        if self.options.strict_ecs {
            self.messages.add_all(&event.place, limits::event_limits(event));
        }
        match &event.action {
            Action::RunTask(run) => self.task(&event.place, &run.request, TaskRequest::placement_request),
            Action::StartTask(start) => self.task(&event.place, &start.request, without_rules),
            Action::CreateService(service) => self.service(service),
            Action::RegisterContainerInstances(entries) => {
                entries.iter().for_each(|entry| self.instances(entry, &event.place));
            }
            Action::PutAttributes(targets) | Action::DeleteAttributes(targets) => self.fleet.change(targets),
            Action::FailContainerInstances { instances: InstanceSelection::Filter(filter), .. }
            | Action::FailTasks { tasks: TaskSelection::Filter(filter), .. }
                if self.filters.len() < LINT_LIMIT =>
            {
                self.filters.push((event.place.clone(), filter.clone()));
            }
            _ => {}
        }
    }

    fn instances(&mut self, entry: &InstanceEntry, place: &Place) {
        if self.options.strict_ecs {
            self.messages.add_all(place, limits::instance_limits(entry));
        }
        self.instance_count += u64::from(entry.count);
        self.fleet.add(entry);
    }

    fn service(&mut self, service: &ServiceEntry) {
        self.service_count += 1;
        if self.options.strict_ecs {
            let desired = limits::quota("the desired count of a service", service.service.desired_count.into());
            self.messages.add_all(&service.place, desired);
        }
        self.add(&service.place, &service.definition, service.request());
    }

    fn task(&mut self, place: &Place, request: &Arc<TaskRequest>, of: impl Fn(&TaskRequest) -> PlacementRequest) {
        if self.seen.contains_key(&(Arc::as_ptr(request) as usize)) {
            return;
        }
        if self.seen.len() >= REQUEST_LIMIT {
            self.messages.is_partial = true;
            return;
        }
        self.seen.insert(Arc::as_ptr(request) as usize, Arc::clone(request));
        self.add(place, &request.definition, of(request));
    }

    fn add(&mut self, place: &Place, definition: &Arc<Definition>, request: PlacementRequest) {
        let key = format!(
            "{:?} {:?} {:?} {:?}",
            Arc::as_ptr(definition),
            request.all_constraints(),
            request.own_strategy(),
            request.allowed_zones()
        );
        if self.uses.len() < REQUEST_LIMIT && self.keys.insert(key) {
            self.uses.push(Use { place: place.clone(), definition: Arc::clone(definition), request });
        }
    }

    fn finish(mut self, survey: &Survey) -> Lints {
        if self.options.strict_ecs {
            self.quotas(survey);
        }
        for (place, filter) in &self.filters {
            self.messages.add_all(place, expression_lints(filter, &self.fleet));
        }
        let mut used = Used::new(&self.fleet);
        for it in &self.uses {
            judge(it, &self.fleet, &mut used, &mut self.messages);
            if self.options.strict_ecs {
                let limits = limits::definition_limits(&it.definition, survey.header.settings.profile);
                self.messages.add_all(&it.place, limits);
            }
        }
        if !self.uses.is_empty() && !self.messages.is_partial {
            for (place, count) in used.unused(&self.fleet) {
                self.messages.add(&place, LintKind::NobodyUses { count });
            }
        }
        self.messages.finish()
    }

    fn quotas(&mut self, survey: &Survey) {
        let place = survey.header.instances.first().map(|entry| entry.place.clone());
        let Some(place) = place else { return };
        self.messages.add_all(&place, limits::quota("container instances", self.instance_count));
        self.messages.add_all(&place, limits::quota("services", self.service_count));
    }
}

/// StartTask asks neither constraints nor strategies.
fn without_rules(request: &TaskRequest) -> PlacementRequest {
    let core = &request.definition.core;
    let required = core.required_attributes().iter().cloned();
    required.fold(PlacementRequest::new(core.demand().clone(), request.group.clone()), |request, attribute| {
        request.required_attribute(attribute)
    })
}

fn judge(it: &Use, fleet: &Fleet, used: &mut Used, messages: &mut Messages) {
    let name = || -> Box<str> { it.definition.core.name().into() };
    let lints = it.definition.core.lints().into_iter();
    messages.add_all(&it.place, lints.map(|lint| LintKind::Definition { definition: name(), lint }));
    messages.add_all(&it.place, strategies::strategy_lints(&it.request, fleet));
    let mut is_explained = false;
    for constraint in it.request.all_constraints() {
        if let PlacementConstraint::MemberOf(expression) = constraint {
            let lints = expression_lints(expression, fleet);
            is_explained |= lints.iter().any(|kind| !matches!(kind, LintKind::Expression { .. }));
            messages.add_all(&it.place, lints);
        }
    }
    let request = decided(&it.request, fleet);
    if used.mark(&request, fleet) || fleet.origins.is_empty() {
        return;
    }
    match Scheduler::default().refusal(&fleet.cluster, &request).map(|refusal| refusal.check()) {
        Some(Check::MemberOf) if is_explained => {}
        Some(Check::MemberOf) => messages.add(&it.place, LintKind::Contradiction { definition: name() }),
        Some(check) => messages.add(&it.place, LintKind::FitsNowhere { definition: name(), check }),
        None => {}
    }
}

/// The request without what may change in the course of a run.
fn decided(request: &PlacementRequest, fleet: &Fleet) -> PlacementRequest {
    let mut kept = PlacementRequest::new(request.demand().clone(), request.group().clone());
    for attribute in request.required_attributes().iter().filter(|required| fleet.is_fixed(&required.name)) {
        kept = kept.required_attribute(attribute.clone());
    }
    if let Some(zones) = request.allowed_zones() {
        kept = kept.zones(zones.iter().cloned());
    }
    let is_decided = |constraint: &&PlacementConstraint| matches!(constraint, PlacementConstraint::MemberOf(expression) if is_decided(expression, fleet));
    kept.constraints(request.all_constraints().iter().filter(is_decided).cloned())
}

/// Which descriptions of the fleet some request can use.
struct Used {
    unused: BTreeSet<InstanceId>,
    pairs_left: usize,
}

impl Used {
    fn new(fleet: &Fleet) -> Self {
        Self { unused: fleet.cluster.instances().map(|instance| instance.id()).collect(), pairs_left: PAIR_LIMIT }
    }

    /// Marks those that the request can use. Whether there is one.
    fn mark(&mut self, request: &PlacementRequest, fleet: &Fleet) -> bool {
        if self.unused.is_empty() || self.pairs_left == 0 {
            return Scheduler::default().refusal(&fleet.cluster, request).is_none();
        }
        self.pairs_left = self.pairs_left.saturating_sub(fleet.origins.len());
        let mut is_used = false;
        for room in fleet.cluster.room_for(request).filter(|room| room.tasks != Some(0)) {
            is_used = true;
            self.unused.remove(&room.instance);
        }
        is_used
    }

    fn unused(&self, fleet: &Fleet) -> Vec<(Place, u64)> {
        if self.pairs_left == 0 {
            return Vec::new();
        }
        let instances = fleet.cluster.instances().zip(&fleet.origins);
        instances.filter(|(it, _)| self.unused.contains(&it.id())).map(|(_, origin)| origin.clone()).collect()
    }
}

/// Remarks, each once.
#[derive(Default)]
struct Messages {
    lints: Vec<Lint>,
    count: u64,
    ecs_limit_count: u64,
    known: FxHashSet<String>,
    is_partial: bool,
}

/// So many remarks are told apart; after them only the first of each place counts.
const KNOWN_LIMIT: usize = 10_000;

impl Messages {
    fn add_all(&mut self, place: &Place, kinds: impl IntoIterator<Item = LintKind>) {
        kinds.into_iter().for_each(|kind| self.add(place, kind));
    }

    fn add(&mut self, place: &Place, kind: LintKind) {
        // Where instances differ in nothing that shows, the place tells them apart.
        let text = match &kind {
            LintKind::NobodyUses { .. } => format!("{place}: {kind}"),
            LintKind::Limit { what, .. } => (*what).to_owned(),
            _ => kind.to_string(),
        };
        if self.known.contains(&text) || self.known.len() >= KNOWN_LIMIT {
            return;
        }
        self.known.insert(text);
        self.count += 1;
        self.ecs_limit_count += u64::from(kind.is_ecs_limit());
        if self.lints.len() < LINT_LIMIT {
            self.lints.push(Lint { place: place.clone(), kind });
        }
    }

    fn finish(mut self) -> Lints {
        self.lints.sort_by_key(|lint| (lint.place.line, lint.place.column));
        let Self { lints, count, ecs_limit_count, is_partial, .. } = self;
        Lints { lints, count, ecs_limit_count, is_partial }
    }
}
