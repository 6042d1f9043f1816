//! Random traces with services of all kinds, in which everything happens that a decision log can tell of.

use serde_json::{Value, json};

struct Chance(u64);

impl Chance {
    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }
}

const FAMILIES: [&str; 6] = ["small", "big", "port", "gpu", "vpc", "cap"];

const EXPRESSIONS: [&str; 9] = [
    "attribute:rack == r1",
    "attribute:rack != r0",
    "task:group != family:port",
    "runningTasksCount < 3",
    "not(attribute:rack exists)",
    "ec2InstanceId =~ i-[0-3]",
    "attribute:ecs.availability-zone in [a, b]",
    "agentVersion >= 1.2",
    "registeredAt <= 1970-01-02",
];

/// The same seed gives the same trace.
pub(crate) fn services(seed: u64) -> String {
    let chance = &mut Chance(seed);
    let fleet: Vec<Value> = (0..3 + chance.below(4)).map(|number| instance(chance, &format!("i-{number}"))).collect();
    let mut present: Vec<String> = (0..fleet.len()).map(|number| format!("i-{number}")).collect();
    let mut services = Vec::new();
    let mut existing = Vec::new();
    for name in ["web", "api", "agent"] {
        if chance.one_in(2) {
            services.push(service(chance, name));
            existing.push(name);
        }
    }
    let mut events = Vec::new();
    let mut at_ms = 0;
    let mut asked: Vec<String> = vec![];
    for number in 0..15 + chance.below(25) {
        at_ms += chance.of(&[0, 0, 500, 1_000, 3_000, 10_000, 45_000]);
        let action = match chance.below(20) {
            0 => {
                at_ms += 250;
                let name = format!("n-{number}");
                present.push(name.clone());
                json!({"registerContainerInstances": [instance(chance, &name)]})
            }
            1 | 2 if present.len() > 1 => {
                at_ms += 250;
                let name = present.remove(chance.below(present.len() as u64) as usize);
                if chance.one_in(3) {
                    json!({"deregisterContainerInstance": {"containerInstance": name, "force": true}})
                } else {
                    // It may return and be lost to the events that follow.
                    json!({"failContainerInstances":
                        {"containerInstances": [name], "returnsAfterSeconds": chance.of(&[1, 4, 30])}})
                }
            }
            3 => json!({"updateContainerInstancesState":
                {"containerInstances": [chance.of(&present)], "status": chance.of(&["ACTIVE", "DRAINING"])}}),
            4 => json!({"setAgentConnected":
                {"containerInstances": [chance.of(&present)], "connected": chance.one_in(2)}}),
            5 => {
                let (value, target) = (chance.of(&["r0", "r1", "r2"]), chance.of(&present));
                json!({"putAttributes": {"attributes": [{"name": "rack", "value": value, "targetId": target}]}})
            }
            6 => {
                json!({"failTasks": {"group": chance.of(&["service:web", "service:api", "family:small"]), "count": 2}})
            }
            7 => json!({"startTask":
                {"taskDefinition": chance.of(&FAMILIES), "containerInstances": [chance.of(&present)], "durationSeconds": 3}}),
            8 if !asked.is_empty() => json!({"stopTask": {"task": chance.of(&asked)}}),
            9 => json!({"stopTask": {"group": format!("family:{}", chance.of(&FAMILIES)), "count": 2}}),
            10..=12 => {
                let name = chance.of(&["web", "api", "agent"]);
                match existing.iter().position(|known| *known == name) {
                    None => {
                        existing.push(name);
                        json!({"createService": service(chance, name)})
                    }
                    Some(known) if chance.one_in(4) => {
                        existing.remove(known);
                        json!({"deleteService": {"service": name, "force": true}})
                    }
                    Some(_) => json!({"updateService": update(chance, name)}),
                }
            }
            _ => {
                let count = 1 + chance.below(3);
                let id = format!("t{number}");
                asked.push(if count == 1 { id.clone() } else { format!("{id}/0") });
                let mut run = json!({"taskDefinition": chance.of(&FAMILIES), "count": count, "id": id});
                if !chance.one_in(3) {
                    run["durationSeconds"] = json!(chance.of(&[0, 1, 2, 5, 20]));
                }
                if chance.one_in(3) {
                    run["placementStrategy"] = strategy(chance);
                }
                if chance.one_in(8) {
                    run["group"] = json!(chance.of(&["service:web", "service:api", "mine"]));
                }
                run["placementConstraints"] = constraints(chance, true);
                json!({"runTask": run})
            }
        };
        let mut event = action;
        event["atSeconds"] = format!("{}.{:03}", at_ms / 1_000, at_ms % 1_000).parse().expect("a number");
        events.push(event);
    }
    let definitions = json!([
        {"family": "small", "cpu": 100, "memory": 150},
        {"family": "big", "containerDefinitions": [
            {"name": "a", "cpu": 300, "memory": 500, "memoryReservation": 300}, {"name": "b", "cpu": 100, "memory": 200}]},
        {"family": "port", "cpu": 50, "memory": 50, "ports": [8080]},
        {"family": "gpu", "cpu": 50, "memory": 100, "gpu": 1},
        {"family": "vpc", "networkMode": "awsvpc", "containerDefinitions": [{"name": "c", "cpu": 100, "memory": 100}],
            "placementConstraints": [{"type": "memberOf", "expression": chance.of(&EXPRESSIONS)}]},
        {"family": "cap", "cpu": 50, "memory": 60, "maxTasksPerInstance": 2}
    ]);
    json!({"version": 1, "settings": settings(chance), "containerInstances": fleet, "taskDefinitions": definitions,
        "services": services, "events": events})
    .to_string()
}

