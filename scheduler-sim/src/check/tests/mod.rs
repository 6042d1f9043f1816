//! Honest logs are accepted, all of them; corrupted ones are refused, all of them.

mod corruptions;
pub(crate) mod traces;

use std::io::{Cursor, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{CheckError, Checked, CheckedLog, Claim, Depth, Wrong, follow, verify};
use crate::generate::{Options, Preset, generate};
use crate::report::{DecisionLog, settings_object};
use crate::simulation::{Plan, Pulse, run};
use crate::stories::STORIES;
use crate::strategy::Spec;
use crate::trace::{Event, OpenOptions, Source, Survey, TraceError, TraceForm, from_bytes};
use crate::wanted::Wanted;

/// A trace that can be played and checked.
struct Trial {
    name: String,
    source: Source,
    survey: Survey,
}

impl Trial {
    fn of(name: &str, text: &[u8]) -> Self {
        let source = from_bytes(name, text, OpenOptions::default()).expect("readable");
        let survey = source.survey().unwrap_or_else(|errors| panic!("{name}: {errors}"));
        Self { name: name.to_owned(), source, survey }
    }

    fn standard_set(&self) -> Vec<Spec> {
        Spec::standard_set(self.survey.has_strategies)
    }

    /// The log that a run writes.
    fn log(&self, spec: &Spec) -> String {
        let (header, settings) = (&*self.survey.header, &self.survey.header.settings);
        let wanted = Wanted::in_all(header, &self.source, &self.survey);
        let spec = &spec.informed(&Arc::new(wanted.expect("readable").typical_tasks()));
        let plan = Plan::new(&self.survey, settings, spec);
        let settings_object = settings_object(settings, None);
        let mut log = DecisionLog::new(Vec::new(), &header.name, spec.name(), settings.seed, settings_object);
        run(&plan, self.events(), &mut log, &Pulse::default()).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        String::from_utf8(log.finish().expect("memory does not fail")).expect("text")
    }

    fn claim<'a>(&'a self, spec: &'a Spec, depth: Depth) -> Claim<'a> {
        let settings = &self.survey.header.settings;
        Claim {
            header: &self.survey.header,
            fleet: None,
            settings,
            horizon_ms: self.survey.horizon_ms(settings),
            spec: Some(spec),
            seeds: (settings.seed, settings.seed),
            depth,
        }
    }

    fn events(&self) -> impl Iterator<Item = Result<Event, TraceError>> + Send {
        self.source.events(&self.survey).expect("readable")
    }

    fn verify(&self, spec: &Spec, log: &str, depth: Depth) -> Result<Checked, CheckError> {
        verify(&self.claim(spec, depth), self.events(), Cursor::new(log), &AtomicBool::new(false))
    }

    /// Whatever the strategy, the honest log is accepted, and every line counts.
    fn check_honest(&self, specs: &[Spec]) {
        for spec in specs {
            let log = self.log(spec);
            for depth in [Depth::Choice, Depth::Legality] {
                let checked = self.verify(spec, &log, depth);
                let checked = checked.unwrap_or_else(|error| panic!("{}, {spec}: {error}", self.name));
                // Tasks that run at second 0 are there, not decided.
                let lines = (log.lines().count() - 1 - self.survey.header.tasks.len()) as u64;
                assert_eq!(checked.total(), lines, "{}, {spec}: {checked}", self.name);
            }
        }
    }
}

/// One SPEC of each kind, as the checker sees them.
const SPECS: [&str; 7] =
    ["as-written", "headroom", "spread=az,binpack=memory", "one-task-per-host", "fgd", "best-fit", "random-gpu"];

/// Traces that were once refused: at second 40 of the first a service had looked at an instance before others took it.
const NARROW_SEEDS: [u64; 1] = [6755];

fn stories() -> impl Iterator<Item = Trial> {
    STORIES.iter().map(|story| Trial::of(story.name, story.text.as_bytes()))
}

fn generated(preset: Preset, instances: u32, tasks: Option<u64>) -> Trial {
    let options = Options { instances, tasks, seed: 3, ..Options::default() };
    let mut text = Vec::new();
    generate(preset, &options, TraceForm::Lines, &mut text).expect("memory takes all");
    Trial::of(preset.name(), &text)
}

#[test]
fn honest_logs_of_all_stories_are_accepted() {
    stories().for_each(|trial| trial.check_honest(&trial.standard_set()));
}

#[test]
fn honest_logs_of_all_presets_are_accepted() {
    for preset in Preset::ALL {
        let trial = generated(preset, 12, Some(250));
        trial.check_honest(&trial.standard_set());
    }
}

#[test]
fn honest_logs_of_traces_in_which_everything_happens_are_accepted() {
    for seed in 0..60 {
        let text = crate::metrics::testing::random_trace(seed);
        let trial = Trial::of(&format!("random {seed}"), text.as_bytes());
        trial.check_honest(&trial.standard_set());
    }
    for seed in (0..150).chain(NARROW_SEEDS) {
        let trial = Trial::of(&format!("services {seed}"), traces::services(seed).as_bytes());
        trial.check_honest(&SPECS.map(|spec| spec.parse().expect("a strategy")));
    }
}

/// A run is followed while it goes on; the events played until the first wrong line show it again.
#[test]
fn a_wrong_decision_is_found_as_it_is_made() {
    for trial in stories() {
        let spec: Spec = "headroom".parse().expect("a strategy");
        let log = trial.log(&spec);
        let write = |text: &str| {
            let write = |mut log: CheckedLog| log.write_all(text.as_bytes()).and_then(|()| log.flush());
            let claim = trial.claim(&spec, Depth::Choice);
            let (written, checked) = follow(&claim, trial.events(), &AtomicBool::new(false), write).expect("a pipe");
            drop(written);
            checked
        };
        assert!(write(&log).is_ok());
        let (line, honest) = log
            .lines()
            .enumerate()
            .skip(log.lines().count() / 3)
            .find(|(_, it)| it.contains("\"placed\""))
            .expect("a placement");
        let zone = honest.replace("availabilityZone\":\"", "availabilityZone\":\"not-");
        let Err(CheckError::Wrong(wrong)) = write(&log.replace(honest, &zone)) else {
            panic!("{}: not refused: {zone}", trial.name)
        };
        assert_eq!(wrong.line, line as u64 + 1);
        let prefix = trial.source.first_events(&trial.survey, wrong.events).expect("readable");
        assert_eq!(prefix.lines().count() as u64, wrong.events + 1);
        let prefix = Trial::of(&trial.name, prefix.as_bytes()).log(&spec);
        let decision = |text: &str| {
            let mut line: serde_json::Value = serde_json::from_str(text).expect("JSON");
            line["event"].take();
            line
        };
        assert_eq!(prefix.lines().nth(line).map(decision), Some(decision(honest)), "{}", trial.name);
    }
}

/// What the output says was checked is what can be.
#[test]
fn the_depth_is_told() {
    let trial = stories().next().expect("a story");
    let told = |spec: &str, depth| {
        let spec: Spec = spec.parse().expect("a strategy");
        trial.verify(&spec, &trial.log(&spec), depth).expect("honest").to_string()
    };
    assert_eq!(
        told("headroom", Depth::Choice),
        "63 decisions checked: 30 placements by instance, 3 refusals by reason and closest instance, 30 ends of tasks"
    );
    assert_eq!(
        told("random", Depth::Choice),
        "64 decisions checked: 2 placements by instance, 29 placements as one of several that a draw or a \
         policy of its own may choose, 2 refusals by reason and closest instance, 31 ends of tasks"
    );
    assert_eq!(
        told("headroom", Depth::Legality),
        "63 decisions checked: 33 placements and refusals only as to whether they were possible, 30 ends of tasks"
    );
}

/// A checker that is told to stop does, wherever it is.
#[test]
fn whoever_is_interrupted_ends() {
    let trial = stories().next().expect("a story");
    let spec: Spec = "headroom".parse().expect("a strategy");
    let log = trial.log(&spec);
    let claim = trial.claim(&spec, Depth::Choice);
    let checked = verify(&claim, trial.events(), Cursor::new(log), &AtomicBool::new(true));
    assert!(matches!(checked, Err(CheckError::Interrupted)), "{checked:?}");
}

/// A service that wants a million copies more than there is room for costs the lines of its log, not their product.
#[test]
fn copies_that_nobody_takes_are_followed_by_their_number() {
    let trace = r#"{"version":1,"containerInstances":[
        {"count":2,"availabilityZone":"a","registeredResources":{"cpu":1000,"memory":1000}}],
        "taskDefinitions":[{"family":"web","cpu":400,"memory":400},{"family":"job","cpu":100,"memory":100}],
        "services":[{"serviceName":"web","taskDefinition":"web","desiredCount":100000}],
        "events":[{"atSeconds":1,"runTask":{"taskDefinition":"job","count":2,"durationSeconds":2}},
        {"atSeconds":2,"runTask":{"taskDefinition":"job","count":2,"durationSeconds":2}},
        {"atSeconds":9,"updateService":{"service":"web","desiredCount":3}}]}"#;
    Trial::of("copies", trace.as_bytes()).check_honest(&["headroom".parse().expect("a strategy")]);
}

