//! Prints a Markdown table: the engine beside the plain scan, same fleets, same requests, every answer compared.
//!
//! `cargo bench -p scheduler-benches --bench ratio -- [--sizes 100,1000,10000,100000] [--modes headroom,…] [--seconds 0.4]
//! [--alone]`. With `--alone` the plain scan is never asked, so it does not sweep the caches.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use scheduler_benches::{Churn, Mode, Outcome, State};

struct Options {
    sizes: Vec<usize>,
    modes: Vec<Mode>,
    per_row: Duration,
    alone: bool,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)) {
        Ok(options) => {
            run(&options);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        sizes: vec![100, 1_000, 10_000, 100_000],
        modes: Mode::ALL.to_vec(),
        per_row: Duration::from_millis(400),
        alone: false,
    };
    let mut arguments = arguments.peekable();
    let mut is_test = true;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
        match argument.as_str() {
            "--sizes" => {
                let sizes = value()?;
                let parse = |size: &str| size.parse().map_err(|_| format!("`{size}` is no number of instances"));
                options.sizes = sizes.split(',').map(parse).collect::<Result<_, _>>()?;
            }
            "--modes" => {
                let modes = value()?;
                let known = |name: &str| Mode::ALL.into_iter().find(|mode| mode.name() == name);
                let parse = |name: &str| known(name).ok_or_else(|| format!("`{name}` is no mode"));
                options.modes = modes.split(',').map(parse).collect::<Result<_, _>>()?;
            }
            "--seconds" => {
                let seconds = value()?;
                let parsed = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                options.per_row = parsed.ok_or_else(|| format!("`{seconds}` is no number of seconds"))?;
            }
            "--alone" => options.alone = true,
            // What cargo itself passes: `--bench` when timing, nothing (or `--test`) under `cargo test`.
            "--bench" => is_test = false,
            _ => {}
        }
    }
    if is_test {
        options.sizes = vec![100];
        options.per_row = Duration::from_millis(5);
    }
    Ok(options)
}

fn run(options: &Options) {
    println!(
        "mode | instances | state | place_commit_ns_median | place_commit_ns_p99 | place_commit_ns_mean | \
         reference_ns_mean | ratio | none_fits_ns_median | reference_none_fits_ns_mean | none_fits_ratio | \
         bytes_per_instance"
    );
    println!("--- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---:");
    for mode in &options.modes {
        for size in &options.sizes {
            for state in [State::Steady, State::NearFull] {
                row(*mode, *size, state, options);
            }
        }
    }
}

fn row(mode: Mode, size: usize, state: State, options: &Options) {
    let mut churn = Churn::new(mode, state, size);
    let (mut engine, mut plain) = (Vec::new(), Vec::new());
    let start = Instant::now();
    // The plain scan is asked now and then, so that a row of a large fleet ends in time.
    while start.elapsed() < options.per_row {
        for step in 0..=200_000 / size {
            let (outcome, compared) = churn.step(step == 0 && !options.alone);
            engine.push(outcome);
            plain.extend(compared);
        }
    }
    let (placed, refused) = (times(&engine, true), times(&engine, false));
    let (plain_placed, plain_refused) = (times(&plain, true), times(&plain, false));
    let ratio = |plain: &[u64], engine: &[u64]| match (mean(plain), mean(engine)) {
        (Some(plain), Some(engine)) => format!("{:.1}", plain / engine),
        _ => "-".to_owned(),
    };
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0}"));
    println!(
        "{mode} | {size} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {}",
        state.name(),
        number(quantile(&placed, 50)),
        number(quantile(&placed, 99)),
        number(mean(&placed)),
        number(mean(&plain_placed)),
        ratio(&plain_placed, &placed),
        number(quantile(&refused, 50)),
        number(mean(&plain_refused)),
        ratio(&plain_refused, &refused),
        churn.cluster.index_bytes() / size,
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