fn settings(chance: &mut Chance) -> Value {
    let mut settings = json!({});
    if chance.one_in(2) {
        settings["onUnplaceable"] = json!("queue");
    }
    if chance.one_in(3) {
        settings["taskStartSeconds"] = json!(2);
    }
    if chance.one_in(3) {
        settings["releaseOn"] = json!("last-stopped");
        settings["stopTimeoutSeconds"] = json!(chance.of(&[0, 1, 3]));
    }
    if chance.one_in(4) {
        settings["tieBreak"] = json!(chance.of(&["stable", "random"]));
    }
    if chance.one_in(4) {
        settings["spreadIgnoresOtherRevisions"] = json!(true);
    }
    if chance.one_in(4) {
        settings["endSeconds"] = json!(40 + chance.below(80));
    }
    settings
}

fn instance(chance: &mut Chance, name: &str) -> Value {
    let (cpu, memory) = (chance.of(&[500, 1_000, 2_000]), chance.of(&[500, 1_000, 2_000]));
    let mut instance = json!({"ec2InstanceId": name, "availabilityZone": chance.of(&["a", "b", "c"]),
        "registeredResources": {"cpu": cpu, "memory": memory, "gpu": chance.of(&[0, 0, 2])}});
    if chance.one_in(2) {
        instance["attributes"] = json!({"rack": chance.of(&["r0", "r1"])});
    }
    if chance.one_in(5) {
        instance["instanceType"] = json!("c5.large");
    }
    instance
}

fn strategy(chance: &mut Chance) -> Value {
    let rules = [
        json!({"type": "spread", "field": "attribute:ecs.availability-zone"}),
        json!({"type": "spread", "field": "instanceId"}),
        json!({"type": "spread", "field": "attribute:rack"}),
        json!({"type": "binpack", "field": "cpu"}),
        json!({"type": "binpack", "field": "memory"}),
        json!({"type": "random"}),
    ];
    (0..=chance.below(2)).map(|_| chance.of(&rules)).collect()
}

fn constraints(chance: &mut Chance, may_be_distinct: bool) -> Value {
    let mut constraints = Vec::new();
    if may_be_distinct && chance.one_in(4) {
        constraints.push(json!({"type": "distinctInstance"}));
    }
    if chance.one_in(3) {
        constraints.push(json!({"type": "memberOf", "expression": chance.of(&EXPRESSIONS)}));
    }
    Value::Array(constraints)
}

fn service(chance: &mut Chance, name: &str) -> Value {
    let is_daemon = name == "agent";
    let mut service = json!({"serviceName": name, "taskDefinition": chance.of(&FAMILIES)});
    service["placementConstraints"] = constraints(chance, !is_daemon);
    if is_daemon {
        service["schedulingStrategy"] = json!("DAEMON");
    } else {
        service["desiredCount"] = json!(chance.below(7));
        if chance.one_in(3) {
            service["placementStrategy"] = strategy(chance);
        }
        if chance.one_in(3) {
            service["deploymentConfiguration"] =
                json!({"maximumPercent": chance.of(&[100, 150]), "minimumHealthyPercent": chance.of(&[0, 50, 100])});
        }
    }
    if chance.one_in(3) {
        service["loadBalancers"] = json!([{"targetGroupArn": "x", "containerName": "c", "containerPort": 80}]);
    }
    if chance.one_in(5) {
        service["taskLifetimeSeconds"] = json!(chance.of(&[1, 7, 30]));
    }
    service
}

fn update(chance: &mut Chance, name: &str) -> Value {
    let mut update = json!({"service": name});
    if name != "agent" && chance.one_in(2) {
        update["desiredCount"] = json!(chance.below(8));
    }
    if chance.one_in(2) {
        update["taskDefinition"] = json!(chance.of(&FAMILIES));
    } else if chance.one_in(4) {
        update["forceNewDeployment"] = json!(true);
    }
    update
}
