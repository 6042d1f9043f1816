//! What services do, line by line.

use super::tests::{check, lines, trace};

#[test]
fn a_service_keeps_its_count_and_replaces_what_is_lost() {
    let events = r#"
        {"atSeconds":1,"createService":{"serviceName":"web","taskDefinition":"half","desiredCount":3}},
        {"atSeconds":2,"failContainerInstances":{"containerInstances":["i-0"],"returnsAfterSeconds":2}},
        {"atSeconds":5,"failTasks":{"group":"service:web","count":1}},
        {"atSeconds":6,"updateService":{"service":"web","desiredCount":1}},
        {"atSeconds":7,"deleteService":{"service":"web","force":true}}"#;
    check(
        &trace("{}", 2, events),
        &[
            "1 web/0 placed i-0 desired",
            "1 web/1 placed i-0 desired",
            "1 web/2 placed i-1 desired",
            "2 web/0 stopped i-0 instance-lost",
            "2 web/1 stopped i-0 instance-lost",
            "2 web/3 placed i-1 replacement",
            "2 web/4 unplaced RESOURCE:CPU",
            "4 web/4 placed i-0 replacement",
            "5 web/2 stopped i-1 failed",
            "5 web/5 placed i-0 replacement",
            "6 web/3 stopped i-1 scale-in",
            "6 web/5 stopped i-0 scale-in",
            "7 web/4 stopped i-0 service-deleted",
            "end 7",
        ],
    );
}

/// 100 % and 200 %: the new tasks start beside the old ones, and the old ones stop when the new ones have been healthy.
#[test]
fn a_new_task_definition_rolls_out_within_the_percentages() {
    let events = r#"
        {"atSeconds":0,"createService":{"serviceName":"web","taskDefinition":"quarter","desiredCount":2}},
        {"atSeconds":100,"updateService":{"service":"web","taskDefinition":"half"}},
        {"atSeconds":200,"updateService":{"service":"web","desiredCount":1}}"#;
    check(
        &trace("{}", 2, events),
        &[
            "0 web/0 placed i-0 desired",
            "0 web/1 placed i-0 desired",
            "100 web/2 placed i-0 deployment",
            "100 web/3 placed i-1 deployment",
            "140 web/1 stopped i-0 deployment",
            "140 web/0 stopped i-0 deployment",
            "200 web/3 stopped i-1 scale-in",
            "end 200",
        ],
    );
}

/// 50 % and 100 %, as the service of the notes has it: an old task stops first, and makes room for a new one.
#[test]
fn with_a_maximum_of_100_percent_old_tasks_stop_first() {
    let events = r#"
        {"atSeconds":0,"createService":{"serviceName":"web","taskDefinition":"all","desiredCount":2,
            "deploymentConfiguration":{"minimumHealthyPercent":50,"maximumPercent":100}}},
        {"atSeconds":100,"updateService":{"service":"web","forceNewDeployment":true}},
        {"atSeconds":200,"runTask":{"taskDefinition":"all"}}"#;
    check(
        &trace("{}", 2, events),
        &[
            "0 web/0 placed i-0 desired",
            "0 web/1 placed i-1 desired",
            "100 web/1 stopped i-1 deployment",
            "100 web/2 placed i-1 deployment",
            "140 web/0 stopped i-0 deployment",
            "140 web/3 placed i-0 deployment",
            "200 task-2 unplaced RESOURCE:CPU",
            "end 200",
        ],
    );
}

#[test]
fn service_tasks_on_a_draining_instance_are_replaced_and_standalone_ones_stay() {
    let events = r#"
        {"atSeconds":0,"runTask":{"taskDefinition":"quarter"}},
        {"atSeconds":0,"createService":{"serviceName":"web","taskDefinition":"half","desiredCount":1}},
        {"atSeconds":60,"updateContainerInstancesState":{"containerInstances":["i-0"],"status":"DRAINING"}},
        {"atSeconds":200,"runTask":{"taskDefinition":"half"}}"#;
    check(
        &trace("{}", 2, events),
        &[
            "0 task-0 placed i-0",
            "0 web/0 placed i-0 desired",
            "60 web/1 placed i-1 replacement",
            "100 web/0 stopped i-0 draining",
            "200 task-3 placed i-1",
            "end 200",
        ],
    );
}

