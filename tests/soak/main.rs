//! Soak: random histories on the engine and the plain reference side by side, compared in all that can be asked after every
//! operation, for as long as wanted. A difference is shrunk, printed, and ends it with status 1.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use scheduler_core::laws;
use scheduler_tests::twin::{follow, same_in_all};

/// Random histories on the engine and the plain reference side by side
#[derive(Debug, Parser)]
struct Options {
    /// For how long
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// The seed of the first batch of histories; the others have those after it
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The most operations of a history
    #[arg(long, default_value_t = 100)]
    operations: usize,
    /// How many threads [default: the cores]
    #[arg(long)]
    threads: Option<usize>,
}

/// Histories of one seed.
const BATCH: u32 = 64;
const REPORT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let options = Options::parse();
    let threads = options.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let began = Instant::now();
    let end = Duration::from_secs(options.minutes * 60);
    let (batches, operations, has_failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    let is_over = || has_failed.load(Ordering::Relaxed) || began.elapsed() >= end;
    let tell = || {
        let (histories, operations) = (u64::from(BATCH) * batches.load(Ordering::Relaxed), &operations);
        let (operations, seconds) = (operations.load(Ordering::Relaxed), began.elapsed().as_secs());
        println!("{seconds} s: {operations} operations in some {histories} histories");
    };
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while !is_over() {
                    let seed = options.seed.wrapping_add(batches.fetch_add(1, Ordering::Relaxed));
                    if let Err(error) = batch(seed, options.operations, &operations) {
                        has_failed.store(true, Ordering::Relaxed);
                        eprintln!("a difference in the histories of --seed {seed}: {error}");
                    }
                }
            });
        }
        let mut told = Instant::now();
        while !is_over() {
            thread::sleep(Duration::from_millis(100));
            if told.elapsed() >= REPORT {
                told = Instant::now();
                tell();
            }
        }
    });
    tell();
    if has_failed.into_inner() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The histories of one seed.
fn batch(seed: u64, operations_at_most: usize, operations: &AtomicU64) -> Result<(), String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: BATCH, failure_persistence: None, max_shrink_iters: 100_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let found = TestRunner::new_with_rng(config, rng).run(&laws::history(operations_at_most), |history| {
        operations.fetch_add(history.operations.len() as u64, Ordering::Relaxed);
        follow(&history, same_in_all)
    });
    found.map_err(|error| error.to_string())
}
