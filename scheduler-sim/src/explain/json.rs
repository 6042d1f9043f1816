//! An explanation for programs.

use scheduler_core::{Amounts, Demand, Execution, GpuDemand};

use super::change::{Change, Freed};
use super::search::Found;
use super::text::{by_closeness, check_steps, dropped_at, fate, given, margin, outcome, step_phrase};
use crate::metrics::seconds;
use crate::report::Json;
use crate::simulation::{Candidate, Decision, Measure};

/// One decision.
pub fn explanation_json(decision: &Decision, instance: Option<&str>) -> Json {
    let text = |text: &str| Json::from(text);
    let is_shown = |name: &str| instance.is_none_or(|instance| instance == name);
    let checks = check_steps(decision).into_iter().map(|(check, dropped, left)| {
        Json::object([("check", text(check.reason())), ("dropped", size(dropped)), ("left", size(left))])
    });
    let rules = decision.steps.iter().map(|step| {
        let best = step.best.map_or(Json::Null, |best| Json::Number(best.to_string()));
        Json::object([("rule", text(&step_phrase(step))), ("best", best), ("left", size(step.left))])
    });
    let chosen = decision.candidates.iter().find(|it| Some(&it.name) == decision.chosen.as_ref());
    let ranked = chosen.into_iter().chain(by_closeness(decision)).filter(|it| is_shown(&it.name));
    let told = decision.told().filter(|(told, failures)| !failures.is_empty() && is_shown(&told.name));
    let ineligible = told.map(|(told, failures)| {
        let failures = failures.into_iter().map(|failed| {
            Json::object([
                ("check", text(failed.check().reason())),
                ("shortfall", Json::count(failed.shortfall())),
                ("text", text(&failed.to_string())),
            ])
        });
        let failures = Json::List(failures.collect());
        Json::object([("name", text(&told.name)), ("zone", text(&told.zone)), ("failures", failures)])
    });
    let given = given(decision);
    let asked = |told: &str| if given.is_none() { text(told) } else { Json::Null };
    let mut object = Json::object([
        ("at_seconds", Json::Number(seconds(decision.at_ms))),
        ("event", decision.event.map_or(Json::Null, Json::count)),
        ("strategy", asked(&decision.strategy)),
        ("given_instance", given.map_or(Json::Null, text)),
        ("group", text(decision.request.group().as_str())),
        ("demand", demand(decision.request.demand())),
        ("state", state(decision)),
        ("summary", asked(&decision.explanation.to_string())),
        ("checks", Json::List(checks.collect())),
        ("rules", Json::List(rules.collect())),
        ("placed", decision.chosen.as_deref().map_or(Json::Null, text)),
        ("execution", execution(decision)),
        ("candidates", Json::List(ranked.map(|it| candidate(decision, it)).collect())),
        ("ineligible", Json::List(ineligible.collect())),
    ]);
    if let Some(name) = instance {
        object.put("instance", Json::object([("name", text(name)), ("text", text(&fate(decision, name)))]));
    }
    object
}

fn execution(decision: &Decision) -> Json {
    match decision.execution {
        None => Json::Null,
        Some(Execution::Indexed) => Json::from("index"),
        Some(_) => Json::from("scan"),
    }
}

fn size(count: usize) -> Json {
    Json::count(count as u64)
}

fn state(decision: &Decision) -> Json {
    let standing = &decision.standing;
    let pair = |[used, registered]: [u64; 2]| {
        Json::object([("reserved", Json::count(used)), ("registered", Json::count(registered))])
    };
    let zones = standing.zones.iter().map(|zone| {
        Json::object([
            ("name", Json::from(zone.name.as_str())),
            ("instances", Json::count(zone.instances.into())),
            ("cpu_units", pair(zone.cpu_units)),
            ("memory_mib", pair(zone.memory_mib)),
            ("gpu_milli", pair(zone.gpu_milli)),
            ("tasks", Json::count(zone.tasks)),
            ("tasks_of_the_group", Json::count(zone.group_tasks)),
        ])
    });
    Json::object([
        ("instances_present", size(decision.explanation.instances().len())),
        ("instances_active", size(standing.active)),
        ("requests_waiting", size(standing.waiting)),
        ("zones", Json::List(zones.collect())),
    ])
}

