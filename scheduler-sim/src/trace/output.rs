//! Writes traces: the document or JSON Lines, as a stream, into a file that appears when it is complete.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::files::PendingFile;

/// Why a trace is not written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The name of the file does not tell how.
    #[error("`{file}`: the name of a trace ends in .json or .jsonl, and then in .gz if it is to be packed")]
    Name {
        /// The name.
        file: Box<str>,
    },
    /// It cannot be written.
    #[error("cannot write the trace: {0}")]
    Write(#[from] io::Error),
}

/// How a trace is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceForm {
    /// One document.
    Document,
    /// The document without events, then an event a line.
    Lines,
}

impl TraceForm {
    /// What a file's name asks for: `.json`, `.jsonl` or `.ndjson`, and whether it is packed: `.gz`.
    ///
    /// # Errors
    /// [`OutputError::Name`] for other names.
    pub fn of(path: &Path) -> Result<(Self, bool), OutputError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (stem, is_packed) = match name.strip_suffix(".gz") {
            Some(stem) => (stem, true),
            None => (&*name, false),
        };
        match stem.rsplit_once('.').map(|(_, extension)| extension) {
            Some("json") => Ok((Self::Document, is_packed)),
            Some("jsonl" | "ndjson") => Ok((Self::Lines, is_packed)),
            _ => Err(OutputError::Name { file: name.into() }),
        }
    }
}

/// Writes the parts of a trace in order: keys, then events.
#[derive(Debug)]
pub struct TraceWriter<W: Write> {
    out: W,
    form: TraceForm,
    in_list: bool,
    event_count: u64,
}

impl<W: Write> TraceWriter<W> {
    /// Starts a trace.
    ///
    /// # Errors
    /// As the writer has them.
    pub fn new(mut out: W, form: TraceForm) -> io::Result<Self> {
        out.write_all(b"{\"version\": 1")?;
        Ok(Self { out, form, in_list: false, event_count: 0 })
    }

    /// Writes a key of the document with its value.
    ///
    /// # Errors
    /// As the writer has them.
    pub fn key(&mut self, key: &str, value: &impl Serialize) -> io::Result<()> {
        self.out.write_all(self.break_between(b","))?;
        serde_json::to_writer(&mut self.out, key)?;
        self.out.write_all(b": ")?;
        Ok(serde_json::to_writer(&mut self.out, value)?)
    }

    /// Writes a key of the document whose value is a list, an element a line where the form allows.
    ///
    /// # Errors
    /// As the writer has them.
    pub fn list<T: Serialize>(&mut self, key: &str, elements: impl IntoIterator<Item = T>) -> io::Result<()> {
        self.out.write_all(self.break_between(b","))?;
        serde_json::to_writer(&mut self.out, key)?;
        self.out.write_all(b": [")?;
        for (index, element) in elements.into_iter().enumerate() {
            let separator = self.break_between(if index == 0 { b"" } else { b"," });
            self.out.write_all(separator)?;
            serde_json::to_writer(&mut self.out, &element)?;
        }
        self.out.write_all(b"]")
    }

