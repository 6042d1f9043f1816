//! `import`: traces from the formats of others.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::output::{CliError, message};
use crate::import::{
    AzureOptions, ColumnMap, CsvOptions, CsvStart, DlrmOptions, DlrmRole, EcsOptions, ImportError, ImportReport,
    Lifetime, Machines, OpenbOptions, Zones, import_alibaba_dlrm, import_azure_vms, import_csv, import_ecs,
    import_huawei_topology, import_openb,
};
use crate::trace::OutputFile;

/// Makes a trace from another format
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    format: Box<FormatArguments>,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one of them in a run")]
enum FormatArguments {
    Ecs(EcsArguments),
    Csv(CsvArguments),
    Openb(OpenbArguments),
    AzureVms(AzureArguments),
    AlibabaDlrm(DlrmArguments),
    HuaweiTopology(HuaweiArguments),
}

/// A running cluster: what `aws ecs describe-clusters`, `-container-instances`, `-tasks`, `-task-definition` and
/// `-services` print, in any number of files and in any order
#[derive(Debug, Args)]
struct EcsArguments {
    /// The files; tools/collect-ecs.sh collects them
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    output: OutputArguments,
    /// Which cluster, if the files tell of several
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
}

/// A table of tasks, a row a task, whose columns --map names
#[derive(Debug, Args)]
struct CsvArguments {
    /// The table, CSV with a row of column names
    table: PathBuf,
    /// at=…,cpu=…,memory=…,gpu=…,duration=…,end=…,count=…,group=…,id=…: each a column, a column times a factor
    /// (cores*1024) or a number; CPU in units, memory in MiB, times in seconds or as dates
    #[arg(long, value_name = "FIELD=COLUMN,…")]
    map: ColumnMap,
    /// What is second 0 of the trace: a second of the table, or `first`, its earliest row
    #[arg(long, value_name = "SECOND|first", default_value = "0", value_parser = start)]
    start: CsvStart,
    /// Leave rows with broken fields out
    #[arg(long)]
    skip_broken: bool,
    #[command(flatten)]
    fleet: FleetArguments,
    #[command(flatten)]
    output: OutputArguments,
}

fn start(text: &str) -> Result<CsvStart, String> {
    match text {
        "first" => Ok(CsvStart::First),
        _ => match text.parse() {
            Ok(second @ 0..=100_000_000_000) => Ok(CsvStart::Second(second)),
            _ => Err("whole seconds from 0 to 100000000000, or first".into()),
        },
    }
}

/// Azure's virtual machines of 2017: a table of arrivals in batches with bins of lifetimes
#[derive(Debug, Args)]
struct AzureArguments {
    /// The table, CSV
    table: PathBuf,
    /// Which lifetime of its bin a machine has
    #[arg(long, value_enum, default_value = "mid")]
    lifetime: LifetimeArgument,
    #[command(flatten)]
    fleet: FleetArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LifetimeArgument {
    /// The shortest
    Lo,
    /// The middle
    Mid,
    /// The longest
    Hi,
}

/// Alibaba's recommendation services of 2025: one of their two pools
#[derive(Debug, Args)]
struct DlrmArguments {
    /// The table, CSV
    table: PathBuf,
    /// The pool: CN has CPUs, HN has GPUs
    #[arg(long, value_enum)]
    role: RoleArgument,
    #[command(flatten)]
    fleet: FleetArguments,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "UPPER")]
enum RoleArgument {
    Cn,
    Hn,
}

/// Huawei Cloud's requests with affinity, anti-affinity and fault domains: a table of hosts and a table of VMs
#[derive(Debug, Args)]
struct HuaweiArguments {
    /// The table of hosts, CSV
    hosts: PathBuf,
    /// The table of VMs, CSV
    vms: PathBuf,
    /// The racks of the hosts, CSV: the attribute `rack`
    #[arg(long, value_name = "FILE")]
    topology: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Debug, Args)]
struct FleetArguments {
    /// The fleet: m5.4xlarge=3200, or cpu=98304,memory=786432,gpu=8,count=40 [default: none; a replay takes --fleet]
    #[arg(long, value_name = "TYPE=N,…")]
    fleet: Option<Machines>,
    /// The Availability Zones of the fleet: how many, or their names with commas
    #[arg(long, value_name = "N|ZONES", requires = "fleet")]
    zones: Option<Zones>,
}

