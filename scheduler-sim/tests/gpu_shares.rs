//! Shares of a GPU through the program: a trace with `gpuMilli` and `gpuMillis`, the curve, and policies by name.

use std::io::Write;
use std::process::{Command, Output, Stdio};

const TRACE: &str = r#"{"version": 1, "name": "shares",
  "containerInstances": [
    {"ec2InstanceId": "a", "availabilityZone": "z", "registeredResources": {"cpu": 4000, "memory": 4000, "gpu": 2}},
    {"ec2InstanceId": "b", "availabilityZone": "z", "registeredResources": {"cpu": 4000, "memory": 4000, "gpu": 1},
     "gpuMillis": [500]}],
  "taskDefinitions": [
    {"family": "half", "cpu": 100, "memory": 100, "gpu": 1, "gpuMilli": 500},
    {"family": "most", "cpu": 100, "memory": 100, "gpu": 1, "gpuMilli": 600}],
  "events": [
    {"atSeconds": 0, "runTask": {"taskDefinition": "half", "id": "first"}},
    {"atSeconds": 1, "runTask": {"taskDefinition": "most", "id": "second"}},
    {"atSeconds": 2, "runTask": {"taskDefinition": "half", "id": "third"}},
    {"atSeconds": 3, "runTask": {"taskDefinition": "most", "id": "fourth"}}]}"#;

fn program(arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_scheduler-sim"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("piped").write_all(TRACE.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn stdout(arguments: &[&str]) -> String {
    let output = program(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// On `b` half of the one GPU is left: the first task takes that by `best-fit(gpu)`, the second a GPU of `a`, the third the
/// other one of `a`, and for the fourth, 600 thousandths, there is room nowhere.
#[test]
fn shares_count_as_what_they_are() {
    let columns = "tasks.unplaced,unplaced_reasons,utilization.gpu.final";
    let csv = stdout(&["-q", "-s", "best-fit(gpu)", "-f", "csv", "--columns", columns, "-"]);
    assert_eq!(csv.lines().nth(1), Some("shares,best-fit(gpu),0,1,RESOURCE:GPU=1,0.7"), "{csv}");
    let spread = stdout(&["-q", "-s", "first-fit", "-f", "csv", "--columns", columns, "-"]);
    assert_eq!(spread.lines().nth(1), Some("shares,first-fit,0,1,RESOURCE:GPU=1,0.7"), "{spread}");
}

/// 500, 1,100, 1,600 and 2,200 of 3,000 thousandths have arrived: 17, 37, 53 and 73 percent.
#[test]
fn the_curve_has_a_point_where_something_arrived() {
    let csv = stdout(&["-q", "-s", "fgd", "-f", "csv", "--curve", "gpu-allocation", "-"]);
    let arrived: Vec<_> = csv.lines().skip(1).filter_map(|line| line.split(',').nth(3)).collect();
    assert_eq!(arrived, ["16", "17", "18", "36", "37", "38", "52", "53", "54", "72", "73", "74"], "{csv}");
    let json = stdout(&["-q", "-s", "fgd", "-f", "json", "--curve", "gpu-allocation", "-"]);
    let result: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let run = &result["results"][0]["runs"][0];
    assert_eq!((&run["curve"][1]["arrived"], run["curve"].as_array().map(Vec::len)), (&17.into(), Some(12)));
    // 500 of others and 500 of the first task.
    assert_eq!(run["curve"][1]["alloc_pct"], 33.33);
}

/// Only the engine can ask a policy whom it keeps, so that no number of instances left is made up.
#[test]
fn explain_knows_policies_too() {
    for (strategy, rule) in [("fgd", "fgd"), ("random,best-fit(gpu)", ""), ("best-fit(gpu),random", "best-fit(gpu)")] {
        let told = stdout(&["explain", "-", "--task", "first", "-s", strategy]);
        let step = format!("{rule}: a policy of its own, and what follows it -> 1 left\n  placed on b");
        assert_eq!(told.contains(&step), !rule.is_empty(), "{told}");
        assert!(!told.contains("tie:"), "{told}");
    }
}
