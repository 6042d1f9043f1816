//! Each preset shows the distribution that its documentation claims.

use std::collections::BTreeMap;

use super::*;
use crate::trace::{Action, OpenOptions, RunTask, Source, Survey, from_bytes};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn generated(preset: Preset, options: &Options) -> Vec<u8> {
    let mut bytes = Vec::new();
    generate(preset, options, TraceForm::Lines, &mut bytes).expect("memory takes all");
    bytes
}

fn read(bytes: Vec<u8>) -> (Source, Survey) {
    let source = from_bytes("t.jsonl", bytes, OpenOptions::default()).expect("readable");
    let survey = source.survey().expect("a sound trace");
    assert_eq!(survey.warnings, []);
    (source, survey)
}

/// The requests after second 0 and their times.
fn requests(preset: Preset) -> Vec<(u64, RunTask)> {
    let options = Options { instances: 20_000, tasks: None, seed: 5, ..Options::default() };
    let running = Plan::new(&preset.workload(), &options).expect("a plan").running_count;
    let tasks = Some(running + 100_000);
    let (source, survey) = read(generated(preset, &Options { tasks, ..options }));
    let events = source.events(&survey).expect("readable").map(|event| event.expect("sound"));
    let requests = events.skip(running as usize).filter_map(|event| match event.action {
        Action::RunTask(run) => Some((event.at_ms, run)),
        _ => None,
    });
    requests.collect()
}

#[expect(clippy::cast_precision_loss, reason = "compared within a tolerance")]
fn variation(values: impl Iterator<Item = u64> + Clone) -> f64 {
    let count = values.clone().count() as f64;
    let mean = values.clone().map(|value| value as f64).sum::<f64>() / count;
    let variance = values.map(|value| (value as f64 - mean).powi(2)).sum::<f64>() / count;
    variance.sqrt() / mean
}

/// The share of values below each bound, in percent, and the coefficient of variation with its tolerance.
#[track_caller]
fn check(mut values: Vec<u64>, shares: &[(u64, f64)], variations: std::ops::Range<f64>) {
    values.sort_unstable();
    for &(bound, expected) in shares {
        #[expect(clippy::cast_precision_loss, reason = "compared within a tolerance")]
        let found = 100.0 * values.partition_point(|value| *value < bound) as f64 / values.len() as f64;
        assert!((found - expected).abs() < 1.5, "{found} % below {bound}, not {expected} %");
    }
    let found = variation(values.iter().copied());
    assert!(variations.contains(&found), "the coefficient of variation is {found}");
}

fn lifetimes(preset: Preset, families: &[&str]) -> Vec<u64> {
    let requests = requests(preset).into_iter().map(|(_, run)| run);
    let wanted = |run: &RunTask| families.is_empty() || families.contains(&run.request.definition.core.family());
    requests.filter(wanted).map(|run| run.duration_ms.expect("it ends")).collect()
}

const PODS: &[(u64, f64)] = &[(10 * MINUTE, 50.0), (132 * MINUTE, 90.0), (32 * HOUR, 99.0), (168 * HOUR + 1, 100.0)];

#[test]
fn batch_runs_the_jobs_of_surf_in_the_batches_of_azure() {
    let shares = [(69_000, 50.0), (HOUR, 90.0), (36 * HOUR, 99.0), (120 * HOUR + 1, 100.0)];
    check(lifetimes(Preset::Batch, &[]), &shares, 4.4..5.4);
    let batches = requests(Preset::Batch).iter().map(|(_, run)| u64::from(run.names.count())).collect();
    check(batches, &[(3, 75.0), (7, 91.5), (63, 99.0), (588, 100.0)], 3.5..4.9);
}

#[test]
fn arrivals_vary_as_those_of_azure() {
    let requests = requests(Preset::Batch);
    let end_ms = requests.last().expect("some").0;
    // Slices of 250 tasks in the mean.
    let mut slices = vec![0; 400];
    for (at_ms, run) in &requests {
        slices[(at_ms * 400 / (end_ms + 1)) as usize] += u64::from(run.names.count());
    }
    let found = variation(slices.iter().copied());
    assert!((0.5..0.75).contains(&found), "{found}");
}

#[test]
fn diurnal_follows_the_hours_of_the_day() {
    let options = Options { instances: 2_000, seed: 3, ..Options::default() };
    let (source, survey) = read(generated(Preset::Diurnal, &options));
    let (mut hours, mut total) = ([0u64; 24], 0);
    for event in source.events(&survey).expect("readable").map(|event| event.expect("sound")) {
        if let (Action::RunTask(_), 1..) = (&event.action, event.at_ms) {
            hours[(event.at_ms / HOUR % 24) as usize] += 1;
            total += 1;
        }
    }
    for (found, share) in hours.iter().zip(presets::HOURS) {
        assert!((found * 10_000 / total).abs_diff(share) < 40, "{hours:?}");
    }
    check(lifetimes(Preset::Diurnal, &[]), PODS, 4.0..5.0);
}

