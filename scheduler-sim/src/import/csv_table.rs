//! Anyone's table of tasks: `import csv --map at=…,cpu=…,memory=…`.
//!
//! A row is a runTask. CPU is in CPU units, memory in MiB, times in seconds: a factor brings others to that. `at` and `end`
//! may be dates as well, such as `2022-10-01T00:00:00+02:00`. Amounts are rounded to the nearest whole one, times to the
//! nearest millisecond. Rows may stand in any order. Without a duration a task does not end.

use std::io::Write;
use std::path::Path;

use jiff::Timestamp;
use scheduler_core::TaskGroup;

use super::ImportReport;
use super::columns::{ColumnMap, Source};
use super::decimal::{Decimal, Rounded};
use super::error::ImportError;
use super::machines::{Machines, Zones};
use super::seconds::MAX_MS;
use super::table::{Column, Row, Table};
use super::task_trace::{Preamble, Shape, Task, TaskTrace, title};
use crate::trace::TraceForm;

/// What second of the table is second 0 of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CsvStart {
    /// This one.
    Second(u64),
    /// That of the earliest row.
    First,
}

/// What an import of a table takes besides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// Which columns become what.
    pub map: ColumnMap,
    /// What is second 0.
    pub start: CsvStart,
    /// Whether rows with a broken field are left out instead of refused.
    pub skip_broken: bool,
    /// The fleet.
    pub machines: Machines,
    /// The zones of the fleet.
    pub zones: Zones,
}