fn demand(demand: &Demand) -> Json {
    let ports = demand.host_ports.iter().map(|port| Json::from(port.to_string().as_str()));
    let mut object = Json::object([
        ("cpu_units", Json::count(demand.cpu_units.into())),
        ("memory_mib", Json::count(demand.memory_mib.into())),
    ]);
    match demand.gpus {
        GpuDemand::Count(count) => object.put("gpus", Json::count(count.into())),
        GpuDemand::All => object.put("gpus", Json::from("all")),
        GpuDemand::Share(milli) => object.put("gpu_milli", Json::count(milli.into())),
    }
    object.put("host_ports", Json::List(ports.collect()));
    object.put("network_interface", Json::Bool(demand.needs_eni));
    object
}

fn candidate(decision: &Decision, candidate: &Candidate) -> Json {
    let Amounts { cpu_units, memory_mib, gpu_milli } = candidate.remaining;
    let values = candidate.values.iter().map(|value| Json::Number(value.to_string()));
    let mut object = Json::object([
        ("name", Json::from(candidate.name.as_str())),
        ("zone", Json::from(candidate.zone.as_str())),
        ("remaining_cpu_units", Json::count(cpu_units.into())),
        ("remaining_memory_mib", Json::count(memory_mib.into())),
        ("remaining_gpu_milli", Json::count(gpu_milli.into())),
        ("tasks_of_the_group", Json::count(candidate.group_count.into())),
        ("values", Json::List(values.collect())),
        ("text", Json::from(fate(decision, &candidate.name).as_str())),
    ]);
    if let Some((step, value)) = dropped_at(decision, candidate) {
        object.put("dropped_by", Json::from(step.rule.as_str()));
        object.put("margin", Json::Number(margin(step, value).to_string()));
        object.put("best_is", Json::from(if matches!(step.measure, Measure::Most(_)) { "most" } else { "least" }));
    }
    object
}

/// What would have let the task in.
pub fn found_json(found: &Found) -> Json {
    let suggestions = found.suggestions.iter().enumerate().map(|(index, suggestion)| {
        let mut object = change(suggestion);
        object.put("number", size(index + 1));
        object.put("text", Json::from(suggestion.to_string().as_str()));
        object
    });
    Json::object([
        ("suggestions", Json::List(suggestions.collect())),
        ("forks", Json::count(found.forks.into())),
        ("is_cut_short", Json::Bool(found.is_cut_short)),
        ("text", Json::from(outcome(found).as_str())),
    ])
}

fn change(change: &Change) -> Json {
    let text = |text: &str| Json::from(text);
    match change {
        Change::Lift(_) => Json::object([("class", text("lift"))]),
        Change::Join { like, instance_type, zone, name, .. } => Json::object([
            ("class", text("join")),
            ("like", text(like)),
            ("instance_type", instance_type.as_deref().map_or(Json::Null, text)),
            ("zone", text(zone)),
            ("name", text(name)),
        ]),
        Change::Free { instance, freed, tasks } => Json::object([
            ("class", text("free")),
            ("instance", text(instance)),
            ("lacks", lacks(freed)),
            ("tasks", Json::List(tasks.iter().map(|task| text(task)).collect())),
        ]),
        Change::Move { task, from, to, duration_ms, .. } => Json::object([
            ("class", text("move")),
            ("task", text(task)),
            ("from", text(from)),
            ("to", text(to)),
            ("duration_seconds", duration_ms.map_or(Json::Null, |it| Json::Number(seconds(it)))),
        ]),
    }
}

fn lacks(freed: &Freed) -> Json {
    let mut object = Json::object::<&str>([]);
    let amounts = [
        ("cpu_units", freed.cpu_units),
        ("memory_mib", freed.memory_mib),
        ("gpus", freed.gpus),
        ("gpu_milli", freed.gpu_milli),
        ("network_interfaces", freed.enis),
        ("host_ports", freed.ports.len() as u32 + freed.ports_above_limit),
        ("group_places", freed.group_tasks),
        ("expressions", freed.expressions),
    ];
    for (key, amount) in amounts.into_iter().filter(|(_, amount)| *amount > 0) {
        object.put(key, Json::count(amount.into()));
    }
    object
}