#[test]
fn heavy_tailed_is_the_mixture_of_the_facts() {
    let shares = [(5 * MINUTE, 12.0), (HOUR, 67.0), (24 * HOUR, 92.0), (720 * HOUR, 99.6)];
    check(lifetimes(Preset::HeavyTailed, &[]), &shares, 4.2..5.8);
}

#[test]
fn mixed_sizes_and_constrained_live_as_pods() {
    check(lifetimes(Preset::MixedSizes, &[]), PODS, 4.0..5.0);
    check(lifetimes(Preset::Constrained, &[]), PODS, 4.0..5.0);
}

#[test]
fn fragmenting_mixes_long_small_tasks_with_short_large_ones() {
    // Log-uniform: the half lies below the geometric mean.
    check(
        lifetimes(Preset::Fragmenting, &["grain"]),
        &[(HOUR, 0.0), (17_636_000, 50.0), (24 * HOUR + 1, 100.0)],
        0.8..0.9,
    );
    let large = lifetimes(Preset::Fragmenting, &["three-eighths", "five-eighths", "memory-heavy"]);
    check(large, &[(5 * MINUTE, 0.0), (1_039_000, 50.0), (HOUR + 1, 100.0)], 0.6..0.7);
}

#[test]
fn sizes_and_rules_have_their_shares() {
    for preset in Preset::ALL.into_iter().filter(|preset| *preset != Preset::Steady) {
        let requests = requests(preset);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (_, run) in &requests {
            *counts.entry(run.request.definition.core.family().to_owned()).or_default() += 1;
        }
        for kind in preset.workload().kinds {
            let found = counts[kind.family] * 1_000 / requests.len() as u64;
            assert!(found.abs_diff(kind.weight) <= 12, "{preset}: {} {found}, not {}", kind.family, kind.weight);
        }
    }
}

#[test]
fn steady_has_services_of_the_sizes_of_dlrm() {
    let options = Options { instances: 200_000, ..Options::default() };
    let (_, survey) = read(generated(Preset::Steady, &options));
    let sizes: Vec<_> = survey.header.services.iter().map(|entry| u64::from(entry.service.desired_count)).collect();
    assert!(sizes.len() > 3_000);
    check(sizes, &[(2, 0.0), (42, 50.0), (2_552, 100.0)], 1.5..2.2);
}

#[test]
fn as_many_tasks_are_asked_for_as_the_utilization_wants() {
    for preset in Preset::ALL.into_iter().filter(|preset| *preset != Preset::Steady) {
        let options = Options { instances: 2_000, utilization_milli: Some(600), ..Options::default() };
        let (source, survey) = read(generated(preset, &options));
        let horizon_ms = survey.header.settings.end_ms.expect("it has one");
        let (mut cpu, mut memory) = (0u128, 0u128);
        for event in source.events(&survey).expect("readable").map(|event| event.expect("sound")) {
            if let Action::RunTask(run) = event.action {
                let demand = run.request.definition.core.demand();
                let alive_ms = run.duration_ms.expect("it ends").min(horizon_ms.saturating_sub(event.at_ms));
                let alive = u128::from(alive_ms) * u128::from(run.names.count());
                cpu += alive * u128::from(demand.cpu_units);
                memory += alive * u128::from(demand.memory_mib);
            }
        }
        let (mut cpu_units, mut memory_mib) = (0u128, 0u128);
        for entry in &survey.header.instances {
            let instance = entry.description.build("i", 0).expect("sound");
            cpu_units += u128::from(entry.count) * u128::from(instance.resources().cpu_units());
            memory_mib += u128::from(entry.count) * u128::from(instance.resources().memory_mib());
        }
        let span = u128::from(horizon_ms);
        let found = (cpu * 1_000 / (cpu_units * span)).max(memory * 1_000 / (memory_mib * span));
        assert!((520..680).contains(&found), "{preset}: {found} thousandths");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_gives_others() {
    for preset in Preset::ALL {
        let options = Options { instances: 30, ..Options::default() };
        let bytes = generated(preset, &options);
        assert_eq!(bytes, generated(preset, &options), "{preset}");
        assert_ne!(bytes, generated(preset, &Options { seed: 1, ..options }), "{preset}");
    }
}

/// Pins the bytes: a change of them changes every trace that somebody cites by its seed.
#[test]
fn the_bytes_stay_what_they_are() {
    let options = Options { instances: 12, tasks: Some(400), ..Options::default() };
    let digests = Preset::ALL.map(|preset| read(generated(preset, &options)).1.sha256[..8].to_owned());
    assert_eq!(digests, ["c435ff77", "6ee2854a", "6ea8f002", "622602a0", "f027e3cd", "a65e3ed1", "1e7664ae"]);
}

#[test]
fn what_cannot_be_is_refused_with_what_would_do() {
    let refused = |options: Options| {
        let error = generate(Preset::Batch, &options, TraceForm::Lines, &mut Vec::new()).expect_err("refused");
        error.to_string()
    };
    let few = refused(Options { tasks: Some(100), ..Options::default() });
    assert!(few.contains("ask for more tasks, or for"), "{few}");
    let zones = refused(Options { zones: 27, ..Options::default() });
    assert_eq!(zones, "zones: 27 is not between 1 and 26");
}
