//! The suite: laws that the engine keeps, faults that it must survive, and Amazon ECS's own cases. `tests/README.md` tells
//! what turns each red.

#[cfg(test)]
mod ecs;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod laws;
