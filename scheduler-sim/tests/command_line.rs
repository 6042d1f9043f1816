//! The program as its user meets it: what it writes where, what it says, and how it ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const NOTES: &str = "stories/notes.json";
const MIXED_MEMORY: &str = "stories/mixed-memory.json";

fn run(arguments: &[&str]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_scheduler-sim"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    program.expect("the program was built for this test")
}

fn stdout_of(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Its messages where it succeeds.
fn stderr_of(arguments: &[&str]) -> String {
    let output = run(arguments);
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{arguments:?}: {text}");
    text
}

/// Its messages where it ends with status 2.
fn refusal_of(arguments: &[&str]) -> String {
    let output = run(arguments);
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    assert!(output.stdout.is_empty(), "{arguments:?}: a result besides {text}");
    text
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[cfg(target_os = "linux")]
#[test]
fn devices_and_standard_output_are_written_through() {
    use std::os::unix::fs::FileTypeExt;
    let text = refusal_of(&[NOTES, "-o", "/dev/full"]);
    assert!(text.contains("cannot write `/dev/full`"), "{text}");
    assert!(fs::metadata("/dev/full").expect("it is there").file_type().is_char_device());
    assert_eq!(stdout_of(&[NOTES, "-o", "/dev/stdout"]), stdout_of(&[NOTES]));
    assert_eq!(stdout_of(&[NOTES, "-o", "/dev/null"]), "");
    assert!(fs::metadata("/dev/null").expect("it is there").file_type().is_char_device());
}

#[test]
fn a_result_never_replaces_the_trace_that_it_is_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("t.json");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(NOTES), &trace).expect("copied");
    let before = fs::read(&trace).expect("read");
    let other = folder.path().join(".").join("t.json");
    let text = refusal_of(&[NOTES, text_of(&trace), "-o", text_of(&other)]);
    assert!(text.contains("--output is the input"), "{text}");
    assert_eq!(fs::read(&trace).expect("read"), before);
}

#[test]
fn places_that_cannot_be_written_are_told_by_their_own_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    let below = file.join("logs");
    let missing = folder.path().join("none").join("out.json");
    // The trace does not exist either; that the output cannot be written is found first.
    for arguments in [["-o", text_of(&missing)], ["--decisions", text_of(&below)], ["-o", text_of(folder.path())]] {
        let text = refusal_of(&["no-trace.json", arguments[0], arguments[1]]);
        assert!(text.contains(&format!("cannot write `{}`", arguments[1])), "{text}");
        assert!(!text.contains(".scheduler-sim-"), "{text}");
    }
}

#[test]
fn nothing_that_a_terminal_acts_upon_is_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("a\u{1b}[31m\nb.json");
    let unnamed =
        r#"{"version": 1, "containerInstances": [{"instanceType": "t2.micro", "availabilityZone": "us-east-2a"}]}"#;
    if fs::write(&trace, unnamed).is_err() {
        return; // The system does not allow such names.
    }
    for format in ["table", "markdown", "json"] {
        let text = stdout_of(&[text_of(&trace), "-f", format]);
        assert!(!text.contains('\u{1b}') && text.contains("[31m"), "{format}: {text}");
    }
    let nasty = "x\u{1b}[31m\ny";
    let setting = format!("{nasty}=1");
    let expression = format!("{nasty}>0");
    let cases = [
        vec![nasty],
        vec![NOTES, "-s", nasty],
        vec![NOTES, "--baseline", nasty],
        vec![NOTES, "--set", nasty],
        vec![NOTES, "--set", &setting],
        vec![NOTES, "--columns", nasty],
        vec![NOTES, "--fail-if", &expression],
        vec![NOTES, "--fleet", nasty],
        vec![NOTES, "--format", nasty],
        vec![NOTES, "--prices", nasty],
        vec![NOTES, "--seeds", nasty],
        vec!["example", nasty],
        vec!["query", "a ==", nasty],
        vec!["explain", NOTES, "--task", nasty],
        vec!["help", nasty],
        vec!["consolidate", nasty],
        vec!["fleet", NOTES, "--types", nasty],
        vec!["fleet", NOTES, "--types", "m5.large", "--prices", nasty],
    ];
    for arguments in cases {
        let text = refusal_of(&arguments);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{arguments:?}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with('y')), "{arguments:?}: {text:?}");
    }
}

