//! Prints a Markdown table: the engine beside the plain scan, same fleets, same requests, every answer compared.
//!
//! `cargo bench -p scheduler-benches --bench ratio -- [--sizes 100,1000,10000,100000] [--modes headroom,…] [--seconds 0.4]
//! [--alone]`. The two run in alternating stretches over the same recorded steps (`benches/README.md`); with `--alone` the
//! plain scan is never asked.

use std::time::{Duration, Instant};

use clap::Parser;
use scheduler_benches::{Churn, Extent, Mode, Outcome, State};

#[derive(Debug, Parser)]
struct Options {
    /// Modes [default: all]
    #[arg(long, value_name = "MODE,…", value_delimiter = ',', value_parser = mode)]
    modes: Vec<Mode>,
    /// Never ask the plain scan
    #[arg(long)]
    alone: bool,
    #[command(flatten)]
    extent: Extent,
}

fn mode(name: &str) -> Result<Mode, String> {
    let known = || Mode::ALL.into_iter().map(Mode::name).collect::<Vec<_>>().join(", ");
    Mode::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(|| format!("take one of {}", known()))
}

fn main() {
    let options = Options::parse();
    println!(
        "mode | instances | state | place_commit_ns_median | place_commit_ns_p99 | place_commit_ns_mean | \
         reference_ns_mean | ratio | none_fits_ns_median | reference_none_fits_ns_mean | none_fits_ratio | \
         bytes_per_instance"
    );
    println!("--- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---:");
    let modes = if options.modes.is_empty() { &Mode::ALL[..] } else { &options.modes };
    for mode in modes {
        for size in options.extent.sizes(&[100, 1_000, 10_000, 100_000]) {
            let mut churn = Churn::new(*mode, size);
            row(*mode, size, State::Steady, &mut churn, &options);
            churn.fill_up();
            row(*mode, size, State::NearFull, &mut churn, &options);
        }
    }
}

/// The engine runs for so long before it is the plain scan's turn; the first fifth only warms the caches.
const STRETCH: Duration = Duration::from_millis(5);
/// Then the plain scan answers as many of the same requests as take about as long, and this many at least.
const LEAST_ANSWERS: usize = 4;

fn row(mode: Mode, size: usize, state: State, churn: &mut Churn, options: &Options) {
    let (mut engine, mut plain) = (Vec::new(), Vec::new());
    let mut answers = LEAST_ANSWERS;
    let per_row = options.extent.per_row(Duration::from_millis(400));
    let start = Instant::now();
    while start.elapsed() < per_row || engine.is_empty() {
        engine.extend(engine_stretch(churn));
        if options.alone {
            churn.follow(|_, _| false);
            continue;
        }
        let turn = Instant::now();
        let answered = plain_stretch(churn, answers);
        let each = turn.elapsed() / answered.len().max(1) as u32;
        answers = (STRETCH.as_nanos() / each.as_nanos().max(1)).max(LEAST_ANSWERS as u128) as usize;
        plain.extend(answered);
    }
    print_row(mode, size, state, churn.cluster.index_bytes() / size, [&engine, &plain]);
}

fn engine_stretch(churn: &mut Churn) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let start = Instant::now();
    loop {
        let elapsed = start.elapsed();
        if elapsed >= STRETCH {
            return outcomes;
        }
        let outcome = churn.step();
        if elapsed >= STRETCH / 5 {
            outcomes.push(outcome);
        }
    }
}

/// About so many answers, evenly over the stretch; refusals, which are rare in most states, get up to half of them.
fn plain_stretch(churn: &mut Churn, answers: usize) -> Vec<Outcome> {
    let all = churn.recorded().len();
    let refused = churn.recorded().iter().filter(|step| step.is_refused()).count();
    let for_refused = refused.min(answers / 2);
    let (every_refused, every_placed) =
        (refused / for_refused.max(1), (all - refused) / (answers - for_refused).max(1));
    let mut seen = [0, 0];
    churn.follow(|_, step| {
        let (kind, every) = if step.is_refused() { (0, every_refused) } else { (1, every_placed) };
        seen[kind] += 1;
        seen[kind] % every.max(1) == 0
    })
}

fn print_row(mode: Mode, size: usize, state: State, bytes_per_instance: usize, [engine, plain]: [&[Outcome]; 2]) {
    let (placed, refused) = (times(engine, true), times(engine, false));
    let (plain_placed, plain_refused) = (times(plain, true), times(plain, false));
    let ratio = |plain: &[u64], engine: &[u64]| match (mean(plain), mean(engine)) {
        (Some(plain), Some(engine)) => format!("{:.1}", plain / engine),
        _ => "-".to_owned(),
    };
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
    println!(
        "{mode} | {size} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {bytes_per_instance}",
        state.name(),
        number(quantile(&placed, 50)),
        number(quantile(&placed, 99)),
        number(mean(&placed)),
        number(mean(&plain_placed)),
        ratio(&plain_placed, &placed),
        number(quantile(&refused, 50)),
        number(mean(&plain_refused)),
        ratio(&plain_refused, &refused),
    );
}

/// The times of the outcomes of one kind, in nanoseconds, ascending.
fn times(outcomes: &[Outcome], placed: bool) -> Vec<u64> {
    let of_kind = outcomes.iter().filter(|outcome| outcome.placed == placed);
    let mut times: Vec<u64> = of_kind.map(|outcome| outcome.time.as_nanos() as u64).collect();
    times.sort_unstable();
    times
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a few seconds")]
fn mean(times: &[u64]) -> Option<f64> {
    (!times.is_empty()).then(|| times.iter().sum::<u64>() as f64 / times.len() as f64)
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a few seconds")]
fn quantile(times: &[u64], percent: usize) -> Option<f64> {
    times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).map(|time| *time as f64)
}
