//! What one task reserves: task level first, else the sums over its containers (spec 1.2).

use super::container::{ContainerDefinition, NetworkMode};
use super::port_checks::static_host_ports;
use super::resources::{Demand, GpuDemand, MAX_AMOUNT, ResourceError, amount};
use super::task_definition_error::TaskDefinitionError;

/// The part of a task definition that its demand follows from. On Windows the task-level values are left out.
pub(super) struct TaskShape<'a> {
    pub(super) family: &'a str,
    pub(super) network_mode: NetworkMode,
    pub(super) cpu_units: Option<u32>,
    pub(super) memory_mib: Option<u32>,
    pub(super) containers: &'a [ContainerDefinition],
}

impl TaskShape<'_> {
    /// The demand, with every check on amounts and ports.
    pub(super) fn demand(&self) -> Result<Demand, TaskDefinitionError> {
        self.containers.iter().try_for_each(|container| self.check_memory(container))?;
        let cpu_sum = self.sum("CPU", |container| container.cpu_units)?;
        let memory_sum = self.sum("MEMORY", ContainerDefinition::reserved_memory_mib)?;
        Ok(Demand {
            cpu_units: task_level_or_sum("CPU", self.cpu_units, cpu_sum)?,
            memory_mib: task_level_or_sum("MEMORY", self.memory_mib, memory_sum)?,
            gpus: self.gpus()?,
            host_ports: static_host_ports(self.network_mode, self.containers)?,
            needs_eni: self.network_mode == NetworkMode::Awsvpc,
        })
    }

    fn check_memory(&self, container: &ContainerDefinition) -> Result<(), TaskDefinitionError> {
        if self.memory_mib.is_none() && container.reserved_memory_mib() == 0 {
            return Err(TaskDefinitionError::MissingMemory { container: container.name.clone() });
        }
        for memory_mib in [container.memory_mib, container.memory_reservation_mib].into_iter().flatten() {
            amount("MEMORY", u64::from(memory_mib)).map_err(|source| self.wrong(source))?;
        }
        match (container.memory_mib, container.memory_reservation_mib) {
            (Some(memory_mib), Some(reservation_mib)) if memory_mib > 0 && memory_mib < reservation_mib => {
                let container = container.name.clone();
                Err(TaskDefinitionError::MemoryBelowReservation { container, memory_mib, reservation_mib })
            }
            _ => Ok(()),
        }
    }

    fn sum(&self, resource: &'static str, of: fn(&ContainerDefinition) -> u32) -> Result<u32, TaskDefinitionError> {
        let sum = self.containers.iter().map(|container| u64::from(of(container))).sum();
        amount(resource, sum).map_err(|source| self.wrong(source))
    }

    fn gpus(&self) -> Result<GpuDemand, TaskDefinitionError> {
        let mut wanting = self.containers.iter().filter(|container| !container.gpus.is_none());
        let is_share = |container: &&ContainerDefinition| matches!(container.gpus, GpuDemand::Share(_));
        if let Some(sharing) = wanting.clone().find(is_share) {
            return Err(TaskDefinitionError::GpuShareOfContainer { container: sharing.name.clone() });
        }
        let Some(all) = wanting.clone().find(|container| container.gpus == GpuDemand::All) else {
            let count = |container: &ContainerDefinition| match container.gpus {
                GpuDemand::Count(count) => count,
                GpuDemand::All | GpuDemand::Share(_) => MAX_AMOUNT,
            };
            return Ok(GpuDemand::Count(self.sum("GPU", count)?));
        };
        if wanting.any(|container| container.name != all.name) {
            return Err(TaskDefinitionError::AllGpusAndMore { container: all.name.clone() });
        }
        Ok(GpuDemand::All)
    }

    fn wrong(&self, source: ResourceError) -> TaskDefinitionError {
        TaskDefinitionError::Resources { family: self.family.into(), source }
    }
}

