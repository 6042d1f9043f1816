//! The bytes of a trace: from a file, standard input or memory, as often as needed, unpacked by what they are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use ruzstd::decoding::FrameDecoder;

use super::error::{TraceError, TraceProblem};

/// Bytes that can be read from the start any number of times, also by several threads at once.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Memory(Arc<[u8]>),
    File(Arc<File>),
}

impl Input {
    /// Opens a file, or standard input for `-`. What can be read only once is copied to a temporary file without a name.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return copied(io::stdin().lock());
        }
        let file = File::open(path)?;
        let kind = file.metadata()?;
        if kind.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if kind.is_file() { Ok(Self::File(Arc::new(file))) } else { copied(file) }
    }

    /// The bytes as they are stored, from the start.
    fn stored(&self) -> Cursor {
        Cursor { input: self.clone(), at: 0 }
    }

    /// How many bytes are stored.
    pub(super) fn stored_len(&self) -> io::Result<u64> {
        match self {
            Self::Memory(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => Ok(file.metadata()?.len()),
        }
    }

    /// The bytes unpacked, from the start.
    pub(crate) fn reader(&self) -> io::Result<Unpacked> {
        let mut stored = BufReader::with_capacity(1 << 16, self.stored());
        let start = stored.fill_buf()?;
        if start.starts_with(&[0x1f, 0x8b]) {
            let reader = BufReader::with_capacity(1 << 16, GzipMembers::new(stored));
            return Ok(Unpacked { form: Some("gzip"), reader: Box::new(reader) });
        }
        if is_zstd(start) {
            let reader = BufReader::with_capacity(1 << 16, ZstdFrames { stored, frame: None, has_data: false });
            return Ok(Unpacked { form: Some("zstd"), reader: Box::new(reader) });
        }
        Ok(Unpacked { form: None, reader: Box::new(stored) })
    }
}

fn copied(mut from: impl Read) -> io::Result<Input> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut from, &mut file)?;
    file.flush()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(Input::File(Arc::new(file)))
}

/// Whether bytes start with a zstd frame, or with one that holds notes and is to be skipped.
fn is_zstd(start: &[u8]) -> bool {
    start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// A place in an input.
#[derive(Debug)]
struct Cursor {
    input: Input,
    at: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &self.input {
            Input::Memory(bytes) => {
                let start = usize::try_from(self.at).unwrap_or(usize::MAX).min(bytes.len());
                (&bytes[start..]).read(buffer)?
            }
            Input::File(file) => read_at(file, buffer, self.at)?,
        };
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

/// What follows packed data is not packed in the same form.
#[derive(Debug, thiserror::Error)]
#[error("something else follows the packed data")]
struct AfterPacked;

/// The members of a gzip file, one after another.
struct GzipMembers {
    decoder: flate2::bufread::MultiGzDecoder<BufReader<Cursor>>,
    has_data: bool,
}

impl GzipMembers {
    fn new(stored: BufReader<Cursor>) -> Self {
        Self { decoder: flate2::bufread::MultiGzDecoder::new(stored), has_data: false }
    }
}

impl Read for GzipMembers {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(buffer).map_err(|error| {
            // The decoder has no kind of error of its own for a member that does not start as one.
            let is_header = error.to_string().contains("invalid gzip header");
            if self.has_data && is_header { io::Error::other(AfterPacked) } else { error }
        })?;
        self.has_data |= count > 0;
        Ok(count)
    }
}

/// The frames of a zstd file, one after another.
struct ZstdFrames {
    stored: BufReader<Cursor>,
    has_data: bool,
    frame: Option<FrameDecoder>,
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use ruzstd::decoding::BlockDecodingStrategy::UptoBytes;
        loop {
            let is_done = |decoder: &FrameDecoder| decoder.can_collect() == 0 && decoder.is_finished();
            if self.frame.as_ref().is_none_or(is_done) && !self.next_frame()? {
                return Ok(0);
            }
            let Some(decoder) = &mut self.frame else { return Ok(0) };
            while decoder.can_collect() < buffer.len() && !decoder.is_finished() {
                decoder.decode_blocks(&mut self.stored, UptoBytes(buffer.len())).map_err(io::Error::other)?;
            }
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
        }
    }
}

impl ZstdFrames {
    /// Starts the next frame that holds data. False at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
        loop {
            if self.stored.fill_buf()?.is_empty() {
                return Ok(false);
            }
            let mut decoder = FrameDecoder::new();
            match decoder.init(&mut self.stored) {
                Ok(()) => {
                    self.frame = Some(decoder);
                    self.has_data = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.stored).take(u64::from(length)), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::BadMagicNumber(_)))
                    if self.has_data =>
                {
                    return Err(io::Error::other(AfterPacked));
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

/// A reader of unpacked bytes.
pub(crate) struct Unpacked {
    form: Option<&'static str>,
    reader: UnpackedReader,
}

impl Unpacked {
    /// Appends the bytes to the end of the line, but no more than `limit`.
    pub(super) fn read_line(&mut self, line: &mut Vec<u8>, limit: usize) -> Result<(), TraceProblem> {
        let read = (&mut self.reader).take(limit as u64).read_until(b'\n', line);
        read.map(drop).map_err(|error| read_problem(self.form, &error))
    }
}

pub(super) fn read_problem(form: Option<&'static str>, error: &io::Error) -> TraceProblem {
    match form {
        Some(form) if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<AfterPacked>) => {
            TraceProblem::AfterPacked { form }
        }
        Some(form) => {
            let problem = if ends_too_early(error) { "it ends too early".to_owned() } else { error.to_string() };
            TraceProblem::Compression { form, problem: problem.into() }
        }
        None => TraceProblem::Read(error.to_string().into()),
    }
}

/// Whether the end of the file is behind an error, however the decoder wraps it.
fn ends_too_early(error: &io::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        cause = match error.downcast_ref::<io::Error>() {
            Some(error) if error.kind() == io::ErrorKind::UnexpectedEof => return true,
            Some(error) => error.get_ref().map(|inner| inner as _),
            None => error.source(),
        };
    }
    false
}

/// The reader inside, for other formats than traces.
pub(crate) type UnpackedReader = Box<dyn BufRead + Send>;

impl Unpacked {
    /// The bytes as a reader of its own.
    pub(crate) fn into_reader(self) -> UnpackedReader {
        self.reader
    }
}

/// An error of the file as a whole.
pub(super) fn file_error(file: &Arc<str>, problem: TraceProblem) -> TraceError {
    TraceError { file: Arc::clone(file), place: None, problem }
}
