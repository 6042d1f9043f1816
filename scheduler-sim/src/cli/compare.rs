//! The main job: replay traces with several strategies and compare.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::condition::{Condition, unknown_metric};
use super::inputs::{Opened, Reading, SettingOptions, check_paths, milliseconds, open};
use super::output::{CliError, Color, message, print, terminal_width};
use super::progress::with_bar;
use crate::comparison::{Comparison, Timings, TraceFacts};
use crate::files::{PendingFile, check_file, check_folder, is_same_file};
use crate::fleet::{Fleet, Prices};
use crate::metrics::{POINT_LIMIT, metric};
use crate::report::{Format, Style, counted, csv_of_curves, render};
use crate::runner::{Job, JobError, run_all};
use crate::simulation::Pulse;
use crate::strategy::Spec;
use crate::trace::{Header, Printable, Source, Survey};

/// Options of the main job.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Traces to replay; `-` is standard input
    #[arg(value_name = "TRACE", required = true)]
    pub(super) traces: Vec<PathBuf>,
    /// A strategy to run [default: the standard set]; may be repeated; see `help strategies`
    #[arg(short, long = "strategy", value_name = "SPEC")]
    strategies: Vec<String>,
    /// The strategy with which the others are compared [default: the first]
    #[arg(long, value_name = "SPEC")]
    baseline: Option<String>,
    /// Several seeds, M included
    #[arg(long, value_name = "N..M", conflicts_with = "seed")]
    seeds: Option<String>,
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = FormatName::Table)]
    format: FormatName,
    /// Write the result to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Metrics to show, with commas; see `help metrics`
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Write a decision log for each run into this folder
    #[arg(long, value_name = "DIR")]
    decisions: Option<PathBuf>,
    /// Time series in the JSON result, a point every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = milliseconds)]
    series: Option<u64>,
    /// A curve in the JSON result; the CSV result is then the curve
    #[arg(long, value_name = "NAME", value_enum)]
    curve: Option<CurveName>,
    /// Where the averages begin
    #[arg(long, value_name = "SECONDS", value_parser = milliseconds, default_value = "0")]
    warmup: u64,
    /// Another fleet on the same trace, such as m5.large=4,c5.xlarge=2
    #[arg(long, value_name = "TYPE=N,…")]
    fleet: Option<Fleet>,
    /// The Availability Zones of --fleet, with commas [default: the trace's]
    #[arg(long, value_name = "ZONES", value_delimiter = ',', requires = "fleet")]
    zones: Vec<Box<str>>,
    /// A price list: type, dollars per hour
    #[arg(long, value_name = "FILE.csv")]
    prices: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingOptions,
    #[command(flatten)]
    reading: Reading,
    /// Follow every decision with an independent checker; end with status 1 at the first wrong one
    #[arg(long)]
    check: bool,
    /// End with status 1 if it holds for any run, such as "tasks.unplaced>0"
    #[arg(long, value_name = "EXPR")]
    fail_if: Option<Condition>,
    /// Runs at a time [default: the number of cores]
    #[arg(short, long, value_name = "N", value_parser = job_count)]
    jobs: Option<NonZeroUsize>,
    /// Show how long everything took
    #[arg(long)]
    timings: bool,
    /// No warnings, no progress bar
    #[arg(short, long)]
    quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    color: Color,
}

/// Curves that can be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CurveName {
    /// GPUs used and fragmented over the GPU demand that has arrived, in percent of the fleet's GPUs, 0 to 130
    GpuAllocation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    Table,
    Json,
    Csv,
    Markdown,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Table => Self::Table,
            FormatName::Json => Self::Json,
            FormatName::Csv => Self::Csv,
            FormatName::Markdown => Self::Markdown,
        }
    }
}