#[derive(Debug, Args)]
struct OutputArguments {
    /// The trace: .json or .jsonl, and .gz if it shall be packed
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    file: PathBuf,
}

/// Alibaba's GPU cluster of 2023: a list of nodes and a list of pods
#[derive(Debug, Args)]
struct OpenbArguments {
    /// The list of nodes, CSV
    nodes: PathBuf,
    /// The list of pods, CSV
    pods: PathBuf,
    #[command(flatten)]
    output: OutputArguments,
    /// The order in which pods arrive, one a second; else they arrive and end at their times
    #[arg(long, value_name = "FILE")]
    event_order: Option<PathBuf>,
    /// The order in which nodes register
    #[arg(long, value_name = "FILE")]
    node_order: Option<PathBuf>,
    /// Which of several orders in a file
    #[arg(long, value_name = "N")]
    order_seed: Option<u64>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    use FormatArguments as Format;
    let file = match &*arguments.format {
        Format::Ecs(EcsArguments { output, .. })
        | Format::Csv(CsvArguments { output, .. })
        | Format::Openb(OpenbArguments { output, .. })
        | Format::AzureVms(AzureArguments { output, .. })
        | Format::AlibabaDlrm(DlrmArguments { output, .. })
        | Format::HuaweiTopology(HuaweiArguments { output, .. }) => &output.file,
    };
    let mut output = OutputFile::create(file)?;
    let report = import(&arguments.format, &mut output)?;
    output.finish()?;
    tell(&report);
    Ok(ExitCode::SUCCESS)
}

fn import(format: &FormatArguments, out: &mut OutputFile) -> Result<ImportReport, ImportError> {
    let form = out.form();
    match format {
        FormatArguments::Ecs(ecs) => import_ecs(&ecs.files, &EcsOptions { cluster: ecs.cluster.clone() }, form, out),
        FormatArguments::Csv(csv) => {
            let (machines, zones) = csv.fleet.parts();
            let (map, start, skip_broken) = (csv.map.clone(), csv.start, csv.skip_broken);
            import_csv(&csv.table, &CsvOptions { map, start, skip_broken, machines, zones }, form, out)
        }
        FormatArguments::Openb(openb) => {
            let options = OpenbOptions {
                event_order: openb.event_order.clone(),
                order_seed: openb.order_seed,
                node_order: openb.node_order.clone(),
            };
            import_openb(&openb.nodes, &openb.pods, &options, form, out)
        }
        FormatArguments::AzureVms(azure) => {
            let lifetime = match azure.lifetime {
                LifetimeArgument::Lo => Lifetime::Lo,
                LifetimeArgument::Mid => Lifetime::Mid,
                LifetimeArgument::Hi => Lifetime::Hi,
            };
            let (machines, zones) = azure.fleet.parts();
            import_azure_vms(&azure.table, &AzureOptions { lifetime, machines, zones }, form, out)
        }
        FormatArguments::AlibabaDlrm(dlrm) => {
            let role = match dlrm.role {
                RoleArgument::Cn => DlrmRole::Cn,
                RoleArgument::Hn => DlrmRole::Hn,
            };
            let (machines, zones) = dlrm.fleet.parts();
            import_alibaba_dlrm(&dlrm.table, &DlrmOptions { role, machines, zones }, form, out)
        }
        FormatArguments::HuaweiTopology(huawei) => {
            import_huawei_topology(&huawei.hosts, &huawei.vms, huawei.topology.as_deref(), form, out)
        }
    }
}

impl FleetArguments {
    fn parts(&self) -> (Machines, Zones) {
        (self.fleet.clone().unwrap_or_default(), self.zones.clone().unwrap_or_default())
    }
}

fn tell(report: &ImportReport) {
    message(&format!(
        "{} rows read, {} left out; {} container instances, {} task definitions, {} events",
        report.rows_read, report.rows_dropped, report.container_instances, report.task_definitions, report.events
    ));
    let totals = &report.totals;
    if totals.tasks > 0 {
        message(&format!(
            "{} tasks ask for {} CPU units, {} MiB, {} GPUs; {}.{:03} task-seconds",
            totals.tasks,
            totals.cpu_units,
            totals.memory_mib,
            totals.gpus,
            totals.task_ms / 1000,
            totals.task_ms % 1000
        ));
    }
    report.notes.iter().for_each(|note| message(&format!("note: {note}")));
}