    /// What stands between two parts of the document: in JSON Lines it is one line.
    fn break_between(&self, separator: &'static [u8]) -> &'static [u8] {
        match (self.form, separator) {
            (TraceForm::Document, b",") => b",\n",
            (TraceForm::Document, _) => b"\n",
            (TraceForm::Lines, b",") => b", ",
            (TraceForm::Lines, _) => b"",
        }
    }

    /// Writes the next event. No key may follow.
    ///
    /// # Errors
    /// As the writer has them.
    pub fn event(&mut self, event: &impl Serialize) -> io::Result<()> {
        self.start_events()?;
        if self.event_count > 0 && self.form == TraceForm::Document {
            self.out.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut self.out, event)?;
        if self.form == TraceForm::Lines {
            self.out.write_all(b"\n")?;
        }
        self.event_count += 1;
        Ok(())
    }

    fn start_events(&mut self) -> io::Result<()> {
        if self.in_list {
            return Ok(());
        }
        self.in_list = true;
        match self.form {
            TraceForm::Document => self.out.write_all(b",\n\"events\": [\n"),
            TraceForm::Lines => self.out.write_all(b"}\n"),
        }
    }

    /// How many events have been written.
    pub fn event_count(&self) -> u64 {
        self.event_count
    }

    /// Ends the trace.
    ///
    /// # Errors
    /// As the writer has them.
    pub fn finish(mut self) -> io::Result<W> {
        self.start_events()?;
        if self.form == TraceForm::Document {
            self.out.write_all(if self.event_count == 0 { b"]}\n" } else { b"\n]}\n" })?;
        }
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A trace file that appears under its name when it is complete, and otherwise not at all.
#[derive(Debug)]
pub struct OutputFile {
    writer: OutputWriter,
    form: TraceForm,
}

#[derive(Debug)]
enum OutputWriter {
    Plain(PendingFile),
    Packed(Box<GzEncoder<PendingFile>>),
}

impl OutputFile {
    /// Prepares a file; its name tells the form and whether it is packed.
    ///
    /// # Errors
    /// [`OutputError`] for a name that does not tell, or a folder that cannot be written to.
    pub fn create(path: &Path) -> Result<Self, OutputError> {
        let (form, is_packed) = TraceForm::of(path)?;
        let file = PendingFile::create(path)?;
        let writer = if is_packed {
            OutputWriter::Packed(Box::new(GzEncoder::new(file, Compression::fast())))
        } else {
            OutputWriter::Plain(file)
        };
        Ok(Self { writer, form })
    }

    /// The form that the name asks for.
    pub fn form(&self) -> TraceForm {
        self.form
    }

    /// Gives the complete file its name.
    ///
    /// # Errors
    /// [`OutputError::Write`] if what is left cannot be written.
    pub fn finish(self) -> Result<(), OutputError> {
        let file = match self.writer {
            OutputWriter::Plain(file) => file,
            OutputWriter::Packed(encoder) => encoder.finish()?,
        };
        file.keep()?;
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.writer {
            OutputWriter::Plain(file) => file.write(bytes),
            OutputWriter::Packed(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.writer {
            OutputWriter::Plain(file) => file.flush(),
            OutputWriter::Packed(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_to_write() {
        for (name, expected) in [
            ("a/day.json", Some((TraceForm::Document, false))),
            ("day.jsonl.gz", Some((TraceForm::Lines, true))),
            ("day.ndjson", Some((TraceForm::Lines, false))),
            ("day", None),
            ("day.gz", None),
            ("json", None),
        ] {
            assert_eq!(TraceForm::of(Path::new(name)).ok(), expected, "{name}");
        }
    }

    #[test]
    fn both_forms_are_traces() {
        for (form, count) in
            [(TraceForm::Document, 0), (TraceForm::Document, 2), (TraceForm::Lines, 0), (TraceForm::Lines, 2)]
        {
            let mut writer = TraceWriter::new(Vec::new(), form).expect("memory");
            writer.key("name", &"a").expect("memory");
            writer.list("taskDefinitions", [serde_json::json!({"family": "f", "memory": 1})]).expect("memory");
            for at in 0..count {
                let event = serde_json::json!({"atSeconds": at, "runTask": {"taskDefinition": "f"}});
                writer.event(&event).expect("memory");
            }
            let bytes = writer.finish().expect("memory");
            let source = crate::trace::from_bytes("t", bytes, crate::trace::OpenOptions::default()).expect("readable");
            assert_eq!(source.survey().expect("a trace").event_count, count);
        }
    }

    #[test]
    fn a_file_appears_only_when_it_is_complete() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.json.gz");
        let mut file = OutputFile::create(&path).expect("writable");
        let writer = TraceWriter::new(&mut file, TraceForm::Document).expect("writable");
        assert!(!path.exists());
        writer.finish().expect("writable");
        file.finish().expect("writable");
        let source = crate::trace::open(&path, crate::trace::OpenOptions::default()).expect("readable");
        assert!(source.survey().is_ok());
    }
}
