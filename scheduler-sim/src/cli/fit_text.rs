//! What `fit` prints: a screen for people, every instance for programs.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

use scheduler_core::Check;

use super::columns::{Side, aligned};
use super::fit::Subject;
use super::output::Heading;
use crate::fit::{Fit, InstanceFit, LeftOver, Tasks};
use crate::metrics::{seconds, shortest};
use crate::report::{Json, counted, demand_words, document};
use crate::trace::Printable;

/// Rows of one list; of more only the sum is told.
const LISTED: usize = 20;

pub(super) fn table(heading: &Heading, subject: &Subject, found: &Fit) -> String {
    let mut text = format!("{heading}\n");
    text.push_str(&summary(subject, found));
    if found.instances.is_empty() {
        text.push_str("no container instance is present then; another instant: --at SECONDS\n");
        return text;
    }
    for part in [zones(found), limits(found), instances(found)] {
        text.push('\n');
        text.push_str(&part);
    }
    text
}

fn summary(subject: &Subject, found: &Fit) -> String {
    let request = &subject.request;
    let definition = Printable(request.spec().definition.as_deref().unwrap_or_default());
    let demand = demand_words(request.demand());
    let of = match &subject.service {
        Some(service) => format!("service {}: {definition}", Printable(service)),
        None => definition.to_string(),
    };
    let takers = found.instances.iter().filter(|it| it.tasks != Tasks::NONE).count();
    let on = format!("{takers} of {}", counted(found.instances.len() as u64, "instance"));
    let mut text = format!("{of} ({demand}): {} on {on}\n", more(found.tasks));
    if let Some(even) = found.even_tasks {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "with its Availability Zones kept even: {}", more(even));
    }
    text
}

fn more(tasks: Tasks) -> String {
    match tasks {
        Tasks::Any => "any number more fits".to_owned(),
        Tasks::Most(1) => "1 more fits".to_owned(),
        Tasks::Most(count) => format!("{count} more fit"),
    }
}

fn number(tasks: Tasks) -> String {
    match tasks {
        Tasks::Any => "any".to_owned(),
        Tasks::Most(count) => count.to_string(),
    }
}

fn reason(check: Option<Check>) -> &'static str {
    check.map_or("nothing limits", Check::reason)
}

fn zones(found: &Fit) -> String {
    let even = |tasks: Option<Tasks>| tasks.map(number).unwrap_or_default();
    let even_head = if found.even_tasks.is_some() { "kept even" } else { "" };
    let mut rows = vec![["zone", "instances", "of the group", "more", even_head].map(str::to_owned)];
    rows.extend(found.zones.iter().take(LISTED).map(|zone| {
        [
            Printable(&zone.zone).to_string(),
            zone.instances.to_string(),
            zone.running.to_string(),
            number(zone.tasks),
            even(zone.even_tasks),
        ]
    }));
    let mut text = aligned([Side::Left, Side::Right, Side::Right, Side::Right, Side::Right], &rows);
    tell_rest(found.zones.len(), "zone", &mut text);
    text
}

/// What binds first, and what is stranded then.
fn limits(found: &Fit) -> String {
    let has_gpus = found.limits.iter().any(|limit| limit.left_over.gpu_milli > 0);
    let mut rows = vec![["binds first", "instances", "more", "left: CPU units", "MiB", "GPUs"].map(str::to_owned)];
    let mut sum = LeftOver::default();
    for limit in &found.limits {
        sum.add(limit.left_over);
        rows.push(limit_row(reason(limit.check), limit.instances, limit.tasks, limit.left_over));
    }
    if found.limits.len() > 1 {
        rows.push(limit_row("all", found.instances.len() as u64, found.tasks, sum));
    }
    if !has_gpus {
        for row in &mut rows {
            row[5].clear();
        }
    }
    aligned([Side::Left, Side::Right, Side::Right, Side::Right, Side::Right, Side::Right], &rows)
}

fn limit_row(name: &str, instances: u64, tasks: Tasks, left: LeftOver) -> [String; 6] {
    let gpus = shortest(left.gpu_milli.into(), 3);
    [
        name.to_owned(),
        instances.to_string(),
        number(tasks),
        left.cpu_units.to_string(),
        left.memory_mib.to_string(),
        gpus,
    ]
}

