//! What the tests of importers share.

use std::path::Path;

use super::{ImportError, ImportReport};
use crate::trace::{Action, OpenOptions, from_bytes};

type Imported = Result<(Vec<u8>, ImportReport), ImportError>;

/// Imports a table from a file of its own.
pub(super) fn table(
    text: &str,
    import: impl FnOnce(&Path, &mut Vec<u8>) -> Result<ImportReport, ImportError>,
) -> Imported {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("table.csv");
    std::fs::write(&path, text).expect("writable");
    let mut out = Vec::new();
    let report = import(&path, &mut out)?;
    Ok((out, report))
}

pub(super) fn error_of(result: Imported) -> String {
    result.expect_err("it is broken").to_string()
}

/// The tasks of a trace that the reader accepts: seconds, definition, count, name, group, milliseconds.
pub(super) fn fields(trace: &[u8]) -> Vec<String> {
    let source = from_bytes("t", trace, OpenOptions::default()).expect("readable");
    let survey = source.survey().unwrap_or_else(|errors| panic!("{errors}"));
    let events = source.events(&survey).expect("readable").map(|event| event.expect("sound"));
    let field = |event: crate::trace::Event| match event.action {
        Action::RunTask(run) => Some(format!(
            "{} {} x{} {} {} {}",
            crate::import::seconds::Seconds(event.at_ms),
            run.request.definition.core.family(),
            run.names.count(),
            run.names.id(),
            run.request.group.as_str(),
            run.duration_ms.map_or_else(|| "-".to_owned(), |duration| duration.to_string()),
        )),
        _ => None,
    };
    events.filter_map(field).collect()
}
