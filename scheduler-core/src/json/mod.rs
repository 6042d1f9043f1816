//! ECS's own JSON for the values of the model: what the API takes and gives, read into checked values and back.
//!
//! Unknown keys are skipped, and of those the values are never kept nor shown: environment variables may be secrets.
//! `null` is the same as an absent key. What is written reads back to an equal value.
//!
//! A few keys are ours, each written only where ECS's form could not say it: `eniTaskLimit`, `foreignLoad` and
//! `withoutCapabilities` of a container instance, and the short form of a task definition without containers.

mod attributes;
mod container;
mod demand;
mod instance;
mod overrides;
mod placement;
mod resources;
mod task_definition;
mod text;
mod time;

#[cfg(test)]
mod tests;
