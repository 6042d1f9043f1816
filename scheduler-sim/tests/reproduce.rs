//! `reproduce fgd` on a study of two nodes and two pods.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const FILES: [(&str, &str); 4] = [
    ("openb_node_list_gpu_node.csv", "sn,cpu_milli,memory_mib,gpu,model\nn0,8000,8192,1,P100\nn1,8000,8192,1,T4\n"),
    (
        "openb_pod_list_tiny.csv",
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n\
         p0,1000,1024,1,1000,,LS,Running,0,9,0\np1,1000,1024,1,500,,LS,Running,1,9,1\n",
    ),
    ("event-order_tiny.csv", "seed,pos,pod,clone\n42,0,p0,0\n42,1,p1,0\n42,2,p1,1\n"),
    ("node-order_tiny.csv", "seed,rank,node\n42,0,n0\n42,1,n1\n"),
];

fn reproduce(folder: &Path, more: &[&str]) -> Output {
    let folder = folder.to_str().expect("text");
    Command::new(env!("CARGO_BIN_EXE_scheduler-sim"))
        .args(["reproduce", "fgd", "--data", folder])
        .args(more)
        .output()
        .expect("the program starts")
}

/// The exit status, and what was said on either stream.
fn told(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    (output.status.code(), text.concat())
}

#[test]
fn figures_are_met_or_missed_or_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    for (name, text) in FILES {
        fs::write(path.join(name), text).expect("written");
    }
    let expected = path.join("expected.csv");
    let ask = |table: &str| {
        fs::write(&expected, table).expect("written");
        told(&reproduce(path, &["--policy", "fgd", "--expected", expected.to_str().expect("text")]))
    };
    // A whole GPU and two halves are all that there is.
    let (status, text) = ask("workload,fgd\ntiny,100\n");
    assert!(status == Some(0) && text.contains("100.00 ="), "{text}");
    let (status, text) = ask("variant,FGD\ntiny,99.5\n");
    assert!(status == Some(1) && text.contains("100.00 +0.50"), "{text}");
    for table in ["workload,fdg\ntiny,100\n", "workload,fgd\ntinny,100\n", "workload,fgd\ntiny,\n"] {
        let (status, text) = ask(table);
        assert!(status == Some(2) && text.contains("no figure for any of these runs"), "{text}");
    }
}

#[test]
fn what_is_not_there_is_named_beside_what_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    let check = |more: &[&str], expected: &str| {
        let (status, text) = told(&reproduce(path, more));
        assert!(status == Some(2) && text.contains(expected), "{text}");
    };
    check(&[], "openb_node_list_gpu_node.csv: cannot read the file");
    fs::write(path.join(FILES[0].0), FILES[0].1).expect("written");
    check(&[], "has no workload with its orders");
    check(&["--variant", "tiny"], "has no workload with its orders");
    for (name, text) in &FILES[1..] {
        fs::write(path.join(name), text).expect("written");
    }
    check(&["--variant", "tinny"], "no workload `tinny`; there are tiny");
    check(&["--seed", "7"], "no orders of seed 7; there are 42");
    fs::write(path.join(FILES[3].0), "seed,rank,node\n42,0,n0\n42,1,n0\n").expect("written");
    check(&[], "the order does not have each node of the list once");
}
