//! Prints a Markdown table: the index beside the scan of columns where the index has its soft spots; every answer compared.
//!
//! `cargo bench -p scheduler-benches --bench soft_spots -- [--only NAME,…] [--sizes 1000,10000] [--seconds 0.3]`. A case is
//! run whose name begins with one of the names given.

use std::time::Duration;

use clap::Parser;
use scheduler_benches::{Contest, Extent, SoftSpot, soft_spots};

#[derive(Debug, Parser)]
struct Options {
    /// The first letters of the names of cases [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = beginning)]
    only: Vec<String>,
    #[command(flatten)]
    extent: Extent,
}

fn beginning(name: &str) -> Result<String, String> {
    if soft_spots().any(|case| case.name.starts_with(name)) {
        return Ok(name.to_owned());
    }
    let known: Vec<_> = soft_spots().map(|case| case.name).collect();
    Err(format!("it begins no case; there are {}", known.join(", ")))
}

fn main() {
    let options = Options::parse();
    println!("case | instances | engine_mean_ns | engine_p99_ns | scan_mean_ns | scan_p99_ns | mean_ratio | p99_ratio");
    println!("--- | ---: | ---: | ---: | ---: | ---: | ---: | ---:");
    let is_asked = |case: &SoftSpot| {
        options.only.is_empty() || options.only.iter().any(|name| case.name.starts_with(name.as_str()))
    };
    for case in soft_spots().filter(is_asked) {
        for size in options.extent.sizes(&[1_000, 10_000]) {
            row(&case, size, options.extent.per_row(Duration::from_millis(300)));
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
