//! What a trace asks for in all, exactly: sums in 128 bits, of every task as it is written.

use crate::trace::{Action, Event, Survey, TaskRequest};

/// Totals of the tasks of a trace.
///
/// Standalone tasks: those of runTask and startTask, and those that run at second 0. A task's seconds are its
/// `durationSeconds`, also where the horizon cuts it off; one without a duration is counted and has none. Services are
/// told apart, for how many tasks they start depends on the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TraceStats {
    /// Container instances at second 0.
    pub instances: u128,
    /// What they register.
    pub registered: Totals,
    /// Standalone tasks.
    pub tasks: u128,
    /// Of these, those that have no duration.
    pub tasks_without_duration: u128,
    /// What the tasks reserve, added up.
    pub reserved: Totals,
    /// The milliseconds of all tasks, and of all that they reserve.
    pub task_ms: u128,
    /// CPU units times milliseconds, MiB times milliseconds, GPU thousandths times milliseconds.
    pub reserved_ms: Totals,
    /// Services at second 0, and what their desired counts reserve.
    pub services: u128,
    /// Their desired counts.
    pub service_tasks: u128,
    /// What these reserve.
    pub service_reserved: Totals,
}

/// CPU, memory and GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// CPU units: 1,024 are a vCPU.
    pub cpu_units: u128,
    /// MiB.
    pub memory_mib: u128,
    /// GPUs in thousandths.
    pub gpu_milli: u128,
}

impl Totals {
    fn add(&mut self, other: Self, times: u128) {
        self.cpu_units += other.cpu_units * times;
        self.memory_mib += other.memory_mib * times;
        self.gpu_milli += other.gpu_milli * times;
    }
}

fn of_demand(demand: &scheduler_core::Demand) -> Totals {
    // How many `ALL` are depends on the instance.
    let gpu_milli = demand.gpus.milli(0).into();
    Totals { cpu_units: demand.cpu_units.into(), memory_mib: demand.memory_mib.into(), gpu_milli }
}

impl TraceStats {
    /// What stands before the events.
    pub fn of_header(survey: &Survey) -> Self {
        let mut stats = Self::default();
        for entry in &survey.header.instances {
            stats.instances += u128::from(entry.count);
            if let Ok(instance) = entry.description.build("i-0", 0) {
                let resources = instance.resources();
                let totals = Totals {
                    cpu_units: resources.cpu_units().into(),
                    memory_mib: resources.memory_mib().into(),
                    gpu_milli: resources.gpu_ids().len() as u128 * u128::from(scheduler_core::GPU_MILLI),
                };
                stats.registered.add(totals, entry.count.into());
            }
        }
        for task in &survey.header.tasks {
            stats.add_tasks(of_demand(task.definition.core.demand()), 1, task.ends_at_ms);
        }
        for service in &survey.header.services {
            let count = service.service.desired_count.into();
            stats.services += 1;
            stats.service_tasks += count;
            stats.service_reserved.add(of_demand(service.definition.core.demand()), count);
        }
        stats
    }

    /// Adds what an event asks for.
    pub fn add(&mut self, event: &Event) {
        let demand = |request: &TaskRequest| of_demand(request.definition.core.demand());
        match &event.action {
            Action::RunTask(run) => self.add_tasks(demand(&run.request), run.names.count(), run.duration_ms),
            Action::StartTask(start) => self.add_tasks(demand(&start.request), start.names.count(), start.duration_ms),
            _ => {}
        }
    }

    fn add_tasks(&mut self, demand: Totals, count: u32, duration_ms: Option<u64>) {
        let count = u128::from(count);
        self.tasks += count;
        self.reserved.add(demand, count);
        match duration_ms {
            None => self.tasks_without_duration += count,
            Some(duration_ms) => {
                let milliseconds = count * u128::from(duration_ms);
                self.task_ms += milliseconds;
                self.reserved_ms.add(demand, milliseconds);
            }
        }
    }

    /// Names and values, exact: seconds have up to three decimals.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let whole = |number: u128| number.to_string();
        let mut rows = vec![
            ("container_instances", whole(self.instances)),
            ("registered.cpu_units", whole(self.registered.cpu_units)),
            ("registered.memory_mib", whole(self.registered.memory_mib)),
            ("registered.gpus", whole(self.registered.gpu_milli / u128::from(scheduler_core::GPU_MILLI))),
            ("tasks", whole(self.tasks)),
            ("tasks_without_duration", whole(self.tasks_without_duration)),
            ("cpu_units", whole(self.reserved.cpu_units)),
            ("memory_mib", whole(self.reserved.memory_mib)),
            ("gpus", decimal(self.reserved.gpu_milli, 3)),
            ("task_seconds", seconds(self.task_ms)),
            ("cpu_unit_seconds", seconds(self.reserved_ms.cpu_units)),
            ("memory_mib_seconds", seconds(self.reserved_ms.memory_mib)),
            ("gpu_seconds", decimal(self.reserved_ms.gpu_milli, 6)),
        ];
        if self.services > 0 {
            rows.extend([
                ("services", whole(self.services)),
                ("service_tasks", whole(self.service_tasks)),
                ("service_cpu_units", whole(self.service_reserved.cpu_units)),
                ("service_memory_mib", whole(self.service_reserved.memory_mib)),
            ]);
        }
        rows
    }
}

/// Milliseconds as seconds, exact.
fn seconds(milliseconds: u128) -> String {
    decimal(milliseconds, 3)
}

/// A number of which so many decimals are digits of `value`.
fn decimal(value: u128, decimals: u32) -> String {
    let unit = 10_u128.pow(decimals);
    let text = format!("{}.{:0width$}", value / unit, value % unit, width = decimals as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{OpenOptions, from_bytes};

    #[test]
    fn sums_are_exact() {
        let text = r#"{"version": 1,
            "containerInstances": [{"count": 3, "instanceType": "t2.micro", "availabilityZone": "a"}],
            "taskDefinitions": [{"family": "f", "cpu": 1000, "memory": 7}],
            "services": [{"serviceName": "s", "taskDefinition": "f", "desiredCount": 2}],
            "events": [
                {"atSeconds": 0, "runTask": {"taskDefinition": "f", "count": 2000000000, "durationSeconds": 9000000000.001}},
                {"atSeconds": 1, "runTask": {"taskDefinition": "f"}}]}"#;
        let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
        let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
        let mut stats = TraceStats::of_header(&survey);
        source.events(&survey).expect("readable").for_each(|event| stats.add(&event.expect("sound")));
        let rows = stats.rows();
        let value = |name: &str| rows.iter().find(|row| row.0 == name).map(|row| &*row.1);
        assert_eq!(value("tasks"), Some("2000000001"));
        assert_eq!(value("tasks_without_duration"), Some("1"));
        assert_eq!(value("registered.cpu_units"), Some("3072"));
        assert_eq!(value("task_seconds"), Some("18000000000002000000"));
        assert_eq!(value("cpu_unit_seconds"), Some("18000000000002000000000"));
        assert_eq!(value("service_memory_mib"), Some("14"));
        assert_eq!([seconds(0), seconds(1_500), seconds(20_000), seconds(1)], ["0", "1.5", "20", "0.001"]);
    }
}
