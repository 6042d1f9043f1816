//! A trace that is open: which form it has, and the two ways through it.

use std::path::Path;
use std::sync::Arc;

use super::error::{TraceError, TraceErrors, TraceProblem};
use super::events::{Events, EventsOf};
use super::input::{Input, file_error};
use super::lines::Lines;
use super::output::TraceForm;
use super::pieces::Pieces;
use super::place::Place;
use super::survey::{Survey, survey};

/// How a trace is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Unknown keys are warnings, not errors.
    pub lenient: bool,
}

impl OpenOptions {
    /// Unknown keys are warnings, not errors.
    pub fn lenient(mut self, lenient: bool) -> Self {
        self.lenient = lenient;
        self
    }
}

/// A trace that is open. Passes over it are independent of each other, and may run at the same time.
#[derive(Debug, Clone)]
pub struct Source {
    pub(super) file: Arc<str>,
    pub(super) title: Box<str>,
    pub(super) options: OpenOptions,
    pub(super) form: Form,
}

/// How the trace is written.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// One value, held in memory.
    Document { text: Arc<String>, sha256: Box<str> },
    /// A value a line, read as a stream.
    Lines(Input),
}

/// Opens a trace: a document or JSON Lines, plain or packed with gzip or zstd. `-` is standard input.
///
/// # Errors
/// [`TraceError`] if the file cannot be read or unpacked, is empty, or is no text. Whether it is a trace, the
/// [survey](Source::survey) finds out.
pub fn open(path: &Path, options: OpenOptions) -> Result<Source, TraceError> {
    let name = path.to_string_lossy();
    let file: Arc<str> = (&*name).into();
    let input = Input::open(path).map_err(|error| file_error(&file, TraceProblem::Read(error.to_string().into())))?;
    from_input(file, input, options)
}

/// A trace in memory; `name` stands for the file's.
///
/// # Errors
/// As [`open`].
pub fn from_bytes(name: &str, bytes: impl Into<Arc<[u8]>>, options: OpenOptions) -> Result<Source, TraceError> {
    from_input(name.into(), Input::Memory(bytes.into()), options)
}

fn from_input(file: Arc<str>, input: Input, options: OpenOptions) -> Result<Source, TraceError> {
    let mut lines = Lines::new(&input).map_err(|problem| file_error(&file, problem))?.digesting();
    let form = read_form(&mut lines, &input).map_err(|problem| error_at(&file, &lines, problem))?;
    let form = match form {
        Some(text) => Form::Document { text: Arc::new(text), sha256: lines.digest() },
        None => Form::Lines(input),
    };
    Ok(Source { title: title(&file).into(), file, options, form })
}

fn error_at(file: &Arc<str>, lines: &Lines, problem: TraceProblem) -> TraceError {
    match problem {
        TraceProblem::Empty | TraceProblem::Read(_) | TraceProblem::DocumentTooLarge { .. } => {
            file_error(file, problem)
        }
        problem => {
            let place = Place { file: Arc::clone(file), line: lines.number, column: lines.column };
            TraceError { file: Arc::clone(file), place: Some(place), problem }
        }
    }
}

/// The text of a document; `None` for JSON Lines, of which no more is read than it takes to tell.
fn read_form(lines: &mut Lines, input: &Input) -> Result<Option<String>, TraceProblem> {
    let stored = input.stored_len().map_err(|error| TraceProblem::Read(error.to_string().into()))?;
    let limit = DOCUMENT_LIMIT.max(stored.saturating_mul(PACKED_LIMIT));
    let mut text = lines.next()?.ok_or(TraceProblem::Empty)?.to_owned();
    let mut balance = Balance::default();
    let start = text.len() - without_mark(&text).len();
    let second = balance.feed(&text[start..]);
    if let Some(at) = second {
        return Err(second_value(lines, &text, start + at));
    }
    let may_be_lines = balance.is_closed;
    loop {
        let Some(line) = lines.next()? else {
            let is_empty = without_mark(&text).trim_ascii().is_empty();
            return if is_empty { Err(TraceProblem::Empty) } else { Ok(Some(text)) };
        };
        if let Some(at) = balance.feed(line) {
            if may_be_lines && !line[at..].starts_with(AFTER_VALUES) {
                return Ok(None);
            }
            let line = line.to_owned();
            return Err(second_value(lines, &line, at));
        }
        if text.len() as u64 + line.len() as u64 > limit {
            return Err(TraceProblem::DocumentTooLarge { limit });
        }
        text.push_str(line);
    }
}

/// What ends a value or separates two, but starts none.
const AFTER_VALUES: [char; 4] = [']', '}', ',', ':'];

/// Something follows the document, at a byte of the line.
fn second_value(lines: &mut Lines, line: &str, at: usize) -> TraceProblem {
    lines.column = line[..at].chars().count() as u64 + 1;
    if line[at..].starts_with(['{', '[']) { TraceProblem::SecondValue } else { TraceProblem::AfterDocument }
}

/// The largest document that is held in memory whatever the size of the file.
const DOCUMENT_LIMIT: u64 = 256 << 20;
/// Above that, how many times as large as the file a document may be.
const PACKED_LIMIT: u64 = 100;

