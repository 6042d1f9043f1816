//! Operations on a cluster beside the plain reference: the input is what the generators of the law kit draw.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use scheduler_core::laws;
use scheduler_tests::twin::{follow, same_in_all};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, bytes);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let Ok(history) = laws::history(30).new_tree(&mut runner) else { return Corpus::Reject };
    let history = history.current();
    follow(&history, same_in_all).unwrap_or_else(|error| panic!("{error}\n{history:#?}"));
    Corpus::Keep
});