#[test]
fn timings_are_shown_where_people_read() {
    for format in ["table", "markdown"] {
        let text = stdout_of(&[NOTES, "-f", format, "--timings"]);
        assert!(text.contains("timings: ") && text.contains(" placements/s"), "{format}: {text}");
        assert!(!stdout_of(&[NOTES, "-f", format]).contains("timings: "), "{format}");
    }
    assert!(stderr_of(&[NOTES, "-f", "csv", "--timings"]).contains("CSV has no place for --timings"));
}

#[test]
fn prices_are_checked_against_each_other_and_the_fleet() {
    let folder = tempfile::tempdir().expect("a folder");
    let prices = folder.path().join("prices.csv");
    fs::write(&prices, "type,price\nt2.micro,0.01\nt2.micro,0.02\n").expect("written");
    let text = refusal_of(&[NOTES, "--prices", text_of(&prices)]);
    assert!(text.contains("prices.csv: line 3: a second price of `t2.micro`"), "{text}");
    fs::write(&prices, "m5.large,0.096\n").expect("written");
    let text = stderr_of(&[NOTES, "--prices", text_of(&prices), "--fleet", "m5.large=1,c5.large=1,c5.xlarge=1"]);
    assert!(text.contains("no price of `c5.large`, `c5.xlarge`"), "{text}");
    assert!(!stderr_of(&[NOTES, "--prices", text_of(&prices), "--fleet", "m5.large=3"]).contains("no price"));
}

#[test]
fn another_fleet_is_seen_in_every_result() {
    let folder = tempfile::tempdir().expect("a folder");
    let fleet = ["--fleet", "m5.large=2", "--zones", "us-east-2a,us-east-2b", "-s", "headroom"];
    let logs = ["--decisions", text_of(folder.path())];
    let with = |more: &[&str]| stdout_of(&[&[NOTES], &fleet[..], more].concat());
    let json: serde_json::Value = serde_json::from_str(&with(&["-f", "json", logs[0], logs[1]])).expect("JSON");
    let settings = &json["results"][0]["settings"];
    assert_eq!(settings["fleet"], "m5.large=2");
    assert_eq!(settings["zones"], serde_json::json!(["us-east-2a", "us-east-2b"]));
    let log = fs::read_to_string(folder.path().join("0-headroom-seed0.jsonl")).expect("a log");
    let header: serde_json::Value = serde_json::from_str(log.lines().next().expect("a header")).expect("JSON");
    assert_eq!(&header["settings"], settings);
    assert!(with(&[]).contains("--fleet m5.large=2") && with(&["-f", "markdown"]).contains("--fleet m5.large=2"));
}

#[test]
fn logs_of_other_runs_are_left_and_told_of() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["7-old-seed3.jsonl", "0-headroom-seed0.jsonl", "notes.txt", "x-seed1.jsonl"] {
        fs::write(folder.path().join(name), "old").expect("written");
    }
    let text = stderr_of(&[NOTES, "-s", "headroom", "--decisions", text_of(folder.path())]);
    assert!(text.contains("holds 1 decision log of other runs"), "{text}");
    assert_eq!(fs::read_to_string(folder.path().join("7-old-seed3.jsonl")).expect("read"), "old");
    assert_ne!(fs::read_to_string(folder.path().join("0-headroom-seed0.jsonl")).expect("read"), "old");
}

#[test]
fn a_mistyped_subcommand_is_taken_for_one() {
    let text = refusal_of(&["vaildate", NOTES, "--strict-ecs"]);
    assert!(text.contains("did you mean `validate`?"), "{text}");
    let text = refusal_of(&["report", NOTES]);
    assert!(text.contains("later versions"), "{text}");
    assert!(refusal_of(&["--jobs", "0", NOTES]).contains("there must be at least one job"));
}

