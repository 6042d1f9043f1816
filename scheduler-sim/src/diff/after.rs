//! What becomes of the tasks after two runs have parted.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use super::line::{Line, What};
use crate::outcome::{PlacedWhy, StoppedWhy};

/// How many tasks of each kind are named.
pub const EXAMPLES: usize = 5;

/// The tasks that were placed, refused or given up after the parting, in both runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct After {
    /// Placed on the same instance at the same time, and on the same GPUs.
    pub alike: u64,
    /// Placed on the same instance at the same time, but on other GPUs.
    pub on_other_gpus: u64,
    /// Placed on different instances, whenever.
    pub elsewhere: Group,
    /// Placed on the same instance, later in the second run, or earlier.
    pub at_another_time: Group,
    /// Placed in the first run only: refused or given up in the second.
    pub first_only: Group,
    /// Placed in the second run only.
    pub second_only: Group,
    /// Placed in neither.
    pub neither: u64,
    /// Wanted in one run only: what services start in the place of others.
    pub unpaired: [u64; 2],
    /// Of each run, tasks that services placed anew for balance, or in the place of ones that ended or were lost.
    pub replaced: [u64; 2],
    /// Of each run, tasks that were stopped for balance, by scale-in or on an instance that left: whose choice, or fate,
    /// depends on where tasks are.
    pub stopped: [u64; 2],
    /// Tasks of which only one run has told, by name: which run, and what.
    open: FxHashMap<Box<str>, Open>,
}

/// Tasks that fare in one of the ways that matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// The first of them, at most [`EXAMPLES`], with what became of each in both runs.
    pub examples: Vec<Example>,
}

/// A task that fared differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its name.
    pub task: Box<str>,
    /// When each run placed or refused it, in milliseconds.
    pub at_ms: [u64; 2],
    /// The instances on which it was placed; `None`: nowhere.
    pub instances: [Option<Box<str>>; 2],
}

impl Group {
    fn add(&mut self, task: Box<str>, [first, second]: [End; 2]) {
        self.count += 1;
        if self.examples.len() < EXAMPLES {
            let at_ms = [first.at_ms, second.at_ms];
            self.examples.push(Example { task, at_ms, instances: [first.instance, second.instance] });
        }
    }
}

/// How the wish for a task ended: on an instance, or nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    at_ms: u64,
    instance: Option<Box<str>>,
    gpus: Box<[Box<str>]>,
}

/// What one run has told more of a name than the other: names may come again when their tasks have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Open {
    run: usize,
    ends: VecDeque<End>,
}

impl After {
    /// Takes a line of run 0 or 1.
    pub(super) fn take(&mut self, run: usize, line: Line) {
        let (instance, gpus) = match line.what {
            What::Placed { instance, gpus, why, .. } => {
                let is_anew = matches!(why, Some(PlacedWhy::Replacement | PlacedWhy::Rebalancing));
                self.replaced[run] += u64::from(is_anew);
                (Some(instance), gpus)
            }
            What::Refused { waits: false, .. } | What::GivenUp => (None, Box::default()),
            What::Refused { waits: true, .. } => return,
            What::Stopped { why, .. } => {
                let depends =
                    [StoppedWhy::ScaleIn, StoppedWhy::Draining, StoppedWhy::Rebalancing, StoppedWhy::InstanceLost];
                self.stopped[run] += u64::from(depends.contains(&why));
                return;
            }
        };
        let end = End { at_ms: line.at_ms, instance, gpus };
        match self.open.get_mut(&line.task) {
            Some(open) if open.run != run => {
                let Some(other) = open.ends.pop_front() else { return };
                if open.ends.is_empty() {
                    self.open.remove(&line.task);
                }
                self.pair(line.task, if run == 0 { [end, other] } else { [other, end] });
            }
            Some(open) => open.ends.push_back(end),
            None => {
                self.open.insert(line.task, Open { run, ends: VecDeque::from([end]) });
            }
        }
    }

    fn pair(&mut self, task: Box<str>, ends: [End; 2]) {
        match &ends {
            [End { instance: None, .. }, End { instance: None, .. }] => self.neither += 1,
            [End { instance: Some(_), .. }, End { instance: None, .. }] => self.first_only.add(task, ends),
            [End { instance: None, .. }, End { instance: Some(_), .. }] => self.second_only.add(task, ends),
            [first, second] if first.instance != second.instance => self.elsewhere.add(task, ends),
            [first, second] if first.at_ms != second.at_ms => self.at_another_time.add(task, ends),
            [first, second] if first.gpus != second.gpus => self.on_other_gpus += 1,
            _ => self.alike += 1,
        }
    }

    /// Both runs have ended.
    pub(super) fn finish(&mut self) {
        let open: BTreeMap<_, _> = std::mem::take(&mut self.open).into_iter().collect();
        for open in open.into_values() {
            self.unpaired[open.run] += open.ends.len() as u64;
        }
    }
}