pub(super) fn run(arguments: &Arguments, begin: Instant) -> Result<ExitCode, CliError> {
    check_paths(&arguments.traces)?;
    check_columns(&arguments.columns)?;
    let specs = given_specs(&arguments.strategies)?;
    let seeds = arguments.seeds.as_deref().map(seed_range).transpose()?;
    let pulse = listen_for_interrupts();
    let mut comparisons = Vec::new();
    let mut logs = Vec::new();
    check_outputs(arguments)?;
    for path in &arguments.traces {
        let compared = compare(arguments, path, &specs, seeds.as_deref(), logs.len(), &pulse)?;
        comparisons.push(compared.0);
        logs.extend(compared.1);
    }
    let is_refused = is_refused(arguments.fail_if.as_ref(), &comparisons)?;
    if arguments.timings {
        for comparison in &mut comparisons {
            if let Some(timings) = &mut comparison.timings {
                timings.wall = begin.elapsed();
                timings.peak_rss_bytes = peak_rss_bytes();
            }
        }
    }
    let style = Style {
        width: if arguments.output.is_none() { terminal_width() } else { None },
        color: arguments.output.is_none() && arguments.color.is_wanted(),
    };
    let columns = (!arguments.columns.is_empty()).then_some(arguments.columns.as_slice());
    let draws_curve = arguments.curve == Some(CurveName::GpuAllocation);
    if draws_curve && !arguments.quiet && matches!(arguments.format, FormatName::Table | FormatName::Markdown) {
        message("note: the table has no place for --curve; JSON and CSV show it");
    }
    let text = if draws_curve && arguments.format == FormatName::Csv {
        csv_of_curves(&comparisons)
    } else {
        render(&comparisons, arguments.format.into(), columns, style)
    };
    if let Some(folder) = arguments.decisions.as_deref().filter(|_| !arguments.quiet) {
        tell_other_logs(folder, &logs);
    }
    logs.into_iter().try_for_each(keep)?;
    if arguments.timings && arguments.format == FormatName::Csv && !arguments.quiet {
        message("note: CSV has no place for --timings; the other formats show them");
    }
    print(&text, arguments.output.as_deref())?;
    Ok(ExitCode::from(u8::from(is_refused)))
}

fn keep(log: PendingFile) -> Result<(), CliError> {
    let path = log.path().to_owned();
    log.keep().map_err(|source| CliError::write(&path, source))
}

/// That the results can be written is found out before the runs, which may take long.
fn check_outputs(arguments: &Arguments) -> Result<(), CliError> {
    if let Some(path) = &arguments.output {
        if let Some(input) = arguments.traces.iter().chain(&arguments.prices).find(|input| is_same_file(input, path)) {
            return Err(CliError::usage(format!(
                "--output is the input `{}` itself, which would be lost; give the result another name",
                input.display()
            )));
        }
        check_file(path).map_err(|source| CliError::write(path, source))?;
    }
    match &arguments.decisions {
        Some(folder) => check_folder(folder).map_err(|source| CliError::write(folder, source)),
        None => Ok(()),
    }
}

/// Warns of decision logs that are not of these runs: they are nobody's to delete, but easily taken for one's own.
fn tell_other_logs(folder: &Path, logs: &[PendingFile]) {
    let own: Vec<_> = logs.iter().filter_map(|log| log.path().file_name()).collect();
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let others = names.filter(|name| is_log_name(&name.to_string_lossy()) && !own.contains(&name.as_os_str()));
    let count = others.count();
    if count > 0 {
        message(&format!(
            "warning: `{}` holds {} of other runs, which stay there; take a folder of its own for each comparison",
            Printable(folder.display()),
            counted(count as u64, "decision log")
        ));
    }
}

/// `<n>-<strategy>-seed<seed>.jsonl`
fn is_log_name(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.strip_suffix(".jsonl").and_then(|stem| stem.rsplit_once("-seed"));
    let number = parts.and_then(|(head, seed)| head.split_once('-').map(|(number, _)| (number, seed)));
    number.is_some_and(|(number, seed)| is_number(number) && is_number(seed))
}

