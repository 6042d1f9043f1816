//! Class 1: the request has one rule less.
//!
//! All are of one size: they come in the order in which the request has them, those of the task definition first, the
//! zones of its subnets last. Of a service only its own constraints can go: another task definition, or other subnets,
//! would be a deployment.

use std::ops::ControlFlow;
use std::sync::Arc;

use scheduler_core::PlacementConstraint;

use super::change::{Change, Lifted};
use super::search::Search;
use crate::simulation::Addition;
use crate::trace::{Action, Definition, RunTask, StartTask, TaskRequest, UpdateService};

pub(super) fn search(search: &mut Search<'_, '_>) -> ControlFlow<()> {
    for (lifted, addition) in lifts(search) {
        search.offer(Change::Lift(lifted), &[addition])?;
    }
    ControlFlow::Continue(())
}

fn lifts(search: &Search<'_, '_>) -> Vec<(Lifted, Addition)> {
    let refusal = search.refusal;
    if refusal.decision.event.is_none() {
        return of_service(search);
    }
    match refusal.halted.next_event.as_ref().map(|event| &event.action) {
        Some(Action::RunTask(run)) => {
            let instead =
                |request| Addition::Instead(Action::RunTask(RunTask { request: Arc::new(request), ..run.clone() }));
            let all = of_request(&run.request).into_iter();
            all.map(|(lifted, request)| (lifted, instead(request))).collect()
        }
        Some(Action::StartTask(start)) => {
            let instead = |request| {
                Addition::Instead(Action::StartTask(StartTask { request: Arc::new(request), ..start.clone() }))
            };
            // The other constraints are not asked.
            let zones = without_zones(&start.request);
            zones.into_iter().map(|(lifted, request)| (lifted, instead(request))).collect()
        }
        _ => Vec::new(),
    }
}

fn of_request(request: &TaskRequest) -> Vec<(Lifted, TaskRequest)> {
    let mut lifts = Vec::new();
    let definition = &request.definition;
    let with_definition = |definition: Definition| TaskRequest { definition: Arc::new(definition), ..request.clone() };
    for (index, expression) in definition.core.placement_constraints().iter().enumerate() {
        let core = definition.core.clone().without_placement_constraint(index);
        let lifted = Lifted::OfDefinition { index, expression: expression.to_string() };
        lifts.push((lifted, with_definition(Definition { core, ..(**definition).clone() })));
    }
    for (index, constraint) in request.constraints.iter().enumerate() {
        let mut without = request.clone();
        without.constraints.remove(index);
        let lifted = match constraint {
            PlacementConstraint::MaxTasksPerInstance(limit) => {
                without.definition = Arc::new(Definition { max_tasks_per_instance: None, ..(**definition).clone() });
                Lifted::MaxTasksPerInstance(limit.get())
            }
            _ => Lifted::OfRequest { index, constraint: constraint.clone() },
        };
        lifts.push((lifted, without));
    }
    lifts.extend(without_zones(request));
    lifts
}

fn without_zones(request: &TaskRequest) -> Option<(Lifted, TaskRequest)> {
    let zones = request.zones.clone()?;
    Some((Lifted::Zones(zones), TaskRequest { zones: None, ..request.clone() }))
}

fn of_service(search: &Search<'_, '_>) -> Vec<(Lifted, Addition)> {
    let refusal = search.refusal;
    let service = refusal.task.rsplit_once('/').map_or(refusal.task, |(service, _)| service);
    let constraints = refusal.halted.service_constraints(service).unwrap_or_default();
    let lift = |index: usize| {
        let mut left = constraints.clone();
        left.remove(index);
        let update = UpdateService {
            service: service.into(),
            desired_count: None,
            definition: None,
            constraints: Some(left),
            strategy: None,
            zones: None,
            minimum_healthy_percent: None,
            maximum_percent: None,
            availability_zone_rebalancing: None,
            load_balancer_count: None,
            force_new_deployment: false,
        };
        let lifted = Lifted::OfService { service: service.to_owned(), index, constraints: constraints.clone() };
        (lifted, Addition::Event(Action::UpdateService(Box::new(update))))
    };
    (0..constraints.len()).map(lift).collect()
}