#[test]
fn the_table_ends_with_who_refuses_least_and_is_best_among_those() {
    let last = |arguments: &[&str]| stdout_of(arguments).lines().last().unwrap_or_default().to_owned();
    assert_eq!(
        last(&[MIXED_MEMORY]),
        "fewest unplaced: az-balanced-binpack, binpack(cpu), binpack(memory); of these, most instances empty: \
         binpack(cpu), binpack(memory)"
    );
    assert!(!last(&[MIXED_MEMORY, "-s", "headroom"]).contains("fewest"), "a single strategy has no rival");
}

#[test]
fn consolidate_tells_the_moves_and_the_bound() {
    let arguments = ["consolidate", MIXED_MEMORY, "--at", "8000", "-s", "binpack"];
    let text = stdout_of(&arguments);
    assert!(
        text.contains("4 instances would do where 6 are used: 6 moves; no fewer than 4 hold these tasks"),
        "{text}"
    );
    assert!(text.contains("smallest-first/cache") && text.contains("empty then: "), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&stdout_of(&[&arguments[..], &["-f", "json", "--max-moves", "2"]].concat()))
            .expect("JSON");
    assert_eq!(json["schema_version"], 1);
    let numbers = ["instances_used_before", "instances_used_after", "lower_bound_instances"].map(|key| &json[key]);
    assert_eq!(numbers, [6, 5, 4]);
    assert_eq!(json["moves"].as_array().map(Vec::len), Some(2));
    assert!(json["moves"][0]["from"].is_string() && json["moves"][0]["to_zone"].is_string());
    let text = stdout_of(&["consolidate", MIXED_MEMORY, "-s", "binpack"]);
    assert!(text.contains("at 4200 s") && text.contains("5 instances would do where 6 are used"), "{text}");
    assert!(stdout_of(&["consolidate", MIXED_MEMORY, "--at", "10200"]).contains("no task runs then"));
    let text = refusal_of(&["consolidate", MIXED_MEMORY, "--at", "9", "--until", "8"]);
    assert!(text.contains("--at is 9 s, but the run ends at 8 s"), "{text}");
}

