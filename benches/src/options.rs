//! Options that the bench programs share.

use std::time::Duration;

/// How large and how long; small and short where cargo only tests that the bench runs.
#[derive(Debug, clap::Args)]
pub struct Extent {
    /// Numbers of container instances, 100 at least
    #[arg(long, value_name = "N,…", value_delimiter = ',', value_parser = instances)]
    sizes: Vec<usize>,
    /// How long a row is measured
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<Duration>,
    /// What cargo itself passes when timing; under `cargo test` it passes nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Extent {
    /// The sizes asked for, else the usual ones.
    pub fn sizes(&self, usual: &[usize]) -> Vec<usize> {
        match (self.bench, self.sizes.is_empty()) {
            (false, _) => vec![100],
            (true, true) => usual.to_vec(),
            (true, false) => self.sizes.clone(),
        }
    }

    /// The time for a row that is asked for, else the usual one.
    pub fn per_row(&self, usual: Duration) -> Duration {
        if self.bench { self.seconds.unwrap_or(usual) } else { Duration::ZERO }
    }
}

fn instances(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|size| *size >= 100).ok_or_else(|| "take a whole number from 100 up".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let parsed = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    parsed.ok_or_else(|| "take a number of seconds, such as 0.4".to_owned())
}