#[test]
fn a_pending_service_task_on_a_draining_instance_is_stopped_at_once() {
    let events = r#"
        {"atSeconds":0,"createService":{"serviceName":"web","taskDefinition":"half","desiredCount":1}},
        {"atSeconds":1,"updateContainerInstancesState":{"containerInstances":["i-0"],"status":"DRAINING"}},
        {"atSeconds":9,"stopTask":{"group":"family:none"}}"#;
    check(
        &trace(r#"{"taskStartSeconds":5}"#, 2, events),
        &["0 web/0 placed i-0 desired", "1 web/0 stopped i-0 draining", "1 web/1 placed i-1 replacement", "end 9"],
    );
}

#[test]
fn a_daemon_runs_once_on_every_active_instance() {
    let events = r#"
        {"atSeconds":0,"createService":{"serviceName":"agent","taskDefinition":"quarter","schedulingStrategy":"DAEMON"}},
        {"atSeconds":0,"runTask":{"taskDefinition":"half","count":2}},
        {"atSeconds":1,"updateContainerInstancesState":{"containerInstances":["i-0"],"status":"DRAINING"}},
        {"atSeconds":2,"updateContainerInstancesState":{"containerInstances":["i-0"],"status":"ACTIVE"}},
        {"atSeconds":3,"failTasks":{"group":"service:agent","count":1}},
        {"atSeconds":4,"startTask":{"taskDefinition":"quarter","containerInstances":["i-1"],"id":"late"}},
        {"atSeconds":4,"updateService":{"service":"agent","taskDefinition":"half"}},
        {"atSeconds":5,"stopTask":{"task":"task-1/0"}},
        {"atSeconds":5,"stopTask":{"task":"task-1/1"}},
        {"atSeconds":6,"deleteService":{"service":"agent"}}"#;
    check(
        &trace("{}", 2, events),
        &[
            "0 agent/0 placed i-0 desired",
            "0 agent/1 placed i-1 desired",
            "0 task-1/0 placed i-0",
            "0 task-1/1 placed i-1",
            "1 agent/0 stopped i-0 draining",
            "2 agent/2 placed i-0 replacement",
            "3 agent/1 stopped i-1 failed",
            "3 agent/3 placed i-1 replacement",
            "4 late placed i-1",
            "4 agent/2 stopped i-0 deployment",
            "4 agent/4 placed i-0 deployment",
            "4 agent/3 stopped i-1 deployment",
            "4 agent/5 unplaced RESOURCE:CPU",
            "5 task-1/0 stopped i-0 stopTask",
            "5 task-1/1 stopped i-1 stopTask",
            "5 agent/5 placed i-1 deployment",
            "6 agent/4 stopped i-0 service-deleted",
            "6 agent/5 stopped i-1 service-deleted",
            "end 6",
        ],
    );
}

/// 3 over 2 zones becomes 1 and 2; a task starts where there are fewest, and 40 s later one stops where there are most.
#[test]
fn a_service_moves_tasks_until_its_zones_differ_by_one_at_most() {
    let events = |rebalancing: &str| {
        format!(
            r#"
        {{"atSeconds":0,"createService":{{"serviceName":"web","taskDefinition":"quarter","desiredCount":3{rebalancing}}}}},
        {{"atSeconds":9,"registerContainerInstances":[{{"ec2InstanceId":"i-1","availabilityZone":"b",
            "registeredResources":{{"cpu":1000,"memory":1000}}}}]}},
        {{"atSeconds":100,"stopTask":{{"group":"family:none"}}}}"#
        )
    };
    let strategy = "spread(az)";
    assert_eq!(
        lines(&trace("{}", 1, &events("")), strategy).expect("it runs"),
        [
            "0 web/0 placed i-0 desired",
            "0 web/1 placed i-0 desired",
            "0 web/2 placed i-0 desired",
            "9 web/3 placed i-1 rebalancing",
            "49 web/2 stopped i-0 rebalancing",
            "end 100",
        ]
    );
    let off = r#","availabilityZoneRebalancing":"DISABLED""#;
    assert_eq!(lines(&trace("{}", 1, &events(off)), strategy).expect("it runs").len(), 4);
    assert_eq!(lines(&trace("{}", 1, &events("")), "binpack").expect("it runs").len(), 4, "binpack is not eligible");
}

#[test]
fn tasks_with_a_lifetime_are_replaced_when_it_is_over() {
    let events = r#"
        {"atSeconds":0,"createService":{"serviceName":"web","taskDefinition":"half","desiredCount":1,
            "taskLifetimeSeconds":4}},
        {"atSeconds":9,"stopTask":{"group":"family:none"}}"#;
    check(
        &trace("{}", 1, events),
        &[
            "0 web/0 placed i-0 desired",
            "4 web/0 stopped i-0 finished",
            "4 web/1 placed i-0 replacement",
            "8 web/1 stopped i-0 finished",
            "8 web/2 placed i-0 replacement",
            "end 9",
        ],
    );
}

/// A name belongs to the task that should run; one that still stops holds its resources, not its name.
#[test]
fn a_service_of_the_same_name_starts_while_the_tasks_of_the_deleted_one_still_stop() {
    let settings = r#"{"releaseOn":"last-stopped","stopTimeoutSeconds":5}"#;
    let events = r#"
        {"atSeconds":0,"createService":{"serviceName":"web","taskDefinition":"half","desiredCount":1}},
        {"atSeconds":1,"deleteService":{"service":"web","force":true}},
        {"atSeconds":2,"createService":{"serviceName":"web","taskDefinition":"half","desiredCount":2}},
        {"atSeconds":3,"stopTask":{"task":"web/0"}},
        {"atSeconds":9,"stopTask":{"task":"web/0"}}"#;
    check(
        &trace(settings, 1, events),
        &[
            "0 web/0 placed i-0 desired",
            "1 web/0 stopped i-0 service-deleted",
            "2 web/0 placed i-0 desired",
            "2 web/1 unplaced RESOURCE:CPU",
            "3 web/0 stopped i-0 stopTask",
            "3 web/2 unplaced RESOURCE:CPU",
            "6 web/1 placed i-0 desired",
            "8 web/2 placed i-0 replacement",
            "end 9",
        ],
    );
}

/// A deployment of a service that had no tasks is over as soon as they are placed.
#[test]
fn zones_are_evened_out_after_a_deployment_that_ends_at_once() {
    let events = r#"
        {"atSeconds":0,"createService":{"serviceName":"web","taskDefinition":"quarter","desiredCount":0}},
        {"atSeconds":0,"startTask":{"taskDefinition":"half","containerInstances":["i-1"]}},
        {"atSeconds":1,"updateService":{"service":"web","desiredCount":2,"forceNewDeployment":true}},
        {"atSeconds":100,"stopTask":{"group":"family:none"}}"#;
    assert_eq!(
        lines(&trace("{}", 2, events), "headroom").expect("it runs"),
        [
            "0 task-1 placed i-1",
            "1 web/0 placed i-0 deployment",
            "1 web/1 placed i-0 deployment",
            "1 web/2 placed i-1 rebalancing",
            "41 web/1 stopped i-0 rebalancing",
            "end 100",
        ]
    );
}

/// A zone that has room for nobody holds the balance up until its last instance leaves (C-61).
#[test]
fn a_service_looks_at_its_zones_again_when_one_of_them_vanishes() {
    let events = r#"
        {"atSeconds":0,"registerContainerInstances":[{"ec2InstanceId":"tiny","availabilityZone":"Z",
            "registeredResources":{"cpu":100,"memory":100}}]},
        {"atSeconds":0,"startTask":{"taskDefinition":"half","containerInstances":["i-1"]}},
        {"atSeconds":0,"createService":{"serviceName":"web","taskDefinition":"quarter","desiredCount":2}},
        {"atSeconds":9,"deregisterContainerInstance":{"containerInstance":"tiny"}},
        {"atSeconds":100,"stopTask":{"group":"family:none"}}"#;
    assert_eq!(
        lines(&trace("{}", 2, events), "headroom").expect("it runs"),
        [
            "0 task-1 placed i-1",
            "0 web/0 placed i-0 desired",
            "0 web/1 placed i-0 desired",
            "9 web/2 placed i-1 rebalancing",
            "49 web/1 stopped i-0 rebalancing",
            "end 100",
        ]
    );
}

/// A daemon whose expression looks at tasks belongs where they are as soon as they start.
#[test]
fn a_daemon_follows_the_tasks_that_its_expression_looks_at() {
    let events = r#"
        {"atSeconds":0,"createService":{"serviceName":"agent","taskDefinition":"quarter","schedulingStrategy":"DAEMON",
            "placementConstraints":[{"type":"memberOf","expression":"task:group == family:half"}]}},
        {"atSeconds":1,"startTask":{"taskDefinition":"half","containerInstances":["i-1"],"id":"one"}},
        {"atSeconds":2,"startTask":{"taskDefinition":"fat","containerInstances":["i-0"],"id":"fat"}},
        {"atSeconds":2,"startTask":{"taskDefinition":"half","containerInstances":["i-0"],"id":"two"}},
        {"atSeconds":3,"stopTask":{"task":"two"}},
        {"atSeconds":4,"stopTask":{"task":"fat"}}"#;
    check(
        &trace("{}", 2, events),
        &[
            "1 one placed i-1",
            "1 agent/0 placed i-1 desired",
            "2 fat placed i-0",
            "2 two placed i-0",
            "2 agent/1 unplaced RESOURCE:MEMORY",
            "3 two stopped i-0 stopTask",
            "4 fat stopped i-0 stopTask",
            "end 4",
        ],
    );
}

/// A task of somebody else's may count in the service's group (C-46); the service stops its own.
#[test]
fn scale_in_leaves_standalone_tasks_of_the_group_alone() {
    let events = r#"
        {"atSeconds":0,"createService":{"serviceName":"web","taskDefinition":"quarter","desiredCount":2}},
        {"atSeconds":1,"runTask":{"taskDefinition":"quarter","group":"service:web","id":"guest"}},
        {"atSeconds":2,"updateService":{"service":"web","desiredCount":0}},
        {"atSeconds":3,"deleteService":{"service":"web"}}"#;
    check(
        &trace("{}", 1, events),
        &[
            "0 web/0 placed i-0 desired",
            "0 web/1 placed i-0 desired",
            "1 guest placed i-0",
            "2 web/1 stopped i-0 scale-in",
            "2 web/0 stopped i-0 scale-in",
            "end 3",
        ],
    );
}
