//! Replays cluster traces against `scheduler-core` and compares placement strategies.
//!
//! Data flows one way: `trace → event → simulation → outcome → metrics → report`. A module knows the types of its left
//! neighbour only. The binary parses its arguments, runs and prints.

pub mod bounds;
pub mod check;
pub mod cli;
pub mod comparison;
pub mod consolidate;
pub mod diff;
pub mod explain;
pub mod files;
pub mod fit;
pub mod fleet;
pub mod fleet_search;
pub mod generate;
pub mod import;
pub mod lints;
pub mod metrics;
pub mod outcome;
pub mod policy;
pub mod report;
pub mod reproduce;
pub mod runner;
pub mod shrink;
pub mod simulation;
pub mod stats;
pub mod stories;
pub mod strategy;
pub mod summary;
pub mod trace;
mod wanted;
