//! Virtual machines of Azure, 2017 (`azure-v1-vms`): a table of arrivals in batches, with bins of lifetimes.
//!
//! What becomes of what:
//! - a VM: a task that arrives at `arrival_s`, of which 1,800,000 is second 0;
//! - neighbours in a batch that are alike in cores, memory and lifetime: one runTask; the batch is their group;
//! - `duration_lo_s` and `duration_hi_s`: the lifetime is the middle of the two, or either; of VMs that are `censored`,
//!   since they outlive the data, it is none;
//! - a core: 1024 CPU units; a GB of memory: 1024 MiB;
//! - the trace ends a step of five minutes after the last arrival, which is where the data ends.

use std::io::Write;
use std::path::Path;

use super::ImportReport;
use super::error::ImportError;
use super::machines::{Machines, Zones};
use super::table::{Column, Row, Table};
use super::task_trace::{Preamble, Shape, Task, TaskTrace, title};
use crate::trace::TraceForm;

/// The second of the data that is second 0 of the trace.
const START_MS: u64 = 1_800_000_000;
/// Arrivals are known to so much.
const STEP_MS: u64 = 300_000;

/// Which lifetime of a bin a VM has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lifetime {
    /// The shortest.
    Lo,
    /// The middle.
    #[default]
    Mid,
    /// The longest.
    Hi,
}

/// What an import of Azure's table takes besides it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AzureOptions {
    /// Which lifetime of its bin a VM has.
    pub lifetime: Lifetime,
    /// The fleet, of which the data tells nothing.
    pub machines: Machines,
    /// The zones of the fleet.
    pub zones: Zones,
}

/// Writes the trace of a table of VMs.
///
/// # Errors
/// [`ImportError`] with file and line for a column that is missing or a field that is none.
pub fn import_azure_vms(
    path: &Path,
    options: &AzureOptions,
    form: TraceForm,
    out: &mut dyn Write,
) -> Result<ImportReport, ImportError> {
    let mut table = Table::open(path)?;
    let columns = Columns::of(&table)?;
    let mut trace = TaskTrace::new();
    let (mut rows, mut censored) = (0, 0);
    let mut open: Option<Run> = None;
    while let Some(row) = table.next()? {
        rows += 1;
        let run = columns.read(&row, options.lifetime)?;
        censored += u64::from(run.task.duration_ms.is_none());
        match &mut open {
            Some(open) if open.takes(&run) => open.task.count += 1,
            _ => {
                if let Some(done) = open.replace(run) {
                    trace.add(done.at_ms, done.task)?;
                }
            }
        }
    }
    if let Some(done) = open {
        trace.add(done.at_ms, done.task)?;
    }
    let entries = options.machines.entries(&options.zones);
    let end_ms = (rows > 0).then(|| trace.latest_ms() + STEP_MS);
    let preamble = Preamble { name: title(path), instances: &entries, start_ms: START_MS, end_ms };
    let mut report = trace.write(&preamble, form, out)?;
    report.rows_read = rows;
    report.container_instances = options.machines.count();
    report.notes.push(format!("{censored} of {rows} VMs outlive the data: they have no duration"));
    report.notes.push("neighbours in a batch of the same cores, memory and lifetime are one runTask".into());
    Ok(report)
}

/// VMs that are alike.
struct Run {
    at_ms: u64,
    task: Task,
}

impl Run {
    /// Whether a VM continues the run.
    fn takes(&self, next: &Self) -> bool {
        let (this, next_task) = (&self.task, &next.task);
        self.at_ms == next.at_ms
            && this.count < u32::MAX >> 1
            && this.group == next_task.group
            && this.shape == next_task.shape
            && this.duration_ms == next_task.duration_ms
    }
}

struct Columns {
    vm: Column,
    batch: Column,
    arrival: Column,
    cores: Column,
    memory: Column,
    lo: Column,
    hi: Column,
    censored: Column,
}

impl Columns {
    fn of(table: &Table) -> Result<Self, ImportError> {
        let column = |name| {
            table.column(
                name,
                "The table has `vm`, `batch`, `arrival_s`, `cores`, `memory_gb`, `duration_lo_s`, `duration_hi_s` and \
                 `censored`",
            )
        };
        Ok(Self {
            vm: column("vm")?,
            batch: column("batch")?,
            arrival: column("arrival_s")?,
            cores: column("cores")?,
            memory: column("memory_gb")?,
            lo: column("duration_lo_s")?,
            hi: column("duration_hi_s")?,
            censored: column("censored")?,
        })
    }

