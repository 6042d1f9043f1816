//! Instances of Alibaba's recommendation services, 2025 (`cluster-trace-gpu-v2025`): two pools of nodes that share nothing.
//!
//! What becomes of what:
//! - an instance of the chosen role: a task of its name, whose group is its app. Instances of an app that are alike share
//!   a task definition;
//! - `cpu_request`, `memory_request`, `gpu_request`: 1024 CPU units a vCPU, 1024 MiB a GiB, GPUs;
//! - `max_instance_per_node`: `maxTasksPerInstance`; -1 is none;
//! - it arrives at `creation_time` and runs from `scheduled_time` to `deletion_time`; one that was there before the start
//!   arrives at second 0, and one that is never deleted does not end;
//! - the trace ends at the last moment that the table names, of whichever role, so that both pools end at the same;
//! - `rdma_request` and `disk_request` have no place in a trace.

use std::io::Write;
use std::path::Path;

use super::ImportReport;
use super::error::ImportError;
use super::machines::{Machines, Zones};
use super::table::{Column, Row, Table, UniqueNames};
use super::task_trace::{Preamble, Shape, Task, TaskTrace, title};
use crate::trace::TraceForm;

/// Which pool of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DlrmRole {
    /// Nodes with CPUs alone.
    Cn,
    /// Nodes with GPUs.
    Hn,
}

impl DlrmRole {
    fn name(self) -> &'static str {
        match self {
            Self::Cn => "CN",
            Self::Hn => "HN",
        }
    }
}

/// What an import of the table takes besides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DlrmOptions {
    /// The pool.
    pub role: DlrmRole,
    /// Its nodes, of which the data tells nothing.
    pub machines: Machines,
    /// Their zones.
    pub zones: Zones,
}

/// Writes the trace of one pool.
///
/// # Errors
/// [`ImportError`] with file and line for a column that is missing, a field that is none, or an instance that is there
/// twice.
pub fn import_alibaba_dlrm(
    path: &Path,
    options: &DlrmOptions,
    form: TraceForm,
    out: &mut dyn Write,
) -> Result<ImportReport, ImportError> {
    let mut table = Table::open(path)?;
    let columns = Columns::of(&table)?;
    let mut names = UniqueNames::default();
    let mut trace = TaskTrace::new();
    let mut counts = Counts::default();
    while let Some(row) = table.next()? {
        counts.rows += 1;
        let times = columns.times(&row)?;
        counts.end_ms = counts.end_ms.max(times.latest());
        match row.text(columns.role) {
            role if role == options.role.name() => {}
            "CN" | "HN" => {
                counts.other_role += 1;
                continue;
            }
            _ => return Err(row.wrong(columns.role, "CN or HN")),
        }
        let name = names.take(&row, columns.name)?;
        let Some(duration_ms) = times.duration() else {
            counts.backwards += 1;
            continue;
        };
        counts.note(&columns, &row, &times);
        let app = row.name(columns.app)?;
        let task = Task {
            shape: columns.shape(&row, app)?,
            count: 1,
            id: Some(name.into()),
            group: Some(app.to_owned()),
            duration_ms,
            constraints: Vec::new(),
        };
        trace.add(times.created.unwrap_or(0), task)?;
    }
    let entries = options.machines.entries(&options.zones);
    let name = format!("{} {}", title(path), options.role.name());
    let end_ms = Some(counts.end_ms).filter(|&end_ms| end_ms > 0);
    let preamble = Preamble { name, instances: &entries, start_ms: 0, end_ms };
    let mut report = trace.write(&preamble, form, out)?;
    report.rows_read = counts.rows;
    report.rows_dropped = counts.other_role + counts.backwards;
    report.container_instances = options.machines.count();
    report.notes.extend(counts.notes(options.role));
    Ok(report)
}

/// When an instance was created, scheduled and deleted, in milliseconds, as far as the data knows.
struct Times {
    created: Option<u64>,
    scheduled: Option<u64>,
    deleted: Option<u64>,
}

impl Times {
    fn latest(&self) -> u64 {
        self.created.max(self.scheduled).max(self.deleted).unwrap_or(0)
    }

    /// How long it ran, if it ended; `None` if it ended before it began.
    #[expect(clippy::option_option, reason = "impossible, without end, with one")]
    fn duration(&self) -> Option<Option<u64>> {
        let began = self.scheduled.or(self.created).unwrap_or(0);
        match self.deleted {
            Some(deleted) => deleted.checked_sub(began).map(Some),
            None => Some(None),
        }
    }
}

#[derive(Default)]
struct Counts {
    rows: u64,
    other_role: u64,
    backwards: u64,
    present: u64,
    endless: u64,
    with_card: u64,
    end_ms: u64,
}

impl Counts {
    fn note(&mut self, columns: &Columns, row: &Row<'_>, times: &Times) {
        self.present += u64::from(times.created.is_none());
        self.endless += u64::from(times.deleted.is_none());
        let card = columns.card.map(|card| row.text(card)).unwrap_or_default();
        self.with_card += u64::from(!matches!(card, "" | "0" | "0.0"));
    }