/// What waits may call a daemon when it is placed.
#[test]
fn a_daemon_follows_what_is_placed_from_the_queue() {
    let trace = r#"{"version":1,"name":"t","settings":{"onUnplaceable":"queue","endSeconds":40},
        "containerInstances":[{"ec2InstanceId":"i","availabilityZone":"a","registeredResources":{"cpu":100,"memory":9}}],
        "taskDefinitions":[{"family":"all","cpu":100,"memory":1},{"family":"job","cpu":50,"memory":1}],
        "services":[{"serviceName":"agent","taskDefinition":"job","schedulingStrategy":"DAEMON",
            "placementConstraints":[{"type":"memberOf","expression":"task:group == family:job"}]}],
        "events":[{"atSeconds":0,"runTask":{"taskDefinition":"all","id":"first","durationSeconds":10}},
            {"atSeconds":1,"runTask":{"taskDefinition":"job","id":"second"}}]}"#;
    let lines = r#"{"schema_version":1,"trace":"t","strategy":"headroom","seed":0,"settings":{"onUnplaceable":"queue","endSeconds":40}}
{"atSeconds":0,"event":0,"task":"first","group":"family:all","placed":"i","availabilityZone":"a"}
{"atSeconds":1,"event":1,"task":"second","group":"family:job","waiting":"RESOURCE:CPU","closest":"i"}
{"atSeconds":10,"event":null,"task":"first","group":"family:all","stopped":"i","why":"finished"}
{"atSeconds":10,"event":1,"task":"second","group":"family:job","placed":"i","availabilityZone":"a"}
{"atSeconds":10,"event":null,"task":"agent/0","group":"service:agent","placed":"i","availabilityZone":"a","why":"desired"}"#;
    let trial = Trial::of("t", trace.as_bytes());
    let spec: Spec = "headroom".parse().expect("a strategy");
    assert!(trial.verify(&spec, lines, Depth::Choice).is_ok());
    assert!(trial.log(&spec).lines().skip(1).eq(lines.lines().skip(1)), "{}", trial.log(&spec));
    let (without, _) = lines.rsplit_once('\n').expect("lines");
    assert!(matches!(trial.verify(&spec, without, Depth::Choice), Err(CheckError::Wrong(Wrong { line: 6, .. }))));
}
