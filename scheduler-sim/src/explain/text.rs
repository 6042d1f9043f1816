//! An explanation for people.

use std::fmt::Write;

use scheduler_core::{Check, Execution, GPU_MILLI, PlacementRequest};

use super::search::{FORK_LIMIT, Found};
use crate::metrics::seconds;
use crate::report::{counted, demand_words};
use crate::simulation::{Candidate, Decision, Measure, Step};

/// Instances named one by one; of more only the number is told.
const LISTED: usize = 20;

/// Runners-up that are told.
const RUNNERS_UP: usize = 3;

/// How much an explanation tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What decided.
    Decision,
    /// Also whether an index or a scan answered.
    Execution,
}

/// One decision.
pub fn explanation_text(decision: &Decision, instance: Option<&str>, detail: Detail) -> String {
    let mut text = String::new();
    let event = decision.event.map_or_else(|| "by its service".to_owned(), |event| format!("event {event}"));
    // Writing to a text cannot fail.
    let _ = match decision.named_instance {
        None => writeln!(text, "at {} s, {event}, strategy {}", seconds(decision.at_ms), decision.strategy),
        Some(_) => writeln!(text, "at {} s, {event}", seconds(decision.at_ms)),
    };
    let _ = writeln!(text, "  asks for {}", demand_words(decision.request.demand()));
    standing(decision, &mut text);
    let _ = match given(decision) {
        None => writeln!(text, "  {}", decision.explanation),
        Some(name) if decision.event.is_some() => {
            writeln!(text, "  StartTask names {name}: status, constraints and strategies are not asked")
        }
        Some(name) => writeln!(text, "  the daemon of {name}: strategies are not asked"),
    };
    for (check, dropped, left) in check_steps(decision) {
        let _ = writeln!(text, "  {}: {dropped} dropped -> {left} left", check_phrase(check));
    }
    choice(decision, &mut text);
    if detail == Detail::Execution {
        let by = match decision.execution {
            Some(Execution::Indexed) => "an index answered",
            Some(_) => "a scan over all instances answered",
            None => "nobody was asked",
        };
        let _ = writeln!(text, "  {by}");
    }
    match instance {
        Some(name) => {
            let _ = writeln!(text, "  {name}: {}", fate(decision, name));
        }
        None => runners_up(decision, &mut text),
    }
    candidates(decision, instance, &mut text);
    failures(decision, instance, &mut text);
    text
}

/// The name of the instance, where that is given.
pub(super) fn given(decision: &Decision) -> Option<&str> {
    decision.named_instance?;
    decision.told().next().map(|(told, _)| &*told.name)
}

/// How the strategy chose, of a decision whose state is told already.
pub fn choice_text(decision: &Decision) -> String {
    let mut text = String::new();
    choice(decision, &mut text);
    runners_up(decision, &mut text);
    text
}

/// What each rule left, and what came of it.
fn choice(decision: &Decision, text: &mut String) {
    // Writing to a text cannot fail.
    for step in &decision.steps {
        let _ = writeln!(text, "  {} -> {} left", step_phrase(step), step.left);
    }
    match &decision.chosen {
        Some(chosen) => {
            let _ = writeln!(text, "  placed on {chosen}");
        }
        None => text.push_str("  not placed\n"),
    }
}

/// What would have let the task in.
pub fn found_text(found: &Found) -> String {
    let mut text = String::new();
    if !found.suggestions.is_empty() {
        text.push_str("any one of these changes right before would have let it in:\n");
    }
    for (index, suggestion) in found.suggestions.iter().enumerate() {
        let _ = writeln!(text, "  {}. {}", index + 1, suggestion);
    }
    let _ = writeln!(text, "{}", outcome(found));
    text
}

/// How the search for changes ended.
pub(super) fn outcome(found: &Found) -> String {
    match (found.suggestions.is_empty(), found.is_cut_short) {
        (true, false) => {
            let constraint = if found.is_of_service {
                "drop one constraint of the service (another task definition would be a deployment)"
            } else {
                "drop one constraint"
            };
            format!(
                "no single change of these classes helps: {constraint}, one more instance, free room on one instance, move \
                 one task"
            )
        }
        (true, true) => format!(
            "no single change was found that helps: the search ended at its bound of {FORK_LIMIT} forks, with more to try"
        ),
        (false, false) => {
            format!("each was tried on a fork of the run; it took {}", counted(found.forks.into(), "fork"))
        }
        (false, true) => format!(
            "each was tried on a fork of the run; the search ended at its bound of {FORK_LIMIT} forks, with more to try"
        ),
    }
}

