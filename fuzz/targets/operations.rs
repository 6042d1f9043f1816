//! Operations on a cluster beside the plain reference. The first eight bytes are the seed of how it begins; each four after
//! them are the seed of an operation, so that a change of the input changes little of the history.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use scheduler_core::laws;
use scheduler_tests::twin::{follow, same_in_all};

const MOST_OPERATIONS: usize = 40;

fuzz_target!(|bytes: &[u8]| {
    let (beginning, operations) = bytes.split_at(bytes.len().min(8));
    let mut history = drawn(&laws::history(0), beginning);
    let operation = laws::operation();
    history.operations = operations.chunks(4).take(MOST_OPERATIONS).map(|seed| drawn(&operation, seed)).collect();
    follow(&history, same_in_all).unwrap_or_else(|error| panic!("{error}\n{history:#?}"));
});

/// What a strategy draws with a seed.
fn drawn<T: std::fmt::Debug>(strategy: &BoxedStrategy<T>, seed: &[u8]) -> T {
    let mut bytes = [0; 32];
    bytes[..seed.len()].copy_from_slice(seed);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    strategy.new_tree(&mut runner).expect("everything that is drawn is valid").current()
}
