//! All runs of one trace, several at a time. What they come to does not depend on how many run at a time.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::{CheckError, CheckedLog, Claim, Depth, Wrong, follow};
use crate::comparison::RunResult;
use crate::files::PendingFile;
use crate::fleet::{Fleet, Prices};
use crate::metrics::{Context, GpuAllocation, Metrics, Series, Window};
use crate::outcome::{Observation, Observer};
use crate::report::{DecisionLog, FinalPlacement, settings_object};
use crate::simulation::{self, Plan, Pulse, RunError, Statistics};
use crate::strategy::Spec;
use crate::trace::{Header, OnUnplaceable, Settings, Source, Survey, TraceError};
use crate::wanted::Wanted;

/// A trace and how it is to be run.
#[derive(Debug)]
pub struct Job<'a> {
    /// The trace.
    pub source: &'a Source,
    /// What its survey found.
    pub survey: &'a Survey,
    /// The trace but for its events; another fleet than the survey's may be in it.
    pub header: &'a Header,
    /// The fleet of `header`, where it is not the trace's.
    pub fleet: Option<&'a Fleet>,
    /// What instances cost whose own price is not given.
    pub prices: Option<&'a Prices>,
    /// The settings of all runs.
    pub settings: &'a Settings,
    /// Each is run with each seed.
    pub specs: &'a [Spec],
    /// The seeds, in ascending order.
    pub seeds: &'a [u64],
    /// Where averages begin.
    pub warmup_ms: u64,
    /// Where decision logs go, and the number of the first.
    pub decisions: Option<(PathBuf, usize)>,
    /// From one point of the time series to the next, if they are wanted.
    pub series_step_ms: Option<u64>,
    /// Whether the curve of GPU allocation is wanted.
    pub draws_curve: bool,
    /// Whether every decision is followed by the independent checker.
    pub is_checked: bool,
    /// How many runs go on at a time.
    pub jobs: NonZeroUsize,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// A run came to no end.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A decision was wrong, as the independent checker sees it.
    #[error("refused by --check: {strategy}, seed {seed}: {wrong}")]
    Check {
        /// The strategy of the run.
        strategy: String,
        /// Its seed.
        seed: u64,
        /// The first wrong line of its decision log.
        wrong: Box<Wrong>,
    },
    /// The independent checker came to no result.
    #[error("--check: {0}")]
    NoCheck(CheckError),
    /// A decision log cannot be written.
    #[error("cannot write the decision log `{path}`: {source}")]
    Log {
        /// The file.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
}

impl From<TraceError> for JobError {
    fn from(error: TraceError) -> Self {
        Self::Run(error.into())
    }
}

/// What the runs of a job came to.
#[derive(Debug)]
pub struct JobResult {
    /// The runs, strategy by strategy, each seed by seed.
    pub runs: Vec<RunResult>,
    /// Decision logs, complete but not yet under their names.
    pub logs: Vec<PendingFile>,
    /// What the reader spent on passes of its own, besides the runs.
    pub parse: Duration,
}

/// Where a run leaves what it came to.
type Slot = Mutex<Option<Result<(RunResult, Option<PendingFile>), JobError>>>;

