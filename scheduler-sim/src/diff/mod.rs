//! Where two strategies part on a trace, and what follows.
//!
//! Both runs go on at the same time and tell their decisions in step, a bounded number ahead. Up to the first decision that
//! differs nothing is kept. From then on a task is kept from the moment that one run has placed it, refused it for good or
//! given it up, until the other has; what stays at the end is in one run only. Memory: such tasks, by name.

mod after;
mod line;
#[cfg(test)]
mod tests;

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

pub use after::{After, EXAMPLES, Example, Group};
use line::Teller;
pub use line::{Line, What};

use crate::simulation::{Plan, Pulse, RunError, run};
use crate::trace::{Source, Survey};

/// How many batches of lines a run may be ahead of the other.
const AHEAD: usize = 16;

/// How two runs of a trace differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// How many decisions both make alike before they part.
    pub alike: u64,
    /// The first decision of each run that differs; `None` of a run that makes no more. Both `None`: they never part.
    pub parting: [Option<Line>; 2],
    /// What becomes of the tasks from then on.
    pub after: After,
}

impl Difference {
    /// Whether the runs part at all.
    pub fn is_any(&self) -> bool {
        self.parting.iter().any(Option::is_some)
    }
}

/// Plays a trace by two plans at a time.
///
/// # Errors
/// [`RunError`] of the first plan whose run comes to no end.
pub fn compare(plans: [&Plan<'_>; 2], source: &Source, survey: &Survey) -> Result<Difference, RunError> {
    let pulse = Pulse::default();
    let (first, of_first) = sync_channel(AHEAD);
    let (second, of_second) = sync_channel(AHEAD);
    let play = |plan: &Plan<'_>, sender| {
        let mut teller = Teller::new(sender);
        let played = run(plan, source.events(survey)?, &mut teller, &pulse);
        teller.finish();
        played.map(drop)
    };
    thread::scope(|scope| {
        let runs = [(plans[0], first), (plans[1], second)].map(|(plan, sender)| scope.spawn(|| play(plan, sender)));
        let difference = follow(Lines::new(of_first), Lines::new(of_second));
        for run in runs {
            match run.join() {
                Ok(played) => played?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(difference)
    })
}

fn follow(mut first: Lines, mut second: Lines) -> Difference {
    let mut difference = Difference::default();
    loop {
        match (first.peek(), second.peek()) {
            (None, None) => return difference,
            (one, other) if one == other => {
                difference.alike += 1;
                first.next();
                second.next();
            }
            (one, other) => {
                difference.parting = [one.cloned(), other.cloned()];
                break;
            }
        }
    }
    // Whoever is behind in the trace's time goes on, so that few tasks are kept.
    loop {
        let is_second = match (first.peek(), second.peek()) {
            (None, None) => break,
            (Some(one), Some(other)) => other.at_ms < one.at_ms,
            (one, _) => one.is_none(),
        };
        let line = if is_second { second.next() } else { first.next() };
        if let Some(line) = line {
            difference.after.take(usize::from(is_second), line);
        }
    }
    difference.after.finish();
    difference
}

/// The lines of a run, as they come.
struct Lines {
    receiver: Receiver<Vec<Line>>,
    batch: std::vec::IntoIter<Line>,
    head: Option<Line>,
}

impl Lines {
    fn new(receiver: Receiver<Vec<Line>>) -> Self {
        let mut lines = Self { receiver, batch: Vec::new().into_iter(), head: None };
        lines.next();
        lines
    }

    fn peek(&self) -> Option<&Line> {
        self.head.as_ref()
    }

    fn next(&mut self) -> Option<Line> {
        let next = self.batch.next().or_else(|| {
            self.batch = self.receiver.recv().unwrap_or_default().into_iter();
            self.batch.next()
        });
        std::mem::replace(&mut self.head, next)
    }
}
