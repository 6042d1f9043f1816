//! The reader of traces, on JSON Lines: the first line of the input is the document, if it is one, else a plain one stands
//! before the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scheduler_fuzz::{play, read};

const HEAD: &str = concat!(
    r#"{"version":1,"taskDefinitions":[{"family":"a","cpu":256,"memory":128},{"family":"b","cpu":100,"memory":900}],"#,
    r#""containerInstances":[{"instanceType":"t2.small","availabilityZone":"a"},"#,
    r#"{"instanceType":"t2.medium","availabilityZone":"b"}]}"#,
    "\n"
);

fuzz_target!(|bytes: &[u8]| {
    if let Some((source, survey)) = read(bytes) {
        play(&source, &survey);
    }
    if let Some((source, survey)) = read(&[HEAD.as_bytes(), bytes].concat()) {
        play(&source, &survey);
    }
});