/// Each instance, or where they are many those that are alike together: the most room first.
fn instances(found: &Fit) -> String {
    if found.instances.len() <= LISTED {
        let mut rows = vec![["instance", "type", "zone", "more", "then"].map(str::to_owned)];
        rows.extend(found.instances.iter().map(|it| {
            let [kind, zone, tasks, limit] = cells(it);
            [Printable(&it.name).to_string(), kind, zone, tasks, limit]
        }));
        return aligned([Side::Left, Side::Left, Side::Left, Side::Right, Side::Left], &rows);
    }
    let mut alike: BTreeMap<_, (u64, &InstanceFit)> = BTreeMap::new();
    for it in &found.instances {
        let key = (Reverse(it.tasks), &it.instance_type, &it.zone, it.limited_by);
        alike.entry(key).or_insert((0, it)).0 += 1;
    }
    let mut rows = vec![["instances", "type", "zone", "more each", "then"].map(str::to_owned)];
    rows.extend(alike.values().take(LISTED).map(|(count, it)| {
        let [kind, zone, tasks, limit] = cells(it);
        [count.to_string(), kind, zone, tasks, limit]
    }));
    let mut text = aligned([Side::Right, Side::Left, Side::Left, Side::Right, Side::Left], &rows);
    tell_rest(alike.len(), "kind", &mut text);
    text
}

/// Type, zone, room and limit of an instance.
fn cells(it: &InstanceFit) -> [String; 4] {
    let kind = it.instance_type.as_deref().map_or_else(|| "-".to_owned(), |kind| Printable(kind).to_string());
    [kind, Printable(&it.zone).to_string(), number(it.tasks), reason(it.limited_by).to_owned()]
}

fn tell_rest(count: usize, what: &str, text: &mut String) {
    if count > LISTED {
        let rest = counted((count - LISTED) as u64, what);
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  and {rest} more; --format json has all");
    }
}

pub(super) fn json(heading: &Heading, subject: &Subject, found: &Fit) -> String {
    let request = &subject.request;
    let count = |tasks: Tasks| match tasks {
        Tasks::Any => Json::Null,
        Tasks::Most(count) => Json::count(count),
    };
    let left_over = |left: &LeftOver| {
        Json::object([
            ("cpu", Json::count(left.cpu_units)),
            ("memory", Json::count(left.memory_mib)),
            ("gpu", Json::Number(shortest(left.gpu_milli.into(), 3))),
        ])
    };
    let limited_by = |check: Option<Check>| check.map_or(Json::Null, |check| Json::from(check.reason()));
    let zones = found.zones.iter().map(|zone| {
        let mut object = Json::object([
            ("zone", Json::from(&*zone.zone)),
            ("instances", Json::count(zone.instances)),
            ("running", Json::count(zone.running)),
            ("tasks", count(zone.tasks)),
        ]);
        if let Some(even) = zone.even_tasks {
            object.put("tasks_kept_even", count(even));
        }
        object
    });
    let limits = found.limits.iter().map(|limit| {
        Json::object([
            ("limited_by", limited_by(limit.check)),
            ("instances", Json::count(limit.instances)),
            ("tasks", count(limit.tasks)),
            ("left_over", left_over(&limit.left_over)),
        ])
    });
    let instances = found.instances.iter().map(|it| {
        Json::object([
            ("instance", Json::from(&*it.name)),
            ("instance_type", it.instance_type.as_deref().map_or(Json::Null, Json::from)),
            ("zone", Json::from(&*it.zone)),
            ("tasks", count(it.tasks)),
            ("limited_by", limited_by(it.limited_by)),
            ("left_over", left_over(&it.left_over)),
        ])
    });
    let mut members = vec![
        ("trace", Json::from(&*heading.trace)),
        ("strategy", Json::from(&*heading.strategy)),
        ("seed", Json::count(heading.seed)),
        ("at_seconds", Json::Number(seconds(heading.at_ms))),
        ("task_definition", Json::from(request.spec().definition.as_deref().unwrap_or_default())),
        ("group", Json::from(request.group().as_str())),
        ("tasks", count(found.tasks)),
    ];
    members.extend(found.even_tasks.map(|even| ("tasks_kept_even", count(even))));
    members.push(("zones", Json::List(zones.collect())));
    members.push(("limits", Json::List(limits.collect())));
    members.push(("instances", Json::List(instances.collect())));
    document(members)
}
