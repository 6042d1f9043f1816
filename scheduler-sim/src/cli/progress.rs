//! The progress bar: on standard error, if that is a terminal, once the runs last longer than a second.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long runs stay without a bar.
const PATIENCE: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(100);

/// Does some work, with a bar that counts events up to `total`, if that is known.
pub(super) fn with_bar<T>(events: &AtomicU64, total: Option<u64>, is_wanted: bool, work: impl FnOnce() -> T) -> T {
    if !is_wanted || !std::io::stderr().is_terminal() {
        return work();
    }
    let (done, waiter) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if waiter.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
            let template = match total {
                Some(_) => "{wide_bar} {percent} % of {human_len} events, {eta} left",
                None => "{spinner} {human_pos} events, {per_sec}",
            };
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            while waiter.recv_timeout(INTERVAL) == Err(mpsc::RecvTimeoutError::Timeout) {
                bar.set_position(events.load(Ordering::Relaxed));
                bar.tick();
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(done);
        result
    })
}
