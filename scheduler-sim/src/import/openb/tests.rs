//! Small lists in, traces out.

use super::*;
use crate::trace::{Action, OpenOptions, from_bytes};

const NODES: &str = "sn,cpu_milli,memory_mib,gpu,model\nn1,64000,262144,2,P100\nn2,96000,262144,0,\n";
const PODS: &str = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time,scheduled_time\n\
    p1,1000,10,1,460,P100|T4|P100,5,20,7\np2,2000,20,0,0,,1,9,\np3,1000,10,1,460,T4|P100,6,,6\np4,1,1,2,1000,,9,3,4\n";

fn import(
    nodes: &str,
    pods: &str,
    order: Option<&str>,
    form: TraceForm,
) -> Result<(Vec<u8>, ImportReport), ImportError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("writable");
        path
    };
    let event_order = order.map(|order| path("order.csv", order));
    let options = OpenbOptions { event_order, order_seed: order.map(|_| 42), node_order: None };
    let mut out = Vec::new();
    let report = import_openb(&path("nodes.csv", nodes), &path("pods.csv", pods), &options, form, &mut out)?;
    Ok((out, report))
}

fn runs(trace: &[u8]) -> Vec<(u64, String, String, Option<u64>)> {
    let source = from_bytes("t", trace, OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
    let events = source.events(&survey).expect("readable").map(|event| event.expect("sound"));
    events
        .filter_map(|event| match event.action {
            Action::RunTask(run) => {
                let family = run.request.definition.core.family().to_owned();
                Some((event.at_ms / 1000, run.names.id().to_string(), family, run.duration_ms))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn pods_arrive_at_their_times() {
    let shared = "c1000-m10-g1-share460-on-P100-T4";
    for form in [TraceForm::Document, TraceForm::Lines] {
        let (trace, report) = import(NODES, PODS, None, form).expect("openb");
        assert_eq!(
            runs(&trace),
            [
                (1, "p2".into(), "c2000-m20".into(), Some(8000)),
                (5, "p1".into(), shared.into(), Some(13_000)),
                (6, "p3".into(), shared.into(), None),
            ]
        );
        assert_eq!((report.rows_dropped, report.task_definitions, report.container_instances), (1, 2, 2));
    }
}

#[test]
fn an_order_brings_one_pod_a_second_and_names_clones() {
    let order = "seed,pos,pod,clone\n42,0,p3,0\n43,0,p1,0\n42,1,p1,0\n42,2,p3,1\n";
    let (trace, report) = import(NODES, PODS, Some(order), TraceForm::Document).expect("openb");
    let arrivals: Vec<_> = runs(&trace).into_iter().map(|(at, id, _, runs)| (at, id, runs)).collect();
    assert_eq!(arrivals, [(0, "p3".into(), None), (1, "p1".into(), None), (2, "p3.2".into(), None)]);
    assert_eq!(report.events, 3);
}

#[test]
fn broken_tables_are_refused_with_file_and_line() {
    let error = |nodes: &str, pods: &str, order: Option<&str>| {
        let error = import(nodes, pods, order, TraceForm::Document).expect_err("broken").to_string();
        error.rsplit_once('/').map_or(error.clone(), |(_, rest)| rest.to_owned())
    };
    assert_eq!(
        error("sn,gpu\n", PODS, None),
        "nodes.csv:1: no column `cpu_milli`; there are `sn`, `gpu`. A list of nodes has the columns `sn`, `cpu_milli`, \
         `memory_mib`, `gpu` and `model`"
    );
    let times = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n";
    assert!(error(NODES, times, None).ends_with("A list without times is read with an event order"));
    assert_eq!(
        error(&NODES.replace("64000", "x"), PODS, None),
        "nodes.csv:2: `cpu_milli` is \"x\"; expected an integer from 0 to 2147483647"
    );
    assert_eq!(error(&NODES.replace("n2", "n1"), PODS, None), "nodes.csv:3: `n1` is there already, on line 2");
    assert_eq!(error(NODES, PODS, Some("seed,pod\n1,p1\n2,p1\n")), "order.csv: the seeds are 1, 2; choose one of them");
    assert_eq!(error(NODES, PODS, Some("pod\np9\n")), "order.csv:2: `p9` is not in the list of pods");
    assert!(error(NODES, "name,cpu_milli\np\n", None).contains("pods.csv:1: no column"));
    assert!(error("sn,cpu_milli,memory_mib,gpu,model\nn1,1\n", PODS, None).contains("not a table"));
}