fn task_level_or_sum(resource: &'static str, task: Option<u32>, sum: u32) -> Result<u32, TaskDefinitionError> {
    match task {
        Some(task) if sum > task => Err(TaskDefinitionError::ContainersAboveTask { resource, sum, task }),
        Some(task) => Ok(task),
        None => Ok(sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Task-level CPU and memory, and containers with CPU, hard and soft memory limit.
    type Case<'a> = (Option<u32>, Option<u32>, &'a [(u32, Option<u32>, Option<u32>)]);

    fn check((cpu_units, memory_mib, containers): Case<'_>, expected: Result<(u32, u32), &str>) {
        let containers: Vec<ContainerDefinition> = containers
            .iter()
            .enumerate()
            .map(|(index, &(cpu_units, memory_mib, memory_reservation_mib))| ContainerDefinition {
                cpu_units,
                memory_mib,
                memory_reservation_mib,
                ..ContainerDefinition::new(format!("c{index}"))
            })
            .collect();
        let shape = TaskShape {
            family: "web",
            network_mode: NetworkMode::Bridge,
            cpu_units,
            memory_mib,
            containers: &containers,
        };
        let actual = shape.demand().map(|demand| (demand.cpu_units, demand.memory_mib));
        assert_eq!(actual.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
    }

    #[test]
    fn the_task_level_wins_over_the_containers_and_the_soft_limit_over_the_hard_one() {
        check((None, None, &[(0, Some(300), Some(128))]), Ok((0, 128))); // T5
        check((None, Some(512), &[(0, None, Some(128)), (0, None, Some(128))]), Ok((0, 512))); // T6
        check((None, None, &[(10, Some(300), Some(128)), (20, Some(64), None)]), Ok((30, 192)));
        check((Some(1024), None, &[(10, Some(300), None)]), Ok((1024, 300)));
        check((None, Some(100), &[(10, None, None)]), Ok((10, 100)));
        check((None, None, &[(0, Some(128), Some(128))]), Ok((0, 128))); // C-03
        check((Some(256), Some(128), &[(256, Some(128), None)]), Ok((256, 128))); // C-04
    }

    #[test]
    fn amounts_that_do_not_fit_together_are_refused() {
        let missing = "Invalid setting for container 'c1'. \
                       At least one of 'memory' or 'memoryReservation' must be specified.";
        check((None, None, &[(0, Some(1), None), (0, None, None)]), Err(missing));
        check((None, None, &[(0, Some(1), None), (0, Some(0), Some(0))]), Err(missing));
        check(
            (None, None, &[(0, Some(100), Some(101))]),
            Err("container `c0`: `memory` of 100 MiB is below `memoryReservation` of 101 MiB"),
        );
        check(
            (Some(256), None, &[(257, Some(1), None)]),
            Err("the containers reserve 257 of CPU, more than the task's 256"),
        );
        check(
            (None, Some(128), &[(0, Some(64), None), (0, None, Some(65))]),
            Err("the containers reserve 129 of MEMORY, more than the task's 128"),
        );
        check(
            (None, None, &[(MAX_AMOUNT, Some(1), None), (1, Some(1), None)]),
            Err("task definition `web`: CPU of `2147483648` is above the largest amount, 2147483647"),
        );
        check(
            (None, None, &[(0, Some(u32::MAX), Some(1))]),
            Err("task definition `web`: MEMORY of `4294967295` is above the largest amount, 2147483647"),
        );
        check(
            (None, None, &[(0, Some(MAX_AMOUNT), None), (0, Some(MAX_AMOUNT), None), (0, Some(MAX_AMOUNT), None)]),
            Err("task definition `web`: MEMORY of `6442450941` is above the largest amount, 2147483647"),
        );
    }

    #[test]
    fn gpus_are_summed_or_all() {
        let container = |name: &str| ContainerDefinition::new(name).with_memory_mib(1);
        let gpus = |containers: &[ContainerDefinition]| {
            let network_mode = NetworkMode::Bridge;
            let shape = TaskShape { family: "ml", network_mode, cpu_units: None, memory_mib: None, containers };
            shape.demand().map(|demand| demand.gpus).map_err(|error| error.to_string())
        };
        assert_eq!(gpus(&[container("a").with_gpus(1), container("b").with_gpus(2)]), Ok(GpuDemand::Count(3)));
        assert_eq!(gpus(&[container("a").with_all_gpus(), container("b")]), Ok(GpuDemand::All));
        let error = "container `a` wants `ALL` GPUs, so no other container can have one".to_owned();
        assert_eq!(gpus(&[container("b").with_gpus(1), container("a").with_all_gpus()]), Err(error.clone()));
        assert_eq!(gpus(&[container("a").with_all_gpus(), container("b").with_all_gpus()]), Err(error));
    }
}
