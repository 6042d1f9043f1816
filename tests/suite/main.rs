//! The suite: laws that the engine keeps, and Amazon ECS's own cases. `tests/README.md` tells what turns each red.

#[cfg(test)]
mod ecs;
#[cfg(test)]
mod laws;
