//! The curve of GPU allocation (`--curve gpu-allocation`): how much of the fleet's GPUs is used, and how much of the rest is
//! fragmented, over the demand that has arrived. It is what the study of FGD draws.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use scheduler_core::{Attributes, Cause, Change, InstanceId, ReleaseOn};

use super::fragmentation::gpus_left;
use super::{Arrival, Context, Curve, CurvePoint};
use crate::outcome::{Observation, Observer};
use crate::policy::TypicalTasks;

/// What the measure asks of an instance.
struct Instance {
    /// Thousandths left of each GPU.
    gpus: Vec<u32>,
    model: Box<str>,
    fragmented_milli: f64,
}

/// Draws the curve while a run goes on.
pub struct GpuAllocation {
    typical: Arc<TypicalTasks>,
    release_on: ReleaseOn,
    /// In the order of registration, in which they are added up.
    instances: IndexMap<InstanceId, Instance, FxBuildHasher>,
    registered_milli: u64,
    used_milli: u64,
    arrived_milli: u64,
    /// From the first arrival on, of the fleet that was there then.
    curve: Option<Curve>,
}

impl GpuAllocation {
    /// The curve of a run that is about to start.
    pub fn new(context: &Context) -> Self {
        Self {
            typical: Arc::clone(&context.typical),
            release_on: context.release_on,
            instances: IndexMap::default(),
            registered_milli: 0,
            used_milli: 0,
            arrived_milli: 0,
            curve: None,
        }
    }

    /// The run is over.
    pub fn finish(self) -> Vec<CurvePoint> {
        self.curve.map(|curve| curve.points()).unwrap_or_default()
    }

    fn change(&mut self, change: &Change) {
        let milli = |totals: Option<scheduler_core::InstanceTotals>| {
            totals.map_or((0, 0), |it| (u64::from(it.registered.gpu_milli), u64::from(it.used.gpu_milli)))
        };
        let (before, after) = (milli(change.before), milli(change.after));
        self.registered_milli = self.registered_milli + after.0 - before.0;
        self.used_milli = self.used_milli + after.1 - before.1;
        let Some(totals) = change.after else {
            self.instances.shift_remove(&change.instance);
            return;
        };
        if let Cause::Registered(description) | Cause::Returned(description) = &change.cause {
            let instance = Instance {
                gpus: gpus_left(description),
                model: self.model(description.attributes()),
                fragmented_milli: 0.0,
            };
            self.instances.insert(change.instance, instance);
        }
        let model = match &change.cause {
            Cause::AttributesChanged(attributes) => Some(self.model(attributes)),
            _ => None,
        };
        let Some(instance) = self.instances.get_mut(&change.instance) else { return };
        if let Some(model) = model {
            instance.model = model;
        }
        let is_given_back = match change.cause {
            Cause::Started => Some(false),
            Cause::Stopped => (self.release_on == ReleaseOn::DesiredStopped).then_some(true),
            Cause::Lost | Cause::Released => Some(true),
            _ => None,
        };
        if let (Some(is_given_back), Some(task)) = (is_given_back, &change.task) {
            let milli = task.spec.demand.gpus.milli_of_each();
            for index in task.gpu_indices.iter() {
                if let Some(left) = instance.gpus.get_mut(index) {
                    *left = if is_given_back { *left + milli } else { left.saturating_sub(milli) };
                }
            }
        }
        let cpu_units = totals.registered.cpu_units - totals.used.cpu_units;
        instance.fragmented_milli = self.typical.measure(cpu_units, &instance.gpus, &instance.model);
    }

    fn model(&self, attributes: &Attributes) -> Box<str> {
        self.typical.model_among(attributes).into()
    }

    fn arrive(&mut self, wanted_milli: u64) {
        self.arrived_milli = self.arrived_milli.saturating_add(wanted_milli);
        let curve = self.curve.get_or_insert_with(|| Curve::new(self.registered_milli));
        curve.add(&Arrival {
            arrived_milli: self.arrived_milli,
            used_milli: self.used_milli,
            fragmented_milli: self.instances.values().map(|instance| instance.fragmented_milli).sum(),
        });
    }
}

impl Observer for GpuAllocation {
    fn observe(&mut self, _at_ms: u64, observation: &Observation<'_>) {
        match observation {
            Observation::Change(change) => self.change(change),
            Observation::Arrived { demand, copies } => {
                self.arrive(u64::from(demand.gpus.milli(0)).saturating_mul(*copies));
            }
            _ => {}
        }
    }
}
