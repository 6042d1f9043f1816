//! The import of what the AWS command line prints: refused with a reason, or a trace that reads well.
#![no_main]

use std::cell::RefCell;
use std::fs;

use libfuzzer_sys::fuzz_target;
use scheduler_fuzz::{play, read};
use scheduler_sim::import::{EcsOptions, import_ecs};
use scheduler_sim::trace::TraceForm;
use tempfile::TempDir;

thread_local! {
    static FOLDER: RefCell<TempDir> = RefCell::new(TempDir::new().expect("a folder"));
}

fuzz_target!(|bytes: &[u8]| {
    let path = FOLDER.with_borrow(|folder| folder.path().join("page.json"));
    fs::write(&path, bytes).expect("written");
    let mut trace = Vec::new();
    match import_ecs(&[path], &EcsOptions::default(), TraceForm::Document, &mut trace) {
        Ok(_) => {
            let text = String::from_utf8_lossy(&trace);
            let (source, survey) = read(&trace).unwrap_or_else(|| panic!("the trace is refused:\n{text}"));
            play(&source, &survey);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
