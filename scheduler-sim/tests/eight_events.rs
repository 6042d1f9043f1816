//! Metrics worked out by hand on a trace of eight events: the arithmetic stands beside each number.

use std::io::Write;
use std::process::{Command, Stdio};

/// Two instances of 1000 CPU units and 1000 MiB, one in each zone. Headroom puts each job where most remains.
///
/// ```text
/// second    0    10    30    40    50    60    70    90   100
/// i-000000  A    A     A     E     E,G   G     (failed)   -      A ends at 40, E is stopped at 60, G is lost at 70
/// i-000001  -    B     C     C     C     -     -     -           B ends at 30, C at 60
/// ```
/// D wants 800 CPU units at 35, when 500 and 200 are left: it is refused.
const TRACE: &str = r#"{
  "version": 1,
  "settings": {"endSeconds": 100},
  "containerInstances": [
    {"availabilityZone": "a", "registeredResources": {"cpu": 1000, "memory": 1000}},
    {"availabilityZone": "b", "registeredResources": {"cpu": 1000, "memory": 1000}}
  ],
  "taskDefinitions": [
    {"family": "job", "cpu": 500, "memory": 250},
    {"family": "big", "cpu": 800, "memory": 500}
  ],
  "events": [
    {"atSeconds": 0, "runTask": {"taskDefinition": "job", "id": "A", "durationSeconds": 40}},
    {"atSeconds": 10, "runTask": {"taskDefinition": "job", "id": "B", "durationSeconds": 20}},
    {"atSeconds": 30, "runTask": {"taskDefinition": "big", "id": "C", "durationSeconds": 30}},
    {"atSeconds": 35, "runTask": {"taskDefinition": "big", "id": "D", "durationSeconds": 10}},
    {"atSeconds": 40, "runTask": {"taskDefinition": "job", "id": "E"}},
    {"atSeconds": 50, "runTask": {"taskDefinition": "job", "id": "G"}},
    {"atSeconds": 60, "stopTask": {"task": "E"}},
    {"atSeconds": 70, "failContainerInstances": {"containerInstances": ["i-000000"], "returnsAfterSeconds": 20}}
  ]
}"#;

fn run_of_headroom() -> serde_json::Value {
    let mut program = Command::new(env!("CARGO_BIN_EXE_scheduler-sim"))
        .args(["-", "-s", "headroom", "-f", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program was built for this test");
    program.stdin.take().expect("it is piped").write_all(TRACE.as_bytes()).expect("the program reads");
    let output = program.wait_with_output().expect("the program ends");
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the result is JSON");
    result["results"][0]["runs"][0].clone()
}

#[test]
fn the_metrics_are_what_one_gets_by_hand() {
    let run = run_of_headroom();
    let check = |path: &str, expected: f64| {
        let value = path.split('.').fold(&run, |value, key| &value[key]);
        assert_eq!(value.as_f64(), Some(expected), "{path} in {run}");
    };
    check("tasks.requested", 6.0); // A B C D E G
    check("tasks.placed", 5.0);
    check("tasks.unplaced", 1.0); // D
    check("tasks.completed", 3.0); // A B C
    check("tasks.stopped", 1.0); // E
    check("tasks.lost", 1.0); // G
    check("tasks.running_at_end", 0.0);
    check("unplaced_reasons.RESOURCE:CPU", 1.0);
    // Used: A 500 x 40 + B 500 x 20 + C 800 x 30 + E 500 x 20 + G 500 x 20 = 74,000 unit-seconds.
    // Registered: 2 instances for 70 s, 1 for 20 s, 2 for 10 s: 180 instance-seconds x 1000. 74,000 / 180,000.
    check("utilization.cpu.mean", 0.4111);
    // From 50 to 60 E, G and C: 500 + 500 + 800 of 2000.
    check("utilization.cpu.peak", 0.9);
    check("utilization.cpu.final", 0.0);
    // A 250 x 40 + B 250 x 20 + C 500 x 30 + E 250 x 20 + G 250 x 20 = 40,000; / 180,000.
    check("utilization.memory.mean", 0.2222);
    // One instance used from 0 to 10 and from 60 to 70, two from 10 to 60: (10 + 10 + 2 x 50) / 100.
    check("instances_used.mean", 1.2);
    check("instances_used.peak", 2.0);
    check("instances_used.final", 0.0);
    // Empty: 10 (0 to 10) + 10 (60 to 70) + 20 (one present, 70 to 90) + 2 x 10 (90 to 100) = 60 of 180.
    check("empty_instances.mean", 0.3333);
    check("empty_instances.final", 1.0);
    // Used instances only: 74,000 of 120 instance-seconds x 1000.
    check("packing_density.cpu", 0.6167);
    check("packing_density.memory", 0.3333);
}