/// The text without the mark that some editors put before UTF-8.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Follows brackets and quotes, to know where the first value ends.
#[derive(Debug, Default)]
struct Balance {
    depth: u64,
    in_text: bool,
    after_backslash: bool,
    is_closed: bool,
}

impl Balance {
    /// Goes on through a line. The byte, if there is one, at which something follows the first value, an object or a
    /// list.
    fn feed(&mut self, line: &str) -> Option<usize> {
        for (at, byte) in line.bytes().enumerate() {
            if self.after_backslash {
                self.after_backslash = false;
            } else if self.in_text {
                match byte {
                    b'"' => self.in_text = false,
                    b'\\' => self.after_backslash = true,
                    _ => {}
                }
            } else if self.is_closed {
                if !byte.is_ascii_whitespace() {
                    return Some(at);
                }
            } else {
                match byte {
                    b'"' => self.in_text = true,
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => {
                        self.depth = self.depth.saturating_sub(1);
                        self.is_closed = self.depth == 0;
                    }
                    _ => {}
                }
            }
        }
        None
    }
}

/// The file's name without folders; `-` is standard input.
fn title(file: &str) -> &str {
    file.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or(file)
}

impl Source {
    /// The file as it was named; `-` is standard input.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether unknown keys are warnings.
    pub(crate) fn is_lenient(&self) -> bool {
        self.options.lenient
    }

    /// Reads all of the trace, checks it, and gives what is known about it before a run.
    ///
    /// Memory: of a document as much as the document; of JSON Lines the first line, what it describes, the largest
    /// instant, and the names that stopTask mentions; of both up to 64 MiB of events, more of which are not kept but read
    /// again when they are asked for.
    ///
    /// # Errors
    /// [`TraceErrors`]: what is wrong with the trace, up to [`ERROR_LIMIT`](super::ERROR_LIMIT) of it.
    pub fn survey(&self) -> Result<Survey, TraceErrors> {
        survey(self)
    }

    /// The pieces that the trace is written of.
    ///
    /// # Errors
    /// [`TraceError`] if the file cannot be read again, or is no trace.
    pub fn pieces(&self) -> Result<Pieces, TraceError> {
        let pieces = match &self.form {
            Form::Document { text, .. } => Pieces::of_document(without_mark(text)),
            Form::Lines(input) => Pieces::of_lines(input),
        };
        pieces.map_err(|problem| file_error(&self.file, problem))
    }

    /// A trace of the first `count` events in the order in which they are played, as JSON Lines. Tasks keep the names that
    /// they have in the whole trace.
    ///
    /// # Errors
    /// [`TraceError`] if the file cannot be read again.
    pub fn first_events(&self, survey: &Survey, count: u64) -> Result<String, TraceError> {
        let mut pieces = self.pieces()?;
        pieces.name_tasks();
        let mut first = Vec::new();
        for event in self.events(survey)?.take(usize::try_from(count).unwrap_or(usize::MAX)) {
            let number = usize::try_from(event?.number).unwrap_or(usize::MAX);
            first.extend(pieces.events.get(number).cloned());
        }
        pieces.events = first;
        Ok(pieces.to_text(TraceForm::Lines))
    }

    /// The events in the order of time, rank and number. Call it once a run.
    ///
    /// # Errors
    /// [`TraceError`] if the file cannot be read again.
    pub fn events(&self, survey: &Survey) -> Result<Events, TraceError> {
        let events = match &self.form {
            Form::Document { text, .. } => EventsOf::document(Arc::clone(text), Arc::clone(&survey.index)),
            Form::Lines(input) => EventsOf::lines(input).map_err(|problem| file_error(&self.file, problem))?,
        };
        Ok(Events::new(events, survey.resolver.clone(), Arc::clone(&self.file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_file_name_without_folders() {
        for (file, expected) in [
            ("a/b/noname.json.gz", "noname.json.gz"),
            ("noname.json", "noname.json"),
            ("-", "-"),
            ("plain", "plain"),
            (r"c:\traces\day.json.zst", "day.json.zst"),
        ] {
            assert_eq!(title(file), expected);
        }
    }

    #[test]
    fn the_form_is_told_by_the_content() {
        let cases: [(&str, &str); 9] = [
            ("{\"version\":1}", "document"),
            ("{\"version\":1}\n\n", "document"),
            ("{\n\"version\":1}\n", "document"),
            ("{\"version\":1}\n{\"a\":\"}\"}\n", "lines"),
            ("{\"version\":1}\n\n{}", "lines"),
            ("{\"version\":1} {}", "a second value"),
            ("{\"a\":\n1}\n{}\n", "a second value"),
            ("", "the file is empty"),
            (" \n\n", "the file is empty"),
        ];
        for (text, expected) in cases {
            let form = match from_bytes("t", text.as_bytes(), OpenOptions::default()) {
                Ok(Source { form: Form::Document { .. }, .. }) => "document".to_owned(),
                Ok(_) => "lines".to_owned(),
                Err(error) => error.problem.to_string(),
            };
            assert!(form.starts_with(expected), "{text:?}: {form}");
        }
    }
}
