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
            let mut churn = Churn::new(mode, *size);
            churn.step();
            churn.follow(|_, _| true);
        }
        group.finish();
    }
}

criterion_group!(benches, place);
criterion_main!(benches);
