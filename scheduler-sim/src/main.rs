//! Parse, run, print.

use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    scheduler_sim::cli::main(std::env::args_os(), Instant::now())
}