#[test]
fn the_fleet_that_is_found_runs_the_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let prices = folder.path().join("prices.csv");
    fs::write(&prices, "type,price\nm5.large,0.096\nc5.xlarge,0.17\n").expect("written");
    let ask = |more: &[&str]| {
        let always = ["fleet", MIXED_MEMORY, "--types", "m5.large,c5.xlarge", "-s", "binpack"];
        [&always[..], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let words = |arguments: &[String]| stdout_of(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let with_prices = ask(&["--prices", text_of(&prices)]);
    let text = words(&with_prices);
    let fleet = text.lines().find_map(|line| line.trim().strip_prefix("fleet")).expect("a fleet").trim();
    assert!(text.contains("an hour") && text.contains("floor"), "{text}");
    let run: Vec<_> = [MIXED_MEMORY, "-s", "binpack", "-f", "csv", "--columns", "tasks.unplaced"]
        .into_iter()
        .chain(fleet.split(' '))
        .collect();
    assert!(stdout_of(&run).lines().last().is_some_and(|line| line.ends_with(",0")), "{fleet}");
    assert!(words(&ask(&[])).contains("without --prices the fewest are looked for"));
    let json: serde_json::Value =
        serde_json::from_str(&words(&[&with_prices[..], &["-f".to_owned(), "json".to_owned()]].concat()))
            .expect("JSON");
    assert_eq!((&json["max_unplaced"], &json["fleet"]["unplaced"]), (&0.into(), &0.into()));
    assert!(json["fleet"]["cost_per_hour"].as_f64() >= json["floor"]["cost_per_hour"].as_f64());
    fs::write(&prices, "m5.large,0.096\n").expect("written");
    let text = refusal_of(&["fleet", NOTES, "--types", "m5.large,c5.large", "--prices", text_of(&prices)]);
    assert!(text.contains("no price of `c5.large`"), "{text}");
    assert!(refusal_of(&["fleet", NOTES, "--types", "m5.enormous"]).contains("`m5.enormous`"));
    let text = refusal_of(&["fleet", MIXED_MEMORY, "--types", "t2.micro"]);
    assert!(text.contains("family:search") && text.contains("RESOURCE:MEMORY"), "{text}");
}

/// One task of the 91 is enough, on one instance of the twelve, whose zone fails.
#[test]
fn the_trace_that_is_shrunk_is_small_and_shows_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let ask = |output: &Path, more: &[&str]| {
        let always = ["shrink", "stories/az-outage.json", "-o", text_of(output)];
        stdout_of(&[&always[..], more].concat())
    };
    let small = folder.path().join("small.json");
    let text = ask(&small, &["--fail-if", "tasks.lost>0"]);
    for line in
        ["events            2 of 29", "tasks             1 of 91", "instances         1 of 12", "tasks.lost        1"]
    {
        assert!(text.contains(line), "{text}");
    }
    insta::assert_snapshot!("shrunk-az-outage", fs::read_to_string(&small).expect("read"));
    assert_eq!(run(&[text_of(&small), "--fail-if", "tasks.lost>0"]).status.code(), Some(1));
    let packed = folder.path().join("small.jsonl.gz");
    let json: serde_json::Value =
        serde_json::from_str(&ask(&packed, &["--fail-if", "tasks.lost>0", "-f", "json"])).expect("JSON");
    assert_eq!((&json["after"]["events"], &json["shown"]["tasks.lost"]), (&2.into(), &1.into()), "{json}");
    assert_eq!(run(&[text_of(&packed), "--fail-if", "tasks.lost>0"]).status.code(), Some(1));
    assert!(ask(&small, &["--fail-if", "tasks.lost>0", "--max-replays", "3"]).contains("cut short by --max-replays"));
}

#[test]
fn what_cannot_be_shrunk_is_told_and_nothing_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = folder.path().join("small.json");
    let refused = |more: &[&str]| refusal_of(&[&["shrink", NOTES, "-o", text_of(&small)], more].concat());
    assert!(refused(&["--fail-if", "tasks.lost>0"]).contains("holds for no run of the trace (headroom, "));
    assert!(refused(&["--fail-if", "cost.total>0", "-s", "binpack"]).contains("`cost.total` does not apply"));
    assert!(refused(&["--check", "-s", "headroom"]).contains("--check accepts all runs of the trace (headroom)"));
    assert!(refused(&[]).contains("--fail-if <EXPR>"));
    let text = refusal_of(&["shrink", NOTES, "--fail-if", "tasks.placed>0", "-o", "small.txt"]);
    assert!(text.contains("ends in .json or .jsonl"), "{text}");
    let text = refusal_of(&["shrink", NOTES, "--fail-if", "tasks.placed>0", "-o", NOTES]);
    assert!(text.contains("--output is the trace itself"), "{text}");
    assert!(!small.exists());
}

#[test]
fn diff_shows_the_parting_and_counts_what_follows() {
    let text = stdout_of(&["diff", MIXED_MEMORY, "-s", "headroom", "-s", "binpack"]);
    for part in [
        "they part after 1 decision alike",
        "under headroom: at 10 s, event 1, largest-first/api of family:api placed on i-000002",
        "under binpack(memory): at",
        "instance with the most headroom",
        "placed on different instances",
        "placed under binpack(memory) only",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = stdout_of(&["diff", MIXED_MEMORY, "-s", "binpack", "-s", "binpack(memory)"]);
    assert!(text.contains("they never part: "), "{text}");
    let json = stdout_of(&["diff", MIXED_MEMORY, "-s", "headroom", "-s", "binpack", "-f", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["schema_version"], &json["decisions_alike"]), (&1.into(), &1.into()));
    assert_eq!(json["parting"][1]["task"], "largest-first/api");
    assert!(json["parting"][0]["decision"].is_object() && json["after"]["elsewhere"]["count"].is_number());
    assert!(refusal_of(&["diff", NOTES, "-s", "headroom"]).contains("diff compares two strategies, and one is given"));
}

#[test]
fn diff_tells_the_gpus_where_they_are_all_that_differs() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("t.json");
    let text = r#"{"version":1,"settings":{"seed":1},
        "containerInstances":[{"availabilityZone":"a","registeredResources":{"cpu":9,"memory":9,"gpu":2}}],
        "taskDefinitions":[{"family":"share","cpu":1,"memory":1,"gpu":1,"gpuMilli":400}],
        "events":[{"atSeconds":1,"runTask":{"taskDefinition":"share"}}]}"#;
    fs::write(&trace, text).expect("written");
    let asked = ["diff", text_of(&trace), "-s", "first-fit", "-s", "random-gpu"];
    let text = stdout_of(&asked);
    for part in ["placed on i-000000 (a), GPU gpu-0", "GPU gpu-1", "1  placed at the same time on other GPUs"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&stdout_of(&[&asked[..], &["-f", "json"]].concat())).expect("JSON");
    assert_eq!((&json["parting"][1]["gpus"][0], &json["after"]["on_other_gpus"]), (&"gpu-1".into(), &1.into()));
}