/// Writes the trace of a table.
///
/// # Errors
/// [`ImportError`] with file and line for a column that is missing, or a field that is none, unless such rows are left out.
pub fn import_csv(
    path: &Path,
    options: &CsvOptions,
    form: TraceForm,
    out: &mut dyn Write,
) -> Result<ImportReport, ImportError> {
    let mut table = Table::open(path)?;
    let columns = Columns::of(&options.map, &table)?;
    let mut trace = TaskTrace::new();
    let mut counts = Counts::default();
    while let Some(row) = table.next()? {
        counts.rows += 1;
        let mut is_exact = true;
        let read = columns.read(&row, options, &mut is_exact);
        match read {
            Ok(Read::Task(at_ms, task)) => {
                counts.rounded += u64::from(!is_exact);
                counts.earliest_ms = Some(counts.earliest_ms.map_or(at_ms, |earliest: u64| earliest.min(at_ms)));
                trace.add(at_ms, task)?;
            }
            Ok(Read::None) => counts.of_none += 1,
            Ok(Read::Backwards) => counts.backwards += 1,
            Err(error @ ImportError::Field { .. }) if options.skip_broken => {
                counts.broken += 1;
                counts.first_broken.get_or_insert_with(|| error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    let entries = options.machines.entries(&options.zones);
    let start_ms = match options.start {
        CsvStart::Second(second) => second * 1000,
        CsvStart::First => counts.earliest_ms.unwrap_or(0),
    };
    let preamble = Preamble { name: title(path), instances: &entries, start_ms, end_ms: None };
    let mut report = trace.write(&preamble, form, out)?;
    report.rows_read = counts.rows;
    report.rows_dropped = counts.of_none + counts.backwards + counts.broken;
    report.container_instances = options.machines.count();
    report.notes.extend(counts.notes());
    Ok(report)
}

#[derive(Default)]
struct Counts {
    rows: u64,
    rounded: u64,
    of_none: u64,
    backwards: u64,
    broken: u64,
    first_broken: Option<String>,
    earliest_ms: Option<u64>,
}

impl Counts {
    fn notes(&self) -> Vec<String> {
        let notes = [
            (self.rounded, "rows have amounts or times that are rounded to a whole CPU unit, MiB or millisecond"),
            (self.of_none, "rows have a count of 0, and are left out"),
            (self.backwards, "rows end before they begin, and are left out"),
        ];
        let notes = notes.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let first = self.first_broken.iter();
        notes
            .chain(first.map(|first| format!("{} rows are broken, and are left out; the first: {first}", self.broken)))
            .collect()
    }
}

/// What a row is.
enum Read {
    Task(u64, Task),
    /// No task.
    None,
    /// It ends before it begins.
    Backwards,
}

/// A [`Source`] in a table.
#[derive(Clone, Copy)]
enum Value<'m> {
    Constant(Decimal, &'m str),
    Column(Column, Decimal),
}

struct Columns<'m> {
    at: Value<'m>,
    cpu: Value<'m>,
    memory: Value<'m>,
    gpu: Option<Value<'m>>,
    duration: Option<Value<'m>>,
    end: Option<Value<'m>>,
    count: Option<Value<'m>>,
    group: Option<Value<'m>>,
    id: Option<Value<'m>>,
}

impl<'m> Columns<'m> {
    fn of(map: &'m ColumnMap, table: &Table) -> Result<Self, ImportError> {
        let value = |source: &'m Source| match source {
            Source::Constant(number, text) => Ok(Value::Constant(*number, text)),
            Source::Column { name, factor } => {
                table.column(name, "--map names columns of the table").map(|column| Value::Column(column, *factor))
            }
        };
        let optional = |source: &'m Option<Source>| source.as_ref().map(value).transpose();
        Ok(Self {
            at: value(&map.at)?,
            cpu: value(&map.cpu)?,
            memory: value(&map.memory)?,
            gpu: optional(&map.gpu)?,
            duration: optional(&map.duration)?,
            end: optional(&map.end)?,
            count: optional(&map.count)?,
            group: optional(&map.group)?,
            id: optional(&map.id)?,
        })
    }

    fn read(&self, row: &Row<'_>, options: &CsvOptions, is_exact: &mut bool) -> Result<Read, ImportError> {
        let mut amount = |value: Value<'_>| -> Result<u32, ImportError> {
            let rounded = value.rounded(row, 1, i32::MAX as u64, "an amount from 0 to 2147483647")?;
            *is_exact &= rounded.is_exact;
            // At most 2^31 - 1.
            Ok(rounded.value as u32)
        };
        let shape = Shape {
            family: None,
            cpu_units: amount(self.cpu)?,
            memory_mib: amount(self.memory)?,
            gpus: self.gpu.map_or(Ok(0), &mut amount)?,
            max_tasks_per_instance: None,
        };
        let count = self.count.map_or(Ok(1), &mut amount)?;
        let at_ms = self.at.moment(row, is_exact)?;
        if matches!(options.start, CsvStart::Second(second) if at_ms < second * 1000) {
            return Err(self.at.wrong(row, "a moment from the start of the trace on, which --start says"));
        }
        let duration_ms = match (self.duration, self.end) {
            (Some(duration), _) if !duration.is_empty(row) => {
                let rounded = duration.rounded(row, 1000, MAX_MS, "seconds from 0 to 100000000000, or nothing")?;
                *is_exact &= rounded.is_exact;
                Some(rounded.value)
            }
            (_, Some(end)) if !end.is_empty(row) => match end.moment(row, is_exact)?.checked_sub(at_ms) {
                Some(duration) => Some(duration),
                None => return Ok(Read::Backwards),
            },
            _ => None,
        };
        let group = self.group.filter(|group| !group.is_empty(row)).map(|group| group.group(row)).transpose()?;
        let id = self.id.map(|id| id.name(row)).transpose()?;
        let task = Task { shape, count, id, group, duration_ms, constraints: Vec::new() };
        Ok(if count == 0 { Read::None } else { Read::Task(at_ms, task) })
    }
}

impl Value<'_> {
    fn is_empty(self, row: &Row<'_>) -> bool {
        matches!(self, Self::Column(column, _) if row.text(column).is_empty())
    }

    /// The nearest integer of so many parts of a unit.
    fn rounded(self, row: &Row<'_>, parts: u32, max: u64, expected: &'static str) -> Result<Rounded, ImportError> {
        let number = match self {
            Self::Constant(number, _) => Some(number),
            Self::Column(column, factor) => Decimal::parse(row.text(column)).and_then(|number| number.times(factor)),
        };
        let rounded = number.and_then(|number| number.times(Decimal::from(parts))?.rounded(max));
        rounded.ok_or_else(|| self.wrong(row, expected))
    }

    /// Milliseconds on the clock of the table, or, of a date, since 1970.
    fn moment(self, row: &Row<'_>, is_exact: &mut bool) -> Result<u64, ImportError> {
        const EXPECTED: &str = "seconds from 0 to 100000000000, or a date such as 2022-10-01T00:00:00Z";
        if let Self::Column(column, _) = self
            && let Ok(date) = row.text(column).parse::<Timestamp>()
        {
            return u64::try_from(date.as_millisecond()).map_err(|_| self.wrong(row, EXPECTED));
        }
        let rounded = self.rounded(row, 1000, MAX_MS, EXPECTED)?;
        *is_exact &= rounded.is_exact;
        Ok(rounded.value)
    }

    fn group(self, row: &Row<'_>) -> Result<String, ImportError> {
        let name = self.name(row)?;
        TaskGroup::new(name.as_str()).map_err(|_| self.wrong(row, "a task group"))?;
        Ok(name)
    }

    fn name(self, row: &Row<'_>) -> Result<String, ImportError> {
        match self {
            Self::Constant(_, text) => Ok(text.to_owned()),
            Self::Column(column, _) => Ok(row.name(column)?.to_owned()),
        }
    }

    fn wrong(self, row: &Row<'_>, expected: &'static str) -> ImportError {
        match self {
            Self::Constant(_, text) => ImportError::Map { found: text.into(), expected },
            Self::Column(column, _) => row.wrong(column, expected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{error_of, fields, table};
    use super::*;

    fn options(map: &str) -> CsvOptions {
        CsvOptions {
            map: map.parse().expect("a map"),
            start: CsvStart::Second(0),
            skip_broken: false,
            machines: Machines::default(),
            zones: Zones::default(),
        }
    }

    fn import(text: &str, options: &CsvOptions) -> Result<(Vec<u8>, ImportReport), ImportError> {
        table(text, |path, out| import_csv(path, options, TraceForm::Document, out))
    }

    #[test]
    fn columns_factors_and_constants_make_tasks() {
        let text = "\u{feff}when,cores,share,runs,n,\"job, of\"\r\n20,0.5,0.25,1.2345,3,a\r\n10,2,\"0.1\",,1,\r\n5,1,1,1,0,b\r\n";
        let map = "at=when,cpu=cores*1024,memory=share*1000,duration=runs,count=n,group=job";
        let (trace, report) = import(&text.replace("\"job, of\"", "job"), &options(map)).expect("tasks");
        assert_eq!(fields(&trace), ["10 c2048-m100 x1 task-0 family:c2048-m100 -", "20 c512-m250 x3 task-1 a 1235"]);
        assert_eq!(
            report.notes,
            [
                "1 rows were not in the order of time, and are sorted",
                "1 rows have amounts or times that are rounded to a whole CPU unit, MiB or millisecond",
                "1 rows have a count of 0, and are left out"
            ]
        );
        assert_eq!((report.rows_read, report.rows_dropped, report.totals.tasks), (3, 1, 4));
        assert_eq!((report.totals.cpu_units, report.totals.memory_mib, report.totals.task_ms), (3584, 850, 3705));
    }

    #[test]
    fn dates_and_ends_are_moments() {
        let text = "t,e\n2022-10-01T02:00:00+02:00,2022-10-01T00:00:01.5Z\n2022-09-30T23:00:00Z,2022-09-30T22:00:00Z\n";
        let mut options = options("at=t,end=e,memory=1");
        options.start = CsvStart::First;
        let (trace, report) = import(text, &options).expect("tasks");
        assert_eq!(fields(&trace), ["0 c0-m1 x1 task-0 family:c0-m1 1500"]);
        assert_eq!(report.notes, ["1 rows end before they begin, and are left out"]);
    }

    #[test]
    fn one_long_task_does_not_stretch_the_trace() {
        let rows: String = (0..1500).map(|at| at.to_string() + ",1\n").collect();
        let text = "t,d\n0,100000000\n".to_owned() + &rows;
        let (trace, _) = import(&text, &options("at=t,duration=d,memory=1")).expect("tasks");
        assert!(String::from_utf8_lossy(&trace).contains("\"endSeconds\":15"), "about 1500");
    }

    #[test]
    fn broken_rows_are_refused_or_left_out() {
        for (row, message) in [
            ("NaN,1,1", "`t` is \"NaN\"; expected seconds from 0 to 100000000000, or a date"),
            ("-5,1,1", "`t` is \"-5\""),
            ("1,-1,1", "`m` is \"-1\"; expected an amount from 0 to 2147483647"),
            ("1,1e300,1", "`m` is \"1e300\""),
            ("1,,1", "`m` is \"\""),
            ("1,1,inf", "`d` is \"inf\"; expected seconds from 0 to 100000000000, or nothing"),
        ] {
            let text = format!("t,m,d\n1,1,1\n{row}\n");
            let mut options = options("at=t,memory=m,duration=d");
            let found = error_of(import(&text, &options));
            assert!(found.contains("table.csv:3: ") && found.contains(message), "{found}");
            options.skip_broken = true;
            let (trace, report) = import(&text, &options).expect("one task");
            assert_eq!((fields(&trace).len(), report.rows_dropped), (1, 1));
            assert!(report.notes[0].starts_with("1 rows are broken, and are left out; the first: "));
        }
        let missing = error_of(import("a,b\n", &options("at=t,memory=1")));
        assert!(missing.contains("table.csv:1: no column `t`; there are `a`, `b`. --map names columns"), "{missing}");
        let mut late = options("at=t,memory=1");
        late.start = CsvStart::Second(5);
        assert!(error_of(import("t\n4\n", &late)).contains("which --start says"));
    }
}
