//! What the loss of an Availability Zone would cost at the horizon: on a fork its tasks look for another instance.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use scheduler_core::{InstanceId, PlacementRequest, PreparedRequest, RequestError, SeededDraw, TaskId, TaskKind};

use super::requests::under;
use super::{Cause, RunError, Simulation};
use crate::outcome::Observation;

/// What one zone's loss comes to.
struct Loss {
    zone: String,
    /// Tasks that ran there, daemons left out.
    tasks: u64,
    /// Those of them that find no other place.
    unplaced: u64,
}

impl Simulation<'_> {
    /// Tells, once, what the loss of the worst zone would cost now.
    ///
    /// Nothing is told with fewer than two zones, or where no task runs. Cost: one fork a zone, and a placement for each
    /// task alive.
    pub(super) fn foresee_zone_loss(&mut self) -> Result<(), RunError> {
        if std::mem::replace(&mut self.is_zone_loss_told, true) {
            return Ok(());
        }
        let zones: Vec<String> = self.cluster.zones().map(|zone| zone.name.to_owned()).collect();
        let mut tasks = self.standalone_and_replica_tasks();
        if zones.len() < 2 || tasks.is_empty() {
            return Ok(());
        }
        let losses: Result<Vec<_>, _> = zones
            .into_iter()
            .map(|zone| {
                let lost = tasks.remove(zone.as_str()).unwrap_or_default();
                self.lose_zone(zone, &lost)
            })
            .collect();
        let losses = losses.map_err(|error| RunError::Later {
            event: self.statistics.events.saturating_sub(1),
            at_ms: self.now_ms,
            cause: Box::new(Cause::Request(error)),
        })?;
        // Zones come by name, and of equal ones the last is the largest.
        let worst = losses.iter().rev().max_by_key(|loss| (loss.unplaced, loss.tasks));
        if let Some(Loss { zone, unplaced, .. }) = worst {
            let told = Observation::ZoneLoss { zone, unplaced_tasks: *unplaced };
            self.observer.observe(self.now_ms, &told);
        }
        Ok(())
    }

    /// Tasks whose desired status is RUNNING, by zone.
    fn standalone_and_replica_tasks(&self) -> FxHashMap<String, Vec<TaskId>> {
        let mut by_zone: FxHashMap<String, Vec<TaskId>> = FxHashMap::default();
        for task in self.alive.keys().filter_map(|task| self.cluster.task(*task)) {
            if task.spec().kind != TaskKind::Daemon {
                let zone = task.instance().zone();
                match by_zone.get_mut(zone) {
                    Some(tasks) => tasks.push(task.id()),
                    None => drop(by_zone.insert(zone.to_owned(), vec![task.id()])),
                }
            }
        }
        by_zone
    }

    /// Places the tasks of a zone again without it, in the order in which they were placed.
    fn lose_zone(&self, zone: String, tasks: &[TaskId]) -> Result<Loss, RequestError> {
        let mut fork = self.cluster.fork();
        let is_there = |instance: &scheduler_core::InstanceView<'_>| instance.is_present() && instance.zone() == zone;
        let instances: Vec<InstanceId> = fork.instances().filter(is_there).map(|instance| instance.id()).collect();
        for instance in instances {
            fork.fail(instance).expect("the instance is present");
        }
        let mut order = tasks.to_vec();
        order.sort_unstable();
        let mut draw = SeededDraw::new(self.seed);
        let mut prepared: FxHashMap<*const PlacementRequest, PreparedRequest> = FxHashMap::default();
        let mut unplaced = 0;
        for task in order {
            let request = &self.alive[&task].request;
            let placer = match prepared.entry(Arc::as_ptr(request)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let request = under(self.meaning, (**request).clone());
                    new.insert(self.scheduler.prepare(&mut fork, request)?)
                }
            };
            match placer.place(&fork, &mut draw) {
                Some(placement) => drop(fork.start(&placement).expect("nothing changed since it was placed")),
                None => unplaced += 1,
            }
        }
        Ok(Loss { zone, tasks: tasks.len() as u64, unplaced })
    }
}

#[cfg(test)]
mod tests {
    use crate::outcome::{Observation, Observer};
    use crate::simulation::{Plan, Pulse, run};
    use crate::strategy::Spec;
    use crate::trace::{OpenOptions, from_bytes};

    #[derive(Default)]
    struct Told(Vec<(u64, String, u64)>);

    impl Observer for Told {
        fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
            if let Observation::ZoneLoss { zone, unplaced_tasks } = observation {
                self.0.push((at_ms, (*zone).to_owned(), *unplaced_tasks));
            }
        }
    }

    /// Two tasks of 300 CPU units start on `a` and one on `b`, `seconds` after the start; the horizon is at 5 s.
    fn check(zones: [&str; 2], cpu_of_b: u32, seconds: u64, expected: &[(u64, &str, u64)]) {
        let instance = |name: &str, zone: &str, cpu: u32| {
            format!(
                r#"{{"ec2InstanceId":"{name}","availabilityZone":"{zone}","registeredResources":{{"cpu":{cpu},"memory":9}}}}"#
            )
        };
        let start = |instance: &str, id: &str| {
            format!(
                r#"{{"atSeconds":{seconds},"startTask":{{"taskDefinition":"t","containerInstances":["{instance}"],"id":"{id}"}}}}"#
            )
        };
        let text = format!(
            r#"{{"version":1,"name":"loss","settings":{{"endSeconds":5}},"containerInstances":[{},{}],"taskDefinitions":[{}],"events":[{},{},{}]}}"#,
            instance("a", zones[0], 1_000),
            instance("b", zones[1], cpu_of_b),
            r#"{"family":"t","cpu":300,"memory":1}"#,
            start("a", "1"),
            start("b", "2"),
            start("a", "3"),
        );
        let source = from_bytes("loss", text.as_bytes(), OpenOptions::default()).expect("readable");
        let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}\n{text}"));
        let spec: Spec = "binpack".parse().expect("a strategy");
        let plan = Plan::new(&survey, &survey.header.settings, &spec);
        let mut told = Told::default();
        run(&plan, source.events(&survey).expect("readable"), &mut told, &Pulse::default()).expect("it runs");
        let expected = expected.iter().map(|(at_ms, zone, unplaced)| (*at_ms, (*zone).to_owned(), *unplaced));
        assert_eq!(told.0, expected.collect::<Vec<_>>());
    }

    #[test]
    fn the_worst_zone_is_told_once_with_the_tasks_that_find_no_place() {
        // `b` has 300 left, and takes one of the two of `a`; `a` has 400 left, and takes the one of `b`.
        check(["za", "zb"], 600, 1, &[(1_000, "za", 1)]);
        // All find a place: the zone with more tasks is told.
        check(["za", "zb"], 900, 1, &[(1_000, "za", 0)]);
        check(["zz", "zb"], 599, 1, &[(1_000, "zz", 2)]);
    }

    #[test]
    fn nothing_is_told_of_one_zone_or_no_task() {
        check(["za", "za"], 600, 1, &[]);
        check(["za", "zb"], 600, 6, &[]);
    }
}