    fn read(&self, row: &Row<'_>, lifetime: Lifetime) -> Result<Run, ImportError> {
        let arrival = row.milliseconds(self.arrival)?.filter(|&at| at >= START_MS);
        let at_ms = arrival.ok_or_else(|| row.wrong(self.arrival, "seconds from 1800000 on, where the data starts"))?;
        let is_censored = match row.text(self.censored) {
            "0" => false,
            "1" => true,
            _ => return Err(row.wrong(self.censored, "0 or 1")),
        };
        let bound = |column| row.milliseconds(column)?.ok_or_else(|| row.wrong(column, "seconds from 0 on"));
        let (lo, hi) = (bound(self.lo)?, bound(self.hi)?);
        if hi < lo {
            return Err(row.wrong(self.hi, "seconds from `duration_lo_s` on"));
        }
        let duration = match lifetime {
            Lifetime::Lo => lo,
            Lifetime::Mid => u64::midpoint(lo, hi),
            Lifetime::Hi => hi,
        };
        let shape = Shape {
            family: None,
            cpu_units: row.exact_amount(self.cores, 1024)?,
            memory_mib: row.exact_amount(self.memory, 1024)?,
            gpus: 0,
            max_tasks_per_instance: None,
        };
        let task = Task {
            shape,
            count: 1,
            id: Some(format!("vm-{}", row.integer(self.vm)?)),
            group: Some(format!("batch-{}", row.integer(self.batch)?)),
            duration_ms: (!is_censored).then_some(duration),
            constraints: Vec::new(),
        };
        Ok(Run { at_ms, task })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{error_of, fields, table};
    use super::*;

    const HEAD: &str = "vm,batch,arrival_s,cores,memory_gb,duration_bin,duration_lo_s,duration_hi_s,censored\n";

    fn import(rows: &str, options: &AzureOptions) -> Result<(Vec<u8>, ImportReport), ImportError> {
        table(&format!("{HEAD}{rows}"), |path, out| import_azure_vms(path, options, TraceForm::Lines, out))
    }

    #[test]
    fn runs_of_equal_vms_of_a_batch_are_one_run_task() {
        let rows = "0,0,1800000,8,14,1,300,301,0\r\n1,0,1800000,8,14,1,300,301,0\r\n\"2\",0,1800000,1,0.75,4,1200,1200,1\r\n\
                    3,1,1800300,1,0.75,4,1200,1200,1\n";
        let options = AzureOptions {
            machines: "m5.large=2".parse().expect("a fleet"),
            zones: "2".parse().expect("zones"),
            ..AzureOptions::default()
        };
        let (trace, report) = import(rows, &options).expect("VMs");
        assert_eq!(
            fields(&trace),
            [
                "0 c8192-m14336 x2 vm-0 batch-0 300500",
                "0 c1024-m768 x1 vm-2 batch-0 -",
                "300 c1024-m768 x1 vm-3 batch-1 -"
            ]
        );
        assert_eq!((report.totals.tasks, report.totals.cpu_units, report.totals.task_ms), (4, 18_432, 601_000));
        assert_eq!((report.rows_read, report.events, report.container_instances), (4, 3, 2));
        assert!(String::from_utf8_lossy(&trace).contains("\"endSeconds\":600"), "a step after the last arrival");
    }

    #[test]
    fn the_lifetime_is_chosen() {
        for (lifetime, expected) in [(Lifetime::Lo, "60000"), (Lifetime::Mid, "90000"), (Lifetime::Hi, "120000")] {
            let options = AzureOptions { lifetime, ..AzureOptions::default() };
            let (trace, _) = import("0,0,1800000,1,1,1,60,120,0\n", &options).expect("VMs");
            assert!(fields(&trace)[0].ends_with(expected), "{lifetime:?}");
        }
    }

    #[test]
    fn rows_out_of_order_are_sorted() {
        let rows = "1,1,1800600,1,1,1,1,1,0\n0,0,1800000,1,1,1,1,1,0\n";
        let (trace, report) = import(rows, &AzureOptions::default()).expect("VMs");
        assert!(fields(&trace)[0].contains("vm-0"));
        assert_eq!(report.notes[0], "1 rows were not in the order of time, and are sorted");
    }

    #[test]
    fn broken_rows_are_refused_with_file_and_line() {
        let error = |rows: &str| error_of(import(rows, &AzureOptions::default()));
        for (row, message) in [
            ("0,0,1799999,1,1,1,1,1,0", "`arrival_s` is \"1799999\"; expected seconds from 1800000 on"),
            ("0,0,1800000,NaN,1,1,1,1,0", "`cores` is \"NaN\"; expected a number from 0 on"),
            ("0,0,1800000,-1,1,1,1,1,0", "`cores` is \"-1\""),
            ("0,0,1800000,1,0.0001,1,1,1,0", "`memory_gb` is \"0.0001\"; expected a number that is a whole one"),
            ("0,0,1800000,1,1,1,2,1,0", "`duration_hi_s` is \"1\""),
            ("0,0,1800000,1,1,1,,1,0", "`duration_lo_s` is \"\""),
            ("0,0,1800000,1,1,1,1,1,yes", "`censored` is \"yes\"; expected 0 or 1"),
            ("0,b,1800000,1,1,1,1,1,0", "`batch` is \"b\"; expected an integer"),
        ] {
            let found = error(&format!("0,0,1800000,1,1,1,1,1,0\n{row}\n"));
            assert!(found.contains("table.csv:3: ") && found.contains(message), "{found}");
        }
        assert!(error("0,0\n").contains("not a table"));
    }
}
