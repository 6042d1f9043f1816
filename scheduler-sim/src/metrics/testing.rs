//! Small runs for the tests of metrics: changes and outcomes by hand.

use std::sync::Arc;

use scheduler_core::{ReleaseOn, TaskGroup};

use super::{Context, KindCounter, Metric, Report, Value, Window};
use crate::outcome::{Copies, Fate, Origin, Outcome};

/// A window, and nothing else that matters.
pub(super) fn context(from_ms: u64, to_ms: u64) -> Context {
    Context {
        window: Window { from_ms, to_ms },
        release_on: ReleaseOn::DesiredStopped,
        queues: true,
        can_wait: true,
        kinds: Arc::new([]),
        typical: Arc::new(KindCounter::default().typical_tasks()),
    }
}

/// A placement at one time of a copy wanted at another.
pub(super) fn placed(at_ms: u64, wanted_at_ms: u64, origin: Origin) -> (u64, Fate<'static>, Origin) {
    (at_ms, Fate::Placed { instance: "i", zone: "z", gpus: &[], wanted_at_ms, has_waited: false, why: None }, origin)
}

/// Tells outcomes to a metric and compares what it reports.
pub(super) fn check(mut metric: Box<dyn Metric>, outcomes: &[(u64, Fate<'_>, Origin)], expected: &[(&str, &str)]) {
    let group = TaskGroup::new("g").expect("a group");
    for (at_ms, fate, origin) in outcomes {
        let outcome = Outcome { event: None, copies: Copies::One("t"), group: &group, origin: *origin, fate: *fate };
        metric.outcome(*at_ms, &outcome);
    }
    assert_eq!(
        reported(metric),
        expected.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect::<Vec<_>>()
    );
}

/// What a metric reports, as text.
pub(super) fn reported(metric: Box<dyn Metric>) -> Vec<(String, String)> {
    let mut report = Report::default();
    metric.finish(&mut report);
    let values = report.into_values().into_iter();
    let text = |value| match value {
        Value::Number(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    values.map(|(info, value)| (info.name.to_owned(), text(value))).collect()
}

/// A random trace in which everything happens that metrics look at. The same seed gives the same trace.
pub(crate) fn random_trace(seed: u64) -> String {
    let mut random = Lines { state: seed, lines: Vec::new() };
    let settings = match seed % 3 {
        0 => r#"{"onUnplaceable":"queue"}"#,
        1 => r#"{"onUnplaceable":"queue","taskStartSeconds":2,"releaseOn":"desired-stopped"}"#,
        _ => "{}",
    };
    let names = ["i-0", "i-1", "i-2", "i-3", "k-0", "k-1"];
    let fleet: Vec<_> = names.iter().map(|name| random.instance(name)).collect();
    let header = format!(
        r#"{{"version":1,"name":"random","settings":{settings},"containerInstances":[{}],"taskDefinitions":[{}],
        "services":[{{"serviceName":"web","taskDefinition":"small","desiredCount":4}}]}}"#,
        fleet.join(","),
        concat!(
            r#"{"family":"small","cpu":200,"memory":300},{"family":"port","cpu":100,"memory":100,"ports":[8080]},"#,
            r#"{"family":"gpu","cpu":100,"memory":100,"gpu":1},"#,
            r#"{"family":"share","cpu":50,"memory":100,"gpu":1,"gpuMilli":400},"#,
            r#"{"family":"most","cpu":50,"memory":50,"gpu":1,"gpuMilli":700},"#,
            r#"{"family":"picky","containerDefinitions":[{"name":"c","cpu":300,"memory":200}],"#,
            r#""placementConstraints":[{"type":"memberOf","expression":"attribute:rack == r1"}]}"#
        )
    );
    let header = header.replace('\n', " ");
    let mut at_ms = 0;
    for number in 0..80 {
        at_ms += random.below(400);
        let event = random.event(number);
        random.lines.push(format!(r#"{{"atSeconds":{}.{:03},{event}}}"#, at_ms / 1_000, at_ms % 1_000));
    }
    format!("{header}\n{}\n", random.lines.join("\n"))
}

struct Lines {
    state: u64,
    lines: Vec<String>,
}

impl Lines {
    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) % bound
    }

    fn instance(&mut self, name: &str) -> String {
        let (zone, rack) = (["a", "b", "c"][self.below(3) as usize], self.below(2));
        let (cpu, memory) = (400 * (1 + self.below(4)), 500 * (1 + self.below(4)));
        let gpu = self.below(3);
        let left = if gpu == 2 && self.below(3) == 0 { r#","gpuMillis":[1000,600]"# } else { "" };
        format!(
            r#"{{"ec2InstanceId":"{name}","availabilityZone":"{zone}","attributes":{{"rack":"r{rack}"}},"pricePerHour":{},
            "registeredResources":{{"cpu":{cpu},"memory":{memory},"gpu":{gpu}}}{left}}}"#,
            1 + self.below(9)
        )
        .replace('\n', " ")
    }

    fn event(&mut self, number: u64) -> String {
        let instance = format!("i-{}", self.below(6));
        match self.below(16) {
            0 => format!(r#""registerContainerInstances":[{}]"#, self.instance(&format!("n-{number}"))),
            1 => {
                let seconds = self.below(5);
                let zone = self.below(4);
                format!(
                    r#""failContainerInstances":{{"filter":"ec2InstanceId =~ i-[{zone}1]","returnsAfterSeconds":{seconds}}}"#
                )
            }
            2 => format!(r#""updateService":{{"service":"web","desiredCount":{}}}"#, self.below(9)),
            3 => format!(
                r#""failContainerInstances":{{"filter":"ec2InstanceId == {instance}","returnsAfterSeconds":{}}}"#,
                self.below(3)
            ),
            6 => format!(
                r#""updateContainerInstancesState":{{"containerInstances":["k-{0}"],"status":"{1}"}}"#,
                self.below(2),
                ["ACTIVE", "DRAINING"][self.below(2) as usize]
            ),
            7 => format!(
                r#""setAgentConnected":{{"containerInstances":["k-{0}"],"connected":{1}}}"#,
                self.below(2),
                self.below(2) == 1
            ),
            8 => format!(
                r#""putAttributes":{{"attributes":[{{"name":"rack","value":"r{1}","targetId":"k-{0}"}}]}}"#,
                self.below(2),
                self.below(2)
            ),
            4 => r#""stopTask":{"group":"family:small","count":2}"#.to_owned(),
            5 => r#""failTasks":{"group":"service:web","count":1}"#.to_owned(),
            _ => {
                let family = ["small", "port", "gpu", "picky", "share", "most"][self.below(6) as usize];
                let (count, duration) = (1 + self.below(3), self.below(9));
                format!(r#""runTask":{{"taskDefinition":"{family}","count":{count},"durationSeconds":{duration}}}"#)
            }
        }
    }
}
