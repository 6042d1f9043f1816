//! `verify` and `--check` as their user meets them.

use std::fs;
use std::path::Path;
use std::process::Command;

const MIXED_MEMORY: &str = "stories/mixed-memory.json";

/// Status and all that is said.
fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_scheduler-sim"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program was built for this test");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("UTF-8"))
}

/// The decision log of a run, in its folder.
fn log_of(folder: &Path, more: &[&str]) -> String {
    let decisions = folder.to_str().expect("UTF-8");
    let (status, text) = run(&[&[MIXED_MEMORY, "-q", "--decisions", decisions], more].concat());
    assert_eq!(status, Some(0), "{text}");
    let file = fs::read_dir(folder).expect("a folder").next().expect("a log").expect("readable").path();
    file.to_str().expect("UTF-8").to_owned()
}

#[test]
fn an_honest_log_is_accepted_and_says_how_deep_it_was_checked() {
    for (strategy, deep) in [
        ("headroom", "30 placements by instance"),
        ("random", "29 placements as one of several that a draw or a policy of its own may choose"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let log = log_of(folder.path(), &["-s", strategy]);
        let (status, text) = run(&["verify", MIXED_MEMORY, &log]);
        assert!(status == Some(0) && text.starts_with("accepted: ") && text.contains(deep), "{text}");
        let (status, text) = run(&["verify", MIXED_MEMORY, &log, "--legality-only"]);
        assert!(status == Some(0) && text.contains("only as to whether they were possible"), "{text}");
    }
}

#[test]
fn a_wrong_log_is_refused_with_its_line_and_what_would_be_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log_of(folder.path(), &["-s", "headroom"]);
    let text = fs::read_to_string(&log).expect("readable");
    let lines: Vec<_> = text.lines().collect();
    let without_third = [&lines[..2], &lines[3..]].concat().join("\n");
    let moved = text.replacen("\"placed\":\"i-000000\"", "\"placed\":\"i-000005\"", 1);
    for (wrong, expected) in [(without_third, "line 3: "), (moved, "; right would be: ")] {
        fs::write(&log, wrong).expect("written");
        let (status, text) = run(&["verify", MIXED_MEMORY, &log]);
        assert_eq!(status, Some(1), "{text}");
        assert!(text.starts_with("refused: ") && text.contains(expected), "{text}");
    }
    let (status, text) = run(&["verify", "stories/notes.json", &log]);
    assert!(status == Some(1) && text.contains("right would be: `web on three t2.micro`"), "{text}");
}

#[test]
fn options_that_changed_the_run_are_told_to_the_checker_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let changed = ["--fleet", "m5.large=4", "--on-unplaceable", "queue"];
    let log = log_of(folder.path(), &[&["-s", "binpack"], &changed[..]].concat());
    let (status, text) = run(&[&["verify", MIXED_MEMORY, &log], &changed[..]].concat());
    assert_eq!(status, Some(0), "{text}");
    let (status, text) = run(&["verify", MIXED_MEMORY, &log]);
    assert!(status == Some(1) && text.contains("line 1: "), "{text}");
}

#[test]
fn what_is_no_log_is_bad_input() {
    for (file, expected) in [("Cargo.toml", "line 1 is no line of a decision log"), ("absent", "cannot read")] {
        let (status, text) = run(&["verify", MIXED_MEMORY, file]);
        assert!(status == Some(2) && text.contains(expected), "{text}");
    }
}

#[test]
fn a_report_says_whether_every_decision_was_checked() {
    let arguments = [MIXED_MEMORY, "-s", "headroom", "-s", "random"];
    let (_, unchecked) = run(&arguments);
    let (status, checked) = run(&[&arguments[..], &["--check"]].concat());
    assert_eq!(status, Some(0), "{checked}");
    assert_eq!(
        unchecked
            .replace("not checked", "every decision checked (those of draws and policies: that they were possible)"),
        checked
    );
    let (_, json) = run(&[&arguments[..], &["--check", "-f", "json"]].concat());
    assert!(json.contains("\"checked\": true"), "{json}");
}
