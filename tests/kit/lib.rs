//! The test kit: placement once more, as plainly as the specification tells it, to hold the engine against.

pub mod reference;
pub mod twin;