/// The runs of one trace; decision logs are complete but not yet under their names.
fn compare(
    arguments: &Arguments,
    path: &Path,
    specs: &[Spec],
    seeds: Option<&[u64]>,
    log_count: usize,
    pulse: &Interruptible,
) -> Result<(Comparison, Vec<PendingFile>), CliError> {
    let parse_begin = Instant::now();
    let Opened { source, survey } = open(path, &arguments.reading, arguments.quiet)?;
    let parse = parse_begin.elapsed();
    let settings = arguments.settings.apply(&survey.header.settings)?;
    let horizon_ms = survey.horizon_ms(&settings);
    if horizon_ms > 0 && arguments.warmup >= horizon_ms {
        return Err(CliError::usage(format!(
            "--warmup is {} s, but the horizon of `{}` is {} s; averages need some time between them",
            crate::metrics::seconds(arguments.warmup),
            survey.header.name,
            crate::metrics::seconds(horizon_ms)
        )));
    }
    check_series(arguments.series, horizon_ms)?;
    let standard = || Spec::standard_set(survey.has_strategies);
    let mut specs = if specs.is_empty() { standard() } else { specs.to_vec() };
    let baseline = match arguments.baseline.as_deref().map(parse_spec).transpose()? {
        None => specs[0].clone(),
        Some(baseline) => {
            specs.push(baseline.clone());
            baseline
        }
    };
    let specs = Spec::merged(specs);
    let baseline = specs.iter().find(|spec| spec.meaning() == baseline.meaning()).unwrap_or(&specs[0]);
    let own_seed = [settings.seed];
    let fleet = arguments.fleet.clone().map(|fleet| fleet.in_zones(&arguments.zones));
    let header = match &fleet {
        None => Arc::clone(&survey.header),
        Some(fleet) => Arc::new(fleet.replace(&survey.header).map_err(CliError::usage)?),
    };
    let prices = arguments.prices.as_deref().map(Prices::read).transpose().map_err(CliError::usage)?;
    if let (Some(prices), false) = (&prices, arguments.quiet) {
        tell_unpriced(prices, &header);
    }
    let job = Job {
        source: &source,
        survey: &survey,
        header: &header,
        fleet: fleet.as_ref(),
        prices: prices.as_ref(),
        settings: &settings,
        specs: &specs,
        seeds: seeds.unwrap_or(&own_seed),
        warmup_ms: arguments.warmup,
        decisions: arguments.decisions.clone().map(|folder| (folder, log_count)),
        series_step_ms: arguments.series,
        draws_curve: arguments.curve.is_some(),
        is_checked: arguments.check,
        jobs: arguments.jobs.unwrap_or_else(cores),
    };
    pulse.pulse.events.store(0, Ordering::Relaxed);
    let total = survey.event_count.saturating_mul((specs.len() * job.seeds.len()) as u64);
    let result =
        pulse.while_running(|pulse| with_bar(&pulse.events, Some(total), !arguments.quiet, || run_all(&job, pulse)));
    let result = result.map_err(|error| refused(error, &source, &survey))?;
    if !arguments.quiet {
        tell_warnings(&source, &result.runs);
    }
    let timings =
        arguments.timings.then(|| Timings { wall: Duration::ZERO, parse: parse + result.parse, peak_rss_bytes: None });
    let comparison = Comparison {
        trace: facts(&header, &survey, horizon_ms),
        baseline: baseline.name().to_owned(),
        settings,
        fleet,
        is_checked: arguments.check,
        runs: result.runs,
        timings,
    };
    Ok((comparison, result.logs))
}

/// What a refusal of the checker is shown with: the shortest part of the trace that shows it.
fn refused(error: JobError, source: &Source, survey: &Survey) -> CliError {
    let JobError::Check { wrong, .. } = &error else { return error.into() };
    let shown = format!("the first {} of {} events show it, on standard output", wrong.events, survey.event_count);
    match source.first_events(survey, wrong.events) {
        Ok(prefix) => CliError::Refused { message: format!("{error}\n{shown}"), prefix },
        Err(error) => error.into(),
    }
}

/// Warns of types without a price: one such instance leaves all costs unknown.
fn tell_unpriced(prices: &Prices, header: &Header) {
    let missing: Vec<_> = prices.missing(header).into_iter().map(|name| format!("`{name}`")).collect();
    if !missing.is_empty() {
        message(&format!(
            "warning: --prices has no price of {}; costs are left out unless all instances have one",
            Printable(missing.join(", "))
        ));
    }
}

/// Warnings of the runs, each once.
fn tell_warnings(source: &crate::trace::Source, runs: &[crate::comparison::RunResult]) {
    let mut told: Vec<&str> = Vec::new();
    for warning in runs.iter().flat_map(|run| &run.statistics.warnings) {
        if !told.contains(&warning.as_str()) {
            message(&format!("warning: {}: {warning}", Printable(source.file())));
            told.push(warning);
        }
    }
}

fn facts(header: &Header, survey: &crate::trace::Survey, horizon_ms: u64) -> TraceFacts {
    TraceFacts {
        name: Arc::clone(&header.name),
        sha256: survey.sha256.to_string(),
        container_instances: header.instances.iter().map(|entry| u64::from(entry.count)).sum(),
        task_definitions: header.definitions.len() as u64,
        services: header.services.len() as u64,
        events: survey.event_count,
        tasks_requested: survey.tasks_requested,
        horizon_ms,
    }
}

