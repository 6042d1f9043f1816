//! What UpdateService changes of a service.

use std::sync::Arc;

use crate::trace::{ServiceEntry, UpdateService};

impl UpdateService {
    /// Makes the service what the call wants it to be; what the call leaves out stays.
    pub(crate) fn apply_to(&self, entry: &mut ServiceEntry) {
        let service = &mut entry.service;
        if let Some(desired_count) = self.desired_count {
            service.desired_count = desired_count;
        }
        if let Some(constraints) = &self.constraints {
            service.constraints.clone_from(constraints);
        }
        if let Some(strategy) = &self.strategy {
            service.strategy.clone_from(strategy);
        }
        service.minimum_healthy_percent = self.minimum_healthy_percent.or(service.minimum_healthy_percent);
        service.maximum_percent = self.maximum_percent.or(service.maximum_percent);
        let rebalancing = self.availability_zone_rebalancing.or(service.availability_zone_rebalancing);
        service.availability_zone_rebalancing = rebalancing;
        if let Some(definition) = &self.definition {
            entry.definition = Arc::clone(definition);
        }
        if let Some(zones) = &self.zones {
            entry.zones.clone_from(zones);
        }
        if let Some(count) = self.load_balancer_count {
            entry.load_balancer_count = count;
        }
    }
}
