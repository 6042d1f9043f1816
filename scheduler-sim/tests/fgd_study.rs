//! The published study of FGD, reproduced to the digit: nine workloads, the five policies that draw no lots, ten seeds.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use scheduler_sim::reproduce::{FinalState, Study, StudyPolicy, Workload, run, run_all};

/// Published means of the GPUs allocated at 100 % arrived, in hundredths of a percent: `DotProd`, `GpuClustering`,
/// `GpuPacking`, `BestFit`, FGD.
const PUBLISHED: [(&str, [u64; 5]); 9] = [
    ("default", [9062, 9165, 9178, 9286, 9523]),
    ("cpu050", [9303, 9352, 9346, 9356, 9500]),
    ("cpu100", [9173, 9242, 9250, 9326, 9521]),
    ("gpushare40", [8930, 8976, 8977, 9144, 9396]),
    ("gpushare60", [8682, 8690, 8715, 8906, 9126]),
    ("gpuspec10", [9017, 9196, 9224, 9310, 9466]),
    ("gpuspec20", [8829, 8911, 8928, 8846, 9466]),
    ("multigpu20", [9185, 9334, 9350, 9373, 9553]),
    ("multigpu30", [9311, 9455, 9470, 9457, 9636]),
];

const POLICIES: [&str; 5] = ["dot-product", "gpu-clustering", "gpu-packing", "best-fit-gpu", "fgd"];

fn study() -> Option<Study> {
    let folder: PathBuf = match std::env::var_os("FGD_OPENB") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces/fgd-openb"),
    };
    if folder.is_dir() {
        return Some(Study::open(&folder).expect("the list of nodes is sound"));
    }
    eprintln!("SKIPPED: the data of the FGD study is not in {}", folder.display());
    None
}

fn policy(name: &str) -> StudyPolicy {
    StudyPolicy::of_name(name).expect("a policy of the study")
}

#[test]
fn the_means_of_all_workloads_and_policies_are_those_published() {
    let Some(study) = study() else { return };
    let workloads: Vec<Workload> =
        PUBLISHED.iter().map(|(variant, _)| study.workload(variant).expect("the workload is sound")).collect();
    let seeds = |workload: &Workload| {
        let seeds = workload.seeds();
        assert_eq!(seeds, (42..=51).collect::<Vec<_>>());
        seeds
    };
    let tasks: Vec<_> = workloads
        .iter()
        .flat_map(|workload| POLICIES.map(|name| (workload, policy(name))))
        .flat_map(|(workload, policy)| seeds(workload).into_iter().map(move |seed| (workload, policy, seed)))
        .collect();
    let jobs = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let runs = run_all(&tasks, jobs).expect("every run comes to its end");
    assert_eq!(runs.len(), 450);
    let mut wrong = Vec::new();
    let published = PUBLISHED.iter().flat_map(|(variant, means)| means.iter().map(move |mean| (*variant, *mean)));
    for ((variant, published), runs) in published.zip(runs.chunks(10)) {
        let hundredths: u64 = runs
            .iter()
            .map(|run| {
                let point = run.curve.point(100).expect("more than 100 % arrives");
                format!("{:.2}", point.alloc_pct).replace('.', "").parse::<u64>().expect("digits")
            })
            .sum();
        let mean = (hundredths + 5) / 10;
        if mean != published {
            wrong.push(format!("{variant} {}: {mean} instead of {published}", runs[0].policy.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_end_of_one_run_is_what_the_study_prints() {
    let Some(study) = study() else { return };
    let workload = study.workload("default").expect("the workload is sound");
    let FinalState { gpu_milli, gpus, cpu_milli, memory_mib, fragmented_milli, idle_milli } =
        run(&workload, policy("fgd"), 42).expect("it comes to its end").end;
    assert_eq!((gpu_milli, gpus, cpu_milli, memory_mib), (5_919_410, 6_189, 89_928_302, 313_757_356));
    assert_eq!((format!("{:.2}", fragmented_milli / 1000.0), idle_milli), ("291.36".to_owned(), 292_590));
}
