//! The plain scan: one record an instance, all of them looked at for every placement.

use std::cmp::Reverse;

use scheduler_core::{Draw, DrawPurpose, HostPort, PlacementConstraint};

use crate::workload::{FleetInstance, Mode, Shape, Workload};

#[derive(Debug, Clone)]
struct Instance {
    zone: usize,
    stack: u8,
    cpu: u32,
    memory: u32,
    ports: Vec<HostPort>,
}

impl Instance {
    fn new(instance: &FleetInstance) -> Self {
        let FleetInstance { zone, stack, cpu, memory } = *instance;
        Self { zone: zone.into(), stack, cpu, memory, ports: Vec::new() }
    }
}

/// A scheduler without indexes. It keeps what remains, the ports taken, and the tasks of each group by instance and zone.
#[derive(Debug, Clone)]
pub struct PlainScheduler {
    mode: Mode,
    zones: usize,
    instances: Vec<Instance>,
    /// By shape, where the mode or a constraint looks at it; else empty.
    group_on_instance: Vec<Vec<u16>>,
    group_in_zone: Vec<Vec<u32>>,
    distinct: Vec<bool>,
}

impl PlainScheduler {
    /// The scheduler of an empty fleet.
    pub fn new(mode: Mode, workload: &Workload) -> Self {
        let instances = workload.fleet.instances.iter().map(Instance::new);
        let is_distinct =
            |shape: &Shape| shape.request.all_constraints().contains(&PlacementConstraint::DistinctInstance);
        let zones = usize::from(workload.fleet.zones);
        let distinct: Vec<_> = workload.shapes.iter().map(is_distinct).collect();
        // It is never asked about bundles.
        let is_read = |number: usize| number < workload.requested && (distinct[number] || mode == Mode::SpreadSpread);
        let on_instance = |number| if is_read(number) { vec![0; workload.fleet.instances.len()] } else { Vec::new() };
        Self {
            mode,
            zones,
            instances: instances.collect(),
            group_on_instance: (0..workload.shapes.len()).map(on_instance).collect(),
            group_in_zone: vec![vec![0; zones]; workload.shapes.len()],
            distinct,
        }
    }

    /// An instance joins, behind all others.
    pub fn register(&mut self, instance: &FleetInstance) {
        self.instances.push(Instance::new(instance));
        for counts in self.group_on_instance.iter_mut().filter(|counts| !counts.is_empty()) {
            counts.push(0);
        }
    }

    /// The instance that joined last leaves, without tasks.
    pub fn deregister_last(&mut self) {
        self.instances.pop();
        for counts in self.group_on_instance.iter_mut().filter(|counts| !counts.is_empty()) {
            counts.pop();
        }
    }

    fn fits(&self, index: usize, number: usize, shape: &Shape) -> bool {
        let (instance, demand) = (&self.instances[index], shape.request.demand());
        demand.cpu_units <= instance.cpu
            && demand.memory_mib <= instance.memory
            && shape.stacks >> instance.stack & 1 == 1
            && (demand.host_ports.is_empty() || !instance.ports.iter().any(|port| demand.host_ports.contains(*port)))
            && !(self.distinct[number] && self.group_on_instance[number][index] > 0)
    }

    fn headroom(&self, index: usize) -> u64 {
        let instance = &self.instances[index];
        4 * u64::from(instance.cpu) + u64::from(instance.memory)
    }

    /// The instance that takes a task of a shape, by its position in the fleet.
    pub fn place(&self, number: usize, shape: &Shape, draw: &mut dyn Draw) -> Option<usize> {
        let feasible = || (0..self.instances.len()).filter(|index| self.fits(*index, number, shape));
        let best = |index: usize| (Reverse(self.headroom(index)), index);
        match self.mode {
            Mode::Headroom | Mode::Plain => {
                let mut zones = vec![0; self.zones];
                for (index, instance) in self.instances.iter().enumerate() {
                    if shape.stacks >> instance.stack & 1 == 1 {
                        zones[instance.zone] += self.headroom(index);
                    }
                }
                feasible().min_by_key(|index| (Reverse(zones[self.instances[*index].zone]), best(*index)))
            }
            Mode::SpreadSpread => {
                let (zones, on_instance) = (&self.group_in_zone[number], &self.group_on_instance[number]);
                feasible().min_by_key(|index| (zones[self.instances[*index].zone], on_instance[*index], best(*index)))
            }
            Mode::SpreadBinpackMemory => {
                let zones = &self.group_in_zone[number];
                let key = |index: &usize| {
                    let instance = &self.instances[*index];
                    (zones[instance.zone], instance.memory, best(*index))
                };
                feasible().min_by_key(key)
            }
            Mode::BinpackCpu => feasible().min_by_key(|index| (self.instances[*index].cpu, best(*index))),
            Mode::Random => self.any(number, shape, draw),
        }
    }

    /// `random` as the engine has it: while somebody is feasible, up to 64 positions are drawn among all.
    fn any(&self, number: usize, shape: &Shape, draw: &mut dyn Draw) -> Option<usize> {
        let feasible: Vec<_> = (0..self.instances.len()).filter(|index| self.fits(*index, number, shape)).collect();
        feasible.first()?;
        if self.instances.len() > 1 {
            for _ in 0..64 {
                let index = draw.draw(DrawPurpose::Strategy, self.instances.len() as u32) as usize;
                if self.fits(index, number, shape) {
                    return Some(index);
                }
            }
        }
        let position = match feasible.len() {
            1 => 0,
            several => draw.draw(DrawPurpose::Strategy, several as u32),
        };
        Some(feasible[position as usize])
    }

    /// Reserves what a task of a shape needs.
    pub fn start(&mut self, index: usize, number: usize, shape: &Shape) {
        let (instance, demand) = (&mut self.instances[index], shape.request.demand());
        instance.cpu -= demand.cpu_units;
        instance.memory -= demand.memory_mib;
        instance.ports.extend(demand.host_ports.iter());
        if let Some(count) = self.group_on_instance[number].get_mut(index) {
            *count += 1;
        }
        self.group_in_zone[number][instance.zone] += 1;
    }

    /// Gives back what a task of a shape needed.
    pub fn stop(&mut self, index: usize, number: usize, shape: &Shape) {
        let (instance, demand) = (&mut self.instances[index], shape.request.demand());
        instance.cpu += demand.cpu_units;
        instance.memory += demand.memory_mib;
        instance.ports.retain(|port| !demand.host_ports.contains(*port));
        if let Some(count) = self.group_on_instance[number].get_mut(index) {
            *count -= 1;
        }
        self.group_in_zone[number][instance.zone] -= 1;
    }
}