/// The checks that a request is asked for, in order, each with how many it dropped and left.
pub(super) fn check_steps(decision: &Decision) -> Vec<(Check, usize, usize)> {
    let mut left = decision.explanation.instances().len();
    let tally: Vec<_> = decision.explanation.tally().collect();
    let dropped_by = |check: Check| tally.iter().find(|(known, _)| *known == check).map_or(0, |(_, count)| *count);
    if decision.named_instance.is_some() {
        return Vec::new();
    }
    let mut steps = Vec::new();
    for check in Check::ALL {
        let dropped = dropped_by(check);
        left -= dropped;
        if dropped > 0 || is_asked(check, &decision.request) {
            steps.push((check, dropped, left));
        }
    }
    steps
}

/// Whether a request could fail a check.
fn is_asked(check: Check, request: &PlacementRequest) -> bool {
    let demand = request.demand();
    match check {
        Check::Status | Check::Cpu | Check::Memory | Check::Agent => true,
        Check::Ports => !demand.host_ports.is_empty(),
        Check::Gpu => !demand.gpus.is_none(),
        Check::Eni => demand.needs_eni,
        Check::Attributes => !request.required_attributes().is_empty(),
        Check::Location => request.allowed_zones().is_some(),
        // Those that nobody fails are not worth a line.
        _ => false,
    }
}

fn check_phrase(check: Check) -> &'static str {
    match check {
        Check::Status => "ACTIVE",
        Check::CapacityProvider => "capacity provider",
        Check::Cpu => "CPU",
        Check::Memory => "memory",
        Check::Ports => "host ports",
        Check::Gpu => "GPUs",
        Check::Eni => "network interfaces",
        Check::Attributes => "required attributes",
        Check::Location => "zones of the subnets",
        Check::MemberOf => "memberOf",
        Check::DistinctInstance => "distinctInstance",
        Check::MaxTasksPerInstance => "maxTasksPerInstance",
        Check::Agent => "agent connected",
        _ => "custom constraints",
    }
}

pub(super) fn step_phrase(step: &Step) -> String {
    match (step.measure, step.best) {
        (Measure::Least(unit) | Measure::Most(unit), Some(best)) => format!("{}: {best} {unit}", step.rule),
        _ => step.rule.clone(),
    }
}

fn standing(decision: &Decision, text: &mut String) {
    let standing = &decision.standing;
    let present = decision.explanation.instances().len();
    let _ = write!(text, "  of {present} instances present {} were ACTIVE", standing.active);
    let _ = match standing.waiting {
        0 => writeln!(text),
        count => writeln!(text, "; {} waited", counted(count as u64, "request")),
    };
    for zone in &standing.zones {
        let gpus = match zone.gpu_milli {
            [_, 0] => String::new(),
            [used, all] => format!(", {} of {} GPUs", gpus(used), gpus(all)),
        };
        let _ = writeln!(
            text,
            "    {}: {}, {} of {} CPU units and {} of {} MiB{gpus} reserved, {}, {} of the group",
            zone.name,
            counted(zone.instances.into(), "instance"),
            zone.cpu_units[0],
            zone.cpu_units[1],
            zone.memory_mib[0],
            zone.memory_mib[1],
            counted(zone.tasks, "task"),
            zone.group_tasks
        );
    }
}

/// Whole GPUs, or thousandths where shares are taken.
fn gpus(milli: u64) -> String {
    match (milli / u64::from(GPU_MILLI), milli % u64::from(GPU_MILLI)) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part:03}"),
    }
}

/// The step at which a candidate dropped out, and its value there; `None`: it did not, or no value says so.
pub(super) fn dropped_at<'d>(decision: &'d Decision, candidate: &Candidate) -> Option<(&'d Step, u128)> {
    let comparing = decision.steps.iter().filter(|step| step.best.is_some());
    let mut values = candidate.values.iter().zip(comparing);
    values.find(|(value, step)| Some(**value) != step.best).map(|(value, step)| (step, *value))
}

