//! Curves of the hot path: `place/MODE/SIZE` by the engine and by the plain scan. Each step stops a task and starts one.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use scheduler_benches::{Churn, Mode, State};

fn place(criterion: &mut Criterion) {
    let is_test = !std::env::args().any(|argument| argument == "--bench");
    let sizes: &[usize] = if is_test { &[100] } else { &[100, 1_000, 10_000, 100_000] };
    for mode in Mode::ALL {
        let mut group = criterion.benchmark_group(format!("place/{mode}"));
        group.measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300)).sample_size(20);
        for size in sizes {
            let mut churn = Churn::new(mode, State::Steady, *size);
            // Once with the plain scan beside it: the answers are compared.
            let (engine, plain) = churn.step(true);
            assert_eq!(Some(engine.placed), plain.map(|plain| plain.placed));
            group.bench_function(BenchmarkId::new("engine", size), |bencher| {
                bencher.iter_custom(|rounds| (0..rounds).map(|_| black_box(churn.step(false)).0.time).sum());
            });
            group.bench_function(BenchmarkId::new("plain_scan", size), |bencher| {
                let time = |plain: Option<scheduler_benches::Outcome>| plain.map_or(Duration::ZERO, |plain| plain.time);
                bencher.iter_custom(|rounds| (0..rounds).map(|_| time(black_box(churn.step(true)).1)).sum());
            });
        }
        group.finish();
    }
}

criterion_group!(benches, place);
criterion_main!(benches);
