//! Laws, each named as a sentence and run on 1024 generated cases.

mod calls;
mod changes;
mod custom;
mod execution;
mod expressions;
mod kit;
mod monotone;
mod placement;
mod reference;
mod snapshots;
mod state;
mod strategies;

use proptest::prelude::ProptestConfig;

/// 1024 cases, or four times as many as `PROPTEST_CASES` says.
fn cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: 4 * default.cases, failure_persistence: None, max_shrink_iters: 20_000, ..default }
}