/// By how much a value is worse than the best.
pub(super) fn margin(step: &Step, value: u128) -> u128 {
    step.best.map_or(0, |best| best.abs_diff(value))
}

/// Candidates that were not chosen, the closest first: those that came furthest, of them those that fell short the least.
pub(super) fn by_closeness(decision: &Decision) -> Vec<&Candidate> {
    let mut others: Vec<_> = decision.candidates.iter().collect();
    others.retain(|candidate| Some(&candidate.name) != decision.chosen.as_ref());
    others.sort_by_key(|candidate| {
        let short = dropped_at(decision, candidate).map_or(0, |(step, value)| margin(step, value));
        (std::cmp::Reverse(candidate.values.len()), short)
    });
    others
}

fn runners_up(decision: &Decision, text: &mut String) {
    if decision.chosen.is_none() || decision.steps.is_empty() {
        return;
    }
    for candidate in by_closeness(decision).into_iter().take(RUNNERS_UP) {
        let _ = writeln!(text, "  runner-up {}: {}", candidate.name, fate(decision, &candidate.name));
    }
}

/// What became of an instance.
pub(super) fn fate(decision: &Decision, name: &str) -> String {
    if decision.chosen.as_deref() == Some(name) {
        return "chosen".to_owned();
    }
    if let Some((_, failures)) = decision.told().find(|(told, _)| *told.name == *name)
        && let Some(failed) = failures.first()
    {
        return format!("dropped out at {}: {failed}", check_phrase(failed.check()));
    }
    let Some(candidate) = decision.candidates.iter().find(|candidate| candidate.name == name) else {
        let is_present = decision.explanation.instances().iter().any(|told| *told.name == *name);
        return if is_present { "not asked: another is given".to_owned() } else { "not present then".to_owned() };
    };
    match dropped_at(decision, candidate) {
        Some((step, value)) => {
            let (Measure::Least(unit) | Measure::Most(unit)) = step.measure else { return step.rule.clone() };
            let word = if matches!(step.measure, Measure::Least(_)) { "more" } else { "less" };
            format!("dropped out at {}: {value} {unit}, {} {word} than the best", step.rule, margin(step, value))
        }
        None => match decision.steps.iter().rfind(|step| step.best.is_none()) {
            Some(step) => format!("as good until {}", step.rule),
            None => "could hold it".to_owned(),
        },
    }
}

fn candidates(decision: &Decision, instance: Option<&str>, text: &mut String) {
    let shown = decision.candidates.iter().filter(|candidate| instance.is_none_or(|name| name == candidate.name));
    let width = decision.candidates.iter().map(|candidate| candidate.name.len()).max().unwrap_or(0);
    for candidate in shown.take(LISTED) {
        let remaining = candidate.remaining;
        let gpus = match remaining.gpu_milli {
            0 => String::new(),
            milli => format!(", {} GPUs", gpus(milli.into())),
        };
        let _ = writeln!(
            text,
            "    {:<width$}  {}  {} CPU units, {} MiB{gpus} left, {} of the group",
            candidate.name, candidate.zone, remaining.cpu_units, remaining.memory_mib, candidate.group_count
        );
    }
    if instance.is_none() && decision.candidates.len() > LISTED {
        let _ = writeln!(text, "    and {} more that could hold it", decision.candidates.len() - LISTED);
    }
}

/// Every failing check of the instances that could not hold the task.
fn failures(decision: &Decision, instance: Option<&str>, text: &mut String) {
    let failing = decision
        .told()
        .filter(|(told, failures)| !failures.is_empty() && instance.is_none_or(|name| *told.name == *name));
    let failing: Vec<_> = failing.collect();
    let width = failing.iter().take(LISTED).map(|(told, _)| told.name.len()).max().unwrap_or(0);
    for (told, failures) in failing.iter().take(LISTED) {
        let all: Vec<_> = failures.iter().map(|failed| format!("{}: {failed}", failed.check().reason())).collect();
        let _ = writeln!(text, "    {:<width$}  {}  {}", told.name, told.zone, all.join("; "));
    }
    if failing.len() > LISTED {
        let _ = writeln!(text, "    and {} more that could not hold it", failing.len() - LISTED);
    }
}
