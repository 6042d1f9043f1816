//! Curves, by criterion: `OPERATION/CASE/SIZE` by the engine, and by the plain scan or whatever is plainest beside it. Both go
//! through the same states, and their answers are compared outside of what is timed.
//!
//! Sizes are 100 to 100,000 instances; `SCHEDULER_BENCH_SIZES=1000000` chooses others. Under `cargo test` everything runs
//! once, small.

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scheduler_benches::{Batch, Churn, Mode, Outcome, Replay};
use scheduler_core::Expression;

fn sizes() -> Vec<usize> {
    if !std::env::args().any(|argument| argument == "--bench") {
        return vec![100];
    }
    match std::env::var("SCHEDULER_BENCH_SIZES") {
        Ok(sizes) => sizes.split(',').map(|size| size.parse().expect("a number of instances")).collect(),
        Err(_) => vec![100, 1_000, 10_000, 100_000],
    }
}

fn group(criterion: &mut Criterion, name: String) -> BenchmarkGroup<'_, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300)).sample_size(10);
    group
}

/// `place` (with start), `stop`: steady and near full. Each step stops a task and requests one.
fn place_and_stop(criterion: &mut Criterion) {
    for mode in Mode::ALL {
        for size in sizes() {
            let mut churn = Churn::new(mode, size);
            curves(criterion, &format!("{mode}_steady"), size, &mut churn);
            churn.fill_up();
            curves(criterion, &format!("{mode}_near_full"), size, &mut churn);
        }
    }
}

fn curves(criterion: &mut Criterion, case: &str, size: usize, churn: &mut Churn) {
    for operation in ["place", "stop"] {
        let time = |outcome: &Outcome| if operation == "place" { outcome.time } else { outcome.stop_time };
        let mut group = group(criterion, format!("{operation}/{case}"));
        group.bench_function(BenchmarkId::new("engine", size), |bencher| {
            bencher.iter_custom(|rounds| {
                let total = (0..rounds).map(|_| time(&churn.step())).sum();
                churn.follow(|position, _| position == 0);
                total
            });
        });
        // Every answer is compared.
        group.bench_function(BenchmarkId::new("plain_scan", size), |bencher| {
            bencher.iter_custom(|rounds| {
                for _ in 0..rounds {
                    churn.step();
                }
                churn.follow(|_, _| true).iter().map(time).sum()
            });
        });
        group.finish();
    }
}

/// An instance joins a filled fleet, and leaves it.
fn register_and_deregister(criterion: &mut Criterion) {
    for size in sizes() {
        let mut churn = Churn::new(Mode::Headroom, size);
        let mut group = group(criterion, "register_deregister/headroom_steady".to_owned());
        group.bench_function(BenchmarkId::new("engine", size), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| churn.join_and_leave()[0]).sum());
        });
        group.bench_function(BenchmarkId::new("plain_list", size), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| churn.join_and_leave()[1]).sum());
        });
        group.finish();
        // Both are where they were.
        for _ in 0..10 {
            churn.step();
        }
        churn.follow(|_, _| true);
    }
}

/// A service spread over zones, then instances: as many tasks as instances, 10,000 at most. The plain scan is asked for the
/// first hundred; the times to compare are those an element.
fn place_many(criterion: &mut Criterion) {
    for size in sizes() {
        let mut batch = Batch::new(size);
        let count = size.min(10_000);
        let asked = count.min(100);
        assert_eq!(batch.by_engine(asked).1, batch.by_plain_scan(asked).1);
        let mut group = group(criterion, "place_many/spread_spread".to_owned());
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("engine", size), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| black_box(batch.by_engine(count)).0).sum());
        });
        group.throughput(Throughput::Elements(asked as u64));
        group.bench_function(BenchmarkId::new("plain_scan", size), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| black_box(batch.by_plain_scan(asked)).0).sum());
        });
        group.finish();
    }
}

/// Arrivals and departures in turn, all of them timed together, on a fleet in the steady state.
fn replay(criterion: &mut Criterion) {
    for mode in [Mode::Headroom, Mode::SpreadSpread, Mode::SpreadBinpackMemory] {
        for size in sizes() {
            let mut replay = Replay::new(mode, size);
            let mut group = group(criterion, format!("replay/{mode}"));
            // So that a sample of the plain scan ends in time.
            let events = (20_000_000 / size).clamp(200, 20_000);
            group.throughput(Throughput::Elements(events as u64));
            group.bench_function(BenchmarkId::new("engine", size), |bencher| {
                bencher.iter_custom(|rounds| (0..rounds).map(|_| replay.run(events)[0]).sum());
            });
            group.bench_function(BenchmarkId::new("plain_scan", size), |bencher| {
                bencher.iter_custom(|rounds| (0..rounds).map(|_| replay.run(events)[1]).sum());
            });
            group.finish();
        }
    }
}

/// Cluster query expressions; beside them the least that any parser does: looking at every character once.
fn parse(criterion: &mut Criterion) {
    let expressions = [
        ("comparison", "attribute:ecs.instance-type == t2.small"),
        ("and_of_two", "attribute:ecs.availability-zone == us-east-1a and attribute:stack != test"),
        ("list", "attribute:ecs.availability-zone in [us-east-1a, us-east-1b, 'us-east-1c']"),
        ("pattern", "attribute:ecs.instance-type =~ g[24].*"),
        ("nested", "not (task:group == service:web or (runningTasksCount > 3 && attribute:stack exists))"),
    ];
    for (name, text) in expressions {
        assert_eq!(Expression::parse(text).expect("it parses").text(), text);
        let mut group = group(criterion, "parse".to_owned());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("engine", name), |bencher| {
            bencher.iter(|| Expression::parse(black_box(text)));
        });
        group.bench_function(BenchmarkId::new("look_at_each_character", name), |bencher| {
            bencher.iter(|| black_box(text).chars().filter(|character| character.is_alphanumeric()).count());
        });
        group.finish();
    }
}

criterion_group!(benches, place_and_stop, register_and_deregister, place_many, replay, parse);
criterion_main!(benches);
