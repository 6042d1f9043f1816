//! The trace format: reading it, checking it, and what a trace says.
//!
//! [`open`] finds out which form a file has, [`Source::survey`] checks all of it, [`Source::events`] hands out the events
//! for one run. What comes out is resolved: task definitions, requests and zones are values, and only the names of
//! instances, tasks and services, on which the course of a run depends, are left as names.
//!
//! Inside, in the order of the data: `input` → `lines` → `json` (values with their places) → `shape` (checked against the
//! table `format`) → `header` and `actions` (values of the model, resolved by `resolver`) → `survey` and `events`. The usual
//! line takes a shorter way: `plain` reads and checks it at once. `output` writes traces; `pieces` takes one apart as text, to
//! write it again with changes.

mod actions;
mod definitions;
mod ecs;
mod ecs_names;
mod error;
mod event;
mod events;
mod fleet;
mod format;
mod header;
pub(crate) mod input;
mod instances;
mod json;
#[cfg(test)]
mod laws;
mod lines;
mod model;
mod number;
mod output;
mod pieces;
mod place;
mod plain;
pub(crate) mod raw;
mod reading;
mod requests;
mod resolver;
mod scalar;
mod schema;
mod services;
mod settings;
mod shape;
mod source;
mod suggest;
mod survey;
#[cfg(test)]
mod tests;

pub(crate) use definitions::definition_of;
pub(crate) use error::Printable;
pub use error::{ERROR_LIMIT, Seconds, TraceError, TraceErrors, TraceProblem};
pub use event::{
    Action, AttributeTarget, Event, InstanceSelection, Rank, RunTask, StartTask, StopTask, TaskNames, TaskSelection,
    UpdateService,
};
pub use events::Events;
pub(crate) use format::events_help;
pub use model::{Definition, Header, InstanceDescription, InstanceEntry, RunningTask, ServiceEntry, TaskRequest};
pub use output::{OutputError, OutputFile, TraceForm, TraceWriter};
pub use pieces::Pieces;
pub use place::Place;
pub use schema::json_schema;
pub use settings::{OnUnplaceable, Profile, SettingError, Settings};
pub use source::{OpenOptions, Source, from_bytes, open};
pub(crate) use suggest::nearest;
pub use survey::Survey;
