//! The bundled stories, replayed by the program itself: their tables, decision logs and digests are golden.
//!
//! A snapshot that changes is explained in the commit that changes it (`cargo insta review`, or `INSTA_UPDATE=always`).

use std::path::Path;
use std::process::{Command, Output};

use scheduler_sim::stories::STORIES;

fn run(arguments: &[&str]) -> Output {
    let program = Command::new(env!("CARGO_BIN_EXE_scheduler-sim"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "120")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    program.expect("the program was built for this test")
}

fn stdout_of(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("reports are UTF-8")
}

fn path_of(story: &str) -> String {
    format!("stories/{story}.json")
}

#[test]
fn the_table_of_each_story_stays_as_it_is() {
    for story in STORIES {
        insta::assert_snapshot!(format!("{}-table", story.name), stdout_of(&[&path_of(story.name)]));
    }
}

#[test]
fn the_decisions_of_headroom_on_each_story_stay_as_they_are() {
    for story in STORIES {
        let folder = tempfile::tempdir().expect("a folder for the log");
        let decisions = folder.path().to_str().expect("a path in UTF-8");
        stdout_of(&[&path_of(story.name), "-s", "headroom", "--decisions", decisions]);
        let log = std::fs::read_to_string(folder.path().join("0-headroom-seed0.jsonl")).expect("a log was written");
        insta::assert_snapshot!(format!("{}-decisions", story.name), log);
    }
}

#[test]
fn the_digest_of_each_story_stays_as_it_is() {
    let digest_of = |story: &str| {
        let json: serde_json::Value = serde_json::from_str(&stdout_of(&[&path_of(story), "-f", "json"])).unwrap();
        format!("{story} {}", json["results"][0]["digest"].as_str().expect("a result has a digest"))
    };
    let digests: Vec<_> = STORIES.iter().map(|story| digest_of(story.name)).collect();
    insta::assert_snapshot!("digests", digests.join("\n"));
}

/// A task of a story that is refused, or whose place is of interest.
const EXPLAINED: &[(&str, &[&str])] = &[
    ("mixed-memory", &["--task", "largest-first/api", "--instance", "i-000001"]),
    ("az-outage", &["--task", "job-19/1"]),
    ("notes", &["--task", "web/2", "--verbose"]),
    ("member-of", &["--task", "ledger-4", "-f", "json", "--instance", "i-000000"]),
    ("ports", &["--task", "legacy-1"]),
    ("queue", &["--task", "wide-11"]),
];

#[test]
fn the_explanations_of_each_story_stay_as_they_are() {
    for (story, question) in EXPLAINED {
        let path = path_of(story);
        let arguments: Vec<&str> = ["explain", &path].into_iter().chain(question.iter().copied()).collect();
        insta::assert_snapshot!(format!("{story}-explanation"), stdout_of(&arguments));
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_jobs() {
    for story in STORIES {
        let with = |jobs| stdout_of(&[&path_of(story.name), "-f", "json", "--jobs", jobs, "--seeds", "0..2"]);
        assert_eq!(with("1"), with("2"));
        assert_eq!(with("1"), with("8"));
    }
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(readme).expect("the README is there");
    let table = stdout_of(&[&path_of("mixed-memory")]);
    assert!(readme.contains(table.trim_end()), "the README's table is not the program's:\n{table}");
}
