//! The reader of traces, on documents: whatever stands there is refused with a reason, or plays as the checker has it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scheduler_fuzz::{play, read};
use scheduler_sim::trace::TraceForm;

fuzz_target!(|bytes: &[u8]| {
    let Some((source, survey)) = read(bytes) else { return };
    play(&source, &survey);
    // The pieces put together again are the trace.
    let text = source.pieces().expect("it was read").to_text(TraceForm::Document);
    let (_, again) = read(text.as_bytes()).unwrap_or_else(|| panic!("{text} of {}", String::from_utf8_lossy(bytes)));
    assert_eq!(again.event_count, survey.event_count);
    assert_eq!(again.tasks_requested, survey.tasks_requested);
});