    fn notes(&self, role: DlrmRole) -> Vec<String> {
        let mut notes = vec![
            format!("{} rows are not of role {}, and are left out", self.other_role, role.name()),
            format!("{} instances were there before the start: they arrive at second 0", self.present),
            format!("{} instances are never deleted: they have no duration", self.endless),
            format!(
                "{} instances ask for a share of a network card, and all for disk: a trace has no word for either",
                self.with_card
            ),
        ];
        if self.backwards > 0 {
            notes.push(format!("{} instances are deleted before they are scheduled, and are left out", self.backwards));
        }
        notes
    }
}

struct Columns {
    name: Column,
    role: Column,
    app: Column,
    cpu: Column,
    gpu: Column,
    memory: Column,
    card: Option<Column>,
    cap: Column,
    created: Column,
    scheduled: Column,
    deleted: Column,
}

impl Columns {
    fn of(table: &Table) -> Result<Self, ImportError> {
        let column = |name| {
            table.column(
                name,
                "The table is disaggregated_DLRM_trace.csv of Alibaba's cluster-trace-gpu-v2025, with its names",
            )
        };
        Ok(Self {
            name: column("instance_sn")?,
            role: column("role")?,
            app: column("app_name")?,
            cpu: column("cpu_request")?,
            gpu: column("gpu_request")?,
            memory: column("memory_request")?,
            card: table.optional_column("rdma_request"),
            cap: column("max_instance_per_node")?,
            created: column("creation_time")?,
            scheduled: column("scheduled_time")?,
            deleted: column("deletion_time")?,
        })
    }

    fn times(&self, row: &Row<'_>) -> Result<Times, ImportError> {
        Ok(Times {
            created: row.milliseconds(self.created)?,
            scheduled: row.milliseconds(self.scheduled)?,
            deleted: row.milliseconds(self.deleted)?,
        })
    }

    fn shape(&self, row: &Row<'_>, app: &str) -> Result<Shape, ImportError> {
        let cap = match row.text(self.cap) {
            "-1" => None,
            text => {
                let cap = text.parse().ok().filter(|&cap: &u32| cap > 0);
                Some(cap.ok_or_else(|| row.wrong(self.cap, "-1 or an integer from 1 on"))?)
            }
        };
        Ok(Shape {
            family: Some(app.into()),
            cpu_units: row.exact_amount(self.cpu, 1024)?,
            memory_mib: row.exact_amount(self.memory, 1024)?,
            gpus: row.exact_amount(self.gpu, 1)?,
            max_tasks_per_instance: cap,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{error_of, fields, table};
    use super::*;

    const TABLE: &str = "\u{feff}instance_sn,role,app_name,cpu_request,gpu_request,rdma_request,memory_request,\
        max_instance_per_node,creation_time,scheduled_time,deletion_time\n\
        i3,CN,a,2,0,25,937.5,8,50.0,60.5,70.0\ni0,HN,a,12,1,25,120.0,8,,,\ni1,CN,a,2,0,0,937.5,8,,,5\n\
        i2,CN,a,2,0,25,4,-1,7,9,8\ni4,CN,a,4,0,0,1,-1,9,9,\n";

    fn import(text: &str, role: DlrmRole) -> Result<(Vec<u8>, ImportReport), ImportError> {
        let machines = "cpu=65536,memory=1048576,count=2".parse().expect("a fleet");
        let options = DlrmOptions { role, machines, zones: Zones::default() };
        table(text, |path, out| import_alibaba_dlrm(path, &options, TraceForm::Document, out))
    }

    #[test]
    fn a_pool_has_its_instances_in_the_order_of_time() {
        let (trace, report) = import(TABLE, DlrmRole::Cn).expect("instances");
        assert_eq!(fields(&trace), ["0 a x1 i1 a 5000", "9 a-2 x1 i4 a -", "50 a x1 i3 a 9500"]);
        let text = String::from_utf8_lossy(&trace);
        assert!(text.contains(r#""memory":960000,"maxTasksPerInstance":8"#), "{text}");
        assert!(text.contains("\"endSeconds\":70}"), "{text}");
        assert_eq!((report.rows_read, report.rows_dropped, report.events), (5, 2, 3));
        assert_eq!(
            report.notes.last().expect("notes"),
            "1 instances are deleted before they are scheduled, and are left out"
        );
        let (trace, _) = import(TABLE, DlrmRole::Hn).expect("instances");
        assert_eq!(fields(&trace), ["0 a x1 i0 a -"]);
    }

    #[test]
    fn broken_rows_are_refused_with_file_and_line() {
        for (from, to, message) in [
            ("937.5,8,50", "937.5,0,50", "table.csv:2: `max_instance_per_node` is \"0\"; expected -1 or an integer"),
            ("i0,HN", "i0,XN", "table.csv:3: `role` is \"XN\"; expected CN or HN"),
            ("i4,CN", "i1,CN", "table.csv:6: `i1` is there already, on line 4"),
            ("60.5", "nan", "table.csv:2: `scheduled_time` is \"nan\"; expected a number from 0 on"),
            ("role,", "rolle,", "table.csv:1: no column `role`"),
        ] {
            let found = error_of(import(&TABLE.replacen(from, to, 1), DlrmRole::Cn));
            assert!(found.contains(message), "{found}");
        }
    }
}
