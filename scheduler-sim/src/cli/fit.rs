//! `fit`: how many more tasks of one kind fit, where, and what binds first.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use scheduler_core::{PlacementRequest, TaskGroup};

use super::fit_text::{json, table};
use super::inputs::{Instant, OneRun, Opened, TextOrJson, open, strategy_or_first};
use super::output::{CliError, Heading, print};
use super::progress::with_bar;
use crate::fit::{Fit, fit};
use crate::metrics::seconds;
use crate::simulation::{Plan, Pulse, State, plain_request, state_at};
use crate::strategy::Spec;
use crate::trace::{Action, Definition, Event, TraceError, definition_of, nearest};

/// How many more tasks fit, by instance and Availability Zone, and what binds first
///
/// Replays the trace up to an instant, by default the busiest. The room of an instance is so many tasks as it takes until
/// one is refused, whatever the others do. A task definition is asked for as a RunTask that says nothing else; a service
/// with its constraints, its group and its subnets. Of a service with AZ rebalancing a second number tells how many fit
/// while it stands no less evenly over its zones than it does, or than a difference of 1.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("subject").required(true)))]
pub(super) struct Arguments {
    /// The trace; `-` is standard input
    trace: PathBuf,
    /// The task definition: family:revision, or family for its latest revision then
    #[arg(long, value_name = "T", group = "subject")]
    task_definition: Option<String>,
    /// More tasks of this REPLICA service instead
    #[arg(long, value_name = "NAME", group = "subject")]
    service: Option<String>,
    #[command(flatten)]
    instant: Instant,
    #[command(flatten)]
    run: OneRun,
}

/// The tasks of which more are to fit.
pub(super) struct Subject {
    pub(super) request: PlacementRequest,
    /// The service's name, if tasks of a service are asked for.
    pub(super) service: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode, CliError> {
    let opened = open(&arguments.trace, &arguments.run.reading, false)?;
    let Opened { source, survey } = &opened;
    let settings = arguments.run.settings.apply(&survey.header.settings)?;
    let spec = strategy_or_first(arguments.run.strategy.as_deref(), &opened)?;
    let plan = Plan::new(survey, &settings, &spec);
    let pulse = Pulse::default();
    let known = RefCell::new(survey.header.definitions.clone());
    let stand_still = || -> Result<_, CliError> {
        let at_ms = arguments.instant.find(&plan, &opened, &pulse)?;
        let events = source.events(survey)?.inspect(|event| note_definition(event, at_ms, &known));
        let state = state_at(&plan, events, at_ms, &pulse)?;
        Ok((at_ms, state))
    };
    let (at_ms, state) = with_bar(&pulse.events, None, true, stand_still)?;
    let (request, found) = if let Some(name) = &arguments.service {
        of_service(name, &state, at_ms)?
    } else {
        let reference = arguments.task_definition.as_deref().unwrap_or_default();
        of_definition(reference, known.into_inner(), &spec, &state, at_ms)?
    };
    let (trace, strategy) = (survey.header.name.to_string(), spec.name().to_owned());
    let heading = Heading { trace, strategy, seed: settings.seed, at_ms };
    let subject = Subject { request, service: arguments.service.clone() };
    let text = match arguments.run.format {
        TextOrJson::Table => table(&heading, &subject, &found),
        TextOrJson::Json => json(&heading, &subject, &found),
    };
    print(&text, None)?;
    Ok(ExitCode::SUCCESS)
}

/// Takes note of a definition that is registered until then. The event after the instant is read, too.
fn note_definition(event: &Result<Event, TraceError>, at_ms: u64, known: &RefCell<Vec<Arc<Definition>>>) {
    if let Ok(Event { at_ms: event_ms, action: Action::RegisterTaskDefinition(definition), .. }) = event
        && *event_ms <= at_ms
    {
        known.borrow_mut().push(Arc::clone(definition));
    }
}

fn of_definition(
    reference: &str,
    known: Vec<Arc<Definition>>,
    spec: &Spec,
    state: &State,
    at_ms: u64,
) -> Result<(PlacementRequest, Fit), CliError> {
    let unknown = |error| CliError::usage(format!("at {} s: {error}", seconds(at_ms)));
    let definition = definition_of(reference, known).map_err(unknown)?;
    let request = plain_request(spec, &definition);
    let found = fit(&state.cluster, &request, None);
    Ok((request, found))
}

fn of_service(name: &str, state: &State, at_ms: u64) -> Result<(PlacementRequest, Fit), CliError> {
    let group = TaskGroup::service(name).ok();
    let standing = state.services.iter().find(|it| group.as_ref() == Some(it.request.group()));
    let Some(standing) = standing else {
        let services = state.services.iter().filter_map(|it| it.request.group().as_str().strip_prefix("service:"));
        let meant = nearest(name, services).map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
        return Err(CliError::usage(format!("no REPLICA service `{name}` is there at {} s{meant}", seconds(at_ms))));
    };
    let zones = standing.is_rebalanced.then_some(&standing.zones);
    let found = fit(&state.cluster, &standing.request, zones);
    Ok((standing.request.as_ref().clone(), found))
}
