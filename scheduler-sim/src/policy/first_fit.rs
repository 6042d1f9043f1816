//! `first-fit`: the feasible instance that registered first.

use scheduler_core::{Candidates, Draw, PlacementPolicy, PolicyContext};

/// The first in the order of registration.
#[derive(Debug)]
pub struct FirstFit;

impl PlacementPolicy for FirstFit {
    fn name(&self) -> &'static str {
        "first-fit"
    }

    fn narrow(&self, _: &PolicyContext<'_>, candidates: &mut Candidates<'_>, _: &mut dyn Draw) {
        candidates.keep_only(0);
    }
}
