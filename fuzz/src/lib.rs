//! What several targets do.

use std::io::Cursor;
use std::sync::atomic::{AtomicBool, Ordering};

use scheduler_sim::check::{CheckError, Checked, Claim, Depth, verify};
use scheduler_sim::outcome::{Observation, Observer};
use scheduler_sim::report::{DecisionLog, settings_object};
use scheduler_sim::simulation::{Plan, Pulse, run};
use scheduler_sim::strategy::Spec;
use scheduler_sim::trace::{OpenOptions, Source, Survey, from_bytes};

/// A few bytes of a trace may ask for millions of tasks, as the format has it. Larger traces are read, not played, and a run
/// is ended after so much.
const MOST: u64 = 5_000;

/// Reads a trace; `None` if it is refused, with a reason that can be told.
pub fn read(bytes: &[u8]) -> Option<(Source, Survey)> {
    let source = match from_bytes("t", bytes, OpenOptions::default()) {
        Ok(source) => source,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    match source.survey() {
        Ok(survey) => Some((source, survey)),
        Err(errors) => {
            assert!(!errors.to_string().is_empty());
            None
        }
    }
}

/// Plays a trace that is small enough; what was decided must be right, as the independent checker sees it.
pub fn play(source: &Source, survey: &Survey) {
    let instances: u64 = survey.header.instances.iter().map(|entry| u64::from(entry.count)).sum();
    if instances > MOST || survey.event_count > MOST || survey.tasks_requested > MOST {
        return;
    }
    for strategy in ["as-written", "headroom"] {
        let spec = strategy.parse().expect("a strategy");
        let Some(log) = decision_log(source, survey, &spec) else { continue };
        match check(source, survey, &spec, &log) {
            Ok(_) | Err(CheckError::Trace(_)) => {}
            Err(error) => panic!("{strategy}: {error}\n{}", String::from_utf8_lossy(&log)),
        }
    }
}

/// The decision log of a run; `None` if the run ends with an error, or is too long.
pub fn decision_log(source: &Source, survey: &Survey, spec: &Spec) -> Option<Vec<u8>> {
    let settings = &survey.header.settings;
    let plan = Plan::new(survey, settings, spec);
    let pulse = Pulse::default();
    let object = settings_object(settings, None);
    let log = DecisionLog::new(Vec::new(), &survey.header.name, spec.name(), settings.seed, object);
    let mut watch = Watch { log, pulse: &pulse, left: MOST };
    run(&plan, source.events(survey).expect("readable"), &mut watch, &pulse).ok()?;
    watch.log.finish().ok()
}

/// What the checker says of a log.
pub fn check(source: &Source, survey: &Survey, spec: &Spec, log: &[u8]) -> Result<Checked, CheckError> {
    let settings = &survey.header.settings;
    let claim = Claim {
        header: &survey.header,
        fleet: None,
        settings,
        horizon_ms: survey.horizon_ms(settings),
        spec: Some(spec),
        seeds: (settings.seed, settings.seed),
        depth: Depth::Choice,
    };
    verify(&claim, source.events(survey).expect("readable"), Cursor::new(log), &AtomicBool::new(false))
}

/// Writes a log, and ends a run that is too long.
struct Watch<'a> {
    log: DecisionLog<Vec<u8>>,
    pulse: &'a Pulse,
    left: u64,
}

impl Observer for Watch<'_> {
    fn observe(&mut self, at_ms: u64, observation: &Observation<'_>) {
        let copies = match observation {
            Observation::Outcome(outcome) => outcome.copies.count(),
            _ => 1,
        };
        self.left = self.left.saturating_sub(copies);
        if self.left == 0 {
            self.pulse.is_stopped.store(true, Ordering::Relaxed);
        } else {
            self.log.observe(at_ms, observation);
        }
    }
}