/// Runs each strategy with each seed.
///
/// # Errors
/// [`JobError`] of the first run, in their order, that failed.
pub fn run_all(job: &Job<'_>, pulse: &Pulse) -> Result<JobResult, JobError> {
    let begin = Instant::now();
    let context = context(job)?;
    let parse = begin.elapsed();
    let pairs: Vec<(&Spec, u64)> =
        job.specs.iter().flat_map(|spec| job.seeds.iter().map(move |seed| (spec, *seed))).collect();
    let next = AtomicUsize::new(0);
    let slots: Vec<Slot> = pairs.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((spec, seed)) = pairs.get(index) else { break };
            let result = one_run(job, &context, spec, *seed, index, pulse);
            if result.is_err() {
                // The others' results are not wanted any more, but runs before this one may yet fail themselves.
                next.store(pairs.len(), Ordering::Relaxed);
            }
            *slots[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    thread::scope(|scope| {
        for _ in 1..job.jobs.get().min(pairs.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut result = JobResult { runs: Vec::new(), logs: Vec::new(), parse };
    for slot in slots {
        match slot.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(Ok((run, log))) => {
                result.runs.push(run);
                result.logs.extend(log);
            }
            Some(Err(error)) => return Err(error),
            None => return Err(RunError::Interrupted.into()),
        }
    }
    Ok(result)
}

/// What metrics must know beforehand. One more pass over the events, for the kinds of tasks that `fragmentation` and
/// whoever wonders whether anything can wait ask for.
pub(crate) fn context(job: &Job<'_>) -> Result<Context, TraceError> {
    let Job { source, survey, settings, header, .. } = job;
    let mut wanted = Wanted::in_all(header, source, survey)?;
    let queues = settings.on_unplaceable == OnUnplaceable::Queue;
    Ok(Context {
        window: Window { from_ms: job.warmup_ms, to_ms: survey.horizon_ms(settings) },
        release_on: settings.release_on,
        queues,
        can_wait: queues || wanted.has_services,
        typical: Arc::new(wanted.typical_tasks()),
        kinds: wanted.into_kinds().into(),
    })
}

fn one_run(
    job: &Job<'_>,
    context: &Context,
    spec: &Spec,
    seed: u64,
    index: usize,
    pulse: &Pulse,
) -> Result<(RunResult, Option<PendingFile>), JobError> {
    let (header, prices) = (job.header, job.prices);
    let spec = &spec.informed(&context.typical);
    let plan = Plan { header, seed, prices, ..Plan::new(job.survey, job.settings, spec) };
    let log = match &job.decisions {
        None => None,
        Some((folder, first)) => {
            let path = folder.join(format!("{}-{}-seed{seed}.jsonl", first + index, file_name(spec.name())));
            let error = |source| JobError::Log { path: path.display().to_string(), source };
            let file = PendingFile::create(&path).map_err(error)?;
            let settings = settings_object(job.settings, job.fleet);
            Some((DecisionLog::new(file, &header.name, spec.name(), seed, settings), path.clone()))
        }
    };
    let placement = log.as_ref().map(|_| FinalPlacement::default());
    let (log, path) = log.unzip();
    let series = job.series_step_ms.map(|step_ms| Series::new(context, step_ms));
    let curve = job.draws_curve.then(|| GpuAllocation::new(context));
    let mut watch = Watch { metrics: Metrics::new(context), series, curve, log, placement, checked: None };
    let begin = Instant::now();
    let statistics = match job.survey.events_kept() {
        _ if job.is_checked => checked_run(job, &plan, &mut watch, pulse)?,
        Some(events) => simulation::run(&plan, events.iter().map(Ok), &mut watch, pulse)?,
        None => simulation::run(&plan, job.source.events(job.survey)?, &mut watch, pulse)?,
    };
    let wall = begin.elapsed();
    let Watch { metrics, series, curve, log, placement, .. } = watch;
    let log = log.map(DecisionLog::finish).transpose().map_err(|source| JobError::Log {
        path: path.map(|path| path.display().to_string()).unwrap_or_default(),
        source,
    })?;
    let run = RunResult {
        strategy: spec.name().to_owned(),
        seed,
        metrics: metrics.finish(),
        series: series.map(Series::finish),
        curve: curve.map(GpuAllocation::finish),
        final_placement: placement.map(FinalPlacement::finish),
        statistics,
        wall,
    };
    Ok((run, log))
}

/// A run whose decision log the independent checker reads as it is written.
fn checked_run(job: &Job<'_>, plan: &Plan<'_>, watch: &mut Watch, pulse: &Pulse) -> Result<Statistics, JobError> {
    let Plan { header, settings, spec, seed, horizon_ms, .. } = *plan;
    let claim = Claim {
        header,
        fleet: job.fleet,
        settings,
        horizon_ms,
        spec: Some(spec),
        seeds: (seed, seed),
        depth: Depth::Choice,
    };
    let events = job.source.events(job.survey)?;
    let run = |log| {
        let settings = settings_object(settings, job.fleet);
        watch.checked = Some(DecisionLog::new(log, &header.name, spec.name(), seed, settings));
        let statistics = simulation::run(plan, events, watch, pulse);
        // Where the checker has read enough, the log has no reader, which is no error of the run's.
        let _ = watch.checked.take().map(DecisionLog::finish);
        statistics
    };
    let no_check = |error| JobError::NoCheck(CheckError::Read(error));
    let (statistics, checked) =
        follow(&claim, job.source.events(job.survey)?, &pulse.is_stopped, run).map_err(no_check)?;
    let statistics = statistics?;
    match checked {
        Ok(_) => Ok(statistics),
        Err(CheckError::Wrong(wrong)) => {
            Err(JobError::Check { strategy: spec.name().to_owned(), seed, wrong: Box::new(wrong) })
        }
        Err(CheckError::Interrupted) => Err(RunError::Interrupted.into()),
        Err(error) => Err(JobError::NoCheck(error)),
    }
}

/// A strategy's name as part of a file's: letters, digits and a few signs, all else a `-`.
fn file_name(strategy: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
    let kept: String = strategy.chars().map(keep).collect();
    let parts: Vec<_> = kept.split('-').filter(|part| !part.is_empty()).collect();
    let mut name = parts.join("-");
    name.truncate(100);
    name
}

/// Everybody who watches a run.
struct Watch {
    metrics: Metrics,
    series: Option<Series>,
    curve: Option<GpuAllocation>,
    log: Option<DecisionLog<PendingFile>>,
    placement: Option<FinalPlacement>,
    /// The log that the checker reads.
    checked: Option<DecisionLog<CheckedLog>>,
}

impl Observer for Watch {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        self.metrics.observe(at_ms, observation);
        if let Some(series) = &mut self.series {
            series.observe(at_ms, observation);
        }
        if let Some(curve) = &mut self.curve {
            curve.observe(at_ms, observation);
        }
        if let Some(log) = &mut self.log {
            log.observe(at_ms, observation);
        }
        if let Some(placement) = &mut self.placement {
            placement.observe(at_ms, observation);
        }
        if let Some(log) = &mut self.checked {
            log.observe(at_ms, observation);
        }
    }

    fn wants_names(&self) -> bool {
        self.log.is_some() || self.checked.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{OpenOptions, from_bytes};

    /// Same trace, seeds and strategies: the same results, for any number of jobs.
    #[test]
    fn the_number_of_jobs_changes_nothing() {
        let text = crate::metrics::testing::random_trace(3);
        let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
        let survey = source.survey().expect("sound");
        let specs = Spec::standard_set(false);
        let results = [1, 4].map(|jobs| {
            let job = Job {
                source: &source,
                survey: &survey,
                header: &survey.header,
                fleet: None,
                prices: None,
                settings: &survey.header.settings,
                specs: &specs,
                seeds: &[0, 7],
                warmup_ms: 0,
                decisions: None,
                series_step_ms: Some(1_000),
                draws_curve: true,
                is_checked: true,
                jobs: NonZeroUsize::new(jobs).expect("not 0"),
            };
            let result = run_all(&job, &Pulse::default()).expect("it runs");
            let facts = |run: RunResult| (run.strategy, run.seed, run.metrics, run.series, run.curve, run.statistics);
            result.runs.into_iter().map(facts).collect::<Vec<_>>()
        });
        assert_eq!(results[0].len(), 2 * specs.len());
        assert_eq!(results[0], results[1]);
    }

    /// A decision log makes the run keep names; what the run comes to is the same, and so it is where the trace is read
    /// again for each run.
    #[test]
    fn neither_names_nor_kept_events_change_a_result() {
        for seed in 0..6 {
            let text = crate::metrics::testing::random_trace(seed);
            let source = from_bytes("t", text.as_bytes(), OpenOptions::default()).expect("readable");
            let survey = source.survey().expect("sound");
            assert!(survey.events_kept().is_some(), "it is short");
            let folder = tempfile::tempdir().expect("a folder");
            let specs = Spec::standard_set(false);
            let results = [false, true].map(|is_logged| {
                let job = Job {
                    source: &source,
                    survey: &if is_logged { survey.clone().without_events() } else { survey.clone() },
                    header: &survey.header,
                    fleet: None,
                    prices: None,
                    settings: &survey.header.settings,
                    specs: &specs,
                    seeds: &[1],
                    warmup_ms: 0,
                    decisions: is_logged.then(|| (folder.path().to_owned(), 0)),
                    series_step_ms: Some(1_000),
                    is_checked: false,
                    draws_curve: false,
                    jobs: NonZeroUsize::MIN,
                };
                let result = run_all(&job, &Pulse::default()).expect("it runs");
                let facts = |run: RunResult| (run.strategy, run.metrics, run.series, run.statistics);
                result.runs.into_iter().map(facts).collect::<Vec<_>>()
            });
            assert_eq!(results[0], results[1], "seed {seed}");
        }
    }

    #[test]
    fn strategies_become_safe_file_names() {
        let cases = [
            ("headroom", "headroom"),
            (
                "spread(attribute:ecs.availability-zone),binpack(memory)",
                "spread-attribute-ecs.availability-zone-binpack-memory",
            ),
            ("az-balanced-spread = ecs-service", "az-balanced-spread-ecs-service"),
            ("spread(attribute:a/../b)", "spread-attribute-a-..-b"),
        ];
        for (strategy, name) in cases {
            assert_eq!(file_name(strategy), name);
        }
    }
}
