//! A small orchestrator's loop around the core: keep a service at its desired count while instances come and go.
//!
//! Run it with `cargo run -p scheduler-core --example embed`.

use std::cmp::Ordering;
use std::error::Error;

use scheduler_core::{
    Change, Cluster, ContainerInstance, Demand, PreparedRequest, Scheduler, SeededDraw, Service, TaskDefinition,
    TaskStatus,
};

/// What the orchestrator keeps beside the core: the service and its prepared request.
struct Orchestrator {
    cluster: Cluster,
    scheduler: Scheduler,
    service: Service,
    prepared: PreparedRequest,
    draw: SeededDraw,
    started: u32,
}

impl Orchestrator {
    /// Starts what is missing and stops what is too much; each change is what a store or an agent would be told.
    fn reconcile(&mut self) -> Result<Vec<Change>, Box<dyn Error>> {
        let mut changes = Vec::new();
        loop {
            let running = self.cluster.group(self.service.group()).map_or(0, |group| group.running_tasks_count());
            let change = match running.cmp(&self.service.desired_count) {
                Ordering::Less => self.start_one()?,
                Ordering::Equal => None,
                Ordering::Greater => self.stop_one()?,
            };
            let Some(change) = change else { break };
            changes.push(change);
        }
        Ok(changes)
    }

    fn start_one(&mut self) -> Result<Option<Change>, Box<dyn Error>> {
        let Some(placement) = self.prepared.place(&self.cluster, &mut self.draw) else {
            let refusal = self.scheduler.refusal(&self.cluster, self.prepared.request());
            println!("  {}", refusal.expect("nobody takes it").service_event(self.service.name()));
            return Ok(None);
        };
        let name = format!("{}/{}", self.service.name(), self.started);
        self.started += 1;
        Ok(Some(self.cluster.start(&placement.named(name).with_status(TaskStatus::Running))?))
    }

    fn stop_one(&mut self) -> Result<Option<Change>, Box<dyn Error>> {
        let task = self.scheduler.choose_stop(&self.cluster, self.prepared.request(), &mut self.draw);
        Ok(task.map(|task| self.cluster.stop(task)).transpose()?)
    }

    fn report(&mut self, what: &str) -> Result<(), Box<dyn Error>> {
        println!("{what}");
        for change in self.reconcile()? {
            let task = change.task.expect("reconciling starts and stops tasks");
            let instance = self.cluster.instance(change.instance).expect("the instance is still registered");
            println!("  {:?} {} on {}", change.cause, task.name.unwrap_or_default(), instance.name());
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut cluster = Cluster::default();
    for (name, zone) in [("i-1", "us-east-2a"), ("i-2", "us-east-2b"), ("i-3", "us-east-2c")] {
        cluster.register(ContainerInstance::builder(name).zone(zone).instance_type("t2.micro").build()?)?;
    }
    let definition = TaskDefinition::of_demand("web", Demand::new(512, 400))?;
    let service = Service::new("web", "web")?;
    let scheduler = Scheduler::default();
    let prepared = scheduler.prepare(&mut cluster, service.request(&definition))?;
    let mut orchestrator = Orchestrator { cluster, scheduler, service, prepared, draw: SeededDraw::new(0), started: 0 };

    orchestrator.service.desired_count = 4;
    orchestrator.report("desired count 4")?;

    let failing = orchestrator.cluster.instance_id("i-2").expect("it was registered above");
    orchestrator.cluster.fail(failing)?;
    orchestrator.report("i-2 fails")?;

    orchestrator.service.desired_count = 5;
    orchestrator.report("desired count 5")?;

    orchestrator.cluster.return_failed(failing)?;
    orchestrator.report("i-2 is back")?;

    orchestrator.service.desired_count = 1;
    orchestrator.report("desired count 1")?;
    assert_eq!(orchestrator.cluster.task_count(), 1);
    Ok(())
}
