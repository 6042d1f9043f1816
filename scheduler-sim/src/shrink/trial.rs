//! One replay of a trace: whether it shows what is to be shown.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;

use super::{Goal, Shown, ShrinkError, Sign, Size, size};
use crate::runner::{Job, JobError, JobResult, run_all};
use crate::simulation::Pulse;
use crate::strategy::Spec;
use crate::trace::{OpenOptions, Source, Survey, from_bytes};

/// A smaller trace may ask for so many times as many placements as the whole one, and for so many besides: without the
/// event that ends something a run might go on almost for ever.
const DECISIONS: (u64, u64) = (4, 10_000);

/// The run that is asked.
pub(super) struct Trial<'a> {
    goal: &'a Goal<'a>,
    spec: &'a Spec,
    most_decisions: Option<u64>,
}

/// How the decisions of a run are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watched {
    ByNobody,
    /// The independent checker: the run ends at the first that is wrong.
    ByChecker,
}

impl Watched {
    /// Whoever can tell that a run shows it.
    fn of(sign: &Sign<'_>) -> Self {
        match sign {
            Sign::Result(_) => Self::ByNobody,
            Sign::WrongDecision => Self::ByChecker,
        }
    }
}

/// A trace that shows it.
pub(super) struct Showing {
    pub(super) shown: Shown,
    pub(super) seed: u64,
    pub(super) size: Size,
}

impl<'a> Trial<'a> {
    pub(super) fn of(goal: &'a Goal<'a>, spec: &'a Spec) -> Self {
        Self { goal, spec, most_decisions: None }
    }

    /// The first strategy under which the whole trace shows it.
    pub(super) fn first_that_shows(goal: &'a Goal<'a>) -> Result<Self, ShrinkError> {
        let Goal { source, survey, specs, sign, .. } = goal;
        for spec in *specs {
            let trial = Self::of(goal, spec);
            if trial.shown(trial.run(source, survey, Watched::of(sign)))?.is_some() {
                let whole = trial.run(source, survey, Watched::ByNobody)?;
                let decisions = whole.runs.iter().map(|run| run.statistics.decisions).max().unwrap_or_default();
                let (times, besides) = DECISIONS;
                let most_decisions = Some(decisions.saturating_mul(times).saturating_add(besides));
                return Ok(Self { most_decisions, ..trial });
            }
        }
        Err(ShrinkError::NotShown)
    }

    pub(super) fn strategy(&self) -> &'a str {
        self.spec.name()
    }

    /// Whether a text is a trace that can be played to its end and shows it.
    pub(super) fn replay(&self, text: &str) -> Option<Showing> {
        let options = OpenOptions::default().lenient(self.goal.source.is_lenient());
        let source = from_bytes(self.goal.source.file(), text.as_bytes(), options).ok()?;
        let survey = source.survey().ok()?;
        let shown = self.shown(self.run(&source, &survey, Watched::of(&self.goal.sign))).ok()??;
        let seed = (self.goal.settings)(&survey.header.settings).seed;
        Some(Showing { shown, seed, size: size(&source, &survey).ok()? })
    }

    fn run(&self, source: &Source, survey: &Survey, watched: Watched) -> Result<JobResult, JobError> {
        let settings = (self.goal.settings)(&survey.header.settings);
        let job = Job {
            source,
            survey,
            header: &survey.header,
            fleet: None,
            prices: None,
            settings: &settings,
            specs: std::slice::from_ref(self.spec),
            seeds: &[settings.seed],
            warmup_ms: 0,
            decisions: None,
            series_step_ms: None,
            draws_curve: false,
            is_checked: watched == Watched::ByChecker,
            jobs: NonZeroUsize::MIN,
        };
        let pulse = Pulse { most_decisions: self.most_decisions, ..Pulse::default() };
        let result = run_all(&job, &pulse);
        self.goal.events.fetch_add(pulse.events.load(Ordering::Relaxed), Ordering::Relaxed);
        result
    }

    fn shown(&self, result: Result<JobResult, JobError>) -> Result<Option<Shown>, JobError> {
        match (&self.goal.sign, result) {
            (Sign::WrongDecision, Err(JobError::Check { wrong, .. })) => Ok(Some(Shown::WrongDecision(wrong))),
            (Sign::WrongDecision, Ok(_)) => Ok(None),
            (Sign::Result(holds), Ok(mut result)) => {
                let run = result.runs.pop().filter(|run| holds(run));
                Ok(run.map(|run| Shown::Result(Box::new(run))))
            }
            (_, Err(error)) => Err(error),
        }
    }
}
