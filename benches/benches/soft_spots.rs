//! Prints a Markdown table: the index beside the scan of columns where the index has its soft spots; every answer compared.
//!
//! `cargo bench -p scheduler-benches --bench soft_spots -- [--only NAME,…] [--sizes 1000,10000] [--seconds 0.3]`. A case is
//! run whose name begins with one of the names given.

use std::process::ExitCode;
use std::time::Duration;

use scheduler_benches::{Contest, SoftSpot, soft_spots};

struct Options {
    only: Vec<String>,
    sizes: Vec<usize>,
    per_row: Duration,
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

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { only: vec![String::new()], sizes: vec![1_000, 10_000], per_row: Duration::from_millis(300) };
    let mut is_test = true;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
        match argument.as_str() {
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--sizes" => {
                let parse = |size: &str| match size.parse() {
                    Ok(size) if size >= 100 => Ok(size),
                    _ => Err(format!("`{size}` is no number of instances from 100 up")),
                };
                options.sizes = value()?.split(',').map(parse).collect::<Result<_, _>>()?;
            }
            "--seconds" => {
                let seconds = value()?;
                let parsed = seconds.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                options.per_row = parsed.ok_or_else(|| format!("`{seconds}` is no number of seconds"))?;
            }
            // What cargo itself passes: `--bench` when timing, nothing (or `--test`) under `cargo test`.
            "--bench" => is_test = false,
            _ => {}
        }
    }
    for name in &options.only {
        if !soft_spots().any(|case| case.name.starts_with(name.as_str())) {
            let known: Vec<_> = soft_spots().map(|case| case.name).collect();
            return Err(format!("`{name}` begins no case; there are: {}", known.join(", ")));
        }
    }
    if is_test {
        options.sizes = vec![100];
        options.per_row = Duration::ZERO;
    }
    Ok(options)
}

fn run(options: &Options) {
    println!("case | instances | engine_mean_ns | engine_p99_ns | scan_mean_ns | scan_p99_ns | mean_ratio | p99_ratio");
    println!("--- | ---: | ---: | ---: | ---: | ---: | ---: | ---:");
    for case in soft_spots().filter(|case| options.only.iter().any(|name| case.name.starts_with(name.as_str()))) {
        for size in &options.sizes {
            row(&case, *size, options.per_row);
        }
    }
}

fn row(case: &SoftSpot, size: usize, time: Duration) {
    let mut times = Contest::new((case.setup)(size)).run(time);
    let (engine_mean, scan_mean) = (mean(&times.engine), mean(&times.scan));
    let (engine_p99, scan_p99) = (p99(&mut times.engine), p99(&mut times.scan));
    println!(
        "{} | {size} | {engine_mean:.0} | {engine_p99:.0} | {scan_mean:.0} | {scan_p99:.0} | {:.2} | {:.2}",
        case.name,
        engine_mean / scan_mean,
        engine_p99 / scan_p99,
    );
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a few seconds")]
fn mean(times: &[u64]) -> f64 {
    times.iter().sum::<u64>() as f64 / times.len() as f64
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a few seconds")]
fn p99(times: &mut [u64]) -> f64 {
    times.sort_unstable();
    times[(times.len() * 99).div_ceil(100) - 1] as f64
}