fn is_refused(condition: Option<&Condition>, comparisons: &[Comparison]) -> Result<bool, CliError> {
    let Some(condition) = condition else { return Ok(false) };
    let mut is_refused = false;
    for comparison in comparisons {
        for run in &comparison.runs {
            let holds = condition.holds(run).map_err(|metric| {
                CliError::usage(format!("--fail-if: `{metric}` does not apply to {} here", run.strategy))
            })?;
            if holds {
                is_refused = true;
                message(&format!("refused by --fail-if: {}, seed {}", run.strategy, run.seed));
            }
        }
    }
    Ok(is_refused)
}

fn check_columns(columns: &[String]) -> Result<(), CliError> {
    match columns.iter().find(|name| metric(name).is_none()) {
        Some(name) => Err(CliError::usage(format!("--columns: {}", unknown_metric(name)))),
        None => Ok(()),
    }
}

fn check_series(step_ms: Option<u64>, horizon_ms: u64) -> Result<(), CliError> {
    match step_ms {
        Some(0) => Err(CliError::usage("--series takes a number of seconds above 0")),
        Some(step_ms) if horizon_ms / step_ms >= POINT_LIMIT => Err(CliError::usage(format!(
            "--series would have {} points; the limit is {POINT_LIMIT}: take a larger step",
            horizon_ms / step_ms
        ))),
        _ => Ok(()),
    }
}

fn given_specs(texts: &[String]) -> Result<Vec<Spec>, CliError> {
    texts.iter().map(|text| parse_spec(text)).collect()
}

fn parse_spec(text: &str) -> Result<Spec, CliError> {
    text.parse().map_err(CliError::usage)
}

/// Most seeds of one comparison.
const SEED_LIMIT: u64 = 100_000;

pub(super) fn seed_range(text: &str) -> Result<Vec<u64>, CliError> {
    let wrong = || {
        CliError::usage(format!(
            "--seeds takes a range such as 0..9, the first not above the last, at most {SEED_LIMIT} of them; found \
             `{text}`"
        ))
    };
    let (first, last) = text.split_once("..").ok_or_else(wrong)?;
    let first: u64 = first.trim().parse().map_err(|_| wrong())?;
    let last: u64 = last.trim().trim_start_matches('=').parse().map_err(|_| wrong())?;
    if first > last || last - first >= SEED_LIMIT {
        return Err(wrong());
    }
    Ok((first..=last).collect())
}

fn job_count(text: &str) -> Result<NonZeroUsize, String> {
    match text.parse::<usize>().map(NonZeroUsize::new) {
        Ok(Some(count)) => Ok(count),
        Ok(None) => Err("there must be at least one job".to_owned()),
        Err(_) => Err(format!("`{text}` is no number of jobs, such as 4")),
    }
}

fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The pulse of the runs, and whether there are any to stop.
struct Interruptible {
    pulse: Arc<Pulse>,
    are_running: Arc<AtomicBool>,
}

impl Interruptible {
    fn while_running<T>(&self, work: impl FnOnce(&Pulse) -> T) -> T {
        self.are_running.store(true, Ordering::SeqCst);
        let result = work(&self.pulse);
        self.are_running.store(false, Ordering::SeqCst);
        result
    }
}

/// The status of a program that was interrupted.
const INTERRUPTED: i32 = 130;

/// Ctrl-C ends the runs, which throw their half-written files away. Where none goes on, or when it comes a second time,
/// it ends the program.
fn listen_for_interrupts() -> Interruptible {
    let pulse = Arc::new(Pulse::default());
    let are_running = Arc::new(AtomicBool::new(false));
    let (handler_pulse, handler_running) = (Arc::clone(&pulse), Arc::clone(&are_running));
    let listening = ctrlc::set_handler(move || {
        let was_stopped = handler_pulse.is_stopped.swap(true, Ordering::SeqCst);
        if was_stopped || !handler_running.load(Ordering::SeqCst) {
            std::process::exit(INTERRUPTED);
        }
    });
    if let Err(error) = listening {
        message(&format!("warning: Ctrl-C may leave temporary files behind: {error}"));
    }
    Interruptible { pulse, are_running }
}

/// The largest resident size of this process, where the system tells it.
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}
