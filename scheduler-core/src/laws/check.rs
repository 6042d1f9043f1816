//! Putting a subject to a law: generated histories, and of one that breaks it the smallest.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};

use super::law::Finding;
use super::{History, Law, Subject, traceable_history};

/// Most operations of a history that a subject is asked after.
const MAX_OPERATIONS: usize = 12;

/// Most smaller histories that are tried.
const MAX_SHRINKS: u32 = 20_000;

/// A law that a policy or constraint breaks, with the smallest history found that shows it.
#[derive(Debug, Clone)]
pub struct Violation {
    law: Law,
    title: String,
    history: History,
    finding: Finding,
}

impl Subject {
    /// Puts it to all laws but the claims, in order.
    ///
    /// Cost: as [`check_law`](Self::check_law) for each.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn check(&self) -> Result<(), Box<Violation>> {
        let laws: &[Law] = if self.is_policy() { &Law::OF_POLICIES } else { &Law::OF_CONSTRAINTS };
        laws.iter().try_for_each(|law| self.check_law(*law))
    }

    /// Puts it to one law, on as many generated histories as `PROPTEST_CASES` says; 256 without it.
    ///
    /// The histories are the same each time, unless `PROPTEST_RNG_SEED` says others. Cost: some tens of milliseconds for
    /// 256 histories, mostly the subject's own.
    ///
    /// # Errors
    /// [`Violation`].
    pub fn check_law(&self, law: Law) -> Result<(), Box<Violation>> {
        let default = ProptestConfig::default();
        let rng_seed = if default.rng_seed == RngSeed::Random { RngSeed::Fixed(0) } else { default.rng_seed };
        let config = ProptestConfig { failure_persistence: None, max_shrink_iters: MAX_SHRINKS, rng_seed, ..default };
        // The history that proptest ends with is the last one seen to break the law.
        let last = RefCell::new(None);
        let tested = TestRunner::new(config).run(&traceable_history(MAX_OPERATIONS), |history| {
            law.judge(self, &history).map_err(|finding| {
                last.replace(Some((history, finding)));
                TestCaseError::fail("the law is broken")
            })
        });
        if let Err(error @ TestError::Abort(_)) = tested {
            panic!("the kit could not try the law `{}`: {error}", law.name());
        }
        let Some((history, finding)) = last.into_inner() else { return Ok(()) };
        Err(Box::new(Violation { law, title: self.title(), history, finding }))
    }

    /// Puts it to one law, as a test: what [`laws!`](crate::laws!) calls.
    ///
    /// The trace of a violation is written to `directory`, by default that of temporary files, and named in the message.
    ///
    /// # Panics
    /// With the [`Violation`], if there is one.
    pub fn assert_law(&self, law: Law, directory: Option<&str>) {
        let Err(violation) = self.check_law(law) else { return };
        let directory = directory.map_or_else(std::env::temp_dir, PathBuf::from);
        match violation.write_trace(&directory) {
            Ok(path) => panic!("{violation}\nreplay it: scheduler-sim {}\n", path.display()),
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

    /// The history as a trace, with the request that was asked as its last event, called `question`.
    ///
    /// The rule itself is code and is not in it: what replays is the state in which it errs, and what it was asked.
    pub fn to_trace_json(&self) -> String {
        let mut history = self.history.clone();
        history.operations.extend(self.finding.after.clone());
        let trace = history.trace_asking(Some(self.finding.request));
        trace.expect("the histories that subjects are asked after can be traced")
    }

    /// Writes the trace to a file in `directory`, named after the rule and the law, and tells its path.
    ///
    /// # Errors
    /// That of the file system.
    pub fn write_trace(&self, directory: &Path) -> std::io::Result<PathBuf> {
        let name = self.title.split('`').nth(1).unwrap_or_default();
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let path = directory.join(format!("{name}.{}.trace.json", self.law.name()));
        fs::write(&path, self.to_trace_json())?;
        Ok(path)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} breaks the law `{}`:", self.title, self.law.name())?;
        writeln!(f, "asked `question` at the end of this trace, {}", self.finding.what)?;
        f.write_str(self.to_trace_json().trim_end())
    }
}

impl std::error::Error for Violation {}
