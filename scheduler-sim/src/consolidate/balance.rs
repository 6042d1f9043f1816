//! The balance of services over their Availability Zones: a move must not make it worse.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use scheduler_core::{PlacementRequest, TaskGroup, TaskKind};

use crate::simulation::{ServiceStanding, State};

/// Tasks of each service by zone, and how uneven they may be.
#[derive(Debug, Clone, Default)]
pub(super) struct Balance(FxHashMap<TaskGroup, Service>);

#[derive(Debug, Clone)]
struct Service {
    /// As the service has [them](ServiceStanding::zones).
    zones: BTreeMap<Box<str>, u32>,
    /// The most tasks that the fullest zone may have more than the emptiest.
    limit: u32,
}

impl Balance {
    /// The services as they stand: none may become more uneven than it is, or than 1.
    pub(super) fn new(state: &State) -> Self {
        let mut services = FxHashMap::default();
        for ServiceStanding { request, zones, .. } in &state.services {
            let limit = difference(zones).max(1);
            services.insert(request.group().clone(), Service { zones: zones.clone(), limit });
        }
        Self(services)
    }

    /// Takes over a move of a task between two zones, unless its service would become too uneven: then nothing changes. A
    /// task of no service may go anywhere.
    pub(super) fn admit(&mut self, request: &PlacementRequest, from: &str, to: &str) -> bool {
        let Some(service) = self.service_of(request).filter(|_| from != to) else { return true };
        service.shift(from, to);
        let is_even = difference(&service.zones) <= service.limit;
        if !is_even {
            service.shift(to, from);
        }
        is_even
    }

    /// Takes back a move that was admitted.
    pub(super) fn take_back(&mut self, request: &PlacementRequest, from: &str, to: &str) {
        if let Some(service) = self.service_of(request).filter(|_| from != to) {
            service.shift(to, from);
        }
    }

    /// The service of a task. Standalone ones may be of its group, too (C-46).
    fn service_of(&mut self, request: &PlacementRequest) -> Option<&mut Service> {
        let is_of_service = request.spec().kind == TaskKind::Replica;
        if is_of_service { self.0.get_mut(request.group()) } else { None }
    }
}

impl Service {
    fn shift(&mut self, from: &str, to: &str) {
        if let Some(count) = self.zones.get_mut(from) {
            *count -= 1;
        }
        if let Some(count) = self.zones.get_mut(to) {
            *count += 1;
        }
    }
}

/// Tasks in the fullest zone minus those in the emptiest.
fn difference(zones: &BTreeMap<Box<str>, u32>) -> u32 {
    let (most, least) = (zones.values().max(), zones.values().min());
    most.zip(least).map_or(0, |(most, least)| most - least)
}
