//! The core's law kit from outside: every policy here keeps the laws, and histories replay as the traces they are written
//! as.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Arc;

use proptest::prelude::*;
use scheduler_core::laws::{self, Law, Subject, TraceError};
use scheduler_core::{AttributeName, Candidates, Cluster, Draw, InstanceView, PlacementPolicy, PolicyContext};
use scheduler_sim::policy::{
    BestFit, BestFitGpu, CosineSimilarity, DotProduct, FirstFit, FragmentationGradientDescent, GpuClustering,
    GpuPacking, LeastWaste, POLICIES, RandomGpu, Resource, TaskShape, Tetris, TypicalTasks, WorstFit,
};
use scheduler_sim::simulation::{Plan, Pulse, state_at};
use scheduler_sim::strategy::Spec;
use scheduler_sim::trace::{OpenOptions, from_bytes};

scheduler_core::laws!(policy first_fit = FirstFit, more_room_is_never_worse, less_room_is_never_worse);
scheduler_core::laws!(policy best_fit = BestFit::new(Resource::Memory), less_room_is_never_worse);
scheduler_core::laws!(policy worst_fit = WorstFit::new(Resource::Cpu), more_room_is_never_worse);
scheduler_core::laws!(policy cosine_similarity = CosineSimilarity);
scheduler_core::laws!(policy tetris = Tetris);
scheduler_core::laws!(policy least_waste = LeastWaste);
scheduler_core::laws!(policy dot_product = DotProduct::default());
scheduler_core::laws!(policy gpu_clustering = GpuClustering::default());
scheduler_core::laws!(policy gpu_packing = GpuPacking);
scheduler_core::laws!(policy best_fit_gpu = BestFitGpu::default());
scheduler_core::laws!(policy random_gpu = RandomGpu);
scheduler_core::laws!(policy fgd = FragmentationGradientDescent::new(Arc::new(typical_tasks())));

/// Those that the kit's requests are like.
fn typical_tasks() -> TypicalTasks {
    let shape = |gpu_milli, gpus| TaskShape { cpu_units: 256, gpu_milli, gpus, models: "".into() };
    let tasks = [(shape(0, 0), 3), (shape(500, 1), 2), (shape(1000, 1), 2), (shape(1000, 2), 1)];
    TypicalTasks::of(tasks, AttributeName::new("gpu-model").expect("a plain name is valid"))
}

#[test]
fn no_named_policy_is_forgotten_above() {
    let tested = include_str!("laws.rs");
    for policy in POLICIES {
        let line = format!("laws!(policy {} =", policy.name.replace('-', "_"));
        assert!(tested.contains(&line), "{}", policy.name);
    }
}

/// The instances that are present, with status, agent and what remains; and of each task, in the order of placement,
/// instance, group and GPUs.
fn told(cluster: &Cluster) -> Vec<String> {
    let present = cluster.instances().filter(InstanceView::is_present);
    let instances = present.map(|it| {
        let (zone, status, remaining) = (it.zone(), it.status(), it.remaining());
        format!("{} in {zone}: {status:?}, agent {}, {remaining:?}", it.name(), it.agent_connected())
    });
    let tasks = cluster.tasks().map(|task| {
        let gpus: Vec<String> = task.gpu_ids().map(ToString::to_string).collect();
        format!("a task of {} on {}, GPUs {gpus:?}", task.group(), task.instance().name())
    });
    instances.chain(tasks).collect()
}

fn replayed(trace: &str) -> Result<Cluster, String> {
    let source = from_bytes("history", trace.as_bytes(), OpenOptions::default()).map_err(|error| error.to_string())?;
    let survey = source.survey().map_err(|errors| format!("{errors:?}"))?;
    let spec: Spec = "as-written".parse().expect("a name");
    let plan = Plan::new(&survey, &survey.header.settings, &spec);
    let events = source.events(&survey).map_err(|error| error.to_string())?;
    let state = state_at(&plan, events, plan.horizon_ms, &Pulse::default()).map_err(|error| error.to_string())?;
    Ok(state.cluster)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_traceable_history_ends_alike_both_ways(history in laws::traceable_history(20)) {
        let trace = history.to_trace_json().expect("it is traceable");
        let cluster = replayed(&trace);
        prop_assert!(cluster.is_ok(), "{}\n{trace}", cluster.expect_err("it is none"));
        prop_assert_eq!(told(&cluster.expect("it is one")), told(&history.replay()), "{}", trace);
    }

    #[test]
    fn any_history_ends_alike_both_ways_or_says_what_no_trace_can_say(history in laws::history(20)) {
        match history.to_trace_json() {
            Ok(trace) => {
                let cluster = replayed(&trace);
                prop_assert!(cluster.is_ok(), "{}\n{trace}", cluster.expect_err("it is none"));
                prop_assert_eq!(told(&cluster.expect("it is one")), told(&history.replay()), "{}", trace);
            }
            Err(TraceError::Resize { .. } | TraceError::Release { .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

/// Wants a vCPU, and forgets that there may be none.
#[derive(Debug)]
struct RoomyFirst;

impl PlacementPolicy for RoomyFirst {
    fn name(&self) -> &'static str {
        "roomy-first"
    }

    fn narrow(&self, _: &PolicyContext<'_>, candidates: &mut Candidates<'_>, _: &mut dyn Draw) {
        let roomy = candidates.iter().position(|instance| instance.remaining().cpu_units >= 1024);
        candidates.keep_only(roomy.expect("an instance has a vCPU to spare"));
    }
}

#[test]
fn a_law_that_is_broken_leaves_a_trace_that_the_program_replays() {
    let subject = Subject::policy(|| Arc::new(RoomyFirst));
    let directory = env!("CARGO_TARGET_TMPDIR");
    let asserted = catch_unwind(AssertUnwindSafe(|| subject.assert_law(Law::NeverPanics, Some(directory))));
    let message = asserted.expect_err("the law is broken").downcast::<String>().expect("a text");
    let (told, command) = message.trim_end().rsplit_once("\nreplay it: ").expect("the command comes last");
    assert!(told.starts_with("policy `roomy-first` breaks the law `never_panics`:\n"), "{told}");
    let path = command.strip_prefix("scheduler-sim ").expect("it is this program");
    assert!(told.ends_with(std::fs::read_to_string(path).expect("it was written").trim_end()), "{told}");

    let program = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_scheduler-sim")).args(arguments).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let columns = "tasks.placed,tasks.unplaced";
    let csv = program(&["-q", "-s", "headroom", "-f", "csv", "--columns", columns, path]);
    assert_eq!(csv.lines().nth(1).and_then(|line| line.split_once("headroom,0,")).map(|it| it.1), Some("1,0"), "{csv}");
    let explained = program(&["explain", path, "--task", "question"]);
    assert!(explained.contains("2 of 2 container instances can hold the task"), "{explained}");
}
