//! Laws of reading: nothing panics, and the forms of one trace say the same.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;

/// Traces that between them use every key and action.
const SEEDS: [&str; 4] = [
    include_str!("../../stories/notes.json"),
    include_str!("../../stories/az-outage.json"),
    include_str!("../../stories/mixed-memory.json"),
    include_str!("every-key.json"),
];

/// Reads a trace to its end, whatever it is.
fn read(bytes: &[u8], lenient: bool) {
    let options = OpenOptions::default().lenient(lenient);
    let survey = from_bytes("t.json", bytes, options).map_err(TraceErrors::from).and_then(|source| {
        let survey = source.survey()?;
        for event in source.events(&survey)? {
            event?;
        }
        Ok(survey)
    });
    match survey {
        Ok(survey) => assert!(survey.horizon_ms(&survey.header.settings) < u64::MAX / 2),
        Err(errors) => assert!(!errors.errors().is_empty() && !errors.to_string().is_empty()),
    }
}

/// A document as JSON Lines. Its events must stand in the order of time.
fn as_lines(document: &str) -> String {
    let mut header: serde_json::Value = serde_json::from_str(document).expect("JSON");
    let events = header.as_object_mut().and_then(|it| it.remove("events")).unwrap_or_default();
    let events = events.as_array().into_iter().flatten().map(ToString::to_string);
    std::iter::once(header.to_string()).chain(events).collect::<Vec<_>>().join("\n")
}

/// What a trace says, but for the places where it says so.
fn said(bytes: &[u8]) -> Vec<String> {
    let source = from_bytes("t.json", bytes, OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
    let header = format!("{:?}", survey.header);
    let events = source.events(&survey).expect("readable").map(|event| format!("{:?}", event.expect("sound")));
    std::iter::once(header).chain(events).map(|text| without_places(&text)).collect()
}

fn without_places(text: &str) -> String {
    let mut parts = text.split("Place {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('}').map_or("", |(_, rest)| rest))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A change of some bytes: where, in thousandths of the length; how many go; what comes.
fn edits() -> impl Strategy<Value = Vec<(usize, usize, String)>> {
    let pieces = prop_oneof![
        "[\\[\\]{}\",:0-9eE.+-]{0,4}",
        prop::sample::select(vec![
            "null",
            "true",
            "\"\"",
            "-1",
            "1e400",
            "0.0001",
            "4294967296",
            "[]",
            "{}",
            "\\u0000",
            "\n",
            "\"id\": \"x\",",
            "\"count\": 9,",
            "}\n{",
            "\u{feff}",
            "é",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec((0..1000_usize, 0..30_usize, pieces), 1..4)
}

fn edited(text: &str, edits: &[(usize, usize, String)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, gone, piece) in edits {
        let at = bytes.len() * at / 1000;
        let end = (at + gone).min(bytes.len());
        bytes.splice(at..end, piece.bytes());
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes, false);
        let mut packed = vec![0x1f, 0x8b, 8, 0];
        packed.extend(&bytes);
        read(&packed, false);
        packed.splice(..4, [0x28, 0xb5, 0x2f, 0xfd]);
        read(&packed, false);
    }

    #[test]
    fn damaged_traces_are_read_or_refused(
        seed in prop::sample::select(&SEEDS[..]), edits in edits(), lines in any::<bool>(), lenient in any::<bool>(),
    ) {
        let text = if lines { as_lines(seed) } else { seed.to_owned() };
        read(&edited(&text, &edits), lenient);
    }

    #[test]
    fn json_is_what_serde_json_says_it_is(seed in prop::sample::select(&SEEDS[..]), edits in edits()) {
        let bytes = edited(seed, &edits);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let mut parser = super::json::Parser::new(text, 0, 0);
            let read = parser.value().and_then(|_| parser.end());
            let expected = serde_json::from_str::<serde::de::IgnoredAny>(text);
            prop_assert_eq!(read.is_ok(), expected.is_ok(), "{:?} {:?}", read, expected);
        }
    }

    #[test]
    fn cut_off_archives_are_refused(at in 1..999_usize, is_gzip in any::<bool>()) {
        let packed = if is_gzip { gzip(SEEDS[1].as_bytes()) } else { zstd(SEEDS[1].as_bytes()) };
        let cut = &packed[..(packed.len() * at / 1000).max(5)];
        let error = from_bytes("t", cut, OpenOptions::default()).expect_err("cut off").to_string();
        prop_assert!(error.ends_with("is broken or cut off: it ends too early; compress the trace again"), "{}", error);
    }
}

#[test]
fn all_forms_of_a_trace_say_the_same() {
    for seed in SEEDS {
        let document = seed.as_bytes().to_vec();
        let lines = as_lines(seed).into_bytes();
        let expected = said(&document);
        let half = lines.len() / 2;
        let members = [gzip(&lines[..half]), gzip(&lines[half..])].concat();
        let frames = [zstd(&lines[..half]), zstd(&lines[half..])].concat();
        for form in [gzip(&document), zstd(&document), gzip(&lines), zstd(&lines), lines, members, frames] {
            assert_eq!(said(&form), expected);
        }
    }
}

#[test]
fn what_is_nasty_is_refused_in_little_memory() {
    let refused = |bytes: Vec<u8>| match from_bytes("t", bytes, OpenOptions::default()) {
        Err(error) => error.to_string(),
        Ok(source) => source.survey().map_or_else(|errors| errors.to_string(), |_| String::new()),
    };
    let expected = "t: the file is empty; a trace is a JSON document such as {\"version\": 1}";
    assert_eq!(refused(Vec::new()), expected);
    assert_eq!(refused(gzip(b"")), expected);
    let expected = "t:1:1: not UTF-8 text; a trace is JSON in UTF-8, plain or compressed with gzip or zstd";
    assert_eq!(refused(vec![0xff, 0xfe, b'{', 0]), expected);
    // A line of 64 MiB packed into little.
    let long = gzip(&vec![b' '; 64 << 20]);
    assert!(refused(long).starts_with("t:1:1: the line is longer than 16 MiB"));
    let deep = format!("{{\"version\": 1, \"x-deep\": {}", "[".repeat(1 << 20));
    assert_eq!(refused(deep.into_bytes()), "t:1:153: not JSON: nested deeper than 128 levels; the limit is 128");
    let many = format!("{{\"version\": 1, {}}}", "\"a\": 1,".repeat(500));
    let errors =
        from_bytes("t", many.into_bytes(), OpenOptions::default()).expect("readable").survey().expect_err("broken");
    assert_eq!(errors.errors().len(), 1);
    let keys: Vec<_> = (0..500).map(|number| format!("\"k{number}\": 1")).collect();
    let many = format!("{{\"version\": 1, {}}}", keys.join(","));
    let errors =
        from_bytes("t", many.into_bytes(), OpenOptions::default()).expect("readable").survey().expect_err("broken");
    assert_eq!((errors.errors().len(), errors.is_complete()), (ERROR_LIMIT, false));
}