#[test]
fn fit_tells_the_room_and_what_binds() {
    let text = stdout_of(&["fit", MIXED_MEMORY, "--task-definition", "search", "--at", "0"]);
    assert!(text.contains("search") && text.contains("RESOURCE:MEMORY"), "{text}");
    let json = stdout_of(&["fit", MIXED_MEMORY, "--task-definition", "search", "--at", "0", "-f", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["schema_version"], 1);
    let text = refusal_of(&["fit", MIXED_MEMORY, "--task-definition", "serach"]);
    assert!(text.contains("search"), "{text}");
}

#[test]
fn fit_of_a_service_keeps_zones_even_and_shows_alike_instances_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("t.json");
    let instances = r#"{"availabilityZone":"a","count":21,"registeredResources":{"cpu":7,"memory":9}},
        {"availabilityZone":"b","registeredResources":{"cpu":7,"memory":9}}"#;
    let text = format!(
        r#"{{"version":1,"name":"t","settings":{{"endSeconds":60}},"containerInstances":[{instances}],
        "taskDefinitions":[{{"family":"web","cpu":3,"memory":1}},{{"family":"nil","cpu":0,"memory":0}}],
        "services":[{{"serviceName":"web","taskDefinition":"web","desiredCount":2}}]}}"#
    );
    fs::write(&trace, text).expect("written");
    let trace = text_of(&trace);
    let chain = "spread=az,spread=instance";
    // One task runs in each zone. Zone b takes one more, so that zone a comes to 3 at most: 2 more there, 1 here.
    let expected = "\
t at 0 s under spread(attribute:ecs.availability-zone),spread(instanceId), seed 0
service web: web:1 (3 CPU units, 1 MiB): 42 more fit on 22 of 22 instances
with its Availability Zones kept even: 3 more fit

  zone  instances  of the group  more  kept even
  a            21             1    41          2
  b             1             1     1          1

  binds first   instances  more  left: CPU units  MiB
  RESOURCE:CPU         22    42               22  154

  instances  type  zone  more each  then
         20  -     a             2  RESOURCE:CPU
          1  -     a             1  RESOURCE:CPU
          1  -     b             1  RESOURCE:CPU
";
    assert_eq!(stdout_of(&["fit", trace, "--service", "web", "-s", chain]), expected);
    let json = stdout_of(&["fit", trace, "--service", "web", "-s", chain, "-f", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["tasks"], &json["tasks_kept_even"]), (&42.into(), &3.into()));
    assert_eq!(json["instances"].as_array().map(Vec::len), Some(22));
    let json = stdout_of(&["fit", trace, "--task-definition", "nil", "-f", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json["tasks"].is_null() && json["limits"][0]["limited_by"].is_null());
    assert!(json.get("tasks_kept_even").is_none(), "{json}");
    let refusals = [
        (["--service", "wbe"], "no REPLICA service `wbe` is there at 0 s; did you mean `web`?"),
        (["--task-definition", "web:2"], "at 0 s: no task definition `web:2` here; did you mean `web:1`?"),
    ];
    for (arguments, expected) in refusals {
        let text = refusal_of(&["fit", trace, arguments[0], arguments[1], "--at", "0"]);
        assert!(text.contains(expected), "{text}");
    }
    let text = refusal_of(&["fit", trace, "--service", "web", "--at", "61"]);
    assert!(text.contains("--at is 61 s, but the run ends at 60 s"), "{text}");
    assert!(refusal_of(&["fit", trace]).contains("--task-definition"));
}
