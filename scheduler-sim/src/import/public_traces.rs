//! The heads of public traces, where `../shared/traces` has them: each becomes a trace that the reader accepts.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::testing::{fields, table};
use super::*;
use crate::trace::TraceForm;
use crate::trace::input::Input;

/// How many rows of a table are tried.
const ROWS: usize = 1000;

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/traces");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: there are no public traces in {}", folder.display());
    None
}

/// The first rows of a table, as a file.
fn head(path: &Path) -> String {
    let reader = Input::open(path).and_then(|input| input.reader()).expect("readable").into_reader();
    let mut lines = reader.lines().take(ROWS + 1);
    let mut text = String::new();
    while let Some(line) = lines.next().transpose().expect("text") {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Imports a head, and gives how many tasks are in the trace, which the reader and the report agree on.
fn check(text: &str, import: impl FnOnce(&Path, &mut Vec<u8>) -> Result<ImportReport, ImportError>) -> u64 {
    let (trace, report) = table(text, import).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.rows_read, text.lines().count() as u64 - 1);
    let count = |field: &String| field.split(' ').find_map(|part| part.strip_prefix('x')?.parse::<u64>().ok());
    let counted: u64 = fields(&trace).iter().filter_map(count).sum();
    assert_eq!(counted, report.totals.tasks);
    counted
}

#[test]
fn heads_of_public_traces_become_traces() {
    let Some(folder) = folder() else { return };
    let machines: Machines = "cpu=131072,memory=1048576,gpu=8,count=10".parse().expect("a fleet");
    let zones = Zones::default();

    let azure = AzureOptions { machines: machines.clone(), ..AzureOptions::default() };
    let text = head(&folder.join("azure-v1-vms/v1.dev.csv.gz"));
    assert_eq!(check(&text, |path, out| import_azure_vms(path, &azure, TraceForm::Lines, out)), 1000);

    let text = head(&folder.join("alibaba-dlrm-2025/disaggregated_DLRM_trace.csv.gz"));
    let both = [DlrmRole::Cn, DlrmRole::Hn].map(|role| {
        let options = DlrmOptions { role, machines: machines.clone(), zones: zones.clone() };
        check(&text, |path, out| import_alibaba_dlrm(path, &options, TraceForm::Document, out))
    });
    assert_eq!(both.iter().sum::<u64>(), 1000);

    let (hosts, topology) = (folder.join("huawei-topology/pm_res.csv"), folder.join("huawei-topology/topology.csv.gz"));
    let text = head(&folder.join("huawei-topology/vm_C1.csv"));
    let import =
        |path: &Path, out: &mut Vec<u8>| import_huawei_topology(&hosts, path, Some(&topology), TraceForm::Lines, out);
    assert_eq!(check(&text, import), 1000);

    for (file, map, tasks) in [
        (
            "surf-2022-10/tasks.csv.gz",
            "at=submit_s,cpu=cpu_count*1024,memory=1024,duration=duration_s,id=id",
            Some(1000),
        ),
        (
            "alibaba-batch-cloudsimpy/jobs.csv.gz",
            "at=submit_time,cpu=cpu*1024,memory=memory*262144,duration=duration,count=instances_num,group=job_id",
            None,
        ),
    ] {
        let map = map.parse().expect("a map");
        let (machines, zones) = (machines.clone(), zones.clone());
        let options = CsvOptions { map, start: CsvStart::First, skip_broken: false, machines, zones };
        let counted = check(&head(&folder.join(file)), |path, out| import_csv(path, &options, TraceForm::Lines, out));
        assert!(tasks.is_none_or(|tasks| tasks == counted), "{file}: {counted}");
    }
}
