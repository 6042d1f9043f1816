//! `help`: topics that need more than an option's line, and the subcommands' own help.

use std::fmt::Write;
use std::process::ExitCode;

use clap::{Args, Command};

use super::output::{CliError, print};
use crate::metrics::{Direction, all_metrics};
use crate::policy::POLICIES;
use crate::strategy::NAMED;
use crate::trace::events_help;

/// Explains a topic: metrics, strategies, query, trace, or a subcommand
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The topic
    topic: Option<String>,
}

const TOPICS: [&str; 4] = ["metrics", "strategies", "query", "trace"];

pub(super) fn run(arguments: &Arguments, command: &mut Command) -> Result<ExitCode, CliError> {
    command.build();
    let text = match arguments.topic.as_deref() {
        None => command.render_long_help().to_string(),
        Some("metrics") => metrics(),
        Some("strategies") => strategies(),
        Some("query") => scheduler_core::expression::reference::TEXT.to_owned(),
        Some("trace") => trace(),
        Some(name) => {
            let unknown = || {
                let topics = TOPICS.join(", ");
                CliError::usage(format!("there is no help on `{name}`; topics are {topics} and the subcommands"))
            };
            command.find_subcommand_mut(name).ok_or_else(unknown)?.render_long_help().to_string()
        }
    };
    print(&text, None)?;
    Ok(ExitCode::SUCCESS)
}

/// Every metric: name, unit, which value is better, definition.
fn metrics() -> String {
    let mut text =
        "Metrics of a run, by the names that --columns, --fail-if, CSV and JSON use.\n(+) higher is better, \
                    (-) lower is better, (0) neither.\n\n"
            .to_owned();
    for info in all_metrics() {
        let direction = match info.direction {
            Direction::Higher => "(+)",
            Direction::Lower => "(-)",
            Direction::Neither => "(0)",
        };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}  {} {direction}\n    {}", info.name, info.unit.as_str(), info.definition);
    }
    text
}

fn strategies() -> String {
    let mut text = "Strategies for --strategy. Reports print the canonical form.\n\n".to_owned();
    let width = NAMED.iter().map(|named| named.name.len()).max().unwrap_or(0);
    for named in NAMED {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{:<width$}  {}", named.name, named.summary);
    }
    text.push_str(STRATEGY_CHAINS);
    text.push_str("\nPolicies of the literature; each may stand in a chain as well:\n\n");
    let width = POLICIES.iter().map(|policy| policy.name.len()).max().unwrap_or(0);
    for policy in POLICIES {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {:<width$}  {}", policy.name, policy.summary);
    }
    text.push_str("\nbest-fit and worst-fit take a resource, as in best-fit(cpu); alone they are by memory.\n");
    text
}

const STRATEGY_CHAINS: &str = "
Chains of ECS's own rules, applied in order, each narrowing what the one before it left:

  random                     one instance, uniformly by the seed
  spread(instanceId)         the instances with the fewest tasks of the group (also host, instance)
  spread(attribute:NAME)     the values of an attribute with the fewest; spread(az) is the Availability Zone
  binpack(cpu)               the instances with the least CPU left; binpack(memory) likewise, also plain binpack

Without characters that a shell eats: spread=az,binpack=memory

A strategy other than as-written and one-task-per-host replaces the strategies of every RunTask and REPLICA service;
constraints stay. Without --strategy the standard set is compared; two of equal meaning are run once.
";

fn trace() -> String {
    format!("{TRACE}{}{TRACE_END}", events_help())
}

const TRACE: &str = r#"A trace is a JSON document, or JSON Lines (the document without events, then one event a line), plain or
packed with gzip or zstd.

{
  "version": 1,
  "name": "web on three t2.micro",
  "settings": { "onUnplaceable": "fail" },
  "containerInstances": [ { "count": 3, "instanceType": "t2.micro", "availabilityZone": "us-east-2a" } ],
  "taskDefinitions": [ { "family": "web", "containerDefinitions": [ { "name": "nginx", "cpu": 256, "memory": 100 } ] } ],
  "services": [ { "serviceName": "web", "taskDefinition": "web", "desiredCount": 2 } ],
  "events": [
    { "atSeconds": 0,  "runTask": { "taskDefinition": "web", "count": 1, "durationSeconds": 30 } },
    { "atSeconds": 60, "updateService": { "service": "web", "desiredCount": 4 } }
  ]
}

containerInstances, taskDefinitions, services and tasks take what the ECS API takes and prints: RegisterTaskDefinition,
CreateService, `aws ecs describe-container-instances`, `aws ecs describe-tasks`.

A container instance: instanceType (or registeredResources: { "cpu": 2048, "memory": 7680 }) and availabilityZone; "count": 3
makes three alike. Its name is ec2InstanceId (with a count: NAME-0, NAME-1, …), else i-000000, i-000001, … in the order of
registration.

A task definition, short, without containerDefinitions: { "family": "job", "cpu": 250, "memory": 512, "gpu": 1, "ports": [80] };
cpu in CPU units (1024 = 1 vCPU), memory in MiB. "gpuMilli": 460 beside "gpu": 1 asks for a share of that GPU, in thousandths.

Tasks of runTask and startTask are named by "id" (with a count: ID/0, ID/1, …), else task-N, N the event's number from 0.

Settings (--set KEY=VALUE): defaultStrategy, onUnplaceable (fail, queue), seed, tieBreak (headroom, stable, random),
headroomWeights, releaseOn (desired-stopped, last-stopped), profile, taskStartSeconds, stopTimeoutSeconds,
spreadIgnoresOtherRevisions, endSeconds, epoch.

Events: "atSeconds" and one of these, with the keys that have an effect (* needed):

"#;

const TRACE_END: &str = "
scheduler-sim validate TRACE tells what is wrong with a trace.
";
