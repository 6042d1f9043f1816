//! Putting a subject to a law: generated histories, and of one that breaks it the smallest.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};

use super::law::Finding;
use super::{History, Law, Subject, history, traceable_history};

/// Fewest histories that a subject is asked after: a rule that errs rarely is still found.
const MIN_CASES: u32 = 512;

/// Most operations of a history that a subject is asked after.
const MAX_OPERATIONS: usize = 16;

/// How often a history must break the law again, for the rule not to be one that answers now so and now so.
const TIMES_TO_BE_STEADY: usize = 8;

/// Most smaller histories that are tried.
const MAX_SHRINKS: u32 = 20_000;

/// A law that a policy or constraint breaks, with the smallest history found that shows it.
#[derive(Debug, Clone)]
pub struct Violation {
    law: Law,
    kind: &'static str,
    name: String,
    history: History,
    finding: Finding,
    /// Whether the history breaks the law each time.
    is_steady: bool,
}

impl Subject {
    /// Puts it to all its [laws](Self::laws), in order; not to claims.
    ///
    /// Cost: as [`check_law`](Self::check_law) for each.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn check(&self) -> Result<(), Box<Violation>> {
        self.laws().iter().try_for_each(|law| self.check_law(*law))
    }

    /// Puts it to one law, on 512 generated histories, or more if `PROPTEST_CASES` says more.
    ///
    /// The histories are the same each time, unless `PROPTEST_RNG_SEED` says others. [`Law::NeverPanics`] has as many again
    /// with what no trace can tell: stopping tasks that hold resources, resized instances, network interfaces and capacity
    /// providers. Cost: a tenth of a second for 512 histories where optimised, mostly the subject's own.
    ///
    /// # Errors
    /// [`Violation`].
    ///
    /// # Panics
    /// If the law is of policies only, and this is a constraint.
    pub fn check_law(&self, law: Law) -> Result<(), Box<Violation>> {
        self.must_keep(law);
        self.search(law, &traceable_history(MAX_OPERATIONS))?;
        if law == Law::NeverPanics { self.search(law, &history(MAX_OPERATIONS)) } else { Ok(()) }
    }

    /// Puts it to one law on one history: to keep one that was found as a test, or to follow it in a debugger.
    ///
    /// # Errors
    /// [`Violation`].
    ///
    /// # Panics
    /// If the law is of policies only, and this is a constraint.
    pub fn check_law_on(&self, law: Law, history: &History) -> Result<(), Box<Violation>> {
        self.must_keep(law);
        law.judge(self, history).map_err(|finding| self.violation(law, history.clone(), finding))
    }

    fn must_keep(&self, law: Law) {
        let is_of_policies = law == Law::ChoosesWhatMayBeChosen;
        assert!(self.is_policy() || !is_of_policies, "`{}` is a law of policies, not of constraints", law.name());
    }

    fn search(&self, law: Law, histories: &BoxedStrategy<History>) -> Result<(), Box<Violation>> {
        let default = ProptestConfig::default();
        let rng_seed = if default.rng_seed == RngSeed::Random { RngSeed::Fixed(0) } else { default.rng_seed };
        let cases = default.cases.max(MIN_CASES);
        let max_shrink_iters = MAX_SHRINKS;
        let config = ProptestConfig { cases, failure_persistence: None, max_shrink_iters, rng_seed, ..default };
        // The history that proptest ends with is the last one seen to break the law.
        let last = RefCell::new(None);
        let tested = TestRunner::new(config).run(histories, |history| {
            law.judge(self, &history).map_err(|finding| {
                last.replace(Some((history, finding)));
                TestCaseError::fail("the law is broken")
            })
        });
        if let Err(error @ TestError::Abort(_)) = tested {
            panic!("the kit could not try the law `{}`: {error}", law.name());
        }
        let Some((history, finding)) = last.into_inner() else { return Ok(()) };
        Err(self.violation(law, history, finding))
    }

    fn violation(&self, law: Law, history: History, finding: Finding) -> Box<Violation> {
        // A panic would be told each time.
        let is_steady = law == Law::NeverPanics || (0..TIMES_TO_BE_STEADY).all(|_| law.judge(self, &history).is_err());
        let (kind, name) = self.title();
        Box::new(Violation { law, kind, name, history, finding, is_steady })
    }

    /// Puts it to one law, as a test: what [`laws!`](crate::laws!) calls.
    ///
    /// The trace of a violation is written to `directory`, by default that of temporary files, and named in the message.
    ///
    /// # Panics
    /// With the [`Violation`], if there is one.
    pub fn assert_law(&self, law: Law, directory: Option<&str>) {
        let Err(violation) = self.check_law(law) else { return };
        // Once more, where the panic's own message, with its file and line, is not held back.
        let _ = law.judge(self, violation.history());
        let directory = directory.map_or_else(std::env::temp_dir, PathBuf::from);
        match violation.write_trace(&directory) {
            Ok(Some(path)) => panic!("{violation}\nreplay it: scheduler-sim {}\n", path.display()),
            Ok(None) => panic!("{violation}\n"),
            Err(error) => panic!("{violation}\n(not written to {}: {error})\n", directory.display()),
        }
    }
}

impl Violation {
    /// The law.
    pub fn law(&self) -> Law {
        self.law
    }

    /// The smallest history found.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What the rule did, as a sentence without its subject.
    pub fn what(&self) -> &str {
        &self.finding.what
    }

    /// The history as a trace, with the request that was asked as its last event, called `question`; `None`: there is
    /// something in it that no trace can tell.
    ///
    /// The rule itself is code and is not in it: what replays is the state in which it errs, and what it was asked.
    pub fn to_trace_json(&self) -> Option<String> {
        if !self.history.is_traceable() {
            return None;
        }
        let mut history = self.history.clone();
        history.operations.extend(self.finding.after.clone());
        history.trace_asking(Some(self.finding.request)).ok()
    }

    /// Writes the trace to a file in `directory`, named after the rule and the law, and tells its path; `None`: there is no
    /// trace.
    ///
    /// # Errors
    /// That of the file system.
    pub fn write_trace(&self, directory: &Path) -> std::io::Result<Option<PathBuf>> {
        let Some(trace) = self.to_trace_json() else { return Ok(None) };
        let name: String = self.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = directory.join(format!("{name}.{}.{}.trace.json", self.kind, self.law.name()));
        fs::write(&path, trace)?;
        Ok(Some(path))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} `{}` breaks the law `{}`:", self.kind, self.name, self.law.name())?;
        let what = &self.finding.what;
        if let Some(trace) = self.to_trace_json() {
            write!(f, "asked `question` at the end of this trace, {what}\n{}", trace.trim_end())?;
        } else {
            let request = self.finding.request;
            write!(f, "asked requests[{request}] at the end of this history, {what}\n{:#?}", self.history)?;
        }
        if !self.is_steady {
            f.write_str("\nIt does not do so each time, so the history may not be the smallest.")?;
        }
        Ok(())
    }
}

impl std::error::Error for Violation {}
